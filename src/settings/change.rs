//! What changes the layers: overrides by people here, values from head office, time. One transaction each.

use super::{Error, Fault, Setting, Settings, is_live, layers};
use crate::model::{Actor, Kind, Span, Timestamp};
use crate::store::settings::{self as rows, Above, Override};
use crate::store::{self, audit, journal};
use rusqlite::Transaction;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An override ends after this time when nothing else is said.
const USUAL: Span = Span::from_secs(24 * 3_600);
/// And after this time at the latest.
const LONGEST: Span = Span::from_secs(7 * 86_400);
/// Characters of a reason at most.
const REASON: usize = 200;

/// A value that somebody wants for a while.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The value.
    pub value: Value,
    /// Until when: 24 hours from now when absent, 7 days at most.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

impl Wish {
    /// What is wrong with it, its value aside.
    fn faults(&self, now: Timestamp) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut demand = |ok: bool, field: &str, message: &str| {
            if !ok {
                faults.push(Fault { key: field.to_owned(), message: message.to_owned() });
            }
        };
        let until = self.until.unwrap_or(now + USUAL);
        demand(until > now, "until", "must be in the future");
        demand(until <= now + LONGEST, "until", "must be at most 7 days ahead, for an override is for a while");
        demand((1..=REASON).contains(&self.reason.trim().chars().count()), "reason", "must have 1 to 200 characters");
        faults
    }
}

impl Settings {
    /// Sets `key` for a while. In effect when this returns. The error tells every fault of the wish.
    pub async fn set_for_a_while(&self, key: &str, wish: Wish, actor: Actor) -> Result<Setting, Error> {
        self.expect_live(key)?;
        let (this, named, now) = (self.clone(), key.to_owned(), self.0.clock.now());
        self.0.db.write(move |tx| this.put_override(tx, &named, &wish, &actor, now)).await?;
        self.catch_up().await?;
        self.get(key)
    }

    /// Ends the override of `key` before its time; what is below it is in effect when this returns.
    pub async fn end_override(&self, key: &str, actor: Actor) -> Result<Setting, Error> {
        self.expect_live(key)?;
        let (named, now) = (key.to_owned(), self.0.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let found = rows::layers(tx)?.overrides.remove(&named).filter(|over| over.until > now);
            let over = found.ok_or_else(|| Error::NotOverridden(named.clone()))?;
            rows::clear_override(tx, &named)?;
            let data = json!({"key": named, "what": "override_ended", "value": over.value, "until": over.until});
            Ok::<_, Error>(announce(tx, "settings.end_override", &named, &data, &actor, now)?)
        };
        self.0.db.write(change).await?;
        self.catch_up().await?;
        self.get(key)
    }

    fn expect_live(&self, key: &str) -> Result<(), Error> {
        if is_live(key) {
            return Ok(());
        }
        self.get(key)?;
        Err(Error::Fixed(key.to_owned()))
    }

    fn put_override(&self, tx: &Transaction<'_>, key: &str, wish: &Wish, actor: &Actor, now: Timestamp) -> Result<(), Error> {
        let mut faults = wish.faults(now);
        faults.extend(of_no_effect(tx, [key], now)?);
        let kept = rows::layers(tx)?;
        let (below, _) = layers::lay(&self.0.base.config, &layers::above(&kept, &[]));
        let (beside, _) = layers::lay(&below, &layers::overrides(&kept, now, &[key]));
        if let Err(wrong) = layers::with(&beside, &[(key, &wish.value)]) {
            faults.extend(wrong.into_iter().map(|fault| Fault { key: "value".to_owned(), ..fault }));
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let until = wish.until.unwrap_or(now + USUAL);
        let reason = wish.reason.trim().to_owned();
        let data = json!({"key": key, "what": "overridden", "value": wish.value, "until": until, "reason": reason});
        rows::put_override(tx, key, &Override { value: wish.value.clone(), until, actor: actor.to_text(), reason, at: now })?;
        Ok(announce(tx, "settings.override", key, &data, actor, now)?)
    }

    /// Keeps values from head office, all or none, as part of a transaction. They are in effect, but under an override, once
    /// that is committed and [`Settings::catch_up`] was called or the journal's head has moved. `cmd_id` names the order. The
    /// error tells every fault: a key that head office cannot set, a value of another type or out of range, values that do
    /// not go together.
    pub fn put_from_above(&self, tx: &Transaction<'_>, values: &[(String, Value)], cmd_id: &str, now: Timestamp) -> Result<(), Error> {
        let named: BTreeSet<&str> = values.iter().map(|(key, _)| key.as_str()).collect();
        if named.len() < values.len() {
            return Err(Error::Invalid(vec![Fault { key: String::new(), message: "a key is named twice".to_owned() }]));
        }
        let idle = of_no_effect(tx, named.iter().copied(), now)?;
        if !idle.is_empty() {
            return Err(Error::Invalid(idle));
        }
        let kept = rows::layers(tx)?;
        let named: Vec<&str> = named.into_iter().collect();
        let (beside, _) = layers::lay(&self.0.base.config, &layers::above(&kept, &named));
        let laid: Vec<(&str, &Value)> = values.iter().map(|(key, value)| (key.as_str(), value)).collect();
        layers::with(&beside, &laid).map_err(Error::Invalid)?;
        for (key, value) in values {
            rows::put_above(tx, key, &Above { value: value.clone(), cmd_id: cmd_id.to_owned(), at: now })?;
            let data = json!({"key": key, "what": "set_from_above", "value": value, "cmd_id": cmd_id});
            announce(tx, "settings.from_above", key, &data, &Actor::HeadOffice, now)?;
        }
        Ok(())
    }

    /// Forgets what head office sent for `keys`, all or none, as part of a transaction; a key for which it sent nothing is no
    /// fault. What is left from above and does not pass alone is set aside. The error names the keys that head office cannot set.
    pub fn clear_from_above(&self, tx: &Transaction<'_>, keys: &[String], cmd_id: &str, now: Timestamp) -> Result<(), Error> {
        let strange = keys.iter().filter(|key| !is_live(key));
        let faults: Vec<Fault> = strange.map(|key| Fault { key: key.clone(), message: layers::NOT_LIVE.to_owned() }).collect();
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        for key in keys {
            if rows::clear_above(tx, key)? {
                let data = json!({"key": key, "what": "cleared_from_above", "cmd_id": cmd_id});
                announce(tx, "settings.clear_from_above", key, &data, &Actor::HeadOffice, now)?;
            }
        }
        Ok(())
    }
}

/// Ends the overrides whose time is over.
pub(super) fn expire(tx: &Transaction<'_>, now: Timestamp) -> store::Result<()> {
    for (key, over) in rows::layers(tx)?.overrides.into_iter().filter(|(_, over)| over.until <= now) {
        rows::clear_override(tx, &key)?;
        let data = json!({"key": key, "what": "override_expired", "value": over.value, "until": over.until, "by": over.actor});
        announce(tx, "settings.override_expired", &key, &data, &Actor::System, now)?;
    }
    Ok(())
}

fn announce(tx: &Transaction<'_>, action: &str, key: &str, data: &Value, actor: &Actor, now: Timestamp) -> store::Result<()> {
    let data = data.to_string();
    let event = journal::NewEvent { at: now, kind: Kind::SettingsChanged, actor, booking: None, vehicle: None, data: &data };
    journal::append(tx, &event)?;
    audit::append(tx, now, actor, action, key, &data)
}

/// The keys of the flat tariff, once a version of the tariff is in effect: no price goes by them any more.
fn of_no_effect<'a>(tx: &Transaction<'_>, keys: impl IntoIterator<Item = &'a str>, now: Timestamp) -> store::Result<Vec<Fault>> {
    let Some(version) = store::tariffs::current(tx, now)?.into_iter().find(|v| v.starts_at <= now) else { return Ok(Vec::new()) };
    let message = format!("has no effect: prices go by version {} of the tariff; publish another one", version.version);
    let idle = keys.into_iter().filter(|key| key.starts_with("tariff."));
    Ok(idle.map(|key| Fault { key: key.to_owned(), message: message.clone() }).collect())
}

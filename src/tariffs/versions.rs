//! Versions of the tariff: made, listed, withdrawn. None is ever changed.

use super::{Error, Result, Tariffs, book};
use crate::fields::FieldError;
use crate::fields::document::{Document, Faults};
use crate::model::{Actor, Kind, Timestamp};
use crate::pricing::Tariff;
use crate::store::{self, audit, journal, tariffs as rows};
use rusqlite::{Connection, Transaction};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

/// A version to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TariffRequest)]
pub struct TariffInput {
    /// In effect from then on; at once when it is absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    /// What it says.
    pub tariff: Tariff,
}

impl Document for TariffInput {
    fn check(&self, faults: &mut Faults) {
        faults.within("tariff", |f| self.tariff.check(f));
    }
}

/// Where a version stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It has not begun.
    Coming,
    /// Quotes are made by it.
    InEffect,
    /// Another one has begun.
    Past,
    /// It was withdrawn before it began.
    Withdrawn,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coming => "coming",
            Self::InEffect => "in_effect",
            Self::Past => "past",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A version with where it stands.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its row; version 0, the flat tariff of the settings, has no row of its own.
    pub row: rows::Version,
    /// What it says.
    pub tariff: Tariff,
    /// Where it stands.
    pub state: State,
}

impl Tariffs {
    /// Makes a version that is in effect from `starts_at` on, or at once.
    pub async fn publish(&self, tariff: Tariff, starts_at: Option<Timestamp>, actor: Actor) -> Result<Version> {
        let (this, now) = (self.clone(), self.0.clock.now());
        self.0.db.write(move |tx| this.publish_in(tx, tariff, starts_at, &actor, now)).await
    }

    /// The same as part of a transaction.
    pub fn publish_in(
        &self,
        tx: &Transaction<'_>,
        tariff: Tariff,
        starts_at: Option<Timestamp>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Version> {
        let invalid = |field: &str, message| Err(Error::Invalid(vec![FieldError { field: field.to_owned(), message }]));
        let starts_at = starts_at.unwrap_or(now);
        if starts_at < now {
            return invalid("starts_at", format!("is over: it is {now} now, and what was quoted by then keeps its price"));
        }
        let book = self.book(tx)?;
        let missing: Vec<_> = tariff.zones_named().into_iter().filter(|zone| book.zones.get(zone).is_none()).collect();
        if !missing.is_empty() {
            return invalid("zones", format!("names zones that there are not: {}", missing.join(", ")));
        }
        let text = serde_json::to_string(&tariff).map_err(|e| store::Error::Corrupt(format!("a tariff has no JSON: {e}")))?;
        let row = rows::Version { version: 0, starts_at, tariff: text, made_by: actor.to_text(), made_at: now, withdrawn_at: None };
        let version = rows::insert(tx, &row)?;
        say(tx, "published", &format!("tariff {version}"), actor, now)?;
        let state = if starts_at > now { State::Coming } else { State::InEffect };
        Ok(Version { row: rows::Version { version, ..row }, tariff, state })
    }

    /// Withdraws a version that has not begun.
    pub async fn withdraw(&self, version: u32, actor: Actor) -> Result<()> {
        let now = self.0.clock.now();
        let change = move |tx: &Transaction<'_>| {
            if rows::get(tx, version)?.is_none() {
                return Err(Error::Unknown(format!("version {version} of the tariff")));
            }
            if !rows::withdraw(tx, version, now)? {
                return Err(Error::Refused(format!("version {version} has begun or was withdrawn before: publish another one instead")));
            }
            Ok(say(tx, "withdrawn", &format!("tariff {version}"), &actor, now)?)
        };
        self.0.db.write(change).await
    }

    /// A version; 0 is the flat tariff of the settings. `None` is the one in effect.
    pub async fn version(&self, version: Option<u32>) -> Result<Version> {
        let (this, now) = (self.clone(), self.0.clock.now());
        let ask = move |c: &Connection| {
            let current = this.book(c)?.in_effect(now).map_or(0, |(version, _)| version);
            match version.unwrap_or(current) {
                0 => Ok(this.of_settings(current)),
                version => {
                    let row = rows::get(c, version)?.ok_or_else(|| Error::Unknown(format!("version {version} of the tariff")))?;
                    shown(row, current, now)
                }
            }
        };
        self.0.db.read(ask).await
    }

    /// Up to `limit` versions before `before`, newest first; the last of all is that of the settings.
    pub async fn versions(&self, before: Option<u32>, limit: usize) -> Result<Vec<Version>> {
        let (this, now) = (self.clone(), self.0.clock.now());
        let ask = move |c: &Connection| {
            let current = this.book(c)?.in_effect(now).map_or(0, |(version, _)| version);
            let rows = rows::list(c, before.unwrap_or(u32::MAX), limit)?;
            let is_last = rows.len() < limit && before != Some(0);
            let mut found = rows.into_iter().map(|row| shown(row, current, now)).collect::<Result<Vec<_>>>()?;
            found.extend(is_last.then(|| this.of_settings(current)));
            Ok(found)
        };
        self.0.db.read(ask).await
    }

    fn of_settings(&self, current: u32) -> Version {
        let start = Timestamp::default();
        let row = rows::Version {
            version: 0,
            starts_at: start,
            tariff: String::new(),
            made_by: "settings".into(),
            made_at: start,
            withdrawn_at: None,
        };
        let state = if current == 0 { State::InEffect } else { State::Past };
        Version { row, tariff: Tariff::from(&self.0.settings.get().tariff), state }
    }
}

fn shown(row: rows::Version, current: u32, now: Timestamp) -> Result<Version> {
    let state = match row.withdrawn_at {
        Some(_) => State::Withdrawn,
        None if row.version == current => State::InEffect,
        None if row.starts_at > now => State::Coming,
        None => State::Past,
    };
    Ok(Version { tariff: book::parse(&row.tariff, "tariff")?, row, state })
}

/// Tells the journal and the audit record.
pub(super) fn say(tx: &Transaction<'_>, what: &str, object: &str, actor: &Actor, now: Timestamp) -> store::Result<()> {
    let (kind, data) = (Kind::TariffChanged, json!({"what": what, "object": object}).to_string());
    journal::append(tx, &journal::NewEvent { at: now, kind, actor, booking: None, vehicle: None, data: &data })?;
    audit::append(tx, now, actor, kind.as_str(), object, &data)
}

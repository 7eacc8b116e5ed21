//! What people do with rules of notifications.

use super::Post;
use super::catalogue::is_public;
use super::error::{Error, Result};
use super::said::Said;
use super::tell::as_if;
use super::template::Template;
use crate::config::Hours;
use crate::fields::FieldError;
use crate::model::{Actor, BookingId, Channel, Kind, MailAddress, Rule, RuleBody, Timestamp, Who, fits};
use crate::store::{self, audit, bookings, journal, rules};
use rusqlite::Transaction;
use serde_json::json;

/// Rules at most.
const MOST: usize = 100;
/// Fixed addresses of a rule at most.
pub const ADDRESSES: usize = 20;

/// What somebody wants of a rule.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What people call it.
    pub name: String,
    /// `false`: paused.
    pub enabled: bool,
    /// What it says.
    pub body: RuleBody,
}

impl Post {
    /// Every rule, by name.
    pub async fn rules(&self) -> Result<Vec<Rule>> {
        Ok(self.0.db.read(rules::all).await?)
    }

    /// The rule of an id.
    pub async fn rule(&self, id: &str) -> Result<Rule> {
        let id = id.to_owned();
        self.0.db.read(move |c| rules::get(c, &id)?.ok_or(Error::Unknown("rule"))).await
    }

    /// Adds a rule, which looks at what happens from now on.
    pub async fn add_rule(&self, wish: Wish, actor: Actor) -> Result<Rule> {
        self.check_rule(&wish.body)?;
        let (now, id) = (self.0.clock.now(), crate::auth::short_id()?);
        let change = move |tx: &Transaction<'_>| {
            if rules::all(tx)?.len() >= MOST {
                return Err(Error::field("name", format!("is one too many: {MOST} rules at most")));
            }
            let Wish { name, enabled, body } = wish;
            let made = Rule { id, name, enabled, body, since: journal::head(tx)?, created_at: now, version: 1 };
            rules::insert(tx, &made)?;
            announce(tx, "add", &made, &actor, now)?;
            Ok(made)
        };
        self.0.db.write(change).await
    }

    /// Changes a rule that still has `version` (any, when absent).
    pub async fn change_rule(
        &self,
        id: &str,
        wish: impl FnOnce(&Rule) -> Wish + Send + 'static,
        version: Option<u32>,
        actor: Actor,
    ) -> Result<Rule> {
        let (this, id, now) = (self.clone(), id.to_owned(), self.0.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let was = rules::get(tx, &id)?.ok_or(Error::Unknown("rule"))?;
            if version.is_some_and(|version| version != was.version) {
                return Err(Error::Stale(was.version));
            }
            let Wish { name, enabled, body } = wish(&was);
            if body != was.body {
                this.check_rule(&body)?;
            }
            let since = if enabled && !was.enabled { journal::head(tx)? } else { was.since };
            let next = Rule { name, enabled, body, since, version: was.version + 1, ..was };
            rules::update(tx, &next, now)?;
            announce(tx, "change", &next, &actor, now)?;
            Ok(next)
        };
        self.0.db.write(change).await
    }

    /// Takes a rule away, with what it collected.
    pub async fn remove_rule(&self, id: &str, actor: Actor) -> Result<()> {
        let (id, now) = (id.to_owned(), self.0.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let was = rules::get(tx, &id)?.ok_or(Error::Unknown("rule"))?;
            rules::delete(tx, &id)?;
            Ok(announce(tx, "remove", &was, &actor, now)?)
        };
        self.0.db.write(change).await
    }

    /// What a rule would say of a booking now; of the first of its events when `kind` names none.
    pub async fn preview(&self, body: RuleBody, booking: BookingId, kind: Option<Kind>) -> Result<Said> {
        self.check_rule(&body)?;
        let first = || Kind::ALL.into_iter().find(|kind| body.events.iter().any(|pattern| fits(pattern, *kind)));
        let kind = kind.or_else(first).unwrap_or(Kind::BookingPlaced);
        let (this, now) = (self.clone(), self.0.clock.now());
        let question = move |c: &rusqlite::Connection| {
            let booking = bookings::get(c, booking)?.ok_or(Error::Unknown("booking"))?;
            Ok(this.said(c, &body, &as_if(kind, &booking, now), now)?)
        };
        self.0.db.read(question).await
    }

    /// All that is wrong with a rule.
    fn check_rule(&self, body: &RuleBody) -> Result<()> {
        let mut wrong = Vec::new();
        let mut fault = |field: &str, message: String| wrong.push(FieldError { field: field.to_owned(), message });
        let strange = |pattern: &&String| !Kind::ALL.iter().any(|kind| is_public(*kind) && fits(pattern, *kind));
        match body.events.iter().find(strange) {
            Some(pattern) => fault("events", format!("{pattern:?} is no event that rules look at: see `webhooks` in /openapi.json")),
            None if body.events.is_empty() => fault("events", "must name at least one event".to_owned()),
            None => {}
        }
        if let Some((field, message)) = self.misfit(body) {
            fault(field, message);
        }
        for (field, text) in [("subject", &body.subject), ("text", &body.text)] {
            match Template::parse(text) {
                Err(why) => fault(field, why),
                Ok(template) if body.who == Who::Driver && template.has("booking.pin") => {
                    fault(field, "has {booking.pin}, which drivers are not to know: who waits for the load tells it them".to_owned());
                }
                Ok(_) => {}
            }
        }
        if body.channel == Channel::Mail && body.subject.is_empty() {
            fault("subject", "is missing: mail has one".to_owned());
        }
        if body.quiet.as_ref().is_some_and(|quiet| Hours::parse(&quiet.hours).is_none()) {
            fault("quiet.hours", "must be hours of the day, like 22:00-06:30".to_owned());
        }
        if body.digest_min.is_some() && body.channel != Channel::Mail {
            fault("digest_min", "goes with the channel mail only".to_owned());
        }
        if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
    }

    /// What of who, channel and addresses does not go together.
    fn misfit(&self, body: &RuleBody) -> Option<(&'static str, String)> {
        let says = |field, message: &str| Some((field, message.to_owned()));
        match (body.channel, body.who) {
            (Channel::Webhook, _) => {
                return says("channel", "must be message, push, mail or gateway: webhooks say themselves what they want to hear");
            }
            (Channel::Message | Channel::Push, Who::Driver | Who::Staff) => {}
            (Channel::Message | Channel::Push, _) => return says("who", "must be driver or staff with the channels message and push"),
            (_, Who::Staff) => return says("who", "must not be staff, who have the console; name their addresses"),
            _ => {}
        }
        if (body.who == Who::Addresses) == body.to.is_empty() {
            return says("to", "names addresses where who is addresses, and only there");
        }
        match body.channel {
            Channel::Mail => {
                if !self.can_mail() {
                    return says("channel", "no mail can be sent: the depot's settings name no mail server (smtp_url under [mail])");
                }
                let wrong = body.to.iter().enumerate().find_map(|(at, to)| Some((at, to.parse::<MailAddress>().err()?)));
                wrong.map(|(at, error)| ("to", format!("number {} {error}", at + 1)))
            }
            Channel::Gateway => {
                let known: Vec<&str> = self.0.config.gateways.iter().map(|gateway| gateway.name.as_str()).collect();
                let named = body.gateway.as_deref().is_some_and(|name| known.contains(&name));
                (!named)
                    .then(|| ("gateway", format!("must be one of those under [[notify.gateways]] in the settings: {}", known.join(", "))))
            }
            Channel::Message | Channel::Webhook | Channel::Push => None,
        }
    }
}

fn announce(tx: &Transaction<'_>, action: &str, rule: &Rule, actor: &Actor, at: Timestamp) -> store::Result<()> {
    let kind = Kind::NotificationsChanged;
    let data = json!({"action": action, "rule": rule.id, "name": rule.name, "enabled": rule.enabled, "body": rule.body}).to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: None, vehicle: None, data: &data })?;
    audit::append(tx, at, actor, kind.as_str(), &rule.id, &data)
}

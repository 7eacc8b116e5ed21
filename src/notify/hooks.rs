//! What people do with webhooks: add, change, pause, give a new secret, try out.

use super::catalogue::is_public;
use super::error::{Error, Result};
use super::webhook::new_secret;
use super::{Post, To};
use crate::model::{Actor, Channel, Event, Kind, Span, Timestamp, Webhook, WebhookState};
use crate::store::deliveries::{self, Message};
use crate::store::{self, audit, journal, webhooks};
use rusqlite::Transaction;
use serde_json::json;

/// Webhooks at most.
const MOST: usize = 100;
/// The kind of event that a trial is of.
pub const TRIAL: &str = "webhook.test";

/// What somebody wants of a webhook.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What people call it.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// What it wants to hear of; empty for everything.
    pub events: Vec<String>,
    /// `false`: paused.
    pub enabled: bool,
}

impl Post {
    /// Every webhook, by name.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>> {
        Ok(self.0.db.read(webhooks::all).await?)
    }

    /// The webhook of an id.
    pub async fn webhook(&self, id: &str) -> Result<Webhook> {
        let id = id.to_owned();
        self.0.db.read(move |c| webhooks::get(c, &id)?.ok_or(Error::Unknown("webhook"))).await
    }

    /// Adds a webhook, which hears of what happens from now on; gives it with its secret, which nobody is told again.
    pub async fn add_webhook(&self, wish: Wish, actor: Actor) -> Result<(Webhook, String)> {
        self.check_webhook(&wish)?;
        let (now, id, (bytes, shown)) = (self.0.clock.now(), crate::auth::short_id()?, new_secret()?);
        let sealed = self.0.seal.seal(&bytes)?;
        let change = move |tx: &Transaction<'_>| {
            if webhooks::all(tx)?.len() >= MOST {
                return Err(Error::field("url", format!("is one too many: {MOST} webhooks at most")));
            }
            let Wish { name, url, events, enabled } = wish;
            let state = if enabled { WebhookState::On } else { WebhookState::Paused };
            let (since, version) = (journal::head(tx)?, 1);
            let made = Webhook { id, name, url, events, state, reason: None, failing_since: None, since, created_at: now, version };
            webhooks::insert(tx, &made, &sealed)?;
            announce(tx, "add", &made, &actor, now)?;
            Ok(made)
        };
        Ok((self.0.db.write(change).await?, shown))
    }

    /// Changes a webhook that still has `version` (any, when absent). One that is told again hears of what happens from then on.
    pub async fn change_webhook(
        &self,
        id: &str,
        wish: impl FnOnce(&Webhook) -> Wish + Send + 'static,
        version: Option<u32>,
        actor: Actor,
    ) -> Result<Webhook> {
        let (this, id, now) = (self.clone(), id.to_owned(), self.0.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let was = webhooks::get(tx, &id)?.ok_or(Error::Unknown("webhook"))?;
            if version.is_some_and(|version| version != was.version) {
                return Err(Error::Stale(was.version));
            }
            let wish = wish(&was);
            this.check_webhook(&wish)?;
            let mut next = Webhook { name: wish.name, url: wish.url, events: wish.events, version: was.version + 1, ..was };
            match (wish.enabled, next.state) {
                (true, WebhookState::Paused | WebhookState::Disabled) => {
                    (next.state, next.reason, next.failing_since, next.since) = (WebhookState::On, None, None, journal::head(tx)?);
                }
                (false, WebhookState::On) => next.state = WebhookState::Paused,
                _ => {}
            }
            webhooks::update(tx, &next, now)?;
            announce(tx, "change", &next, &actor, now)?;
            Ok(next)
        };
        let changed = self.0.db.write(change).await;
        self.wake();
        changed
    }

    /// Takes a webhook away; what waits for it is given up.
    pub async fn remove_webhook(&self, id: &str, actor: Actor) -> Result<()> {
        let (id, now) = (id.to_owned(), self.0.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let was = webhooks::get(tx, &id)?.ok_or(Error::Unknown("webhook"))?;
            webhooks::delete(tx, &id)?;
            deliveries::give_up(tx, &was.endpoint(), Timestamp::from_millis(i64::MAX), "the webhook was taken away", now)?;
            Ok(announce(tx, "remove", &was, &actor, now)?)
        };
        self.0.db.write(change).await
    }

    /// Gives a webhook another secret, which nobody is told again; the one before signs too until then.
    pub async fn rotate_webhook(&self, id: &str, actor: Actor) -> Result<(Webhook, String, Timestamp)> {
        let (id, now, (bytes, shown)) = (id.to_owned(), self.0.clock.now(), new_secret()?);
        let (sealed, until) = (self.0.seal.seal(&bytes)?, now + Span::from_secs(i64::from(self.0.config.rotate_h) * 3_600));
        let change = move |tx: &Transaction<'_>| {
            let was = webhooks::get(tx, &id)?.ok_or(Error::Unknown("webhook"))?;
            webhooks::rotate(tx, &id, &sealed, until)?;
            announce(tx, "rotate", &was, &actor, now)?;
            Ok::<_, Error>(was)
        };
        Ok((self.0.db.write(change).await?, shown, until))
    }

    /// Sends a webhook something to try it out.
    pub async fn try_webhook(&self, id: &str) -> Result<crate::model::Delivery> {
        let (this, id, now) = (self.clone(), id.to_owned(), self.0.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let webhook = webhooks::get(tx, &id)?.ok_or(Error::Unknown("webhook"))?;
            if webhook.state != WebhookState::On {
                return Err(Error::Conflict(format!("it is {}: enable it first", webhook.state.as_str())));
            }
            let body = json!({"type": TRIAL, "timestamp": now, "data": {"webhook_id": webhook.id}}).to_string();
            let message = Message { subject: TRIAL.to_owned(), body };
            let mut ids = this.put(tx, &message, &[to(&webhook, None, now)], now)?;
            let made = ids.pop().map(|id| deliveries::get(tx, id)).transpose()?.flatten();
            made.ok_or(Error::Unknown("delivery"))
        };
        let made = self.0.db.write(change).await?;
        self.wake();
        Ok(made)
    }

    fn check_webhook(&self, wish: &Wish) -> Result<()> {
        self.0.http.reach().look(&wish.url).map_err(|why| Error::field("url", why))?;
        let strange = |pattern: &&String| !Kind::ALL.iter().any(|kind| is_public(*kind) && crate::model::fits(pattern, *kind));
        if let Some(pattern) = wish.events.iter().find(strange) {
            return Err(Error::field("events", format!("{pattern:?} is no event that webhooks hear of: see `webhooks` in /openapi.json")));
        }
        Ok(())
    }

    /// Puts what `event` says into the queue of every webhook that wants to hear of it.
    pub(super) fn tell_webhooks(&self, tx: &Transaction<'_>, event: &Event, all: &[Webhook], now: Timestamp) -> store::Result<()> {
        let wants = |hook: &&Webhook| hook.state == WebhookState::On && event.seq > hook.since && hook.wants(event.kind);
        let to: Vec<To> = all.iter().filter(wants).map(|hook| to(hook, Some(event), now)).collect();
        if to.is_empty() || !is_public(event.kind) {
            return Ok(());
        }
        let body = super::catalogue::told(event).map_err(|e| store::Error::Corrupt(format!("the journal's entry {}: {e}", event.seq)))?;
        self.put(tx, &Message { subject: event.kind.as_str().to_owned(), body }, &to, now)?;
        Ok(())
    }
}

fn to(hook: &Webhook, event: Option<&Event>, now: Timestamp) -> To {
    To {
        channel: Channel::Webhook,
        endpoint: hook.endpoint(),
        recipient: String::new(),
        booking: event.and_then(|event| event.booking),
        event: event.map(|event| event.seq),
        rule: None,
        at: now,
    }
}

/// Writes down that an attempt was well, or how it failed: one that is gone, or failed since before `oldest`, is told no more.
pub(super) fn heard(tx: &Transaction<'_>, id: &str, failed: Option<(&str, bool)>, oldest: Timestamp, now: Timestamp) -> store::Result<()> {
    let Some((why, is_gone)) = failed else { return webhooks::went_well(tx, id) };
    let since = webhooks::went_wrong(tx, id, now)?;
    if is_gone || since.is_some_and(|since| since < oldest) {
        let Some(hook) = webhooks::get(tx, id)?.filter(|hook| hook.state == WebhookState::On) else { return Ok(()) };
        let next = Webhook { state: WebhookState::Disabled, reason: Some(why.to_owned()), version: hook.version + 1, ..hook };
        webhooks::update(tx, &next, now)?;
        announce(tx, "disable", &next, &Actor::System, now)?;
    }
    Ok(())
}

fn announce(tx: &Transaction<'_>, action: &str, hook: &Webhook, actor: &Actor, at: Timestamp) -> store::Result<()> {
    let kind = Kind::NotificationsChanged;
    // The rest of the URL may be what lets somebody in, and the journal goes to head office.
    let host = hook.url.parse::<reqwest::Url>().ok().and_then(|url| url.host_str().map(str::to_owned));
    let data = json!({"action": action, "webhook": hook.id, "name": hook.name, "host": host, "events": hook.events, "state": hook.state});
    let data = data.to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: None, vehicle: None, data: &data })?;
    audit::append(tx, at, actor, kind.as_str(), &hook.id, &data)
}

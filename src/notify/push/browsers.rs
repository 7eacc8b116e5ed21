//! Browsers and who subscribed them.

use super::aes128gcm::Keys;
use crate::auth::{self, Role};
use crate::model::{Actor, Channel, Event, Timestamp, To, Who};
use crate::notify::words::Facts;
use crate::notify::{Error, Post, error::Result};
use crate::store::subscriptions::{self, Subscription};
use crate::store::{self, audit};
use reqwest::Url;
use rusqlite::{Connection, Transaction};
use serde_json::json;

/// Browsers of one user at most; one more, and the oldest goes.
const MOST: usize = 10;
/// Those at the console.
const STAFF: [&str; 3] = [Role::Admin.as_str(), Role::Dispatcher.as_str(), Role::Viewer.as_str()];

/// A browser that wants to be told.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where its push service takes it.
    pub endpoint: String,
    /// Its public key, in base64url.
    pub p256dh: String,
    /// Its authentication secret, in base64url.
    pub auth: String,
}

impl Post {
    /// The depot's public key, which browsers subscribe with; made when it is asked for first.
    pub fn push_key(&self) -> Result<String> {
        Ok(self.0.vapid.public()?)
    }

    /// Tells a browser from now on, for as long as the session of `user` with that `secret` goes on; a session has one browser.
    pub async fn subscribe(&self, user: &str, secret: &str, wish: Wish) -> Result<()> {
        let Wish { endpoint, p256dh, auth } = wish;
        self.0.http.reach().look(&endpoint).map_err(|why| Error::field("endpoint", why))?;
        Keys::parse(&p256dh, &auth).map_err(|(key, why)| Error::field(&format!("keys.{key}"), why))?;
        let made = Subscription { id: auth::short_id()?, user: user.to_owned(), endpoint, p256dh, auth, depot_key: self.push_key()? };
        let (session, now) = (auth::session_hash(secret), self.0.clock.now());
        let change = move |tx: &Transaction<'_>| {
            if subscriptions::put(tx, &session, &made, now)? {
                subscriptions::trim(tx, &made.user, MOST)?;
                let detail = json!({"host": host(&made.endpoint)}).to_string();
                audit::append(tx, now, &Actor::User(made.user.clone()), "push.subscribe", &made.user, &detail)?;
            }
            Ok(())
        };
        self.0.db.write(change).await
    }

    /// Tells the browser of a session nothing more.
    pub async fn unsubscribe(&self, secret: &str) -> Result<()> {
        let session = auth::session_hash(secret);
        Ok(self.0.db.write(move |tx| subscriptions::delete_of(tx, &session)).await?)
    }
}

/// The browsers of whom a rule tells, as the queue names them.
pub fn recipients(c: &Connection, who: Who, facts: &Facts) -> store::Result<Vec<String>> {
    let user = facts.driver.as_ref().and_then(|driver| driver.user.as_deref());
    let browsers = match (who, user) {
        (Who::Staff, _) => subscriptions::of_roles(c, &STAFF)?,
        (Who::Driver, Some(user)) => subscriptions::of_user(c, user)?,
        _ => Vec::new(),
    };
    Ok(browsers.iter().map(name).collect())
}

/// How the queue names a browser: whose it is, and its id.
fn name(browser: &Subscription) -> String {
    format!("{}:{}", browser.user, browser.id)
}

/// The browser that the queue names; `None`: it is not subscribed any more.
pub fn named(c: &Connection, recipient: &str) -> store::Result<Option<Subscription>> {
    subscriptions::get(c, id(recipient))
}

/// Forgets the browser that the queue names.
pub fn forget(tx: &Transaction<'_>, recipient: &str) -> store::Result<()> {
    subscriptions::delete(tx, id(recipient))
}

fn id(recipient: &str) -> &str {
    recipient.rsplit_once(':').map_or(recipient, |(_, id)| id)
}

/// The endpoint through which the browser of that name is told: its push service.
pub fn endpoint(c: &Connection, recipient: &str) -> store::Result<String> {
    Ok(format!("push:{}", named(c, recipient)?.map(|browser| host(&browser.endpoint)).unwrap_or_default()))
}

/// A delivery to a browser.
pub fn to(browser: &Subscription, event: &Event, at: Timestamp) -> To {
    To {
        channel: Channel::Push,
        endpoint: format!("push:{}", host(&browser.endpoint)),
        recipient: name(browser),
        booking: event.booking,
        event: Some(event.seq),
        rule: None,
        at,
    }
}

/// The push service, without what makes the URL a secret.
fn host(endpoint: &str) -> String {
    endpoint.parse::<Url>().map(|url| url.authority().to_owned()).unwrap_or_default()
}

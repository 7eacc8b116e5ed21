//! Console sessions: an opaque secret in a cookie, kept hashed.

use super::{Auth, Error, Result, Role, Who, secrets};
use crate::model::{Actor, Span, Timestamp};
use crate::ops::network::Network;
use crate::store::{self, audit, sessions, users};
use std::net::IpAddr;

/// A session that was not used for this long is over.
const IDLE: Span = Span::from_secs(12 * 3_600);
/// A session is over after this, however much it is used.
const ABSOLUTE: Span = Span::from_secs(7 * 86_400);
/// Use is noted so often at most.
const NOTED: Span = Span::from_secs(60);

/// A session that was opened.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Who it is.
    pub who: Who,
    /// The cookie's secret; kept nowhere else.
    pub secret: String,
}

/// The hash by which the session of a secret is known.
pub fn session_hash(secret: &str) -> String {
    secrets::digest(secret.as_bytes())
}

pub(super) struct Fresh {
    user: String,
    secret: String,
}

impl Fresh {
    pub(super) fn new(user: &str) -> Result<Self> {
        Ok(Self { user: user.to_owned(), secret: secrets::secret()? })
    }
    pub(super) fn opened(&self, role: Role, customer: Option<String>) -> Opened {
        Opened { who: person(&self.user, role, customer), secret: self.secret.clone() }
    }
    pub(super) fn insert(&self, tx: &rusqlite::Transaction<'_>, from: Network, now: Timestamp) -> Result<()> {
        sessions::insert(tx, &secrets::digest(self.secret.as_bytes()), &self.user, now)?;
        let detail = serde_json::json!({ "network": from.to_string() }).to_string();
        Ok(audit::append(tx, now, &Actor::User(self.user.clone()), "session.open", &self.user, &detail)?)
    }
}

fn person(name: &str, role: Role, customer: Option<String>) -> Who {
    Who { role, name: name.to_owned(), scopes: Vec::new(), by_token: false, customer }
}

impl Auth {
    /// Signs in from `address`. Failures slow the next tries down; an unknown name costs as much time as a wrong password.
    pub async fn login(&self, name: &str, password: &str, address: IpAddr) -> Result<Opened> {
        let from = Network::from(address);
        let wait = self.0.throttle.wait(name, from, self.0.clock.monotonic());
        if !wait.is_zero() {
            return Err(Error::TooMany { retry_after_s: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1) });
        }
        let _place = self.0.hasher.queue()?;
        // Counted before the slow hash, so that tries sent side by side count too.
        self.0.throttle.failed(name, from, self.0.clock.monotonic());
        let wanted = name.to_owned();
        let user = self.0.db.read(move |c| users::get(c, &wanted)).await?;
        let matches = match &user {
            Some(user) => self.0.hasher.matches(password.as_bytes().to_vec(), user.password_hash.clone()).await?,
            None => self.0.hasher.hash(password.to_owned()).await.map(|_| false)?,
        };
        let role = user.as_ref().and_then(|u| Role::parse(&u.role));
        match (user, role) {
            (Some(user), Some(role)) if matches && !user.disabled && role.signs_in() => {
                self.0.throttle.succeeded(name, from);
                self.open_session(&user.name, role, user.customer, from).await
            }
            (user, _) => {
                self.sign_in_failed(user.as_ref().map(|u| u.name.as_str()), from).await;
                Err(Error::Refused("the name and the password do not go together, or the user is disabled"))
            }
        }
    }

    pub(super) async fn open_session(&self, name: &str, role: Role, customer: Option<String>, from: Network) -> Result<Opened> {
        self.tell_failures().await;
        let (fresh, now) = (Fresh::new(name)?, self.now());
        let opened = fresh.opened(role, customer);
        self.0.db.write(move |tx| fresh.insert(tx, from, now)).await?;
        Ok(opened)
    }

    /// Whose session this secret opens; `None` when it is none or over.
    pub async fn session(&self, secret: &str) -> Result<Option<Who>> {
        let (hash, now) = (secrets::digest(secret.as_bytes()), self.now());
        let wanted = hash.clone();
        let question = move |c: &rusqlite::Connection| {
            let Some(session) = sessions::get(c, &wanted)? else { return Ok(None) };
            Ok::<_, store::Error>(users::get(c, &session.user)?.map(|user| (session, user)))
        };
        let Some((session, user)) = self.0.db.read(question).await? else { return Ok(None) };
        let over = now - session.seen_at > IDLE || now - session.created_at > ABSOLUTE;
        let Some(role) = Role::parse(&user.role).filter(|_| !over && !user.disabled) else { return Ok(None) };
        if now - session.seen_at > NOTED {
            self.0.db.write(move |tx| sessions::touch(tx, &hash, now)).await?;
        }
        Ok(Some(person(&user.name, role, user.customer)))
    }

    /// Ends the session.
    pub async fn logout(&self, secret: &str) -> Result<()> {
        let (hash, now) = (secrets::digest(secret.as_bytes()), self.now());
        let end = move |tx: &rusqlite::Transaction<'_>| match sessions::delete(tx, &hash)? {
            Some(user) => audit::append(tx, now, &Actor::User(user.clone()), "session.close", &user, "{}"),
            None => Ok(()),
        };
        Ok(self.0.db.write(end).await?)
    }

    /// Drops sessions that are over, and writes down the failures of late.
    pub async fn purge(&self, now: Timestamp) -> Result<()> {
        self.tell_failures().await;
        self.0.db.write(move |tx| sessions::purge(tx, now - ABSOLUTE, now - IDLE)).await.map(|_| ()).map_err(|e: store::Error| e.into())
    }
}

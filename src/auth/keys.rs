//! One-time keys: the set-up link of the first start, the demo's sign-in.

use super::{Auth, Error, Opened, Result, Role, passwords, secrets, sessions, users};
use crate::model::{Actor, Span};
use crate::ops::network::Network;
use crate::store::keys;
use std::net::IpAddr;

const SETUP: &str = "setup";
const DEMO: &str = "demo";
/// The set-up link holds this long.
const SETUP_HOLDS: Span = Span::from_secs(1_800);
/// The demo's user.
const DEMO_USER: &str = "demo";

impl Auth {
    /// Is there no administrator who may sign in?
    pub async fn setup_needed(&self) -> Result<bool> {
        Ok(self.0.db.read(|c| crate::store::users::active_with_role(c, Role::Admin.as_str())).await? == 0)
    }

    /// A new token for the set-up link, good for 30 minutes; `None` when there is an administrator already.
    pub async fn setup_token(&self) -> Result<Option<String>> {
        if !self.setup_needed().await? {
            return Ok(None);
        }
        self.key(SETUP, SETUP_HOLDS).await.map(Some)
    }

    /// Makes the first admin and signs in from `address`, once.
    pub async fn set_up(&self, token: &str, name: &str, password: &str, address: IpAddr) -> Result<Opened> {
        users::check_name(name)?;
        passwords::check(password, name)?;
        let (now, hash, from) = (self.now(), secrets::digest(token.as_bytes()), Network::from(address));
        if !self.0.db.read(move |c| keys::holds(c, SETUP, &hash, now)).await? {
            self.sign_in_failed(None, from).await;
            return Err(Error::Refused("the set-up link is used up or too old; restart depotd to get a new one"));
        }
        let user = users::row(name, (Role::Admin, None), self.0.hasher.hash(password.to_owned()).await?, now);
        let session = sessions::Fresh::new(name)?;
        let opened = session.opened(Role::Admin, None);
        let change = move |tx: &rusqlite::Transaction<'_>| {
            if crate::store::users::active_with_role(tx, Role::Admin.as_str())? > 0 {
                return Err(Error::Conflict("there is an administrator already; sign in".into()));
            }
            users::insert(tx, &user, &Actor::System, now)?;
            keys::delete(tx, SETUP)?;
            session.insert(tx, from, now)
        };
        self.0.db.write(change).await?;
        Ok(opened)
    }

    /// A key that signs in once as an admin called `demo`, whose password nobody knows.
    pub async fn demo_key(&self) -> Result<String> {
        let (now, password) = (self.now(), secrets::secret()?);
        let user = users::row(DEMO_USER, (Role::Admin, None), self.0.hasher.hash(password).await?, now);
        let change = move |tx: &rusqlite::Transaction<'_>| match users::insert(tx, &user, &Actor::System, now) {
            Err(Error::Exists(_)) => Ok(()),
            other => other,
        };
        self.0.db.write(change).await?;
        self.key(DEMO, Span::from_secs(86_400)).await
    }

    /// Signs in from `address` with the demo's key. It holds for the life of the demo, so that a reload or a second window works.
    pub async fn login_with_key(&self, key: &str, address: IpAddr) -> Result<Opened> {
        let (now, hash, from) = (self.now(), secrets::digest(key.as_bytes()), Network::from(address));
        if !self.0.db.read(move |c| keys::holds(c, DEMO, &hash, now)).await? {
            self.sign_in_failed(None, from).await;
            return Err(Error::Refused("this key is not valid; use the link that the demo printed"));
        }
        self.open_session(DEMO_USER, Role::Admin, None, from).await
    }

    async fn key(&self, purpose: &'static str, holds: Span) -> Result<String> {
        let (key, now) = (secrets::secret()?, self.now());
        let hash = secrets::digest(key.as_bytes());
        self.0.db.write(move |tx| keys::put(tx, purpose, &hash, now + holds)).await?;
        Ok(key)
    }
}

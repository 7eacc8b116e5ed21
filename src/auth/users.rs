//! Users: people who sign in at the console.

use super::{Auth, Error, Result, Role, announce, passwords};
use crate::model::{Actor, Kind, Timestamp};
use crate::store::{sessions, users};
use rusqlite::Transaction;

/// A user, without its password.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// May not sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What is to be changed of a user; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Another role.
    pub role: Option<Role>,
    /// May it sign in?
    pub disabled: Option<bool>,
    /// Another password.
    pub password: Option<String>,
}

pub(super) fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(fits) {
        return Err(Error::field("name", "must have 1 to 64 letters, digits, '.', '_', '-' or '@'"));
    }
    Ok(())
}

pub(super) fn row(name: &str, role: Role, password_hash: String, now: Timestamp) -> users::Row {
    users::Row { name: name.to_owned(), role: role.as_str().to_owned(), password_hash, disabled: false, created_at: now }
}

pub(super) fn insert(tx: &Transaction<'_>, user: &users::Row, actor: &Actor, now: Timestamp) -> Result<()> {
    if !users::insert(tx, user)? {
        return Err(Error::Exists(format!("user {}", user.name)));
    }
    Ok(announce(tx, now, actor, Kind::AccessChanged, "user.add", &user.name)?)
}

fn shown(row: users::Row) -> Result<User> {
    let role = Role::parse(&row.role).ok_or_else(|| Error::Internal(format!("user {} has the role {:?}", row.name, row.role)))?;
    Ok(User { name: row.name, role, disabled: row.disabled, created_at: row.created_at })
}

impl Auth {
    /// Adds a user. Without a `password` one is made up and given back.
    pub async fn add_user(&self, name: &str, role: Role, password: Option<String>, actor: Actor) -> Result<(User, Option<String>)> {
        check_name(name)?;
        if !role.signs_in() {
            return Err(Error::field("role", "must be admin, dispatcher, viewer or driver"));
        }
        let made_up = if password.is_none() { Some(super::secrets::secret()?) } else { None };
        if let Some(password) = &password {
            passwords::check(password, name)?;
        }
        let Some(secret) = password.or_else(|| made_up.clone()) else { return Err(Error::Internal("no password".into())) };
        let now = self.now();
        let user = row(name, role, self.0.hasher.hash(secret).await?, now);
        let kept = user.clone();
        self.0.db.write(move |tx| insert(tx, &user, &actor, now)).await?;
        Ok((shown(kept)?, made_up))
    }

    /// Everybody, by name.
    pub async fn users(&self) -> Result<Vec<User>> {
        self.0.db.read(users::list).await?.into_iter().map(shown).collect()
    }

    /// Changes a user; its sessions end. The last admin stays one.
    pub async fn change_user(&self, name: &str, change: UserChange, actor: Actor) -> Result<User> {
        let hash = match change.password {
            Some(password) => {
                passwords::check(&password, name)?;
                Some(self.0.hasher.hash(password).await?)
            }
            None => None,
        };
        if change.role.is_some_and(|r| !r.signs_in()) {
            return Err(Error::field("role", "must be admin, dispatcher, viewer or driver"));
        }
        let (name, now) = (name.to_owned(), self.now());
        let edit = Edit { role: change.role, disabled: change.disabled, hash };
        shown(self.0.db.write(move |tx| edit.run(tx, &name, &actor, now)).await?)
    }

    /// The hash of a password that nobody knows, for a user who is to get one later.
    pub async fn unknown_password(&self) -> Result<String> {
        self.0.hasher.hash(super::secrets::secret()?).await
    }
}

/// What is to be changed of a user, its password hashed.
struct Edit {
    role: Option<Role>,
    disabled: Option<bool>,
    hash: Option<String>,
}

impl Edit {
    fn run(self, tx: &Transaction<'_>, name: &str, actor: &Actor, now: Timestamp) -> Result<users::Row> {
        let Some(mut user) = users::get(tx, name)? else { return Err(Error::Unknown(format!("user {name}"))) };
        let ruled = !user.disabled && user.role == Role::Admin.as_str();
        user.role = self.role.map_or(user.role, |r| r.as_str().to_owned());
        user.disabled = self.disabled.unwrap_or(user.disabled);
        user.password_hash = self.hash.unwrap_or(user.password_hash);
        users::update(tx, &user)?;
        if ruled && users::active_with_role(tx, Role::Admin.as_str())? == 0 {
            return Err(Error::LastAdmin(user.name));
        }
        sessions::delete_of(tx, &user.name)?;
        announce(tx, now, actor, Kind::AccessChanged, "user.change", &user.name)?;
        Ok(user)
    }
}

/// A user as head office wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WantedUser {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// May it sign in? As before, or yes, when that is not said.
    pub disabled: Option<bool>,
    /// The hash of its password, Argon2id in PHC form; `None`: as before.
    pub password_hash: Option<String>,
}

impl WantedUser {
    /// Makes the user, or changes it, within `tx`. A new one without a password gets `unknown`, the hash of one that nobody knows.
    pub fn put(self, tx: &Transaction<'_>, unknown: String, actor: &Actor, now: Timestamp) -> Result<User> {
        check_name(&self.name)?;
        if !self.role.signs_in() {
            return Err(Error::field("role", "must be admin, dispatcher, viewer or driver"));
        }
        if let Some(hash) = &self.password_hash {
            passwords::check_hash(hash)?;
        }
        if users::get(tx, &self.name)?.is_some() {
            let edit = Edit { role: Some(self.role), disabled: self.disabled, hash: self.password_hash };
            return shown(edit.run(tx, &self.name, actor, now)?);
        }
        let mut user = row(&self.name, self.role, self.password_hash.unwrap_or(unknown), now);
        user.disabled = self.disabled.unwrap_or(false);
        insert(tx, &user, actor, now)?;
        shown(user)
    }
}

/// Refuses the user `name` from now on, within `tx`; its sessions end. The last admin stays.
pub fn disable(tx: &Transaction<'_>, name: &str, actor: &Actor, now: Timestamp) -> Result<User> {
    shown(Edit { role: None, disabled: Some(true), hash: None }.run(tx, name, actor, now)?)
}

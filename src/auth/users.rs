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
    /// Whose people it is one of, by the name that bookings have; only of a [`Role::Customer`].
    pub customer: Option<String>,
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
    /// Another customer.
    pub customer: Option<String>,
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

fn check_role(role: Role) -> Result<()> {
    if role.signs_in() { Ok(()) } else { Err(Error::field("role", "must be admin, dispatcher, viewer, driver or customer")) }
}

/// A customer's people and programs belong to one, nobody else does.
pub(super) fn check_customer(role: Role, customer: Option<&str>) -> Result<()> {
    match (role, customer.map(str::trim)) {
        (Role::Customer, Some(name)) if (1..=200).contains(&name.chars().count()) && Some(name) == customer => Ok(()),
        (Role::Customer, Some(_)) => Err(Error::field("customer", "must have 1 to 200 characters, and none but these")),
        (Role::Customer, None) => Err(Error::field("customer", "is required with the role customer: the name that its bookings have")),
        (_, Some(_)) => Err(Error::field("customer", "goes with the role customer alone")),
        (_, None) => Ok(()),
    }
}

pub(super) fn row(name: &str, (role, customer): (Role, Option<String>), password_hash: String, now: Timestamp) -> users::Row {
    users::Row { name: name.to_owned(), role: role.as_str().to_owned(), password_hash, disabled: false, customer, created_at: now }
}

pub(super) fn insert(tx: &Transaction<'_>, user: &users::Row, actor: &Actor, now: Timestamp) -> Result<()> {
    if !users::insert(tx, user)? {
        return Err(Error::Exists(format!("user {}", user.name)));
    }
    Ok(announce(tx, now, actor, Kind::AccessChanged, "user.add", &user.name)?)
}

fn shown(row: users::Row) -> Result<User> {
    let role = Role::parse(&row.role).ok_or_else(|| Error::Internal(format!("user {} has the role {:?}", row.name, row.role)))?;
    Ok(User { name: row.name, role, customer: row.customer, disabled: row.disabled, created_at: row.created_at })
}

impl Auth {
    /// Adds a user; a customer's belongs to the customer of that name. Without a `password` one is made up and given back.
    pub async fn add_user(
        &self,
        name: &str,
        (role, customer): (Role, Option<String>),
        password: Option<String>,
        actor: Actor,
    ) -> Result<(User, Option<String>)> {
        check_name(name)?;
        check_role(role)?;
        check_customer(role, customer.as_deref())?;
        let made_up = if password.is_none() { Some(super::secrets::secret()?) } else { None };
        if let Some(password) = &password {
            passwords::check(password, name)?;
        }
        let Some(secret) = password.or_else(|| made_up.clone()) else { return Err(Error::Internal("no password".into())) };
        let now = self.now();
        let user = row(name, (role, customer), self.0.hasher.hash(secret).await?, now);
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
        change.role.map_or(Ok(()), check_role)?;
        let (name, now) = (name.to_owned(), self.now());
        let edit = Edit { role: change.role, customer: change.customer, disabled: change.disabled, hash };
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
    customer: Option<String>,
    disabled: Option<bool>,
    hash: Option<String>,
}

impl Edit {
    fn run(self, tx: &Transaction<'_>, name: &str, actor: &Actor, now: Timestamp) -> Result<users::Row> {
        let Some(mut user) = users::get(tx, name)? else { return Err(Error::Unknown(format!("user {name}"))) };
        let ruled = !user.disabled && user.role == Role::Admin.as_str();
        user.role = self.role.map_or(user.role, |r| r.as_str().to_owned());
        // Who becomes one of ours belongs to nobody any more.
        let kept = user.customer.filter(|_| user.role == Role::Customer.as_str());
        user.customer = self.customer.or(kept);
        Role::parse(&user.role).map_or(Ok(()), |role| check_customer(role, user.customer.as_deref()))?;
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
        if !self.role.is_ours() {
            return Err(Error::field("role", "must be admin, dispatcher, viewer or driver"));
        }
        if let Some(hash) = &self.password_hash {
            passwords::check_hash(hash)?;
        }
        if users::get(tx, &self.name)?.is_some() {
            let edit = Edit { role: Some(self.role), customer: None, disabled: self.disabled, hash: self.password_hash };
            return shown(edit.run(tx, &self.name, actor, now)?);
        }
        let mut user = row(&self.name, (self.role, None), self.password_hash.unwrap_or(unknown), now);
        user.disabled = self.disabled.unwrap_or(false);
        insert(tx, &user, actor, now)?;
        shown(user)
    }
}

/// Refuses the user `name` from now on, within `tx`; its sessions end. The last admin stays.
pub fn disable(tx: &Transaction<'_>, name: &str, actor: &Actor, now: Timestamp) -> Result<User> {
    shown(Edit { role: None, customer: None, disabled: Some(true), hash: None }.run(tx, name, actor, now)?)
}

//! Browsers that are told though their page is closed; each goes with the session that subscribed it.

use super::{Result, journal::count, row};
use crate::model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// A browser's subscription, as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Who subscribed it.
    pub user: String,
    /// Where its push service takes what it is to be told: a URL that is a secret of its own.
    pub endpoint: String,
    /// The browser's public key, in base64url.
    pub p256dh: String,
    /// The browser's authentication secret, in base64url.
    pub auth: String,
    /// The depot's public key that it was made for.
    pub depot_key: String,
}

const SELECT: &str = "select p.*, s.user from push_subscriptions p join sessions s on s.hash = p.session";

/// Makes it the one of a session; an endpoint that is known keeps its id. `false`: all of it was so already.
pub fn put(tx: &Transaction<'_>, session: &str, s: &Subscription, now: Timestamp) -> Result<bool> {
    let same = "select 1 from push_subscriptions where session = ?1 and endpoint = ?2 and p256dh = ?3 and auth = ?4 and depot_key = ?5";
    let given = params![session, s.endpoint, s.p256dh, s.auth, s.depot_key];
    if tx.prepare_cached(same)?.exists(given)? {
        return Ok(false);
    }
    tx.execute("delete from push_subscriptions where session = ?1 and endpoint <> ?2", [session, &s.endpoint])?;
    let sql = "insert into push_subscriptions (id, session, endpoint, p256dh, auth, depot_key, made_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
               on conflict (endpoint) do update set session = ?2, p256dh = ?4, auth = ?5, depot_key = ?6, made_at = ?7";
    tx.execute(sql, params![s.id, session, s.endpoint, s.p256dh, s.auth, s.depot_key, now.as_millis()])?;
    Ok(true)
}

/// Takes away a user's oldest beyond `most`.
pub fn trim(tx: &Transaction<'_>, user: &str, most: usize) -> Result<()> {
    let sql = "delete from push_subscriptions where id in (select p.id from push_subscriptions p join sessions s on s.hash = p.session
               where s.user = ?1 order by p.made_at desc, p.rowid desc limit -1 offset ?2)";
    tx.execute(sql, params![user, count(most)])?;
    Ok(())
}

/// Takes away the one of a session.
pub fn delete_of(tx: &Transaction<'_>, session: &str) -> Result<()> {
    tx.execute("delete from push_subscriptions where session = ?1", [session])?;
    Ok(())
}

/// Takes away the one of an id.
pub fn delete(tx: &Transaction<'_>, id: &str) -> Result<()> {
    tx.execute("delete from push_subscriptions where id = ?1", [id])?;
    Ok(())
}

/// The one of an id.
pub fn get(connection: &Connection, id: &str) -> Result<Option<Subscription>> {
    Ok(connection.prepare_cached(&format!("{SELECT} where p.id = ?1"))?.query_row([id], read).optional()?)
}

/// Those of a user, oldest first.
pub fn of_user(connection: &Connection, user: &str) -> Result<Vec<Subscription>> {
    let sql = format!("{SELECT} where s.user = ?1 collate nocase order by p.made_at, p.id");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_map([user], read)?.collect::<rusqlite::Result<_>>()?)
}

/// Those of everybody who has one of these roles, oldest first.
pub fn of_roles(connection: &Connection, roles: &[&str]) -> Result<Vec<Subscription>> {
    let sql = format!(
        "{SELECT} join users u on u.name = s.user where u.disabled = 0 and u.role in (select value from json_each(?1)) order by p.made_at, p.id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_map([row::json_text(&roles)?], read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(r: &Row<'_>) -> rusqlite::Result<Subscription> {
    Ok(Subscription {
        id: r.get("id")?,
        user: r.get("user")?,
        endpoint: r.get("endpoint")?,
        p256dh: r.get("p256dh")?,
        auth: r.get("auth")?,
        depot_key: r.get("depot_key")?,
    })
}

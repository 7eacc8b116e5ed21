//! API tokens, known by their id and the hash of their secret.

use super::{Result, row};
use crate::model::Timestamp;
use rusqlite::{Connection, Row as SqlRow, Transaction, params};

/// A token as it is kept.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id, the readable part of the token.
    pub id: String,
    /// Its secret, hashed.
    pub hash: String,
    /// What it is for.
    pub name: String,
    /// Its role's name.
    pub role: String,
    /// What it may do within the role; empty: all of it.
    pub scope: String,
    /// Whose program it is of: the name that bookings have.
    pub customer: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

/// Adds a token.
pub fn insert(tx: &Transaction<'_>, t: &Row) -> Result<()> {
    let sql = "insert into tokens (id, hash, name, role, scope, customer, created_at, expires_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let expires = t.expires_at.map(Timestamp::as_millis);
    tx.execute(sql, params![t.id, t.hash, t.name, t.role, t.scope, t.customer, t.created_at.as_millis(), expires])?;
    Ok(())
}

/// The token of an id.
pub fn get(connection: &Connection, id: &str) -> Result<Option<Row>> {
    let mut statement = connection.prepare_cached("select * from tokens where id = ?1")?;
    let mut rows = statement.query_and_then([id], read)?;
    rows.next().transpose()
}

/// Every token, newest first.
pub fn list(connection: &Connection) -> Result<Vec<Row>> {
    connection.prepare_cached("select * from tokens order by created_at desc, id limit 1000")?.query_and_then([], read)?.collect()
}

/// Revokes a token; `false` when there is none that is not revoked.
pub fn revoke(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<bool> {
    Ok(tx.execute("update tokens set revoked_at = ?2 where id = ?1 and revoked_at is null", params![id, now.as_millis()])? == 1)
}

/// Notes that a token was used.
pub fn touch(tx: &Transaction<'_>, id: &str, now: Timestamp) -> Result<()> {
    tx.execute("update tokens set used_at = ?2 where id = ?1", params![id, now.as_millis()])?;
    Ok(())
}

fn read(r: &SqlRow<'_>) -> Result<Row> {
    Ok(Row {
        id: r.get("id")?,
        hash: r.get("hash")?,
        name: r.get("name")?,
        role: r.get("role")?,
        scope: r.get("scope")?,
        customer: r.get("customer")?,
        created_at: row::time(r, "created_at")?,
        expires_at: row::time_opt(r, "expires_at")?,
        revoked_at: row::time_opt(r, "revoked_at")?,
        used_at: row::time_opt(r, "used_at")?,
    })
}

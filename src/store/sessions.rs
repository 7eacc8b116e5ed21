//! Console sessions, known by the hash of their secret.

use super::{Result, row};
use crate::model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// A session as it is kept.
#[derive(Debug, Clone)]
pub struct Row {
    /// Whose it is.
    pub user: String,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
}

/// Opens a session.
pub fn insert(tx: &Transaction<'_>, hash: &str, user: &str, now: Timestamp) -> Result<()> {
    tx.execute("insert into sessions (hash, user, created_at, seen_at) values (?1, ?2, ?3, ?3)", params![hash, user, now.as_millis()])?;
    Ok(())
}

/// The session of a hash.
pub fn get(connection: &Connection, hash: &str) -> Result<Option<Row>> {
    let mut statement = connection.prepare_cached("select user, created_at, seen_at from sessions where hash = ?1")?;
    let mut rows = statement.query_and_then([hash], |r| {
        Ok(Row { user: r.get("user")?, created_at: row::time(r, "created_at")?, seen_at: row::time(r, "seen_at")? })
    })?;
    rows.next().transpose()
}

/// Notes that the session was used.
pub fn touch(tx: &Transaction<'_>, hash: &str, now: Timestamp) -> Result<()> {
    tx.execute("update sessions set seen_at = ?2 where hash = ?1", params![hash, now.as_millis()])?;
    Ok(())
}

/// Ends one session; whose it was.
pub fn delete(tx: &Transaction<'_>, hash: &str) -> Result<Option<String>> {
    Ok(tx.query_row("delete from sessions where hash = ?1 returning user", [hash], |r| r.get(0)).optional()?)
}

/// Ends all sessions of a user.
pub fn delete_of(tx: &Transaction<'_>, user: &str) -> Result<usize> {
    Ok(tx.execute("delete from sessions where user = ?1", [user])?)
}

/// Drops sessions opened before `opened` or last used before `seen`.
pub fn purge(tx: &Transaction<'_>, opened: Timestamp, seen: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from sessions where created_at < ?1 or seen_at < ?2", [opened.as_millis(), seen.as_millis()])?)
}

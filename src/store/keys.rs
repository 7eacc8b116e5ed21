//! One-time keys by purpose: the set-up link, the demo's sign-in.

use super::Result;
use crate::model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// Keeps the hash of the key for `purpose` in place of an earlier one.
pub fn put(tx: &Transaction<'_>, purpose: &str, hash: &str, expires_at: Timestamp) -> Result<()> {
    let sql = "insert into keys (purpose, hash, expires_at) values (?1, ?2, ?3)
               on conflict (purpose) do update set hash = excluded.hash, expires_at = excluded.expires_at";
    tx.execute(sql, params![purpose, hash, expires_at.as_millis()])?;
    Ok(())
}

/// Is `hash` that of the key for `purpose`, and does it still hold at `now`?
pub fn holds(connection: &Connection, purpose: &str, hash: &str, now: Timestamp) -> Result<bool> {
    let sql = "select 1 from keys where purpose = ?1 and hash = ?2 and expires_at > ?3";
    Ok(connection.query_row(sql, params![purpose, hash, now.as_millis()], |_| Ok(())).optional()?.is_some())
}

/// Drops the key for `purpose`.
pub fn delete(tx: &Transaction<'_>, purpose: &str) -> Result<()> {
    tx.execute("delete from keys where purpose = ?1", [purpose])?;
    Ok(())
}

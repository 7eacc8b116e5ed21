//! Answers kept by `Idempotency-Key`, so that a repeat is answered and not done again.

use super::Result;
use crate::model::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// What an earlier request with the same key did: the hash of what it asked, and the id of what it made.
pub fn find(connection: &Connection, actor: &str, key: &str) -> Result<Option<(String, String)>> {
    Ok(connection
        .prepare_cached("select request_hash, object from idempotency where actor = ?1 and key = ?2")?
        .query_row([actor, key], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?)
}

/// Keeps what a request with `key` did.
pub fn insert(tx: &Transaction<'_>, actor: &str, key: &str, request_hash: &str, object: &str, now: Timestamp) -> Result<()> {
    tx.prepare_cached("insert into idempotency (actor, key, request_hash, object, created_at) values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![actor, key, request_hash, object, now.as_millis()])?;
    Ok(())
}

/// Forgets keys of before `before`.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from idempotency where created_at < ?1", [before.as_millis()])?)
}

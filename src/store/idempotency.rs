//! Answers kept by `Idempotency-Key`, so that a repeat is answered and not done again.

use super::{Error, Result};
use crate::model::{BookingId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// What an earlier request with the same key did: the hash of what it asked, and the booking that it made.
pub fn find(connection: &Connection, actor: &str, key: &str) -> Result<Option<(String, BookingId)>> {
    let found: Option<(String, String)> = connection
        .prepare_cached("select request_hash, booking_id from idempotency where actor = ?1 and key = ?2")?
        .query_row([actor, key], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    found.map(|(hash, id)| Ok((hash, id.parse().map_err(|_| Error::Corrupt(format!("an idempotency row names {id:?}")))?))).transpose()
}

/// Keeps what a request with `key` did.
pub fn insert(tx: &Transaction<'_>, actor: &str, key: &str, request_hash: &str, booking: BookingId, now: Timestamp) -> Result<()> {
    tx.prepare_cached("insert into idempotency (actor, key, request_hash, booking_id, created_at) values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![actor, key, request_hash, booking.to_string(), now.as_millis()])?;
    Ok(())
}

/// Forgets keys of before `before`.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from idempotency where created_at < ?1", [before.as_millis()])?)
}

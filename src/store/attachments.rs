//! Photos and signatures, as they were sent.

use super::{Result, row};
use crate::model::{BookingId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// One without its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// The id that its maker gave it.
    pub id: String,
    /// Its media type.
    pub media: String,
    /// How many bytes it has.
    pub size: i64,
    /// When it came in.
    pub at: Timestamp,
}

/// Who sent an attachment, and what it is; to tell a repeat from another one of the same id.
pub fn find(c: &Connection, id: &str) -> Result<Option<(String, Vec<u8>)>> {
    let sql = "select actor, bytes from attachments where id = ?1";
    Ok(c.prepare_cached(sql)?.query_row([id], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
}

/// How many of an actor's no step has named yet.
pub fn left(c: &Connection, actor: &str) -> Result<i64> {
    let sql = "select count(*) from attachments where actor = ?1 and booking_id is null";
    Ok(c.prepare_cached(sql)?.query_row([actor], |r| r.get(0))?)
}

/// Keeps one.
pub fn insert(tx: &Transaction<'_>, id: &str, media: &str, bytes: &[u8], actor: &str, at: Timestamp) -> Result<()> {
    let sql = "insert into attachments (id, media, bytes, actor, at) values (?1, ?2, ?3, ?4, ?5)";
    tx.prepare_cached(sql)?.execute(params![id, media, bytes, actor, at.as_millis()])?;
    Ok(())
}

/// Gives one that `actor` sent to a booking; `false`: there is none that is not another booking's.
pub fn bind(tx: &Transaction<'_>, id: &str, actor: &str, booking: BookingId) -> Result<bool> {
    let sql = "update attachments set booking_id = ?3 where id = ?1 and actor = ?2 and coalesce(booking_id, ?3) = ?3";
    Ok(tx.prepare_cached(sql)?.execute(params![id, actor, booking.to_string()])? == 1)
}

/// Those of a booking, in the order in which they came.
pub fn of_booking(c: &Connection, booking: BookingId) -> Result<Vec<Attachment>> {
    let sql = "select id, media, length(bytes) as size, at from attachments where booking_id = ?1 order by at, id";
    let read = |r: &Row<'_>| Ok(Attachment { id: r.get("id")?, media: r.get("media")?, size: r.get("size")?, at: row::time(r, "at")? });
    c.prepare_cached(sql)?.query_and_then([booking.to_string()], read)?.collect()
}

/// Media type and bytes of one of a booking.
pub fn get(c: &Connection, booking: BookingId, id: &str) -> Result<Option<(String, Vec<u8>)>> {
    let sql = "select media, bytes from attachments where booking_id = ?1 and id = ?2";
    Ok(c.prepare_cached(sql)?.query_row(params![booking.to_string(), id], |r| Ok((r.get(0)?, r.get(1)?))).optional()?)
}

/// Deletes those that came before `before`, and those that no step named and that came before `left_before`.
pub fn purge(tx: &Transaction<'_>, before: Timestamp, left_before: Timestamp) -> Result<usize> {
    let sql = "delete from attachments where at < ?1 or (booking_id is null and at < ?2)";
    Ok(tx.execute(sql, params![before.as_millis(), left_before.as_millis()])?)
}

//! What each dispatch round thought of a booking, as the JSON text that `/bookings/{id}/dispatch` shows.

use super::{Result, journal::count};
use crate::model::{BookingId, Timestamp};
use rusqlite::{Connection, Transaction, params};

/// Keeps a round's record about `booking`.
pub fn insert(tx: &Transaction<'_>, booking: BookingId, at: Timestamp, record: &str) -> Result<i64> {
    tx.prepare_cached("insert into rounds (booking_id, at, record) values (?1, ?2, ?3)")?.execute(params![
        booking.to_string(),
        at.as_millis(),
        record
    ])?;
    Ok(tx.last_insert_rowid())
}

/// Up to `limit` records about `booking` before `cursor` (`i64::MAX` for the newest), newest first, each with its place.
pub fn for_booking(connection: &Connection, booking: BookingId, cursor: i64, limit: usize) -> Result<Vec<(i64, String)>> {
    let mut statement =
        connection.prepare_cached("select seq, record from rounds where booking_id = ?1 and seq < ?2 order by seq desc limit ?3")?;
    let rows = statement.query_map(params![booking.to_string(), cursor, count(limit)], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Drops records of before `before`; gives their number.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from rounds where at < ?1", [before.as_millis()])?)
}

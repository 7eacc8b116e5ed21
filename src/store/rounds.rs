//! What each dispatch round thought of a booking, as the JSON text that `/bookings/{id}/dispatch` shows.

use super::{Result, journal::count};
use crate::model::{BookingId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

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

/// Keeps what a round saw.
pub fn keep_inputs(tx: &Transaction<'_>, round: i64, at: Timestamp, inputs: &[u8]) -> Result<()> {
    let sql = "insert into round_inputs (round, at, inputs) values (?1, ?2, ?3) on conflict do nothing";
    tx.prepare_cached(sql)?.execute(params![round, at.as_millis(), inputs])?;
    Ok(())
}

/// What a round saw; the newest one when no round is named.
pub fn inputs(connection: &Connection, round: Option<i64>) -> Result<Option<Vec<u8>>> {
    let sql = "select inputs from round_inputs where ?1 is null or round = ?1 order by round desc limit 1";
    Ok(connection.prepare_cached(sql)?.query_row([round], |r| r.get(0)).optional()?)
}

/// Drops records of before `before`, and all but the newest `inputs` of what rounds saw; gives the number of records.
pub fn purge(tx: &Transaction<'_>, before: Timestamp, inputs: u32) -> Result<usize> {
    tx.execute("delete from round_inputs where round <= (select round from round_inputs order by round desc limit 1 offset ?1)", [inputs])?;
    Ok(tx.execute("delete from rounds where at < ?1", [before.as_millis()])?)
}

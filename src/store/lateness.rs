//! Jobs that people were warned of because they will be late.

use super::{Result, row};
use crate::model::{BookingId, Span, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction};

/// Every job that was told late, and by how much.
pub fn all(connection: &Connection) -> Result<Vec<(BookingId, Span)>> {
    let mut statement = connection.prepare_cached("select booking_id, late_ms from lateness")?;
    statement.query_and_then([], |r| Ok((row::parse(r, "booking_id")?, Span::from_millis(r.get("late_ms")?))))?.collect()
}

/// By how much `booking` was told late, when it was.
pub fn of(connection: &Connection, booking: BookingId) -> Result<Option<Span>> {
    let mut statement = connection.prepare_cached("select late_ms from lateness where booking_id = ?1")?;
    Ok(statement.query_row([booking.to_string()], |r| r.get(0).map(Span::from_millis)).optional()?)
}

/// Notes that `booking` was told late by `late` at `at`.
pub fn put(tx: &Transaction<'_>, booking: BookingId, late: Span, at: Timestamp) -> Result<()> {
    let sql = "insert into lateness (booking_id, late_ms, at) values (?1, ?2, ?3)
               on conflict (booking_id) do update set late_ms = excluded.late_ms, at = excluded.at";
    tx.prepare_cached(sql)?.execute((booking.to_string(), late.as_millis(), at.as_millis()))?;
    Ok(())
}

/// Forgets it: it recovered, or is over.
pub fn remove(tx: &Transaction<'_>, booking: BookingId) -> Result<()> {
    tx.prepare_cached("delete from lateness where booking_id = ?1")?.execute([booking.to_string()])?;
    Ok(())
}

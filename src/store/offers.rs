//! Offers to drivers.

use super::{Error, Result, journal::count, row};
use crate::model::{BookingId, Offer, OfferState, Timestamp, VehicleId};
use rusqlite::{Connection, Row, Transaction, params};

/// Writes an offer and gives its number. A vehicle whose driver is being asked already makes it fail.
pub fn insert(tx: &Transaction<'_>, o: &Offer) -> Result<i64> {
    let sql = "insert into offers (booking_id, vehicle_id, state, offered_at, expires_at, answered_at, reason)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    tx.prepare_cached(sql)?.execute(params![
        o.booking.to_string(),
        o.vehicle.as_str(),
        o.state.as_str(),
        o.offered_at.as_millis(),
        o.expires_at.as_millis(),
        o.answered_at.map(Timestamp::as_millis),
        o.reason,
    ])?;
    Ok(tx.last_insert_rowid())
}

/// Ends an open offer; `false` when it is not open.
pub fn close(tx: &Transaction<'_>, id: i64, state: OfferState, reason: Option<&str>, now: Timestamp) -> Result<bool> {
    let sql = "update offers set state = ?2, reason = ?3, answered_at = ?4 where id = ?1 and state = 'open'";
    Ok(tx.prepare_cached(sql)?.execute(params![id, state.as_str(), reason, now.as_millis()])? == 1)
}

/// The open offers of a booking, the first one first.
pub fn open_of_booking(connection: &Connection, booking: BookingId) -> Result<Vec<Offer>> {
    collect(connection, "select * from offers where booking_id = ?1 and state = 'open' order by id", params![booking.to_string()])
}

/// What the driver of `vehicle` is being asked.
pub fn open_of_vehicle(connection: &Connection, vehicle: &VehicleId) -> Result<Option<Offer>> {
    Ok(collect(connection, "select * from offers where vehicle_id = ?1 and state = 'open'", params![vehicle.as_str()])?.pop())
}

/// Every open offer, up to `limit`, the one that ends first first.
pub fn open(connection: &Connection, limit: usize) -> Result<Vec<Offer>> {
    collect(connection, "select * from offers where state = 'open' order by expires_at, id limit ?1", params![count(limit)])
}

/// What drivers refused, or let pass, or was taken back from them, at `since` or later.
pub fn refused_since(connection: &Connection, since: Timestamp) -> Result<Vec<Offer>> {
    let sql = "select * from offers where state in ('declined', 'timed_out', 'taken_back') and answered_at >= ?1 order by id";
    collect(connection, sql, params![since.as_millis()])
}

/// Up to `limit` offers of a booking before number `before`, newest first, each with its number. What was taken back from a driver who
/// was never asked is not among them.
pub fn of_booking(connection: &Connection, booking: BookingId, before: i64, limit: usize) -> Result<Vec<(i64, Offer)>> {
    let sql = "select * from offers where booking_id = ?1 and id < ?2 and state <> 'taken_back' order by id desc limit ?3";
    let found = collect(connection, sql, params![booking.to_string(), before, count(limit)])?;
    Ok(found.into_iter().map(|o| (o.id, o)).collect())
}

/// Drops offers that ended before `before`; gives their number.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from offers where state <> 'open' and answered_at < ?1", [before.as_millis()])?)
}

fn collect(connection: &Connection, sql: &str, given: impl rusqlite::Params) -> Result<Vec<Offer>> {
    connection.prepare_cached(sql)?.query_and_then(given, read)?.collect()
}

fn read(r: &Row<'_>) -> Result<Offer> {
    let state: String = r.get("state")?;
    Ok(Offer {
        id: r.get("id")?,
        booking: row::parse(r, "booking_id")?,
        vehicle: row::parse(r, "vehicle_id")?,
        state: OfferState::parse(&state).ok_or_else(|| Error::Corrupt(format!("an offer has the state {state:?}")))?,
        offered_at: row::time(r, "offered_at")?,
        expires_at: row::time(r, "expires_at")?,
        answered_at: row::time_opt(r, "answered_at")?,
        reason: r.get("reason")?,
    })
}

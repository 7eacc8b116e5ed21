//! What dispatch rounds thought of a booking, as the JSON text that `/bookings/{id}/dispatch` shows: a row for each round that said
//! something new, which counts those that said it again.

use super::{Result, journal::count};
use crate::model::{BookingId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// For how long a record held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Rounds that said it, the first one included.
    pub rounds: u32,
    /// When the last of them was.
    pub until: Timestamp,
}

/// What a round said about a booking.
#[derive(Clone, PartialEq, Debug)]
pub struct Said {
    /// Its place among all.
    pub seq: i64,
    /// A JSON object's text.
    pub record: String,
    /// For how long it held; `None`: it is from the time when nobody counted.
    pub held: Option<Held>,
}

/// Keeps a round's record about `booking`; gives its place.
pub fn insert(tx: &Transaction<'_>, booking: BookingId, at: Timestamp, record: &str) -> Result<i64> {
    let sql = "insert into rounds (booking_id, at, record, rounds, until) values (?1, ?2, ?3, 1, ?2)";
    tx.prepare_cached(sql)?.execute(params![booking.to_string(), at.as_millis(), record])?;
    Ok(tx.last_insert_rowid())
}

/// Notes for how long the record at `seq` held so far.
pub fn hold(tx: &Transaction<'_>, seq: i64, Held { rounds, until }: Held) -> Result<()> {
    tx.prepare_cached("update rounds set rounds = ?2, until = ?3 where seq = ?1")?.execute(params![seq, rounds, until.as_millis()])?;
    Ok(())
}

/// Up to `limit` records about `booking` before `cursor` (`i64::MAX` for the newest), newest first.
pub fn for_booking(connection: &Connection, booking: BookingId, cursor: i64, limit: usize) -> Result<Vec<Said>> {
    let sql = "select seq, record, rounds, until from rounds where booking_id = ?1 and seq < ?2 order by seq desc limit ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let read = |r: &rusqlite::Row<'_>| {
        let (rounds, until): (Option<u32>, Option<i64>) = (r.get(2)?, r.get(3)?);
        let held = rounds.zip(until).map(|(rounds, until)| Held { rounds, until: Timestamp::from_millis(until) });
        Ok(Said { seq: r.get(0)?, record: r.get(1)?, held })
    };
    let rows = statement.query_map(params![booking.to_string(), cursor, count(limit)], read)?;
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

//! Where idle vehicles were advised to wait: for each vehicle the advice that it got last.

use super::{Error, Result, journal::count, row};
use crate::model::{Place, Timestamp, VehicleId};
use rusqlite::{Connection, Row, Transaction, params};

/// An advice.
#[derive(Clone, PartialEq, Debug)]
pub struct Advice {
    /// Who got it.
    pub vehicle: VehicleId,
    /// Its entry in the journal.
    pub seq: i64,
    /// The H3 cell to wait in.
    pub cell: String,
    /// Where the vehicle was.
    pub from: Place,
    /// Where to wait.
    pub to: Place,
    /// Requests expected in the cell and those around it.
    pub expected: f64,
    /// Why, in words.
    pub reason: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it is good.
    pub until: Timestamp,
    /// When it was over before that: the vehicle came there, got work, or stopped working.
    pub ended_at: Option<Timestamp>,
}

impl Advice {
    /// Is it good at `now`?
    pub fn is_present(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.until > now
    }
}

/// Keeps an advice in place of the one that the vehicle got before.
pub fn put(tx: &Transaction<'_>, a: &Advice) -> Result<()> {
    let sql = "insert or replace into advice (vehicle_id, seq, cell, from_lat, from_lon, to_lat, to_lon, expected, reason, made_at, until, ended_at)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    tx.prepare_cached(sql)?.execute(params![
        a.vehicle.as_str(),
        a.seq,
        a.cell,
        a.from.lat(),
        a.from.lon(),
        a.to.lat(),
        a.to.lon(),
        a.expected,
        a.reason,
        a.made_at.as_millis(),
        a.until.as_millis(),
        a.ended_at.map(Timestamp::as_millis),
    ])?;
    Ok(())
}

/// Ends the advice of `vehicle` that the journal has at `seq`.
pub fn end(tx: &Transaction<'_>, vehicle: &VehicleId, seq: i64, now: Timestamp) -> Result<()> {
    let sql = "update advice set ended_at = ?3 where vehicle_id = ?1 and seq = ?2 and ended_at is null";
    tx.prepare_cached(sql)?.execute(params![vehicle.as_str(), seq, now.as_millis()])?;
    Ok(())
}

/// Everybody's last advice.
pub fn all(connection: &Connection) -> Result<Vec<Advice>> {
    collect(connection, "select * from advice order by vehicle_id", [])
}

/// Up to `limit` advices that are good at `now`, of vehicles after `after` by id.
pub fn present(connection: &Connection, now: Timestamp, after: Option<&VehicleId>, limit: usize) -> Result<Vec<Advice>> {
    let sql = "select * from advice where vehicle_id > ?1 and ended_at is null and until > ?2 order by vehicle_id limit ?3";
    collect(connection, sql, params![after.map_or("", VehicleId::as_str), now.as_millis(), count(limit)])
}

/// The advice of `vehicle` that is good at `now`, while it is on duty.
pub fn of_vehicle(connection: &Connection, vehicle: &VehicleId, now: Timestamp) -> Result<Option<Advice>> {
    let sql = "select advice.* from advice join vehicles on id = vehicle_id
               where vehicle_id = ?1 and ended_at is null and until > ?2 and on_duty = 1";
    Ok(collect(connection, sql, params![vehicle.as_str(), now.as_millis()])?.pop())
}

fn collect(connection: &Connection, sql: &str, given: impl rusqlite::Params) -> Result<Vec<Advice>> {
    connection.prepare_cached(sql)?.query_and_then(given, read)?.collect()
}

fn read(r: &Row<'_>) -> Result<Advice> {
    let place = |lat: &str, lon: &str| {
        Place::new(r.get(lat)?, r.get(lon)?).map_err(|fault| Error::Corrupt(format!("an advice leads nowhere: {fault}")))
    };
    Ok(Advice {
        vehicle: row::parse(r, "vehicle_id")?,
        seq: r.get("seq")?,
        cell: r.get("cell")?,
        from: place("from_lat", "from_lon")?,
        to: place("to_lat", "to_lon")?,
        expected: r.get("expected")?,
        reason: r.get("reason")?,
        made_at: row::time(r, "made_at")?,
        until: row::time(r, "until")?,
        ended_at: row::time_opt(r, "ended_at")?,
    })
}

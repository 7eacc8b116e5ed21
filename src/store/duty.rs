//! Who is and was on duty with what, and the breaks in it. Two unique indexes keep a driver to one vehicle and a vehicle to one
//! driver.

use super::{Result, journal::count, row};
use crate::model::{DriverId, Duty, DutyId, Period, Timestamp, VehicleId};
use rusqlite::{Connection, Row, Transaction, params};

/// Begins a duty; `false` when the driver or the vehicle is on duty already.
pub fn start(tx: &Transaction<'_>, driver: DriverId, vehicle: &VehicleId, at: Timestamp) -> Result<bool> {
    let sql = "insert into duties (driver, vehicle_id, from_at) values (?1, ?2, ?3)";
    once(tx.prepare_cached(sql)?.execute(params![driver.row(), vehicle.as_str(), at.as_millis()]))
}

/// Ends a duty, and the break in it that goes on.
pub fn end(tx: &Transaction<'_>, duty: &Duty, at: Timestamp) -> Result<()> {
    end_break(tx, duty, at)?;
    let sql = "update duties set until_at = max(from_at, ?2) where number = ?1 and until_at is null";
    tx.prepare_cached(sql)?.execute(params![duty.id.row(), at.as_millis()])?;
    Ok(())
}

/// Begins a break; `false` when one goes on already.
pub fn start_break(tx: &Transaction<'_>, duty: &Duty, at: Timestamp) -> Result<bool> {
    let sql = "insert into breaks (duty, from_at) values (?1, ?2)";
    once(tx.prepare_cached(sql)?.execute(params![duty.id.row(), at.as_millis()]))
}

/// Ends the break that goes on; `false` when there is none.
pub fn end_break(tx: &Transaction<'_>, duty: &Duty, at: Timestamp) -> Result<bool> {
    let sql = "update breaks set until_at = max(from_at, ?2) where duty = ?1 and until_at is null";
    Ok(tx.prepare_cached(sql)?.execute(params![duty.id.row(), at.as_millis()])? == 1)
}

/// The duty that the driver is on now.
pub fn of_driver(connection: &Connection, driver: DriverId) -> Result<Option<Duty>> {
    Ok(collect(connection, "select * from duties where driver = ?1 and until_at is null", params![driver.row()])?.pop())
}

/// The duty that somebody is on now with the vehicle.
pub fn of_vehicle(connection: &Connection, vehicle: &VehicleId) -> Result<Option<Duty>> {
    Ok(collect(connection, "select * from duties where vehicle_id = ?1 and until_at is null", params![vehicle.as_str()])?.pop())
}

/// The driver's duties that reach beyond `since`, in their order.
pub fn since(connection: &Connection, driver: DriverId, since: Timestamp) -> Result<Vec<Duty>> {
    let sql = "select * from duties where driver = ?1 and (until_at is null or until_at > ?2) order by number";
    collect(connection, sql, params![driver.row(), since.as_millis()])
}

/// Up to `limit` duties of the driver from before `before` on, newest first.
pub fn list(connection: &Connection, driver: DriverId, before: Option<DutyId>, limit: usize) -> Result<Vec<Duty>> {
    let sql = "select * from duties where driver = ?1 and number < ?2 order by number desc limit ?3";
    collect(connection, sql, params![driver.row(), before.map_or(i64::MAX, DutyId::row), count(limit)])
}

/// A duty, whether it goes on or not.
pub fn get(connection: &Connection, id: DutyId) -> Result<Option<Duty>> {
    Ok(collect(connection, "select * from duties where number = ?1", params![id.row()])?.pop())
}

/// The duties with the vehicle that `at` lies in, one that ended or began just then included, in their order.
pub fn around(connection: &Connection, vehicle: &VehicleId, at: Timestamp) -> Result<Vec<Duty>> {
    let sql = "select * from duties where vehicle_id = ?1 and from_at <= ?2 and (until_at is null or until_at >= ?2) order by number";
    collect(connection, sql, params![vehicle.as_str(), at.as_millis()])
}

/// Every duty that somebody is on now.
pub fn open(connection: &Connection) -> Result<Vec<Duty>> {
    collect(connection, "select * from duties where until_at is null", [])
}

/// Forgets duties that ended before `before`.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<()> {
    tx.prepare_cached("delete from duties where until_at < ?1")?.execute([before.as_millis()])?;
    Ok(())
}

/// What a unique index lets in once.
fn once(written: rusqlite::Result<usize>) -> Result<bool> {
    match written {
        Ok(rows) => Ok(rows == 1),
        Err(fault) if fault.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE) => Ok(false),
        Err(fault) => Err(fault.into()),
    }
}

fn collect(connection: &Connection, sql: &str, given: impl rusqlite::Params) -> Result<Vec<Duty>> {
    connection.prepare_cached(sql)?.query_and_then(given, |r| read(connection, r))?.collect()
}

fn read(connection: &Connection, r: &Row<'_>) -> Result<Duty> {
    let number: i64 = r.get("number")?;
    let sql = "select * from breaks where duty = ?1 order by number";
    let breaks = connection.prepare_cached(sql)?.query_and_then([number], period)?.collect::<Result<_>>()?;
    Ok(Duty {
        id: DutyId::of_row(number),
        driver: DriverId::of_row(r.get("driver")?),
        vehicle: row::parse(r, "vehicle_id")?,
        time: period(r)?,
        breaks,
    })
}

fn period(r: &Row<'_>) -> Result<Period> {
    Ok(Period { from: row::time(r, "from_at")?, until: row::time_opt(r, "until_at")? })
}

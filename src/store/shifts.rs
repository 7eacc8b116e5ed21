//! Planned shifts.

use super::{Error, Result, journal::count, row};
use crate::model::{DriverId, Shift, ShiftId, Timestamp, VehicleId, Window};
use rusqlite::{Connection, Row, Transaction, params};

/// Which shifts a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this driver's.
    pub driver: Option<DriverId>,
    /// Only with this vehicle.
    pub vehicle: Option<VehicleId>,
    /// Only those that end after.
    pub from: Option<Timestamp>,
    /// Only those that begin before.
    pub to: Option<Timestamp>,
}

/// Adds a shift, whose `id` is not looked at, and gives it back as kept.
pub fn insert(tx: &Transaction<'_>, s: &Shift) -> Result<Shift> {
    let sql = "insert into shifts (number, driver, vehicle_id, from_at, until_at, pause_from, pause_until, version)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    put(tx, sql, None, s)?;
    let id = ShiftId::of_row(tx.last_insert_rowid());
    get(tx, id)?.ok_or_else(|| Error::Corrupt(format!("shift {id} is gone right after being written")))
}

/// Writes the shift.
pub fn update(tx: &Transaction<'_>, s: &Shift) -> Result<()> {
    let sql = "update shifts set driver = ?2, vehicle_id = ?3, from_at = ?4, until_at = ?5, pause_from = ?6, pause_until = ?7, version = ?8
               where number = ?1";
    put(tx, sql, Some(s.id), s)
}

/// Executes `sql` with the row's number as ?1, `None` for the next free one, and what is kept of the shift from ?2 on.
fn put(tx: &Transaction<'_>, sql: &str, id: Option<ShiftId>, s: &Shift) -> Result<()> {
    tx.prepare_cached(sql)?.execute(params![
        id.map(ShiftId::row),
        s.driver.row(),
        s.vehicle.as_ref().map(VehicleId::as_str),
        s.time.from.as_millis(),
        s.time.until.as_millis(),
        s.pause.map(|w| w.from.as_millis()),
        s.pause.map(|w| w.until.as_millis()),
        s.version,
    ])?;
    Ok(())
}

/// Deletes the shift.
pub fn delete(tx: &Transaction<'_>, id: ShiftId) -> Result<()> {
    tx.prepare_cached("delete from shifts where number = ?1")?.execute([id.row()])?;
    Ok(())
}

/// Forgets shifts that ended before `before`.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<()> {
    tx.prepare_cached("delete from shifts where until_at < ?1")?.execute([before.as_millis()])?;
    Ok(())
}

/// The shift of an id.
pub fn get(connection: &Connection, id: ShiftId) -> Result<Option<Shift>> {
    Ok(collect(connection, "select * from shifts where number = ?1", params![id.row()])?.pop())
}

/// A shift other than this one, of the same driver or with the same vehicle, at a time that this one has too.
pub fn clash(connection: &Connection, s: &Shift) -> Result<Option<Shift>> {
    let sql = "select * from shifts where number <> ?1 and (driver = ?2 or vehicle_id = ?3) and from_at < ?5 and until_at > ?4
               order by from_at limit 1";
    let vehicle = s.vehicle.as_ref().map(VehicleId::as_str);
    let given = params![s.id.row(), s.driver.row(), vehicle, s.time.from.as_millis(), s.time.until.as_millis()];
    Ok(collect(connection, sql, given)?.pop())
}

/// The driver's shift at `at`.
pub fn at(connection: &Connection, driver: DriverId, at: Timestamp) -> Result<Option<Shift>> {
    let sql = "select * from shifts where driver = ?1 and from_at <= ?2 and until_at > ?2";
    Ok(collect(connection, sql, params![driver.row(), at.as_millis()])?.pop())
}

/// Up to `limit` shifts after `after` by begin and id.
pub fn list(connection: &Connection, filter: &Filter, after: Option<(Timestamp, ShiftId)>, limit: usize) -> Result<Vec<Shift>> {
    let sql = "select * from shifts where (from_at, number) > (?1, ?2) and (?3 is null or driver = ?3) and (?4 is null or vehicle_id = ?4)
               and (?5 is null or until_at > ?5) and (?6 is null or from_at < ?6) order by from_at, number limit ?7";
    let (from, number) = after.map_or((i64::MIN, 0), |(from, id)| (from.as_millis(), id.row()));
    let given = params![
        from,
        number,
        filter.driver.map(DriverId::row),
        filter.vehicle.as_ref().map(VehicleId::as_str),
        filter.from.map(Timestamp::as_millis),
        filter.to.map(Timestamp::as_millis),
        count(limit),
    ];
    collect(connection, sql, given)
}

fn collect(connection: &Connection, sql: &str, given: impl rusqlite::Params) -> Result<Vec<Shift>> {
    connection.prepare_cached(sql)?.query_and_then(given, read)?.collect()
}

fn read(r: &Row<'_>) -> Result<Shift> {
    let pause = row::time_opt(r, "pause_from")?.zip(row::time_opt(r, "pause_until")?);
    Ok(Shift {
        id: ShiftId::of_row(r.get("number")?),
        driver: DriverId::of_row(r.get("driver")?),
        vehicle: row::parse_opt(r, "vehicle_id")?,
        time: Window { from: row::time(r, "from_at")?, until: row::time(r, "until_at")? },
        pause: pause.map(|(from, until)| Window { from, until }),
        version: r.get("version")?,
    })
}

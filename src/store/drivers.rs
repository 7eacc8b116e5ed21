//! Drivers.

use super::{Error, Result, audit, journal, journal::count, row};
use crate::model::{Actor, Driver, DriverId, Kind, Span, Timestamp, VehicleId};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Which drivers a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Name, phone, mail address or user contain this, without regard to case; or it is the id.
    pub q: Option<String>,
    /// Only those who may, or may not, go on duty.
    pub active: Option<bool>,
    /// Only those who are, or are not, on duty.
    pub on_duty: Option<bool>,
}

/// Adds a driver, whose `id` is not looked at, and gives him back as kept.
pub fn insert(tx: &Transaction<'_>, d: &Driver) -> Result<Driver> {
    let sql = "insert into drivers (created_at, name, phone, email, skills, user, max_day_s, max_week_s, active, updated_at, version)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    put(tx, sql, d.created_at.as_millis(), d)?;
    let id = DriverId::of_row(tx.last_insert_rowid());
    get(tx, id)?.ok_or_else(|| Error::Corrupt(format!("driver {id} is gone right after being written")))
}

/// Writes the driver's data.
pub fn update(tx: &Transaction<'_>, d: &Driver) -> Result<()> {
    let sql = "update drivers set name = ?2, phone = ?3, email = ?4, skills = ?5, user = ?6, max_day_s = ?7, max_week_s = ?8, active = ?9,
               updated_at = ?10, version = ?11 where number = ?1";
    put(tx, sql, d.id.row(), d)
}

/// Executes `sql` with `first` as ?1 and what is kept of the driver from ?2 on.
fn put(tx: &Transaction<'_>, sql: &str, first: i64, d: &Driver) -> Result<()> {
    tx.prepare_cached(sql)?.execute(params![
        first,
        d.name,
        d.phone,
        d.email,
        row::texts_json(&d.skills),
        d.user,
        seconds(d.max_day),
        seconds(d.max_week),
        d.active,
        d.updated_at.as_millis(),
        d.version,
    ])?;
    Ok(())
}

/// Deletes the driver with his shifts and duties.
pub fn delete(tx: &Transaction<'_>, id: DriverId) -> Result<()> {
    tx.prepare_cached("delete from drivers where number = ?1")?.execute([id.row()])?;
    Ok(())
}

/// The driver of an id.
pub fn get(connection: &Connection, id: DriverId) -> Result<Option<Driver>> {
    connection.prepare_cached("select * from drivers where number = ?1")?.query_and_then([id.row()], read)?.next().transpose()
}

/// The driver who signs in as `user`.
pub fn of_user(connection: &Connection, user: &str) -> Result<Option<DriverId>> {
    let number = connection.prepare_cached("select number from drivers where user = ?1")?.query_row([user], |r| r.get(0)).optional()?;
    Ok(number.map(DriverId::of_row))
}

/// Up to `limit` drivers after `after` by id.
pub fn list(connection: &Connection, filter: &Filter, after: Option<DriverId>, limit: usize) -> Result<Vec<Driver>> {
    let sql = "select * from drivers where number > ?1 and (?2 is null or active = ?2)
               and (?3 is null or ?3 = exists (select 1 from duties where driver = drivers.number and until_at is null))
               and (?4 is null or 'd-' || (1000 + number) = ?4 or instr(lower(name || char(10) || coalesce(phone, '') || char(10)
                    || coalesce(email, '') || char(10) || coalesce(user, '')), ?4) > 0)
               order by number limit ?5";
    let q = filter.q.as_ref().map(|q| q.to_lowercase());
    let given = params![after.map_or(0, DriverId::row), filter.active, filter.on_duty, q, count(limit)];
    connection.prepare_cached(sql)?.query_and_then(given, read)?.collect()
}

/// Writes the journal entry and the audit row about a driver, in the transaction that changes him; `data` is about more than who
/// he is.
pub fn announce(
    tx: &Transaction<'_>,
    (kind, action): (Kind, &str),
    driver: &Driver,
    vehicle: Option<&VehicleId>,
    data: serde_json::Value,
    (actor, at): (&Actor, Timestamp),
) -> Result<()> {
    let mut whole = serde_json::json!({ "driver_id": driver.id.to_string(), "driver": driver.name });
    if let (Some(whole), serde_json::Value::Object(data)) = (whole.as_object_mut(), data) {
        whole.extend(data);
    }
    let data = whole.to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: None, vehicle, data: &data })?;
    audit::append(tx, at, actor, action, &driver.id.to_string(), &data)
}

fn seconds(span: Option<Span>) -> Option<i64> {
    span.map(|span| span.as_millis() / 1_000)
}

fn read(r: &Row<'_>) -> Result<Driver> {
    Ok(Driver {
        id: DriverId::of_row(r.get("number")?),
        name: r.get("name")?,
        phone: r.get("phone")?,
        email: r.get("email")?,
        skills: row::texts(r, "skills")?,
        user: r.get("user")?,
        max_day: r.get::<_, Option<i64>>("max_day_s")?.map(Span::from_secs),
        max_week: r.get::<_, Option<i64>>("max_week_s")?.map(Span::from_secs),
        active: r.get("active")?,
        created_at: row::time(r, "created_at")?,
        updated_at: row::time(r, "updated_at")?,
        version: r.get("version")?,
    })
}

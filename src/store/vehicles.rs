//! Registered vehicles.

use super::{Result, audit, journal, journal::count, row};
use crate::model::{Actor, Capacity, Kind, Timestamp, Vehicle, VehicleId};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Adds a vehicle; `false` when the id is taken.
pub fn insert(tx: &Transaction<'_>, v: &Vehicle, now: Timestamp) -> Result<bool> {
    let sql = "insert into vehicles (id, class, capacity_kg, capacity_m3, capacity_pieces, skills, on_duty, created_at, version)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) on conflict do nothing";
    let rows = tx.prepare_cached(sql)?.execute(params![
        v.id.as_str(),
        v.class,
        v.capacity.kg,
        v.capacity.m3,
        v.capacity.pieces,
        row::texts_json(&v.skills),
        v.on_duty,
        now.as_millis(),
        v.version,
    ])?;
    Ok(rows == 1)
}

/// Writes the vehicle's data; `false` when there is none of that id.
pub fn update(tx: &Transaction<'_>, v: &Vehicle) -> Result<bool> {
    let sql =
        "update vehicles set class = ?2, capacity_kg = ?3, capacity_m3 = ?4, capacity_pieces = ?5, skills = ?6, on_duty = ?7, version = ?8
               where id = ?1";
    let rows = tx.prepare_cached(sql)?.execute(params![
        v.id.as_str(),
        v.class,
        v.capacity.kg,
        v.capacity.m3,
        v.capacity.pieces,
        row::texts_json(&v.skills),
        v.on_duty,
        v.version,
    ])?;
    Ok(rows == 1)
}

/// The vehicle of an id.
pub fn get(connection: &Connection, id: &VehicleId) -> Result<Option<Vehicle>> {
    let mut statement = connection.prepare_cached("select * from vehicles where id = ?1")?;
    let mut rows = statement.query_and_then([id.as_str()], read)?;
    rows.next().transpose()
}

/// Up to `limit` vehicles after `after` by id, whose id or class contains `q`.
pub fn list(connection: &Connection, q: Option<&str>, after: Option<&VehicleId>, limit: usize) -> Result<Vec<Vehicle>> {
    let sql = "select * from vehicles where id > ?1 and (?2 is null or instr(lower(id), ?2) > 0 or instr(lower(class), ?2) > 0) order by id limit ?3";
    let q = q.map(str::to_lowercase);
    connection.prepare_cached(sql)?.query_and_then(params![after.map_or("", VehicleId::as_str), q, count(limit)], read)?.collect()
}

/// The vehicles on duty, in the order of their ids.
pub fn on_duty(connection: &Connection) -> Result<Vec<Vehicle>> {
    connection.prepare_cached("select * from vehicles where on_duty = 1 order by id")?.query_and_then([], read)?.collect()
}

/// Up to `limit` vehicles that no driver is on duty with, in the order of their ids.
pub fn free(connection: &Connection, limit: usize) -> Result<Vec<Vehicle>> {
    let sql = "select * from vehicles v where not exists (select 1 from duties d where d.vehicle_id = v.id and d.until_at is null)
               order by id limit ?1";
    connection.prepare_cached(sql)?.query_and_then([count(limit)], read)?.collect()
}

/// Is there a vehicle of that id?
pub fn exists(connection: &Connection, id: &VehicleId) -> Result<bool> {
    Ok(connection.prepare_cached("select 1 from vehicles where id = ?1")?.query_row([id.as_str()], |_| Ok(())).optional()?.is_some())
}

/// Writes the journal entry and the audit row about a vehicle, in the transaction that changes it.
pub fn announce(tx: &Transaction<'_>, kind: Kind, v: &Vehicle, actor: &Actor, at: Timestamp) -> Result<()> {
    let data = serde_json::json!({
        "class": v.class, "capacity_kg": v.capacity.kg, "capacity_m3": v.capacity.m3, "capacity_pieces": v.capacity.pieces,
        "skills": v.skills, "on_duty": v.on_duty, "version": v.version,
    });
    let data = data.to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: None, vehicle: Some(&v.id), data: &data })?;
    audit::append(tx, at, actor, kind.as_str(), v.id.as_str(), &data)
}

fn read(r: &Row<'_>) -> Result<Vehicle> {
    Ok(Vehicle {
        id: row::parse(r, "id")?,
        class: r.get("class")?,
        capacity: Capacity { kg: r.get("capacity_kg")?, m3: r.get("capacity_m3")?, pieces: r.get("capacity_pieces")? },
        skills: row::texts(r, "skills")?,
        on_duty: r.get("on_duty")?,
        version: r.get("version")?,
    })
}

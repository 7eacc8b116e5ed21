//! Devices and the hashes of their secrets.

use super::{Result, journal::count, row};
use crate::model::{DeviceId, Timestamp, VehicleId};
use rusqlite::{Connection, Row as SqlRow, Transaction, params};

/// A device as it is kept.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its id, also its MQTT user name.
    pub id: DeviceId,
    /// The vehicle that it reports for.
    pub vehicle: VehicleId,
    /// Its payload format.
    pub format: String,
    /// Its secret, hashed.
    pub secret_hash: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its secret was last replaced.
    pub rotated_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Adds a device; `false` when the id is taken.
pub fn insert(tx: &Transaction<'_>, d: &Row) -> Result<bool> {
    let sql = "insert into devices (id, vehicle_id, format, secret_hash, created_at) values (?1, ?2, ?3, ?4, ?5) on conflict do nothing";
    Ok(tx.prepare_cached(sql)?.execute(params![d.id.as_str(), d.vehicle.as_str(), d.format, d.secret_hash, d.created_at.as_millis()])? == 1)
}

/// Replaces the secret; a revoked device lives again. `false` when there is none.
pub fn rotate(tx: &Transaction<'_>, id: &DeviceId, secret_hash: &str, now: Timestamp) -> Result<bool> {
    let sql = "update devices set secret_hash = ?2, rotated_at = ?3, revoked_at = null where id = ?1";
    Ok(tx.execute(sql, params![id.as_str(), secret_hash, now.as_millis()])? == 1)
}

/// Revokes the device; `false` when there is none that is not revoked.
pub fn revoke(tx: &Transaction<'_>, id: &DeviceId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute("update devices set revoked_at = ?2 where id = ?1 and revoked_at is null", params![id.as_str(), now.as_millis()])? == 1)
}

/// The device of an id.
pub fn get(connection: &Connection, id: &DeviceId) -> Result<Option<Row>> {
    let mut statement = connection.prepare_cached("select * from devices where id = ?1")?;
    let mut rows = statement.query_and_then([id.as_str()], read)?;
    rows.next().transpose()
}

/// Up to `limit` devices after `after` by id.
pub fn list(connection: &Connection, after: Option<&DeviceId>, limit: usize) -> Result<Vec<Row>> {
    let mut statement = connection.prepare_cached("select * from devices where id > ?1 order by id limit ?2")?;
    statement.query_and_then(params![after.map_or("", DeviceId::as_str), count(limit)], read)?.collect()
}

/// The devices that report for `vehicle`.
pub fn of_vehicle(connection: &Connection, vehicle: &VehicleId) -> Result<Vec<Row>> {
    connection
        .prepare_cached("select * from devices where vehicle_id = ?1 order by id")?
        .query_and_then([vehicle.as_str()], read)?
        .collect()
}

fn read(r: &SqlRow<'_>) -> Result<Row> {
    Ok(Row {
        id: row::parse(r, "id")?,
        vehicle: row::parse(r, "vehicle_id")?,
        format: r.get("format")?,
        secret_hash: r.get("secret_hash")?,
        created_at: row::time(r, "created_at")?,
        rotated_at: row::time_opt(r, "rotated_at")?,
        revoked_at: row::time_opt(r, "revoked_at")?,
    })
}

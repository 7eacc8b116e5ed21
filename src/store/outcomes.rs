//! What came of bookings, as far as figures need it.

use super::{Error, Result, row};
use crate::model::{Status, Timestamp, Window};
use rusqlite::{Connection, params};

/// A booking's end, or how far it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// How far it is.
    pub status: Status,
    /// When the pickup was wanted, and until when it was in time.
    pub pickup: Window,
    /// When it was booked.
    pub created_at: Timestamp,
    /// When a vehicle got it.
    pub assigned_at: Option<Timestamp>,
    /// When that was at the pickup.
    pub arrived_at: Option<Timestamp>,
    /// When the load was on board.
    pub picked_up_at: Option<Timestamp>,
    /// Which vehicle.
    pub vehicle: Option<String>,
    /// Length of the way with the load.
    pub distance_m: u32,
    /// The price in minor units.
    pub price_minor: i64,
    /// Of this currency.
    pub currency: String,
}

/// Every booking with a pickup within `time`.
pub fn between(connection: &Connection, time: Window) -> Result<Vec<Outcome>> {
    let sql =
        "select status, pickup_at, pickup_until, created_at, assigned_at, arrived_at, picked_up_at, vehicle_id, distance_m, price_minor,
               currency from bookings where pickup_at >= ?1 and pickup_at < ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let outcome = |r: &rusqlite::Row<'_>| {
        let status: String = r.get("status")?;
        let from = row::time(r, "pickup_at")?;
        let created_at = row::time(r, "created_at")?;
        Ok(Outcome {
            status: Status::parse(&status).ok_or_else(|| Error::Corrupt(format!("a booking has the status {status:?}")))?,
            pickup: Window { from, until: row::time_opt(r, "pickup_until")?.unwrap_or(from) },
            created_at,
            assigned_at: row::time_opt(r, "assigned_at")?,
            arrived_at: row::time_opt(r, "arrived_at")?,
            picked_up_at: row::time_opt(r, "picked_up_at")?,
            vehicle: r.get("vehicle_id")?,
            distance_m: r.get("distance_m")?,
            price_minor: r.get("price_minor")?,
            currency: r.get("currency")?,
        })
    };
    statement.query_and_then(params![time.from.as_millis(), time.until.as_millis()], outcome)?.collect()
}

//! The forecast that was made last, and the requests that it is learned from.

use super::Result;
use crate::model::{Place, Timestamp, Window};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// Keeps a forecast in place of the one before.
pub fn put(tx: &Transaction<'_>, made_at: Timestamp, model: &str) -> Result<()> {
    tx.execute("insert or replace into forecast (one, made_at, model) values (1, ?1, ?2)", params![made_at.as_millis(), model])?;
    Ok(())
}

/// The forecast that was made last, and when.
pub fn get(connection: &Connection) -> Result<Option<(Timestamp, String)>> {
    let read = |r: &rusqlite::Row<'_>| Ok((Timestamp::from_millis(r.get(0)?), r.get(1)?));
    Ok(connection.prepare_cached("select made_at, model from forecast")?.query_row([], read).optional()?)
}

/// When the first booking was placed.
pub fn begin(connection: &Connection) -> Result<Option<Timestamp>> {
    let first: Option<i64> = connection.prepare_cached("select min(created_at) from bookings")?.query_row([], |r| r.get(0))?;
    Ok(first.map(Timestamp::from_millis))
}

/// Hands time and place of every pickup that was asked for within `time` to `each`.
pub fn requests(connection: &Connection, time: Window, mut each: impl FnMut(Timestamp, Place)) -> Result<()> {
    let sql = "select pickup_at, pickup_lat, pickup_lon from bookings where pickup_at >= ?1 and pickup_at < ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![time.from.as_millis(), time.until.as_millis()])?;
    while let Some(row) = rows.next()? {
        if let Ok(place) = Place::new(row.get(1)?, row.get(2)?) {
            each(Timestamp::from_millis(row.get(0)?), place);
        }
    }
    Ok(())
}

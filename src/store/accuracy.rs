//! What forecasts say of hours to come, and how those of the past went, summed up by day.

use super::{Error, Result, journal::count, row};
use crate::model::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

/// What is said of an hour.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// When it begins.
    pub hour: Timestamp,
    /// Of which H3 cell; empty: of everything.
    pub cell: String,
    /// Low end of the interval.
    pub p10: u32,
    /// The best guess.
    pub p50: u32,
    /// High end of the interval.
    pub p90: u32,
}

/// Whose hours are summed up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Those of everything together.
    All,
    /// Those of cells, each by itself.
    Cells,
}

impl Whose {
    fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Cells => "cells",
        }
    }
}

/// Sums over hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Hours.
    pub hours: u32,
    /// Requests that came.
    pub requests: u32,
    /// How far off the best guesses were.
    pub error: u32,
    /// Hours that had one a week before.
    pub naive_hours: u32,
    /// How far off those were.
    pub naive_error: u32,
    /// Hours within their interval.
    pub covered: u32,
}

/// Puts what is said in place of all that was said before of hours after `now`.
pub fn say(tx: &Transaction<'_>, said: &[Said], now: Timestamp) -> Result<()> {
    tx.prepare_cached("delete from forecast_hours where hour > ?1")?.execute([now.as_millis()])?;
    let mut insert = tx.prepare_cached("insert or replace into forecast_hours (hour, cell, p10, p50, p90) values (?1, ?2, ?3, ?4, ?5)")?;
    for said in said {
        insert.execute(params![said.hour.as_millis(), said.cell, said.p10, said.p50, said.p90])?;
    }
    Ok(())
}

/// Is there an hour that began at `until` or before, of which something was said?
pub fn is_due(connection: &Connection, until: Timestamp) -> Result<bool> {
    Ok(!due(connection, until, 1)?.is_empty())
}

/// Up to `limit` hours that began at `until` or before and of which something was said, oldest first.
pub fn due(connection: &Connection, until: Timestamp, limit: usize) -> Result<Vec<Timestamp>> {
    let sql = "select distinct hour from forecast_hours where hour <= ?1 order by hour limit ?2";
    let read = |r: &Row<'_>| Ok(Timestamp::from_millis(r.get(0)?));
    Ok(connection.prepare_cached(sql)?.query_map(params![until.as_millis(), count(limit)], read)?.collect::<rusqlite::Result<_>>()?)
}

/// What was said of an hour.
pub fn said(connection: &Connection, hour: Timestamp) -> Result<Vec<Said>> {
    let read = |r: &Row<'_>| {
        Ok(Said { hour: row::time(r, "hour")?, cell: r.get("cell")?, p10: r.get("p10")?, p50: r.get("p50")?, p90: r.get("p90")? })
    };
    connection
        .prepare_cached("select * from forecast_hours where hour = ?1 order by cell")?
        .query_and_then([hour.as_millis()], read)?
        .collect()
}

/// Forgets what was said of an hour.
pub fn forget_said(tx: &Transaction<'_>, hour: Timestamp) -> Result<()> {
    tx.prepare_cached("delete from forecast_hours where hour = ?1")?.execute([hour.as_millis()])?;
    Ok(())
}

/// Adds to the sums of a day.
pub fn add(tx: &Transaction<'_>, day: &str, whose: Whose, sums: &Sums) -> Result<()> {
    let sql = "insert into forecast_days (day, whose, hours, requests, error, naive_hours, naive_error, covered)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict do update set
               hours = hours + excluded.hours, requests = requests + excluded.requests, error = error + excluded.error,
               naive_hours = naive_hours + excluded.naive_hours, naive_error = naive_error + excluded.naive_error,
               covered = covered + excluded.covered";
    let Sums { hours, requests, error, naive_hours, naive_error, covered } = *sums;
    let given = params![day, whose.as_str(), hours, requests, error, naive_hours, naive_error, covered];
    tx.prepare_cached(sql)?.execute(given)?;
    Ok(())
}

/// The sums of the last `limit` days within `from` to `to`, both included, newest first.
pub fn days(connection: &Connection, from: &str, to: &str, limit: usize) -> Result<Vec<(String, Whose, Sums)>> {
    let sql = "select * from forecast_days where day in
               (select distinct day from forecast_days where day between ?1 and ?2 order by day desc limit ?3) order by day desc, whose";
    let read = |r: &Row<'_>| {
        let whose: String = r.get("whose")?;
        let found = [Whose::All, Whose::Cells].into_iter().find(|known| known.as_str() == whose);
        let whose = found.ok_or_else(|| Error::Corrupt(format!("forecasts went somehow for {whose:?}")))?;
        let sums = Sums {
            hours: r.get("hours")?,
            requests: r.get("requests")?,
            error: r.get("error")?,
            naive_hours: r.get("naive_hours")?,
            naive_error: r.get("naive_error")?,
            covered: r.get("covered")?,
        };
        Ok((r.get("day")?, whose, sums))
    };
    connection.prepare_cached(sql)?.query_and_then(params![from, to, count(limit)], read)?.collect()
}

/// Forgets all but the last `keep` days.
pub fn purge(tx: &Transaction<'_>, keep: usize) -> Result<()> {
    let sql = "delete from forecast_days where day not in (select distinct day from forecast_days order by day desc limit ?1)";
    tx.prepare_cached(sql)?.execute([count(keep)])?;
    Ok(())
}

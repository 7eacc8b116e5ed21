//! What is kept for each day of the calendar: the plan made of it before, and the report made of it after. Each is one JSON text.

use super::{Result, journal::count};
use crate::model::{Day, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// The plan of a day to come.
    Plan,
    /// The report of a day that was.
    Report,
}

impl Kept {
    fn table(self) -> (&'static str, &'static str) {
        match self {
            Self::Plan => ("day_plans", "plan"),
            Self::Report => ("daily_reports", "report"),
        }
    }
}

/// Keeps the day's text in place of the one before.
pub fn put(tx: &Transaction<'_>, what: Kept, day: &Day, text: &str, now: Timestamp) -> Result<()> {
    let (table, column) = what.table();
    let sql = format!("insert or replace into {table} (day, made_at, {column}) values (?1, ?2, ?3)");
    tx.prepare_cached(&sql)?.execute(params![day.to_string(), now.as_millis(), text])?;
    Ok(())
}

/// The text of a day like `2026-10-25`.
pub fn get(connection: &Connection, what: Kept, day: &str) -> Result<Option<String>> {
    let (table, column) = what.table();
    let sql = format!("select {column} from {table} where day = ?1");
    Ok(connection.prepare_cached(&sql)?.query_row([day], |r| r.get(0)).optional()?)
}

/// Up to `limit` texts of the days from `from` to `to`, both included, newest first.
pub fn list(connection: &Connection, what: Kept, from: &str, to: &str, limit: usize) -> Result<Vec<String>> {
    let (table, column) = what.table();
    let sql = format!("select {column} from {table} where day between ?1 and ?2 order by day desc limit ?3");
    Ok(connection.prepare_cached(&sql)?.query_map(params![from, to, count(limit)], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// Forgets plans made before `before`. Reports are small, and kept.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from day_plans where made_at < ?1", [before.as_millis()])?)
}

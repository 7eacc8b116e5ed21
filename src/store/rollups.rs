//! Sums by hour, and what each booking and duty added to them.

use super::{Error, Result};
use crate::model::{Dimension, Measure, Measures, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use std::sync::LazyLock;

/// Whose sum it is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key {
    /// What is summed up by.
    pub dimension: Dimension,
    /// Which of those.
    pub key: String,
    /// When the hour begins.
    pub hour: Timestamp,
    /// The currency of the revenue; duties have none.
    pub currency: String,
}

/// What a fact is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Source {
    /// A booking, by id.
    Booking,
    /// A driver's duty, by its number.
    Duty,
    /// A vehicle's time on duty without a driver, by the journal entry that ended it.
    Vehicle,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::Booking => "booking",
            Self::Duty => "duty",
            Self::Vehicle => "vehicle",
        }
    }
}

static NAMES: LazyLock<String> = LazyLock::new(|| Measure::ALL.map(Measure::as_str).join(", "));
static SUMS: LazyLock<String> = LazyLock::new(|| Measure::ALL.map(|m| format!("sum({})", m.as_str())).join(", "));
static UPSERT: LazyLock<String> = LazyLock::new(|| {
    let marks: Vec<_> = (5..5 + Measure::ALL.len()).map(|n| format!("?{n}")).collect();
    let add: Vec<_> = Measure::ALL.iter().map(|m| format!("{0} = {0} + excluded.{0}", m.as_str())).collect();
    format!(
        "insert into rollups (dimension, key, hour, currency, {}) values (?1, ?2, ?3, ?4, {}) on conflict do update set {}",
        *NAMES,
        marks.join(", "),
        add.join(", ")
    )
});
static DROP_EMPTY: LazyLock<String> = LazyLock::new(|| {
    let empty = Measure::ALL.map(|m| format!("{} = 0", m.as_str())).join(" and ");
    format!("delete from rollups where dimension = ?1 and key = ?2 and hour = ?3 and currency = ?4 and {empty}")
});

/// Adds `amounts` to a sum; one that is nothing then goes.
pub fn add(tx: &Transaction<'_>, key: &Key, amounts: &Measures) -> Result<()> {
    let name = (key.dimension.as_str(), &key.key, key.hour.as_millis(), &key.currency);
    let mut statement = tx.prepare_cached(&UPSERT)?;
    for (at, value) in [name.0, name.1.as_str()].into_iter().enumerate() {
        statement.raw_bind_parameter(at + 1, value)?;
    }
    statement.raw_bind_parameter(3, name.2)?;
    statement.raw_bind_parameter(4, name.3.as_str())?;
    for (at, amount) in amounts.amounts().iter().enumerate() {
        statement.raw_bind_parameter(at + 5, amount)?;
    }
    statement.raw_execute()?;
    if amounts.amounts().iter().any(|amount| *amount < 0) {
        tx.prepare_cached(&DROP_EMPTY)?.execute(name)?;
    }
    Ok(())
}

/// The sums of the hours that begin within `from` and `until`, one for each currency: of one key, or of all keys together.
pub fn total(
    c: &Connection,
    dimension: Dimension,
    key: Option<&str>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<(String, Measures)>> {
    let wanted = if key.is_some() { "key = ?4" } else { "?4 is null" };
    let sql = format!(
        "select currency, {} from rollups where dimension = ?1 and hour >= ?2 and hour < ?3 and {wanted} group by currency order by currency",
        *SUMS
    );
    let given = params![dimension.as_str(), from.as_millis(), until.as_millis(), key];
    let rows = c.prepare_cached(&sql)?.query_map(given, |r| Ok((r.get(0)?, measures(r, 1)?)))?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// The sums of each hour, in order of time.
pub fn hours(
    c: &Connection,
    dimension: Dimension,
    key: Option<&str>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<(Timestamp, String, Measures)>> {
    let wanted = if key.is_some() { "key = ?4" } else { "?4 is null" };
    let sql = format!(
        "select hour, currency, {} from rollups where dimension = ?1 and hour >= ?2 and hour < ?3 and {wanted}
         group by hour, currency order by hour, currency",
        *SUMS
    );
    let given = params![dimension.as_str(), from.as_millis(), until.as_millis(), key];
    let read = |r: &Row<'_>| Ok((Timestamp::from_millis(r.get(0)?), r.get(1)?, measures(r, 2)?));
    let rows = c.prepare_cached(&sql)?.query_map(given, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// The sums of each key. It goes from key to key, to that one's hours: by the hours alone it would come to the rows in no order of theirs.
pub fn keys(c: &Connection, dimension: Dimension, from: Timestamp, until: Timestamp) -> Result<Vec<(String, String, Measures)>> {
    let sql = format!(
        "with recursive keys (key) as (
             select min(key) from rollups where dimension = ?1
             union all select (select min(key) from rollups where dimension = ?1 and key > keys.key) from keys where keys.key is not null
         )
         select rollups.key, currency, {} from keys
         cross join rollups on dimension = ?1 and rollups.key = keys.key and hour >= ?2 and hour < ?3
         group by rollups.key, currency order by rollups.key, currency",
        *SUMS
    );
    let given = params![dimension.as_str(), from.as_millis(), until.as_millis()];
    let read = |r: &Row<'_>| Ok((r.get(0)?, r.get(1)?, measures(r, 2)?));
    let rows = c.prepare_cached(&sql)?.query_map(given, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// The sums of each key in each hour in which something went unserved: failed or expired.
pub fn unserved(c: &Connection, dimension: Dimension, from: Timestamp, until: Timestamp) -> Result<Vec<(String, Timestamp, Measures)>> {
    let sql = format!(
        "select key, hour, {} from rollups where dimension = ?1 and hour >= ?2 and hour < ?3
         group by key, hour having sum(failed) + sum(expired) > 0 order by key, hour",
        *SUMS
    );
    let given = params![dimension.as_str(), from.as_millis(), until.as_millis()];
    let read = |r: &Row<'_>| Ok((r.get(0)?, Timestamp::from_millis(r.get(1)?), measures(r, 2)?));
    let rows = c.prepare_cached(&sql)?.query_map(given, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// The fact that was last added for `id`.
pub fn fact(c: &Connection, source: Source, id: &str) -> Result<Option<String>> {
    let sql = "select fact from facts where source = ?1 and id = ?2";
    Ok(c.prepare_cached(sql)?.query_row((source.as_str(), id), |r| r.get(0)).optional()?)
}

/// Keeps the fact of `id` in place of the one before.
pub fn put_fact(tx: &Transaction<'_>, source: Source, id: &str, fact: &str) -> Result<()> {
    tx.prepare_cached("insert or replace into facts (source, id, fact) values (?1, ?2, ?3)")?.execute((source.as_str(), id, fact))?;
    Ok(())
}

/// The zone whose hours the sums go by.
pub fn zone(c: &Connection) -> Result<Option<String>> {
    Ok(c.prepare_cached("select zone from rollups_zone")?.query_row([], |r| r.get(0)).optional()?)
}

/// Forgets all sums and facts: they go by the hours of `zone` from now on.
pub fn clear(tx: &Transaction<'_>, zone: &str) -> Result<()> {
    tx.execute_batch("delete from rollups; delete from facts;")?;
    tx.execute("insert or replace into rollups_zone (one, zone) values (1, ?1)", [zone])?;
    Ok(())
}

/// Every sum, in the order of its key; for tests that compare.
pub fn all(c: &Connection) -> Result<Vec<(Key, Measures)>> {
    let sql = format!("select dimension, key, hour, currency, {} from rollups order by dimension, key, hour, currency", *NAMES);
    let read = |r: &Row<'_>| {
        let dimension: String = r.get(0)?;
        let dimension = Dimension::parse(&dimension).ok_or_else(|| Error::Corrupt(format!("a sum by {dimension:?}")))?;
        let key = Key { dimension, key: r.get(1)?, hour: Timestamp::from_millis(r.get(2)?), currency: r.get(3)? };
        Ok((key, measures(r, 4)?))
    };
    c.prepare_cached(&sql)?.query_and_then([], read)?.collect()
}

fn measures(r: &Row<'_>, first: usize) -> rusqlite::Result<Measures> {
    let mut sums = Measures::default();
    for (at, measure) in Measure::ALL.into_iter().enumerate() {
        sums[measure] = r.get(first + at)?;
    }
    Ok(sums)
}

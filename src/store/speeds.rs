//! Learned speeds: what was driven by a vehicle class in an hour of the day.

use super::Result;
use rusqlite::{Connection, Transaction};

/// What was driven.
#[derive(Clone, PartialEq, Debug)]
pub struct Driven {
    /// The vehicles' class.
    pub class: String,
    /// Hour of the day, 0 to 23, depot time.
    pub hour: u8,
    /// Metres as the crow flies.
    pub straight_m: f64,
    /// Seconds.
    pub driven_s: f64,
}

/// All that is kept.
pub fn all(connection: &Connection) -> Result<Vec<Driven>> {
    let mut statement = connection.prepare_cached("select class, hour, straight_m, driven_s from speeds")?;
    let rows = statement.query_map([], |r| Ok(Driven { class: r.get(0)?, hour: r.get(1)?, straight_m: r.get(2)?, driven_s: r.get(3)? }))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Keeps it in place of what was there.
pub fn put(tx: &Transaction<'_>, driven: &Driven) -> Result<()> {
    let sql = "insert into speeds (class, hour, straight_m, driven_s) values (?1, ?2, ?3, ?4)
               on conflict (class, hour) do update set straight_m = excluded.straight_m, driven_s = excluded.driven_s";
    tx.prepare_cached(sql)?.execute((&driven.class, driven.hour, driven.straight_m, driven.driven_s))?;
    Ok(())
}

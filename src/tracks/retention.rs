//! Forgets fixes by age and by size, the oldest first.

use super::compact::{key, quarter, quarter_of, unpack_quarters};
use super::file::Error;
use crate::config;
use crate::model::{Span, Timestamp};
use rusqlite::Connection;

/// What a run of retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Packed rows deleted.
    pub rows: u64,
    /// Bytes that fixes take now; the file may be larger until it is vacuumed.
    pub used_bytes: u64,
    /// Bytes given back to the file system.
    pub freed_bytes: u64,
}

/// Rows deleted and pages vacuumed by one step at most: it must not hold up the next commit for long.
const STEP_ROWS: i64 = 2_000;
const STEP_PAGES: u64 = 500;

/// One run of retention, done in steps so that commits go on between them.
pub(super) struct Run {
    cutoff: Timestamp,
    limit_bytes: u64,
    batches_forgotten: bool,
    done: Retained,
}

impl Run {
    pub fn new(limits: &config::Tracks, now: Timestamp) -> Self {
        Self {
            cutoff: now - Span::from_secs(i64::from(limits.retain_days) * 86_400),
            limit_bytes: limits.retain_mib.saturating_mul(1 << 20),
            batches_forgotten: false,
            done: Retained::default(),
        }
    }

    /// Does some of it; once nothing is left to do, says what was done in all.
    pub fn step(&mut self, conn: &Connection) -> Result<Option<Retained>, Error> {
        let rows = self.delete_some(conn)?;
        self.done.rows += rows;
        if rows > 0 {
            return Ok(None);
        }
        if !self.batches_forgotten {
            forget_batches(conn)?;
            self.batches_forgotten = true;
        }
        let freed = vacuum_some(conn)?;
        self.done.freed_bytes += freed;
        if freed > 0 {
            return Ok(None);
        }
        self.done.used_bytes = used_bytes(conn)?;
        Ok(Some(self.done))
    }

    fn delete_some(&self, conn: &Connection) -> Result<u64, Error> {
        let aged = delete_runs_before(conn, key(quarter(self.cutoff), 0))? + delete_chunks_before(conn, self.cutoff)?;
        let used = used_bytes(conn)?;
        if aged > 0 || used <= self.limit_bytes {
            return Ok(aged);
        }
        delete_oldest(conn, used - self.limit_bytes)
    }
}

fn pragma(conn: &Connection, name: &str) -> Result<u64, Error> {
    Ok(conn.query_row(&format!("pragma {name}"), [], |r| r.get::<_, i64>(0))?.cast_unsigned())
}

fn used_bytes(conn: &Connection) -> Result<u64, Error> {
    let pages = pragma(conn, "page_count")?.saturating_sub(pragma(conn, "freelist_count")?);
    Ok(pages * pragma(conn, "page_size")?)
}

fn vacuum_some(conn: &Connection) -> Result<u64, Error> {
    let before = pragma(conn, "page_count")?;
    {
        // Each row of this pragma is one step of its work.
        let mut vacuum = conn.prepare(&format!("pragma incremental_vacuum({STEP_PAGES})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    Ok(before.saturating_sub(pragma(conn, "page_count")?) * pragma(conn, "page_size")?)
}

fn delete_runs_before(conn: &Connection, key: i64) -> Result<u64, Error> {
    let sql = "delete from run where key in (select key from run where key < ?1 order by key limit ?2)";
    Ok(conn.execute(sql, [key, STEP_ROWS])? as u64)
}

/// Chunks that compaction has not reached, but for the newest, whose number must not be given again.
fn delete_chunks_before(conn: &Connection, cutoff: Timestamp) -> Result<u64, Error> {
    let sql = "delete from chunk where max_ts < ?1 and seq < (select max(seq) from chunk)";
    Ok(conn.execute(sql, [cutoff.as_millis()])? as u64)
}

/// The oldest runs that hold about `excess` bytes; when there is no run, as many of the oldest chunks but for the newest.
fn delete_oldest(conn: &Connection, excess: u64) -> Result<u64, Error> {
    let runs = oldest_until(conn, "select key, length(body) from run order by key limit ?1", excess)?;
    if let Some(key) = runs {
        return Ok(conn.execute("delete from run where key <= ?1", [key])? as u64);
    }
    let chunks = oldest_until(conn, "select seq, length(body) from chunk order by seq limit ?1", excess)?;
    let sql = "delete from chunk where seq <= ?1 and seq < (select max(seq) from chunk)";
    Ok(conn.execute(sql, [chunks])? as u64)
}

/// The last of the oldest rows that together are about `excess` bytes; `None` when there is no row.
fn oldest_until(conn: &Connection, sql: &str, excess: u64) -> Result<Option<i64>, Error> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([STEP_ROWS])?;
    let (mut last, mut bytes) = (None, 0);
    while let Some(row) = rows.next()? {
        last = Some(row.get(0)?);
        bytes += row.get::<_, i64>(1)?.cast_unsigned();
        if bytes >= excess {
            break;
        }
    }
    Ok(last)
}

/// A batch tells where replay finds the runs of its chunks; the newest one also says how far chunks are numbered.
fn forget_batches(conn: &Connection) -> Result<(), Error> {
    let sql = "select ifnull((select key from run order by key limit 1), 0)";
    let oldest = quarter_of(conn.query_row(sql, [], |r| r.get(0))?);
    let mut gone = Vec::new();
    {
        let mut statement = conn.prepare("select upto, quarters from batch where upto < (select max(upto) from batch)")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut quarters = std::collections::BTreeSet::new();
            unpack_quarters(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?, &mut quarters)?;
            if quarters.last().is_none_or(|&q| q < oldest) {
                gone.push(row.get::<_, i64>(0)?);
            }
        }
    }
    for upto in gone {
        conn.execute("delete from batch where upto = ?1", [upto])?;
    }
    Ok(())
}

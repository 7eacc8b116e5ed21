//! Forgets fixes by age and by size, the oldest first.

use super::compact::{key, quarter};
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

/// Rows deleted in one transaction at most, so that the write-ahead log stays small.
const STEP_ROWS: i64 = 2_000;

pub(super) fn run(conn: &mut Connection, limits: &config::Tracks, now: Timestamp) -> Result<Retained, Error> {
    let mut done = Retained::default();
    let cutoff = now - Span::from_secs(i64::from(limits.retain_days) * 86_400);
    done.rows += delete_runs_before(conn, key(quarter(cutoff), 0))?;
    let limit = limits.retain_mib.saturating_mul(1 << 20);
    while used_bytes(conn)? > limit {
        let rows = delete_oldest(conn)?;
        if rows == 0 {
            break;
        }
        done.rows += rows;
    }
    // A batch tells where replay finds the runs of its chunks; the newest one also says how far chunks are numbered.
    let oldest = "select ifnull((select key from run order by key limit 1), 0)";
    let oldest: i64 = conn.query_row(oldest, [], |r| r.get(0))?;
    forget_batches(conn, oldest)?;
    let before = pragma(conn, "page_count")?;
    {
        // Each row of this pragma is one step of its work.
        let mut vacuum = conn.prepare("pragma incremental_vacuum")?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
    }
    let page = pragma(conn, "page_size")?;
    done.freed_bytes = before.saturating_sub(pragma(conn, "page_count")?) * page;
    done.used_bytes = used_bytes(conn)?;
    Ok(done)
}

fn pragma(conn: &Connection, name: &str) -> Result<u64, Error> {
    Ok(conn.query_row(&format!("pragma {name}"), [], |r| r.get::<_, i64>(0))?.cast_unsigned())
}

fn used_bytes(conn: &Connection) -> Result<u64, Error> {
    let pages = pragma(conn, "page_count")?.saturating_sub(pragma(conn, "freelist_count")?);
    Ok(pages * pragma(conn, "page_size")?)
}

fn delete_runs_before(conn: &Connection, key: i64) -> Result<u64, Error> {
    let mut rows = 0;
    loop {
        let sql = "delete from run where key in (select key from run where key < ?1 order by key limit ?2)";
        let deleted = conn.execute(sql, [key, STEP_ROWS])?;
        if deleted == 0 {
            return Ok(rows);
        }
        rows += deleted as u64;
    }
}

/// The oldest runs; when there is none, the oldest chunks but for the newest, whose number must not be given again.
fn delete_oldest(conn: &Connection) -> Result<u64, Error> {
    let runs = conn.execute("delete from run where key in (select key from run order by key limit ?1)", [STEP_ROWS / 4])?;
    if runs > 0 {
        return Ok(runs as u64);
    }
    let sql = "delete from chunk where seq in (select seq from chunk order by seq limit ?1) and seq < (select max(seq) from chunk)";
    Ok(conn.execute(sql, [STEP_ROWS / 4])? as u64)
}

fn forget_batches(conn: &Connection, oldest_key: i64) -> Result<(), Error> {
    let oldest = super::compact::quarter_of(oldest_key);
    let mut gone = Vec::new();
    {
        let mut statement = conn.prepare("select upto, quarters from batch where upto < (select max(upto) from batch)")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut quarters = std::collections::BTreeSet::new();
            super::compact::unpack_quarters(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?, &mut quarters)?;
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

//! Rewrites chunks (many vehicles, one commit) as runs (one vehicle, one quarter of an hour).
//!
//! Runs lie in the order of [`key`]: all of a quarter side by side, so that they are written in sequence and deleted in
//! sequence, and a vehicle's share of a quarter is one probe.

use super::codec::{Base, Fixes, Malformed, Reader, Section, Sections, put_unsigned};
use super::file::Error;
use crate::model::{Fix, Timestamp, VehicleId};
use rusqlite::{Connection, Transaction, params};
use std::collections::{BTreeMap, BTreeSet};

const QUARTER_MS: i64 = 15 * 60 * 1000;
const VID_BITS: u32 = 22;
const SUB_BITS: u32 = 18;
pub(super) const MAX_VID: u32 = (1 << VID_BITS) - 1;
const MAX_QUARTER: i64 = (1 << 22) - 1;
/// Chunks and fixes of one step at most: it must not hold up the next commit for long.
const STEP_CHUNKS: i64 = 1_000;
const STEP_FIXES: i64 = 100_000;
/// More chunks than this are rewritten even when their quarter is not over.
const HOT_CHUNKS: i64 = 4_000;

/// The quarter of an hour that an instant lies in; what is before 1970 or after 2089 is put to that edge.
pub(super) fn quarter(ts: Timestamp) -> i64 {
    ts.as_millis().div_euclid(QUARTER_MS).clamp(0, MAX_QUARTER)
}

/// When a quarter begins.
pub(super) fn quarter_start(quarter: i64) -> Timestamp {
    Timestamp::from_millis(quarter * QUARTER_MS)
}

/// A run's first possible key.
pub(super) fn key(quarter: i64, vid: u32) -> i64 {
    (quarter << (VID_BITS + SUB_BITS)) | (i64::from(vid) << SUB_BITS)
}

/// A run's last possible key.
pub(super) fn last_key(quarter: i64, vid: u32) -> i64 {
    key(quarter, vid) | ((1 << SUB_BITS) - 1)
}

/// The quarter that a key lies in.
pub(super) fn quarter_of(key: i64) -> i64 {
    key >> (VID_BITS + SUB_BITS)
}

/// The vehicle of a key.
pub(super) fn vid_of(key: i64) -> u32 {
    u32::try_from((key >> SUB_BITS) & i64::from(MAX_VID)).unwrap_or(MAX_VID)
}

pub(super) fn pack_quarters(quarters: &BTreeSet<i64>) -> Vec<u8> {
    let mut out = Vec::new();
    for &quarter in quarters {
        put_unsigned(&mut out, quarter.cast_unsigned());
    }
    out
}

pub(super) fn unpack_quarters(bytes: &[u8], into: &mut BTreeSet<i64>) -> Result<(), Malformed> {
    let mut reader = Reader(bytes);
    while !reader.is_empty() {
        into.insert(reader.unsigned()?.cast_signed());
    }
    Ok(())
}

/// What a step did.
#[derive(Default)]
pub(super) struct Step {
    /// Chunks rewritten.
    pub chunks: u64,
    /// The number of the last run that it wrote.
    pub last_run: Option<i64>,
}

/// Rewrites the oldest chunks of past quarters (of `all`, also of the present one), as many as one step takes.
pub(super) fn step(conn: &mut Connection, now: Timestamp, all: bool) -> Result<Step, Error> {
    let bounds = "select min(seq), max(seq) from chunk";
    let (Some(first), Some(last)) =
        conn.prepare_cached(bounds)?.query_row([], |r| Ok((r.get::<_, Option<i64>>(0)?, r.get::<_, Option<i64>>(1)?)))?
    else {
        return Ok(Step::default());
    };
    let received: i64 = conn.prepare_cached("select received from chunk where seq = ?1")?.query_row([first], |r| r.get(0))?;
    let crowded = all || last - first > HOT_CHUNKS;
    if !crowded && quarter(Timestamp::from_millis(received)) >= quarter(now) {
        return Ok(Step::default());
    }
    let tx = conn.transaction()?;
    let before = if crowded { i64::MAX } else { quarter(now) * QUARTER_MS };
    let (upto, chunks, vehicles) = gather(&tx, first, before)?;
    let mut quarters = BTreeSet::new();
    let last_run = write_runs(&tx, upto, vehicles, &mut quarters)?;
    tx.execute("insert into batch (upto, quarters) values (?1, ?2)", params![upto, pack_quarters(&quarters)])?;
    tx.execute("delete from chunk where seq <= ?1", [upto])?;
    tx.commit()?;
    Ok(Step { chunks, last_run: Some(last_run) })
}

type Gathered = BTreeMap<u32, Vec<(Base, Vec<u8>)>>;

/// The sections of the oldest chunks received before `before`, by vehicle.
fn gather(tx: &Transaction<'_>, first: i64, before: i64) -> Result<(i64, u64, Gathered), Error> {
    let mut vehicles = Gathered::new();
    let (mut upto, mut chunks, mut fixes) = (first, 0, 0);
    let mut statement = tx.prepare_cached("select seq, received, fixes, body from chunk order by seq limit ?1")?;
    let mut rows = statement.query([STEP_CHUNKS])?;
    while let Some(row) = rows.next()? {
        let (seq, received, count): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if chunks > 0 && (received >= before || fixes + count > STEP_FIXES) {
            break;
        }
        (upto, chunks, fixes) = (seq, chunks + 1, fixes + count);
        let sections = Sections::open(row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?)?;
        let base = sections.base;
        for section in sections {
            let (vid, bytes) = section?;
            vehicles.entry(vid).or_default().push((base, bytes.to_vec()));
        }
    }
    Ok((upto, chunks, vehicles))
}

/// Writes the runs, each with the next number, and gives the last of these.
fn write_runs(tx: &Transaction<'_>, upto: i64, vehicles: Gathered, quarters: &mut BTreeSet<i64>) -> Result<i64, Error> {
    let anybody = VehicleId::new("x").map_err(|e| Error::Io(e.to_string()))?;
    let mut found: Vec<(i64, u32, Vec<u8>)> = Vec::new();
    for (vid, sections) in vehicles {
        let mut fixes: Vec<Fix> = Vec::new();
        for (base, bytes) in sections {
            for fix in Fixes::new(anybody.clone(), base, &bytes) {
                fixes.push(fix?);
            }
        }
        fixes.sort_by_key(|f| f.ts);
        for of_quarter in fixes.chunk_by(|a, b| quarter(a.ts) == quarter(b.ts)) {
            let mut body = Vec::new();
            let mut section = Section::new(Base::default());
            for fix in of_quarter {
                section.put(&mut body, fix);
            }
            found.push((quarter(of_quarter[0].ts), vid, body));
        }
    }
    found.sort_unstable_by_key(|run| (run.0, run.1));
    let mut newest = tx.prepare_cached("select max(key) from run where key between ?1 and ?2")?;
    let mut insert = tx.prepare_cached("insert into run (key, upto, body, seq) values (?1, ?2, ?3, ?4)")?;
    let mut seq = super::file::last_run(tx)?;
    for (quarter, vid, body) in found {
        let last: Option<i64> = newest.query_row([key(quarter, vid), last_key(quarter, vid)], |r| r.get(0))?;
        let key = last.map_or(key(quarter, vid), |last| (last + 1).min(last_key(quarter, vid)));
        seq += 1;
        insert.execute(params![key, upto, body, seq])?;
        quarters.insert(quarter);
    }
    tx.execute("update meta set last_run = ?1", [seq])?;
    Ok(seq)
}

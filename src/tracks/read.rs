//! Reading tracks: connections of their own, one snapshot per question.

use super::codec::{Fixes, Sections, e7};
use super::compact::{key, last_key, quarter, quarter_of, unpack_quarters, vid_of};
use super::file::{self, Error};
use crate::model::{Fix, Flags, Timestamp, VehicleId};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Where a page of a track ended: the next begins behind it. Written as text in URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    ts: i64,
    lat: i64,
    lon: i64,
}

impl Cursor {
    fn of(fix: &Fix) -> Self {
        Self { ts: fix.ts.as_millis(), lat: e7(fix.place.lat()), lon: e7(fix.place.lon()) }
    }
}
impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.ts, self.lat, self.lon)
    }
}
impl std::str::FromStr for Cursor {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.').map(|p| p.parse().ok());
        match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
            (Some(ts), Some(lat), Some(lon), None) => Ok(Self { ts, lat, lon }),
            _ => Err("is not a cursor of a track"),
        }
    }
}

/// A page of a track.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In order of time; each (time, place) once, with all the flags it was ever given.
    pub fixes: Vec<Fix>,
    /// Set when more follows.
    pub next: Option<Cursor>,
}

/// Idle connections kept for the next reader.
const IDLE: usize = 4;

pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default() }
    }

    pub(super) fn with<T>(&self, ask: impl FnOnce(&Transaction<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut conn = idle.map_or_else(|| file::open_reader(&self.path), Ok)?;
        let tx = conn.transaction()?;
        let answer = ask(&tx)?;
        tx.finish()?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(conn);
        }
        Ok(answer)
    }

    pub fn track(&self, vehicle: &VehicleId, from: Timestamp, to: Timestamp, limit: usize, after: Option<Cursor>) -> Result<Page, Error> {
        let from = after.map_or(from, |c| from.max(Timestamp::from_millis(c.ts)));
        if limit == 0 || from > to {
            return Ok(Page::default());
        }
        self.with(|tx| {
            let sql = "select vid from vehicle where id = ?1";
            let Some(vid) = tx.prepare_cached(sql)?.query_row([vehicle.as_str()], |r| r.get::<_, u32>(0)).optional()? else {
                return Ok(Page::default());
            };
            let wanted = |fix: &Fix| fix.ts >= from && fix.ts <= to && after.is_none_or(|c| Cursor::of(fix) > c);
            let mut asked = Asked { tx, vehicle, vid, fixes: Vec::new() };
            asked.runs(from, to, limit, &wanted)?;
            asked.chunks(from, to, &wanted)?;
            Ok(page(asked.fixes, limit))
        })
    }

    pub fn replay_after(&self, chunk: i64, mut each: impl FnMut(&Fix)) -> Result<i64, Error> {
        self.with(|tx| {
            let mut ids = HashMap::new();
            let mut statement = tx.prepare("select vid, id from vehicle")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let id = VehicleId::new(&row.get::<_, String>(1)?).map_err(|e| Error::Damaged(e.to_string()))?;
                ids.insert(row.get::<_, u32>(0)?, id);
            }
            let id = |vid: u32| ids.get(&vid).cloned().ok_or_else(|| Error::Damaged("a fix of no vehicle".into()));
            for quarter in quarters_after(tx, chunk)? {
                let mut statement = tx.prepare_cached("select key, body from run where key between ?1 and ?2 and upto > ?3")?;
                let mut rows = statement.query([key(quarter, 0), key(quarter + 1, 0) - 1, chunk])?;
                while let Some(row) = rows.next()? {
                    for fix in Fixes::new(id(vid_of(row.get(0)?))?, super::codec::Base::default(), blob(row, 1)?) {
                        each(&fix?);
                    }
                }
            }
            let mut statement = tx.prepare_cached("select body from chunk where seq > ?1 order by seq")?;
            let mut rows = statement.query([chunk])?;
            while let Some(row) = rows.next()? {
                let sections = Sections::open(blob(row, 0)?)?;
                let base = sections.base;
                for section in sections {
                    let (vid, bytes) = section?;
                    for fix in Fixes::new(id(vid)?, base, bytes) {
                        each(&fix?);
                    }
                }
            }
            file::last_chunk(tx)
        })
    }
}

fn quarters_after(tx: &Transaction<'_>, chunk: i64) -> Result<BTreeSet<i64>, Error> {
    let mut quarters = BTreeSet::new();
    let mut statement = tx.prepare_cached("select quarters from batch where upto > ?1")?;
    let mut rows = statement.query([chunk])?;
    while let Some(row) = rows.next()? {
        unpack_quarters(blob(row, 0)?, &mut quarters)?;
    }
    Ok(quarters)
}

pub(super) fn blob<'a>(row: &'a Row<'_>, at: usize) -> Result<&'a [u8], Error> {
    Ok(row.get_ref(at)?.as_blob().map_err(rusqlite::Error::from)?)
}

/// One question about one vehicle.
struct Asked<'a> {
    tx: &'a Transaction<'a>,
    vehicle: &'a VehicleId,
    vid: u32,
    fixes: Vec<Fix>,
}

impl Asked<'_> {
    /// Quarter by quarter, until there is more than `limit`. Quarters in which nobody moved are jumped over.
    fn runs(&mut self, from: Timestamp, to: Timestamp, limit: usize, wanted: &impl Fn(&Fix) -> bool) -> Result<(), Error> {
        let mut own = self.tx.prepare_cached("select body from run where key between ?1 and ?2")?;
        let mut next = self.tx.prepare_cached("select key from run where key >= ?1 order by key limit 1")?;
        let (mut at, last) = (quarter(from), quarter(to));
        while at <= last && distinct(&mut self.fixes) <= limit {
            let mut rows = own.query([key(at, self.vid), last_key(at, self.vid)])?;
            while let Some(row) = rows.next()? {
                for fix in Fixes::new(self.vehicle.clone(), super::codec::Base::default(), blob(row, 0)?) {
                    let fix = fix?;
                    if wanted(&fix) {
                        self.fixes.push(fix);
                    }
                }
            }
            let Some(found) = next.query_row([key(at + 1, self.vid)], |r| r.get::<_, i64>(0)).optional()? else { break };
            at = quarter_of(found).max(at + 1);
            if vid_of(found) > self.vid && quarter_of(found) == at {
                at += 1;
            }
        }
        Ok(())
    }

    /// The chunks that are not runs yet: those of the last quarter of an hour or two.
    fn chunks(&mut self, from: Timestamp, to: Timestamp, wanted: &impl Fn(&Fix) -> bool) -> Result<(), Error> {
        let mut statement = self.tx.prepare_cached("select body from chunk where max_ts >= ?1 and min_ts <= ?2")?;
        let mut rows = statement.query([from.as_millis(), to.as_millis()])?;
        while let Some(row) = rows.next()? {
            let Some((base, section)) = Sections::open(blob(row, 0)?)?.find(self.vid)? else { continue };
            for fix in Fixes::new(self.vehicle.clone(), base, section) {
                let fix = fix?;
                if wanted(&fix) {
                    self.fixes.push(fix);
                }
            }
        }
        Ok(())
    }
}

/// Sorts, joins what was reported twice, and counts.
fn distinct(fixes: &mut Vec<Fix>) -> usize {
    fixes.sort_by_cached_key(|f| (Cursor::of(f), f.received));
    fixes.dedup_by(|later, first| {
        let same = Cursor::of(later) == Cursor::of(first);
        if same {
            first.flags = Flags::from_bits(first.flags.bits() | later.flags.bits());
        }
        same
    });
    fixes.len()
}

fn page(mut fixes: Vec<Fix>, limit: usize) -> Page {
    let more = distinct(&mut fixes) > limit;
    fixes.truncate(limit);
    let next = fixes.last().filter(|_| more).map(Cursor::of);
    Page { fixes, next }
}

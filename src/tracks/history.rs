//! Reading history on, run by run, in the order in which the runs were written.

use super::codec::{Base, Fixes};
use super::compact::{quarter_of, quarter_start, vid_of};
use super::file::Error;
use super::read::{Readers, blob};
use crate::model::{Fix, Timestamp, VehicleId};
use rusqlite::{OptionalExtension, Transaction};
use std::collections::HashMap;

/// What one vehicle reported in one quarter of an hour, or a part of it.
pub struct Run<'a> {
    /// Its number: grows by one from run to run. Where numbers are missing, retention took the runs.
    pub seq: i64,
    /// Whose it is.
    pub vehicle: &'a VehicleId,
    /// When the quarter of an hour began that it lies in.
    pub quarter: Timestamp,
    body: &'a [u8],
}

impl Run<'_> {
    /// Its fixes, in order of time.
    pub fn fixes(&self) -> impl Iterator<Item = Result<Fix, Error>> + '_ {
        Fixes::new(self.vehicle.clone(), Base::default(), self.body).map(|fix| fix.map_err(Error::from))
    }

    /// Length of the packed fixes.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// How reading on went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// The number up to which everything was handed over, or is gone.
    pub through: i64,
    /// The number of the last run that there is or was.
    pub last: i64,
    /// When the quarter began that the first run still to be read lies in.
    pub oldest: Option<Timestamp>,
}

/// Run numbers from `from_run` on belong to this epoch, until the next begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Random, made when the file was, and at each restore.
    pub epoch: [u8; 16],
    /// Its first number.
    pub from_run: i64,
}

impl Readers {
    pub fn runs_after(&self, after: i64, mut each: impl FnMut(Run<'_>) -> bool) -> Result<Runs, Error> {
        self.with(|tx| {
            let last = super::file::last_run(tx)?;
            let mut vehicles = Vehicles { tx, known: HashMap::new() };
            let mut statement = tx.prepare_cached("select seq, key, body from run where seq > ?1 order by seq")?;
            let mut rows = statement.query([after])?;
            let mut through = after;
            while let Some(row) = rows.next()? {
                let (seq, key): (i64, i64) = (row.get(0)?, row.get(1)?);
                let vehicle = vehicles.get(vid_of(key))?;
                if !each(Run { seq, vehicle, quarter: quarter_start(quarter_of(key)), body: blob(row, 2)? }) {
                    return Ok(Runs { through, last, oldest: Some(quarter_start(quarter_of(key))) });
                }
                through = seq;
            }
            Ok(Runs { through: last.max(after), last, oldest: None })
        })
    }

    pub fn epochs(&self) -> Result<Vec<Epoch>, Error> {
        self.with(|tx| {
            let mut statement = tx.prepare("select epoch, from_run from epoch order by number")?;
            let found = statement.query_map([], |r| Ok(Epoch { epoch: r.get(0)?, from_run: r.get(1)? }))?;
            Ok(found.collect::<Result<_, _>>()?)
        })
    }
}

/// Names of the vehicles asked for so far.
struct Vehicles<'a> {
    tx: &'a Transaction<'a>,
    known: HashMap<u32, VehicleId>,
}

impl Vehicles<'_> {
    fn get(&mut self, vid: u32) -> Result<&VehicleId, Error> {
        if !self.known.contains_key(&vid) {
            let sql = "select id from vehicle where vid = ?1";
            let id: Option<String> = self.tx.prepare_cached(sql)?.query_row([vid], |r| r.get(0)).optional()?;
            let id = id.ok_or_else(|| Error::Damaged("a run of no vehicle".into()))?;
            self.known.insert(vid, VehicleId::new(&id).map_err(|e| Error::Damaged(e.to_string()))?);
        }
        self.known.get(&vid).ok_or_else(|| Error::Damaged("a run of no vehicle".into()))
    }
}

//! The one thread that writes: takes what waits, packs it, commits it, and keeps house when it is calm.

use super::codec::Packer;
use super::compact;
use super::file::Error;
use super::queue::{CompactionRequest, Queue, RetentionRequest, Work};
use super::retention;
use crate::clock::Clock;
use crate::config;
use crate::model::{Fix, VehicleId};
use rusqlite::{Connection, Transaction, params};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::watch;

pub(super) struct Committer {
    conn: Connection,
    queue: Arc<Queue>,
    clock: Clock,
    durable: watch::Sender<u64>,
    limits: config::Tracks,
    last_chunk: i64,
    vehicles: HashMap<VehicleId, u32>,
    order: Vec<(u32, i64, u32)>,
    packer: Packer,
    /// The retention under way, and who asked for it.
    retention: Option<(retention::Run, RetentionRequest)>,
}

/// Tells the queue that the committer is gone, also when it panics.
struct Farewell(Arc<Queue>, Option<Error>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let died = std::thread::panicking().then(|| Error::Io("the committing thread of tracks.db panicked".into()));
        self.0.end(died.or(self.1.take()));
    }
}

impl Committer {
    pub fn new(
        conn: Connection,
        last_chunk: i64,
        limits: &config::Tracks,
        queue: Arc<Queue>,
        clock: Clock,
        durable: watch::Sender<u64>,
    ) -> Result<Self, Error> {
        let vehicles = {
            let mut statement = conn.prepare("select id, vid from vehicle")?;
            let rows = statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, u32>(1)?)))?;
            rows.map(|row| row.map(|(id, vid)| VehicleId::new(&id).ok().map(|id| (id, vid))))
                .filter_map(Result::transpose)
                .collect::<Result<_, _>>()?
        };
        let (order, packer) = (Vec::new(), Packer::default());
        Ok(Self { conn, queue, clock, durable, limits: limits.clone(), last_chunk, vehicles, order, packer, retention: None })
    }

    pub fn run(mut self) {
        let mut farewell = Farewell(self.queue.clone(), None);
        if let Err(fault) = self.work() {
            tracing::error!(%fault, "tracks.db: a commit failed, no fix is accepted any more");
            farewell.1 = Some(fault);
        }
        // The queue ends before `durable` closes, so that who sees it closed finds the fault.
        drop(farewell);
    }

    fn work(&mut self) -> Result<(), Error> {
        let queue = self.queue.clone();
        let mut fixes = Vec::new();
        loop {
            match queue.next(&self.clock, &mut fixes, self.retention.is_some()) {
                Work::Commit(sequence) => {
                    self.commit(&fixes)?;
                    fixes.clear();
                    self.durable.send_replace(sequence);
                    self.keep_house()?;
                }
                Work::Retain(request) => self.retention = Some((retention::Run::new(&self.limits, request.0), request)),
                Work::Compact(request) => self.compact_all(request)?,
                Work::Idle => self.retain_some(),
                Work::End => return Ok(()),
            }
        }
    }

    /// Makes runs of all chunks, also of those of the present quarter.
    fn compact_all(&mut self, request: CompactionRequest) -> Result<(), Error> {
        while self.compact(true)? > 0 {}
        // Nobody waits for the answer any more: the work is done all the same.
        drop(request.send(Ok(self.queue.last_run())));
        Ok(())
    }

    fn compact(&mut self, all: bool) -> Result<u64, Error> {
        let step = compact::step(&mut self.conn, self.clock.now(), all)?;
        self.queue.counters.compacted_chunks.fetch_add(step.chunks, Relaxed);
        if let Some(run) = step.last_run {
            self.queue.set_last_run(run);
        }
        Ok(step.chunks)
    }

    fn retain_some(&mut self) {
        let Some((mut run, request)) = self.retention.take() else { return };
        let result = match run.step(&self.conn) {
            Ok(None) => {
                self.retention = Some((run, request));
                return;
            }
            Ok(Some(done)) => {
                self.queue.counters.forgotten.fetch_add(done.rows, Relaxed);
                Ok(done)
            }
            Err(fault) => Err(fault),
        };
        // Nobody waits for the answer any more: the work is done all the same.
        let _ = request.1.send(result);
    }

    /// One transaction: the vehicles that are new, and one chunk.
    fn commit(&mut self, fixes: &[Fix]) -> Result<(), Error> {
        let tx = self.conn.transaction()?;
        self.order.clear();
        for (at, fix) in (0u32..).zip(fixes) {
            let vid = match self.vehicles.get(&fix.vehicle) {
                Some(&vid) => vid,
                None => new_vehicle(&tx, &mut self.vehicles, &fix.vehicle)?,
            };
            self.order.push((vid, fix.ts.as_millis(), at));
        }
        self.order.sort_unstable();
        let body = self.packer.chunk(fixes, &self.order);
        let times = || self.order.iter().map(|o| o.1);
        let received = fixes.iter().map(|f| f.received.as_millis()).max();
        let seq = self.last_chunk + 1;
        tx.prepare_cached("insert into chunk (seq, received, min_ts, max_ts, fixes, body) values (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![seq, received, times().min(), times().max(), i64::try_from(fixes.len()).unwrap_or(i64::MAX), body])?;
        tx.commit()?;
        self.last_chunk = seq;
        self.queue.set_last_chunk(seq);
        let counters = &self.queue.counters;
        counters.commits.fetch_add(1, Relaxed);
        counters.packed_bytes.fetch_add(body.len() as u64, Relaxed);
        Ok(())
    }

    fn keep_house(&mut self) -> Result<(), Error> {
        if self.queue.is_calm() {
            self.compact(false)?;
            self.retain_some();
        }
        Ok(())
    }
}

fn new_vehicle(tx: &Transaction<'_>, known: &mut HashMap<VehicleId, u32>, id: &VehicleId) -> Result<u32, Error> {
    let vid: u32 = tx.prepare_cached("insert into vehicle (id) values (?1) returning vid")?.query_row([id.as_str()], |r| r.get(0))?;
    if vid > compact::MAX_VID {
        return Err(Error::Sqlite("more vehicles than tracks.db can number".into()));
    }
    known.insert(id.clone(), vid);
    Ok(vid)
}

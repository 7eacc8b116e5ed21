//! The fix log, `tracks.db`: append with group commit, then say that it is durable; read a vehicle's track; forget the old.
//!
//! Fixes wait in a bounded queue. One thread packs what waits into a chunk and commits it with one fsync, when enough has gathered,
//! when a sender says [`Tracks::hurry`], or when the window ends. Once a quarter of an hour is over its chunks are rewritten
//! as one run per vehicle, side by side, so that a track is read by a few probes and a day is never scanned.
//!
//! When a commit fails, nothing more is accepted, [`Tracks::durable`] closes and [`Tracks::ended`] tells why: a depot that
//! cannot keep fixes must end, else devices stay connected and are never acknowledged.

mod codec;
mod committer;
mod compact;
mod file;
mod history;
mod queue;
mod read;
mod retention;

pub use file::{Error, renew_epoch};
pub use history::{Epoch, Run, Runs};
pub use queue::Stats;
pub use read::{Cursor, Page};
pub use retention::Retained;

use crate::clock::Clock;
use crate::config;
use crate::model::{Fix, Place, Timestamp, VehicleId};
use queue::Queue;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// The log takes nothing more: it was closed, or a commit failed (see [`Tracks::ended`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fix log is closed")]
pub struct Closed;

/// A handle to the fix log. When the last one is dropped, what waits is committed and the file is closed.
#[derive(Clone)]
pub struct Tracks(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    readers: read::Readers,
    epoch: [u8; 16],
    durable: watch::Receiver<u64>,
    committer: Option<std::thread::JoinHandle<()>>,
}

impl Tracks {
    /// Opens or creates `tracks.db` in `dir` and starts the committing thread. Refuses a file that a newer program wrote.
    pub fn open(dir: &Path, config: &config::Tracks, clock: Clock) -> Result<Self, Error> {
        let path = dir.join(file::NAME);
        let opened = file::open(&path)?;
        let (durable_tx, durable) = watch::channel(0);
        let queue = Arc::new(Queue::new(config, opened.last_chunk, opened.last_run));
        let committer = committer::Committer::new(opened.conn, opened.last_chunk, config, queue.clone(), clock, durable_tx)?;
        let thread =
            std::thread::Builder::new().name("tracks".into()).spawn(move || committer.run()).map_err(|e| Error::Io(e.to_string()))?;
        Ok(Self(Arc::new(Inner { queue, readers: read::Readers::new(&path), epoch: opened.epoch, durable, committer: Some(thread) })))
    }

    /// Queues `fixes` for the next commit, waiting while the queue is full. Returns their sequence number: they are durable
    /// as soon as [`Tracks::durable`] has reached it. Cancel-safe: dropped while waiting, nothing was queued.
    pub async fn append(&self, mut fixes: Vec<Fix>) -> Result<u64, Closed> {
        self.append_all(&mut fixes).await
    }

    /// Like [`Tracks::append`], leaving the emptied buffer to its owner.
    pub async fn append_all(&self, fixes: &mut Vec<Fix>) -> Result<u64, Closed> {
        self.0.queue.push(fixes).await
    }

    /// How far fixes are durable, as [`Tracks::append`] numbers them; closed once nothing more is committed.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.0.durable.clone()
    }

    /// Commit now: whoever sent what waits can send no more until it is acknowledged.
    pub fn hurry(&self) {
        self.0.queue.hurry();
    }

    /// Commits what waits and ends the log; [`Tracks::ended`] tells when that is done.
    pub fn close(&self) {
        self.0.queue.close();
    }

    /// Waits until the committing thread has ended: well after [`Tracks::close`], else with the fault that ended it.
    pub async fn ended(&self) -> Result<(), Error> {
        let mut durable = self.durable();
        while durable.changed().await.is_ok() {}
        self.0.queue.fault().map_or(Ok(()), Err)
    }

    /// The track of `vehicle` from `from` to `to`, both included: in order of time, each (time, place) once, at most
    /// `limit` fixes, beginning behind `after`.
    pub async fn read(
        &self,
        vehicle: &VehicleId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let (inner, vehicle) = (self.0.clone(), vehicle.clone());
        tokio::task::spawn_blocking(move || inner.readers.track(&vehicle, from, to, limit, after))
            .await
            .map_err(|e| Error::Io(e.to_string()))?
    }

    /// Hands every fix of the chunks after number `chunk` to `each`, chunk by chunk where they are recent, and returns the
    /// number of the last chunk. A fix of an earlier chunk may come along. Blocks.
    pub fn replay_after(&self, chunk: i64, each: impl FnMut(&Fix)) -> Result<i64, Error> {
        self.0.readers.replay_after(chunk, each)
    }

    /// Deletes what is older than the configured age as of `now`, and the oldest beyond the configured size.
    pub async fn retain(&self, now: Timestamp) -> Result<Retained, Error> {
        let done = self.0.queue.ask_retention(now).map_err(|_| Error::Closed)?;
        done.await.unwrap_or_else(|_| Err(self.0.queue.fault().unwrap_or(Error::Closed)))
    }

    /// Makes runs of all that is committed, also of the present quarter of an hour, and gives the number of the last run.
    pub async fn compact(&self) -> Result<i64, Error> {
        let done = self.0.queue.ask_compaction().map_err(|_| Error::Closed)?;
        done.await.unwrap_or_else(|_| Err(self.0.queue.fault().unwrap_or(Error::Closed)))
    }

    /// The number of the last run; 0 when there is none.
    pub fn last_run(&self) -> i64 {
        self.0.queue.last_run()
    }

    /// Hands the runs after number `after` to `each` in order, until it says that it has enough. Blocks.
    pub fn runs_after(&self, after: i64, each: impl FnMut(Run<'_>) -> bool) -> Result<Runs, Error> {
        self.0.readers.runs_after(after, each)
    }

    /// The epochs that the file went through, oldest first. Blocks.
    pub fn epochs(&self) -> Result<Vec<Epoch>, Error> {
        self.0.readers.epochs()
    }

    /// Random, made when the file was: chunk numbers of another epoch mean nothing here.
    pub fn epoch(&self) -> [u8; 16] {
        self.0.epoch
    }

    /// The number of the last committed chunk; 0 when there is none.
    pub fn last_chunk(&self) -> i64 {
        self.0.queue.last_chunk()
    }

    /// What happened so far.
    pub fn stats(&self) -> Stats {
        let mut stats = self.0.queue.stats();
        stats.durable = *self.0.durable.borrow();
        stats
    }
}

/// Reads the log of a depot that may be running: writes nothing. Blocks.
pub struct Past(read::Readers);

impl Past {
    /// Of the log in `dir`; `None` when there is none.
    pub fn open(dir: &Path) -> Option<Self> {
        let path = dir.join(file::NAME);
        path.exists().then(|| Self(read::Readers::new(&path)))
    }

    /// Where `vehicle` was at `at`, by that of its fixes from `since` to `until` that was taken nearest to then.
    pub fn place(&self, vehicle: &VehicleId, (since, at, until): (Timestamp, Timestamp, Timestamp)) -> Result<Option<Place>, Error> {
        const PAGE: usize = 10_000;
        let next = self.0.track(vehicle, at, until, 1, None)?.fixes.pop();
        let (mut last, mut after) = (None, None);
        loop {
            let mut page = self.0.track(vehicle, since, at, PAGE, after)?;
            last = page.fixes.pop().or(last);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let off = |fix: &Fix| if fix.ts < at { at.since(fix.ts) } else { fix.ts.since(at) };
        Ok(last.into_iter().chain(next).min_by_key(off).map(|fix| fix.place))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.committer.take() {
            // A panic there has been reported by its hook, and `durable` has closed.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;

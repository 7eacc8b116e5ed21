//! What waits for a commit, and who is told about it.

use super::retention::Retained;
use super::{Closed, Error};
use crate::clock::Clock;
use crate::config;
use crate::model::{Fix, Timestamp};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// Counters of the log, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Fixes queued.
    pub appended: u64,
    /// Of these, how many are durable.
    pub durable: u64,
    /// Fixes waiting for a commit now.
    pub waiting: u64,
    /// Commits made.
    pub commits: u64,
    /// Commits made because a sender was held up.
    pub hurried: u64,
    /// How often a sender waited because the queue was full.
    pub held_back: u64,
    /// Bytes of packed fixes committed.
    pub packed_bytes: u64,
    /// Chunks rewritten as runs.
    pub compacted_chunks: u64,
    /// Rows that retention deleted.
    pub forgotten: u64,
}

#[derive(Default)]
pub(super) struct Counters {
    pub commits: AtomicU64,
    pub hurried: AtomicU64,
    pub held_back: AtomicU64,
    pub packed_bytes: AtomicU64,
    pub compacted_chunks: AtomicU64,
    pub forgotten: AtomicU64,
}

pub(super) type RetentionRequest = (Timestamp, oneshot::Sender<Result<Retained, Error>>);
/// Told the number of the last run.
pub(super) type CompactionRequest = oneshot::Sender<Result<i64, Error>>;

#[derive(Default)]
struct State {
    fixes: Vec<Fix>,
    appended: u64,
    hurry: bool,
    closing: bool,
    ended: bool,
    fault: Option<Error>,
    retention: VecDeque<RetentionRequest>,
    compaction: VecDeque<CompactionRequest>,
}

/// The committer's next piece of work.
pub(super) enum Work {
    /// The fixes now in the buffer are to be committed; the last has this number.
    Commit(u64),
    Retain(RetentionRequest),
    /// All chunks are to become runs now.
    Compact(CompactionRequest),
    /// Nothing waits; what was left for later may go on.
    Idle,
    End,
}

// A std mutex: it is held for a few pushes or a swap, never across an await.
pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Notify,
    capacity: usize,
    batch: usize,
    window: Duration,
    last_chunk: AtomicI64,
    last_run: AtomicI64,
    pub counters: Counters,
}

impl Queue {
    pub fn new(config: &config::Tracks, last_chunk: i64, last_run: i64) -> Self {
        Self {
            state: Mutex::default(),
            work: Condvar::new(),
            room: Notify::new(),
            capacity: config.queue_fixes,
            batch: config.commit_fixes,
            window: Duration::from_millis(config.commit_window_ms),
            last_chunk: AtomicI64::new(last_chunk),
            last_run: AtomicI64::new(last_run),
            counters: Counters::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all of `fixes` as soon as fewer than the capacity wait.
    pub async fn push(&self, fixes: &mut Vec<Fix>) -> Result<u64, Closed> {
        let mut waited = false;
        loop {
            let room = self.room.notified();
            if let Some(taken) = self.try_push(fixes) {
                return taken;
            }
            if !waited {
                self.counters.held_back.fetch_add(1, Relaxed);
                waited = true;
            }
            room.await;
        }
    }

    fn try_push(&self, fixes: &mut Vec<Fix>) -> Option<Result<u64, Closed>> {
        let mut state = self.lock();
        if state.closing || state.ended {
            return Some(Err(Closed));
        }
        let before = state.fixes.len();
        if before >= self.capacity {
            return None;
        }
        state.appended += fixes.len() as u64;
        state.fixes.append(fixes);
        let after = state.fixes.len();
        let wake = before == 0 && after > 0 || before < self.batch && after >= self.batch;
        let sequence = state.appended;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Some(Ok(sequence))
    }

    pub fn hurry(&self) {
        let mut state = self.lock();
        if !state.fixes.is_empty() && !state.hurry {
            state.hurry = true;
            drop(state);
            self.work.notify_one();
        }
    }

    pub fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
        self.room.notify_waiters();
    }

    pub fn ask_compaction(&self) -> Result<oneshot::Receiver<Result<i64, Error>>, Closed> {
        let (done, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.closing || state.ended {
            return Err(Closed);
        }
        state.compaction.push_back(done);
        drop(state);
        self.work.notify_one();
        Ok(receiver)
    }

    pub fn ask_retention(&self, now: Timestamp) -> Result<oneshot::Receiver<Result<Retained, Error>>, Closed> {
        let (done, receiver) = oneshot::channel();
        let mut state = self.lock();
        if state.closing || state.ended {
            return Err(Closed);
        }
        state.retention.push_back((now, done));
        drop(state);
        self.work.notify_one();
        Ok(receiver)
    }

    /// Waits for work and, for a commit, swaps what waits into `buffer`, which is empty. A `busy` committer has something
    /// left to do: it commits what there is and does not wait.
    pub fn next(&self, clock: &Clock, buffer: &mut Vec<Fix>, busy: bool) -> Work {
        let mut state = self.lock();
        let mut since: Option<Instant> = None;
        loop {
            if !busy && let Some(request) = state.retention.pop_front() {
                return Work::Retain(request);
            }
            if state.fixes.is_empty() {
                if state.closing {
                    return Work::End;
                }
                if let Some(request) = state.compaction.pop_front() {
                    return Work::Compact(request);
                }
                if busy {
                    return Work::Idle;
                }
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if busy || state.hurry || state.closing || !state.compaction.is_empty() || state.fixes.len() >= self.batch {
                break;
            }
            let waited = clock.monotonic().duration_since(*since.get_or_insert_with(|| clock.monotonic()));
            let Some(left) = self.window.checked_sub(waited).filter(|left| !left.is_zero()) else { break };
            state = self.work.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.hurry {
            self.counters.hurried.fetch_add(1, Relaxed);
        }
        state.hurry = false;
        std::mem::swap(&mut state.fixes, buffer);
        let sequence = state.appended;
        drop(state);
        self.room.notify_waiters();
        Work::Commit(sequence)
    }

    /// Is there time for housekeeping?
    pub fn is_calm(&self) -> bool {
        let state = self.lock();
        state.fixes.len() < self.batch && !state.hurry && !state.closing
    }

    /// The committer is gone: nothing is accepted from now on.
    pub fn end(&self, fault: Option<Error>) {
        let mut state = self.lock();
        state.ended = true;
        state.fault = state.fault.take().or(fault);
        state.retention.clear();
        state.compaction.clear();
        drop(state);
        self.room.notify_waiters();
    }

    pub fn fault(&self) -> Option<Error> {
        self.lock().fault.clone()
    }

    pub fn last_chunk(&self) -> i64 {
        self.last_chunk.load(Relaxed)
    }
    pub fn last_run(&self) -> i64 {
        self.last_run.load(Relaxed)
    }
    pub fn set_last_run(&self, run: i64) {
        self.last_run.store(run, Relaxed);
    }
    pub fn set_last_chunk(&self, chunk: i64) {
        self.last_chunk.store(chunk, Relaxed);
    }

    pub fn stats(&self) -> Stats {
        let (appended, waiting) = {
            let state = self.lock();
            (state.appended, state.fixes.len() as u64)
        };
        let counters = &self.counters;
        Stats {
            appended,
            durable: 0,
            waiting,
            commits: counters.commits.load(Relaxed),
            hurried: counters.hurried.load(Relaxed),
            held_back: counters.held_back.load(Relaxed),
            packed_bytes: counters.packed_bytes.load(Relaxed),
            compacted_chunks: counters.compacted_chunks.load(Relaxed),
            forgotten: counters.forgotten.load(Relaxed),
        }
    }
}

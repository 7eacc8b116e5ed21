//! When the jobs under way will be done: a board in memory that dispatch writes and everybody reads.

use super::late::Late;
use crate::model::{BookingId, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// When a job under way will be done, as it seemed last.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct JobEta {
    /// When its vehicle will be at the pickup, where it is not there yet.
    pub pickup_at: Option<Timestamp>,
    /// When it will be at the drop-off, halts on the way included.
    pub dropoff_at: Timestamp,
    /// When it will have unloaded there; in the past when that takes longer than usual.
    pub free_at: Timestamp,
    /// Who says so: the least trusted of those whose travel times are in it.
    pub source: &'static str,
    /// By how much it will be late, where it will.
    pub late: Option<Late>,
    /// When this was found.
    pub computed_at: Timestamp,
}

/// The board. Clones share it; it holds jobs under way only.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<HashMap<BookingId, JobEta>>>);

impl Board {
    // A std lock, never held across an await.
    fn lock(&self) -> MutexGuard<'_, HashMap<BookingId, JobEta>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the job of `booking` will be done, while it is under way.
    pub fn get(&self, booking: BookingId) -> Option<JobEta> {
        self.lock().get(&booking).copied()
    }

    /// How many jobs there are, and how many of them will be late.
    pub fn counts(&self) -> (usize, usize) {
        let jobs = self.lock();
        (jobs.len(), jobs.values().filter(|eta| eta.late.is_some()).count())
    }

    /// Puts up `jobs` in place of all that was there.
    pub fn replace(&self, jobs: HashMap<BookingId, JobEta>) {
        *self.lock() = jobs;
    }
}

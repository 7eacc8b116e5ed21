//! What the dispatcher counts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Counts since the start, and the last round's figures.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Stats {
    /// Rounds held.
    pub rounds: u64,
    /// Rounds that failed.
    pub failed: u64,
    /// Bookings given to a vehicle.
    pub assigned: u64,
    /// Assignments that came too late, because somebody else was faster.
    pub lost_races: u64,
    /// Bookings that were left waiting by the last round.
    pub waiting: usize,
    /// Time spent in rounds.
    pub busy: Duration,
    /// Time of the last round.
    pub last_round: Duration,
    /// Time of the last round's plan.
    pub last_plan: Duration,
}

/// The counters behind [`Stats`].
#[derive(Default)]
pub(super) struct Counters(Mutex<Stats>);

impl Counters {
    fn lock(&self) -> MutexGuard<'_, Stats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(super) fn read(&self) -> Stats {
        *self.lock()
    }
    pub(super) fn failed(&self) {
        self.lock().failed += 1;
    }
    pub(super) fn round(&self, report: &super::Report) {
        let mut stats = self.lock();
        stats.rounds += 1;
        stats.assigned += u64::try_from(report.assigned).unwrap_or(0);
        stats.lost_races += u64::try_from(report.lost).unwrap_or(0);
        stats.waiting = report.left;
        stats.busy += report.took;
        (stats.last_round, stats.last_plan) = (report.took, report.plan_took);
    }
}

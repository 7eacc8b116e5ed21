//! What came of a replayed day.

use super::world::Job;
use crate::model::{Metres, Span};
use serde::Serialize;
use std::time::Duration;

/// The figures by which policies are compared.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize)]
pub struct Figures {
    /// Requests that were picked up in time.
    pub served: usize,
    /// Requests that were not.
    pub lost: usize,
    /// The share of those served, 0 to 1.
    pub served_ratio: f64,
    /// Seconds from asking to pickup, on average.
    pub wait_mean_s: f64,
    /// The same, median.
    pub wait_p50_s: f64,
    /// The same, 95th percentile.
    pub wait_p95_s: f64,
    /// Kilometres driven without a load for each request served.
    pub empty_km_per_trip: f64,
    /// The share of the drivers' time that they drive with a load, 0 to 1.
    pub utilisation: f64,
    /// Rounds held.
    pub rounds: usize,
    /// Milliseconds that a plan took, median.
    pub plan_ms_p50: f64,
    /// The same, 99th percentile.
    pub plan_ms_p99: f64,
}

/// Adds up a day.
#[derive(Default)]
pub struct Tally {
    /// Requests that nobody picked up in time.
    pub lost: usize,
    waits: Vec<f64>,
    empty: Metres,
    loaded: Span,
    plans: Vec<f64>,
}

impl Tally {
    /// A job was given.
    pub fn job(&mut self, job: &Job) {
        self.waits.push(job.wait.as_secs_f64());
        self.empty.0 += job.empty.0;
        self.loaded = self.loaded + job.loaded;
    }

    /// A plan took so long.
    pub fn plan(&mut self, took: Duration) {
        self.plans.push(took.as_secs_f64() * 1_000.0);
    }

    /// Requests of which nothing more will come.
    pub fn settled(&self) -> usize {
        self.waits.len() + self.lost
    }

    /// The sums as figures, for drivers who were on duty for so long together.
    pub fn figures(mut self, on_duty: Span) -> Figures {
        self.waits.sort_by(f64::total_cmp);
        self.plans.sort_by(f64::total_cmp);
        let (served, all) = (count(self.waits.len()), count(self.settled()));
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Figures {
            served: self.waits.len(),
            lost: self.lost,
            served_ratio: share(served, all),
            wait_mean_s: share(self.waits.iter().sum(), served),
            wait_p50_s: quantile(&self.waits, 50),
            wait_p95_s: quantile(&self.waits, 95),
            empty_km_per_trip: share(self.empty.0 / 1_000.0, served),
            utilisation: share(self.loaded.as_secs_f64(), on_duty.as_secs_f64()),
            rounds: self.plans.len(),
            plan_ms_p50: quantile(&self.plans, 50),
            plan_ms_p99: quantile(&self.plans, 99),
        }
    }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// The least value that `percent` of all are not above (nearest rank).
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0.0)
}

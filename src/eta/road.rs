//! The road service, by HTTP: behind a time-out, a bulkhead (so many requests under way, no queue) and a circuit breaker.

use super::table::{Batch, Way};
use crate::clock::Clock;
use crate::config;
use crate::model::Span;
use crate::patience::breaker::{Breaker, Call, Rules, State, Verdict};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// The name of this source on the wire.
pub const SOURCE: &str = "road";

/// Calls that the breaker looks back on, and the share of failures among them that opens it.
const WINDOW: (usize, f64) = (20, 0.5);

/// A batch with what the service said about it.
pub type Told = (Batch, Vec<Vec<Option<Span>>>);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("no answer within {0:?}")]
    Slow(Duration),
    #[error("{0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("status {0}")]
    Status(u16),
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    #[error("an answer that cannot be: {0}")]
    Wrong(String),
    /// The service is well, but one of the places is nowhere near a road.
    #[error("no road near one of the places")]
    OffRoad,
}

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Self::Slow(_) => "slow",
            Self::Unreachable(_) => "unreachable",
            Self::Status(_) => "status",
            Self::TooLong(_) => "too_long",
            Self::Wrong(_) => "wrong",
            Self::OffRoad => "off_road",
        }
    }
}

/// What happened so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stats {
    /// Requests that were answered well.
    pub answered: u64,
    /// Requests that failed, by reason.
    pub failed: BTreeMap<&'static str, u64>,
    /// Requests not made, by reason: `open` (the breaker), `busy` (the bulkhead), `late` (no time left).
    pub withheld: BTreeMap<&'static str, u64>,
    /// Time spent on requests.
    pub busy: Duration,
    /// How often the breaker opened.
    pub opened: u64,
}

/// A client of the service.
#[derive(Debug)]
pub struct RoadService {
    client: reqwest::Client,
    base: String,
    profile: String,
    timeout: Duration,
    coordinates: usize,
    bulkhead: Semaphore,
    breaker: Mutex<Breaker>,
    stats: Mutex<Stats>,
    clock: Clock,
}

/// A leave of the breaker that is given back as unknown when its call is dropped.
struct Leave<'a> {
    service: &'a RoadService,
    call: Option<Call>,
}

impl Leave<'_> {
    fn settle(&mut self, verdict: Verdict) {
        if let Some(call) = self.call.take() {
            self.service.breaker().settle(call, verdict, self.service.clock.monotonic());
        }
    }
}
impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.settle(Verdict::Unknown);
    }
}

impl RoadService {
    /// The service that the settings name; `None`: they name none. `seed` makes the breaker's jitter.
    pub fn new(config: &config::Eta, seed: u64, clock: Clock) -> Option<Self> {
        let base = config.road_url.trim_end_matches('/').to_owned();
        if base.is_empty() {
            return None;
        }
        let rules = Rules {
            in_a_row: config.breaker_failures,
            share: WINDOW.1,
            window: WINDOW.0,
            open: Duration::from_secs(config.breaker_open_s),
            open_most: Duration::from_secs(config.breaker_open_most_s),
        };
        // A redirect or a proxy would lead to somebody whom the settings do not name.
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
        Some(Self {
            client: client.unwrap_or_default(),
            base,
            profile: config.road_profile.clone(),
            timeout: Duration::from_millis(config.road_timeout_ms),
            coordinates: config.road_coordinates,
            bulkhead: Semaphore::new(config.road_requests),
            breaker: Mutex::new(Breaker::new(rules, seed)),
            stats: Mutex::default(),
            clock,
        })
    }

    /// Asks for `ways` with at most `width` requests at once. Never works beyond `until`: a request begins only while its
    /// whole time-out fits, so that one that is cut off is always the service's fault.
    pub async fn ask(&self, ways: impl IntoIterator<Item = Way>, width: usize, until: Instant) -> Vec<Told> {
        let batches = Batch::cover(ways, self.coordinates);
        let asked = batches.into_iter().map(|batch| async move { self.table(&batch, until).await.map(|drives| (batch, drives)) });
        stream::iter(asked).buffer_unordered(width.max(1)).filter_map(std::future::ready).collect().await
    }

    /// The breaker's state.
    pub fn state(&self) -> State {
        self.breaker().state(self.clock.monotonic())
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        let opened = self.breaker().opened();
        Stats { opened, ..self.counts().clone() }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn counts(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn withhold(&self, why: &'static str) {
        *self.counts().withheld.entry(why).or_default() += 1;
    }

    async fn table(&self, batch: &Batch, until: Instant) -> Option<Vec<Vec<Option<Span>>>> {
        let start = self.clock.monotonic();
        if start + self.timeout > until {
            self.withhold("late");
            return None;
        }
        let Ok(_room) = self.bulkhead.try_acquire() else {
            self.withhold("busy");
            return None;
        };
        let Some(call) = self.breaker().admit(start) else {
            self.withhold("open");
            return None;
        };
        let was = self.state();
        let mut leave = Leave { service: self, call: Some(call) };
        let answer = match tokio::time::timeout(self.timeout, self.fetch(batch)).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::Slow(self.timeout)),
        };
        let well = matches!(answer, Ok(_) | Err(Fault::OffRoad));
        leave.settle(if well { Verdict::Well } else { Verdict::Failed });
        self.note(&answer, was, self.clock.monotonic() - start);
        answer.ok()
    }

    async fn fetch(&self, batch: &Batch) -> Result<Vec<Vec<Option<Span>>>, Fault> {
        let mut response = self.client.get(format!("{}{}", self.base, batch.path(&self.profile))).send().await?;
        let most = batch.answer_at_most();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await? {
            if body.len() + part.len() > most {
                return Err(Fault::TooLong(most));
            }
            body.extend_from_slice(&part);
        }
        match response.status().as_u16() {
            200 => batch.read(&body).map_err(Fault::Wrong),
            400 if is_off_road(&body) => Err(Fault::OffRoad),
            status => Err(Fault::Status(status)),
        }
    }

    fn note<T>(&self, answer: &Result<T, Fault>, was: State, took: Duration) {
        let mut counts = self.counts();
        counts.busy += took;
        match answer {
            Ok(_) => counts.answered += 1,
            Err(fault) => *counts.failed.entry(fault.name()).or_default() += 1,
        }
        drop(counts);
        match (was, self.state(), answer) {
            (State::Closed, State::Open, Err(fault)) => {
                tracing::warn!(%fault, "the road service fails: {fault}; travel times are estimated until it is well again");
            }
            (State::HalfOpen, State::Closed, _) => tracing::info!("the road service is well again"),
            (_, _, Err(fault)) => tracing::debug!(%fault, "the road service did not answer"),
            _ => {}
        }
    }
}

/// Does a refusal say that a place has no road near it?
fn is_off_road(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Refusal {
        code: String,
    }
    serde_json::from_slice::<Refusal>(body).is_ok_and(|refusal| refusal.code == "NoSegment")
}

#[cfg(test)]
mod tests;

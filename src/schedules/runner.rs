//! Runs what is due: at most a few at once, each with a limit of time.

use super::{Error, Schedules};
use crate::model::{Run, RunResult, RunTrigger, Schedule, ScheduleKind, Timestamp};
use crate::store::schedules;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

/// Runs at once.
const AT_ONCE: usize = 4;
/// Time that a run may take.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What a kind of schedule does at a slot, which is the second argument; the text says what came of it, or why nothing.
pub type Action = Arc<dyn Fn(Schedule, Timestamp) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;
/// What every kind does.
pub type Actions = BTreeMap<ScheduleKind, Action>;

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Runs that ended well.
    pub ok: u64,
    /// Runs that failed.
    pub failed: u64,
}

/// Runs the schedules. Clones share everything.
#[derive(Clone)]
pub struct Runner {
    schedules: Schedules,
    actions: Arc<Actions>,
    tick: Arc<Notify>,
    at_work: Arc<Mutex<HashSet<i64>>>,
    /// What is claimed waits here; each schedule has one open run at most, which bounds how many can wait.
    turns: Arc<Semaphore>,
    counts: Arc<[AtomicU64; 2]>,
}

impl Runner {
    /// A runner that does nothing until [`Runner::run`]; `tick` makes it look at the table.
    pub fn new(schedules: Schedules, actions: Actions, tick: Arc<Notify>) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { schedules, actions: Arc::new(actions), tick, at_work: Arc::default(), turns, counts: Arc::default() }
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        let [ok, failed] = &*self.counts;
        Stats { ok: ok.load(Ordering::Relaxed), failed: failed.load(Ordering::Relaxed) }
    }

    /// Looks at each tick until cancelled; what is at work then is left, and told as interrupted by the next start.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), Error> {
        let interrupted = self.schedules.interrupt().await?;
        if interrupted > 0 {
            tracing::warn!(interrupted, "schedules: {interrupted} runs were interrupted");
        }
        let mut open = FuturesUnordered::new();
        loop {
            for (schedule, run) in self.due().await {
                open.push(self.work(schedule, run));
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                () = self.tick.notified() => {}
                Some(()) = open.next() => {}
            }
        }
    }

    /// What is to begin now.
    async fn due(&self) -> Vec<(Schedule, Run)> {
        let claimed = async {
            let mut due = self.schedules.claim(self.schedules.clock.now()).await?;
            due.extend(self.asked_for().await?);
            Ok::<_, Error>(due)
        };
        claimed.await.unwrap_or_else(|error| {
            tracing::error!(%error, "schedules: the table cannot be read");
            Vec::new()
        })
    }

    /// Runs that somebody asked for and nobody has begun.
    async fn asked_for(&self) -> Result<Vec<(Schedule, Run)>, Error> {
        let is_open = |run: &Run| run.result == RunResult::Running && run.trigger == RunTrigger::Manual;
        let all = self.schedules.all().await?;
        let asked = all.into_iter().filter_map(|(s, run): (Schedule, Option<Run>)| Some((s, run.filter(is_open)?)));
        let at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(asked.filter(|(_, run)| !at_work.contains(&run.id)).collect())
    }

    fn work(&self, schedule: Schedule, run: Run) -> impl Future<Output = ()> + Send + 'static {
        let this = self.clone();
        this.at_work.lock().unwrap_or_else(PoisonError::into_inner).insert(run.id);
        let name = schedule.name.clone();
        async move {
            let turn = this.turns.acquire().await;
            let outcome = match this.actions.get(&schedule.kind) {
                None => Err(format!("this depot knows no {}", schedule.kind.as_str())),
                Some(action) => match tokio::time::timeout(LONGEST, action(schedule, run.slot)).await {
                    Ok(outcome) => outcome,
                    Err(_) => Err(format!("took longer than {LONGEST:?}")),
                },
            };
            drop(turn);
            this.counts[usize::from(outcome.is_err())].fetch_add(1, Ordering::Relaxed);
            if let Err(why) = &outcome {
                tracing::error!(
                    schedule = run.schedule,
                    name,
                    attempt = run.attempt,
                    "schedules: {name:?} ({}) failed: {why}",
                    run.schedule
                );
            }
            if let Err(error) = this.schedules.finish(run.id, outcome).await {
                tracing::error!(%error, "schedules: what came of a run cannot be written");
            }
            this.at_work.lock().unwrap_or_else(PoisonError::into_inner).remove(&run.id);
            this.tick.notify_one();
        }
    }
}

impl Schedules {
    /// Forgets runs that are older than 90 days; gives their number.
    pub async fn purge(&self) -> Result<usize, Error> {
        let before = self.clock.now() - crate::model::Span::from_secs(90 * 86_400);
        Ok(self.db.write(move |tx| schedules::purge(tx, before)).await?)
    }
}

//! Gives waiting bookings to vehicles, round by round.
//!
//! [`Dispatch::run`] is woken by the journal's head, gathers requests for a moment and holds a [`Dispatch::round`]: the
//! waiting bookings and the vehicles around them ([`scene`](self)) go through the pure [`plan`], and what it says is
//! assigned together with each booking's [`record`], or their drivers are asked. A [`ticker`] ticks so that scheduled
//! bookings are released in time for the drive, offers pass that nobody answered, and jobs are taken back from vehicles that went
//! silent or will be late;
//! [`availability`] keeps the fleet informed of duty and jobs, [`live`] says when jobs under way will be done, [`learn`] teaches the
//! [chain of travel times](crate::eta) from the tracks. A start, a tick and a wake all do the same.

mod asking;
pub mod availability;
pub mod day;
pub mod inputs;
pub mod learn;
pub mod live;
pub mod plan;
pub mod record;
mod redispatch;
mod release;
mod roads;
mod round;
mod scene;
mod stats;

pub use round::Report;
pub use scene::wants;
pub use stats::Stats;

use crate::bookings::{self, Bookings};
use crate::clock::Clock;
use crate::config::{Config, Current};
use crate::drivers::Drivers;
use crate::eta::Etas;
use crate::fleet::Fleet;
use crate::model::Timestamp;
use crate::ops::ticker;
use crate::store::{self, Db};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Rounds that may fail one after the other before the task gives up.
const FAILURES: u32 = 5;

/// Why the dispatcher cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed.
    #[error("dispatch: {0}")]
    Store(#[from] store::Error),
    /// A use case failed.
    #[error("dispatch: {0}")]
    Bookings(#[from] bookings::Error),
    /// The ticker failed.
    #[error("dispatch: the calendar: {0}")]
    Calendar(#[from] tokio_cron_scheduler::JobSchedulerError),
    /// A record could not be written as JSON.
    #[error("dispatch: {0}")]
    Record(#[from] serde_json::Error),
    /// What a round saw could not be packed.
    #[error("dispatch: {0}")]
    Inputs(#[from] std::io::Error),
    /// The plan panicked.
    #[error("dispatch: the plan failed: {0}")]
    Plan(#[from] tokio::task::JoinError),
}

/// The dispatcher. Clones share everything.
#[derive(Clone)]
pub struct Dispatch(Arc<Inner>);

struct Inner {
    bookings: Bookings,
    db: Db,
    fleet: Fleet,
    etas: Etas,
    follower: availability::Follower,
    settings: Current,
    clock: Clock,
    /// The calendar's tick.
    tick: Arc<Notify>,
    /// The journal entry up to which everything was considered.
    reached: watch::Sender<i64>,
    told: round::Told,
    expected: Arc<scene::Expected>,
    /// Since when it listens: nobody was silent before.
    since: Timestamp,
    stats: stats::Counters,
}

impl Dispatch {
    /// A dispatcher that does nothing until [`Dispatch::run`] or [`Dispatch::round`].
    pub fn new(
        bookings: Bookings,
        drivers: &Drivers,
        db: Db,
        fleet: Fleet,
        etas: Etas,
        settings: impl Into<Current>,
        clock: Clock,
    ) -> Self {
        Self(Arc::new(Inner {
            follower: availability::Follower::new(db.clone(), fleet.clone(), drivers.clone(), clock.clone()),
            bookings,
            db,
            fleet,
            etas,
            settings: settings.into(),
            since: clock.now(),
            clock,
            tick: Arc::new(Notify::new()),
            reached: watch::Sender::new(-1),
            told: round::Told::default(),
            expected: Arc::default(),
            stats: stats::Counters::default(),
        }))
    }

    /// The journal entry up to which every waiting booking was considered and the fleet was told.
    pub fn cursor(&self) -> i64 {
        self.0.follower.cursor().min(*self.0.reached.borrow())
    }

    /// Was everything up to the journal's head considered?
    pub fn caught_up(&self) -> bool {
        self.cursor() >= *self.0.db.head().borrow()
    }

    /// Tells the fleet who is on duty and has a job, before anybody is shown it.
    pub async fn prepare(&self) -> Result<(), Error> {
        Ok(self.0.follower.catch_up().await?)
    }

    /// Dispatches until cancelled.
    pub async fn run(self, cancel: CancellationToken) -> Result<(), Error> {
        let follow = async { self.0.follower.run(&cancel).await.map_err(Error::from) };
        let calendar = async { ticker::run(Arc::clone(&self.0.tick), &cancel).await.map_err(Error::from) };
        tokio::try_join!(follow, calendar, self.turn(&cancel))?;
        Ok(self.0.bookings.keep_counts(&HashSet::new(), self.0.clock.now()).await?)
    }

    async fn turn(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let (mut head, mut settings) = (self.0.db.head(), self.0.settings.changes());
        let mut trigger = "start";
        let mut failures = 0;
        loop {
            settings.mark_unchanged();
            let left = match self.answer(trigger, &mut head, cancel).await {
                Ok(left) => {
                    failures = 0;
                    left
                }
                Err(error) if failures + 1 < FAILURES => {
                    failures += 1;
                    self.0.stats.failed();
                    tracing::warn!(%error, failures, "dispatch: a round failed, trying again in {} s", self.settings().dispatch.retry_s);
                    true
                }
                Err(error) => return Err(error),
            };
            let retry = self.0.clock.monotonic() + Duration::from_secs(self.settings().dispatch.retry_s.max(1));
            trigger = tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                moved = head.changed() => moved.map(|()| "journal").map_err(|_| store::Error::Closed)?,
                Ok(()) = settings.changed() => "settings",
                () = self.0.tick.notified(), if !left => "calendar",
                () = tokio::time::sleep_until(retry.into()), if left => "retry",
            };
        }
    }

    /// Does what there is to do; says whether bookings are left waiting.
    async fn answer(&self, trigger: &'static str, head: &mut watch::Receiver<i64>, cancel: &CancellationToken) -> Result<bool, Error> {
        let mut upto = *head.borrow_and_update();
        self.forget_old().await?;
        self.0.follower.catch_up().await?;
        let now = self.0.clock.now();
        self.0.bookings.recurrences().place_due(now).await?;
        self.0.bookings.expire_due(now).await?;
        self.0.bookings.pass_offers(now).await?;
        self.redispatch(now).await?;
        self.release(now).await?;
        let mut left = false;
        if self.settings().dispatch.automatic && !self.0.bookings.waiting(1).await?.is_empty() {
            if trigger != "retry" {
                let gather = self.gather().await?;
                tokio::select! {
                    () = cancel.cancelled() => return Ok(true),
                    () = tokio::time::sleep(gather) => {}
                }
            }
            upto = *head.borrow_and_update();
            left = self.round(trigger).await?.left > 0;
        } else if !self.0.bookings.counts().is_empty() {
            let waiting = self.0.bookings.waiting(round::MOST).await?.iter().map(|b| b.id).collect();
            self.0.bookings.keep_counts(&waiting, now).await?;
        }
        self.0.reached.send_replace(upto);
        Ok(left)
    }

    /// How long to gather requests before a round.
    async fn gather(&self) -> Result<Duration, Error> {
        let asked = self.0.bookings.waiting(round::MOST).await?.len();
        Ok(plan::Rules::from(&self.settings().dispatch).gather(asked, self.0.fleet.counts().free).as_duration())
    }

    /// The settings in effect, all of one moment.
    fn settings(&self) -> Arc<Config> {
        self.0.settings.get()
    }

    /// The time as the dispatcher knows it.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        self.0.stats.read()
    }
}

//! One sink's line: offline, catching up, live. The cursor moves when the other side says that a batch is stored.

mod answers;

use super::comparison::Comparison;
use super::end::{End, caught, within};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::position::Position;
use super::relearn;
use super::sink::{self, Fault, Sink};
use super::start;
use super::tally::Tally;
use super::turns::Turns;
use crate::batch::{Batch, Known};
use crate::clock::Clock;
use crate::config::{self, Hours, SinkSettings};
use crate::model::{Lane, LineMode};
use crate::orders::Orders;
use crate::patience::backoff::{Backoff, draw};
use crate::store::Db;
use crate::store::sinks;
use crate::sync::{Sync, Wishes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A line that has nothing to send looks again at least so often.
const LOOK: Duration = Duration::from_secs(1);
/// Between two counts of what waits, while a line is offline.
const COUNT: Duration = Duration::from_secs(15);

/// What a line works with.
#[derive(Clone)]
pub struct Deps {
    /// Cursors.
    pub db: Db,
    /// What people see and want.
    pub sync: Sync,
    /// Carries out what head office orders.
    pub orders: Orders,
    /// The time.
    pub clock: Clock,
    /// The settings.
    pub config: config::Upstream,
    /// IANA zone of the settings' hours.
    pub zone: String,
}

/// The line to one sink.
pub struct Line {
    deps: Deps,
    settings: SinkSettings,
    outgoing: Outgoing,
    wishes: Arc<Wishes>,
    incoming: Option<Incoming>,
    lanes: BTreeMap<Lane, Position>,
    not_before: Option<Instant>,
    live_at: Option<Instant>,
    tally: Tally,
    comparison: Comparison,
    /// Was anything stored since a lane was suspected?
    proved: bool,
    /// Did others fail as well since then? Then it was the line, not the lane.
    outage: bool,
}

impl Line {
    /// The line to the sink that `settings` describe.
    pub fn new(deps: Deps, settings: SinkSettings, outgoing: Outgoing) -> Result<Self, crate::sync::Error> {
        let wishes = deps.sync.wishes(&settings.name)?;
        let every = Duration::from_secs(deps.config.orders_s);
        let incoming = settings.orders.then(|| Incoming::new(deps.orders.clone(), &settings.name, every));
        let tally = Tally::new(outgoing.clone(), deps.sync.clone(), &settings.name, &settings.lanes);
        let patience = Duration::from_millis(deps.config.timeout_ms);
        let comparison = Comparison::new(outgoing.clone(), deps.sync.clone(), settings.clone(), patience);
        let (lanes, not_before, live_at) = (BTreeMap::new(), None, None);
        let (proved, outage) = (true, false);
        Ok(Self { deps, settings, outgoing, wishes, incoming, lanes, not_before, live_at, tally, comparison, proved, outage })
    }

    fn name(&self) -> &str {
        &self.settings.name
    }

    /// The first and the longest pause after a failure.
    fn pauses(&self) -> (Duration, Duration) {
        (Duration::from_millis(self.deps.config.retry_ms), Duration::from_secs(self.deps.config.retry_most_s))
    }

    /// Works until `cancel`.
    pub async fn run(mut self, cancel: CancellationToken) {
        let (first, most) = self.pauses();
        let mut backoff = Backoff::new(first, most);
        loop {
            let end = caught(self.attempt(&cancel, &mut backoff)).await;
            let fault = match end {
                End::Cancelled => return,
                End::Held => continue,
                End::Failed(fault) => fault,
            };
            let pause = backoff.next_asked(fault.retry_after, draw());
            self.tell_fault(&fault, &backoff, pause);
            if !self.wait_offline(pause, &cancel).await {
                return;
            }
        }
    }

    async fn attempt(&mut self, cancel: &CancellationToken, backoff: &mut Backoff) -> End {
        match self.hold(cancel).await {
            Ok(()) => self.session(cancel, backoff).await,
            Err(end) => end,
        }
    }

    fn tell_fault(&self, fault: &Fault, backoff: &Backoff, pause: Duration) {
        if backoff.failures() <= 1 {
            tracing::warn!(sink = self.name(), "the line to {} is down: {fault}", self.name());
        } else {
            tracing::debug!(sink = self.name(), "the line to {} is still down: {fault}", self.name());
        }
        let millis = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        let next = self.deps.clock.now() + crate::model::Span::from_millis(millis);
        self.deps.sync.enter(self.name(), LineMode::Offline);
        self.deps.sync.note(self.name(), |status| {
            (status.fault, status.failures, status.next_attempt_at) = (Some(fault.what.clone()), backoff.failures().max(1), Some(next));
        });
    }

    /// Waits for the next attempt, counting what waits meanwhile; `false`: the depot stops.
    async fn wait_offline(&mut self, pause: Duration, cancel: &CancellationToken) -> bool {
        let until = self.deps.clock.monotonic() + pause;
        loop {
            self.tally.count(&self.lanes).await;
            let left = until.saturating_duration_since(self.deps.clock.monotonic());
            if left.is_zero() {
                return true;
            }
            tokio::select! {
                () = cancel.cancelled() => return false,
                () = self.wishes.news.notified() => return true,
                () = tokio::time::sleep(left.min(self.tally.pause(COUNT))) => {}
            }
        }
    }

    /// Waits while it is paused or outside its hours.
    async fn hold(&mut self, cancel: &CancellationToken) -> Result<(), End> {
        loop {
            let Some(mode) = self.held().await? else { return Ok(()) };
            self.comparison.stop(if mode == LineMode::Paused { "the sink was paused meanwhile" } else { "its hours ended meanwhile" });
            self.deps.sync.enter(self.name(), mode);
            self.tally.count(&self.lanes).await;
            tokio::select! {
                () = cancel.cancelled() => return Err(End::Cancelled),
                () = self.wishes.news.notified() => {}
                () = tokio::time::sleep(self.tally.pause(COUNT)) => {}
            }
        }
    }

    async fn held(&self) -> Result<Option<LineMode>, End> {
        let paused = self.deps.sync.paused_by(self.name()).await.map_err(|e| End::Failed(Fault::new(e)))?;
        let mode = if paused.is_some() {
            Some(LineMode::Paused)
        } else if self.is_open(&self.settings.hours) {
            None
        } else {
            Some(LineMode::Closed)
        };
        self.deps.sync.note(self.name(), |status| status.paused_by = paused);
        Ok(mode)
    }

    fn is_open(&self, hours: &str) -> bool {
        Hours::parse(hours).is_none_or(|hours| hours.hold(self.deps.clock.now().minute_of_day(&self.deps.zone)))
    }

    /// Connects and sends until something ends it.
    async fn session(&mut self, cancel: &CancellationToken, backoff: &mut Backoff) -> End {
        let patience = Duration::from_millis(self.deps.config.timeout_ms);
        let opened = sink::open(&self.settings, &self.deps.config.depot, patience, &self.deps.clock);
        let mut sink = match opened {
            Ok(sink) => sink,
            Err(fault) => return End::Failed(fault),
        };
        let work = async {
            match self.meet(&mut *sink, patience).await {
                Ok(()) => {}
                Err(end) => return end,
            }
            match self.send_all(&mut *sink, patience, backoff).await {
                Ok(never) => match never {},
                Err(end) => end,
            }
        };
        tokio::select! {
            () = cancel.cancelled() => End::Cancelled,
            end = work => end,
        }
    }

    /// Asks the sink what it has, and goes on from there.
    async fn meet(&mut self, sink: &mut dyn Sink, patience: Duration) -> Result<(), End> {
        let known = within(patience, sink.known()).await?;
        if let Some(known) = &known {
            start::is_the_depot(&self.outgoing.epochs(Lane::Bookings).await?, known)?;
        }
        if self.settings.lanes.contains(&Lane::Bookings)
            && let Some(known) = &known
        {
            let (db, epochs, now) = (&self.deps.db, self.outgoing.epochs(Lane::Bookings).await?, self.deps.clock.now());
            relearn::relearn(db, sink, &self.settings.name, (&epochs, known), now).await?;
        }
        for lane in self.settings.lanes.clone() {
            let epochs = self.outgoing.epochs(lane).await?;
            let name = self.name().to_owned();
            let kept = self.deps.db.read(move |c| sinks::cursor(c, &name, lane)).await?;
            let mut cursor = kept.unwrap_or_default();
            if lane == Lane::Live {
                cursor.through = 0;
            }
            let before = self.lanes.remove(&lane);
            self.lanes.insert(lane, Position::new(lane, epochs, cursor, before));
        }
        if let Some(known) = known {
            self.go_on_behind(sink, &known).await?;
        }
        self.deps.sync.enter(self.name(), LineMode::CatchingUp);
        self.tally.count(&self.lanes).await;
        Ok(())
    }

    /// Each lane goes on where the other side is, as far as it speaks of it.
    async fn go_on_behind(&mut self, sink: &mut dyn Sink, known: &[Known]) -> Result<(), End> {
        let spoken_of: Vec<Lane> = self.lanes.keys().copied().filter(|lane| lane.is_durable() && sink.speaks_of(*lane)).collect();
        for (lane, position) in self.lanes.iter_mut().filter(|(lane, _)| spoken_of.contains(lane)) {
            let newest = position.epochs.last().map(|e| e.name.as_str());
            let head = self.outgoing.head(*lane).await?;
            if let Some(ahead) = known.iter().find(|k| k.lane == *lane && Some(k.epoch.as_str()) == newest && k.through > head) {
                return Err(Fault::new(format!(
                    "it has number {} of lane {}, the depot only {head}: the data was put back by hand; put it back with `depotd restore`",
                    ahead.through,
                    lane.as_str()
                ))
                .into());
            }
            position.cursor.through = start::through(&position.epochs, known, *lane);
        }
        Ok(())
    }

    async fn send_all(&mut self, sink: &mut dyn Sink, patience: Duration, backoff: &mut Backoff) -> Result<std::convert::Infallible, End> {
        let mut turns = Turns::default();
        let mut head = self.deps.db.head();
        loop {
            if self.held().await?.is_some() {
                return Err(End::Held);
            }
            if self.wishes.take_flush() {
                self.incoming.iter_mut().for_each(Incoming::begin_again);
                let now = self.deps.clock.monotonic();
                self.lanes.values_mut().for_each(|position| position.try_at(now));
                self.outgoing.tracks.compact().await.map_err(|e| End::Failed(Fault::new(e)))?;
            }
            if self.wishes.take_verify() {
                self.comparison.begin();
            }
            if let Some(incoming) = &mut self.incoming {
                incoming.ask(sink, patience, self.deps.clock.monotonic()).await;
            }
            if let Some(known) = sink.told() {
                self.go_on_behind(sink, &known).await?;
                // It speaks again: what it did not answer is tried at once.
                let now = self.deps.clock.monotonic();
                self.lanes.values_mut().filter(|position| position.is_suspected()).for_each(|position| position.try_at(now));
            }
            head.mark_unchanged();
            if self.send_one(sink, &mut turns, patience, backoff).await? {
                self.tally.count_after(LOOK, &self.lanes).await;
                continue;
            }
            self.rest(backoff)?;
            self.tally.count(&self.lanes).await;
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return Err(Fault::new("ops.db is closed").into()) },
                () = self.wishes.news.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// What failed before does no more.
    fn is_well(&self, backoff: &mut Backoff) {
        if backoff.failures() > 0 {
            tracing::info!(sink = self.name(), "the line to {} is up again", self.name());
        }
        backoff.reset();
    }

    /// There is nothing to send, but what is held up.
    fn rest(&self, backoff: &mut Backoff) -> Result<(), End> {
        let held_up: Vec<_> = self.lanes.values().filter_map(Position::held_up).collect();
        match held_up.first() {
            None => {
                self.is_well(backoff);
                self.deps.sync.enter(self.name(), LineMode::Live);
            }
            Some(held_up) if self.lanes.values().all(|position| position.held_up().is_some()) => {
                return Err(Fault::new(&held_up.fault).into());
            }
            Some(_) => self.deps.sync.enter(self.name(), LineMode::CatchingUp),
        }
        Ok(())
    }

    /// Sends the next batch; `false`: there was nothing to send.
    async fn send_one(&mut self, sink: &mut dyn Sink, turns: &mut Turns, patience: Duration, backoff: &mut Backoff) -> Result<bool, End> {
        for lane in turns.order() {
            let now = self.deps.clock.monotonic();
            if self.lanes.get(&lane).is_none_or(|position| position.waits(now)) || !self.may_go(lane) {
                continue;
            }
            let Some(batch) = self.next_of(lane).await? else { continue };
            if lane != Lane::Live {
                self.deps.sync.enter(self.name(), LineMode::CatchingUp);
            }
            self.pace().await;
            let answer = within(patience, sink.deliver(&batch)).await;
            turns.sent(lane, batch.body.len());
            self.hear(lane, &batch, answer, backoff).await?;
            return Ok(true);
        }
        Ok(false)
    }

    fn may_go(&self, lane: Lane) -> bool {
        match lane {
            Lane::History => self.is_open(&self.settings.history_hours),
            Lane::Live => {
                let pause = Duration::from_secs(self.deps.config.live_s);
                self.live_at.is_none_or(|at| self.deps.clock.monotonic().saturating_duration_since(at) >= pause)
            }
            Lane::Bookings | Lane::Dispatch => true,
        }
    }

    async fn next_of(&mut self, lane: Lane) -> Result<Option<Batch>, End> {
        let Some(position) = self.lanes.get(&lane) else { return Ok(None) };
        if lane != Lane::Dispatch && self.outgoing.head(lane).await? <= position.cursor.through {
            return Ok(None);
        }
        let batch = self.outgoing.next(lane, position.cursor.through, &position.epochs, position.target).await?;
        if lane == Lane::Live {
            self.live_at = Some(self.deps.clock.monotonic());
        }
        Ok(batch)
    }

    /// Keeps to the bandwidth that the settings allow.
    async fn pace(&self) {
        if let Some(at) = self.not_before {
            tokio::time::sleep(at.saturating_duration_since(self.deps.clock.monotonic())).await;
        }
    }
}

//! One sink's line: offline, catching up, live. The cursor moves when the other side says that a batch is stored.

use super::backoff::Backoff;
use super::incoming::Incoming;
use super::outgoing::{self, Outgoing};
use super::relearn;
use super::sink::{self, Answer, Fault, Sink};
use super::start::{self, Epoch};
use super::turns::Turns;
use super::verify;
use crate::batch::{Batch, Known, MAX_BYTES, TARGET_UNPACKED};
use crate::clock::Clock;
use crate::config::{self, Hours, SinkSettings};
use crate::model::{Lane, LaneStatus, LineMode, Timestamp};
use crate::orders::Orders;
use crate::store::sinks::{self, Cursor};
use crate::store::{self, Db};
use crate::sync::{Sync, Wishes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A line that has nothing to send looks again at least so often.
const LOOK: Duration = Duration::from_secs(1);
/// Between two counts of what waits, while a line is offline.
const COUNT: Duration = Duration::from_secs(15);
/// Counting takes no more than this part of the time, however much waits.
const COUNT_SHARE: u32 = 500;
/// The other side may name another number so often in a row before it is a fault.
const MISUNDERSTANDINGS: u32 = 8;

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

/// Why a line ended a session.
enum End {
    /// The depot stops.
    Cancelled,
    /// It may not send now: paused, or outside its hours.
    Held,
    /// It failed.
    Failed(Fault),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}
impl From<outgoing::Error> for End {
    fn from(error: outgoing::Error) -> Self {
        Self::Failed(Fault::new(error))
    }
}
impl From<store::Error> for End {
    fn from(error: store::Error) -> Self {
        Self::Failed(Fault::new(error))
    }
}

/// Where a lane is.
struct Position {
    epochs: Vec<Epoch>,
    cursor: Cursor,
    lost: u64,
    misunderstood: u32,
    /// A batch is closed when its lines have become so long.
    target: usize,
    /// Bytes of a packed batch that the sink takes.
    most: usize,
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
    backlog_at: Option<Instant>,
    /// How long the last count took.
    count_took: Duration,
}

impl Line {
    /// The line to the sink that `settings` describe.
    pub fn new(deps: Deps, settings: SinkSettings, outgoing: Outgoing) -> Result<Self, crate::sync::Error> {
        let wishes = deps.sync.wishes(&settings.name)?;
        let every = Duration::from_secs(deps.config.orders_s);
        let incoming = settings.orders.then(|| Incoming::new(deps.orders.clone(), &settings.name, every));
        let (lanes, count_took) = (BTreeMap::new(), Duration::ZERO);
        Ok(Self { deps, settings, outgoing, wishes, incoming, lanes, not_before: None, live_at: None, backlog_at: None, count_took })
    }

    fn name(&self) -> &str {
        &self.settings.name
    }

    /// Works until `cancel`.
    pub async fn run(mut self, cancel: CancellationToken) {
        let (first, most) = (Duration::from_millis(self.deps.config.retry_ms), Duration::from_secs(self.deps.config.retry_most_s));
        let mut backoff = Backoff::new(first, most);
        loop {
            let end = match self.hold(&cancel).await {
                Ok(()) => self.session(&cancel, &mut backoff).await,
                Err(end) => end,
            };
            let fault = match end {
                End::Cancelled => return,
                End::Held => continue,
                End::Failed(fault) => fault,
            };
            let pause = fault.retry_after.map_or_else(|| backoff.next(draw()), |asked| asked.clamp(first, most));
            self.tell_fault(&fault, &backoff, pause);
            if !self.wait_offline(pause, &cancel).await {
                return;
            }
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
            self.count_backlog(true).await;
            let left = until.saturating_duration_since(self.deps.clock.monotonic());
            if left.is_zero() {
                return true;
            }
            tokio::select! {
                () = cancel.cancelled() => return false,
                () = self.wishes.news.notified() => return true,
                () = tokio::time::sleep(left.min(self.between_counts(COUNT))) => {}
            }
        }
    }

    /// Waits while it is paused or outside its hours.
    async fn hold(&mut self, cancel: &CancellationToken) -> Result<(), End> {
        loop {
            let Some(mode) = self.held().await? else { return Ok(()) };
            self.deps.sync.enter(self.name(), mode);
            self.count_backlog(true).await;
            tokio::select! {
                () = cancel.cancelled() => return Err(End::Cancelled),
                () = self.wishes.news.notified() => {}
                () = tokio::time::sleep(self.between_counts(COUNT)) => {}
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
                Ok(()) => backoff.reset(),
                Err(end) => return end,
            }
            match self.send_all(&mut *sink, patience).await {
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
            let lost = self.lanes.get(&lane).map_or(0, |p| p.lost);
            if lane == Lane::Live {
                cursor.through = 0;
            }
            self.lanes.insert(lane, Position { epochs, cursor, lost, misunderstood: 0, target: TARGET_UNPACKED, most: MAX_BYTES });
        }
        if let Some(known) = known {
            self.go_on_behind(sink, &known).await?;
        }
        self.deps.sync.enter(self.name(), LineMode::CatchingUp);
        self.count_backlog(true).await;
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

    async fn send_all(&mut self, sink: &mut dyn Sink, patience: Duration) -> Result<std::convert::Infallible, End> {
        let mut turns = Turns::default();
        let mut head = self.deps.db.head();
        loop {
            if self.held().await?.is_some() {
                return Err(End::Held);
            }
            if self.wishes.take_flush() {
                self.incoming.iter_mut().for_each(Incoming::begin_again);
                self.outgoing.tracks.compact().await.map_err(|e| End::Failed(Fault::new(e)))?;
            }
            if self.wishes.take_verify() {
                let found = verify::verify(&self.outgoing, sink, &self.settings.lanes).await;
                self.deps.sync.keep_verified(self.name(), found.map_err(|fault| fault.what));
            }
            if let Some(incoming) = &mut self.incoming {
                incoming.ask(sink, patience, self.deps.clock.monotonic()).await;
            }
            if let Some(known) = sink.told() {
                self.go_on_behind(sink, &known).await?;
            }
            head.mark_unchanged();
            if self.send_one(sink, &mut turns, patience).await? {
                self.count_backlog(false).await;
                continue;
            }
            self.deps.sync.enter(self.name(), LineMode::Live);
            self.count_backlog(true).await;
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return Err(Fault::new("ops.db is closed").into()) },
                () = self.wishes.news.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Sends the next batch; `false`: there was nothing to send.
    async fn send_one(&mut self, sink: &mut dyn Sink, turns: &mut Turns, patience: Duration) -> Result<bool, End> {
        for lane in turns.order() {
            if !self.lanes.contains_key(&lane) || !self.may_go(lane) {
                continue;
            }
            let Some(batch) = self.next_of(lane).await? else { continue };
            if lane != Lane::Live {
                self.deps.sync.enter(self.name(), LineMode::CatchingUp);
            }
            self.pace().await;
            let answer = within(patience, sink.deliver(&batch)).await?;
            turns.sent(lane, batch.body.len());
            self.hear(lane, &batch, answer).await?;
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

    async fn hear(&mut self, lane: Lane, batch: &Batch, answer: Answer) -> Result<(), End> {
        let now = self.deps.clock.now();
        if self.settings.kib_per_s > 0 {
            let time = Duration::from_secs_f64(batch.body.len() as f64 / (f64::from(self.settings.kib_per_s) * 1_024.0));
            self.not_before = Some(self.deps.clock.monotonic() + time);
        }
        let Some(position) = self.lanes.get_mut(&lane) else { return Ok(()) };
        match answer {
            Answer::Stored(through) if through >= batch.span.last => {
                position.misunderstood = 0;
                position.cursor.through = batch.span.last;
                position.cursor.acked_at = now;
                position.lost += batch.lost;
                position.cursor.records += batch.records;
                position.cursor.bytes += batch.body.len() as u64;
                position.target = batch.fitting(position.most);
            }
            Answer::TooLarge if batch.records > 1 => {
                (position.most, position.target) = (batch.body.len() / 2, (batch.unpacked.min(position.target) / 2).max(1));
                return Ok(());
            }
            Answer::TooLarge => {
                let what =
                    format!("record {} of lane {} is larger than it takes ({} bytes)", batch.span.last, lane.as_str(), batch.body.len());
                return Err(Fault::new(what).into());
            }
            Answer::Stored(through) => position.set_back(through)?,
            Answer::Expected(next) => position.set_back(next - 1)?,
        }
        if lane.is_durable() {
            let (name, cursor) = (self.name().to_owned(), self.lanes[&lane].cursor);
            self.deps.db.write(move |tx| sinks::set_cursor(tx, &name, lane, cursor)).await?;
        }
        Ok(())
    }

    /// Writes to the board how far the lanes are: `now`, or when it was not done for a second.
    async fn count_backlog(&mut self, now: bool) {
        let at = self.deps.clock.monotonic();
        if !now && self.backlog_at.is_some_and(|before| at.saturating_duration_since(before) < self.between_counts(LOOK)) {
            return;
        }
        self.backlog_at = Some(at);
        match self.lane_statuses().await {
            Ok(lanes) => self.deps.sync.note(&self.settings.name, |status| status.lanes = lanes),
            Err(error) => tracing::warn!("what waits for {} cannot be counted: {error}", self.name()),
        }
        self.count_took = self.deps.clock.monotonic().saturating_duration_since(at);
    }

    /// The pause between two counts: `least`, or longer when much waits.
    fn between_counts(&self, least: Duration) -> Duration {
        least.max(self.count_took * COUNT_SHARE)
    }

    async fn lane_statuses(&self) -> Result<Vec<LaneStatus>, outgoing::Error> {
        let mut lanes = Vec::new();
        for lane in self.settings.lanes.iter().copied() {
            let name = self.name().to_owned();
            let known = match self.lanes.get(&lane) {
                Some(position) => (position.cursor, position.lost),
                None => (self.deps.db.read(move |c| sinks::cursor(c, &name, lane)).await?.unwrap_or_default(), 0),
            };
            let (cursor, lost) = known;
            let (head, (backlog, oldest)) = (self.outgoing.head(lane).await?, self.outgoing.backlog(lane, cursor.through).await?);
            let acked_at = (cursor.acked_at != Timestamp::default()).then_some(cursor.acked_at);
            let (through, records, bytes) = (cursor.through, cursor.records, cursor.bytes);
            lanes.push(LaneStatus { lane, head, through, backlog, oldest, acked_at, records, bytes, lost });
        }
        lanes.sort_by_key(|status| status.lane);
        Ok(lanes)
    }
}

impl Position {
    /// The other side goes on behind `through`; told so again and again, it and we do not understand each other.
    fn set_back(&mut self, through: i64) -> Result<(), Fault> {
        self.misunderstood += 1;
        if self.misunderstood > MISUNDERSTANDINGS {
            return Err(Fault::new(format!("it asks for number {} again and again", through + 1)));
        }
        self.cursor.through = through;
        Ok(())
    }
}

async fn within<T>(patience: Duration, asked: sink::Told<'_, T>) -> Result<T, Fault> {
    match tokio::time::timeout(patience, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::new(format!("no answer within {patience:?}"))),
    }
}

/// Within 0 to 1, for jitter.
fn draw() -> f64 {
    getrandom::u32().map_or(0.5, |n| f64::from(n) / f64::from(u32::MAX))
}

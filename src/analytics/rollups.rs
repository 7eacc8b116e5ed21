//! Keeps the rollups: follows the journal, and for each booking and duty it names takes away what that added before and adds
//! what it adds now.
//!
//! Sums, facts and cursor are one transaction, so nothing counts twice whatever is cut short. A fact is told from the row as it
//! stands, not from the entry, so reading entries again changes nothing; that is how [`Rollups::rebuild`] works: it forgets all and
//! lets the journal be read from its first entry.

use super::fact::{Crew, Driven, Fact, Terms, length};
use crate::clock::Clock;
use crate::config::Current;
use crate::model::{Booking, BookingId, DriverId, Duty, DutyId, Event, Kind, Measures, Span, Status, Timestamp, VehicleId};
use crate::store::{self, Db, bookings, cursors, duty, journal, rollups, vehicles};
use crate::tariffs::Bill;
use crate::tracks::Tracks;
use jiff::tz::TimeZone;
use rollups::{Key, Source};
use rusqlite::{Connection, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The name of the cursor.
pub const NAME: &str = "rollups";
/// Entries read at once.
const BATCH: usize = 500;
/// Fixes of a job at most: those of a second each for five hours.
const TRACK: usize = 20_000;
/// Between two batches of what happens now, so that one transaction takes what a busy second brings.
const GATHER: Duration = Duration::from_millis(50);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(30);

/// The follower. Clones share one cursor.
#[derive(Clone)]
pub struct Rollups(Arc<Inner>);

struct Inner {
    db: Db,
    tracks: Option<Tracks>,
    clock: Clock,
    settings: Current,
    zone: String,
    reached: watch::Sender<i64>,
}

/// What of the next entries concerns the rollups.
#[derive(Default)]
struct Touched {
    upto: i64,
    bookings: BTreeSet<BookingId>,
    duties: BTreeMap<DutyId, Duty>,
    /// A vehicle's time on duty that ended with this entry, without a driver.
    stints: Vec<(i64, VehicleId, Timestamp, Timestamp)>,
}

impl Rollups {
    /// Opens them; sums by the hours of another zone are forgotten, and made again by [`Rollups::run`]. Without `tracks` no way is measured.
    pub async fn open(db: Db, tracks: Option<Tracks>, settings: impl Into<Current>, clock: Clock) -> store::Result<Self> {
        let settings = settings.into();
        let zone = settings.get().depot.zone.clone();
        let kept = db.read(rollups::zone).await?;
        let this = Self(Arc::new(Inner { db, tracks, clock, settings, zone, reached: watch::Sender::new(0) }));
        if kept.as_ref() != Some(&this.0.zone) {
            this.rebuild().await?;
        }
        let cursor = this.0.db.read(|c| cursors::get(c, NAME)).await?;
        this.0.reached.send_replace(cursor);
        Ok(this)
    }

    pub(super) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The IANA zone whose hours, days and weeks count.
    pub fn zone(&self) -> &str {
        &self.0.zone
    }

    /// The journal entry up to which everything counts.
    pub fn cursor(&self) -> i64 {
        *self.0.reached.borrow()
    }

    /// Moves with each batch that is counted.
    pub fn changes(&self) -> watch::Receiver<i64> {
        self.0.reached.subscribe()
    }

    /// Forgets all sums; they are made again from the first entry of the journal.
    pub async fn rebuild(&self) -> store::Result<()> {
        let zone = self.0.zone.clone();
        self.0.db.write(move |tx| forget(tx, &zone)).await?;
        self.0.reached.send_replace(0);
        Ok(())
    }

    /// By what facts are told now.
    pub fn terms(&self) -> Terms {
        let tolerance = self.0.settings.get().dispatch.late_tolerance_s;
        Terms {
            zone: TimeZone::get(&self.0.zone).unwrap_or(TimeZone::UTC),
            tolerance: Span::from_secs(i64::try_from(tolerance).unwrap_or(i64::MAX / 2_000)),
        }
    }

    /// Counts until cancelled. What fails is tried again.
    pub async fn run(self, cancel: CancellationToken) {
        let mut head = self.0.db.head();
        loop {
            head.borrow_and_update();
            let counted = self.catch_up().await;
            if let Err(error) = &counted {
                tracing::warn!(%error, "the rollups stand still: {error}");
            }
            let next = async {
                let pause = if counted.is_ok() { GATHER } else { PAUSE };
                tokio::time::sleep(pause).await;
                counted.is_err() || head.changed().await.is_ok()
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                open = next => if !open { return },
            }
        }
    }

    /// Counts all that the journal holds so far.
    pub async fn catch_up(&self) -> store::Result<()> {
        while self.step().await? {}
        Ok(())
    }

    /// Counts the next batch, and is cut short before its commit.
    #[cfg(test)]
    pub(super) async fn step_and_crash(&self) {
        let cursor = self.cursor();
        let (terms, now) = (self.terms(), self.0.clock.now());
        let torn = move |tx: &Transaction<'_>| {
            let touched = touched_after(tx, cursor)?;
            count(tx, &touched, &HashMap::new(), now, &terms)?;
            cursors::advance(tx, NAME, touched.upto)?;
            Err::<(), _>(store::Error::Closed)
        };
        drop(self.0.db.write(torn).await);
    }

    /// Counts the next batch; `false`: there is none.
    pub(super) async fn step(&self) -> store::Result<bool> {
        let cursor = self.0.db.read(|c| cursors::get(c, NAME)).await?;
        let touched = self.0.db.read(move |c| touched_after(c, cursor)).await?;
        if touched.upto == cursor {
            return Ok(false);
        }
        let driven = self.measure(&touched.bookings).await?;
        let (terms, now, upto) = (self.terms(), self.0.clock.now(), touched.upto);
        let count = move |tx: &Transaction<'_>| {
            // Somebody had everything made again meanwhile: this batch is of no use.
            if cursors::get(tx, NAME)? == cursor {
                count(tx, &touched, &driven, now, &terms)?;
                cursors::advance(tx, NAME, touched.upto)?;
            }
            Ok::<_, store::Error>(())
        };
        self.0.db.write(count).await?;
        self.0.reached.send_replace(upto);
        Ok(true)
    }

    /// How far the vehicles of those of `ids` that are delivered drove, as far as their fixes are kept.
    async fn measure(&self, ids: &BTreeSet<BookingId>) -> store::Result<HashMap<BookingId, Driven>> {
        let mut driven = HashMap::new();
        let Some(tracks) = &self.0.tracks else { return Ok(driven) };
        let ids: Vec<BookingId> = ids.iter().copied().collect();
        let find =
            move |c: &Connection| ids.into_iter().filter_map(|id| bookings::get(c, id).transpose()).collect::<store::Result<Vec<_>>>();
        let done: Vec<Booking> = self.0.db.read(find).await?.into_iter().filter(|b| b.status == Status::Delivered).collect();
        if !done.is_empty() {
            let taken = tracks.stats().appended;
            // A log that ended is read as it is.
            drop(tracks.durable().wait_for(|durable| *durable >= taken).await);
        }
        for job in done {
            let (Some(vehicle), Some(assigned), Some(delivered)) = (&job.vehicle, job.assigned_at, job.delivered_at) else { continue };
            match tracks.read(vehicle, assigned, delivered, TRACK, None).await {
                Ok(page) if page.fixes.len() > 1 => {
                    let loaded = job.picked_up_at.unwrap_or(delivered);
                    let (there, on): (Vec<_>, Vec<_>) = page.fixes.iter().partition(|fix| fix.ts <= loaded);
                    let way = |fixes: Vec<&crate::model::Fix>| length(fixes.into_iter().map(|fix| fix.place));
                    driven.insert(job.id, Driven { empty_m: way(there), loaded_m: way(on) });
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, booking = %job.id, "the way of {} is not measured: {error}", job.reference),
            }
        }
        Ok(driven)
    }
}

/// What [`Rollups::rebuild`] does, for commands: the server that runs makes the sums again.
pub fn forget(tx: &Transaction<'_>, zone: &str) -> store::Result<()> {
    rollups::clear(tx, zone)?;
    cursors::reset(tx, NAME)
}

fn touched_after(c: &Connection, cursor: i64) -> store::Result<Touched> {
    let events = journal::after(c, cursor, BATCH)?;
    let mut touched = Touched { upto: events.last().map_or(cursor, |e| e.seq), ..Touched::default() };
    for event in events {
        if let Some(booking) = event.booking {
            touched.bookings.insert(booking);
        }
        let Some(vehicle) = &event.vehicle else { continue };
        match event.kind {
            Kind::DutyStarted | Kind::DutyEnded | Kind::BreakStarted | Kind::BreakEnded => {
                touched.duties.extend(duty::around(c, vehicle, event.at)?.into_iter().map(|duty| (duty.id, duty)));
            }
            Kind::VehicleDutyChanged => {
                touched.duties.extend(relearned(c, &event)?.map(|duty| (duty.id, duty)));
                touched.stints.extend(stint(c, &event, vehicle)?);
            }
            _ => {}
        }
    }
    Ok(touched)
}

/// The time on duty that ends with `event`.
fn stint(c: &Connection, event: &Event, vehicle: &VehicleId) -> store::Result<Option<(i64, VehicleId, Timestamp, Timestamp)>> {
    let on = |event: &Event| serde_json::from_str::<serde_json::Value>(&event.data).ok().and_then(|data| data["on_duty"].as_bool());
    if on(event) != Some(false) {
        return Ok(None);
    }
    let began = journal::last_duty_change(c, vehicle, event.seq)?.filter(|began| on(began) == Some(true));
    Ok(began.map(|began| (event.seq, vehicle.clone(), began.at, event.at)))
}

/// The duty that a depot which was restored from a backup learned of again.
fn relearned(c: &Connection, event: &Event) -> store::Result<Option<Duty>> {
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
    let (table, key) = (data["relearned"]["table"].as_str(), data["relearned"]["key"].as_str());
    let number = key.and_then(|key| serde_json::from_str::<(i64,)>(key).ok());
    match (table, number) {
        (Some("duties"), Some((number,))) => duty::get(c, DutyId::of_row(number)),
        _ => Ok(None),
    }
}

fn count(tx: &Transaction<'_>, touched: &Touched, driven: &HashMap<BookingId, Driven>, now: Timestamp, terms: &Terms) -> store::Result<()> {
    let mut sums = BTreeMap::new();
    for id in &touched.bookings {
        let Some(booking) = bookings::get(tx, *id)? else { continue };
        let fact = of_booking(tx, &booking, driven.get(id).copied(), terms)?;
        replace(tx, Source::Booking, &id.to_string(), &fact, &mut sums)?;
    }
    for duty in touched.duties.values().filter(|duty| duty.time.until.is_some()) {
        let class = class_of(tx, &duty.vehicle)?;
        replace(tx, Source::Duty, &duty.id.to_string(), &Fact::of_duty(duty, class.as_deref(), now, terms), &mut sums)?;
    }
    for (seq, vehicle, from, until) in &touched.stints {
        let class = class_of(tx, vehicle)?;
        replace(tx, Source::Vehicle, &seq.to_string(), &Fact::of_vehicle(vehicle, class.as_deref(), *from, *until, terms), &mut sums)?;
    }
    sums.iter().filter(|(_, amounts)| !amounts.is_zero()).try_for_each(|(key, amounts)| rollups::add(tx, key, amounts))
}

fn of_booking(c: &Connection, booking: &Booking, driven: Option<Driven>, terms: &Terms) -> store::Result<Fact> {
    let bill = Bill::of(c, booking.id)?;
    let Some(vehicle) = &booking.vehicle else { return Ok(Fact::of_booking(booking, bill.as_ref(), Crew::default(), None, terms)) };
    let class = class_of(c, vehicle)?;
    let at = booking.picked_up_at.or(booking.arrived_at).or(booking.assigned_at);
    let driver: Option<DriverId> = match at {
        Some(at) => duty::around(c, vehicle, at)?.pop().map(|duty| duty.driver),
        None => None,
    };
    Ok(Fact::of_booking(booking, bill.as_ref(), Crew { class: class.as_deref(), driver }, driven, terms))
}

fn class_of(c: &Connection, vehicle: &VehicleId) -> store::Result<Option<String>> {
    Ok(vehicles::get(c, vehicle)?.map(|vehicle| vehicle.class))
}

/// Keeps a fact, and adds to `sums` what it changes.
fn replace(tx: &Transaction<'_>, source: Source, id: &str, fact: &Fact, sums: &mut BTreeMap<Key, Measures>) -> store::Result<()> {
    let corrupt = |e: serde_json::Error| store::Error::Corrupt(format!("a fact: {e}"));
    if let Some(before) = rollups::fact(tx, source, id)? {
        let before: Fact = serde_json::from_str(&before).map_err(corrupt)?;
        if before == *fact {
            return Ok(());
        }
        before.add_to(sums, true);
    }
    fact.add_to(sums, false);
    rollups::put_fact(tx, source, id, &serde_json::to_string(fact).map_err(corrupt)?)
}

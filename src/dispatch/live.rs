//! Watches over the jobs under way: when each will be done, from where its vehicle is now, and whether that is late.
//!
//! Every few seconds, and when the journal moves, all jobs are looked at; the chain is asked again for those that changed,
//! whose vehicle moved materially, or whose answer is a minute old. The outcome goes to the [board](crate::bookings::etas),
//! and to the journal when it is worth a warning.

use crate::bookings::late::{Late, news};
use crate::bookings::{self, Bookings, etas::JobEta};
use crate::clock::Clock;
use crate::config::{Config, Current};
use crate::eta::speeds::{ARRIVED, passed};
use crate::eta::{self, Asker, Eta, Etas, Leg};
use crate::fleet::{Fleet, View};
use crate::model::{Booking, BookingId, Metres, Place, Span, Status, Timestamp, VehicleId};
use crate::store::Db;
use crate::tracks::Tracks;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Jobs looked at, at most.
const MOST_JOBS: usize = 20_000;
/// Warnings written at one look; the others come with the next.
const MOST_WARNINGS: usize = 200;
/// A vehicle that moved so far since the last answer is asked for again …
const MOVED: Metres = Metres(150.0);
/// … as is one whose answer is this old.
const OLD: Span = Span::from_secs(60);
/// Between two looks, however often the journal moves.
const REST: Duration = Duration::from_secs(1);
/// Fixes read to find the stops that were made already.
const TRACK: usize = 20_000;

/// What the look works with.
pub struct Deps {
    /// The chain.
    pub etas: Etas,
    /// The jobs, their board and their warnings.
    pub bookings: Bookings,
    /// The journal's head.
    pub db: Db,
    /// Where vehicles are.
    pub fleet: Fleet,
    /// Where they were.
    pub tracks: Tracks,
    /// The time.
    pub clock: Clock,
}

/// Looks at the jobs.
pub struct Live {
    deps: Deps,
    settings: Current,
    known: HashMap<BookingId, Basis>,
    /// By how much each job was told late; `None` until that was read.
    told: Option<HashMap<BookingId, Span>>,
}

#[derive(Clone, Debug)]
struct Rules {
    every: Duration,
    fix_max_age: Span,
    halt: Span,
    late_after: Span,
    tolerance: Span,
}

impl Rules {
    fn of(config: &Config) -> Self {
        let seconds = |s: u64| Span::from_secs(i64::try_from(s).unwrap_or(i64::MAX));
        Self {
            every: Duration::from_secs(config.eta.live_s.max(1)),
            fix_max_age: seconds(config.dispatch.fix_max_age_s),
            halt: seconds(config.eta.halt_s),
            late_after: seconds(config.dispatch.late_after_s),
            tolerance: seconds(config.dispatch.late_tolerance_s),
        }
    }
}

/// What an answer rests on.
#[derive(Clone, PartialEq, Debug)]
struct Basis {
    vehicle: VehicleId,
    version: u32,
    at: Timestamp,
    place: Place,
    /// Stops made already.
    passed: usize,
    /// Since when it has been at the drop-off.
    unloading: Option<Timestamp>,
    /// From there to each of the places still ahead.
    drives: Vec<Eta>,
}

impl Live {
    /// Looks as the settings say; nothing is known yet.
    pub fn new(deps: Deps, settings: impl Into<Current>) -> Self {
        Self { deps, settings: settings.into(), known: HashMap::new(), told: None }
    }

    /// Looks again and again until cancelled. A look that fails is made again.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut head = self.deps.db.head();
        loop {
            head.borrow_and_update();
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the jobs under way were not looked at: {error}");
            }
            let every = Rules::of(&self.settings.get()).every;
            let pause = async {
                tokio::time::sleep(REST).await;
                drop(tokio::time::timeout(every, head.changed()).await);
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = pause => {}
            }
        }
    }

    /// Looks once.
    pub async fn look(&mut self) -> Result<(), bookings::Error> {
        let (now, rules) = (self.deps.clock.now(), Rules::of(&self.settings.get()));
        let jobs = self.deps.bookings.under_way(MOST_JOBS).await?;
        let under_way: HashSet<BookingId> = jobs.iter().map(|job| job.id).collect();
        self.known.retain(|id, _| under_way.contains(id));
        self.ask_again(&jobs, &rules, now).await;
        let eta = |job: &Booking| Some((job.id, forecast(job, self.known.get(&job.id)?, &rules, now)));
        let etas: HashMap<BookingId, JobEta> = jobs.iter().filter_map(eta).collect();
        self.deps.bookings.etas().replace(etas.clone());
        self.warn(&jobs, &etas, rules.tolerance).await
    }

    async fn ask_again(&mut self, jobs: &[Booking], rules: &Rules, now: Timestamp) {
        let mut legs = Vec::new();
        let mut asked = Vec::new();
        for job in jobs {
            let Some((view, place)) = self.view(job).and_then(|view| view.place.map(|place| (view, place))) else { continue };
            let before = self.known.get(&job.id);
            if before.is_some_and(|basis| !basis.is_outdated(job, &view, place, now, rules.fix_max_age)) {
                continue;
            }
            let same = before.filter(|basis| basis.vehicle == view.id && job.status == Status::PickedUp).map(|basis| basis.passed);
            let passed = self.passed(job, same, place, now).await;
            let ahead = ahead(job, passed);
            let at_dropoff =
                job.status == Status::PickedUp && passed == job.order.stops.len() && place.distance(job.order.dropoff.place) <= ARRIVED;
            let unloading = at_dropoff.then(|| before.and_then(|basis| basis.unloading).unwrap_or(now));
            let basis = Basis { vehicle: view.id, version: job.version, at: now, place, passed, unloading, drives: Vec::new() };
            asked.push((job, basis, ahead.len()));
            let mut from = place;
            legs.extend(ahead.into_iter().map(|to| Leg {
                class: Some(Arc::clone(&view.class)),
                from: std::mem::replace(&mut from, to),
                to,
            }));
        }
        let until = self.deps.clock.monotonic() + rules.every;
        let mut drives = self.deps.etas.drives(&legs, now, Asker::Background, until).await.into_iter();
        for (job, mut basis, ahead) in asked {
            basis.drives = drives.by_ref().take(ahead).collect();
            self.known.insert(job.id, basis);
        }
    }

    fn view(&self, job: &Booking) -> Option<View> {
        self.deps.fleet.get(job.vehicle.as_ref()?)
    }

    /// Stops that were made: more than before when the vehicle is at one now. After a start its track tells.
    async fn passed(&self, job: &Booking, before: Option<usize>, place: Place, now: Timestamp) -> usize {
        let halts: Vec<Place> = job.order.stops.iter().map(|stop| stop.site.place).collect();
        let (Status::PickedUp, Some(vehicle), false) = (job.status, &job.vehicle, halts.is_empty()) else { return 0 };
        let mut done = match before {
            Some(before) => before,
            None => {
                let since = job.picked_up_at.unwrap_or(job.updated_at);
                let page = self.deps.tracks.read(vehicle, since, now, TRACK, None).await;
                page.map_or(0, |page| passed(&page.fixes, &halts))
            }
        };
        while halts.get(done).is_some_and(|halt| place.distance(*halt) <= ARRIVED) {
            done += 1;
        }
        done
    }

    async fn warn(&mut self, jobs: &[Booking], etas: &HashMap<BookingId, JobEta>, tolerance: Span) -> Result<(), bookings::Error> {
        let Deps { bookings, .. } = &self.deps;
        let told = match &mut self.told {
            Some(told) => told,
            empty => empty.insert(bookings.told_late().await?.into_iter().collect()),
        };
        let under_way: HashSet<BookingId> = jobs.iter().map(|job| job.id).collect();
        let over: Vec<BookingId> = told.keys().filter(|id| !under_way.contains(id)).copied().collect();
        if !over.is_empty() {
            bookings.forget_late(over).await?;
            told.retain(|id, _| under_way.contains(id));
        }
        let mut written = 0;
        for job in jobs {
            let (Some(eta), Some(vehicle)) = (etas.get(&job.id), &job.vehicle) else { continue };
            let by = eta.late.map(|late| late.by);
            if written == MOST_WARNINGS || news(told.get(&job.id).copied(), by, tolerance).is_none() {
                continue;
            }
            written += 1;
            match bookings.tell_late(job.id, vehicle.clone(), eta.late, eta.source).await? {
                Some(by) => told.insert(job.id, by),
                None => told.remove(&job.id),
            };
        }
        Ok(())
    }
}

impl Basis {
    /// Is there reason to ask again? A position that is not renewed is none: the vehicle does not start anew each minute.
    fn is_outdated(&self, job: &Booking, view: &View, place: Place, now: Timestamp, fix_max_age: Span) -> bool {
        let fresh = view.fix_ts.is_some_and(|ts| now.since(ts) <= fix_max_age);
        let moved = place.distance(self.place) > MOVED || now.since(self.at) >= OLD;
        self.version != job.version || self.vehicle != view.id || (fresh && moved)
    }
}

/// The places that are still ahead, in their order.
fn ahead(job: &Booking, passed: usize) -> Vec<Place> {
    let done = match job.status {
        Status::Assigned => 0,
        Status::Arrived => 1,
        _ => 1 + passed,
    };
    job.order.places().skip(done).collect()
}

/// When the job will be done. Nothing that is ahead lies in the past.
fn forecast(job: &Booking, basis: &Basis, rules: &Rules, now: Timestamp) -> JobEta {
    let wanted = job.order.pickup_at.unwrap_or(now);
    let mut at = basis.at;
    let mut pickup_at = None;
    let mut drives = basis.drives.iter();
    if job.status == Status::Assigned {
        let there = (at + drives.next().map_or(Span::default(), |eta| eta.drive)).max(now);
        pickup_at = Some(there);
        at = there.max(wanted) + rules.halt;
    } else if job.status == Status::Arrived {
        at = (job.arrived_at.unwrap_or(at).max(wanted) + rules.halt).max(now);
    }
    for (n, eta) in drives.enumerate() {
        let loading = if n > 0 { rules.halt } else { Span::default() };
        at = (at + loading + eta.drive).max(now);
    }
    let source = eta::least_trusted(&basis.drives);
    let late = Late::worst(job, pickup_at, at, rules.late_after);
    let free_at = basis.unloading.unwrap_or(at) + rules.halt;
    JobEta { pickup_at, dropoff_at: at, free_at, source, late, computed_at: basis.at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Currency, Fare, Money, Order, Site, Stop, StopKind, Window};

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
    const MINUTE: Span = Span::from_secs(60);

    fn rules() -> Rules {
        let span = Span::from_secs;
        Rules { every: Duration::from_secs(5), fix_max_age: span(300), halt: span(120), late_after: span(900), tolerance: span(120) }
    }

    fn place(east: f64) -> Place {
        Place::new(0.0, east).unwrap()
    }

    fn job(status: Status, stops: usize) -> Booking {
        let mut order = Order::new(Site::at(place(0.1)), Site::at(place(0.9)));
        let stop =
            |n: usize| Stop { site: Site::at(place(0.2 + f64::from(u8::try_from(n).unwrap()) / 10.0)), kind: StopKind::Visit, notes: None };
        order.stops = (0..stops).map(stop).collect();
        order.pickup_at = Some(NOW);
        Booking {
            id: BookingId::generate(NOW, [1; 10]),
            reference: "B-1".into(),
            status,
            order,
            fare: Fare { price: Money { amount_minor: 1, currency: Currency::new("EUR").unwrap() }, distance_m: 1, duration_s: 2 },
            vehicle: VehicleId::new("KA-1").ok(),
            reason: None,
            created_at: NOW,
            updated_at: NOW,
            assigned_at: Some(NOW),
            arrived_at: Some(NOW),
            picked_up_at: None,
            delivered_at: None,
            ended_at: None,
            locked: false,
            origin: crate::model::Origin::Depot,
            recurrence: None,
            version: 3,
        }
    }

    fn basis(drives: &[(i64, &'static str)]) -> Basis {
        let drives = drives.iter().map(|(minutes, source)| Eta { drive: Span::from_secs(minutes * 60), source }).collect();
        Basis { vehicle: VehicleId::new("KA-1").unwrap(), version: 3, at: NOW, place: place(0.0), passed: 0, unloading: None, drives }
    }

    fn minutes(at: Timestamp) -> i64 {
        at.since(NOW).as_millis() / 60_000
    }

    #[test]
    fn a_job_is_its_drives_and_its_halts() {
        let assigned = forecast(&job(Status::Assigned, 1), &basis(&[(5, "road"), (10, "cache"), (20, "road")]), &rules(), NOW);
        assert_eq!((assigned.pickup_at.map(minutes), minutes(assigned.dropoff_at)), (Some(5), 5 + 2 + 10 + 2 + 20));
        assert_eq!((assigned.source, assigned.late), ("cache", None));
        let arrived = forecast(&job(Status::Arrived, 0), &basis(&[(20, "learned")]), &rules(), NOW + MINUTE);
        assert_eq!((arrived.pickup_at, minutes(arrived.dropoff_at)), (None, 22));
        let loaded = forecast(&job(Status::PickedUp, 1), &basis(&[(20, "road")]), &rules(), NOW);
        assert_eq!((minutes(loaded.dropoff_at), ahead(&job(Status::PickedUp, 1), 1)), (20, vec![place(0.9)]));
        assert_eq!(minutes(loaded.free_at), 20 + 2);
        let unloading = Basis { unloading: Some(NOW), ..basis(&[(0, "road")]) };
        let slow = forecast(&job(Status::PickedUp, 0), &unloading, &rules(), NOW + MINUTE * 10.0);
        assert_eq!((minutes(slow.dropoff_at), minutes(slow.free_at)), (10, 2));
    }

    #[test]
    fn nobody_loads_before_the_wanted_time_or_arrives_in_the_past() {
        let mut early = job(Status::Assigned, 0);
        early.order.pickup_at = Some(NOW + MINUTE * 30.0);
        let eta = forecast(&early, &basis(&[(5, "road"), (10, "road")]), &rules(), NOW);
        assert_eq!((eta.pickup_at.map(minutes), minutes(eta.dropoff_at)), (Some(5), 30 + 2 + 10));
        let silent = forecast(&job(Status::Assigned, 0), &basis(&[(5, "road"), (10, "road")]), &rules(), NOW + MINUTE * 20.0);
        assert_eq!((silent.pickup_at.map(minutes), minutes(silent.dropoff_at)), (Some(20), 32));
    }

    #[test]
    fn late_is_against_the_window_or_the_wanted_time() {
        let drives = basis(&[(20, "road"), (40, "road")]);
        let mut job = job(Status::Assigned, 0);
        let late = |job: &Booking| forecast(job, &drives, &rules(), NOW).late.map(|late| (late.against, late.by.as_millis() / 60_000));
        assert_eq!(late(&job), Some(("pickup_at", 5)));
        job.order.pickup_until = Some(NOW + MINUTE * 17.0);
        assert_eq!(late(&job), Some(("pickup_window", 3)));
        job.order.dropoff_window = Some(Window { from: NOW, until: NOW + MINUTE * 52.0 });
        assert_eq!(late(&job), Some(("dropoff_window", 10)));
        job.order.pickup_until = Some(NOW + MINUTE * 60.0);
        job.order.dropoff_window = None;
        assert_eq!(late(&job), None);
    }
}

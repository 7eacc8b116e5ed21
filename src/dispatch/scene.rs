//! What a round looks at: bookings and vehicles in the plan's own words.

use super::asking::Answers;
use super::plan::{self, Lately, Reason, Rules, Seen, Soon, Waiting};
use crate::bookings::etas::Board;
use crate::bookings::{self, Bookings};
use crate::config;
use crate::eta::Travel;
use crate::fleet::{Fleet, Near, View};
use crate::model::{Booking, BookingId, Metres, Pause, Place, Span, Status, Timestamp, VehicleId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A fleet up to this size is looked at as a whole.
const WHOLE: usize = 5_000;
/// Vehicles of any kind looked at around each pickup, to say why they were not considered.
const AROUND: usize = 32;

/// A booking, as far as the plan is concerned, and the answers of the drivers who were asked.
pub(super) fn waiting(booking: &Booking, answers: &Answers) -> Waiting {
    Waiting { declined: answers.declined(booking.id), ..wants(booking) }
}

/// What a booking wants, in the plan's words.
pub fn wants(booking: &Booking) -> Waiting {
    let order = &booking.order;
    let since = booking.created_at.max(order.pickup_at.unwrap_or(booking.created_at).min(booking.updated_at));
    Waiting {
        class: order.vehicle_class.clone(),
        load: order.load(),
        skills: order.skills.clone(),
        trip: Span::from_secs(booking.fare.duration_s.into()),
        due: due(booking),
        priority: order.priority,
        ..Waiting::new(booking.id, order.pickup.place, since)
    }
}

/// Jobs that end soon enough to be looked at, at most.
const MOST_JOBS: usize = 20_000;
/// How far back "lately" goes.
const LATELY: Span = Span::from_secs(900);

/// What was wanted of late.
pub(super) async fn lately(bookings: &Bookings, now: Timestamp) -> Result<Lately, bookings::Error> {
    let (count, trip_s) = bookings.wanted_since(now - LATELY, now).await?;
    let trip = std::time::Duration::try_from_secs_f64(trip_s).unwrap_or_default();
    Ok(Lately { bookings: count, over: LATELY, trip: Span::from_millis(i64::try_from(trip.as_millis()).unwrap_or(0)), vehicles: None })
}

/// When the pickup is late: at the window's end or, for a booking of a later time, after that; at the latest when the drop-off's
/// window could not be met any more.
pub(super) fn due(booking: &Booking) -> Option<Timestamp> {
    let order = &booking.order;
    let later = order.pickup_at.filter(|at| *at > booking.created_at);
    let trip = Span::from_secs(booking.fare.duration_s.into());
    let for_dropoff = order.dropoff_window.map(|window| window.until - trip);
    order.pickup_until.or(later).into_iter().chain(for_dropoff).min()
}

/// When each job that is about to end was first expected to. One that should be over by now takes at least as long again as it is
/// overdue: nobody knows what holds it up, and a driver who forgot to say that it is over must not keep a booking waiting.
#[derive(Default)]
pub(super) struct Expected(Mutex<HashMap<BookingId, Timestamp>>);

impl Expected {
    /// The end `at` that is expected of the job, as far as it can still be believed.
    fn believed(&self, job: BookingId, at: Timestamp, look_ahead: Span, now: Timestamp) -> Timestamp {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if at.since(now) > look_ahead && !first.contains_key(&job) {
            return at;
        }
        let overdue = now.since(*first.entry(job).or_insert(at));
        at.max(now + overdue)
    }

    fn keep(&self, jobs: &HashMap<VehicleId, Booking>) {
        let under_way: HashSet<BookingId> = jobs.values().map(|job| job.id).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|job, _| under_way.contains(job));
    }
}

/// The jobs that vehicles are busy with, how many each was given of late, and what their drivers said.
pub(super) struct Jobs {
    active: HashMap<VehicleId, Booking>,
    /// When the jobs under way are expected to be over.
    board: Board,
    expected: Arc<Expected>,
    given: HashMap<VehicleId, u32>,
    pub answers: Answers,
}

impl Jobs {
    /// As they are now.
    pub async fn read(
        bookings: &Bookings,
        expected: &Arc<Expected>,
        config: &config::Dispatch,
        now: Timestamp,
    ) -> Result<Self, bookings::Error> {
        let jobs = bookings.under_way(MOST_JOBS).await?;
        let active = jobs.into_iter().filter_map(|job| Some((job.vehicle.clone()?, job))).collect();
        expected.keep(&active);
        let given = bookings.given_since(now - plan::WORKLOAD).await?.into_iter().collect();
        let refused = bookings.refused_offers(now - Answers::horizon(config)).await?;
        let answers = Answers::new(&refused, &bookings.open_offers().await?, config, now);
        Ok(Self { active, board: bookings.etas().clone(), expected: Arc::clone(expected), given, answers })
    }

    fn seen(&self, view: View, rules: &Rules, now: Timestamp) -> Seen {
        let jobs = self.given.get(&view.id).copied().unwrap_or_default();
        let soon = self.active.get(&view.id).and_then(|job| self.soon(job, &view, rules, now));
        let asked = self.answers.barred(&view.id);
        let seen = plain(view, soon);
        Seen { jobs_per_hour: plan::jobs_per_hour(jobs), barred: seen.barred.or(asked), ..seen }
    }

    /// When and where the vehicle will have done its job.
    fn soon(&self, job: &Booking, view: &View, rules: &Rules, now: Timestamp) -> Option<Soon> {
        let at = match self.board.get(job.id) {
            Some(eta) => eta.free_at,
            None => now + left(job, view, &rules.travel)?,
        };
        Some(Soon { at: self.expected.believed(job.id, at, rules.look_ahead, now), place: job.order.dropoff.place })
    }
}

/// How long the job will take from where its vehicle is now, until the board says better. Stops count as still to be made.
fn left(job: &Booking, view: &View, travel: &Travel) -> Option<Span> {
    let order = &job.order;
    let trip = Span::from_secs(job.fare.duration_s.into());
    let drive = |to: Place| Some(travel.eta(view.place?.distance(to)).drive);
    match job.status {
        Status::Assigned => Some(drive(order.pickup.place)? + trip),
        Status::Arrived => Some(trip),
        _ if order.stops.is_empty() => drive(order.dropoff.place),
        _ => Some(trip),
    }
}

/// The vehicles worth looking at for these bookings.
///
/// With n bookings, the n nearest that fit each of them suffice for the best plan: of those, the other bookings can take
/// n - 1 at most. So few bookings in a large fleet are asked of the fleet's H3 index; else the whole fleet is looked at.
pub(super) fn vehicles(fleet: &Fleet, jobs: &Jobs, waiting: &[Waiting], rules: &Rules, now: Timestamp) -> Vec<Seen> {
    let seen = |view: View| jobs.seen(view, rules, now);
    let total = fleet.counts().total();
    let near = waiting.len().max(rules.candidates) * 2;
    if total <= WHOLE || waiting.len().saturating_mul(near + AROUND) > total {
        return fleet.all().into_iter().map(seen).collect();
    }
    let mut found: BTreeMap<VehicleId, View> = BTreeMap::new();
    for booking in waiting {
        let mut ask = Near {
            place: booking.pickup,
            radius: rules.max_radius,
            limit: near,
            available_only: true,
            class: booking.class.as_deref(),
            max_fix_age: Some(rules.fix_max_age),
            now,
        };
        let free = fleet.nearby(&ask);
        let fit = free.iter().filter(|(view, _)| fits(booking, view)).count();
        if free.len() == near && fit < waiting.len().max(rules.candidates) {
            return fleet.all().into_iter().map(seen).collect();
        }
        ask = Near { limit: AROUND, available_only: false, class: None, max_fix_age: None, ..ask };
        found.extend(free.into_iter().chain(fleet.nearby(&ask)).map(|(view, _)| (view.id.clone(), view)));
    }
    found.into_values().map(seen).collect()
}

/// The nearest vehicle that is free and connected and meets what the booking asks for, with its distance from the pickup.
pub(super) fn nearest_free(fleet: &Fleet, booking: &Booking, rules: &Rules, now: Timestamp) -> Option<(View, Metres)> {
    let waiting = waiting(booking, &Answers::default());
    let ask = Near {
        place: waiting.pickup,
        radius: rules.max_radius,
        limit: AROUND * 2,
        available_only: true,
        class: waiting.class.as_deref(),
        max_fix_age: Some(rules.fix_max_age),
        now,
    };
    fleet.nearby(&ask).into_iter().find(|(view, _)| view.online && fits(&waiting, view))
}

fn fits(booking: &Waiting, view: &View) -> bool {
    plan::demand(booking, &plain(view.clone(), None)).is_none()
}

pub(super) fn plain(view: View, soon: Option<Soon>) -> Seen {
    let pause = view.crew.as_ref().and_then(|crew| crew.pause);
    Seen {
        id: view.id,
        class: view.class,
        capacity: view.capacity,
        skills: view.skills,
        online: view.online,
        availability: view.availability,
        place: view.place,
        fix_ts: view.fix_ts,
        soon,
        barred: pause.map(|pause| match pause {
            Pause::Hours => Reason::Hours,
            Pause::Break => Reason::Break,
        }),
        jobs_per_hour: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_never_over_is_believed_less_and_less() {
        let (expected, ahead, start) = (Expected::default(), Span::from_secs(110), Timestamp::from_secs(1_700_000_000));
        let job = BookingId::generate(start, [1; 10]);
        let at = |seconds: i64| start + Span::from_secs(seconds);
        let left = |end: i64, now: i64| expected.believed(job, at(end), ahead, at(now)).since(at(now)).as_millis() / 1_000;
        assert_eq!(left(300, 0), 300, "too far off to be promised");
        assert_eq!(left(300, 200), 100);
        assert_eq!(left(320, 260), 60, "it takes a little longer");
        // The vehicle stands at the drop-off: any moment now, it seems, again and again.
        assert_eq!((left(330, 330), left(360, 360), left(420, 420)), (30, 60, 120));
        expected.keep(&HashMap::new());
        assert_eq!(left(430, 425), 5, "another job of that id would be a new one");
    }
}

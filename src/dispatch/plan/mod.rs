//! Who gets what: a pure function from the waiting bookings and the vehicles to the best plan.
//!
//! As many bookings as possible are served; among all ways to do that, the one with the least total cost is taken: travel
//! time to the pickups, the time until vehicles are free that still have a job (look-ahead), lateness, empty kilometres, what
//! of a vehicle is wasted on a booking, and how much more work it had than others. A vehicle that is not free yet is only promised: the next round decides again. While vehicles are scarce, some bookings wait for a nearer one
//! (`worth`).
//!
//! Only some vehicles of each booking are looked at, yet the result is the optimum over *all* pairs: the solver's dual
//! values prove it. They are prices of the vehicles; a tree of places and prices tells the vehicles that are cheapest for a
//! booking, and from where on no other can be. Where a booking needs more, it asks again while the problem is being solved.
//! [`Plan::gap`] is what is left unproven, normally zero.

mod crowd;
mod field;
mod fit;
mod nearest;
mod solver;
mod worth;

pub use fit::{Blocked, Excluded, Exclusions, Left, Reason, Survey, able, demand};

use crate::eta::Travel;
use crate::model::{Availability, BookingId, Capacity, Load, Metres, Place, Priority, Span, Timestamp, VehicleId};
use field::Field;
use fit::Able;
use serde::{Deserialize, Serialize};
use solver::{Pairs, Solution, Task};
use std::sync::Arc;

/// A drive to a pickup that somebody knows better than the great circle.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Road {
    /// Whose.
    pub vehicle: VehicleId,
    /// How long it takes.
    pub drive: Span,
    /// Who says so, as on the wire.
    pub source: Arc<str>,
}

/// A booking that wants a vehicle.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id.
    pub id: BookingId,
    /// Where the vehicle has to go.
    pub pickup: Place,
    /// Only this class will do.
    pub class: Option<String>,
    /// What is to be carried.
    pub load: Load,
    /// What the vehicle must be able to do.
    pub skills: Vec<String>,
    /// Since when it waits.
    pub since: Timestamp,
    /// How long a vehicle is busy with it once it is at the pickup.
    pub trip: Span,
    /// A vehicle that arrives later than this is of no use.
    pub latest: Option<Timestamp>,
    /// A vehicle that arrives later than this is late.
    pub due: Option<Timestamp>,
    /// How urgent it is.
    pub priority: Priority,
    /// Vehicles whose drivers do not want it.
    pub declined: Vec<VehicleId>,
    /// Drives that are known, one at most for each vehicle.
    pub roads: Vec<Road>,
}

impl Waiting {
    /// A booking that any vehicle may have, and the sooner the better.
    pub fn new(id: BookingId, pickup: Place, since: Timestamp) -> Self {
        Self {
            id,
            pickup,
            class: None,
            load: Load::default(),
            skills: Vec::new(),
            since,
            trip: Span::default(),
            latest: None,
            due: None,
            priority: Priority::Normal,
            declined: Vec::new(),
            roads: Vec::new(),
        }
    }
}

/// When and where a vehicle will have done its job.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Soon {
    /// When; a past time means any moment now.
    pub at: Timestamp,
    /// Where.
    pub place: Place,
}

/// What was asked of late, for the opportunity cost of a vehicle's time.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Lately {
    /// Bookings that began to wait.
    pub bookings: u32,
    /// In how long a time.
    pub over: Span,
    /// How long a vehicle is busy with one of them, on average.
    pub trip: Span,
    /// How many vehicles can be had, when not all of them are looked at.
    pub vehicles: Option<usize>,
}

/// How far back a vehicle's jobs are counted.
pub const WORKLOAD: Span = Span::from_secs(4 * 3_600);

/// The rate of so many jobs in [`WORKLOAD`].
pub fn jobs_per_hour(jobs: u32) -> f64 {
    f64::from(jobs) * 3_600.0 / WORKLOAD.as_secs_f64()
}

/// A vehicle as it is seen when the round begins, whether it is free or not.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Its id.
    pub id: VehicleId,
    /// Its class.
    pub class: Arc<str>,
    /// What it can carry at most.
    pub capacity: Capacity,
    /// What it can do.
    pub skills: Arc<[String]>,
    /// Is it connected?
    pub online: bool,
    /// What it is doing.
    pub availability: Availability,
    /// Where it was last.
    pub place: Option<Place>,
    /// When it was there.
    pub fix_ts: Option<Timestamp>,
    /// When and where it will be free, when it has a job whose end can be told.
    pub soon: Option<Soon>,
    /// Why it is not to be had whatever it is doing.
    pub barred: Option<Reason>,
    /// Jobs that it was given of late.
    pub jobs_per_hour: f64,
}

/// How a plan is made.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rules {
    /// Travel times.
    pub travel: Travel,
    /// A fix older than this excludes its vehicle.
    pub fix_max_age: Span,
    /// A vehicle further from the pickup than this is excluded at first; the radius doubles every `grow` that the booking waits …
    pub radius: Metres,
    /// See `radius`.
    pub grow: Span,
    /// … up to this.
    pub max_radius: Metres,
    /// Vehicles looked at for each booking at first; more where the optimum needs them.
    pub candidates: usize,
    /// Pairs looked at before a plan is good enough; [`Plan::gap`] then says what that may have cost.
    pub max_pairs: usize,
    /// Candidates told for each booking.
    pub told: usize,
    /// Requests are gathered for so long when vehicles are plenty, and for as long as the second when they are scarce.
    pub gather: (Span, Span),
    /// A vehicle that will be free within this is considered too.
    pub look_ahead: Span,
    /// A second until a vehicle is free counts so much more than a second of travel, for it may take longer than it seems.
    pub until_weight: f64,
    /// A second that the vehicle is late counts so much more than a second of travel.
    pub lateness_weight: f64,
    /// What an empty kilometre costs.
    pub empty_km: Span,
    /// What it costs when a vehicle has no load where it could carry one; a quarter of that for each skill that nobody asked for.
    pub fit: Span,
    /// What each job an hour costs that a vehicle was given more than others.
    pub fairness: Span,
    /// Vehicles may be scarce when more than this share of them is asked for.
    pub scarce_share: f64,
    /// While they are, none is sent further than this many usual trips take.
    pub patience_trips: f64,
    /// And a second of a booking's trip takes so many seconds off what serving it now is worth.
    pub trip_weight: f64,
}

impl Rules {
    /// The name and version of the policy, as recorded with each round.
    pub const POLICY: &'static str = "batch-optimal/3";

    /// How far from a pickup to look, for a booking that waits since then.
    pub fn reach(&self, since: Timestamp, now: Timestamp) -> Metres {
        let grown = now.since(since).as_millis() / self.grow.as_millis().max(1);
        let doubled = self.radius.0 * 2.0_f64.powi(i32::try_from(grown).unwrap_or(i32::MAX));
        Metres(doubled.min(self.max_radius.0))
    }

    /// What driving so far costs beside the time, in microseconds. `way` is a great circle's.
    fn empty(&self, way: Metres) -> i64 {
        scaled(self.empty_km.as_micros(), self.travel.road(way).0 / 1_000.0)
    }

    /// How long to gather requests: the scarcer the vehicles, the longer, for choice helps most then.
    pub fn gather(&self, waiting: usize, free: usize) -> Span {
        let count = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        let (least, most) = self.gather;
        let share = (count(waiting) / (self.scarce_share * count(free)).max(f64::MIN_POSITIVE)).min(1.0);
        least + (most - least) * share
    }
}

impl From<&crate::config::Dispatch> for Rules {
    fn from(config: &crate::config::Dispatch) -> Self {
        let millis = |ms: u64| Span::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        let seconds = |s: u64| millis(s.saturating_mul(1_000));
        let fraction = |s: f64| Span::from_secs(1) * s;
        Self {
            travel: Travel::new(config.detour_factor, config.speed_kmh),
            fix_max_age: seconds(config.fix_max_age_s),
            radius: Metres(config.radius_m),
            grow: seconds(config.radius_grow_s),
            max_radius: Metres(config.max_radius_m),
            candidates: config.candidates,
            max_pairs: 4_000_000,
            told: 10,
            gather: (millis(config.gather_ms), millis(config.gather_most_ms)),
            look_ahead: seconds(config.look_ahead_s),
            until_weight: config.until_weight,
            lateness_weight: config.lateness_weight,
            empty_km: fraction(config.empty_km_s),
            fit: fraction(config.fit_s),
            fairness: fraction(config.fairness_s),
            scarce_share: config.scarce_share,
            patience_trips: config.patience_trips,
            trip_weight: config.trip_weight,
        }
    }
}

/// What a pair costs: microseconds of travel time, exact so that plans can be compared and repeated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Cost(i64);

impl Cost {
    /// The same in seconds.
    pub fn as_secs_f64(self) -> f64 {
        Span::from_millis(self.0).as_secs_f64() / 1_000.0
    }
}

/// What a pair's cost is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Parts {
    /// The drive to the pickup.
    pub drive: Cost,
    /// The way to the pickup, driven without a load.
    pub empty: Cost,
    /// The time until the vehicle is free, weighted.
    pub until: Cost,
    /// Being late, weighted.
    pub late: Cost,
    /// Capacity and skills that the booking does not need.
    pub fit: Cost,
    /// Jobs that the vehicle had more than others.
    pub fairness: Cost,
}

impl Parts {
    /// The cost.
    pub fn sum(&self) -> Cost {
        Cost(
            [self.drive, self.empty, self.until, self.late, self.fit, self.fairness].iter().fold(0, |sum, part| part.0.saturating_add(sum)),
        )
    }
}

/// A vehicle that could have taken the booking.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// Which one.
    pub vehicle: VehicleId,
    /// What the pair costs.
    pub cost: Cost,
    /// What that is made of.
    pub parts: Parts,
    /// Great-circle distance to the pickup, from where it is or will be free.
    pub distance: Metres,
    /// How long until it is free; zero: it is.
    pub until: Span,
    /// It got the booking, or the promise when it is not free yet.
    pub chosen: bool,
    /// The booking that got it instead.
    pub lost_to: Option<BookingId>,
}

/// What the plan says about one booking.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// Which one.
    pub booking: BookingId,
    /// The vehicle that gets it.
    pub vehicle: Option<VehicleId>,
    /// The vehicle that would get it were it free already; nothing is settled by that.
    pub promised: Option<VehicleId>,
    /// What serving it now is worth: a vehicle that costs more is not sent.
    pub worth: Cost,
    /// Who could have, cheapest first; the chosen one is always told.
    pub candidates: Vec<Candidate>,
}

/// A plan, with the proof of its worth.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// One for each waiting booking, in the order of their ids.
    pub outcomes: Vec<Outcome>,
    /// Cost of all pairs, promised ones included.
    pub cost: Cost,
    /// No plan over all pairs can be better than this one by more than this. Zero: proven optimal.
    pub gap: Cost,
    /// Bookings that got a vehicle.
    pub assigned: usize,
    /// Bookings that were promised one.
    pub promised: usize,
    /// Pairs that were looked at.
    pub pairs: usize,
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "`as` saturates; microseconds of a day are exact")]
fn scaled(micros: i64, weight: f64) -> i64 {
    // `f64::round` is a call into the C library, and this is asked a million times a round.
    let exact = micros as f64 * weight;
    (exact + 0.5_f64.copysign(exact)) as i64
}

/// The best plan at `now`. The order of the arguments' elements does not matter; ids must be unique.
pub fn assign(now: Timestamp, waiting: &[Waiting], seen: &[Seen], lately: &Lately, rules: &Rules) -> Plan {
    let mut bookings: Vec<&Waiting> = waiting.iter().collect();
    bookings.sort_unstable_by_key(|w| w.id);
    let mut able: Vec<Able<'_>> = seen.iter().filter_map(|s| fit::able(now, s, rules).ok()).collect();
    able.sort_unstable_by(|a, b| a.seen.id.cmp(&b.seen.id));
    let mut field = Field::new(now, &bookings, &able, rules);
    let prices = crowd::prices(&mut field, able.len());
    let alone = worth::alone_costs(now, &bookings, &field, lately, rules);
    let solution = solver::solve(&mut field, Task { alone: &alone, prices, first: rules.candidates, work: rules.max_pairs });
    field.clear_prices();
    tell(&bookings, &able, &field, &alone, &solution, rules)
}

/// How many of these could take a booking now or soon.
pub fn able_count(now: Timestamp, seen: &[Seen], rules: &Rules) -> usize {
    seen.iter().filter(|s| fit::able(now, s, rules).is_ok()).count()
}

fn tell(bookings: &[&Waiting], able: &[Able<'_>], field: &Field<'_>, alone: &[i64], solution: &Solution, rules: &Rules) -> Plan {
    let mut taken_by = vec![None; able.len()];
    for (row, column) in solution.column_of.iter().enumerate() {
        if let Some(column) = column {
            taken_by[*column] = Some(bookings[row].id);
        }
    }
    let mut plan = Plan { gap: Cost(solution.total - solution.bound), pairs: solution.looked, ..Plan::default() };
    for (row, booking) in bookings.iter().enumerate() {
        let chosen = solution.column_of[row];
        let mut columns = field.cheapest_of(row, rules.told);
        if let Some(column) = chosen {
            if able[column].until == Span::default() {
                plan.assigned += 1
            } else {
                plan.promised += 1
            }
            plan.cost.0 += field.cost(row, column);
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let candidate = |column: usize| Candidate {
            vehicle: able[column].seen.id.clone(),
            cost: Cost(field.cost(row, column)),
            parts: field.parts(row, column),
            distance: field.way(row, column),
            until: able[column].until,
            chosen: chosen == Some(column),
            lost_to: taken_by[column].filter(|by| *by != booking.id),
        };
        let candidates = columns.into_iter().map(candidate).collect();
        let mut outcome = Outcome { booking: booking.id, vehicle: None, promised: None, worth: Cost(alone[row]), candidates };
        if let Some(Able { seen, until, .. }) = chosen.map(|column| &able[column]) {
            let what = if *until == Span::default() { &mut outcome.vehicle } else { &mut outcome.promised };
            *what = Some(seen.id.clone());
        }
        plan.outcomes.push(outcome);
    }
    plan
}

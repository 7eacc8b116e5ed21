//! Who gets what: a pure function from the waiting bookings and the vehicles to the best plan.
//!
//! As many bookings as possible are served; among all ways to do that, the one with the least total cost is taken: travel
//! time to the pickups, and the time until vehicles are free that still have a job (look-ahead). A vehicle that is not free
//! yet is only promised: the next round decides again. While vehicles are scarce, some bookings wait for a nearer one
//! ([`worth`]).
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

pub use fit::{Excluded, Exclusions, Reason, Survey, demand};

use super::eta::Travel;
use crate::model::{Availability, BookingId, Metres, Place, Span, Timestamp, VehicleId};
use field::Field;
use fit::Able;
use solver::{Pairs, Solution, Task};
use std::sync::Arc;

/// A booking that wants a vehicle.
#[derive(Clone, PartialEq, Debug)]
pub struct Waiting {
    /// Its id.
    pub id: BookingId,
    /// Where the vehicle has to go.
    pub pickup: Place,
    /// Only this class will do.
    pub class: Option<String>,
    /// Weight of the load in kg.
    pub load_kg: Option<u32>,
    /// What the vehicle must be able to do.
    pub skills: Vec<String>,
    /// Since when it waits.
    pub since: Timestamp,
    /// How long a vehicle is busy with it once it is at the pickup.
    pub trip: Span,
    /// A vehicle that arrives later than this is of no use.
    pub latest: Option<Timestamp>,
}

/// When and where a vehicle will have done its job.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Soon {
    /// When; a past time means any moment now.
    pub at: Timestamp,
    /// Where.
    pub place: Place,
}

/// What was asked of late, for the opportunity cost of a vehicle's time.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Lately {
    /// Bookings that began to wait.
    pub bookings: u32,
    /// In how long a time.
    pub over: Span,
    /// How long a vehicle is busy with one of them, on average.
    pub trip: Span,
}

/// A vehicle as it is seen when the round begins, whether it is free or not.
#[derive(Clone, PartialEq, Debug)]
pub struct Seen {
    /// Its id.
    pub id: VehicleId,
    /// Its class.
    pub class: Arc<str>,
    /// Load it can carry, in kg; `None`: not stated, so any.
    pub capacity_kg: Option<u32>,
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
}

/// How a plan is made.
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    /// Travel times.
    pub travel: Travel,
    /// A fix older than this excludes its vehicle.
    pub fix_max_age: Span,
    /// A vehicle further from the pickup than this is excluded.
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
    /// Vehicles may be scarce when more than this share of them is asked for.
    pub scarce_share: f64,
    /// While they are, none is sent further than this many usual trips take.
    pub patience_trips: f64,
    /// And a second of a booking's trip takes so many seconds off what serving it now is worth.
    pub trip_weight: f64,
}

impl Rules {
    /// The name and version of the policy, as recorded with each round.
    pub const POLICY: &'static str = "batch-optimal/2";

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
        Self {
            travel: Travel::new(config.detour_factor, config.speed_kmh),
            fix_max_age: seconds(config.fix_max_age_s),
            max_radius: Metres(config.max_radius_m),
            candidates: config.candidates,
            max_pairs: 4_000_000,
            told: 10,
            gather: (millis(config.gather_ms), millis(config.gather_most_ms)),
            look_ahead: seconds(config.look_ahead_s),
            until_weight: config.until_weight,
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

/// A vehicle that could have taken the booking.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// Which one.
    pub vehicle: VehicleId,
    /// What the pair costs.
    pub cost: Cost,
    /// The part of the cost that is driving to the pickup; the rest is the time until it is free.
    pub drive: Cost,
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
    tell(&bookings, &able, &field, &solution, rules)
}

fn tell(bookings: &[&Waiting], able: &[Able<'_>], field: &Field<'_>, solution: &Solution, rules: &Rules) -> Plan {
    let mut taken_by = vec![None; able.len()];
    for (row, column) in solution.column_of.iter().enumerate() {
        if let Some(column) = column {
            taken_by[*column] = Some(bookings[row].id);
        }
    }
    let mut plan = Plan { gap: Cost(solution.total - solution.bound), pairs: solution.looked, ..Plan::default() };
    for (row, booking) in bookings.iter().enumerate() {
        let chosen = solution.column_of[row];
        let mut columns = field.nearest(row, rules.told);
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
            drive: Cost(field.drive(row, column)),
            distance: field.way(row, column),
            until: able[column].until,
            chosen: chosen == Some(column),
            lost_to: taken_by[column].filter(|by| *by != booking.id),
        };
        let candidates = columns.into_iter().map(candidate).collect();
        let mut outcome = Outcome { booking: booking.id, vehicle: None, promised: None, candidates };
        if let Some(Able { seen, until, .. }) = chosen.map(|column| &able[column]) {
            let what = if *until == Span::default() { &mut outcome.vehicle } else { &mut outcome.promised };
            *what = Some(seen.id.clone());
        }
        plan.outcomes.push(outcome);
    }
    plan
}

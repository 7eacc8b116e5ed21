//! Who gets what: a pure function from the waiting bookings and the vehicles to the best plan.
//!
//! As many bookings as possible are served; among all ways to do that, the one with the least total travel time to the
//! pickups is taken. Where not all can be served, a second of waiting counts like a second of travel, so nobody starves.
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

pub use fit::{Excluded, Exclusions, Reason, Survey, demand};

use super::eta::Travel;
use crate::model::{Availability, BookingId, Metres, Place, Span, Timestamp, VehicleId};
use field::Field;
use nearest::{chord2, metres};
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
}

impl Rules {
    /// The name and version of the policy, as recorded with each round.
    pub const POLICY: &'static str = "batch-optimal/1";
}

impl From<&crate::config::Dispatch> for Rules {
    fn from(config: &crate::config::Dispatch) -> Self {
        Self {
            travel: Travel::new(config.detour_factor, config.speed_kmh),
            fix_max_age: Span::from_secs(i64::try_from(config.fix_max_age_s).unwrap_or(i64::MAX)),
            max_radius: Metres(config.max_radius_m),
            candidates: config.candidates,
            max_pairs: 4_000_000,
            told: 10,
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
    /// Great-circle distance to the pickup.
    pub distance: Metres,
    /// It got the booking.
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
    /// Who could have, cheapest first; the chosen one is always told.
    pub candidates: Vec<Candidate>,
}

/// A plan, with the proof of its worth.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Plan {
    /// One for each waiting booking, in the order of their ids.
    pub outcomes: Vec<Outcome>,
    /// Travel time of all assigned pairs.
    pub cost: Cost,
    /// No plan over all pairs can be better than this one by more than this. Zero: proven optimal.
    pub gap: Cost,
    /// Bookings that got a vehicle.
    pub assigned: usize,
    /// Pairs that were looked at.
    pub pairs: usize,
}

/// The best plan at `now`. The order of the arguments' elements does not matter; ids must be unique.
pub fn assign(now: Timestamp, waiting: &[Waiting], seen: &[Seen], rules: &Rules) -> Plan {
    let mut bookings: Vec<&Waiting> = waiting.iter().collect();
    bookings.sort_unstable_by_key(|w| w.id);
    let mut able: Vec<&Seen> = seen.iter().filter(|s| fit::state(now, s, rules).is_none()).collect();
    able.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    let mut field = Field::new(&bookings, &able, rules);
    let prices = crowd::prices(&mut field, able.len());
    let alone = alone_costs(now, &bookings, rules);
    let solution = solver::solve(&mut field, Task { alone: &alone, prices, first: rules.candidates, work: rules.max_pairs });
    field.clear_prices();
    tell(&bookings, &able, &field, &solution, rules)
}

/// What it costs to leave each booking without a vehicle: so much that one more served is always worth it, a little more
/// the longer it has waited, and, all else equal, more for the lower id.
fn alone_costs(now: Timestamp, bookings: &[&Waiting], rules: &Rules) -> Vec<i64> {
    const DAY_MICROS: i64 = 86_400_000_000;
    let count = i64::try_from(bookings.len()).unwrap_or(i64::MAX);
    let credits: Vec<i64> = (bookings.iter().zip(0_i64..))
        .map(|(w, rank)| now.since(w.since).as_millis().saturating_mul(1_000).min(DAY_MICROS) + count - rank)
        .collect();
    let widest = metres(chord2(rules.max_radius));
    let most = rules.travel.micros(widest) + credits.iter().max().copied().unwrap_or(0) + 1;
    // Sums of all these must fit an i64; in a round that is absurdly large and wide, that goes before serving the most.
    let never = most.saturating_mul(count + 1).min(i64::MAX / 4 / (count + 1));
    credits.into_iter().map(|credit| never + credit).collect()
}

fn tell(bookings: &[&Waiting], able: &[&Seen], field: &Field<'_>, solution: &Solution, rules: &Rules) -> Plan {
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
            plan.assigned += 1;
            plan.cost.0 += field.cost(row, column);
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        let candidate = |column: usize| Candidate {
            vehicle: able[column].id.clone(),
            cost: Cost(field.cost(row, column)),
            distance: field.way(row, column),
            chosen: chosen == Some(column),
            lost_to: taken_by[column].filter(|by| *by != booking.id),
        };
        let candidates = columns.into_iter().map(candidate).collect();
        plan.outcomes.push(Outcome { booking: booking.id, vehicle: chosen.map(|c| able[c].id.clone()), candidates });
    }
    plan
}

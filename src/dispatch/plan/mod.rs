//! Who gets what: a pure function from the waiting bookings and the vehicles to the best plan.
//!
//! As many bookings as possible are served; among all ways to do that, the one with the least total travel time to the
//! pickups is taken. Where not all can be served, a second of waiting counts like a second of travel, so nobody starves.
//!
//! Only the nearest vehicles of each booking are looked at, yet the result is the optimum over *all* pairs: the solver's
//! dual values prove it. A pair that was left out could only help booking `i` if it cost less than `u[i]`; as travel time
//! grows with distance, it does not when the furthest vehicle looked at already costs that much. Where this proof would
//! fail, the booking's search widens while the problem is being solved. [`Plan::gap`] is what is left unproven, normally zero.

mod fit;
mod nearest;
mod solver;

pub use fit::{Excluded, Exclusions, Reason, Survey, demand};

use super::eta::Travel;
use crate::model::{Availability, BookingId, Metres, Place, Span, Timestamp, VehicleId};
use nearest::{Nearest, Spot, chord2, metres};
use solver::{Edge, Solution};
use std::collections::HashMap;
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
    /// Pairs looked at in all; where that ends the search, [`Plan::gap`] says what it may have cost.
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
    let solution = solver::solve(&mut field, able.len(), &alone_costs(now, &bookings, rules));
    // The proof, independent of how the solver came to its values.
    let gap = field.rows.iter().zip(&solution.u).map(|(row, u)| (u - row.beyond).max(0)).sum();
    let plan = Plan { gap: Cost(gap), pairs: field.pairs, ..Plan::default() };
    tell(&bookings, &able, &field.rows, &solution, plan, rules)
}

/// How many times as many vehicles a booking looks at when it has to look further.
const WIDEN: usize = 4;

/// The vehicles that one booking looks at.
struct Row {
    edges: Vec<Edge>,
    /// Their distances.
    ways: Vec<Metres>,
    /// No vehicle left out costs less than this.
    beyond: i64,
    spot: Spot,
    /// Index of what it demands.
    demand: usize,
}

/// Bookings and vehicles, as the solver's pairs.
struct Field<'a> {
    tree: Nearest,
    rules: &'a Rules,
    rows: Vec<Row>,
    /// For each distinct demand: which vehicles meet it. `None`: all.
    fits: Vec<Option<Vec<bool>>>,
    reach2: f64,
    pairs: usize,
}

/// Class, load and skills, as a booking states them.
type Demand<'a> = (Option<&'a str>, Option<u32>, &'a [String]);

impl<'a> Field<'a> {
    fn new(bookings: &[&Waiting], able: &[&Seen], rules: &'a Rules) -> Self {
        let mut numbers: HashMap<Demand<'_>, usize> = HashMap::new();
        let mut fits = Vec::new();
        let mut rows = Vec::with_capacity(bookings.len());
        for waiting in bookings {
            let wants: Demand<'_> = (waiting.class.as_deref(), waiting.load_kg, waiting.skills.as_slice());
            let demand = *numbers.entry(wants).or_insert_with(|| {
                let meets = || able.iter().map(|s| fit::demand(waiting, s).is_none()).collect();
                fits.push((wants != (None, None, &[][..])).then(meets));
                fits.len() - 1
            });
            rows.push(Row { edges: Vec::new(), ways: Vec::new(), beyond: 0, spot: Spot::of(waiting.pickup), demand });
        }
        let spots: Vec<Spot> = able.iter().filter_map(|s| s.place).map(Spot::of).collect();
        Self { tree: Nearest::new(&spots), rules, rows, fits, reach2: chord2(rules.max_radius), pairs: 0 }
    }
}

impl solver::Pairs for Field<'_> {
    fn known(&self, row: usize) -> &[Edge] {
        &self.rows[row].edges
    }

    fn beyond(&self, row: usize) -> i64 {
        let known = &self.rows[row];
        if self.pairs >= self.rules.max_pairs && !known.edges.is_empty() { i64::MAX } else { known.beyond }
    }

    fn widen(&mut self, row: usize) {
        let row = &mut self.rows[row];
        let known = row.edges.len();
        let k = if known == 0 { self.rules.candidates.max(1) } else { known.saturating_mul(WIDEN) };
        let found = match &self.fits[row.demand] {
            None => self.tree.find(row.spot, k, self.reach2, |_| true),
            Some(fits) => self.tree.find(row.spot, k, self.reach2, |i| fits[i]),
        };
        for new in &found[known..] {
            let way = metres(new.chord2);
            row.edges.push(Edge { column: new.index, cost: self.rules.travel.micros(way) });
            row.ways.push(way);
        }
        row.beyond = if found.len() < k { i64::MAX } else { row.edges.last().map_or(i64::MAX, |e| e.cost) };
        self.pairs += row.edges.len() - known;
    }
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

fn tell(bookings: &[&Waiting], able: &[&Seen], rows: &[Row], solution: &Solution, plan: Plan, rules: &Rules) -> Plan {
    let mut taken_by = vec![None; able.len()];
    for (row, column) in solution.column_of.iter().enumerate() {
        if let Some(column) = column {
            taken_by[*column] = Some(bookings[row].id);
        }
    }
    let mut cost = 0;
    let mut outcomes = Vec::with_capacity(bookings.len());
    for (i, booking) in bookings.iter().enumerate() {
        let chosen = solution.column_of[i];
        let mut candidates = Vec::with_capacity(rules.told.min(rows[i].edges.len()) + 1);
        for (at, edge) in rows[i].edges.iter().enumerate() {
            let is_chosen = chosen == Some(edge.column);
            if is_chosen {
                cost += edge.cost;
            } else if at >= rules.told {
                continue;
            }
            candidates.push(Candidate {
                vehicle: able[edge.column].id.clone(),
                cost: Cost(edge.cost),
                distance: rows[i].ways[at],
                chosen: is_chosen,
                lost_to: taken_by[edge.column].filter(|by| *by != booking.id),
            });
        }
        outcomes.push(Outcome { booking: booking.id, vehicle: chosen.map(|c| able[c].id.clone()), candidates });
    }
    let assigned = solution.column_of.iter().flatten().count();
    Plan { outcomes, cost: Cost(cost), assigned, ..plan }
}

//! Bookings and vehicles in the plane of the city, as the solver's pairs.

use super::fit::{self, Able};
use super::nearest::{Found, Nearest, Query, RADIUS_M, Spot, chord2, metres};
use super::solver::{Edge, Pairs};
use super::{Cost, Rules, Waiting};
use crate::model::{Metres, Timestamp};
use std::collections::HashMap;

/// A tree counts in seconds with fractions, so a sum it compares may be off by so many microseconds.
const ROUNDING: i64 = 4;

/// Bookings (rows) and vehicles that can be had (columns).
pub struct Field<'a> {
    tree: Nearest,
    rules: &'a Rules,
    rows: Vec<Row>,
    columns: Vec<Column>,
    /// For each distinct demand: which vehicles meet it. `None`: all.
    fits: Vec<Option<Vec<bool>>>,
    reach2: f64,
    /// Seconds of travel over the earth's radius.
    rate: f64,
}

/// Where a booking is.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its pickup.
    pub spot: Spot,
    /// Index of what it demands.
    pub demand: usize,
    /// A vehicle that needs more microseconds than this to get there is too late.
    pub within: i64,
}

/// Where a vehicle is or will be.
struct Column {
    spot: Spot,
    /// Microseconds until it is free.
    until: i64,
    /// What waiting for that costs.
    dues: i64,
}

/// Class, load and skills, as a booking states them.
type Demand<'a> = (Option<&'a str>, Option<u32>, &'a [String]);

impl<'a> Field<'a> {
    /// Of these bookings and vehicles.
    pub fn new(now: Timestamp, bookings: &[&Waiting], able: &[Able<'_>], rules: &'a Rules) -> Self {
        let mut numbers: HashMap<Demand<'_>, usize> = HashMap::new();
        let mut fits = Vec::new();
        let mut rows = Vec::with_capacity(bookings.len());
        for waiting in bookings {
            let wants: Demand<'_> = (waiting.class.as_deref(), waiting.load_kg, waiting.skills.as_slice());
            let demand = *numbers.entry(wants).or_insert_with(|| {
                let meets = || able.iter().map(|a| fit::demand(waiting, a.seen).is_none()).collect();
                fits.push((wants != (None, None, &[][..])).then(meets));
                fits.len() - 1
            });
            let within = waiting.latest.map_or(i64::MAX, |latest| (latest - now).as_micros());
            rows.push(Row { spot: Spot::of(waiting.pickup), demand, within });
        }
        let column = |a: &Able<'_>| {
            let until = a.until.as_micros();
            Column { spot: Spot::of(a.place), until, dues: scaled(until, 1.0 + rules.until_weight) }
        };
        let columns: Vec<Column> = able.iter().map(column).collect();
        let places: Vec<(Spot, f64)> = columns.iter().map(|c| (c.spot, Cost(c.dues).as_secs_f64())).collect();
        let rate = Cost(rules.travel.micros(Metres(RADIUS_M))).as_secs_f64();
        Self { tree: Nearest::new(&places), rules, rows, columns, fits, reach2: chord2(rules.max_radius), rate }
    }

    /// The bookings.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Travel time over a squared chord, in microseconds.
    pub fn micros(&self, chord2: f64) -> i64 {
        self.rules.travel.micros(metres(chord2))
    }

    /// How many vehicles there are.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// No pair costs more than this.
    pub fn most(&self) -> i64 {
        self.micros(self.reach2) + self.columns.iter().map(|c| c.dues).max().unwrap_or(0)
    }

    /// The distance of a pair.
    pub fn way(&self, row: usize, column: usize) -> Metres {
        metres(self.rows[row].spot.chord2(self.columns[column].spot))
    }

    /// The travel time of a pair in microseconds.
    pub fn drive(&self, row: usize, column: usize) -> i64 {
        self.micros(self.rows[row].spot.chord2(self.columns[column].spot))
    }

    /// What a pair that was found costs.
    pub fn found_cost(&self, found: &Found) -> i64 {
        self.micros(found.chord2) + self.columns[found.index].dues
    }

    /// The `k` vehicles that are cheapest for such a row, prices included, of those that `also` accepts.
    pub fn find(&self, row: Row, k: usize, level: i64, also: impl Fn(usize) -> bool) -> Vec<Found> {
        let query = Query { from: row.spot, k, reach2: self.reach2, rate: self.rate, level: Cost(level).as_secs_f64() };
        let in_time = |column: usize| row.within == i64::MAX || self.is_in_time(row, &self.columns[column]);
        match &self.fits[row.demand] {
            None => self.tree.find(query, |column| in_time(column) && also(column)),
            Some(fits) => self.tree.find(query, |column| fits[column] && in_time(column) && also(column)),
        }
    }

    fn is_in_time(&self, row: Row, column: &Column) -> bool {
        column.until.saturating_add(self.micros(row.spot.chord2(column.spot))) <= row.within
    }

    /// The nearest vehicles, when there are no prices.
    pub fn nearest(&self, row: usize, k: usize) -> Vec<usize> {
        self.find(self.rows[row], k, 0, |_| true).into_iter().map(|found| found.index).collect()
    }

    /// Makes all vehicles free of charge.
    pub fn clear_prices(&mut self) {
        self.tree.clear_prices();
    }
}

impl Pairs for Field<'_> {
    fn cheapest(&self, row: usize, k: usize, level: i64, prices: &[i64]) -> (Vec<Edge>, i64) {
        let found = self.find(self.rows[row], k, level, |_| true);
        let edges: Vec<_> = found.iter().map(|f| Edge { column: f.index, cost: self.found_cost(f) }).collect();
        let last = edges.last().filter(|_| edges.len() == k);
        let limit = last.map_or(i64::MAX, |e| e.cost + prices[e.column].max(level) - ROUNDING);
        (edges, limit)
    }

    fn cost(&self, row: usize, column: usize) -> i64 {
        self.drive(row, column) + self.columns[column].dues
    }

    fn set_price(&mut self, column: usize, price: i64) {
        self.tree.set_price(column, Cost(price).as_secs_f64());
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "`as` saturates; microseconds of a day are exact")]
fn scaled(micros: i64, weight: f64) -> i64 {
    (micros as f64 * weight).round() as i64
}

//! Bookings and vehicles in the plane of the city, as the solver's pairs.

use super::nearest::{Found, Nearest, Query, RADIUS_M, Spot, chord2, metres};
use super::solver::{Edge, Pairs};
use super::{Cost, Rules, Seen, Waiting, fit};
use crate::model::Metres;
use std::collections::HashMap;

/// A tree counts in seconds with fractions, so a sum it compares may be off by so many microseconds.
const ROUNDING: i64 = 4;

/// Bookings (rows) and vehicles that can be had (columns).
pub struct Field<'a> {
    tree: Nearest,
    rules: &'a Rules,
    rows: Vec<Row>,
    columns: Vec<Spot>,
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
}

/// Class, load and skills, as a booking states them.
type Demand<'a> = (Option<&'a str>, Option<u32>, &'a [String]);

impl<'a> Field<'a> {
    /// Of these bookings and vehicles.
    pub fn new(bookings: &[&Waiting], able: &[&Seen], rules: &'a Rules) -> Self {
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
            rows.push(Row { spot: Spot::of(waiting.pickup), demand });
        }
        let columns: Vec<Spot> = able.iter().filter_map(|s| s.place).map(Spot::of).collect();
        let rate = Cost(rules.travel.micros(Metres(RADIUS_M))).as_secs_f64();
        Self { tree: Nearest::new(&columns), rules, rows, columns, fits, reach2: chord2(rules.max_radius), rate }
    }

    /// The bookings.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Travel time over a squared chord, in microseconds.
    pub fn micros(&self, chord2: f64) -> i64 {
        self.rules.travel.micros(metres(chord2))
    }

    /// The distance of a pair.
    pub fn way(&self, row: usize, column: usize) -> Metres {
        metres(self.rows[row].spot.chord2(self.columns[column]))
    }

    /// The `k` vehicles that are cheapest for such a row, prices included, of those that `also` accepts.
    pub fn find(&self, row: Row, k: usize, level: i64, also: impl Fn(usize) -> bool) -> Vec<Found> {
        let query = Query { from: row.spot, k, reach2: self.reach2, rate: self.rate, level: Cost(level).as_secs_f64() };
        match &self.fits[row.demand] {
            None => self.tree.find(query, also),
            Some(fits) => self.tree.find(query, |column| fits[column] && also(column)),
        }
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
        let edges: Vec<_> = found.iter().map(|f| Edge { column: f.index, cost: self.micros(f.chord2) }).collect();
        let last = edges.last().filter(|_| edges.len() == k);
        let limit = last.map_or(i64::MAX, |e| e.cost + prices[e.column].max(level) - ROUNDING);
        (edges, limit)
    }

    fn cost(&self, row: usize, column: usize) -> i64 {
        self.micros(self.rows[row].spot.chord2(self.columns[column]))
    }

    fn set_price(&mut self, column: usize, price: i64) {
        self.tree.set_price(column, Cost(price).as_secs_f64());
    }
}

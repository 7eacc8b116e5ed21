//! Bookings and vehicles in the plane of the city, as the solver's pairs.

use super::fit::{self, Able};
use super::nearest::{Found, Nearest, Query, RADIUS_M, Spot, chord2, metres};
use super::solver::{Edge, Pairs};
use super::{Cost, Parts, Rules, Waiting, scaled};
use crate::model::{Load, Metres, Timestamp, VehicleId};
use std::collections::HashMap;

/// A tree counts in seconds with fractions, so a sum it compares may be off by so many microseconds.
const ROUNDING: i64 = 8;

/// Bookings (rows) and vehicles that can be had (columns).
pub struct Field<'a> {
    tree: Nearest,
    rules: &'a Rules,
    bookings: &'a [&'a Waiting],
    able: &'a [Able<'a>],
    rows: Vec<Row>,
    /// What is so for one pair only, by row.
    own: Vec<Own>,
    columns: Vec<Column>,
    demands: Vec<Demand>,
    /// Seconds that crossing the earth's radius costs: driving, and what an empty kilometre costs.
    rate: (f64, f64),
}

/// A booking's place, and what it bears.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its pickup.
    pub spot: Spot,
    /// Index of what it demands.
    pub demand: usize,
    /// A vehicle that needs more microseconds than this to get there is too late.
    within: i64,
    /// An arrival after so many microseconds is late; not negative.
    due: i64,
    /// No vehicle beyond this squared chord.
    reach2: f64,
    /// Its index; that of no booking for a crowd.
    index: usize,
}

impl Row {
    /// Of a crowd that demands what `like` does.
    pub fn crowd(like: Self, spot: Spot) -> Self {
        Self { spot, within: i64::MAX, due: i64::MAX, index: usize::MAX, ..like }
    }
}

/// Vehicles that a booking may not have, and those whose drive a road service knows, in microseconds.
#[derive(Default)]
struct Own {
    declined: Vec<usize>,
    roads: Vec<(usize, i64)>,
}

/// Where a vehicle is or will be.
struct Column {
    spot: Spot,
    /// Microseconds until it is free.
    until: i64,
    /// What waiting for that costs.
    dues: i64,
    /// What its having had more jobs than others costs.
    fairness: i64,
}

/// Which vehicles meet a demand.
struct Demand {
    /// `None`: all.
    fits: Option<Vec<bool>>,
    /// What the excess of each of them costs, at least and at most.
    waste: (i64, i64),
}

/// Class, load and skills, as a booking states them; the volume by its bits, for it is only compared with itself.
type Wants<'a> = (Option<&'a str>, (Option<u32>, Option<u64>, Option<u32>), &'a [String]);

impl Demand {
    fn of(waiting: &Waiting, able: &[Able<'_>], rules: &Rules) -> Self {
        let fits: Vec<bool> = able.iter().map(|a| fit::demand(waiting, a.seen).is_none()).collect();
        let wastes = || able.iter().zip(&fits).filter(|(_, fits)| **fits).map(|(a, _)| waste(waiting, a, rules));
        let waste = (wastes().min().unwrap_or(0), wastes().max().unwrap_or(0));
        Self { fits: fits.contains(&false).then_some(fits), waste }
    }
}

impl<'a> Field<'a> {
    /// Of these bookings and vehicles, which are in the order of their ids.
    pub fn new(now: Timestamp, bookings: &'a [&'a Waiting], able: &'a [Able<'a>], rules: &'a Rules) -> Self {
        let mut numbers: HashMap<Wants<'_>, usize> = HashMap::new();
        let mut demands = Vec::new();
        let mut rows = Vec::with_capacity(bookings.len());
        for (index, waiting) in bookings.iter().enumerate() {
            let Load { kg, m3, pieces } = waiting.load;
            let wants: Wants<'_> = (waiting.class.as_deref(), (kg, m3.map(f64::to_bits), pieces), waiting.skills.as_slice());
            let demand = *numbers.entry(wants).or_insert_with(|| {
                demands.push(Demand::of(waiting, able, rules));
                demands.len() - 1
            });
            let within = waiting.latest.map_or(i64::MAX, |latest| (latest - now).as_micros());
            let due = waiting.due.map_or(i64::MAX, |due| (due - now).as_micros().max(0));
            let reach2 = chord2(rules.reach(waiting.since, now));
            rows.push(Row { spot: Spot::of(waiting.pickup), demand, within, due, reach2, index });
        }
        let fewest = able.iter().map(|a| a.seen.jobs_per_hour).fold(f64::INFINITY, f64::min);
        let column = |a: &Able<'_>| {
            let until = a.until.as_micros();
            let fairness = scaled(rules.fairness.as_micros(), (a.seen.jobs_per_hour - fewest).max(0.0));
            Column { spot: Spot::of(a.place), until, dues: scaled(until, 1.0 + rules.until_weight), fairness }
        };
        let columns: Vec<Column> = able.iter().map(column).collect();
        let places: Vec<(Spot, f64)> = columns.iter().map(|c| (c.spot, Cost(c.dues + c.fairness).as_secs_f64())).collect();
        let own = bookings.iter().map(|waiting| Own::of(waiting, able)).collect();
        let rate = (Cost(rules.travel.micros(Metres(RADIUS_M))).as_secs_f64(), Cost(rules.empty(Metres(RADIUS_M))).as_secs_f64());
        Self { tree: Nearest::new(&places), rules, bookings, able, rows, own, columns, demands, rate }
    }

    /// The bookings.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many vehicles there are.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Travel time over a squared chord, in microseconds.
    pub fn micros(&self, chord2: f64) -> i64 {
        self.rules.travel.micros(metres(chord2))
    }

    /// No pair costs more than this.
    pub fn most(&self) -> i64 {
        let reach = self.rows.iter().map(|row| row.reach2).fold(0.0, f64::max);
        let roads = self.own.iter().flat_map(|own| &own.roads).map(|(_, drive)| *drive);
        let drive = roads.fold(self.micros(reach), i64::max);
        let until = self.columns.iter().map(|c| c.until).max().unwrap_or(0);
        let dues = self.columns.iter().map(|c| c.dues + c.fairness).max().unwrap_or(0);
        let waste = self.demands.iter().map(|d| d.waste.1).max().unwrap_or(0);
        drive + self.rules.empty(metres(reach)) + dues + waste + self.lateness(drive + until)
    }

    /// The distance of a pair.
    pub fn way(&self, row: usize, column: usize) -> Metres {
        metres(self.rows[row].spot.chord2(self.columns[column].spot))
    }

    /// What the parts of a pair's cost are.
    pub fn parts(&self, row: usize, column: usize) -> Parts {
        let (Row { due, demand, .. }, to) = (self.rows[row], &self.columns[column]);
        let way = self.way(row, column);
        let drive = self.road(row, column).unwrap_or_else(|| self.rules.travel.micros(way));
        let late = drive.saturating_add(to.until).saturating_sub(due);
        let wastes = self.demands[demand].waste.1 > 0;
        Parts {
            drive: Cost(drive),
            empty: Cost(self.rules.empty(way)),
            until: Cost(to.dues),
            late: Cost(if late > 0 { self.lateness(late) } else { 0 }),
            fit: Cost(if wastes { waste(self.bookings[row], &self.able[column], self.rules) } else { 0 }),
            fairness: Cost(to.fairness),
        }
    }

    /// The drive that a road service knows.
    fn road(&self, row: usize, column: usize) -> Option<i64> {
        self.own.get(row)?.roads.iter().find(|(at, _)| *at == column).map(|(_, drive)| *drive)
    }

    fn drive(&self, row: usize, column: usize, chord2: f64) -> i64 {
        self.road(row, column).unwrap_or_else(|| self.micros(chord2))
    }

    fn lateness(&self, late: i64) -> i64 {
        scaled(late, self.rules.lateness_weight)
    }

    /// What a pair that was found costs at least.
    pub fn least_cost(&self, row: Row, found: &Found) -> i64 {
        let Column { dues, fairness, .. } = self.columns[found.index];
        let way = metres(found.chord2);
        let drive = self.rules.travel.micros(way);
        let late = if row.due == 0 { self.lateness(drive) } else { 0 };
        drive + late + self.rules.empty(way) + dues + fairness
    }

    /// The `k` vehicles whose least cost is lowest for such a row, prices included, of those that `also` accepts.
    pub fn find(&self, row: Row, k: usize, level: i64, also: impl Fn(usize) -> bool) -> Vec<Found> {
        let pace = if row.due == 0 { 1.0 + self.rules.lateness_weight } else { 1.0 };
        let rate = self.rate.0 * pace + self.rate.1;
        let query = Query { from: row.spot, k, reach2: row.reach2, rate, level: Cost(level).as_secs_f64() };
        self.tree.find(query, |column| self.may(row, column) && also(column))
    }

    fn may(&self, row: Row, column: usize) -> bool {
        let to = &self.columns[column];
        self.demands[row.demand].fits.as_ref().is_none_or(|fits| fits[column])
            && self.own.get(row.index).is_none_or(|own| !own.declined.contains(&column))
            && (row.within == i64::MAX || to.until.saturating_add(self.drive(row.index, column, row.spot.chord2(to.spot))) <= row.within)
    }

    /// The `k` cheapest vehicles, when there are no prices.
    pub fn cheapest_of(&self, row: usize, k: usize) -> Vec<usize> {
        let mut look = k.saturating_add(k);
        loop {
            let (mut edges, limit) = self.look(row, look, 0, None);
            edges.sort_by_key(|e| (e.cost, e.column));
            let last = k.checked_sub(1).and_then(|last| edges.get(last));
            if limit == i64::MAX || last.is_none_or(|e| e.cost <= limit) {
                edges.truncate(k);
                return edges.into_iter().map(|e| e.column).collect();
            }
            look = look.saturating_mul(4);
        }
    }

    /// Those found by their least cost, and those with a road time; with a sum of cost and price that no other is below.
    fn look(&self, row: usize, k: usize, level: i64, prices: Option<&[i64]>) -> (Vec<Edge>, i64) {
        let asked = self.rows[row];
        let found = self.find(asked, k, level, |_| true);
        let price = |column: usize| prices.map_or(level, |prices| prices[column].max(level));
        let waste = self.demands[asked.demand].waste.0;
        let last = found.last().filter(|_| found.len() == k);
        let limit = last.map_or(i64::MAX, |f| self.least_cost(asked, f) + waste + price(f.index) - ROUNDING);
        let near = |column: usize| asked.spot.chord2(self.columns[column].spot) <= asked.reach2;
        let known = self.own[row].roads.iter().map(|(column, _)| *column).filter(|&c| near(c) && self.may(asked, c));
        let mut columns: Vec<usize> = found.iter().map(|f| f.index).collect();
        columns.extend(known.filter(|column| !found.iter().any(|f| f.index == *column)));
        (columns.into_iter().map(|column| Edge { column, cost: self.cost(row, column) }).collect(), limit)
    }

    /// Makes all vehicles free of charge.
    pub fn clear_prices(&mut self) {
        self.tree.clear_prices();
    }
}

impl Own {
    fn of(waiting: &Waiting, able: &[Able<'_>]) -> Self {
        let column = |id: &VehicleId| able.binary_search_by(|a| a.seen.id.cmp(id)).ok();
        Self {
            declined: waiting.declined.iter().filter_map(column).collect(),
            roads: waiting.roads.iter().filter_map(|road| Some((column(&road.vehicle)?, road.drive.as_micros()))).collect(),
        }
    }
}

impl Pairs for Field<'_> {
    fn cheapest(&self, row: usize, k: usize, level: i64, prices: &[i64]) -> (Vec<Edge>, i64) {
        self.look(row, k, level, Some(prices))
    }

    fn cost(&self, row: usize, column: usize) -> i64 {
        self.parts(row, column).sum().0
    }

    fn set_price(&mut self, column: usize, price: i64) {
        self.tree.set_price(column, Cost(price).as_secs_f64());
    }
}

fn waste(waiting: &Waiting, able: &Able<'_>, rules: &Rules) -> i64 {
    scaled(rules.fit.as_micros(), fit::excess(waiting, able.seen))
}

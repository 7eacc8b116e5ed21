//! What is seen of demand and supply, by H3 cell.

use crate::model::Place;
use h3o::{CellIndex, LatLng, Resolution};
use std::collections::{BTreeMap, HashMap};

/// The resolution of the cells: edges of about 530 m.
pub const RESOLUTION: Resolution = Resolution::Eight;
/// What is in a cell's rings counts so much for it: the cell itself, its neighbours, theirs.
const RINGS: [f64; 3] = [1.0, 0.5, 0.25];
/// Rings that count.
const REACH: u32 = 2;
/// Forecasts for coarser cells are not spread over so many cells.
const COARSEST: Resolution = Resolution::Five;
/// Less of anything than this is nothing.
const NOTHING: f64 = 1e-3;

/// Requests, free vehicles and forecast requests of a place.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// Requests that wait for a vehicle.
    pub(super) requests: f64,
    /// Vehicles that are free.
    pub(super) free: f64,
    /// Requests that are expected in the quarter of an hour to come.
    pub(super) expected: f64,
}

impl Counts {
    fn add(&mut self, other: Self, weight: f64) {
        self.requests += other.requests * weight;
        self.free += other.free * weight;
        self.expected += other.expected * weight;
    }
}

/// What is seen of demand and supply at a moment, or expected for one. It has no more cells than it was told of requests, vehicles
/// and forecasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed(BTreeMap<CellIndex, Counts>);

impl Observed {
    /// A request waits for a vehicle to come to `pickup`.
    pub fn request(&mut self, pickup: Place) {
        self.at(pickup).requests += 1.0;
    }

    /// A vehicle is free at `place`.
    pub fn free(&mut self, place: Place) {
        self.at(place).free += 1.0;
    }

    /// So many requests are expected in `cell` within a quarter of an hour. Those of a coarser cell are spread evenly over it, those of
    /// one coarser than resolution 5 counted at its centre. What is not a number from 0 on is not counted.
    pub fn expect(&mut self, cell: CellIndex, requests: f64) {
        self.spread(cell, requests, |counts, share| counts.expected += share);
    }

    /// So many vehicles are expected to be free in `cell`, in the same way.
    pub fn expect_free(&mut self, cell: CellIndex, vehicles: f64) {
        self.spread(cell, vehicles, |counts, share| counts.free += share);
    }

    fn at(&mut self, place: Place) -> &mut Counts {
        self.0.entry(cell_of(place)).or_default()
    }

    fn spread(&mut self, cell: CellIndex, amount: f64, add: impl Fn(&mut Counts, f64)) {
        if !(amount.is_finite() && amount > 0.0) {
            return;
        }
        if cell.resolution() >= RESOLUTION || cell.resolution() < COARSEST {
            add(self.0.entry(own(cell)).or_default(), amount);
            return;
        }
        let share = amount / cell.children_count(RESOLUTION) as f64;
        cell.children(RESOLUTION).for_each(|child| add(self.0.entry(child).or_default(), share));
    }

    /// What is in `cell` and its rings, each counted in full.
    pub(super) fn around(&self, cell: CellIndex) -> Counts {
        let mut sum = Counts::default();
        cell.grid_disk::<Vec<_>>(REACH).iter().filter_map(|near| self.0.get(near)).for_each(|counts| sum.add(*counts, 1.0));
        sum
    }

    /// What counts for each cell: what is in it, and less of what is in its rings.
    pub(super) fn weighed(&self) -> HashMap<CellIndex, Counts> {
        let mut weighed: HashMap<CellIndex, Counts> = HashMap::new();
        for (cell, counts) in &self.0 {
            for (near, ring) in cell.grid_disk_distances::<Vec<_>>(REACH) {
                weighed.entry(near).or_default().add(*counts, RINGS[ring as usize]);
            }
        }
        weighed
    }

    /// Comes nearer to `seen` by `share` of the way.
    pub(super) fn follow(&mut self, seen: &Self, share: f64) {
        for cell in seen.0.keys() {
            self.0.entry(*cell).or_default();
        }
        self.0.retain(|cell, counts| {
            let target = seen.0.get(cell).copied().unwrap_or_default();
            counts.requests += (target.requests - counts.requests) * share;
            counts.free += (target.free - counts.free) * share;
            counts.expected += (target.expected - counts.expected) * share;
            counts.requests + counts.free + counts.expected > NOTHING
        });
    }
}

/// The cell of `place`.
pub fn cell_of(place: Place) -> CellIndex {
    // A place is always finite, which is all that h3o asks for.
    let here = LatLng::new(place.lat(), place.lon()).unwrap_or_else(|_| unreachable!("a place is finite"));
    here.to_cell(RESOLUTION)
}

/// The cell of [`RESOLUTION`] that stands for `cell`: the one that it is in, or the one at its centre.
pub(super) fn own(cell: CellIndex) -> CellIndex {
    cell.parent(RESOLUTION).or_else(|| cell.center_child(RESOLUTION)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_spread_over_its_cell() {
        let cell = cell_of(Place::new(37.77, -122.42).unwrap()).parent(Resolution::Seven).unwrap();
        let mut observed = Observed::default();
        observed.expect(cell, 14.0);
        observed.expect_free(cell, 7.0);
        assert_eq!(observed.0.len(), 7);
        assert!(observed.0.values().all(|c| (c.expected - 2.0).abs() < 1e-9 && (c.free - 1.0).abs() < 1e-9));
        for nonsense in [f64::NAN, f64::INFINITY, -1.0] {
            observed.expect(cell, nonsense);
        }
        assert!((observed.around(cell.center_child(RESOLUTION).unwrap()).expected - 14.0).abs() < 1e-9);
    }

    #[test]
    fn any_resolution_finds_its_cell() {
        let cell = cell_of(Place::new(37.77, -122.42).unwrap());
        assert_eq!(own(cell), cell);
        assert_eq!(own(cell.center_child(Resolution::Eleven).unwrap()), cell);
        assert_eq!(own(cell.parent(Resolution::Two).unwrap()).resolution(), RESOLUTION);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let mut seen = Observed::default();
        seen.request(Place::new(37.77, -122.42).unwrap());
        let mut smoothed = Observed::default();
        smoothed.follow(&seen, 0.5);
        assert!((smoothed.0.values().next().unwrap().requests - 0.5).abs() < 1e-9);
        (0..20).for_each(|_| smoothed.follow(&Observed::default(), 0.5));
        assert_eq!(smoothed, Observed::default());
    }
}

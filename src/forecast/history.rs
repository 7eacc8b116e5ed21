//! What was asked for so far: requests by H3 cell and quarter hour.

use crate::model::{Place, Span, Timestamp};
use h3o::{CellIndex, LatLng, Resolution};
use std::collections::BTreeMap;

/// Length of a bucket.
pub const QUARTER: Span = Span::from_secs(900);
/// A history holds no more cells; a town at resolution 7 has a few hundred.
pub const MAX_CELLS: usize = 20_000;

/// Number of a quarter hour since 1970-01-01T00:00:00Z. Every zone in use is whole quarter hours from UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Quarter(i32);

impl Quarter {
    /// The quarter hour that the instant is in; 60,000 years from now the last.
    pub fn of(at: Timestamp) -> Self {
        let number = at.as_millis().div_euclid(QUARTER.as_millis());
        Self(i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX }))
    }
    /// Its begin.
    pub fn start(self) -> Timestamp {
        Timestamp::from_millis(i64::from(self.0) * QUARTER.as_millis())
    }
    /// The one so many later.
    pub fn after(self, quarters: usize) -> Self {
        Self(self.0.saturating_add(i32::try_from(quarters).unwrap_or(i32::MAX)))
    }
    /// How many it is after `earlier`; `None` when it is before.
    pub fn since(self, earlier: Self) -> Option<usize> {
        usize::try_from(i64::from(self.0) - i64::from(earlier.0)).ok()
    }
    /// Those from it on and before `end`.
    pub fn until(self, end: Self) -> impl Iterator<Item = Self> {
        (self.0..end.0).map(Self)
    }
}

/// Requests by H3 cell of one resolution and quarter hour. It grows with the quarter hours in which there was a request, at most
/// with the requests; [`History::forget_before`] keeps it to the weeks that are of use.
#[derive(Clone, PartialEq, Debug)]
pub struct History {
    resolution: Resolution,
    cells: BTreeMap<CellIndex, BTreeMap<Quarter, u32>>,
}

impl History {
    /// Nothing was asked for yet.
    pub fn new(resolution: Resolution) -> Self {
        Self { resolution, cells: BTreeMap::new() }
    }

    /// Size of the cells.
    pub fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Counts `requests` at `place` in the quarter hour of `at`. False, and not counted, when the history is full and the place
    /// is in a cell that it does not hold.
    pub fn add(&mut self, at: Timestamp, place: Place, requests: u32) -> bool {
        let Ok(point) = LatLng::new(place.lat(), place.lon()) else { return false };
        let cell = point.to_cell(self.resolution);
        if self.cells.len() >= MAX_CELLS && !self.cells.contains_key(&cell) {
            return false;
        }
        let count = self.cells.entry(cell).or_default().entry(Quarter::of(at)).or_default();
        *count = count.saturating_add(requests);
        true
    }

    /// Forgets the quarter hours before the one that `at` is in, and cells in which nothing is left.
    pub fn forget_before(&mut self, at: Timestamp) {
        for quarters in self.cells.values_mut() {
            *quarters = quarters.split_off(&Quarter::of(at));
        }
        self.cells.retain(|_, quarters| !quarters.is_empty());
    }

    /// Requests from `from` on and before `until`, to the quarter hour.
    pub fn requests(&self, from: Timestamp, until: Timestamp) -> u64 {
        let (from, until) = (Quarter::of(from), Quarter::of(until));
        self.cells().flat_map(|(_, quarters)| within(quarters, from, until)).map(|(_, count)| u64::from(count)).sum()
    }

    /// Begin of the first and end of the last quarter hour with a request.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.cells.values().filter_map(|quarters| quarters.first_key_value()).map(|(quarter, _)| *quarter).min()?;
        let last = self.cells.values().filter_map(|quarters| quarters.last_key_value()).map(|(quarter, _)| *quarter).max()?;
        Some((first.start(), last.start() + QUARTER))
    }

    /// The cells with their quarter hours, both in order.
    pub(super) fn cells(&self) -> impl Iterator<Item = (CellIndex, &BTreeMap<Quarter, u32>)> {
        self.cells.iter().map(|(cell, quarters)| (*cell, quarters))
    }
}

/// The quarter hours of a cell from `from` on and before `until` that had requests.
pub(super) fn within(quarters: &BTreeMap<Quarter, u32>, from: Quarter, until: Quarter) -> impl Iterator<Item = (Quarter, u32)> {
    quarters.range(from..until.max(from)).map(|(quarter, count)| (*quarter, *count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn counts_by_cell_and_quarter_hour() {
        let (here, there) = (Place::new(38.7, -9.1).unwrap(), Place::new(38.8, -9.1).unwrap());
        let mut history = History::new(Resolution::Seven);
        for (secs, place) in [(0, here), (899, here), (900, here), (901, there), (-1, there)] {
            assert!(history.add(at(secs), place, 1));
        }
        let counts: Vec<Vec<(i32, u32)>> =
            history.cells().map(|(_, quarters)| quarters.iter().map(|(quarter, count)| (quarter.0, *count)).collect()).collect();
        assert!(counts.contains(&vec![(0, 2), (1, 1)]) && counts.contains(&vec![(-1, 1), (1, 1)]), "{counts:?}");
        assert_eq!(history.span(), Some((at(-900), at(1800))));
        assert_eq!((history.requests(at(0), at(900)), history.requests(at(0), at(1800))), (2, 4));
    }

    proptest! {
        #[test]
        fn forgetting_leaves_what_came_later(times in proptest::collection::vec(0_i64..100_000, 0..60), cut in 0_i64..100_000) {
            let mut history = History::new(Resolution::Seven);
            for &secs in &times {
                history.add(at(secs), Place::new(38.0 + secs.rem_euclid(7) as f64, -9.1).unwrap(), 1);
            }
            let later = history.requests(at(cut), at(1_000_000));
            history.forget_before(at(cut));
            prop_assert_eq!(history.requests(at(-1_000_000), at(1_000_000)), later);
            prop_assert_eq!(history.span().is_none(), later == 0);
            prop_assert!(history.span().is_none_or(|(first, _)| first > at(cut) - QUARTER));
        }
    }
}

//! The k nearest of some points on the earth, exactly: a k-d tree over unit vectors.
//!
//! The chord between two unit vectors grows with the great circle, so there is neither a seam at 180° nor a pole.

use crate::model::{Metres, Place};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

const RADIUS_M: f64 = 6_371_008.8;
const LEAF: usize = 12;

/// A point as a unit vector.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spot([f64; 3]);

impl Spot {
    /// The unit vector of a place.
    pub fn of(place: Place) -> Self {
        let (lat, lon) = (place.lat().to_radians(), place.lon().to_radians());
        Self([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()])
    }
    /// Square of the chord to another point, on the unit sphere.
    pub fn chord2(self, other: Self) -> f64 {
        let [a, b, c] = self.0;
        let [d, e, f] = other.0;
        (a - d) * (a - d) + (b - e) * (b - e) + (c - f) * (c - f)
    }
}

/// The great-circle distance of a squared chord.
pub fn metres(chord2: f64) -> Metres {
    Metres(2.0 * RADIUS_M * (chord2.sqrt() / 2.0).min(1.0).asin())
}

/// The squared chord of a great-circle distance.
pub fn chord2(way: Metres) -> f64 {
    let angle = (way.0 / (2.0 * RADIUS_M)).clamp(0.0, std::f64::consts::FRAC_PI_2);
    4.0 * angle.sin() * angle.sin()
}

/// A point that was found.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    /// Square of its chord to the place asked about.
    pub chord2: f64,
    /// Its index in what the tree was made of.
    pub index: usize,
}
impl Eq for Found {}
impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        self.chord2.total_cmp(&other.chord2).then(self.index.cmp(&other.index))
    }
}

/// Points, ready to be asked for the nearest ones.
pub struct Nearest {
    /// The tree in place: the middle of each range splits it; ranges of at most `LEAF` are leaves.
    points: Vec<(Spot, usize)>,
    /// The axis along which the range with this middle is split.
    axis: Vec<u8>,
}

impl Nearest {
    /// A tree of these points.
    pub fn new(spots: &[Spot]) -> Self {
        let mut points: Vec<_> = spots.iter().copied().enumerate().map(|(index, spot)| (spot, index)).collect();
        let mut axis = vec![0; points.len()];
        build(&mut points, &mut axis);
        Self { points, axis }
    }

    /// The `k` nearest to `from` within `reach2` (a squared chord) that `fits` accepts, nearest first, ties by index.
    pub fn find(&self, from: Spot, k: usize, reach2: f64, fits: impl Fn(usize) -> bool) -> Vec<Found> {
        let mut query = Query { tree: self, from, k, reach2, fits, best: BinaryHeap::with_capacity(k.min(self.points.len()) + 1) };
        if k > 0 {
            query.visit(0, self.points.len());
        }
        query.best.into_sorted_vec()
    }
}

fn build(points: &mut [(Spot, usize)], axis: &mut [u8]) {
    if points.len() <= LEAF {
        return;
    }
    let spread = |a: usize| {
        let (low, high) = points.iter().fold((f64::MAX, f64::MIN), |(l, h), (s, _)| (l.min(s.0[a]), h.max(s.0[a])));
        high - low
    };
    let widths = [spread(0), spread(1), spread(2)];
    let widest: u8 = if widths[0] >= widths[1] && widths[0] >= widths[2] {
        0
    } else if widths[1] >= widths[2] {
        1
    } else {
        2
    };
    let middle = points.len() / 2;
    let along = usize::from(widest);
    points.select_nth_unstable_by(middle, |a, b| a.0.0[along].total_cmp(&b.0.0[along]).then(a.1.cmp(&b.1)));
    axis[middle] = widest;
    let (left, right) = points.split_at_mut(middle);
    let (left_axis, right_axis) = axis.split_at_mut(middle);
    build(left, left_axis);
    build(&mut right[1..], &mut right_axis[1..]);
}

struct Query<'a, F> {
    tree: &'a Nearest,
    from: Spot,
    k: usize,
    reach2: f64,
    fits: F,
    best: BinaryHeap<Found>,
}

impl<F: Fn(usize) -> bool> Query<'_, F> {
    fn visit(&mut self, start: usize, end: usize) {
        if end - start <= LEAF {
            for at in start..end {
                self.consider(at);
            }
            return;
        }
        let middle = start + (end - start) / 2;
        let along = usize::from(self.tree.axis[middle]);
        let off = self.from.0[along] - self.tree.points[middle].0.0[along];
        let (near, far) = if off < 0.0 { ((start, middle), (middle + 1, end)) } else { ((middle + 1, end), (start, middle)) };
        self.visit(near.0, near.1);
        self.consider(middle);
        if off * off <= self.reach2 {
            self.visit(far.0, far.1);
        }
    }

    fn consider(&mut self, at: usize) {
        let (spot, index) = self.tree.points[at];
        let found = Found { chord2: self.from.chord2(spot), index };
        if found.chord2 > self.reach2 || !(self.fits)(index) {
            return;
        }
        if self.best.len() < self.k {
            self.best.push(found);
        } else if self.best.peek().is_some_and(|worst| found < *worst) {
            self.best.pop();
            self.best.push(found);
        }
        if self.best.len() == self.k
            && let Some(worst) = self.best.peek()
        {
            self.reach2 = self.reach2.min(worst.chord2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place() -> impl Strategy<Value = Place> {
        let near = (-0.05..0.05_f64, -0.05..0.05_f64).prop_map(|(a, b)| Place::new(38.7 + a, -9.1 + b).unwrap());
        let seam = (-90.0..90.0_f64, prop_oneof![179.9..180.0_f64, -180.0..-179.9_f64]).prop_map(|(a, b)| Place::new(a, b).unwrap());
        prop_oneof![4 => near, 1 => seam]
    }

    proptest! {
        #[test]
        fn agrees_with_a_naive_scan(places in proptest::collection::vec(place(), 0..120), from in place(), k in 0..20_usize,
                                    reach in prop_oneof![Just(3e7), 10.0..9_000.0_f64], modulus in 1..4_usize) {
            let spots: Vec<_> = places.iter().map(|p| Spot::of(*p)).collect();
            let from = Spot::of(from);
            let reach2 = chord2(Metres(reach));
            let mut naive: Vec<_> = spots.iter().enumerate().filter(|(i, _)| i % modulus == 0)
                .map(|(index, s)| Found { chord2: from.chord2(*s), index }).filter(|f| f.chord2 <= reach2).collect();
            naive.sort();
            naive.truncate(k);
            prop_assert_eq!(Nearest::new(&spots).find(from, k, reach2, |i| i % modulus == 0), naive);
        }

        #[test]
        fn the_chord_gives_the_great_circle(a in place(), b in place()) {
            let way = metres(Spot::of(a).chord2(Spot::of(b)));
            prop_assert!((way.0 - a.distance(b).0).abs() < 0.01 + way.0 * 1e-6);
            prop_assert!((metres(chord2(way)).0 - way.0).abs() < 0.01 + way.0 * 1e-6);
        }
    }
}

//! The k cheapest of some points on the earth, by travel time, dues and a price of each, exactly: a k-d tree over unit vectors.
//!
//! Each node knows a box around its points and their least price, so that branch and bound needs no list of pairs. (J. L.
//! Bentley, "Multidimensional binary search trees used for associative searching", CACM 18 (1975) 509–517.) The chord between two unit vectors grows with the great circle, so there is neither a seam at 180° nor a pole.

use crate::model::{Metres, Place};
use std::cmp::Ordering;

/// The earth's mean radius.
pub const RADIUS_M: f64 = 6_371_008.8;
/// Points of a leaf, at most.
const LEAF: usize = 8;

/// A point as a unit vector.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spot([f64; 3]);

impl Spot {
    /// The unit vector of a place.
    pub fn of(place: Place) -> Self {
        let (lat, lon) = (place.lat().to_radians(), place.lon().to_radians());
        Self([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()])
    }
    /// The middle of some points; not quite on the sphere.
    pub fn middle(spots: impl Iterator<Item = Self>) -> Self {
        let (sum, count) = spots.fold(([0.0; 3], 0.0), |(sum, n), s| ([sum[0] + s.0[0], sum[1] + s.0[1], sum[2] + s.0[2]], n + 1.0));
        Self(sum.map(|x| x / f64::max(count, 1.0)))
    }
    /// The axis along which some points lie furthest apart.
    pub fn widest(spots: impl Iterator<Item = Self>) -> usize {
        let none = ([f64::MAX; 3], [f64::MIN; 3]);
        let (low, high) = spots.fold(none, |(mut low, mut high), s| {
            for axis in 0..3 {
                (low[axis], high[axis]) = (low[axis].min(s.0[axis]), high[axis].max(s.0[axis]));
            }
            (low, high)
        });
        let width = |axis: usize| high[axis] - low[axis];
        (0..3).max_by(|&a, &b| width(a).total_cmp(&width(b))).unwrap_or(0)
    }
    /// Where it is along an axis.
    pub fn along(self, axis: usize) -> f64 {
        self.0[axis]
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
    Metres(RADIUS_M * angle(chord2))
}

fn angle(chord2: f64) -> f64 {
    2.0 * (chord2.sqrt() / 2.0).min(1.0).asin()
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

/// Points with prices, ready to be asked for the cheapest ones.
pub struct Nearest {
    /// In the order of the leaves, each of which is a range of them.
    points: Vec<Point>,
    /// A complete binary tree: the children of node `n` are `2 n` and `2 n + 1`, the root is 1.
    nodes: Vec<Node>,
    /// Inner nodes above each leaf.
    depth: usize,
    /// Where in `points` each index is.
    at: Vec<usize>,
}

struct Point {
    spot: Spot,
    /// Due with every price.
    dues: f64,
    price: f64,
    index: usize,
}

#[derive(Clone)]
struct Node {
    low: [f64; 3],
    high: [f64; 3],
    /// The least dues and the least price below it.
    dues: f64,
    price: f64,
}

/// What is asked of [`Nearest`].
#[derive(Clone, Copy)]
pub struct Query {
    /// From where the way is counted.
    pub from: Spot,
    /// How many points, at most.
    pub k: usize,
    /// No point beyond this squared chord.
    pub reach2: f64,
    /// What a unit of distance on the unit sphere costs, as prices are counted.
    pub rate: f64,
    /// A lower price counts as this one.
    pub level: f64,
}

impl Nearest {
    /// A tree of these points with their dues, all free of charge otherwise.
    pub fn new(places: &[(Spot, f64)]) -> Self {
        let point = |(index, &(spot, dues)): (usize, &(Spot, f64))| Point { spot, dues, price: 0.0, index };
        let mut points: Vec<_> = places.iter().enumerate().map(point).collect();
        let mut depth = 0;
        while points.len() >> depth > LEAF {
            depth += 1;
        }
        let mut nodes = vec![Node { low: [f64::MAX; 3], high: [f64::MIN; 3], dues: f64::MAX, price: 0.0 }; 2 << depth];
        build(&mut points, &mut nodes, 1, depth);
        let mut at = vec![0; points.len()];
        for (place, point) in points.iter().enumerate() {
            at[point.index] = place;
        }
        Self { points, nodes, depth, at }
    }

    /// The price of a point from now on, not negative.
    pub fn set_price(&mut self, index: usize, price: f64) {
        let place = self.at[index];
        self.points[place].price = price;
        let (mut start, mut end, mut node) = (0, self.points.len(), 1);
        for _ in 0..self.depth {
            let middle = usize::midpoint(start, end);
            if place < middle {
                (end, node) = (middle, node * 2);
            } else {
                (start, node) = (middle, node * 2 + 1);
            }
        }
        let mut least = self.points[start..end].iter().fold(f64::MAX, |least, p| least.min(p.price));
        while node > 0 && self.nodes[node].price.total_cmp(&least).is_ne() {
            self.nodes[node].price = least;
            least = least.min(self.nodes[node ^ 1].price);
            node /= 2;
        }
    }

    /// Makes every point free of charge.
    pub fn clear_prices(&mut self) {
        self.points.iter_mut().for_each(|p| p.price = 0.0);
        self.nodes.iter_mut().for_each(|n| n.price = 0.0);
    }

    /// The points with the least sum of way and price that `fits` accepts, cheapest first, ties by index.
    pub fn find(&self, query: Query, fits: impl Fn(usize) -> bool) -> Vec<Found> {
        let mut search =
            Search { tree: self, query, fits, best: Vec::with_capacity(query.k.min(self.points.len()) + 1), worst: f64::INFINITY };
        if query.k > 0 && !self.points.is_empty() {
            search.visit(1, 0, self.points.len(), self.depth);
        }
        search.best.into_iter().map(|(_, found)| found).collect()
    }
}

fn build(points: &mut [Point], nodes: &mut [Node], node: usize, depth: usize) {
    let Node { low, high, dues, .. } = &mut nodes[node];
    for point in &*points {
        *dues = dues.min(point.dues);
        for axis in 0..3 {
            low[axis] = low[axis].min(point.spot.0[axis]);
            high[axis] = high[axis].max(point.spot.0[axis]);
        }
    }
    if depth == 0 {
        return;
    }
    let width = |axis: usize| high[axis] - low[axis];
    let widest = (0..3).max_by(|&a, &b| width(a).total_cmp(&width(b))).unwrap_or(0);
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| a.spot.0[widest].total_cmp(&b.spot.0[widest]).then(a.index.cmp(&b.index)));
    let (left, right) = points.split_at_mut(middle);
    build(left, nodes, node * 2, depth - 1);
    build(right, nodes, node * 2 + 1, depth - 1);
}

struct Search<'a, F> {
    tree: &'a Nearest,
    query: Query,
    fits: F,
    /// The best so far with their sums, ascending.
    best: Vec<(f64, Found)>,
    /// A sum beyond this is of no interest.
    worst: f64,
}

impl<F: Fn(usize) -> bool> Search<'_, F> {
    fn visit(&mut self, node: usize, start: usize, end: usize, depth: usize) {
        if depth == 0 {
            for place in start..end {
                self.consider(place);
            }
            return;
        }
        let middle = usize::midpoint(start, end);
        let left = (self.least(node * 2), node * 2, start, middle);
        let right = (self.least(node * 2 + 1), node * 2 + 1, middle, end);
        let (first, then) = if left.0 <= right.0 { (left, right) } else { (right, left) };
        for (least, node, start, end) in [first, then] {
            if least <= self.worst {
                self.visit(node, start, end, depth - 1);
            }
        }
    }

    /// No point below the node has a lower sum.
    fn least(&self, node: usize) -> f64 {
        let Node { low, high, dues, price } = &self.tree.nodes[node];
        let mut off2 = 0.0;
        for axis in 0..3 {
            let at = self.query.from.0[axis];
            let off = (low[axis] - at).max(at - high[axis]).max(0.0);
            off2 += off * off;
        }
        if off2 > self.query.reach2 { f64::INFINITY } else { off2.sqrt() * self.query.rate + dues + price.max(self.query.level) }
    }

    fn consider(&mut self, place: usize) {
        let Point { spot, dues, price, index } = self.tree.points[place];
        let (chord2, price) = (self.query.from.chord2(spot), dues + price.max(self.query.level));
        // The chord is shorter than the way, and cheaper to tell.
        let room = self.worst - price;
        if room < 0.0 || chord2 * self.query.rate * self.query.rate > room * room || chord2 > self.query.reach2 || !(self.fits)(index) {
            return;
        }
        let sum = angle(chord2) * self.query.rate + price;
        let before = |other: &(f64, Found)| other.0.total_cmp(&sum).then(other.1.index.cmp(&index)).is_lt();
        if self.best.len() == self.query.k && self.best.last().is_some_and(before) {
            return;
        }
        self.best.truncate(self.query.k - 1);
        let rank = self.best.iter().rposition(before).map_or(0, |r| r + 1);
        self.best.insert(rank, (sum, Found { chord2, index }));
        if self.best.len() == self.query.k {
            self.worst = self.best[self.query.k - 1].0;
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
        fn prices_count_like_the_way(places in proptest::collection::vec((place(), 0..9_000_i32, 0..3_000_i32), 1..120), from in place(), k in 1..20_usize,
                                     level in 0..2_000_i32) {
            let spots: Vec<_> = places.iter().map(|p| Spot::of(p.0)).collect();
            let mut tree = Nearest::new(&spots.iter().zip(&places).map(|(s, p)| (*s, f64::from(p.2))).collect::<Vec<_>>());
            let query = Query { from: Spot::of(from), k, reach2: 4.0, rate: RADIUS_M, level: f64::from(level) };
            for (index, (_, price, _)) in places.iter().enumerate() {
                tree.set_price(index, f64::from(*price));
            }
            let sum = |f: &Found| metres(f.chord2).0 + f64::from(places[f.index].1.max(level) + places[f.index].2);
            let found: Vec<_> = tree.find(query, |_| true).iter().map(sum).collect();
            let mut naive: Vec<_> =
                spots.iter().enumerate().map(|(index, s)| sum(&Found { chord2: query.from.chord2(*s), index })).collect();
            naive.sort_by(f64::total_cmp);
            prop_assert_eq!(found.len(), k.min(naive.len()));
            prop_assert!(found.iter().zip(&naive).all(|(a, b)| (a - b).abs() < 1e-3), "{:?} {:?}", found, naive);
        }

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
            let query = Query { from, k, reach2, rate: 1.0, level: 0.0 };
            let places: Vec<_> = spots.iter().map(|s| (*s, 0.0)).collect();
            prop_assert_eq!(Nearest::new(&places).find(query, |i| i % modulus == 0), naive);
        }

        #[test]
        fn the_chord_gives_the_great_circle(a in place(), b in place()) {
            let way = metres(Spot::of(a).chord2(Spot::of(b)));
            prop_assert!((way.0 - a.distance(b).0).abs() < 0.01 + way.0 * 1e-6);
            prop_assert!((metres(chord2(way)).0 - way.0).abs() < 0.01 + way.0 * 1e-6);
        }
    }
}

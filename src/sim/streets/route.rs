//! The fastest way from node to node.

use super::{Node, Streets};
use crate::model::Place;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Nobody drives faster than this; keeps the search's guess below the truth.
const TOP_MPS: f64 = 100.0 / 3.6;

/// A straight stretch of a route.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Leg {
    /// Where it ends.
    pub to: Place,
    /// Its length in metres.
    pub metres: f64,
    /// How fast one drives there, in km/h.
    pub kmh: f64,
}

/// A way to drive.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Route {
    /// Its stretches in order; none when one is there already.
    pub legs: Vec<Leg>,
}

impl Route {
    /// Its length in metres.
    pub fn metres(&self) -> f64 {
        self.legs.iter().map(|leg| leg.metres).sum()
    }
    /// How long it takes, in seconds.
    pub fn seconds(&self) -> f64 {
        self.legs.iter().map(|leg| leg.metres * 3.6 / leg.kmh).sum()
    }
}

impl Streets {
    /// The fastest route, by A*; `None` when no street leads there. Equal routes are told apart by node number.
    pub fn route(&self, from: Node, to: Node) -> Option<Route> {
        let goal = self.place(to);
        let guess = |node: Node| micros(self.place(node).distance(goal).0 * 0.999 / TOP_MPS);
        let mut best = vec![(u64::MAX, None); self.len()];
        let mut open = BinaryHeap::from([Reverse((guess(from), from))]);
        best[from.index()].0 = 0;
        while let Some(Reverse((estimate, node))) = open.pop() {
            if node == to {
                return Some(self.trace(&best, to));
            }
            let cost = best[node.index()].0;
            if estimate > cost + guess(node) {
                continue;
            }
            for (number, edge) in (self.starts[node.index()]..).zip(self.edges_of(node)) {
                let there = cost + micros(f64::from(edge.metres) * 3.6 / f64::from(self.ways[edge.way as usize].kmh));
                if there < best[edge.to.index()].0 {
                    best[edge.to.index()] = (there, Some((node, number)));
                    open.push(Reverse((there + guess(edge.to), edge.to)));
                }
            }
        }
        None
    }

    fn trace(&self, best: &[(u64, Option<(Node, usize)>)], to: Node) -> Route {
        let (mut legs, mut at) = (Vec::new(), to);
        while let Some((from, number)) = best[at.index()].1 {
            let edge = self.edges[number];
            let kmh = f64::from(self.ways[edge.way as usize].kmh);
            legs.push(Leg { to: self.place(at), metres: f64::from(edge.metres), kmh });
            at = from;
        }
        legs.reverse();
        Route { legs }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a drive's microseconds are positive and fit")]
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::rng::Rng;

    /// The cost of the fastest way to every node, without a guess and without a heap.
    fn relaxed(streets: &Streets, from: Node) -> Vec<u64> {
        let mut cost = vec![u64::MAX; streets.len()];
        cost[from.index()] = 0;
        let mut moved = true;
        while moved {
            moved = false;
            for node in streets.nodes().filter(|n| cost[n.index()] < u64::MAX).collect::<Vec<_>>() {
                for edge in streets.edges_of(node) {
                    let kmh = f64::from(streets.ways[edge.way as usize].kmh);
                    let there = cost[node.index()] + micros(f64::from(edge.metres) * 3.6 / kmh);
                    if there < cost[edge.to.index()] {
                        (cost[edge.to.index()], moved) = (there, true);
                    }
                }
            }
        }
        cost
    }

    #[test]
    fn routes_are_as_fast_as_relaxation_finds_and_connected() {
        let streets = Streets::andorra().unwrap();
        let all: Vec<_> = streets.nodes().collect();
        let mut rng = Rng::new(1, 1);
        let from = all[rng.index(all.len())];
        let truth = relaxed(&streets, from);
        assert!(truth.iter().all(|c| *c < u64::MAX), "every node can be reached");
        for _ in 0..40 {
            let to = all[rng.index(all.len())];
            let route = streets.route(from, to).unwrap();
            let seconds = truth[to.index()] as f64 / 1e6;
            assert!((route.seconds() - seconds).abs() < 0.05, "{} {seconds}", route.seconds());
            let mut at = streets.place(from);
            for leg in &route.legs {
                assert!((at.distance(leg.to).0 - leg.metres).abs() < 0.1);
                at = leg.to;
            }
            assert_eq!(at, streets.place(to));
        }
    }

    #[test]
    fn a_one_way_street_is_not_driven_backwards() {
        let text = "streets 1 t\n42500000 1500000\n0 1000\n1000 0\nway 0 50 1 0 1|\nway 0 50 1 1 1|\nway 0 50 1 2 -2|\n";
        let streets = Streets::parse(text).unwrap();
        let [a, b, _] = streets.nodes().collect::<Vec<_>>()[..] else { panic!("three nodes") };
        assert_eq!(streets.route(a, b).unwrap().legs.len(), 1);
        assert_eq!(streets.route(b, a).unwrap().legs.len(), 2);
        assert!(streets.route(a, a).unwrap().legs.is_empty());
    }
}

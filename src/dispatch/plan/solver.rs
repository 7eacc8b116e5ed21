//! The sparse assignment problem, solved exactly by shortest augmenting paths with potentials.
//!
//! After R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
//! problems", Computing 38 (1987) 325–340, and its sparse form LAPMOD (A. Volgenant, "Linear and semi-assignment
//! problems: a core oriented approach", Computers & Operations Research 23 (1996) 917–932). Each row also has a column
//! of its own, "alone", so every problem is feasible. Pairs are asked for only when they could matter: a row gives its
//! cheap ones first and says what the others cost at least, so the core grows by itself and nothing is solved twice.
//!
//! What holds after every step, and makes the result optimal (linear programming duality):
//! every pair has `cost - u[row] - v[column] >= 0`, matched pairs have 0, `v <= 0`, and `v = 0` for a column without a row.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// A pair of a row with `column`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Index of the column.
    pub column: usize,
    /// What the pair costs, not negative.
    pub cost: i64,
}

/// The pairs that rows may form, given piece by piece.
pub trait Pairs {
    /// The pairs of `row` given so far, by ascending cost.
    fn known(&self, row: usize) -> &[Edge];
    /// No further pair of `row` costs less than this; `i64::MAX` when there is none.
    fn beyond(&self, row: usize) -> i64;
    /// Makes more pairs of `row` known behind the others, or `beyond` the maximum.
    fn widen(&mut self, row: usize);
}

/// A solved problem, with the dual values that prove it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Solution {
    /// The column of each row; `None`: the row stays alone.
    pub column_of: Vec<Option<usize>>,
    /// The row's dual value: what the row costs at the margin.
    pub u: Vec<i64>,
    /// The sum of all costs.
    pub total: i64,
}

/// Assigns each row to at most one column and each column to at most one row, at the least total cost.
///
/// There is a row for each element of `alone`, which is what it costs (not negative) to leave it out. Of equal pairs a
/// row takes the lower column; the same input gives the same answer.
pub fn solve<P: Pairs>(pairs: &mut P, columns: usize, alone: &[i64]) -> Solution {
    let mut solver = Solver::new(pairs, columns, alone);
    for row in solver.bid_for_all() {
        solver.augment(row);
    }
    solver.finish()
}

/// Bids a row may make on average before the rest is left to augmenting paths.
const BIDS: usize = 40;
/// Pairs of a row that a search looks at before it looks elsewhere.
const CHUNK: usize = 12;

/// A column index at or beyond `columns` stands for "row alone".
struct Solver<'a, P> {
    pairs: &'a mut P,
    alone: &'a [i64],
    columns: usize,
    u: Vec<i64>,
    v: Vec<i64>,
    row_of: Vec<Option<usize>>,
    column_of: Vec<Option<usize>>,
    reached: Vec<Reached>,
    /// Columns whose shortest path of the present search is final, in that order.
    settled: Vec<usize>,
    touched: Vec<usize>,
    /// For each row of the present search: its distance less its dual value, and the pair to look at next.
    scan: Vec<(i64, usize)>,
    /// Columns to settle and, at `columns + rows + row`, rows to look at further, by distance.
    open: BinaryHeap<Reverse<(i64, usize)>>,
    /// The nearest free column of the present search.
    bound: (i64, usize),
}

#[derive(Clone, Copy)]
struct Reached {
    distance: i64,
    from: usize,
    settled: bool,
}
const UNREACHED: Reached = Reached { distance: i64::MAX, from: usize::MAX, settled: false };

impl<'a, P: Pairs> Solver<'a, P> {
    fn new(pairs: &'a mut P, columns: usize, alone: &'a [i64]) -> Self {
        let (rows, all) = (alone.len(), columns + alone.len());
        Self {
            pairs,
            alone,
            columns,
            u: vec![0; rows],
            v: vec![0; all],
            row_of: vec![None; all],
            column_of: vec![None; rows],
            reached: vec![UNREACHED; all],
            settled: Vec::new(),
            touched: Vec::new(),
            scan: vec![(0, 0); rows],
            open: BinaryHeap::new(),
            bound: (i64::MAX, usize::MAX),
        }
    }

    /// Augmenting row reduction: each row takes its best column, whoever had it, and makes it dearer up to where the
    /// row's second best would do as well. Returns the rows that are left over when that stops paying.
    fn bid_for_all(&mut self) -> Vec<usize> {
        let mut queue: VecDeque<usize> = (0..self.alone.len()).collect();
        let mut rest = Vec::new();
        let mut bids = self.alone.len().saturating_mul(BIDS);
        while let Some(row) = queue.pop_front() {
            let ((best, column), second) = self.best_two(row);
            self.u[row] = second;
            let taken = self.row_of[column].is_some();
            if bids == 0 || (taken && best == second) {
                self.u[row] = best;
                rest.push(row);
                continue;
            }
            bids -= 1;
            self.v[column] -= second - best;
            if let Some(before) = self.row_of[column].replace(row) {
                self.column_of[before] = None;
                queue.push_front(before);
            }
            self.column_of[row] = Some(column);
        }
        rest.sort_unstable();
        rest
    }

    /// The cheapest column at the present prices, and the price of the second cheapest.
    fn best_two(&mut self, row: usize) -> ((i64, usize), i64) {
        let mut best = (self.alone[row] - self.v[self.columns + row], self.columns + row);
        let (mut second, mut at) = (i64::MAX, 0);
        loop {
            let Some(&Edge { column, cost }) = self.pairs.known(row).get(at) else {
                if self.pairs.beyond(row) >= second.min(self.alone[row]) {
                    break;
                }
                self.pairs.widen(row);
                continue;
            };
            if cost >= second {
                break;
            }
            let price = cost - self.v[column];
            if (price, column) < best {
                (second, best) = (best.0, (price, column));
            } else {
                second = second.min(price);
            }
            at += 1;
        }
        (best, if second == i64::MAX { best.0 } else { second })
    }

    /// Dijkstra over reduced costs from `start` to the nearest free column; then the path is flipped.
    fn augment(&mut self, start: usize) {
        let (length, end) = self.search(start);
        self.u[start] += length;
        for &column in &self.settled {
            let ahead = length - self.reached[column].distance;
            self.v[column] -= ahead;
            if let Some(row) = self.row_of[column] {
                self.u[row] += ahead;
            }
        }
        let mut column = end;
        loop {
            let row = self.reached[column].from;
            self.row_of[column] = Some(row);
            match self.column_of[row].replace(column) {
                Some(before) if row != start => column = before,
                _ => break,
            }
        }
        for column in self.touched.drain(..) {
            self.reached[column] = UNREACHED;
        }
        self.settled.clear();
        self.open.clear();
    }

    fn search(&mut self, start: usize) -> (i64, usize) {
        self.bound = (i64::MAX, usize::MAX);
        self.enter(start, 0);
        let all = self.columns + self.alone.len();
        while let Some(Reverse((distance, column))) = self.open.pop() {
            if distance >= self.bound.0 {
                break;
            }
            if column >= all {
                self.look_on(column - all);
            } else if !self.reached[column].settled && self.reached[column].distance == distance {
                self.reached[column].settled = true;
                self.settled.push(column);
                if let Some(row) = self.row_of[column] {
                    self.enter(row, distance);
                }
            }
        }
        self.bound
    }

    fn enter(&mut self, row: usize, distance: i64) {
        let base = distance - self.u[row];
        self.scan[row] = (base, 0);
        self.reach(row, base, Edge { column: self.columns + row, cost: self.alone[row] });
        self.look_on(row);
    }

    /// Looks at some more pairs of a row; what is left waits for its turn.
    fn look_on(&mut self, row: usize) {
        let (base, start) = self.scan[row];
        if start == self.pairs.known(row).len() && self.pairs.beyond(row) < i64::MAX {
            self.pairs.widen(row);
        }
        for at in start..start + CHUNK {
            let Some(&edge) = self.pairs.known(row).get(at) else { break };
            // No price is positive, so a pair's cost alone may already be too much, and then so are all behind it.
            if base + edge.cost >= self.bound.0 {
                return;
            }
            self.reach(row, base, edge);
        }
        let next = (start + CHUNK).min(self.pairs.known(row).len());
        let least = self.pairs.known(row).get(next).map_or_else(|| self.pairs.beyond(row), |e| e.cost);
        let least = least.saturating_add(base.min(0)).saturating_add(base.max(0));
        if least < self.bound.0 && least < i64::MAX / 2 {
            self.scan[row].1 = next;
            self.open.push(Reverse((least, self.columns + self.alone.len() + row)));
        }
    }

    fn reach(&mut self, row: usize, base: i64, Edge { column, cost }: Edge) {
        let distance = base + cost - self.v[column];
        let known = &mut self.reached[column];
        if known.settled || distance >= known.distance || (distance, column) >= self.bound {
            return;
        }
        if known.from == usize::MAX {
            self.touched.push(column);
        }
        *known = Reached { distance, from: row, settled: false };
        if self.row_of[column].is_none() {
            self.bound = (distance, column);
        } else {
            self.open.push(Reverse((distance, column)));
        }
    }

    fn finish(self) -> Solution {
        let mut total = 0_i64;
        let mut column_of = Vec::with_capacity(self.alone.len());
        for (row, column) in self.column_of.iter().enumerate() {
            let real = column.filter(|&c| c < self.columns);
            let cost = real.and_then(|c| self.pairs.known(row).iter().find(|e| e.column == c).map(|e| e.cost));
            total += cost.unwrap_or(self.alone[row]);
            column_of.push(real);
        }
        Solution { column_of, u: self.u, total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives `step` more pairs of a row at a time.
    struct Slow {
        rows: Vec<(Vec<Edge>, usize)>,
        step: usize,
    }
    impl Pairs for Slow {
        fn known(&self, row: usize) -> &[Edge] {
            let (edges, given) = &self.rows[row];
            &edges[..*given]
        }
        fn beyond(&self, row: usize) -> i64 {
            let (edges, given) = &self.rows[row];
            edges.get(*given).map_or(i64::MAX, |e| e.cost)
        }
        fn widen(&mut self, row: usize) {
            let (edges, given) = &mut self.rows[row];
            *given = (*given + self.step).min(edges.len());
        }
    }

    fn solved(costs: &[Vec<Option<i64>>], columns: usize, alone: &[i64], step: usize) -> Solution {
        let row = |r: &Vec<Option<i64>>| {
            let mut edges: Vec<Edge> = r.iter().enumerate().filter_map(|(column, c)| c.map(|cost| Edge { column, cost })).collect();
            edges.sort_by_key(|e| (e.cost, e.column));
            (edges, 0)
        };
        solve(&mut Slow { rows: costs.iter().map(row).collect(), step }, columns, alone)
    }

    #[test]
    fn nothing_to_do() {
        assert_eq!(solved(&[], 3, &[], 1), Solution { column_of: vec![], u: vec![], total: 0 });
        assert_eq!(solved(&[vec![]], 0, &[7], 1).total, 7);
    }

    #[test]
    fn the_optimum_beats_the_greedy_choice() {
        let costs = [vec![Some(1), Some(2)], vec![Some(2), Some(100)]];
        let solution = solved(&costs, 2, &[1_000, 1_000], 1);
        assert_eq!((solution.total, solution.column_of), (4, vec![Some(1), Some(0)]));
    }

    /// The dense reference: "alone" is a column of its own for each row.
    fn reference(costs: &[Vec<Option<i64>>], columns: usize, alone: &[i64]) -> i64 {
        let never = 1_000_000_000;
        let mut weights = pathfinding::matrix::Matrix::new(costs.len(), columns + costs.len(), -never);
        for (r, row) in costs.iter().enumerate() {
            for (c, cost) in row.iter().enumerate() {
                weights[(r, c)] = -cost.unwrap_or(never);
            }
            weights[(r, columns + r)] = -alone[r];
        }
        -pathfinding::kuhn_munkres::kuhn_munkres(&weights).0
    }

    prop_compose! {
        fn instance()(n in 1..12_usize, m in 0..14_usize)
            (costs in proptest::collection::vec(proptest::collection::vec(proptest::option::weighted(0.6, 0..50_i64), m), n),
             alone in proptest::collection::vec(0..120_i64, n), m in Just(m)) -> (Vec<Vec<Option<i64>>>, Vec<i64>, usize) {
            (costs, alone, m)
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_dense_reference((costs, alone, columns) in instance(), step in 1..20_usize) {
            let solution = solved(&costs, columns, &alone, step);
            prop_assert_eq!(solution.total, reference(&costs, columns, &alone));
            let mut used = std::collections::HashSet::new();
            for (row, column) in solution.column_of.iter().enumerate() {
                if let Some(c) = column {
                    prop_assert!(used.insert(*c), "column {} twice", c);
                    prop_assert!(costs[row][*c].is_some(), "a pair that is no edge");
                }
            }
        }
    }
}

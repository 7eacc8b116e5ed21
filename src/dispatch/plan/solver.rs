//! The sparse assignment problem, solved exactly by shortest augmenting paths with potentials.
//!
//! After R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
//! problems", Computing 38 (1987) 325–340, and its sparse form LAPMOD (A. Volgenant, "Linear and semi-assignment
//! problems: a core oriented approach", Computers & Operations Research 23 (1996) 917–932). Each row also has a column
//! of its own, "alone", so every problem is feasible.
//!
//! What holds after every augmentation, and makes the result optimal (linear programming duality):
//! every edge has `cost - u[row] - v[column] >= 0`, matched edges have 0, `v <= 0`, and `v = 0` for a column without a row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// An edge from a row to `column`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Index of the column.
    pub column: usize,
    /// What the pair costs, not negative.
    pub cost: i64,
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
/// `edges[r]` are the pairs that row `r` may form, `alone[r]` (not negative) is what it costs to leave the row out.
/// Ties go to the lower column index and to the earlier row; the same input gives the same answer.
pub fn solve(edges: &[&[Edge]], columns: usize, alone: &[i64]) -> Solution {
    let mut solver = Solver::new(edges, columns, alone);
    let rest = solver.take_what_nobody_else_took();
    for row in rest {
        solver.augment(row);
    }
    solver.finish()
}

/// A column index at or beyond `columns` stands for "row alone".
struct Solver<'a> {
    edges: &'a [&'a [Edge]],
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
    open: BinaryHeap<Reverse<(i64, usize)>>,
}

#[derive(Clone, Copy)]
struct Reached {
    distance: i64,
    from: usize,
    settled: bool,
}
const UNREACHED: Reached = Reached { distance: i64::MAX, from: usize::MAX, settled: false };

impl<'a> Solver<'a> {
    fn new(edges: &'a [&'a [Edge]], columns: usize, alone: &'a [i64]) -> Self {
        let all = columns + edges.len();
        Self {
            edges,
            alone,
            columns,
            u: vec![0; edges.len()],
            v: vec![0; all],
            row_of: vec![None; all],
            column_of: vec![None; edges.len()],
            reached: vec![UNREACHED; all],
            settled: Vec::new(),
            touched: Vec::new(),
            open: BinaryHeap::new(),
        }
    }

    /// Row reduction: each row's cheapest pair, when its column is still free. Returns the rows left over.
    fn take_what_nobody_else_took(&mut self) -> Vec<usize> {
        let mut rest = Vec::new();
        for row in 0..self.edges.len() {
            let own = (self.alone[row], self.columns + row);
            let (cost, column) = self.edges[row].iter().map(|e| (e.cost, e.column)).fold(own, Ord::min);
            self.u[row] = cost;
            if self.row_of[column].is_none() {
                self.row_of[column] = Some(row);
                self.column_of[row] = Some(column);
            } else {
                rest.push(row);
            }
        }
        rest
    }

    /// Dijkstra over reduced costs from `start` to the nearest free column; then the path is flipped.
    fn augment(&mut self, start: usize) {
        let (end, length) = self.search(start);
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

    fn search(&mut self, start: usize) -> (usize, i64) {
        let (mut row, mut so_far) = (start, 0);
        // The best free column found yet: nothing beyond it is worth keeping.
        let mut bound = (i64::MAX, usize::MAX);
        loop {
            let base = so_far - self.u[row];
            let own = Edge { column: self.columns + row, cost: self.alone[row] };
            for &Edge { column, cost } in self.edges[row].iter().chain(std::iter::once(&own)) {
                let distance = base + cost - self.v[column];
                let known = &mut self.reached[column];
                if known.settled || distance >= known.distance || (distance, column) >= bound {
                    continue;
                }
                if known.from == usize::MAX {
                    self.touched.push(column);
                }
                *known = Reached { distance, from: row, settled: false };
                if self.row_of[column].is_none() {
                    bound = (distance, column);
                } else {
                    self.open.push(Reverse((distance, column)));
                }
            }
            let next = loop {
                match self.open.pop() {
                    Some(Reverse((distance, column))) if (distance, column) < bound => {
                        let known = &mut self.reached[column];
                        if !known.settled && known.distance == distance {
                            known.settled = true;
                            break Some((distance, column));
                        }
                    }
                    _ => break None,
                }
            };
            let Some((distance, column)) = next else { return (bound.1, bound.0) };
            self.settled.push(column);
            so_far = distance;
            row = self.row_of[column].unwrap_or(start);
        }
    }

    fn finish(self) -> Solution {
        let mut total = 0_i64;
        let mut column_of = Vec::with_capacity(self.edges.len());
        for (row, column) in self.column_of.iter().enumerate() {
            let real = column.filter(|&c| c < self.columns);
            let cost = real.and_then(|c| self.edges[row].iter().filter(|e| e.column == c).map(|e| e.cost).min());
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

    fn rows(costs: &[Vec<Option<i64>>]) -> Vec<Vec<Edge>> {
        let row = |r: &Vec<Option<i64>>| r.iter().enumerate().filter_map(|(column, c)| c.map(|cost| Edge { column, cost })).collect();
        costs.iter().map(row).collect()
    }
    fn solved(edges: &[Vec<Edge>], columns: usize, alone: &[i64]) -> Solution {
        let edges: Vec<&[Edge]> = edges.iter().map(Vec::as_slice).collect();
        solve(&edges, columns, alone)
    }

    #[test]
    fn nothing_to_do() {
        assert_eq!(solved(&[], 3, &[]), Solution { column_of: vec![], u: vec![], total: 0 });
        assert_eq!(solved(&[vec![]], 0, &[7]).total, 7);
    }

    #[test]
    fn the_optimum_beats_the_greedy_choice() {
        let costs = [vec![Some(1), Some(2)], vec![Some(2), Some(100)]];
        let solution = solved(&rows(&costs), 2, &[1_000, 1_000]);
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
        fn agrees_with_the_dense_reference((costs, alone, columns) in instance()) {
            let edges = rows(&costs);
            let solution = solved(&edges, columns, &alone);
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

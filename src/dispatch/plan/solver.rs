//! The sparse assignment problem, solved exactly by shortest augmenting paths with prices.
//!
//! After R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
//! problems", Computing 38 (1987) 325–340, with a core as in LAPMOD (A. Volgenant, "Linear and semi-assignment problems:
//! a core oriented approach", Computers & Operations Research 23 (1996) 917–932). The core of a row is what is cheapest
//! for it at the present prices, however dear it would be without them; prices only rise, so what was left out stays out
//! until the row's limit is reached, and then the core grows.
//!
//! It may begin at any prices. Then a column may stay free though it has a price, which is as wrong as a row without a
//! column: it is mended by a path that begins at the cheapest columns (D. P. Bertsekas and D. A. Castañon, "A
//! forward/reverse auction algorithm for asymmetric assignment problems", Computational Optimization and Applications 1
//! (1992) 277–297, on the condition). Each row has a column of its own, "alone", so every problem is feasible.
//!
//! What holds after every step, by linear programming duality: every pair has `cost + price[column] >= u[row]`, matched
//! pairs have equality, and no price is below `level`. When moreover every free column is at `level`, it is the optimum.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A pair of a row with `column`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Index of the column.
    pub column: usize,
    /// What the pair costs, not negative.
    pub cost: i64,
}

/// The pairs that rows may form, and the prices of their columns.
pub trait Pairs {
    /// The `k` pairs of `row` that are cheapest at `prices`, which are those set, where a price below `level` counts as `level`, and a
    /// sum of cost and price that no other pair is below: `i64::MAX` when there is none.
    fn cheapest(&self, row: usize, k: usize, level: i64, prices: &[i64]) -> (Vec<Edge>, i64);
    /// What the pair of `row` and `column` costs.
    fn cost(&self, row: usize, column: usize) -> i64;
    /// The price of a column from now on.
    fn set_price(&mut self, column: usize, price: i64);
}

/// The problem beside its pairs.
pub struct Task<'a> {
    /// What it costs (not negative) to leave out each row.
    pub alone: &'a [i64],
    /// The price of each column to begin with, not negative and already set; the better, the faster.
    pub prices: Vec<i64>,
    /// Pairs of a row that are looked at first.
    pub first: usize,
    /// When so many pairs have been looked at, free columns may keep their prices; [`Solution::bound`] tells.
    pub work: usize,
}

/// A solved problem, with the dual value that proves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Solution {
    /// The column of each row; `None`: the row stays alone.
    pub column_of: Vec<Option<usize>>,
    /// The sum of all costs.
    pub total: i64,
    /// No solution costs less than this.
    pub bound: i64,
    /// Pairs looked at.
    pub looked: usize,
}

/// Assigns each row to at most one column and each column to at most one row, at the least total cost.
///
/// The same input gives the same answer; of equal pairs a row takes the lower column.
pub fn solve<P: Pairs>(pairs: &mut P, task: Task<'_>) -> Solution {
    let mut solver = Solver::new(pairs, task);
    for row in solver.take_best() {
        solver.serve(row);
    }
    solver.mend();
    solver.finish()
}

/// A column index at or beyond `columns` stands for "row alone".
struct Solver<'a, P> {
    pairs: &'a mut P,
    alone: &'a [i64],
    columns: usize,
    first: usize,
    work: usize,
    looked: usize,
    u: Vec<i64>,
    prices: Vec<i64>,
    level: i64,
    /// For each row: the pairs it looks at, and what no other pair is below.
    core: Vec<(Vec<Edge>, i64)>,
    row_of: Vec<Option<usize>>,
    column_of: Vec<Option<usize>>,
    reached: Vec<Reached>,
    /// Columns whose shortest path of the present search is final, in that order.
    settled: Vec<usize>,
    touched: Vec<usize>,
    /// Columns to settle and, at `columns + rows + row`, rows to widen, by distance.
    open: BinaryHeap<Reverse<(i64, usize)>>,
    /// The nearest end of the present search.
    bound: (i64, usize),
}

#[derive(Clone, Copy)]
struct Reached {
    distance: i64,
    from: usize,
    settled: bool,
}
const UNREACHED: Reached = Reached { distance: i64::MAX, from: usize::MAX, settled: false };
/// In place of a row: what holds every column that no row has, and asks for the cheapest.
const NOBODY: usize = usize::MAX - 1;

impl<'a, P: Pairs> Solver<'a, P> {
    fn new(pairs: &'a mut P, task: Task<'a>) -> Self {
        let (rows, columns) = (task.alone.len(), task.prices.len());
        let mut prices = task.prices;
        prices.resize(columns + rows, 0);
        Self {
            pairs,
            alone: task.alone,
            columns,
            first: task.first.max(1),
            work: task.work,
            looked: 0,
            u: vec![0; rows],
            prices,
            level: 0,
            core: vec![(Vec::new(), 0); rows],
            row_of: vec![None; columns + rows],
            column_of: vec![None; rows],
            reached: vec![UNREACHED; columns + rows],
            settled: Vec::new(),
            touched: Vec::new(),
            open: BinaryHeap::new(),
            bound: (i64::MAX, usize::MAX),
        }
    }

    fn price(&self, column: usize) -> i64 {
        self.prices[column].max(self.level)
    }

    fn raise(&mut self, column: usize, by: i64) {
        self.prices[column] = self.price(column) + by;
        if column < self.columns {
            self.pairs.set_price(column, self.prices[column]);
        }
    }

    fn widen(&mut self, row: usize) {
        let k = self.first.max(self.core[row].0.len() * 2);
        self.core[row] = self.pairs.cheapest(row, k, self.level, &self.prices);
    }

    /// The least sum of cost and price that the row's core proves, and the column that has it.
    fn best(&mut self, row: usize) -> (i64, usize) {
        self.looked += self.core[row].0.len();
        let own = self.columns + row;
        let sums = self.core[row].0.iter().map(|e| (e.cost + self.price(e.column), e.column));
        sums.fold((self.alone[row] + self.price(own), own), Ord::min)
    }

    /// Each row takes its best column where that is still free. Returns the others.
    fn take_best(&mut self) -> Vec<usize> {
        let mut rest = Vec::new();
        for row in 0..self.alone.len() {
            self.widen(row);
            let (mut least, mut column) = self.best(row);
            while least > self.core[row].1 {
                self.widen(row);
                (least, column) = self.best(row);
            }
            self.u[row] = least;
            if self.row_of[column].is_none() {
                self.row_of[column] = Some(row);
                self.column_of[row] = Some(column);
            } else {
                rest.push(row);
            }
        }
        rest
    }

    /// Gives the row a column, along the shortest path to a free one.
    fn serve(&mut self, row: usize) {
        self.bound = (i64::MAX, usize::MAX);
        self.look(row, -self.u[row], false);
        self.search(false);
        self.u[row] += self.bound.0;
        self.augment(row);
    }

    /// Gives a row to each free column with a price, or lifts the level to that price.
    fn mend(&mut self) {
        let mut dear: Vec<usize> = (0..self.prices.len()).filter(|&c| self.prices[c] > 0 && self.row_of[c].is_none()).collect();
        dear.sort_unstable_by_key(|&c| (self.prices[c], c));
        for column in dear {
            while self.row_of[column].is_none() && self.prices[column] > self.level && self.looked < self.work {
                self.bound = (i64::MAX, usize::MAX);
                self.reach(NOBODY, self.prices[column] - self.level, column, true);
                for row in 0..self.alone.len() {
                    if let Some(held) = self.column_of[row] {
                        self.reach(NOBODY, self.price(held) - self.level, held, true);
                    }
                }
                self.search(true);
                self.augment(NOBODY);
                self.level += self.bound.0;
            }
        }
    }

    /// Dijkstra over reduced costs to the nearest end: a free column or, `for_nobody`, one that has a price.
    fn search(&mut self, for_nobody: bool) {
        let all = self.prices.len();
        while let Some(Reverse((distance, column))) = self.open.pop() {
            if distance >= self.bound.0 {
                break;
            }
            if let Some(row) = column.checked_sub(all) {
                let base = distance - self.core[row].1;
                self.widen(row);
                self.look(row, base, for_nobody);
            } else if !self.reached[column].settled && self.reached[column].distance == distance {
                self.reached[column].settled = true;
                self.settled.push(column);
                if let Some(row) = self.row_of[column] {
                    self.look(row, distance - self.u[row], for_nobody);
                }
            }
        }
    }

    /// Follows the pairs of a row; `base` is its distance less its dual value.
    fn look(&mut self, row: usize, base: i64, for_nobody: bool) {
        let own = self.columns + row;
        self.reach(row, base + self.alone[row] + self.price(own), own, for_nobody);
        let (edges, limit) = std::mem::take(&mut self.core[row]);
        self.looked += edges.len();
        for &Edge { column, cost } in &edges {
            self.reach(row, base + cost + self.price(column), column, for_nobody);
        }
        if limit < i64::MAX && base + limit < self.bound.0 {
            self.open.push(Reverse((base + limit, self.prices.len() + row)));
        }
        self.core[row] = (edges, limit);
    }

    fn reach(&mut self, from: usize, distance: i64, column: usize, for_nobody: bool) {
        let known = &mut self.reached[column];
        if known.settled || distance >= known.distance || (distance, column) >= self.bound {
            return;
        }
        let free = self.row_of[column].is_none();
        if free && for_nobody && self.prices[column] <= self.level {
            return;
        }
        if known.from == usize::MAX {
            self.touched.push(column);
        }
        *known = Reached { distance, from, settled: false };
        if free {
            self.bound = (distance, column);
        } else {
            self.open.push(Reverse((distance, column)));
        }
    }

    /// Raises the prices that the search has passed and flips its path, which began at `start`.
    fn augment(&mut self, start: usize) {
        let (length, mut column) = self.bound;
        for at in 0..self.settled.len() {
            let settled = self.settled[at];
            let ahead = length - self.reached[settled].distance;
            if ahead > 0 {
                self.raise(settled, ahead);
                if let Some(row) = self.row_of[settled] {
                    self.u[row] += ahead;
                }
            }
        }
        loop {
            let row = self.reached[column].from;
            if row == NOBODY {
                self.row_of[column] = None;
                break;
            }
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

    fn finish(mut self) -> Solution {
        let mut total = 0;
        let mut bound = -(0..self.prices.len()).map(|c| self.price(c) - self.level).sum::<i64>();
        let mut column_of = Vec::with_capacity(self.alone.len());
        for row in 0..self.alone.len() {
            let real = self.column_of[row].filter(|&c| c < self.columns);
            total += real.map_or(self.alone[row], |c| self.pairs.cost(row, c));
            // The proof, independent of how the row came to its column.
            bound += self.best(row).0.min(self.core[row].1) - self.level;
            column_of.push(real);
        }
        Solution { column_of, total, bound, looked: self.looked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All pairs of each row.
    struct Dense(Vec<Vec<Edge>>);
    impl Pairs for Dense {
        fn cheapest(&self, row: usize, k: usize, level: i64, prices: &[i64]) -> (Vec<Edge>, i64) {
            let sum = |e: &Edge| e.cost + prices[e.column].max(level);
            let mut edges = self.0[row].clone();
            edges.sort_by_key(|e| (sum(e), e.column));
            let beyond = edges.get(k).map_or(i64::MAX, sum);
            edges.truncate(k);
            (edges, beyond)
        }
        fn cost(&self, row: usize, column: usize) -> i64 {
            self.0[row].iter().find(|e| e.column == column).unwrap().cost
        }
        fn set_price(&mut self, _column: usize, _price: i64) {}
    }

    fn solved(costs: &[Vec<Option<i64>>], prices: &[i64], alone: &[i64], first: usize, work: usize) -> Solution {
        let row = |r: &Vec<Option<i64>>| r.iter().enumerate().filter_map(|(column, c)| c.map(|cost| Edge { column, cost })).collect();
        let mut pairs = Dense(costs.iter().map(row).collect());
        solve(&mut pairs, Task { alone, prices: prices.to_vec(), first, work })
    }

    #[test]
    fn nothing_to_do() {
        assert_eq!(solved(&[], &[0; 3], &[], 1, 9), Solution { column_of: vec![], total: 0, bound: 0, looked: 0 });
        assert_eq!(solved(&[vec![]], &[], &[7], 1, 9).total, 7);
    }

    #[test]
    fn the_optimum_beats_the_greedy_choice() {
        let costs = [vec![Some(1), Some(2)], vec![Some(2), Some(100)]];
        let solution = solved(&costs, &[0; 2], &[1_000, 1_000], 1, 99);
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
             alone in proptest::collection::vec(0..120_i64, n),
             prices in proptest::collection::vec(prop_oneof![Just(0), 0..90_i64], m)) -> (Vec<Vec<Option<i64>>>, Vec<i64>, Vec<i64>) {
            (costs, alone, prices)
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_dense_reference((costs, alone, prices) in instance(), first in 1..20_usize, hurried: bool) {
            let solution = solved(&costs, &prices, &alone, first, if hurried { 0 } else { usize::MAX });
            let optimum = reference(&costs, prices.len(), &alone);
            prop_assert!(solution.bound <= optimum && optimum <= solution.total, "{:?}, optimum {}", solution, optimum);
            prop_assert!(hurried || solution.total == solution.bound, "{:?}", solution);
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

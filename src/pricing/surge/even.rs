//! Heights over cells, made even: neighbours one step apart at most.
//!
//! The least even heights above given ones (their upper envelope) spread a peak out over calm cells, the greatest even heights below
//! them (their lower envelope) cut it down to these. The mean of the two is even too: two heights that differ by a step at most from
//! cell to cell have a sum that differs by two at most. Whatever is the greater, the lesser or the median of even heights is even, and
//! so is what whole steps are nearest to them: each function here keeps what the one before it made.

use h3o::CellIndex;
use std::collections::BTreeMap;

/// Thousandths of a step in a step.
pub(super) const STEP: i32 = 1_000;
/// Thousandths of a step that heights may be off before they follow.
const HOLD: i32 = 450;
/// Thousandths of a step by which they follow all the same, each minute: so what is small goes away, in the end.
const CREEP: i32 = 10;

/// Heights in thousandths of a step, or levels in whole steps, by cell; every cell that is not named has 0.
pub(super) type Heights = BTreeMap<CellIndex, i32>;

/// The height of a cell.
pub(super) fn height(heights: &Heights, cell: CellIndex) -> i32 {
    heights.get(&cell).copied().unwrap_or(0)
}

/// Even heights next to `heights`, halfway between their envelopes, towards 0.
pub(super) fn evened(heights: &Heights) -> Heights {
    let (upper, lower) = (upper(heights), negated(&upper(&negated(heights))));
    both(&upper, &lower, |upper, lower| (upper + lower) / 2)
}

/// Heights that stay as they were while that is not far from `even` ones, and then only follow as far as they must: small swings are
/// not seen in them. They are the median of the old height and those a hold below and above the even one; and then a creep nearer.
pub(super) fn steadied(before: &Heights, even: &Heights) -> Heights {
    both(before, even, |before, even| {
        let held = before.clamp(even - HOLD, even + HOLD);
        even.clamp(held - CREEP, held + CREEP)
    })
}

/// The levels that are nearest to `heights`, from the middle up.
pub(super) fn rounded(heights: &Heights) -> Heights {
    heights.iter().map(|(cell, height)| (*cell, round(*height))).filter(|(_, level)| *level != 0).collect()
}

/// The level that is nearest to a height.
pub(super) fn round(height: i32) -> i32 {
    (height + STEP / 2).div_euclid(STEP)
}

/// Levels that are one nearer to `targets`: the median of the target and the levels one below and one above the old one.
pub(super) fn moved(levels: &Heights, targets: &Heights) -> Heights {
    both(levels, targets, |old, target| target.clamp(old - 1, old + 1))
}

fn both(a: &Heights, b: &Heights, of: impl Fn(i32, i32) -> i32) -> Heights {
    let cells = a.keys().chain(b.keys().filter(|cell| !a.contains_key(cell)));
    cells.map(|cell| (*cell, of(height(a, *cell), height(b, *cell)))).filter(|(_, height)| *height != 0).collect()
}

fn negated(heights: &Heights) -> Heights {
    heights.iter().map(|(cell, height)| (*cell, -height)).collect()
}

/// The least even heights that are nowhere lower: from the highest down, each cell lifts its neighbours to a step below itself.
fn upper(heights: &Heights) -> Heights {
    let mut raised = heights.clone();
    let mut open: BTreeMap<i32, Vec<CellIndex>> = BTreeMap::new();
    for (cell, own) in heights {
        let is_beside_calm = *own < -STEP && neighbours(*cell).iter().any(|near| !heights.contains_key(near));
        let own = if is_beside_calm { -STEP } else { *own };
        raised.insert(*cell, own);
        open.entry(own).or_default().push(*cell);
    }
    while let Some((top, cells)) = open.pop_last() {
        let lift = top - STEP;
        for cell in cells.into_iter().filter(|cell| height(&raised, *cell) == top).collect::<Vec<_>>() {
            for near in neighbours(cell) {
                if height(&raised, near) < lift {
                    raised.insert(near, lift);
                    open.entry(lift).or_default().push(near);
                }
            }
        }
    }
    raised
}

/// The cells that share an edge with `cell`.
pub(super) fn neighbours(cell: CellIndex) -> Vec<CellIndex> {
    cell.grid_ring(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use h3o::{LatLng, Resolution};
    use proptest::prelude::*;

    /// Cells around a place in San Francisco, or around a pentagon.
    fn patch(at_pentagon: bool) -> Vec<CellIndex> {
        let place = LatLng::new(37.77, -122.42).unwrap().to_cell(Resolution::Eight);
        let pentagon = Resolution::Eight.pentagons().next().unwrap();
        (if at_pentagon { pentagon } else { place }).grid_disk(4)
    }

    fn is_even(heights: &Heights, step: i32) -> bool {
        heights.iter().all(|(cell, own)| neighbours(*cell).iter().all(|near| (own - height(heights, *near)).abs() <= step))
    }

    fn some_heights() -> impl Strategy<Value = Heights> {
        (any::<bool>(), prop::collection::vec((0..61_usize, -6_000..=6_000_i32), 0..25)).prop_map(|(at_pentagon, named)| {
            let cells = patch(at_pentagon);
            named.into_iter().filter(|(_, height)| *height != 0).map(|(at, height)| (cells[at % cells.len()], height)).collect()
        })
    }

    #[test]
    fn a_peak_is_halved_and_spread() {
        let cells = patch(false);
        let even = evened(&Heights::from([(cells[0], 4_000)]));
        let heights: Vec<_> = (0..4).map(|ring| height(&even, cells[0].grid_ring::<Vec<_>>(ring)[0])).collect();
        assert_eq!(heights, [2_500, 1_500, 1_000, 500]);
        assert_eq!(even.len(), 37);
    }

    #[test]
    fn swings_of_less_than_a_step_are_not_seen() {
        let cell = patch(false)[0];
        let at = |height| Heights::from([(cell, height)]);
        let mut steady = at(1_000);
        for swing in [600, 1_400, 700, 1_300, 1_000] {
            steady = steadied(&steady, &at(swing));
            assert!((height(&steady, cell) - 1_000).abs() <= 2 * CREEP);
        }
        assert_eq!(height(&steadied(&steady, &at(3_000)), cell), 3_000 - HOLD + CREEP);
        (0..100).for_each(|_| steady = steadied(&steady, &Heights::new()));
        assert!(steady.is_empty());
    }

    proptest! {
        #[test]
        fn the_upper_envelope_is_the_least_even_one(heights in some_heights()) {
            let raised = upper(&heights);
            prop_assert!(is_even(&raised, STEP));
            for (cell, own) in &raised {
                let given = height(&heights, *cell);
                let is_held_up = neighbours(*cell).iter().any(|near| height(&raised, *near) == own + STEP);
                prop_assert!(*own == given || (*own > given && is_held_up));
            }
        }

        #[test]
        fn evened_heights_are_even_and_within_the_given_ones(heights in some_heights()) {
            let even = evened(&heights);
            prop_assert!(is_even(&even, STEP));
            let (low, high) = (heights.values().min().map_or(0, |h| *h.min(&0)), heights.values().max().map_or(0, |h| *h.max(&0)));
            prop_assert!(even.values().all(|height| (low..=high).contains(height)));
            prop_assert_eq!(evened(&even), even);
        }

        #[test]
        fn what_is_even_stays_even(from in some_heights(), to in some_heights()) {
            let (from, to) = (evened(&from), evened(&to));
            let steady = steadied(&from, &to);
            prop_assert!(is_even(&steady, STEP));
            prop_assert!(steady.iter().all(|(cell, own)| (own - height(&to, *cell)).abs() <= HOLD));
            let (levels, targets) = (rounded(&from), rounded(&steady));
            prop_assert!(is_even(&levels, 1) && is_even(&targets, 1));
            let next = moved(&levels, &targets);
            prop_assert!(is_even(&next, 1));
            prop_assert!(next.iter().all(|(cell, own)| (own - height(&levels, *cell)).abs() <= 1));
        }
    }
}

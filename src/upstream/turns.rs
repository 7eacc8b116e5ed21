//! Which lane goes next: the most urgent one, but a tenth of the line is history's.

use crate::model::Lane;

/// So much of ten bytes is kept for history while others have something to send as well.
const HISTORY_TENTHS: u64 = 1;

/// What was sent since the line came up.
#[derive(Debug, Default)]
pub struct Turns {
    history: u64,
    others: u64,
}

impl Turns {
    /// The order in which lanes are asked for something to send.
    pub fn order(&self) -> [Lane; 4] {
        let [first, second, third, history] = Lane::ALL;
        if self.history * (10 - HISTORY_TENTHS) < self.others * HISTORY_TENTHS { [history, first, second, third] } else { Lane::ALL }
    }

    /// `bytes` of `lane` were sent.
    pub fn sent(&mut self, lane: Lane, bytes: usize) {
        let sum = if lane == Lane::History { &mut self.history } else { &mut self.others };
        *sum = sum.saturating_add(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn urgent_first_and_a_tenth_for_history(sizes in prop::collection::vec(1_usize..1_000_000, 50..200)) {
            let mut turns = Turns::default();
            prop_assert_eq!(turns.order()[0], Lane::Bookings);
            let largest = *sizes.iter().max().unwrap() as f64;
            let (mut history, mut all) = (0.0, 0.0);
            for size in sizes {
                // Everybody always has something to send.
                let lane = turns.order()[0];
                prop_assert!(lane == Lane::Bookings || lane == Lane::History);
                turns.sent(lane, size);
                all += size as f64;
                history += if lane == Lane::History { size as f64 } else { 0.0 };
                prop_assert!((history - all / 10.0).abs() <= largest + 1.0, "{} of {}", history, all);
            }
        }
    }
}

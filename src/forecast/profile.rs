//! The shape of a week, learned from coarse to fine.
//!
//! A rate for each of the 168 hours of a week begins as a prior and is refined in steps: each step sorts the hours into
//! wider or narrower groups and multiplies a group's rates by (A + requests) / (A + requests that the rates so far expect). That
//! is the mean of a gamma-distributed factor with mean 1 and shape A after Poisson counts; A is how many requests a group needs
//! to be believed as much as what it was before. With few requests a week keeps the shape of its prior, with many it is its own.
//! Hours lend to their neighbours, so that a peak does not hang on which side of the full hour it was asked for.

use super::calendar::WEEK;

/// A rate of requests, or a weight of hours, for each hour of the week.
pub(super) type Week = [f64; WEEK];

/// How hours are grouped.
#[derive(Clone, Copy, PartialEq, Debug)]
enum By {
    /// All hours alike.
    All,
    /// By hour of the day.
    Hour,
    /// By day of the week.
    Day,
    /// By hour, on Monday to Thursday, Friday, Saturday and Sunday.
    KindOfDay,
    /// Each hour of the week for itself.
    Slot,
}

/// Kinds of days, Monday's first.
const KINDS: [usize; 7] = [0, 0, 0, 0, 1, 2, 3];
/// What the hour before and the hour after count where a group is of hours.
const NEIGHBOUR: f64 = 0.5;

/// Of the whole, from nothing: all shape is its own.
const WHOLE: [(By, f64); 5] = [(By::All, 0.001), (By::Hour, 2.0), (By::Day, 2.0), (By::KindOfDay, 10.0), (By::Slot, 50.0)];
/// Of an area, from the shape of the area around it.
const AREA: [(By, f64); 4] = [(By::All, 1.0), (By::Hour, 10.0), (By::KindOfDay, 20.0), (By::Slot, 60.0)];

impl By {
    fn group(self, slot: usize) -> usize {
        match self {
            Self::All => 0,
            Self::Hour => slot % 24,
            Self::Day => slot / 24,
            Self::KindOfDay => KINDS[slot / 24] * 24 + slot % 24,
            Self::Slot => slot,
        }
    }
    fn is_of_hours(self) -> bool {
        !matches!(self, Self::All | Self::Day)
    }
}

/// Requests seen, and for how many hours each hour of the week was looked at; both weighted alike.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Seen {
    /// Requests.
    pub requests: Week,
    /// Hours.
    pub hours: Week,
}

/// The week of everything together.
pub(super) fn whole(seen: &Seen) -> Week {
    WHOLE.iter().fold([1.0; WEEK], |rates, (by, belief)| refined(&rates, seen, *by, *belief))
}

/// The week of an area whose share of what is around it was expected to be `around`.
pub(super) fn area(around: &Week, seen: &Seen) -> Week {
    AREA.iter().fold(*around, |rates, (by, belief)| refined(&rates, seen, *by, *belief))
}

fn refined(rates: &Week, seen: &Seen, by: By, belief: f64) -> Week {
    let (mut asked, mut expected) = ([belief; WEEK], [belief; WEEK]);
    let lends = if by.is_of_hours() { NEIGHBOUR } else { 0.0 };
    for slot in 0..WEEK {
        let (before, after) = ((slot + WEEK - 1) % WEEK, (slot + 1) % WEEK);
        let with_neighbours = |of: &dyn Fn(usize) -> f64| (of(slot) + lends * (of(before) + of(after))) / (1.0 + 2.0 * lends);
        let group = by.group(slot);
        asked[group] += with_neighbours(&|slot| seen.requests[slot]);
        expected[group] += with_neighbours(&|slot| rates[slot] * seen.hours[slot]);
    }
    std::array::from_fn(|slot| rates[slot] * asked[by.group(slot)] / expected[by.group(slot)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// So many weeks of it.
    fn seen(rates: &Week, weeks: f64) -> Seen {
        Seen { requests: rates.map(|rate| rate * weeks), hours: [weeks; WEEK] }
    }

    fn rush() -> Week {
        std::array::from_fn(|slot| 2.0 + 6.0 * f64::from(u8::from((7..10).contains(&(slot % 24)))) + (slot / 24) as f64)
    }

    #[test]
    fn many_requests_are_believed_and_few_are_not() {
        let flat = [5.0; WEEK];
        let far = |weeks| {
            let week = area(&flat, &seen(&rush(), weeks));
            week.iter().zip(rush()).map(|(a, b)| (a - b).abs()).sum::<f64>() / WEEK as f64
        };
        assert!(far(0.0) > 2.0 && far(2.0) < far(0.0) && far(20.0) < far(2.0), "{} {} {}", far(0.0), far(2.0), far(20.0));
        assert_eq!(area(&flat, &seen(&rush(), 0.0)), flat);
    }

    #[test]
    fn a_day_that_was_never_seen_is_like_the_others() {
        let mut half = seen(&rush(), 4.0);
        for slot in 24..48 {
            (half.requests[slot], half.hours[slot]) = (0.0, 0.0);
        }
        let week = whole(&half);
        assert!(week[24 + 8] > 2.0 * week[24 + 3] && week[24 + 3] > 0.0, "{} {}", week[24 + 8], week[24 + 3]);
    }

    proptest! {
        #[test]
        fn rates_stay_finite_and_keep_the_sum(counts in proptest::collection::vec(0_u32..50, WEEK), weeks in 1_u8..30) {
            let seen = Seen { requests: std::array::from_fn(|slot| counts[slot].into()), hours: [weeks.into(); WEEK] };
            let week = whole(&seen);
            prop_assert!(week.iter().all(|rate| rate.is_finite() && *rate >= 0.0));
            let (asked, told) = (seen.requests.iter().sum::<f64>(), week.iter().sum::<f64>() * f64::from(weeks));
            prop_assert!((told - asked).abs() <= 0.25 * asked + 1.0, "{} {}", told, asked);
        }
    }
}

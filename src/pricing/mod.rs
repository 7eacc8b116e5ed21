//! What a trip costs: a tariff and a trip give a price with its lines. Pure, integer money.

use crate::config::Tariff;
use crate::model::{Metres, Money, Place};
use serde::Serialize;

/// A trip's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Length in metres.
    pub distance_m: u32,
    /// Time in seconds.
    pub duration_s: u32,
}

impl Way {
    /// The way through `places` in their order, the sum of [`Way::estimate`] of each leg.
    pub fn through(places: impl IntoIterator<Item = Place>, detour_factor: f64, speed_kmh: f64) -> Self {
        let mut places = places.into_iter();
        let mut here = places.next();
        let mut way = Self { distance_m: 0, duration_s: 0 };
        for next in places {
            if let Some(last) = here.replace(next) {
                let leg = Self::estimate(last, next, detour_factor, speed_kmh);
                way.distance_m = way.distance_m.saturating_add(leg.distance_m);
                way.duration_s = way.duration_s.saturating_add(leg.duration_s);
            }
        }
        way
    }

    /// The way between two places, estimated: great-circle distance × `detour_factor`, at `speed_kmh`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "no way on earth is longer than 2^32 m; casts saturate")]
    pub fn estimate(from: Place, to: Place, detour_factor: f64, speed_kmh: f64) -> Self {
        let Metres(direct) = from.distance(to);
        let metres = direct * detour_factor;
        Self { distance_m: metres.round() as u32, duration_s: (metres / (speed_kmh / 3.6)).round() as u32 }
    }
}

/// One line of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is for.
    pub label: String,
    /// In minor units.
    pub amount_minor: i64,
}

/// A price and what it is made of; the lines' sum is the total.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// What is to be paid.
    pub total: Money,
    /// What it is made of.
    pub lines: Vec<Line>,
}

/// The price of `way`. Each line is rounded on its own to a minor unit, a half up, so that the lines' sum is exact.
pub fn price(tariff: &Tariff, way: Way) -> Price {
    let share = |rate: i64, amount: u32, unit: i64| {
        let product = i128::from(rate) * i128::from(amount);
        i64::try_from((product * 2 + i128::from(unit)).div_euclid(i128::from(unit) * 2)).unwrap_or(i64::MAX)
    };
    let mut lines = vec![
        Line { label: "Base".into(), amount_minor: tariff.base_minor },
        Line { label: format!("Distance, {} m", way.distance_m), amount_minor: share(tariff.per_km_minor, way.distance_m, 1_000) },
        Line { label: format!("Time, {} s", way.duration_s), amount_minor: share(tariff.per_minute_minor, way.duration_s, 60) },
    ];
    let sum = lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.amount_minor));
    let missing = tariff.minimum_minor - sum;
    if missing > 0 {
        lines.push(Line { label: "Up to the minimum".into(), amount_minor: missing });
    }
    Price { total: Money { amount_minor: sum.max(tariff.minimum_minor), currency: tariff.currency }, lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tariff(base: i64, km: i64, minute: i64, minimum: i64) -> Tariff {
        Tariff { base_minor: base, per_km_minor: km, per_minute_minor: minute, minimum_minor: minimum, ..Tariff::default() }
    }

    #[test]
    fn a_known_trip() {
        let p = price(&tariff(500, 120, 30, 800), Way { distance_m: 4_125, duration_s: 615 });
        assert_eq!(p.lines.iter().map(|l| l.amount_minor).collect::<Vec<_>>(), [500, 495, 308]);
        assert_eq!(p.total.amount_minor, 1_303);
    }

    #[test]
    fn no_trip_costs_less_than_the_minimum() {
        let p = price(&tariff(100, 120, 30, 800), Way { distance_m: 10, duration_s: 1 });
        assert_eq!(p.total.amount_minor, 800);
    }

    #[test]
    fn a_way_is_the_sum_of_its_legs() {
        let place = |lat| Place::new(lat, 1.5).unwrap();
        let through = |stops: &[f64]| Way::through(stops.iter().copied().map(place), 1.3, 25.0);
        assert_eq!(through(&[42.0, 42.1]), Way::estimate(place(42.0), place(42.1), 1.3, 25.0));
        assert_eq!(through(&[42.0, 42.2, 42.1]).distance_m, through(&[42.0, 42.2]).distance_m + through(&[42.2, 42.1]).distance_m);
        assert_eq!(through(&[42.0]), Way { distance_m: 0, duration_s: 0 });
    }

    proptest! {
        #[test]
        fn lines_sum_to_the_total_and_more_way_never_costs_less(
            base in 0..10_000_i64, km in 0..10_000_i64, minute in 0..10_000_i64, minimum in 0..10_000_i64,
            metres in 0..1_000_000_u32, secs in 0..100_000_u32, more in 0..10_000_u32,
        ) {
            let tariff = tariff(base, km, minute, minimum);
            let p = price(&tariff, Way { distance_m: metres, duration_s: secs });
            prop_assert_eq!(p.lines.iter().map(|l| l.amount_minor).sum::<i64>(), p.total.amount_minor);
            let longer = price(&tariff, Way { distance_m: metres + more, duration_s: secs });
            prop_assert!(longer.total.amount_minor >= p.total.amount_minor);
        }
    }
}

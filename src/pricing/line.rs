//! The lines of a price, and their sum in the making.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a line of a price is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// For the vehicle to come.
    Base,
    /// For the way's length.
    Distance,
    /// For the way's time.
    Time,
    /// A price from zone to zone, in place of base, distance and time.
    Fixed,
    /// For the stops on the way.
    Stop,
    /// For the load's weight.
    Weight,
    /// For the load's volume.
    Volume,
    /// For how demand and supply stand; negative where there are more vehicles than asked for.
    Surge,
    /// For the hour or the day.
    Surcharge,
    /// For waiting at the pickup.
    Waiting,
    /// What the customer's contract takes off.
    Contract,
    /// Up to what a trip costs at least.
    Minimum,
    /// What a promo code takes off.
    Promo,
    /// Tax: added, or 0 when the other lines hold it already.
    Tax,
    /// To a round amount.
    Rounding,
}

impl LineKind {
    /// Every kind, in the order in which lines stand.
    pub const ALL: [Self; 15] = [
        Self::Base,
        Self::Distance,
        Self::Time,
        Self::Fixed,
        Self::Stop,
        Self::Weight,
        Self::Volume,
        Self::Surge,
        Self::Surcharge,
        Self::Waiting,
        Self::Contract,
        Self::Minimum,
        Self::Promo,
        Self::Tax,
        Self::Rounding,
    ];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Distance => "distance",
            Self::Time => "time",
            Self::Fixed => "fixed",
            Self::Stop => "stop",
            Self::Weight => "weight",
            Self::Volume => "volume",
            Self::Surge => "surge",
            Self::Surcharge => "surcharge",
            Self::Waiting => "waiting",
            Self::Contract => "contract",
            Self::Minimum => "minimum",
            Self::Promo => "promo",
            Self::Tax => "tax",
            Self::Rounding => "rounding",
        }
    }

    /// The kind of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// One line of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PriceLine)]
pub struct Line {
    /// What it is for, for programs.
    pub kind: LineKind,
    /// What it is for, for people.
    pub label: String,
    /// In the currency's minor unit; negative for a reduction.
    pub amount_minor: i64,
}

/// A price in the making. It stays within 0 and [`i64::MAX`]: a line that would lead out of it ends there, so that the lines' sum
/// is the total whatever comes.
#[derive(Debug, Default)]
pub(super) struct Sum {
    lines: Vec<Line>,
    total: i64,
}

impl Sum {
    /// What the lines come to so far.
    pub(super) fn total(&self) -> i64 {
        self.total
    }

    /// Adds a line, also one of 0.
    pub(super) fn add(&mut self, kind: LineKind, label: impl Into<String>, amount: i128) {
        let after = i128::from(self.total).saturating_add(amount).clamp(0, i128::from(i64::MAX));
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.lines.push(Line { kind, label: label.into(), amount_minor: after - self.total });
        self.total = after;
    }

    /// Adds a line unless it is 0.
    pub(super) fn add_if_any(&mut self, kind: LineKind, label: impl FnOnce() -> String, amount: i128) {
        if amount != 0 {
            self.add(kind, label(), amount);
        }
    }

    /// The total and the lines.
    pub(super) fn done(self) -> (i64, Vec<Line>) {
        (self.total, self.lines)
    }
}

/// `amount` × `rate` / `unit`, rounded to a whole minor unit, a half up.
pub(super) fn share(amount: i64, rate: i64, unit: i64) -> i128 {
    half_up(i128::from(amount) * i128::from(rate), unit)
}

/// `dividend` / `divisor`, rounded to a whole number, a half up.
pub(super) fn half_up(dividend: i128, divisor: i64) -> i128 {
    let divisor = i128::from(divisor.max(1));
    (dividend.saturating_mul(2).saturating_add(divisor)).div_euclid(divisor * 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_round_trip() {
        for kind in LineKind::ALL {
            assert_eq!(LineKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn a_half_goes_up() {
        let shares = [(1, 1, 2), (-1, 1, 2), (-3, 1, 2), (4_125, 120, 1_000), (1, 1, 3), (2, 1, 3)].map(|(a, r, u)| share(a, r, u));
        assert_eq!(shares, [1, 0, -1, 495, 0, 1]);
    }

    proptest! {
        #[test]
        fn a_sum_is_that_of_its_lines_and_in_its_bounds(amounts in prop::collection::vec(any::<i128>(), 0..20)) {
            let mut sum = Sum::default();
            for amount in amounts {
                sum.add(LineKind::Base, "x", amount);
                prop_assert!(sum.total() >= 0);
            }
            let (total, lines) = sum.done();
            prop_assert_eq!(lines.iter().map(|l| i128::from(l.amount_minor)).sum::<i128>(), i128::from(total));
        }

        #[test]
        fn a_share_is_never_further_off_than_a_half(amount in any::<i64>(), rate in any::<i32>(), unit in 1..1_000_000_i64) {
            let exact = i128::from(amount) * i128::from(rate);
            let off = share(amount, i64::from(rate), unit) * i128::from(unit) - exact;
            prop_assert!(-i128::from(unit) < off * 2 && off * 2 <= i128::from(unit));
        }
    }
}

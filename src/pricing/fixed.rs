//! Prices from zone to zone.

use super::rates::MOST_MINOR;
use super::trip::Trip;
use crate::fields::document::Faults;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// Fixed prices of a tariff or a contract at most.
const MOST: usize = 2_000;

/// The price of a trip from a zone to a zone, in place of base, distance and time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FixedPrice {
    /// The id of the zone where it begins.
    pub from: String,
    /// The id of the zone where it ends.
    pub to: String,
    /// For vehicles of this class; before one for any class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The price in minor units.
    pub amount_minor: i64,
    /// Does it hold for the way back too?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub both_ways: bool,
    /// Is it all in? Then stops, load, demand, surcharges and minimum do not change it; waiting, discounts, added tax and rounding do.
    /// A contract's fixed prices are always all in, and its discount is in them already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all_in: bool,
}

impl FixedPrice {
    pub(super) fn zones(&self) -> impl Iterator<Item = &str> {
        [self.from.as_str(), self.to.as_str()].into_iter()
    }

    /// What customers read.
    pub(super) fn label(&self) -> String {
        let Self { from, to, .. } = self;
        if self.both_ways { format!("Fixed price between {from} and {to}") } else { format!("Fixed price from {from} to {to}") }
    }

    fn leads(&self, from: &str, to: &str) -> bool {
        (self.from == from && self.to == to) || (self.both_ways && self.from == to && self.to == from)
    }
}

/// The price that holds for a trip: that of the foremost pickup zone, then of the foremost drop-off zone, then that for its class.
pub(super) fn find<'a>(prices: &'a [FixedPrice], trip: &Trip<'_>) -> Option<&'a FixedPrice> {
    let pairs = trip.pickup_zones.iter().flat_map(|from| trip.dropoff_zones.iter().map(move |to| (*from, *to)));
    let mut found = pairs.filter_map(|(from, to)| {
        let of = |class: Option<&str>| prices.iter().find(|p| p.class.as_deref() == class && p.leads(from, to));
        trip.class.and_then(|class| of(Some(class))).or_else(|| of(None))
    });
    found.next()
}

/// Notes what is wrong with them.
pub(super) fn check(f: &mut Faults, prices: &[FixedPrice]) {
    let mut seen = BTreeSet::new();
    f.each("fixed", prices, MOST, |f, price| {
        f.id("from", &price.from);
        f.id("to", &price.to);
        if let Some(class) = &price.class {
            f.id("class", class);
        }
        f.range("amount_minor", price.amount_minor, 0, MOST_MINOR);
        let ways = [Some((&price.from, &price.to)), Some((&price.to, &price.from)).filter(|(from, to)| price.both_ways && from != to)];
        for (from, to) in ways.into_iter().flatten() {
            let is_new = seen.insert((from.clone(), to.clone(), price.class.clone()));
            f.demand(is_new, "", format_args!("there is a price from {from} to {to} for the same class before"));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::Way;

    fn fixed(from: &str, to: &str, class: Option<&str>, amount_minor: i64, both_ways: bool) -> FixedPrice {
        FixedPrice { from: from.into(), to: to.into(), class: class.map(Into::into), amount_minor, both_ways, all_in: false }
    }

    fn found(prices: &[FixedPrice], from: &[&str], to: &[&str], class: Option<&str>) -> Option<i64> {
        let trip = Trip { pickup_zones: from, dropoff_zones: to, class, ..Trip::new(Way::default()) };
        find(prices, &trip).map(|price| price.amount_minor)
    }

    #[test]
    fn the_foremost_zone_counts_and_then_the_class() {
        let prices = [fixed("a", "b", None, 1, true), fixed("a", "b", Some("van"), 2, false), fixed("c", "b", Some("van"), 3, false)];
        assert_eq!(found(&prices, &["a", "c"], &["b"], Some("van")), Some(2));
        assert_eq!(found(&prices, &["c", "a"], &["b"], Some("van")), Some(3));
        assert_eq!(found(&prices, &["c", "a"], &["b"], Some("truck")), Some(1));
        assert_eq!(found(&prices, &["b"], &["a"], Some("van")), Some(1));
        assert_eq!(found(&prices, &["b"], &["c"], Some("van")), None);
        assert_eq!(found(&prices, &["a"], &[], None), None);
    }

    #[test]
    fn two_prices_for_one_way_are_a_fault() {
        let prices = [fixed("a", "b", None, 1, true), fixed("b", "a", None, 2, false), fixed("b", "a", Some("van"), 3, false)];
        let mut faults = Faults::default();
        check(&mut faults, &prices);
        let told = faults.into_found();
        assert_eq!(told.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["fixed[1]"]);
        assert_eq!(told[0].message, "there is a price from b to a for the same class before");
    }
}

//! What a customer agreed on with the depot.

use super::calendar::date;
use super::fixed::{self, FixedPrice};
use super::rates::Rates;
use crate::fields::document::{Document, Faults};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Vehicle classes with own rates at most.
const CLASSES: usize = 100;

/// What a customer agreed on with the depot: a discount, own rates, own fixed prices, or several of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// The customer, as bookings name him.
    pub customer: String,
    /// What the customer reads of it, like `Framework 2026`.
    pub label: String,
    /// The first day of pickup for which it holds, in the depot's zone, like `2026-01-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// The last day of pickup for which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<String>,
    /// Taken off what a trip costs, in basis points: 1000 is 10 %. Not off its own fixed prices; and the minimum holds after it.
    #[serde(default)]
    pub discount_bp: u32,
    /// Do its prices not follow demand?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_surge: bool,
    /// Own rates, over all of the tariff's.
    #[serde(default)]
    pub rates: Rates,
    /// Own rates by vehicle class, over these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, Rates>,
    /// Own prices from zone to zone, before the tariff's. They are all in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<FixedPrice>,
}

impl Contract {
    /// The ids of the zones that it names.
    pub fn zones_named(&self) -> BTreeSet<&str> {
        self.fixed.iter().flat_map(FixedPrice::zones).collect()
    }

    /// Does it hold for a pickup on `day` for `customer`?
    pub(super) fn holds(&self, customer: Option<&str>, day: Date) -> bool {
        // A day that is none, which `check` refuses, lets nothing through.
        let begun = self.valid_from.as_deref().is_none_or(|first| date(first).is_some_and(|first| first <= day));
        let over = self.valid_until.as_deref().is_some_and(|last| date(last).is_none_or(|last| last < day));
        customer == Some(self.customer.as_str()) && begun && !over
    }

    /// Its rates for a class, those that count first before the others.
    pub(super) fn layers(&self, class: Option<&str>) -> impl Iterator<Item = &Rates> {
        class.and_then(|class| self.classes.get(class)).into_iter().chain([&self.rates])
    }
}

impl Document for Contract {
    fn check(&self, f: &mut Faults) {
        f.text("customer", &self.customer, 200);
        f.text("label", &self.label, 80);
        let (first, last) = (self.valid_from.as_deref().map(date), self.valid_until.as_deref().map(date));
        f.demand(first != Some(None), "valid_from", "must be a date like 2026-01-01");
        f.demand(last != Some(None), "valid_until", "must be a date like 2026-12-31");
        let backwards = first.flatten().zip(last.flatten()).is_some_and(|(first, last)| last < first);
        f.demand(!backwards, "valid_until", "must not be before valid_from");
        f.range("discount_bp", self.discount_bp, 0, 10_000);
        f.within("rates", |f| self.rates.check(f));
        f.each_key("classes", &self.classes, CLASSES, |f, rates| rates.check(f));
        fixed::check(f, &self.fixed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_holds_for_its_customer_on_its_days_both_ends_included() {
        let contract = Contract {
            customer: "acme".into(),
            valid_from: Some("2026-01-01".into()),
            valid_until: Some("2026-06-30".into()),
            ..Contract::default()
        };
        let holds = |customer, day: &str| contract.holds(customer, day.parse().unwrap());
        for (day, does) in [("2025-12-31", false), ("2026-01-01", true), ("2026-06-30", true), ("2026-07-01", false)] {
            assert_eq!(holds(Some("acme"), day), does, "{day}");
        }
        assert!(!holds(Some("other"), "2026-03-01") && !holds(None, "2026-03-01"));
        assert!(Contract { customer: "a".into(), ..Contract::default() }.holds(Some("a"), "1900-01-01".parse().unwrap()));
    }

    #[test]
    fn its_faults_are_told() {
        let wrong = json!({"customer": "", "label": "x", "valid_from": "2026-02-30", "valid_until": "soon", "discount_bp": 10_001,
            "classes": {"van": {"base_minor": -1}}, "fixed": [{"from": "", "to": "b", "amount_minor": 1}]});
        let told = Contract::read(&wrong).unwrap_err();
        let fields: Vec<_> = told.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["customer", "valid_from", "valid_until", "discount_bp", "classes.van.base_minor", "fixed[0].from"]);
        let backwards = json!({"customer": "a", "label": "x", "valid_from": "2026-02-02", "valid_until": "2026-02-01"});
        assert_eq!(Contract::read(&backwards).unwrap_err()[0].message, "must not be before valid_from");
    }
}

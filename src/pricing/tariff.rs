//! The tariff: one document that says what trips cost.

use super::calendar::{Surcharge, check_dates};
use super::fixed::{self, FixedPrice};
use super::proof::ProofRules;
use super::rates::{Layers, MOST_MINOR, Rates};
use super::surge::SurgeRules;
use super::trip::Trip;
use crate::config;
use crate::fields::document::{Document, Faults};
use crate::model::Currency;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// Vehicle classes of a tariff at most.
const CLASSES: usize = 100;
/// Zones with own rates at most.
const ZONES: usize = 500;
/// Surcharges at most.
const SURCHARGES: usize = 50;

/// What trips cost. All amounts are whole minor units of its currency (cents), all percentages basis points (1/100 %).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// What people call it, like `Summer 2026`.
    pub name: String,
    /// ISO 4217 code, like `EUR`; its minor unit is what amounts are counted in.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
    /// Minutes that a quote holds.
    #[serde(default = "quarter_hour")]
    pub quote_minutes: u32,
    /// What a trip's parts cost.
    #[serde(default)]
    pub rates: Rates,
    /// Rates for trips that begin in a zone, by its id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, Rates>,
    /// What is different for a class of vehicles, by its name. A trip that asks for no class is priced without them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub classes: BTreeMap<String, Class>,
    /// What a trip costs more at some times, by a name of the surcharge. All that apply are added; none adds to another.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub surcharges: BTreeMap<String, Surcharge>,
    /// The days that surcharges mean by holidays, like `2026-12-25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<String>,
    /// Prices from zone to zone, in place of base, distance and time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<FixedPrice>,
    /// How the price is rounded at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
    /// The tax on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Tax>,
    /// How prices follow demand; they do not unless it says so.
    #[serde(default)]
    pub surge: SurgeRules,
    /// The proof of a delivery that it asks of drivers.
    #[serde(default, skip_serializing_if = "ProofRules::is_usual")]
    pub proof: ProofRules,
}

fn quarter_hour() -> u32 {
    15
}

/// What is different for a class of vehicles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = TariffClass)]
pub struct Class {
    /// Its rates, over those of the tariff.
    pub rates: Rates,
    /// Its rates for trips that begin in a zone, by the zone's id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, Rates>,
    /// Its surcharges: one takes the place of the tariff's of the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub surcharges: BTreeMap<String, Surcharge>,
    /// How its prices follow demand; as the tariff says when it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub surge: Option<SurgeRules>,
}

/// To which amounts a price is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rounding {
    /// To multiples of so many minor units: 50 is to half a euro.
    pub to_minor: i64,
    /// Which way.
    pub mode: RoundingMode,
}

/// Which way a price is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// To the nearest multiple, from the middle up.
    Nearest,
    /// To the multiple above.
    Up,
    /// To the multiple below.
    Down,
}

/// The tax on a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tax {
    /// What customers read, like `VAT`.
    pub label: String,
    /// In basis points: 2000 is 20 %.
    pub rate_bp: u32,
    /// Do the tariff's amounts hold it already? Else it is added.
    pub included: bool,
}

impl Tariff {
    /// How prices of a class follow demand.
    pub fn surge_rules(&self, class: Option<&str>) -> &SurgeRules {
        self.class(class).and_then(|class| class.surge.as_ref()).unwrap_or(&self.surge)
    }

    /// Do its prices go by the time of the pickup, or of the asking?
    pub fn goes_by_time(&self) -> bool {
        let of_class = |class: &Class| !class.surcharges.is_empty() || class.surge.as_ref().is_some_and(|surge| surge.on);
        !self.surcharges.is_empty() || self.surge.on || self.classes.values().any(of_class)
    }

    /// The ids of the zones that it names, so that its author can be told of those that there are not.
    pub fn zones_named(&self) -> BTreeSet<&str> {
        let fixed = self.fixed.iter().flat_map(FixedPrice::zones);
        let of_classes = self.classes.values().flat_map(|class| class.zones.keys());
        self.zones.keys().chain(of_classes).map(String::as_str).chain(fixed).collect()
    }

    pub(super) fn class(&self, class: Option<&str>) -> Option<&Class> {
        self.classes.get(class?)
    }

    /// Its rates for a trip, those that count first before the others.
    pub(super) fn layers<'a>(&'a self, trip: &Trip<'_>) -> Layers<'a> {
        let in_zone = |zones: &'a BTreeMap<String, Rates>| trip.pickup_zones.iter().find_map(|zone| zones.get(*zone));
        let class = self.class(trip.class);
        let of_class = class.into_iter().flat_map(|class| in_zone(&class.zones).into_iter().chain([&class.rates]));
        Layers(of_class.chain(in_zone(&self.zones)).chain([&self.rates]).collect())
    }

    /// The surcharges that may apply to a class.
    pub(super) fn surcharges(&self, class: Option<&str>) -> impl Iterator<Item = &Surcharge> {
        let own = self.class(class).map(|class| &class.surcharges);
        let is_own = move |name: &String| own.is_some_and(|own| own.contains_key(name));
        let of_all = self.surcharges.iter().filter(move |(name, _)| !is_own(name)).map(|(_, surcharge)| surcharge);
        own.into_iter().flat_map(BTreeMap::values).chain(of_all)
    }
}

/// The flat tariff of the settings: what a depot without any other prices by.
impl From<&config::Tariff> for Tariff {
    fn from(flat: &config::Tariff) -> Self {
        let rates = Rates {
            base_minor: Some(flat.base_minor),
            per_km_minor: Some(flat.per_km_minor),
            per_minute_minor: Some(flat.per_minute_minor),
            minimum_minor: Some(flat.minimum_minor),
            ..Rates::default()
        };
        Self {
            name: "Settings".into(),
            currency: flat.currency,
            quote_minutes: flat.quote_minutes,
            rates,
            zones: BTreeMap::new(),
            classes: BTreeMap::new(),
            surcharges: BTreeMap::new(),
            holidays: Vec::new(),
            fixed: Vec::new(),
            rounding: None,
            tax: None,
            surge: SurgeRules::default(),
            proof: ProofRules::default(),
        }
    }
}

impl Document for Tariff {
    fn check(&self, f: &mut Faults) {
        f.text("name", &self.name, 80);
        f.range("quote_minutes", self.quote_minutes, 1, 10_080);
        f.within("rates", |f| self.rates.check(f));
        f.each_key("zones", &self.zones, ZONES, |f, rates| rates.check(f));
        f.each_key("classes", &self.classes, CLASSES, |f, class| {
            f.within("rates", |f| class.rates.check(f));
            f.each_key("zones", &class.zones, ZONES, |f, rates| rates.check(f));
            f.each_key("surcharges", &class.surcharges, SURCHARGES, |f, surcharge| surcharge.check(f));
            if let Some(surge) = &class.surge {
                f.within("surge", |f| surge.check(f));
            }
        });
        f.each_key("surcharges", &self.surcharges, SURCHARGES, |f, surcharge| surcharge.check(f));
        check_dates(f, "holidays", &self.holidays);
        fixed::check(f, &self.fixed);
        if let Some(rounding) = self.rounding {
            f.within("rounding", |f| f.range("to_minor", rounding.to_minor, 1, MOST_MINOR));
        }
        if let Some(tax) = &self.tax {
            f.within("tax", |f| {
                f.text("label", &tax.label, 80);
                f.range("rate_bp", tax.rate_bp, 0, 10_000);
            });
        }
        f.within("surge", |f| self.surge.check(f));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// One of everything, every part of it sound.
    const FULL: &str = include_str!("full_tariff.json");

    fn full() -> Value {
        serde_json::from_str(FULL).unwrap()
    }

    #[test]
    fn a_full_tariff_is_read_and_written_back() {
        let read = Tariff::read(&full()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), full());
        assert_eq!(read.zones_named().into_iter().collect::<Vec<_>>(), ["airport", "centre", "port"]);
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_path() {
        let mut wrong = full();
        for (path, value) in [
            ("/name", json!("")),
            ("/rates/per_km_minor", json!(-1)),
            ("/rates/weight/1/above_kg", json!(10)),
            ("/classes/van/surcharges/night/from", json!("22h")),
            ("/classes/van/surge/step_per_mille", json!(0)),
            ("/surcharges/weekend/percent_bp", json!(null)),
            ("/holidays/0", json!("25.12.2026")),
            ("/fixed/0/amount_minor", json!(2_000_000_000)),
            ("/rounding/to_minor", json!(0)),
            ("/tax/rate_bp", json!(20_000)),
        ] {
            *wrong.pointer_mut(path).unwrap_or_else(|| panic!("there is no {path}")) = value;
        }
        let told: Vec<_> = Tariff::read(&wrong).unwrap_err().into_iter().map(|e| format!("{}: {}", e.field, e.message)).collect();
        assert_eq!(
            told,
            [
                "name: must have 1 to 80 characters",
                "rates.per_km_minor: must be within 0 to 1000000000",
                "rates.weight[1].above_kg: must be more than in the step before",
                "classes.van.surcharges.night.from: must be a time like 22:00",
                "classes.van.surge.step_per_mille: must be within 10 to 500",
                "surcharges.weekend.percent_bp: either it or amount_minor must be given",
                "holidays[0]: must be a date like 2026-12-24",
                "fixed[0].amount_minor: must be within 0 to 1000000000",
                "rounding.to_minor: must be within 1 to 1000000000",
                "tax.rate_bp: must be within 0 to 10000",
            ]
        );
    }

    #[test]
    fn another_type_and_a_strange_field_are_told_with_their_path() {
        for (path, value, field) in [
            ("/currency", json!("euro"), "currency"),
            ("/classes/van/rates", json!({"per_mile_minor": 1}), "classes.van.rates.per_mile_minor"),
            ("/surcharges/weekend/weekdays/0", json!("sunnyday"), "surcharges.weekend.weekdays[0]"),
            ("/rates/base_minor", json!(4.5), "rates.base_minor"),
        ] {
            let mut wrong = full();
            *wrong.pointer_mut(path).unwrap() = value;
            let told = Tariff::read(&wrong).unwrap_err();
            assert_eq!(told.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), [field]);
        }
    }

    #[test]
    fn what_a_class_leaves_out_is_as_for_all() {
        let tariff = Tariff::read(&full()).unwrap();
        let labels = |class| tariff.surcharges(class).map(|s| s.label.as_str()).collect::<Vec<_>>();
        assert_eq!(labels(Some("van")), ["Van at night", "Weekend and holidays"]);
        assert_eq!(labels(None), ["Night", "Weekend and holidays"]);
        assert!(tariff.surge_rules(Some("van")).on && !tariff.surge_rules(Some("truck")).on && !tariff.surge_rules(None).on);
    }
}

mod properties;

use super::*;
use crate::config;
use crate::fields::document::Document;
use crate::model::{Currency, Load, Timestamp};
use crate::pricing::surge::Factor;
use crate::pricing::{FixedPrice, Promo, Uses, Way};
use serde_json::json;

fn full() -> Tariff {
    Tariff::read(&serde_json::from_str(include_str!("../full_tariff.json")).unwrap()).unwrap()
}

fn flat(base_minor: i64, per_km_minor: i64, per_minute_minor: i64, minimum_minor: i64) -> config::Tariff {
    let currency = Currency::new("EUR").unwrap();
    config::Tariff { currency, base_minor, per_km_minor, per_minute_minor, minimum_minor, quote_minutes: 15 }
}

fn way(distance_m: u32, duration_s: u32) -> Way {
    Way { distance_m, duration_s }
}

/// A trip on Monday 2026-06-08 at noon in Lisbon.
fn trip(way: Way) -> Trip<'static> {
    Trip { pickup_at: at("2026-06-08T11:00:00Z"), depot_zone: "Europe/Lisbon", ..Trip::new(way) }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn lines(price: &Price) -> Vec<(&'static str, i64)> {
    price.lines.iter().map(|line| (line.kind.as_str(), line.amount_minor)).collect()
}

fn labels(price: &Price) -> Vec<&str> {
    price.lines.iter().map(|line| line.label.as_str()).collect()
}

#[test]
fn a_known_trip_by_the_flat_tariff() {
    let p = price(&Tariff::from(&flat(500, 120, 30, 800)), &Trip::new(way(4_125, 615)));
    assert_eq!(lines(&p), [("base", 500), ("distance", 495), ("time", 308)]);
    assert_eq!(labels(&p), ["Base", "Distance, 4125 m", "Time, 615 s"]);
    assert_eq!((p.total.amount_minor, p.tax_minor, p.surge_per_mille, p.refused), (1_303, 0, 1_000, None));
}

#[test]
fn no_trip_costs_less_than_the_minimum() {
    let p = price(&Tariff::from(&flat(100, 120, 30, 800)), &Trip::new(way(10, 1)));
    assert_eq!((labels(&p).last().copied(), p.total.amount_minor), (Some("Up to the minimum"), 800));
}

#[test]
fn a_trip_with_everything_is_told_line_by_line() {
    let factor = Factor { per_mille: 1_300, reason: "9 requests, 4 vans here".into() };
    let contract: Contract = serde_json::from_value(json!({"customer": "acme", "label": "Framework", "discount_bp": 1_000})).unwrap();
    let promo = Promo { code: "JUNE".into(), amount_minor: Some(250), ..Promo::default() };
    let trip = Trip {
        // Saturday, half past ten in the evening.
        pickup_at: at("2026-06-13T21:30:00Z"),
        class: Some("van"),
        stops: 2,
        load: Load { kg: Some(501), m3: Some(2.6), pieces: None },
        pickup_zones: &["elsewhere", "port", "airport"],
        customer: Some("acme"),
        contract: Some(&contract),
        promo: Some((&promo, Uses::default())),
        waiting_s: 750,
        surge: Some(&factor),
        ..trip(way(10_005, 1_201))
    };
    let p = price(&full(), &trip);
    let expected = [
        ("base", 1_200),
        ("distance", 1_601),
        ("time", 601),
        ("stop", 700),
        ("weight", 1_500),
        ("volume", 900),
        // 30 % and 15 % of 6502, and the van's own night.
        ("surge", 1_951),
        ("surcharge", 600),
        ("surcharge", 975),
        ("waiting", 125),
        ("contract", -1_015),
        ("promo", -250),
        ("rounding", 2),
        ("tax", 0),
    ];
    assert_eq!(lines(&p), expected);
    assert_eq!((p.total.amount_minor, p.tax_minor, p.surge_per_mille), (8_890, 1_482, 1_300));
    assert_eq!(
        labels(&p)[3..],
        [
            "2 stops",
            "Weight, 501 kg",
            "Volume, 2.6 m³",
            "Demand × 1.3: 9 requests, 4 vans here",
            "Van at night",
            "Weekend and holidays",
            "Waiting, 150 s after 10 minutes free",
            "Framework, 10 % off",
            "Code JUNE",
            "Rounding",
            "VAT 20 % included: 14.82 EUR"
        ]
    );
}

#[test]
fn tax_that_is_added_comes_before_rounding() {
    let tax = Some(Tax { label: "VAT".into(), rate_bp: 725, included: false });
    let rounding = Some(Rounding { to_minor: 25, mode: RoundingMode::Up });
    let p = price(&Tariff { tax, rounding, ..Tariff::from(&flat(1_000, 0, 0, 0)) }, &trip(way(0, 0)));
    assert_eq!(lines(&p)[3..], [("tax", 73), ("rounding", 2)]);
    assert_eq!((labels(&p)[3], p.total.amount_minor, p.tax_minor), ("VAT 7.25 %", 1_075, 73));
}

#[test]
fn a_fixed_price_takes_the_ways_place() {
    let tariff = full();
    let there = Trip { pickup_zones: &["airport"], dropoff_zones: &["centre"], stops: 1, ..trip(way(30_000, 3_000)) };
    let back = Trip { pickup_zones: there.dropoff_zones, dropoff_zones: there.pickup_zones, ..there.clone() };
    assert_eq!(lines(&price(&tariff, &there))[..2], [("fixed", 3_900), ("stop", 350)]);
    assert_eq!(labels(&price(&tariff, &back))[0], "Fixed price between airport and centre");
    let van = Trip { class: Some("van"), waiting_s: 660, pickup_at: at("2026-06-13T21:30:00Z"), ..there };
    assert_eq!(lines(&price(&tariff, &van)), [("fixed", 4_900), ("waiting", 50), ("tax", 0)]);
}

#[test]
fn a_contract_has_its_own_rates_and_prices_while_it_holds() {
    let contract: Contract = serde_json::from_value(json!({
        "customer": "acme", "label": "Framework", "valid_until": "2026-06-30", "discount_bp": 5_000,
        "rates": {"base_minor": 0, "minimum_minor": 0}, "classes": {"van": {"per_km_minor": 100}},
        "fixed": [{"from": "airport", "to": "centre", "amount_minor": 3_300}]
    }))
    .unwrap();
    let tariff = Tariff { rounding: None, tax: None, ..full() };
    let plain = Trip { customer: Some("acme"), contract: Some(&contract), class: Some("van"), ..trip(way(10_000, 60)) };
    assert_eq!(lines(&price(&tariff, &plain)), [("base", 0), ("distance", 1_000), ("time", 30), ("contract", -515)]);
    let agreed = Trip { pickup_zones: &["airport"], dropoff_zones: &["centre"], ..plain.clone() };
    assert_eq!(lines(&price(&tariff, &agreed)), [("fixed", 3_300)]);
    for others in [Trip { customer: Some("other"), ..agreed.clone() }, Trip { pickup_at: at("2026-06-30T23:30:00Z"), ..agreed.clone() }] {
        assert_eq!(price(&tariff, &others).lines[0].amount_minor, 4_900);
    }
    // Half past eleven in the evening of its last day, in Lisbon.
    assert_eq!(price(&tariff, &Trip { pickup_at: at("2026-06-30T22:30:00Z"), ..agreed }).total.amount_minor, 3_300);
}

#[test]
fn a_refused_code_takes_nothing_off_and_says_why() {
    let promo = Promo { percent_bp: Some(10_000), minimum_price_minor: Some(1_001), limit_per_customer: Some(1), ..Promo::default() };
    let tariff = Tariff::from(&flat(1_000, 0, 0, 0));
    let ask = |customer, base: i64, by_customer| {
        let tariff = Tariff::from(&flat(base, 0, 0, 0));
        let promo = Some((&promo, Uses { total: 9, by_customer }));
        let p = price(&tariff, &Trip { customer, promo, ..trip(way(0, 0)) });
        (p.total.amount_minor, p.refused)
    };
    assert_eq!(ask(Some("a"), 1_001, 0), (0, None));
    assert_eq!(ask(Some("a"), 1_000, 0), (1_000, Some(Refusal::BelowMinimum(1_001))));
    assert_eq!(ask(Some("a"), 2_000, 1), (2_000, Some(Refusal::UsedUpByCustomer(1))));
    assert_eq!(ask(None, 2_000, 0), (2_000, Some(Refusal::NoCustomer)));
    assert_eq!(price(&tariff, &trip(way(0, 0))).refused, None);
}

#[test]
fn demand_counts_within_bounds_where_it_is_on_and_the_contract_lets_it() {
    let mut tariff = full();
    let surge = |tariff: &Tariff, class, per_mille, contract: Option<&Contract>| {
        let factor = Factor { per_mille, reason: "x".into() };
        price(tariff, &Trip { class, surge: Some(&factor), contract, customer: Some("acme"), ..trip(way(9_000, 900)) }).surge_per_mille
    };
    assert_eq!(surge(&tariff, Some("van"), 1_200, None), 1_200);
    assert_eq!([9_999, 0].map(|factor| surge(&tariff, Some("van"), factor, None)), [1_500, 900]);
    assert_eq!([None, Some("truck")].map(|class| surge(&tariff, class, 1_200, None)), [1_000, 1_000]);
    let exempt = Contract { customer: "acme".into(), without_surge: true, ..Contract::default() };
    assert_eq!(surge(&tariff, Some("van"), 1_200, Some(&exempt)), 1_000);
    tariff.surge.on = true;
    assert_eq!(surge(&tariff, None, 1_200, None), 1_200);
}

#[test]
fn decimals_are_short() {
    assert_eq!([2_000, 725, 5, 0, 10_050].map(percent), ["20", "7.25", "0.05", "0", "100.5"]);
    assert_eq!([1_000, 1_500, 950, 1_005].map(in_decimals), ["1", "1.5", "0.95", "1.005"]);
}

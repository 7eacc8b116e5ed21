//! What is true of every price.

use super::*;
use crate::pricing::afterwards;
use crate::pricing::surge::SurgeRules;
use crate::pricing::{Class, Rates, Surcharge, VolumeStep, Waiting, Weekday, WeightStep};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ZONES: [&str; 3] = ["a", "b", "c"];

fn rates(minor: impl Strategy<Value = i64> + Clone + 'static) -> impl Strategy<Value = Rates> {
    let minor = move || prop::option::of(minor.clone());
    let steps = prop::option::of(prop::collection::vec((0..500_u32, 0..5_000_i64), 0..4));
    let waiting = prop::option::of((0..30_u32, 0..500_i64));
    (minor(), minor(), minor(), minor(), minor(), steps, waiting).prop_map(|(base, km, minute, stop, minimum, steps, waiting)| {
        let weight = steps.clone().map(|s| s.into_iter().map(|(above_kg, amount_minor)| WeightStep { above_kg, amount_minor }).collect());
        let volume = |(above, amount_minor): (u32, i64)| VolumeStep { above_m3: f64::from(above) / 10.0, amount_minor };
        Rates {
            base_minor: base,
            per_km_minor: km,
            per_minute_minor: minute,
            per_stop_minor: stop,
            weight,
            volume: steps.map(|s| s.into_iter().map(volume).collect()),
            waiting: waiting.map(|(free_minutes, per_minute_minor)| Waiting { free_minutes, per_minute_minor }),
            minimum_minor: minimum,
        }
    })
}

fn surcharge() -> impl Strategy<Value = Surcharge> {
    let amount = prop_oneof![(0..20_000_u32).prop_map(|bp| (Some(bp), None)), (0..5_000_i64).prop_map(|minor| (None, Some(minor)))];
    let span = prop::option::of((0..24_u8, 0..24_u8));
    let weekdays = prop::sample::subsequence(vec![Weekday::Monday, Weekday::Friday, Weekday::Sunday], 0..=3);
    (amount, span, weekdays).prop_map(|((percent_bp, amount_minor), span, weekdays)| {
        let (from, until) = span.map(|(from, until)| (format!("{from:02}:00"), format!("{until:02}:30"))).unzip();
        Surcharge { label: "S".into(), weekdays, from, until, percent_bp, amount_minor, ..Surcharge::default() }
    })
}

fn fixed() -> impl Strategy<Value = FixedPrice> {
    (0..3_usize, 0..3_usize, any::<bool>(), any::<bool>(), 0..20_000_i64, any::<bool>()).prop_map(
        |(from, to, is_van, both_ways, amount_minor, all_in)| FixedPrice {
            from: ZONES[from].into(),
            to: ZONES[to].into(),
            class: is_van.then(|| "van".into()),
            amount_minor,
            both_ways,
            all_in,
        },
    )
}

fn rounding() -> impl Strategy<Value = Option<Rounding>> {
    let mode = prop::sample::select(vec![RoundingMode::Nearest, RoundingMode::Up, RoundingMode::Down]);
    prop::option::of((1..500_i64, mode).prop_map(|(to_minor, mode)| Rounding { to_minor, mode }))
}

fn tax() -> impl Strategy<Value = Option<Tax>> {
    prop::option::of((0..=10_000_u32, any::<bool>()).prop_map(|(rate_bp, included)| Tax { label: "T".into(), rate_bp, included }))
}

fn tariff(minor: impl Strategy<Value = i64> + Clone + 'static) -> impl Strategy<Value = Tariff> {
    let rates = move || rates(minor.clone());
    let surcharges = prop::collection::btree_map("[a-c]", surcharge(), 0..3);
    let surge = (any::<bool>(), 100..=1_000_u32, 1_000..=5_000_u32);
    let fixed = prop::collection::vec(fixed(), 0..3);
    (rates(), rates(), rates(), surcharges, surge, fixed, rounding(), tax()).prop_map(
        |(rates, of_van, of_zone, surcharges, (on, floor_per_mille, cap_per_mille), fixed, rounding, tax)| Tariff {
            rates,
            zones: BTreeMap::from([("a".to_owned(), of_zone.clone())]),
            classes: BTreeMap::from([(
                "van".to_owned(),
                Class { rates: of_van, zones: BTreeMap::from([("b".to_owned(), of_zone)]), ..Class::default() },
            )]),
            surcharges,
            fixed,
            rounding,
            tax,
            surge: SurgeRules { on, floor_per_mille, cap_per_mille, ..SurgeRules::default() },
            ..Tariff::from(&flat(0, 0, 0, 0))
        },
    )
}

/// All that a trip borrows.
#[derive(Clone, Debug)]
struct Case {
    way: (u32, u32),
    pickup_ms: i64,
    is_van: bool,
    zones: (usize, usize),
    load: (u32, f64, u32, u32),
    contract: Option<Contract>,
    promo: Option<Promo>,
    factor: Factor,
}

impl Case {
    fn price(&self, tariff: &Tariff) -> Price {
        let (kg, m3, stops, waiting_s) = self.load;
        let trip = Trip {
            class: self.is_van.then_some("van"),
            stops,
            load: Load { kg: Some(kg), m3: Some(m3), pieces: None },
            pickup_at: Timestamp::from_millis(self.pickup_ms),
            pickup_zones: &ZONES[self.zones.0..],
            dropoff_zones: &ZONES[self.zones.1..],
            customer: Some("acme"),
            contract: self.contract.as_ref(),
            promo: self.promo.as_ref().map(|promo| (promo, Uses::default())),
            waiting_s,
            surge: Some(&self.factor),
            ..trip(way(self.way.0, self.way.1))
        };
        price(tariff, &trip)
    }
}

fn contract() -> impl Strategy<Value = Option<Contract>> {
    prop::option::of((0..=10_000_u32, rates(0..50_000_i64), prop::collection::vec(fixed(), 0..2), any::<bool>()).prop_map(
        |(discount_bp, rates, fixed, without_surge)| Contract {
            customer: "acme".into(),
            label: "C".into(),
            discount_bp,
            rates,
            fixed,
            without_surge,
            ..Contract::default()
        },
    ))
}

fn promo() -> impl Strategy<Value = Option<Promo>> {
    let off = prop_oneof![(1..=10_000_u32).prop_map(|bp| (Some(bp), None)), (1..50_000_i64).prop_map(|minor| (None, Some(minor)))];
    prop::option::of((off, prop::option::of(1..5_000_i64)).prop_map(|((percent_bp, amount_minor), most_minor)| Promo {
        code: "P".into(),
        percent_bp,
        amount_minor,
        most_minor,
        ..Promo::default()
    }))
}

fn case(ways: impl Strategy<Value = (u32, u32)>) -> impl Strategy<Value = Case> {
    let load = (0..1_000_u32, 0.0..60.0_f64, 0..20_u32, 0..7_200_u32);
    (ways, 0..4_000_000_000_000_i64, any::<bool>(), (0..=3_usize, 0..=3_usize), load, contract(), promo(), 0..6_000_u32).prop_map(
        |(way, pickup_ms, is_van, zones, load, contract, promo, per_mille)| Case {
            way,
            pickup_ms,
            is_van,
            zones,
            load,
            contract,
            promo,
            factor: Factor { per_mille, reason: "x".into() },
        },
    )
}

fn usual() -> impl Strategy<Value = Case> {
    case((0..200_000_u32, 0..20_000_u32))
}

fn is_sound(price: &Price) -> bool {
    let sum: i128 = price.lines.iter().map(|line| i128::from(line.amount_minor)).sum();
    let total = i128::from(price.total.amount_minor);
    // Tax that is added is part of what is rounded, tax that is included of what that came to.
    let most_tax = total.max(total - i128::from(of_kind(price, LineKind::Rounding)));
    sum == total && total >= 0 && (0..=most_tax).contains(&price.tax_minor.into())
}

fn of_kind(price: &Price, kind: LineKind) -> i64 {
    price.lines.iter().filter(|line| line.kind == kind).map(|line| line.amount_minor).sum()
}

proptest! {
    #[test]
    fn a_depot_without_tariffs_prices_as_by_its_flat_one(
        base in 0..=1_000_000_000_i64, km in 0..=1_000_000_000_i64, minute in 0..=1_000_000_000_i64, minimum in 0..=1_000_000_000_i64,
        metres in any::<u32>(), seconds in any::<u32>(),
    ) {
        let p = price(&Tariff::from(&flat(base, km, minute, minimum)), &trip(way(metres, seconds)));
        let half_up = |rate: i64, amount: u32, unit: i128| (i128::from(rate) * i128::from(amount) * 2 + unit).div_euclid(unit * 2);
        let (distance, time) = (half_up(km, metres, 1_000), half_up(minute, seconds, 60));
        let sum = i128::from(base) + distance + time;
        prop_assert_eq!(i128::from(p.total.amount_minor), sum.max(i128::from(minimum)));
        let mut expected = vec![i128::from(base), distance, time];
        expected.extend(Some(i128::from(minimum) - sum).filter(|missing| *missing > 0));
        prop_assert_eq!(p.lines.iter().map(|line| i128::from(line.amount_minor)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn lines_sum_to_a_total_that_is_never_negative(tariff in tariff(0..100_000_i64), case in usual()) {
        let p = case.price(&tariff);
        prop_assert!(is_sound(&p), "{p:?}");
        prop_assert!(p.lines.iter().all(|line| !line.label.is_empty()));
        let rules = tariff.surge;
        prop_assert!(p.surge_per_mille == 1_000 || (rules.floor_per_mille..=rules.cap_per_mille).contains(&p.surge_per_mille));
    }

    #[test]
    fn a_longer_way_never_costs_less(tariff in tariff(0..100_000_i64), case in usual(), metres in 0..3_000_u32, seconds in 0..500_u32) {
        let longer = Case { way: (case.way.0 + metres, case.way.1 + seconds), ..case.clone() };
        let (short, long) = (case.price(&tariff), longer.price(&tariff));
        prop_assert!(short.total.amount_minor <= long.total.amount_minor, "{short:?}\n{long:?}");
        prop_assert!(short.tax_minor <= long.tax_minor);
    }

    /// A minor unit more or less at small amounts, where roundings show.
    #[test]
    fn nor_does_it_where_amounts_are_small(tariff in tariff(0..40_i64), case in case((0..400_u32, 0..100_u32)), metres in 0..30_u32) {
        let longer = Case { way: (case.way.0 + metres, case.way.1), ..case.clone() };
        let (short, long) = (case.price(&tariff), longer.price(&tariff));
        prop_assert!(short.total.amount_minor <= long.total.amount_minor, "{short:?}\n{long:?}");
    }

    #[test]
    fn nothing_wraps_or_panics_however_extreme(
        tariff in tariff(any::<i64>()), case in case((any::<u32>(), any::<u32>())), pickup_ms in any::<i64>(),
        rate_bp in any::<u32>(), to_minor in any::<i64>(), discount_bp in any::<u32>(), off in any::<i64>(), per_mille in any::<u32>(),
    ) {
        let mut tariff = tariff;
        tariff.rounding.iter_mut().for_each(|rounding| rounding.to_minor = to_minor);
        tariff.tax.iter_mut().for_each(|tax| tax.rate_bp = rate_bp);
        tariff.surcharges.values_mut().for_each(|s| (s.percent_bp, s.amount_minor) = (Some(rate_bp), Some(off)));
        let mut case = Case { pickup_ms, factor: Factor { per_mille, reason: String::new() }, ..case };
        case.contract.iter_mut().for_each(|contract| contract.discount_bp = discount_bp);
        case.promo.iter_mut().for_each(|promo| promo.amount_minor = Some(off));
        prop_assert!(is_sound(&case.price(&tariff)));
    }

    /// Whatever was agreed: waiting adds what it adds to today's price of the trip, and takes nothing away.
    #[test]
    fn waiting_comes_on_top_of_what_was_agreed(
        tariff in tariff(0..100_000_i64), other in tariff(0..100_000_i64), case in usual(), is_changed in any::<bool>(),
    ) {
        let waits_none = Case { load: (case.load.0, case.load.1, case.load.2, 0), ..case.clone() };
        let (before, after) = (waits_none.price(&tariff), case.price(&tariff));
        let agreed = waits_none.price(if is_changed { &other } else { &tariff });
        let sum = |lines: &[Line]| lines.iter().map(|line| line.amount_minor).sum::<i64>();
        let on_top = after.total.amount_minor - before.total.amount_minor;
        match afterwards(&agreed.lines, &before, &after) {
            Some(lines) => {
                prop_assert_eq!(sum(&lines), agreed.total.amount_minor + on_top);
                prop_assert!(agreed.lines == before.lines || agreed.lines.iter().all(|line| lines.contains(line)));
                prop_assert!(lines.iter().any(|line| line.kind == LineKind::Waiting));
            }
            None => prop_assert!(on_top <= 0, "{before:?}\n{after:?}"),
        }
        if agreed.lines == before.lines && before.lines != after.lines {
            prop_assert_eq!(afterwards(&agreed.lines, &before, &after), Some(after.lines));
        }
    }

    #[test]
    fn rounding_is_one_line_and_to_its_step(tariff in tariff(0..100_000_i64), case in usual()) {
        let p = case.price(&tariff);
        let Some(rounding) = tariff.rounding else { return Ok(()) };
        prop_assert_eq!(p.total.amount_minor % rounding.to_minor, 0);
        prop_assert!(of_kind(&p, LineKind::Rounding).abs() < rounding.to_minor);
        prop_assert!(p.lines.iter().filter(|line| line.kind == LineKind::Rounding).count() <= 1);
        let unrounded = case.price(&Tariff { rounding: None, ..tariff });
        prop_assert_eq!(unrounded.total.amount_minor + of_kind(&p, LineKind::Rounding), p.total.amount_minor);
    }

    /// What is net of included tax comes to the same again when the tax is added to it.
    #[test]
    fn included_and_added_tax_agree(tariff in tariff(0..100_000_i64), case in usual(), rate_bp in 0..=10_000_u32) {
        let with = |included| Tariff { rounding: None, tax: Some(Tax { label: "T".into(), rate_bp, included }), ..tariff.clone() };
        let (included, added) = (case.price(&with(true)), case.price(&with(false)));
        let untaxed = case.price(&Tariff { rounding: None, tax: None, ..tariff.clone() });
        prop_assert_eq!(included.total, untaxed.total);
        prop_assert_eq!(added.total.amount_minor, untaxed.total.amount_minor + added.tax_minor);
        prop_assert_eq!(of_kind(&added, LineKind::Tax), added.tax_minor);
        let net = included.total.amount_minor - included.tax_minor;
        let again = i64::try_from(share(net, rate_bp.into(), WHOLE_BP)).unwrap();
        prop_assert!((again - included.tax_minor).abs() <= 1);
    }

    #[test]
    fn an_agreed_price_holds_whatever_else_there_is(tariff in tariff(0..100_000_i64), case in usual(), agreed in 0..1_000_000_i64) {
        let fixed = vec![FixedPrice { from: "c".into(), to: "c".into(), amount_minor: agreed, ..FixedPrice::default() }];
        let contract = Contract { fixed, ..case.contract.clone().unwrap_or(Contract { customer: "acme".into(), ..Contract::default() }) };
        let (kg, m3, stops, _) = case.load;
        let case = Case { contract: Some(contract), promo: None, zones: (2, 2), load: (kg, m3, stops, 0), ..case };
        let p = case.price(&Tariff { rounding: None, tax: tariff.tax.clone().filter(|tax| tax.included), ..tariff });
        prop_assert_eq!((p.total.amount_minor, p.surge_per_mille), (agreed, 1_000));
    }

    #[test]
    fn the_minimum_holds_before_codes_and_rounding(tariff in tariff(0..100_000_i64), case in usual(), minimum in 0..1_000_000_i64) {
        let rates = Rates { minimum_minor: Some(minimum), ..Rates::default() };
        let contract = Contract { rates, fixed: Vec::new(), ..case.contract.clone().unwrap_or(Contract { customer: "acme".into(), ..Contract::default() }) };
        let case = Case { contract: Some(contract), promo: None, ..case };
        let p = case.price(&Tariff { fixed: Vec::new(), rounding: None, tax: None, ..tariff });
        prop_assert!(p.total.amount_minor >= minimum);
        prop_assert!(of_kind(&p, LineKind::Minimum) == 0 || p.total.amount_minor == minimum);
    }
}

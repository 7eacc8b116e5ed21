//! Forecasts of towns whose rates are known.

use super::backtest::{self, Failure};
use super::model::{HOURS, QUARTERS, Untrained};
use super::*;
use crate::clock::Clock;
use crate::model::{Place, Span, Timestamp};
use h3o::Resolution;
use proptest::prelude::*;

const HOUR: Span = Span::from_secs(3_600);
/// A Monday.
const START: Timestamp = Timestamp::from_secs(1_772_409_600);

fn calendar(zone: &str) -> Calendar {
    Calendar::new(zone, vec!["12-25".parse().unwrap()]).unwrap()
}

fn weeks(weeks: f64) -> Timestamp {
    START + HOUR * (168.0 * weeks)
}

/// Districts of the town, far enough from each other to be cells of their own.
fn district(n: usize) -> Place {
    Place::new(38.70 + 0.05 * n as f64, -9.10).unwrap()
}

/// What district `n` asks for, on average, in an hour of the week: twice as much at 8, a third on weekends.
fn rate(n: usize, hour: usize) -> f64 {
    let base = [8.0, 3.0, 1.0, 0.02][n];
    base * if hour % 24 == 8 { 2.0 } else { 1.0 } / if hour / 24 >= 5 { 3.0 } else { 1.0 }
}

/// The town for so many hours, each hour's requests in its first and third quarter. Draws are evenly laid and shuffled, so that
/// they repeat.
fn town(hours: usize, level: impl Fn(usize) -> f64) -> History {
    let mut history = History::new(Resolution::Seven);
    for t in 0..hours {
        for n in 0..4 {
            let mean = rate(n, t % 168) * level(t);
            let chance = ((t * 7_919 + n * 104_729) % 9_973) as f64 / 9_973.0;
            let count = spread::Count::new(mean, 0.05).quantile(chance);
            let at = START + HOUR * t as f64;
            history.add(at, district(n), count / 2);
            history.add(at + HOUR * 0.5, district(n), count.div_ceil(2));
        }
    }
    history
}

fn cell(n: usize) -> Area {
    let place = district(n);
    Area::Cell(h3o::LatLng::new(place.lat(), place.lon()).unwrap().to_cell(Resolution::Seven))
}

fn trained(history: &History, span: (Timestamp, Timestamp)) -> Model {
    Model::train(history, &calendar("UTC"), span, |_, _| ()).unwrap()
}

#[test]
fn a_week_ahead_is_the_week_that_the_town_has() {
    let model = trained(&town(6 * 168, |_| 1.0), (START, weeks(6.0)));
    for n in 0..3 {
        let week = model.hours(cell(n), weeks(6.0)).unwrap();
        let far: f64 = week.iter().enumerate().map(|(hour, told)| (told.mean - rate(n, hour)).abs()).sum();
        let all: f64 = (0..168).map(|hour| rate(n, hour)).sum();
        assert!(far < 0.16 * all, "district {n}: {far} of {all}");
        assert!((week[8].mean / week[12].mean - 2.0).abs() < 0.4 && week[8 + 5 * 24].mean < 0.6 * week[8].mean);
    }
    let accuracy = model.accuracy.unwrap();
    assert!((0.78..0.84).contains(&accuracy.covered) && accuracy.error < 1.6 && accuracy.hours == 3 * 3 * 168, "{accuracy:?}");
}

#[test]
fn a_thin_cell_has_the_shape_of_what_is_around_it() {
    let model = trained(&town(4 * 168, |_| 1.0), (START, weeks(4.0)));
    let thin = model.hours(cell(3), weeks(4.0)).unwrap();
    let sum: f64 = thin.iter().map(|hour| hour.mean).sum();
    assert!((0.5..8.0).contains(&sum), "{sum}");
    assert!(thin[8].mean > 1.5 * thin[12].mean && thin[12].mean > 1.5 * thin[5 * 24 + 12].mean, "{} {}", thin[8].mean, thin[12].mean);
    assert!(thin.iter().all(|hour| hour.p50 == 0 && hour.p90 <= 1));
    assert_eq!(model.hours(Area::Cell(h3o::LatLng::new(0.0, 0.0).unwrap().to_cell(Resolution::Seven)), weeks(4.0)), None);
}

#[test]
fn a_level_that_changed_is_followed() {
    let model = trained(&town(8 * 168, |t| if t < 5 * 168 { 1.0 } else { 2.0 }), (START, weeks(8.0)));
    let week = model.hours(cell(0), weeks(8.0)).unwrap();
    let told: f64 = week.iter().map(|hour| hour.mean).sum::<f64>() / (0..168).map(|hour| rate(0, hour)).sum::<f64>();
    assert!((1.75..2.1).contains(&told), "{told}");
}

#[test]
fn quarters_make_hours_and_the_day_is_the_clocks() {
    let history = town(4 * 168, |_| 1.0);
    let model = Model::train(&history, &calendar("Asia/Kathmandu"), (START, weeks(4.0)), |_, _| ()).unwrap();
    let now = weeks(4.0) + HOUR * 0.3;
    let (quarters, hours) = (model.quarters(Area::All, now).unwrap(), model.hours(Area::All, now).unwrap());
    assert_eq!((quarters.len(), hours.len()), (QUARTERS, HOURS));
    assert_eq!((quarters[0].from, hours[0].from), (weeks(4.0) + HOUR * 0.25, weeks(4.0) + HOUR * 0.25), "5:45 ahead of UTC");
    for (hour, four) in hours.iter().zip(quarters.chunks(4)) {
        assert!((four.iter().map(|quarter| quarter.mean).sum::<f64>() - hour.mean).abs() < 1e-4 * hour.mean);
        assert_eq!(four[0].from, hour.from);
    }
    // The town asks at the full and the half hour of UTC: the second and the fourth quarter there.
    assert!(quarters[1].mean > 5.0 * quarters[0].mean && quarters[3].mean > 5.0 * quarters[2].mean);
}

#[test]
fn a_holiday_is_forecast_as_a_sunday() {
    let history = town(4 * 168, |_| 1.0);
    let calendar = Calendar::new("UTC", vec!["2026-04-01".parse().unwrap()]).unwrap();
    let model = Model::train(&history, &calendar, (START, weeks(4.0)), |_, _| ()).unwrap();
    let week = model.hours(cell(0), weeks(4.0)).unwrap();
    assert!((0..24).all(|hour| (week[2 * 24 + hour].mean - week[6 * 24 + hour].mean).abs() < 1e-9), "Wednesday is Sunday");
    assert!(week[24 + 12].mean > 2.0 * week[2 * 24 + 12].mean);
}

#[test]
fn the_day_the_clocks_change_has_its_hours() {
    let model = Model::train(&town(4 * 168, |_| 1.0), &calendar("Europe/Lisbon"), (START, weeks(4.0)), |_, _| ()).unwrap();
    let before = Timestamp::parse("2026-10-24T23:00:00Z").unwrap();
    let hours = model.hours(Area::All, before).unwrap();
    assert_eq!(hours[1].mean, hours[2].mean, "1 o'clock comes twice");
    assert!(hours.windows(2).all(|pair| pair[1].from == pair[0].from + HOUR));
}

#[test]
fn a_kept_model_is_the_same_model() {
    let model = trained(&town(2 * 168, |_| 1.0), (START, weeks(2.0)));
    let text = serde_json::to_string(&model).unwrap();
    let kept: Model = serde_json::from_str(&text).unwrap();
    assert_eq!(kept, model);
    assert_eq!(kept.hours(cell(1), weeks(2.0)), model.hours(cell(1), weeks(2.0)));
    assert!(text.len() < 20_000 * model.areas().count());
    assert!(
        serde_json::from_str::<Model>(&text.replace("\"all\"", "\"every\""))
            .unwrap_err()
            .to_string()
            .contains("neither `all` nor an H3 cell")
    );
}

#[test]
fn too_little_is_no_forecast() {
    let history = town(168, |_| 1.0);
    let train = |from, until| Model::train(&history, &calendar("UTC"), (from, until), |_, _| ()).unwrap_err();
    assert_eq!(train(START, START + HOUR * 47.0), Untrained::Short);
    assert_eq!(train(weeks(-2.0), START), Untrained::Empty);
    assert_eq!(train(weeks(1.0), START), Untrained::Short);
}

#[test]
fn a_backtest_is_by_its_protocol() {
    let history = town(6 * 168, |_| 1.0);
    let mut steps = Vec::new();
    let report = backtest::run(&history, &calendar("UTC"), 4, &Clock::system(), |done, all| steps.push((done, all))).unwrap();
    assert_eq!((report.train.from, report.train.until, report.test.until), (START, weeks(4.0), weeks(6.0)));
    assert_eq!((report.cells, report.train.hours, report.test.hours), (3, 4 * 168, 2 * 168));
    // Same hours of two weeks are independent draws here, so the naive forecast is as bad in the test as in the training.
    assert!((report.seasonal_naive_mase - 1.0).abs() < 0.1, "{report:?}");
    assert!(report.mase < report.hour_of_week_mase && report.hour_of_week_mase < report.seasonal_naive_mase, "{report:?}");
    assert!((0.75..=0.85).contains(&report.coverage_80), "{report:?}");
    assert!((report.by_day_mase.iter().sum::<f64>() / 7.0 - report.mase).abs() < 1e-9);
    assert!(steps.is_sorted() && steps.last().is_some_and(|(done, all)| done == all), "{steps:?}");
}

#[test]
fn a_backtest_tells_what_it_lacks() {
    let run = |hours, train_weeks| backtest::run(&town(hours, |_| 1.0), &calendar("UTC"), train_weeks, &Clock::system(), |_, _| ());
    let short = run(6 * 168, 6).unwrap_err();
    assert_eq!(short, Failure::Short { days: 42, weeks: 6, needed: 49 });
    assert_eq!(short.to_string(), "it holds 42 whole days; 6 week(s) of training and one of test need 49");
    assert_eq!(run(2 * 168, 1).unwrap_err(), Failure::Short { days: 14, weeks: 1, needed: 15 });
    let days_of_15 = run(15 * 24, 1).unwrap();
    assert_eq!((days_of_15.train.hours, days_of_15.test.hours), (8 * 24, 168));
    let mut quiet = History::new(Resolution::Seven);
    assert!((0..40).all(|day| quiet.add(START + HOUR * (24 * day) as f64, district(0), 1)));
    assert_eq!(backtest::run(&quiet, &calendar("UTC"), 2, &Clock::system(), |_, _| ()).unwrap_err(), Failure::Quiet);
    let mut regular = History::new(Resolution::Seven);
    assert!((0..40 * 24).all(|hour| regular.add(START + HOUR * hour as f64, district(0), 3)));
    assert_eq!(backtest::run(&regular, &calendar("UTC"), 2, &Clock::system(), |_, _| ()).unwrap_err(), Failure::Regular);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_was_asked_a_forecast_is_sound(
        asked in proptest::collection::vec((0_i64..21 * 86_400, 0_usize..4, 1_u32..60), 1..120), days in 2_u8..21, ahead in 0.0_f64..400.0,
    ) {
        let mut history = History::new(Resolution::Seven);
        for &(secs, n, count) in &asked {
            history.add(START + Span::from_secs(secs), district(n), count);
        }
        let until = START + HOUR * (f64::from(days) * 24.0);
        match Model::train(&history, &calendar("Europe/Lisbon"), (START, until), |_, _| ()) {
            Err(fault) => prop_assert!(fault == Untrained::Empty && history.requests(START, until) == 0),
            Ok(model) => for area in model.areas() {
                let told = model.hour(area, until + HOUR * ahead).unwrap();
                prop_assert!(told.mean.is_finite() && told.mean >= 0.0, "{told:?}");
                prop_assert!(told.p10 <= told.p50 && told.p50 <= told.p90, "{told:?}");
                let quarter = model.quarter(area, until + HOUR * ahead).unwrap();
                prop_assert!(quarter.mean <= told.mean && quarter.p10 <= quarter.p50 && quarter.p50 <= quarter.p90, "{quarter:?}");
            },
        }
    }
}

use super::*;
use crate::model::{DriverId, DutyId, Period, VehicleId};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn minutes(n: i64) -> Span {
    Span::from_secs(n * 60)
}

fn duty(from: Timestamp, until: Option<Timestamp>, breaks: Vec<Period>) -> Duty {
    let vehicle = VehicleId::new("KA-1").unwrap();
    Duty { id: DutyId::of_row(1), driver: DriverId::of_row(1), vehicle, time: Period { from, until }, breaks }
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

#[test]
fn a_night_counts_for_the_day_it_is_in() {
    let lisbon = zone("Europe/Lisbon");
    // 22:00 to 06:00 of 10 July, summer time; an hour's break around midnight.
    let pause = Period { from: at("2026-07-09T22:30:00Z"), until: Some(at("2026-07-09T23:30:00Z")) };
    let night = [duty(at("2026-07-09T21:00:00Z"), Some(at("2026-07-10T05:00:00Z")), vec![pause])];
    let before = hours(at("2026-07-09T22:59:59Z"), &night, &lisbon);
    assert_eq!((before.today, before.week), (minutes(90), minutes(90)));
    let morning = hours(at("2026-07-10T05:00:00Z"), &night, &lisbon);
    assert_eq!((morning.today, morning.week), (minutes(330), minutes(420)));
}

#[test]
fn a_day_of_23_or_25_hours_counts_what_it_has() {
    let lisbon = zone("Europe/Lisbon");
    for (begin, end, length) in [
        // 29 March 2026: 01:00 becomes 02:00. 25 October 2026: 02:00 becomes 01:00.
        ("2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z", 23),
        ("2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z", 25),
    ] {
        let always = [duty(at(begin) - minutes(600), None, vec![])];
        let last = at(end) - Span::from_secs(1);
        assert_eq!(hours(last, &always, &lisbon).today, minutes(length * 60) - Span::from_secs(1), "{begin}");
        assert_eq!(hours(at(end), &always, &lisbon).today, Span::default(), "{end}");
    }
    // Sao Paulo, 4 November 2018: midnight itself is missing, the day begins at 01:00.
    let always = [duty(at("2018-11-03T00:00:00Z"), None, vec![])];
    assert_eq!(hours(at("2018-11-04T04:00:00Z"), &always, &zone("America/Sao_Paulo")).today, minutes(60));
}

#[test]
fn the_limit_that_is_reached_is_told() {
    let limits = Limits { day: minutes(600), week: minutes(2_880) };
    let worked = |today, week| Hours { today: minutes(today), week: minutes(week) };
    assert_eq!((worked(599, 2_879).spent(&limits), worked(599, 2_879).left(&limits)), (None, minutes(1)));
    let day = worked(600, 900).spent(&limits).unwrap();
    assert_eq!(day.to_string(), "has worked 10:00 h today; 10:00 h a day is the most");
    let week = worked(10, 2_885);
    assert_eq!(week.spent(&limits).unwrap().to_string(), "has worked 48:05 h in the last seven days; 48:00 h is the most");
    assert_eq!(week.left(&limits), Span::default());
}

/// Duties one after the other, from `start` on: minutes off, then minutes of work and break by turns; the last may still go on.
fn duties(start: Timestamp, plan: &[(i64, Vec<i64>)], open: bool) -> Vec<Duty> {
    let (mut now, mut all) = (start, Vec::new());
    for (index, (off, parts)) in plan.iter().enumerate() {
        now = now + minutes(*off);
        let (from, mut breaks) = (now, Vec::new());
        for (turn, part) in parts.iter().enumerate() {
            if turn % 2 == 1 {
                breaks.push(Period { from: now, until: Some(now + minutes(*part)) });
            }
            now = now + minutes(*part);
        }
        let goes_on = open && index + 1 == plan.len();
        if let Some(last) = breaks.last_mut().filter(|b| goes_on && b.until == Some(now)) {
            last.until = None;
        }
        all.push(duty(from, (!goes_on).then_some(now), breaks));
    }
    all
}

/// Is he at work in the minute that begins then?
fn works(duties: &[Duty], minute: Timestamp) -> bool {
    let has = |p: &Period| p.from <= minute && p.until.is_none_or(|until| minute < until);
    duties.iter().any(|d| has(&d.time) && !d.breaks.iter().any(has))
}

fn date(at: Timestamp, zone: &TimeZone) -> jiff::civil::Date {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap().to_zoned(zone.clone()).date()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_sums_are_what_a_count_of_minutes_gives(
        plan in proptest::collection::vec((1..900_i64, proptest::collection::vec(1..300_i64, 1..6)), 0..12),
        open in any::<bool>(),
        asked in 0..(10 * 1_440_i64),
        place in 0..3_usize,
    ) {
        let (name, start) = [
            ("Europe/Lisbon", "2026-03-24T00:00:00Z"),
            ("Europe/Lisbon", "2026-10-20T00:00:00Z"),
            ("America/Sao_Paulo", "2018-10-30T00:00:00Z"),
        ][place];
        let (zone, start) = (zone(name), at(start));
        let now = start + minutes(asked);
        let duties = duties(start, &plan, open);
        let past = (0..asked.min(7 * 1_440)).map(|n| now - minutes(n + 1));
        let (mut today, mut week) = (0, 0);
        for minute in past.filter(|m| works(&duties, *m)) {
            week += 1;
            today += i64::from(date(minute, &zone) == date(now, &zone));
        }
        prop_assert_eq!(hours(now, &duties, &zone), Hours { today: minutes(today), week: minutes(week) });
    }

    #[test]
    fn who_works_on_has_at_least_what_is_left(worked in 0..2_000_i64, week in 0..5_000_i64, on in 0..3_000_i64) {
        let now = at("2026-10-24T12:00:00Z");
        let zone = zone("Europe/Lisbon");
        let earlier = duty(now - minutes(9_000), Some(now - minutes(9_000) + minutes(week)), vec![]);
        let duties = [earlier, duty(now - minutes(worked), None, vec![])];
        let limits = Limits { day: minutes(600), week: minutes(2_880) };
        let left = hours(now, &duties, &zone).left(&limits);
        if minutes(on) < left {
            prop_assert_eq!(hours(now + minutes(on), &duties, &zone).spent(&limits), None);
        }
    }
}

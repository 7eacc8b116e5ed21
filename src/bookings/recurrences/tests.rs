//! Recurrences over the edges of daylight saving time, restarts, clock jumps and edits.

use super::rule::Questions;
use super::*;
use crate::bookings::{Filter, PlaceRequest};
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Booking, Look, MissingHour, Place, RepeatedHour, Site};
use crate::store::Db;
use proptest::prelude::*;
use std::collections::BTreeSet;
use tempfile::TempDir;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn pattern(rule: &str, start: &str, time: &str, zone: &str) -> Pattern {
    Pattern {
        rule: rule.into(),
        start_date: start.parse().unwrap(),
        start_time: time.parse().unwrap(),
        zone: zone.into(),
        missing_hour: None,
        repeated_hour: None,
    }
}

fn chosen(p: Pattern, missing: MissingHour, repeated: RepeatedHour) -> Pattern {
    Pattern { missing_hour: Some(missing), repeated_hour: Some(repeated), ..p }
}

/// The instants of the slots from `from` to `until`, in UTC to the minute; `-` for a day without one.
fn instants(p: &Pattern, from: &str, until: &str) -> Vec<String> {
    let slots = Rule::read(p).unwrap().slots(at(from), at(until)).collect::<Vec<_>>();
    slots.iter().map(|s| if let Moment::At(t) = s.moment { t.to_string()[5..16].to_owned() } else { "-".into() }).collect()
}

#[test]
fn lisbon_keeps_its_local_hour_over_both_edges() {
    let plain = pattern("FREQ=DAILY", "2026-01-01", "08:30", "Europe/Lisbon");
    assert_eq!(instants(&plain, "2026-03-28T00:00:00Z", "2026-03-30T23:00:00Z"), ["03-28T08:30", "03-29T07:30", "03-30T07:30"]);
    assert_eq!(instants(&plain, "2026-10-24T00:00:00Z", "2026-10-26T23:00:00Z"), ["10-24T07:30", "10-25T08:30", "10-26T08:30"]);
    let night = pattern("FREQ=DAILY", "2026-01-01", "01:30", "Europe/Lisbon");
    let spring = |missing| instants(&chosen(night.clone(), missing, RepeatedHour::First), "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(spring(MissingHour::Later), ["03-29T01:30", "03-30T00:30"]);
    assert_eq!(spring(MissingHour::Earlier), ["03-29T00:30", "03-30T00:30"]);
    assert_eq!(spring(MissingHour::Skip), ["-", "03-30T00:30"]);
    let autumn = |repeated| instants(&chosen(night.clone(), MissingHour::Skip, repeated), "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(autumn(RepeatedHour::First), ["10-25T00:30", "10-26T01:30"]);
    assert_eq!(autumn(RepeatedHour::Second), ["10-25T01:30", "10-26T01:30"]);
}

#[test]
fn sao_paulo_had_edges_at_midnight_until_2019_and_none_since() {
    let midnight = pattern("FREQ=DAILY", "2018-01-01", "00:30", "America/Sao_Paulo");
    let rule = Rule::read(&midnight).unwrap();
    let asked = rule.questions(at("2018-06-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
    assert_eq!(asked, Questions { missing: vec!["2018-11-04".parse().unwrap()], repeated: vec![] });
    let later = chosen(midnight, MissingHour::Later, RepeatedHour::Second);
    assert_eq!(instants(&later, "2018-11-03T00:00:00Z", "2018-11-05T12:00:00Z"), ["11-03T03:30", "11-04T03:30", "11-05T02:30"]);
    let late = pattern("FREQ=DAILY", "2018-01-01", "23:30", "America/Sao_Paulo");
    let second = chosen(late, MissingHour::Skip, RepeatedHour::Second);
    assert_eq!(instants(&second, "2018-02-17T12:00:00Z", "2018-02-19T12:00:00Z"), ["02-18T02:30", "02-19T02:30"]);
    let today = pattern("FREQ=DAILY", "2026-01-01", "00:30", "America/Sao_Paulo");
    assert_eq!(Rule::read(&today).unwrap().questions(at("2026-01-01T00:00:00Z"), at("2030-01-01T00:00:00Z")), Questions::default());
}

#[test]
fn santiago_is_asked_about_by_its_days() {
    let early = pattern("FREQ=DAILY", "2026-01-01", "00:15", "America/Santiago");
    let rule = Rule::read(&early).unwrap();
    let asked = rule.questions(at("2026-01-01T00:00:00Z"), at("2027-12-31T00:00:00Z"));
    let days = |d: &[&str]| d.iter().map(|d| d.parse().unwrap()).collect::<Vec<Date>>();
    assert_eq!(asked, Questions { missing: days(&["2026-09-06", "2027-09-05"]), repeated: vec![] });
    let late = pattern("FREQ=DAILY", "2026-01-01", "23:45", "America/Santiago");
    let asked = Rule::read(&late).unwrap().questions(at("2026-01-01T00:00:00Z"), at("2027-12-31T00:00:00Z"));
    assert_eq!(asked, Questions { missing: vec![], repeated: days(&["2026-04-04", "2027-04-03"]) });
}

#[test]
fn rules_are_read_in_local_time_and_bounded() {
    let days =
        |rule: &str| instants(&pattern(rule, "2026-06-02", "23:30", "America/Santiago"), "2026-06-01T00:00:00Z", "2026-07-30T00:00:00Z");
    assert_eq!(days("FREQ=WEEKLY;BYDAY=TU;COUNT=2"), ["06-03T03:30", "06-10T03:30"], "the local day counts");
    assert_eq!(days("RRULE:FREQ=DAILY;UNTIL=20260603"), ["06-03T03:30", "06-04T03:30"]);
    assert_eq!(days("FREQ=DAILY;UNTIL=20260604T033000Z"), ["06-03T03:30", "06-04T03:30"]);
    for wrong in [
        "FREQ=HOURLY",
        "FREQ=DAILY;BYHOUR=3",
        "FREQ=DAILY\nEXDATE:20260603T000000Z",
        "FREQ=SOMETIMES",
        "",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=DAILY;INTERVAL=0",
    ] {
        let read = Rule::read(&pattern(wrong, "2026-06-02", "23:30", "UTC"));
        assert_eq!(read.err().map(|f| f.field).as_deref(), Some("rule"), "{wrong:?}");
    }
    let told = |rule: &str| Rule::read(&pattern(rule, "2026-06-02", "23:30", "UTC")).unwrap_err().message;
    assert_eq!(told("FREQ=DAILY;UNTIL=20260601"), "UNTIL is before the start on 2026-06-02, so there would be no day at all");
    for words in ["every Tuesday", "DAILY"] {
        assert!(told(words).starts_with("must be an RFC 5545 rule: every Tuesday is FREQ=WEEKLY;BYDAY=TU,"), "{words}");
    }
    let never = Rule::read(&pattern("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "2026-06-02", "08:00", "UTC")).unwrap();
    assert_eq!(never.next(at("2026-06-02T00:00:00Z")), None);
}

proptest! {
    #[test]
    fn every_local_day_has_its_one_slot_at_its_local_hour(
        zone in proptest::sample::select(vec!["Europe/Lisbon", "America/Sao_Paulo", "America/Santiago"]),
        (year, hour, minute) in (2016_i16..2030, 0_i8..24, 0_i8..60),
    ) {
        let start = jiff::civil::date(year, 1, 1);
        let plain = pattern("FREQ=DAILY", &start.to_string(), &format!("{hour:02}:{minute:02}"), zone);
        let (from, until) = (format!("{year}-01-01T00:00:00Z"), format!("{}-01-02T00:00:00Z", year + 1));
        let zone = jiff::tz::TimeZone::get(zone).unwrap();
        for (missing, repeated) in [(MissingHour::Earlier, RepeatedHour::Second), (MissingHour::Later, RepeatedHour::First)] {
            let rule = Rule::read(&chosen(plain.clone(), missing, repeated)).unwrap();
            let slots: Vec<_> = rule.slots(at(&from), at(&until)).collect();
            for pair in slots.windows(2) {
                prop_assert_eq!(pair[0].date.tomorrow().unwrap(), pair[1].date);
                prop_assert!(pair[0].about < pair[1].about);
            }
            let asked = Rule::read(&plain).unwrap().questions(at(&from), at(&until));
            for slot in slots.iter().filter(|s| !asked.missing.contains(&s.date)) {
                let shown = zone.to_datetime(jiff::Timestamp::from_millisecond(slot.about.as_millis()).unwrap());
                prop_assert_eq!((shown.date(), shown.hour(), shown.minute()), (slot.date, hour, minute));
            }
        }
    }
}

struct Depot {
    dir: TempDir,
    clock: Clock,
    bookings: Bookings,
}

fn depot(now: &str) -> Depot {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(at(now));
    let bookings = Bookings::new(Db::open(dir.path()).unwrap(), Config::default(), clock.clone());
    Depot { dir, clock, bookings }
}

impl Depot {
    async fn tick(&self) -> usize {
        self.bookings.recurrences().place_due(self.clock.now()).await.unwrap()
    }

    fn restart(&mut self) {
        self.bookings = Bookings::new(Db::open(self.dir.path()).unwrap(), Config::default(), self.clock.clone());
    }

    async fn placed(&self) -> Vec<Booking> {
        let mut all = self.bookings.list(Filter::default(), Page { cursor: None, limit: 500 }).await.unwrap().items;
        all.reverse();
        all
    }
}

fn request(pattern: Pattern) -> RecurrenceRequest {
    let site = |lat| Site::at(Place::new(lat, -9.1).unwrap());
    RecurrenceRequest { pattern, order: Order::new(site(38.7), site(38.8)), window_minutes: Some(30) }
}

fn user() -> Actor {
    Actor::User("ana".into())
}

fn days(n: i64) -> Span {
    Span::from_secs(n * 86_400)
}

#[tokio::test]
async fn an_hour_that_is_not_plain_is_asked_about() {
    let d = depot("2026-11-23T12:00:00Z");
    let night = pattern("FREQ=DAILY", "2026-11-23", "01:30", "Europe/Lisbon");
    let Err(Error::Invalid(faults)) = d.bookings.recurrences().add(request(night.clone()), user(), None).await else { panic!("guessed") };
    let told: Vec<_> = faults.iter().map(|f| (f.field.as_str(), f.message.as_str())).collect();
    assert_eq!(told[0].0, "missing_hour");
    assert!(told[0].1.contains("2027-03-28") && told[0].1.contains("earlier, later or skip"), "{told:?}");
    assert_eq!(told[1].0, "repeated_hour");
    assert!(told[1].1.contains("2027-10-31") && told[1].1.contains("first or second"), "{told:?}");
    let decided = chosen(night, MissingHour::Skip, RepeatedHour::First);
    d.bookings.recurrences().add(request(decided), user(), None).await.unwrap();
    let tuesdays = pattern("FREQ=WEEKLY;BYDAY=TU", "2026-11-23", "01:30", "Europe/Lisbon");
    d.bookings.recurrences().add(request(tuesdays), user(), None).await.expect("the edges are on Sundays");
}

#[tokio::test]
async fn each_day_gets_one_booking_over_both_edges_restarts_and_clock_jumps() {
    let mut d = depot("2026-10-20T12:00:00Z");
    let night = chosen(pattern("FREQ=DAILY", "2026-10-20", "01:30", "Europe/Lisbon"), MissingHour::Later, RepeatedHour::Second);
    let r = d.bookings.recurrences().add(request(night), user(), None).await.unwrap();
    let steps = [days(0), days(1), days(3), days(-2), days(1), days(40), days(-38), days(1), days(2), days(7), days(60), days(0), days(90)];
    for (n, step) in steps.into_iter().enumerate() {
        d.clock.advance(step);
        d.tick().await;
        if n % 2 == 0 {
            d.restart();
        }
    }
    while d.clock.now() < at("2027-11-05T00:00:00Z") {
        d.clock.advance(days(5));
        d.tick().await;
        assert_eq!(d.tick().await, 0);
    }
    let placed = d.placed().await;
    let times: Vec<_> = placed.iter().filter_map(|b| b.order.pickup_at).collect();
    assert_eq!(times.iter().collect::<BTreeSet<_>>().len(), times.len(), "a slot twice");
    let has = |text: &str| times.contains(&at(text));
    assert!(has("2026-10-25T01:30:00Z") && !has("2026-10-25T00:30:00Z"), "the second 01:30");
    assert!(has("2027-10-31T01:30:00Z") && !has("2027-10-31T00:30:00Z"));
    let summer: Vec<_> = times.iter().filter(|t| (at("2027-06-01T00:00:00Z")..at("2027-07-01T00:00:00Z")).contains(*t)).collect();
    assert_eq!(summer.len(), 30, "none lost");
    assert!(summer.iter().all(|t| t.to_string().ends_with("T00:30:00.000Z")), "the local hour is kept");
    assert_eq!(placed[0].order.pickup_until, placed[0].order.pickup_at.map(|t| t + Span::from_secs(1_800)));
    assert_eq!(d.bookings.recurrences().get(r.id).await.unwrap().version, 1);
}

#[tokio::test]
async fn what_could_not_be_placed_in_time_is_noted() {
    let d = depot("2026-11-23T12:00:00Z");
    let daily = pattern("FREQ=DAILY", "2026-11-23", "08:00", "UTC");
    let r = d.bookings.recurrences().add(request(daily), user(), None).await.unwrap();
    assert_eq!(d.tick().await, 7);
    d.clock.advance(days(10));
    assert_eq!(d.tick().await, 7);
    let lost = d.bookings.db.read(move |c| rows::day(c, &r.id, "2026-12-02".parse().unwrap())).await.unwrap().unwrap();
    assert_eq!((lost.outcome, lost.booking), (Outcome::Missed, None));
}

#[tokio::test]
async fn edits_pauses_and_skips_give_no_day_two_bookings() {
    let d = depot("2026-11-23T12:00:00Z");
    let recurrences = d.bookings.recurrences();
    let daily = pattern("FREQ=DAILY", "2026-11-23", "08:00", "UTC");
    let key = || Some("k".to_owned());
    let r = recurrences.add(request(daily.clone()), user(), key()).await.unwrap();
    assert_eq!(recurrences.add(request(daily.clone()), user(), key()).await.unwrap(), r);
    assert_eq!(d.tick().await, 7);
    let later = Pattern { start_time: "09:00".parse().unwrap(), ..daily.clone() };
    let stale = recurrences.change(r.id.clone(), 7, request(later.clone()), user()).await;
    assert!(matches!(stale, Err(Error::StaleRecurrence(now)) if (now.version, &now.pattern) == (r.version, &r.pattern)));
    let r = recurrences.change(r.id.clone(), 1, request(later), user()).await.unwrap();
    assert_eq!((r.version, d.tick().await), (2, 0), "its days have their bookings");
    let (day, gone) = ("2026-11-27".parse().unwrap(), "2026-12-02".parse().unwrap());
    recurrences.skip(r.id.clone(), day, Standing::Bookings, user()).await.unwrap();
    recurrences.skip(r.id.clone(), gone, Standing::Bookings, user()).await.unwrap();
    let next = recurrences.next(r.id.clone(), 10).await.unwrap();
    let outcomes: Vec<_> = next.iter().map(|u| u.outcome.map_or("-", Outcome::as_str)).collect();
    assert_eq!(outcomes, ["placed", "placed", "placed", "skipped", "placed", "placed", "placed", "-", "skipped", "-"]);
    let called_off = d.bookings.get(next[3].booking.unwrap()).await.unwrap();
    assert_eq!(called_off.status, Status::Cancelled);
    assert!(matches!(recurrences.unskip(r.id.clone(), day, user()).await, Err(Error::Invalid(_))));
    recurrences.pause(r.id.clone(), true, user()).await.unwrap();
    d.clock.advance(days(4));
    assert_eq!(d.tick().await, 0);
    recurrences.unskip(r.id.clone(), gone, user()).await.unwrap();
    let r = recurrences.pause(r.id.clone(), false, user()).await.unwrap();
    assert_eq!(d.tick().await, 4);
    assert_eq!(d.placed().await.len(), 11);
    let weekdays = Pattern { rule: "FREQ=MONTHLY;BYDAY=1MO;UNTIL=20261201".into(), ..daily };
    assert!(matches!(recurrences.change(r.id.clone(), r.version, request(weekdays), user()).await, Err(Error::Invalid(_))));
    recurrences.remove(r.id.clone(), r.version, user()).await.unwrap();
    assert!(matches!(recurrences.get(r.id).await, Err(Error::UnknownRecurrence)));
    assert_eq!(d.placed().await.len(), 11);
}

#[tokio::test]
async fn the_next_days_say_their_local_time_and_what_the_clock_does_to_it() {
    let next = async |now: &str, choice: Option<(MissingHour, RepeatedHour)>| {
        let d = depot(now);
        let night = pattern("FREQ=DAILY", &now[..10], "01:30", "Europe/Lisbon");
        let made = chosen(night.clone(), MissingHour::Skip, RepeatedHour::First);
        let r = d.bookings.recurrences().add(request(made), user(), None).await.unwrap();
        let pattern = choice.map_or(night.clone(), |(missing, repeated)| chosen(night, missing, repeated));
        // As it is once a zone's rules changed: nobody was asked.
        d.bookings.db.write(move |tx| rows::put(tx, &Recurrence { pattern, ..r.clone() }).map(|()| r)).await.unwrap();
        let id = d.bookings.recurrences().list(Page { cursor: None, limit: 1 }).await.unwrap().items[0].id.clone();
        let told = |u: Upcoming| (u.local, u.offset_changes, u.slot.hour);
        d.bookings.recurrences().next(id, 3).await.unwrap().into_iter().map(told).collect::<Vec<_>>()
    };
    let day = |local: &str, changes, hour| (local.to_owned(), changes, hour);
    let (missing, repeated) = (Some(Hour::Missing), Some(Hour::Repeated));
    let moved = Some((MissingHour::Later, RepeatedHour::Second));
    assert_eq!(
        next("2026-03-28T00:00:00Z", moved).await,
        [
            day("2026-03-28T01:30:00+00:00", false, None),
            day("2026-03-29T02:30:00+01:00", true, missing),
            day("2026-03-30T01:30:00+01:00", false, None)
        ]
    );
    assert_eq!(
        next("2026-10-24T00:00:00Z", moved).await,
        [
            day("2026-10-24T01:30:00+01:00", false, None),
            day("2026-10-25T01:30:00+00:00", true, repeated),
            day("2026-10-26T01:30:00+00:00", false, None)
        ]
    );
    assert_eq!(next("2026-03-28T00:00:00Z", None).await[1], day("2026-03-29T01:30:00", true, missing), "to be said");
}

#[tokio::test]
async fn one_at_which_the_database_fails_says_so_and_holds_up_no_other() {
    let d = depot("2026-11-23T12:00:00Z");
    let recurrences = d.bookings.recurrences();
    let daily = || request(pattern("FREQ=DAILY", "2026-11-23", "08:00", "UTC"));
    let broken = recurrences.add(daily(), user(), None).await.unwrap();
    let sound = recurrences.add(daily(), user(), None).await.unwrap();
    let trap = format!(
        "create trigger trap before insert on recurrence_slots when new.recurrence_id = '{}' begin select raise(abort, 'no room'); end",
        broken.id
    );
    d.bookings.db.write(move |tx| Ok::<_, store::Error>(tx.execute_batch(&trap)?)).await.unwrap();
    assert_eq!(d.tick().await, 7, "the other's");
    let failed = recurrences.get(broken.id.clone()).await.unwrap();
    let Some(Look { at, placed: 0, fault: Some(fault) }) = failed.last else { panic!("{failed:?}") };
    assert!(at == d.clock.now() && fault.contains("no room"), "{fault}");
    assert_eq!(recurrences.get(sound.id).await.unwrap().last, Some(Look { at, placed: 7, fault: None }));
    // It is left alone for a minute, then tried again.
    d.bookings.db.write(|tx| Ok::<_, store::Error>(tx.execute_batch("drop trigger trap")?)).await.unwrap();
    assert_eq!(d.tick().await, 0);
    d.clock.advance(Span::from_secs(60));
    assert_eq!(d.tick().await, 7);
    let well = recurrences.get(broken.id).await.unwrap();
    assert_eq!((well.last.unwrap().fault, well.version), (None, 1));
}

#[tokio::test]
async fn a_key_for_a_booking_is_not_one_for_a_recurrence() {
    let d = depot("2026-11-23T12:00:00Z");
    let daily = request(pattern("FREQ=DAILY", "2026-11-23", "08:00", "UTC"));
    let booking = PlaceRequest::from(daily.order.clone());
    d.bookings.place(booking, user(), Some("k".into())).await.unwrap();
    assert!(matches!(d.bookings.recurrences().add(daily, user(), Some("k".into())).await, Err(Error::KeyReused)));
}

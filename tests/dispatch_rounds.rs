//! Rounds over a real database and a real fleet.

mod dispatch_support;

use depotd::bookings::{ByHand, Standing};
use depotd::clock::Clock;
use depotd::model::{Actor, Availability, Span, Status, Step, Timestamp};
use dispatch_support::{Depot, START, depot, id};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_nearest_gets_it_and_the_record_says_why() {
    let (_dir, depot) = depot();
    for (name, east) in [("far", 2_000.0), ("near", 700.0), ("nearer-but-busy", 300.0)] {
        depot.ready(name, east).await;
    }
    let earlier = depot.place(300.0).await;
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(depot.vehicle_of(earlier).await.as_deref(), Some("nearer-but-busy"));
    let booking = depot.place(0.0).await;
    let report = depot.dispatch.round("test").await.unwrap();
    assert_eq!((report.waiting, report.assigned, report.lost, report.left), (1, 1, 0, 0));
    assert_eq!(depot.vehicle_of(booking).await.as_deref(), Some("near"));
    let view = depot.fleet.get(&id("near")).unwrap();
    assert_eq!((view.availability, view.booking), (Availability::EnRoute, Some(booking)));
    let [record] = &depot.records(booking).await[..] else { panic!("one record") };
    assert_eq!(record["chosen"], "near");
    assert_eq!(record["sentence"], "near was nearest of those that are free: 2 min away; 1 closer one was busy.");
    assert_eq!(record["candidates"][1]["vehicle_id"], "far");
    assert_eq!((&record["excluded"][0]["vehicle_id"], &record["excluded"][0]["reason"]), (&"nearer-but-busy".into(), &"busy".into()));
    assert!(depot.dispatch.stats().rounds == 2 && depot.dispatch.stats().assigned == 2);
}

#[tokio::test]
async fn a_round_beats_first_come_first_served() {
    let (_dir, depot) = depot();
    depot.ready("a", 900.0).await;
    depot.ready("b", -1_200.0).await;
    let (first, second) = (depot.place(0.0).await, depot.place(1_900.0).await);
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(depot.vehicle_of(first).await.as_deref(), Some("b"));
    assert_eq!(depot.vehicle_of(second).await.as_deref(), Some("a"));
    let record = &depot.records(first).await[0];
    assert_eq!(record["sentence"], "b is 4 min away; a is nearer but does more good on B-1002.");
    assert_eq!(record["candidates"][0]["lost_to"], second.to_string());
}

#[tokio::test]
async fn nobody_is_taken_who_cannot_and_each_reason_is_said_once() {
    let (_dir, depot) = depot();
    depot.register("silent", true).await;
    depot.ready("stale", 100.0).await;
    depot.clock.advance(Span::from_secs(301));
    depot.ready("offline", 200.0).await;
    depot.fleet.set_online(&id("offline"), false, START);
    depot.register("off-duty", false).await;
    depot.appear("off-duty", 300.0);
    depot.ready("busy", 400.0).await;
    depot.fleet.set_online(&id("silent"), true, START);
    let job = depot.place(400.0).await;
    depot.bookings.assign(job, ByHand::to(id("busy")), Actor::System).await.unwrap();
    let booking = depot.place(0.0).await;
    for _ in 0..3 {
        assert_eq!(depot.dispatch.round("retry").await.unwrap().left, 1);
    }
    assert_eq!(depot.get(booking).await.status, Status::Waiting);
    let [record] = &depot.records(booking).await[..] else { panic!("told once, not at every retry") };
    let told: Vec<(&str, &str)> =
        record["excluded"].as_array().unwrap().iter().map(|e| (e["vehicle_id"].as_str().unwrap(), e["reason"].as_str().unwrap())).collect();
    let expected =
        [("stale", "no_recent_fix"), ("offline", "offline"), ("off-duty", "off_duty"), ("busy", "busy"), ("silent", "no_recent_fix")];
    assert_eq!(told, expected);
    assert_eq!((&record["excluded_total"]["no_recent_fix"], &record["rounds"]), (&2.into(), &3.into()));
    // One of them comes back: it gets the booking, and the record says so.
    depot.appear("stale", 100.0);
    assert_eq!(depot.dispatch.round("retry").await.unwrap().assigned, 1);
    assert_eq!(depot.vehicle_of(booking).await.as_deref(), Some("stale"));
    assert_eq!(depot.records(booking).await.len(), 2);
}

#[tokio::test]
async fn every_round_counts_though_none_but_news_is_written_at_once() {
    let (dir, depot) = depot();
    // What another process finds on the disk, as after a crash.
    let disk = Depot::open(dir.path(), depot.clock.clone());
    let (booking, other) = (depot.place(0.0).await, depot.place(100.0).await);
    let step = Span::from_secs(7);
    let held = |record: &Value| (record["rounds"].as_u64().unwrap(), Timestamp::parse(record["until"].as_str().unwrap()).unwrap());
    let mut written = BTreeSet::new();
    for n in 0..20 {
        assert_eq!(depot.dispatch.round("retry").await.unwrap().left, 2);
        let records = depot.records(booking).await;
        assert_eq!((records.len(), held(&records[0])), (1, (n + 1, depot.clock.now())), "told as it is, written or not");
        let (rounds, until) = held(&disk.records(booking).await[0]);
        assert!(depot.clock.now().since(until) < Span::from_secs(60) + step, "a minute behind at most");
        written.insert(rounds);
        depot.clock.advance(step);
    }
    assert_eq!(written, BTreeSet::from([1, 9, 18]), "once a minute");
    let last = depot.clock.now();
    // One waits no more: its count is written.
    depot.bookings.cancel(other, "test".into(), Standing::Bookings, Actor::System).await.unwrap();
    depot.dispatch.round("retry").await.unwrap();
    assert_eq!(held(&disk.records(other).await[0]).0, 20);
    // News about it: the record before is written with it.
    depot.ready("v", 100.0).await;
    depot.dispatch.round("retry").await.unwrap();
    let told: Vec<_> = disk.records(booking).await.iter().map(held).collect();
    assert_eq!(told, [(1, last), (21, last)]);
}

#[tokio::test]
async fn a_vehicle_is_free_again_after_its_job() {
    let (_dir, depot) = depot();
    depot.ready("only", 100.0).await;
    let (first, second) = (depot.place(0.0).await, depot.place(5_000.0).await);
    assert_eq!(depot.dispatch.round("test").await.unwrap().left, 1);
    let available = || depot.fleet.get(&id("only")).unwrap().availability;
    for (step, expected) in
        [(Step::Arrived, Availability::Loading), (Step::PickedUp, Availability::EnRoute), (Step::Delivered, Availability::Free)]
    {
        depot.bookings.step(first, step, None, None, Actor::System, Some(&id("only"))).await.unwrap();
        depot.dispatch.prepare().await.unwrap();
        assert_eq!(available(), expected);
    }
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(depot.vehicle_of(second).await.as_deref(), Some("only"));
}

#[tokio::test]
async fn of_two_dispatchers_at_once_one_loses() {
    let (dir, depot) = depot();
    let other = Depot::open(dir.path(), depot.clock.clone());
    for n in 0..8 {
        depot.register(&format!("v{n}"), true).await;
        depot.appear(&format!("v{n}"), 100.0 * f64::from(n));
        other.appear(&format!("v{n}"), 100.0 * f64::from(7 - n));
    }
    for n in 0..6 {
        depot.place(130.0 * f64::from(n)).await;
    }
    let (one, two) = tokio::join!(depot.dispatch.round("test"), other.dispatch.round("test"));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.assigned + two.assigned, 6, "{one:?} {two:?}");
    assert_eq!(one.lost + two.lost, one.waiting + two.waiting - 6, "{one:?} {two:?}");
    no_double_dispatch(&depot, 6).await;
}

async fn no_double_dispatch(depot: &Depot, expected: usize) {
    let events = depot.assigned_events().await;
    let bookings: std::collections::HashSet<_> = events.iter().map(|(b, _)| *b).collect();
    let vehicles: std::collections::HashSet<_> = events.iter().map(|(_, v)| v.clone()).collect();
    assert_eq!((bookings.len(), vehicles.len(), events.len()), (expected, expected, expected), "{events:?}");
    for (booking, _) in events {
        assert_eq!(depot.records(booking).await.iter().filter(|r| r.get("chosen").is_some()).count(), 1);
    }
}

#[tokio::test]
async fn a_round_cut_short_anywhere_dispatches_nothing_twice() {
    for cut in 0..14_u64 {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(START);
        let depot = Depot::open(dir.path(), clock.clone());
        for n in 0..3 {
            depot.ready(&format!("v{n}"), 100.0 * f64::from(n)).await;
        }
        for n in 0..4 {
            depot.place(70.0 * f64::from(n)).await;
        }
        // Dropped wherever it is then, as a crash would.
        let _ = tokio::time::timeout(Duration::from_micros(cut * 400), depot.dispatch.round("test")).await;
        drop(depot);
        let depot = Depot::open(dir.path(), clock);
        for n in 0..3 {
            depot.appear(&format!("v{n}"), 100.0 * f64::from(n));
        }
        depot.dispatch.round("start").await.unwrap();
        no_double_dispatch(&depot, 3).await;
        assert_eq!(depot.bookings.waiting(10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_loop_is_woken_by_the_journal_and_stops_when_told() {
    let (_dir, depot) = depot();
    let cancel = CancellationToken::new();
    let work = async {
        while !depot.dispatch.caught_up() {
            tokio::task::yield_now().await;
        }
        depot.ready("v", 100.0).await;
        let booking = depot.place(0.0).await;
        let mut head = depot.db.head();
        while depot.get(booking).await.status != Status::Assigned || !depot.dispatch.caught_up() {
            let _ = tokio::time::timeout(Duration::from_millis(50), head.changed()).await;
        }
        cancel.cancel();
        booking
    };
    let both = async { tokio::join!(depot.dispatch.clone().run(cancel.clone()), work) };
    let (ended, booking) = tokio::time::timeout(PATIENCE, both).await.expect("dispatched in time");
    ended.unwrap();
    assert_eq!(depot.records(booking).await[0]["trigger"], "journal");
}

#[tokio::test]
async fn the_calendar_releases_a_scheduled_booking() {
    let (_dir, depot) = depot();
    depot.ready("v", 100.0).await;
    let booking = depot.place_at(0.0, Some(START + Span::from_secs(3_600))).await;
    assert_eq!(depot.dispatch.round("test").await.unwrap().waiting, 0);
    depot.clock.advance(Span::from_secs(3_600 - 300));
    depot.appear("v", 100.0);
    let cancel = CancellationToken::new();
    let work = async {
        let mut head = depot.db.head();
        while depot.get(booking).await.status != Status::Assigned {
            let _ = tokio::time::timeout(Duration::from_millis(50), head.changed()).await;
        }
        cancel.cancel();
    };
    let both = async { tokio::join!(depot.dispatch.clone().run(cancel.clone()), work) };
    tokio::time::timeout(PATIENCE, both).await.expect("released in time").0.unwrap();
}

//! Pulls the plug before each statement that writes ops.db, while bookings are placed, released, offered, accepted and given.
//!
//! A child process does the work and ends itself, as `kill -9` would, at the n-th statement; then the files must tell a
//! consistent story, nothing that was acknowledged may be missing, and the work must go on to its end, each booking given once.

mod dispatch_support;

use depotd::bookings::Filter;
use depotd::bookings::Page;
use depotd::clock::Clock;
use depotd::config::Offers;
use depotd::model::{Actor, Booking, Kind, Span, Status};
use depotd::store::journal;
use dispatch_support::{Depot, START, id};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::span;

/// Ends the process at the n-th statement of the writer.
struct Plug {
    at: u64,
    seen: AtomicU64,
}

impl tracing::Subscriber for Plug {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == depotd::store::SQL_TRACE
    }
    fn event(&self, _: &tracing::Event<'_>) {
        if std::thread::current().name() == Some("ops.db") && self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            std::process::abort();
        }
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The child: says on its standard output what was acknowledged.
#[tokio::test]
#[ignore = "run by the test below"]
async fn child() {
    let Some(at) = std::env::var("CRASH_AT").ok().and_then(|at| at.parse().ok()) else { return };
    let dir = std::env::var("CRASH_DIR").unwrap();
    tracing::subscriber::set_global_default(Plug { at, seen: AtomicU64::new(0) }).unwrap();
    let depot = Depot::open_with(Path::new(&dir), Clock::manual(START), |dispatch| dispatch.offers = Offers::Best);
    depot.ready("a", 200.0).await;
    depot.ready("b", 400.0).await;
    depot.ready("c", 600.0).await;
    let accepted = depot.place(0.0).await;
    println!("placed {accepted}");
    depot.dispatch.round("test").await.unwrap();
    depot.bookings.answer(accepted, &id("b"), true, None, Actor::System).await.unwrap();
    println!("given {accepted}");
    let later = depot.place_at(300.0, Some(START + Span::from_secs(1_800))).await;
    println!("placed {later}");
    depot.clock.advance(Span::from_secs(1_700));
    depot.bookings.release_due(depot.clock.now()).await.unwrap();
    for vehicle in ["a", "c"] {
        depot.appear(vehicle, 500.0);
    }
    depot.dispatch.round("test").await.unwrap();
    depot.clock.advance(Span::from_secs(31));
    depot.bookings.pass_offers(depot.clock.now()).await.unwrap();
    let at_once = Depot::open(Path::new(&dir), Clock::manual(depot.clock.now()));
    at_once.appear("a", 500.0);
    at_once.fleet.set_online(&id("a"), true, at_once.clock.now());
    at_once.clock.advance(Span::from_secs(600));
    at_once.appear("a", 500.0);
    at_once.dispatch.round("test").await.unwrap();
    println!("given {later}");
}

async fn all(depot: &Depot) -> Vec<Booking> {
    depot.bookings.list(Filter::default(), Page { cursor: None, limit: 100 }).await.unwrap().items
}

/// What must hold whenever the plug was pulled.
async fn check(depot: &Depot, said: &str, at: u64) {
    let bookings = all(depot).await;
    for line in said.lines() {
        let Some((what, booking)) = line.split_once(' ').filter(|(what, _)| ["placed", "given"].contains(what)) else { continue };
        let found = bookings.iter().find(|b| b.id.to_string() == booking);
        let found = found.unwrap_or_else(|| panic!("statement {at}: {booking} was acknowledged and is lost"));
        assert!(what == "placed" || found.status == Status::Assigned, "statement {at}: {booking} is {:?}", found.status);
    }
    let events = depot.db.read(|c| journal::after(c, 0, 10_000)).await.unwrap();
    let mut told = HashMap::new();
    for event in events.iter().filter(|e| e.booking.is_some()) {
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        told.insert(event.booking.unwrap(), data["status"].as_str().unwrap().to_owned());
    }
    let open = depot.bookings.open_offers().await.unwrap();
    for booking in &bookings {
        assert_eq!(told[&booking.id], booking.status.as_str(), "statement {at}: row and journal disagree");
        let asked = open.iter().filter(|o| o.booking == booking.id).count();
        assert_eq!(
            asked > 0,
            booking.status == Status::Offered,
            "statement {at}: {asked} open offers of a booking that is {:?}",
            booking.status
        );
    }
    assert!(depot.db.read(depotd::store::audit::verify).await.unwrap().is_ok(), "statement {at}: the audit chain is broken");
}

/// Lets the work go on to its end: each booking is given once.
async fn go_on(depot: &Depot, at: u64) {
    depot.bookings.pass_offers(depot.clock.now()).await.unwrap();
    depot.clock.advance(Span::from_secs(3_600));
    for vehicle in ["a", "b", "c"] {
        if depot.db.read(move |c| depotd::store::vehicles::exists(c, &id(vehicle))).await.unwrap() {
            depot.appear(vehicle, 500.0);
        }
    }
    depot.bookings.release_due(depot.clock.now()).await.unwrap();
    depot.dispatch.prepare().await.unwrap();
    depot.dispatch.round("test").await.unwrap();
    let vehicles = depot.fleet.all().len();
    let bookings = all(depot).await;
    let given = bookings.iter().filter(|b| b.status == Status::Assigned).count();
    assert_eq!(given, bookings.len().min(vehicles), "statement {at}: {bookings:?}");
    let events = depot.db.read(|c| journal::after(c, 0, 10_000)).await.unwrap();
    for booking in &bookings {
        let times = events.iter().filter(|e| e.booking == Some(booking.id) && e.kind == Kind::BookingAssigned).count();
        assert!(times <= 1, "statement {at}: {} was given {times} times", booking.id);
    }
    let mut holders: Vec<_> = bookings.iter().filter_map(|b| b.vehicle.clone()).collect();
    holders.sort();
    assert!(holders.windows(2).all(|pair| pair[0] != pair[1]), "statement {at}: two jobs at once");
}

#[tokio::test]
async fn whenever_the_plug_is_pulled_no_booking_is_lost_or_given_twice() {
    let mut at = 0;
    loop {
        at += 1;
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env("CRASH_AT", at.to_string())
            .env("CRASH_DIR", dir.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8(child.stdout).unwrap();
        let depot = Depot::open(dir.path(), Clock::manual(START + Span::from_secs(4 * 3_600)));
        check(&depot, &said, at).await;
        go_on(&depot, at).await;
        if child.status.success() {
            break;
        }
    }
    assert!(at > 60, "only {at} statements were seen");
    println!("{at} crash points");
}

//! Pulls the plug before each statement that writes ops.db, while bookings are placed, released, offered, accepted and given, and
//! while schedules fire.
//!
//! A child process does the work and ends itself, as `kill -9` would, at the n-th statement; then the files must tell a
//! consistent story, nothing that was acknowledged may be missing, and the work must go on to its end, each booking given once.

mod dispatch_support;

use depotd::bookings::Filter;
use depotd::bookings::Page;
use depotd::clock::Clock;
use depotd::config::Offers;
use depotd::model::{Actor, Booking, Kind, Missed, Run, RunResult, ScheduleKind, Span, Status, Timestamp};
use depotd::schedules::{Action, Actions, Runner, Schedules, Wish};
use depotd::store::{Db, journal};
use dispatch_support::{Depot, START, id};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
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

/// In a child: the directory to work in, with the plug set.
fn plugged() -> Option<String> {
    let at = std::env::var("CRASH_AT").ok()?.parse().ok()?;
    tracing::subscriber::set_global_default(Plug { at, seen: AtomicU64::new(0) }).unwrap();
    std::env::var("CRASH_DIR").ok()
}

/// Runs a child in `dir` until statement `at`: what it said, and whether it came to its end.
fn run_child(name: &str, dir: &Path, at: u64) -> (String, bool) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("CRASH_AT", at.to_string())
        .env("CRASH_DIR", dir)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .unwrap();
    (String::from_utf8(child.stdout).unwrap(), child.status.success())
}

/// The child: says on its standard output what was acknowledged.
#[tokio::test]
#[ignore = "run by a test below"]
async fn booking_child() {
    let Some(dir) = plugged() else { return };
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
        let (said, ended) = run_child("booking_child", dir.path(), at);
        let depot = Depot::open(dir.path(), Clock::manual(START + Span::from_secs(4 * 3_600)));
        check(&depot, &said, at).await;
        go_on(&depot, at).await;
        if ended {
            break;
        }
    }
    assert!(at > 60, "only {at} statements were seen");
    println!("{at} crash points");
}

/// A process with schedules, whose action leaves a line in `effects` and fails at its first slot's first attempt.
struct Timetable {
    schedules: Schedules,
    clock: Clock,
    runner: Runner,
    tick: Arc<Notify>,
}

impl Timetable {
    fn open(dir: &Path, clock: Clock) -> Self {
        let schedules = Schedules::new(Db::open(dir).unwrap(), "UTC", clock.clone());
        let effects = dir.join("effects");
        let act: Action = Arc::new(move |_, slot| {
            let before = std::fs::read_to_string(&effects).unwrap_or_default();
            std::fs::write(&effects, format!("{before}{slot}\n")).unwrap();
            Box::pin(async move { if before.is_empty() { Err("no".to_owned()) } else { Ok("done".to_owned()) } })
        });
        let tick = Arc::new(Notify::new());
        let runner = Runner::new(schedules.clone(), Actions::from([(ScheduleKind::Release, act)]), Arc::clone(&tick));
        Self { schedules, clock, runner, tick }
    }

    async fn log(&self) -> Vec<Run> {
        let Some((schedule, _)) = self.schedules.all().await.unwrap().pop() else { return Vec::new() };
        self.schedules.runs(&schedule.id, i64::MAX, 100).await.unwrap()
    }

    /// Runs what is due until the newest slot ended well.
    async fn settle(&self, slot: Timestamp) {
        let cancel = CancellationToken::new();
        let work = async {
            while !self.log().await.iter().any(|run| run.slot == slot && run.result == RunResult::Ok) {
                self.tick.notify_one();
                tokio::task::yield_now().await;
            }
            cancel.cancel();
        };
        let (ran, ()) = tokio::join!(self.runner.clone().run(cancel.clone()), work);
        ran.unwrap();
    }
}

const SLOTS: i64 = 4;

/// The n-th slot after the start, which lies between two.
fn slot(n: i64) -> Timestamp {
    Timestamp::from_secs(START.as_millis() / 1_000 / 600 * 600 + n * 600)
}

#[tokio::test]
#[ignore = "run by a test below"]
async fn schedule_child() {
    let Some(dir) = plugged() else { return };
    let depot = Timetable::open(Path::new(&dir), Clock::manual(START));
    let (name, cron, kind) = ("x".to_owned(), "*/10 * * * *".to_owned(), ScheduleKind::Release);
    let wish = Wish { name, kind, cron, zone: None, enabled: true, missed: Missed::RunOnce, attempts: 3, backoff_s: 0 };
    depot.schedules.add(wish, Actor::System).await.unwrap();
    println!("added");
    for n in 1..=SLOTS {
        depot.clock.advance(slot(n).since(depot.clock.now()));
        depot.settle(slot(n)).await;
        println!("ended {}", slot(n));
    }
}

#[tokio::test]
async fn whenever_the_plug_is_pulled_no_slot_is_lost_or_ends_well_twice() {
    let mut at = 0;
    loop {
        at += 1;
        let dir = tempfile::tempdir().unwrap();
        let (said, ended) = run_child("schedule_child", dir.path(), at);
        let depot = Timetable::open(dir.path(), Clock::manual(slot(SLOTS + 1)));
        let acknowledged: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("ended ")).map(str::to_owned).collect();
        if depot.schedules.all().await.unwrap().is_empty() {
            assert!(!said.contains("added"), "statement {at}: the schedule was acknowledged and is lost");
            continue;
        }
        depot.settle(slot(SLOTS + 1)).await;
        let log = depot.log().await;
        assert!(log.iter().all(|run| run.result != RunResult::Running), "statement {at}: {log:?}");
        let ok = |slot: &str| log.iter().filter(|run| run.slot.to_string() == slot && run.result == RunResult::Ok).count();
        assert!(log.iter().all(|run| ok(&run.slot.to_string()) <= 1), "statement {at}: a slot ended well twice: {log:?}");
        assert!(acknowledged.iter().all(|slot| ok(slot) == 1), "statement {at}: what ended well is lost: {log:?}");
        let effects = std::fs::read_to_string(dir.path().join("effects")).unwrap();
        for run in &log {
            let begun = log.iter().filter(|other| other.slot == run.slot).count();
            let acted = effects.lines().filter(|line| *line == run.slot.to_string()).count();
            assert!(acted <= begun, "statement {at}: {} was acted on {acted} times in {begun} attempts", run.slot);
        }
        if ended {
            break;
        }
    }
    assert!(at > 20, "only {at} statements were seen");
}

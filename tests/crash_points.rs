//! Pulls the plug before each statement that writes ops.db, while bookings are placed, released, offered, accepted and given, while
//! schedules fire, and while head office's orders are carried out.
//!
//! A child process does the work and ends itself, as `kill -9` would, at the n-th statement; then the files must tell a
//! consistent story, nothing that was acknowledged may be missing, and the work must go on to its end, each booking given once.

mod dispatch_support;

use depotd::auth::Auth;
use depotd::batch::{Command as Ordered, Order, SigningKey};
use depotd::bookings::Filter;
use depotd::bookings::Page;
use depotd::clock::Clock;
use depotd::config::{Config, Offers, Origins};
use depotd::model::{Actor, Booking, Kind, Missed, Run, RunResult, ScheduleKind, Span, Status, Timestamp};
use depotd::orders::Orders;
use depotd::schedules::{Action, Actions, Runner, Schedules, Wish};
use depotd::settings::{Base, Settings};
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
        let schedules = Schedules::new(Db::open(dir).unwrap(), &Config::default(), clock.clone());
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
    let wish = Wish { name, kind, cron, zone: None, enabled: true, missed: Missed::RunOnce, attempts: 3, backoff_s: 0, report: None };
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

const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
const ANA: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Head office's orders as a sink hands them out: the key is written beside the data, so that child and parent sign alike.
fn orders(dir: &Path) -> (Vec<Order>, String) {
    let file = dir.join("key.pem");
    let key = match std::fs::read_to_string(&file) {
        Ok(pem) => SigningKey::from_pem(&pem).unwrap(),
        Err(_) => {
            let (key, pem) = SigningKey::generate().unwrap();
            std::fs::write(&file, pem).unwrap();
            key
        }
    };
    let place = serde_json::json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.5}});
    let given = [
        ("create", "booking.create", Some(ANA), None, place.clone()),
        ("change", "booking.change", Some(ANA), Some(1), serde_json::json!({"notes": "ring twice"})),
        ("stale", "booking.change", Some(ANA), Some(1), serde_json::json!({"notes": "ring once"})),
        ("user", "user.set", None, None, serde_json::json!({"name": "ana", "role": "admin", "password_hash": HASH})),
        ("last", "user.disable", None, None, serde_json::json!({"name": "ana"})),
        ("other", "booking.create", None, None, place),
        ("cancel", "booking.cancel", Some(ANA), Some(2), serde_json::json!({"reason": "not wanted"})),
    ];
    let signed = given.into_iter().zip(1..).map(|((cmd_id, kind, target, expected_version, data), seq)| {
        let serde_json::Value::Object(data) = data else { unreachable!() };
        let command = Ordered {
            cmd_id: cmd_id.to_owned(),
            depot: "d".to_owned(),
            kind: kind.to_owned(),
            target: target.map(str::to_owned),
            expected_version,
            issued_at: START,
            expires_at: START + Span::from_secs(3_600),
            data,
        };
        let command = serde_json::to_string(&command).unwrap();
        Order { seq: seq * 10, signature: key.sign(&command), command }
    });
    let mut all: Vec<Order> = signed.collect();
    all.insert(3, Order { seq: 35, command: "junk".into(), signature: "junk".into() });
    (all, key.public())
}

/// Asks for what is left, as the line does, until nothing is.
async fn carry_out(dir: &Path) {
    let depot = Depot::open(dir, Clock::manual(START));
    let (all, public) = orders(dir);
    let config = Config::default();
    let upstream = depotd::config::Upstream { depot: "d".into(), orders_key: public, ..config.upstream };
    let auth = Auth::new(depot.db.clone(), &config.mqtt, depot.clock.clone());
    let base = Base { config: Config::default(), origins: Origins::default() };
    let settings = Settings::open(depot.db.clone(), base, depot.clock.clone()).unwrap();
    let orders = Orders::new(depot.db.clone(), depot.bookings.clone(), auth, settings, &upstream, depot.clock.clone());
    loop {
        let after = orders.after("office").await.unwrap();
        let left: Vec<Order> = all.iter().filter(|order| order.seq > after).take(3).cloned().collect();
        if left.is_empty() {
            return;
        }
        orders.take("office", &left).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "run by a test below"]
async fn order_child() {
    let Some(dir) = plugged() else { return };
    carry_out(Path::new(&dir)).await;
}

#[tokio::test]
async fn whenever_the_plug_is_pulled_no_order_is_lost_or_carried_out_twice() {
    let mut at = 0;
    loop {
        at += 1;
        let dir = tempfile::tempdir().unwrap();
        orders(dir.path());
        let (_, ended) = run_child("order_child", dir.path(), at);
        carry_out(dir.path()).await;
        let depot = Depot::open(dir.path(), Clock::manual(START));
        let bookings = all(&depot).await;
        let ana = bookings.iter().find(|b| b.id.to_string() == ANA).unwrap();
        assert_eq!((bookings.len(), ana.version, ana.status), (2, 3, Status::Cancelled), "statement {at}");
        assert_eq!(ana.order.notes.as_deref(), Some("ring twice"), "statement {at}");
        let events = depot.db.read(|c| journal::after(c, 0, 10_000)).await.unwrap();
        let mut answers: Vec<_> = Vec::new();
        for event in events.iter().filter(|e| e.kind.as_str().starts_with("command.")) {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            answers.push((event.kind, data["cmd_id"].as_str().unwrap_or("junk").to_owned()));
        }
        let expected = [
            (Kind::CommandApplied, "create"),
            (Kind::CommandApplied, "change"),
            (Kind::CommandRejected, "stale"),
            (Kind::CommandRefused, "junk"),
            (Kind::CommandApplied, "user"),
            (Kind::CommandRejected, "last"),
            (Kind::CommandApplied, "other"),
            (Kind::CommandApplied, "cancel"),
        ];
        assert_eq!(answers, expected.map(|(kind, id)| (kind, id.to_owned())), "statement {at}");
        let made = |kind| events.iter().filter(|e| e.kind == kind).count();
        assert_eq!((made(Kind::BookingPlaced), made(Kind::AccessChanged)), (2, 1), "statement {at}: what was rejected left a trace");
        assert!(depot.db.read(depotd::store::audit::verify).await.unwrap().is_ok(), "statement {at}: the audit chain is broken");
        if ended {
            break;
        }
    }
    assert!(at > 60, "only {at} statements were seen");
}

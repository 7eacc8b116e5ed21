//! A head office that answers what it should not: the depot goes on, nothing is lost, and the board tells.

#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

mod common;
mod upstream_support;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use depotd::config;
use depotd::model::{Lane, LineMode, SinkStatus};
use depotd::sim::rng::Rng;
use depotd::sync::Sync;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use upstream_support::{PATIENCE, Truths, settings};

/// A batch as it came.
#[derive(Clone, Debug)]
struct Post {
    epoch: String,
    lane: Lane,
    first: i64,
    last: i64,
    body: Bytes,
}

#[derive(Default)]
struct Seen {
    /// All that came.
    posts: Vec<Post>,
    /// What was stored.
    through: BTreeMap<(String, Lane), i64>,
    /// Batches that were acknowledged, in order.
    stored: Vec<Post>,
}

/// What it says to other questions, by path; `None`: nothing, ever.
type Answers = Box<dyn Fn(&str) -> Option<serde_json::Value> + Send + std::marker::Sync>;
/// What it says to a batch; `None`: it stores it. The number counts the batches of that lane, from 0.
type Whim = Box<dyn Fn(&Post, usize) -> Option<Response> + Send + std::marker::Sync>;

#[derive(Clone)]
struct Office {
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    whim: Arc<Mutex<Whim>>,
    answers: Arc<Mutex<Answers>>,
}

impl Office {
    async fn start(whim: impl Fn(&Post, usize) -> Option<Response> + Send + std::marker::Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let office = Self {
            addr,
            seen: Arc::default(),
            whim: Arc::new(Mutex::new(Box::new(whim))),
            answers: Arc::new(Mutex::new(Box::new(|_| None))),
        };
        let router = Router::new()
            .route("/v1/depots/{depot}/cursors", get(cursors))
            .route("/v1/depots/{depot}/batches", post(batches))
            .fallback(questions)
            .with_state(office.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        office
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// From now on it stores what comes.
    fn be_honest(&self) {
        *self.whim.lock().unwrap() = Box::new(|_, _| None);
    }

    fn answer(&self, answers: impl Fn(&str) -> Option<serde_json::Value> + Send + std::marker::Sync + 'static) {
        *self.answers.lock().unwrap() = Box::new(answers);
    }

    fn posts(&self, lane: Lane) -> usize {
        self.seen().posts.iter().filter(|post| post.lane == lane).count()
    }

    /// What is stored of `lane` is all of it, once and in order.
    fn has_all(&self, lane: Lane, head: i64) {
        let seen = self.seen();
        let mut next = 1;
        for post in seen.stored.iter().filter(|post| post.lane == lane) {
            assert_eq!(post.first, next, "{lane:?}: {:?}", seen.stored);
            next = post.last + 1;
        }
        assert!(next > head, "{lane:?} ends before {next} of {head}");
    }
}

async fn cursors(State(office): State<Office>) -> Response {
    let items: Vec<_> = office
        .seen()
        .through
        .iter()
        .map(|((epoch, lane), through)| serde_json::json!({"epoch": epoch, "lane": lane, "through": through}))
        .collect();
    axum::Json(serde_json::json!({ "items": items })).into_response()
}

async fn questions(State(office): State<Office>, uri: axum::http::Uri) -> Response {
    let path = uri.path().trim_start_matches("/v1/depots/lyon/");
    let answer = office.answers.lock().unwrap()(path);
    match answer {
        Some(answer) => axum::Json(answer).into_response(),
        None => std::future::pending().await,
    }
}

async fn batches(State(office): State<Office>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let number = |name: &str| header(name).parse::<i64>().unwrap();
    let lane = Lane::parse(&header("depot-lane")).unwrap();
    let post = Post { epoch: header("depot-epoch"), lane, first: number("depot-first-seq"), last: number("depot-last-seq"), body };
    let count = office.posts(lane);
    office.seen().posts.push(post.clone());
    if let Some(answer) = office.whim.lock().unwrap()(&post, count) {
        return answer;
    }
    let mut seen = office.seen();
    if lane.is_durable() {
        seen.through.insert((post.epoch.clone(), lane), post.last);
        seen.stored.push(post.clone());
    }
    axum::Json(serde_json::json!({"acked_through": post.last})).into_response()
}

fn expected(next: i64) -> Option<Response> {
    Some((StatusCode::CONFLICT, axum::Json(serde_json::json!({"next_expected": next}))).into_response())
}

fn status(status: StatusCode) -> Option<Response> {
    Some((status, "it is as it is").into_response())
}

/// A depot at work.
struct Depot {
    truths: Truths,
    sync: Sync,
    cancel: CancellationToken,
    work: JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Depot {
    async fn start(settings: config::Upstream) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (mut truths, mut rng) = (Truths::open(dir.path()), Rng::new(5, 5));
        truths.live(&mut rng, 80).await;
        truths.drive(&mut rng, 60).await;
        let (sync, cancel) = (Sync::new(truths.db.clone(), &settings, truths.clock.clone()), CancellationToken::new());
        let work = tokio::spawn(truths.line(&sync, &settings).run(cancel.clone()));
        Self { truths, sync, cancel, work, _dir: dir }
    }

    fn status(&self) -> SinkStatus {
        self.sync.status().remove(0)
    }

    async fn until(&self, what: &str, is: impl Fn(&SinkStatus) -> bool) {
        let reached = async {
            while !is(&self.status()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            panic!("not within {PATIENCE:?}: {what}: {:?}", self.status());
        }
    }

    /// Everything arrives in the end.
    async fn arrives(self, office: &Office) {
        office.be_honest();
        self.truths.drained(&self.sync).await;
        for lane in self.status().lanes {
            assert!(lane.held_up.is_none(), "{lane:?}");
            if lane.lane == Lane::Bookings || lane.lane == Lane::History {
                office.has_all(lane.lane, lane.head);
            }
        }
        self.cancel.cancel();
        self.work.await.expect("the line did not break");
    }
}

fn to(office: &Office) -> config::Upstream {
    settings("lyon", &format!("http://{}", office.addr))
}

fn lane(status: &SinkStatus, lane: Lane) -> Option<&depotd::model::LaneStatus> {
    status.lanes.iter().find(|l| l.lane == lane)
}

fn waits(status: &SinkStatus, of: Lane) -> bool {
    lane(status, of).is_none_or(|lane| lane.backlog > 0)
}

#[tokio::test]
async fn numbers_from_the_edge_of_what_can_be_counted_skip_nothing() {
    let office = Office::start(|post, count| {
        let strange = [i64::MIN, i64::MIN + 1, -1, 0, 1 << 62, i64::MAX];
        if post.lane == Lane::Live { None } else { strange.get(count).and_then(|next| expected(*next)) }
    })
    .await;
    let depot = Depot::start(to(&office)).await;
    depot.until("the bookings went", |s| !waits(s, Lane::Bookings) && !waits(s, Lane::History)).await;
    depot.arrives(&office).await;
}

#[tokio::test]
async fn a_retry_after_outside_of_the_bounds_is_no_end() {
    let busy = |_: &Post, _| Some((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "5")], "busy").into_response());
    let office = Office::start(busy).await;
    let depot = Depot::start(config::Upstream { retry_ms: 60_000, retry_most_s: 1, ..to(&office) }).await;
    depot.until("the fault is told", |s| s.mode == LineMode::Offline && s.fault.as_ref().is_some_and(|f| f.contains("busy"))).await;
    depot.sync.flush("office").unwrap();
    depot.arrives(&office).await;
}

#[tokio::test]
async fn what_is_refused_for_good_holds_up_its_own_lane_alone() {
    let office = Office::start(|post, _| if post.lane == Lane::Bookings { status(StatusCode::UNPROCESSABLE_ENTITY) } else { None }).await;
    let depot = Depot::start(to(&office)).await;
    depot.until("the others go on", |s| !waits(s, Lane::Dispatch) && !waits(s, Lane::History)).await;
    let tried = |s: &SinkStatus| lane(s, Lane::Bookings).and_then(|l| l.held_up.clone()).is_some_and(|h| h.failures >= 4);
    depot.until("it is tried again", tried).await;
    let held_up = lane(&depot.status(), Lane::Bookings).unwrap().held_up.clone().unwrap();
    assert!(held_up.refused && held_up.first == 1 && held_up.fault.contains("it is as it is"), "{held_up:?}");
    assert_eq!(depot.status().mode, LineMode::CatchingUp);
    depot.arrives(&office).await;
}

#[tokio::test]
async fn a_batch_that_fails_again_and_again_does_not_keep_the_others_waiting() {
    let office = Office::start(|post, _| if post.lane == Lane::Bookings { status(StatusCode::INTERNAL_SERVER_ERROR) } else { None }).await;
    let depot = Depot::start(to(&office)).await;
    depot.until("the others go on", |s| !waits(s, Lane::Dispatch) && !waits(s, Lane::History)).await;
    let suspected = |s: &SinkStatus| lane(s, Lane::Bookings).and_then(|l| l.held_up.clone()).is_some_and(|h| !h.refused && h.failures >= 6);
    depot.until("the board tells", suspected).await;
    depot.arrives(&office).await;
}

#[tokio::test]
async fn an_office_that_takes_nothing_is_left_alone_ever_longer() {
    let office = Office::start(|_, _| status(StatusCode::SERVICE_UNAVAILABLE)).await;
    let depot = Depot::start(to(&office)).await;
    // It answers the question for cursors each time: that alone is no success.
    depot.until("pauses grow", |s| s.mode == LineMode::Offline && s.failures >= 10).await;
    assert!(office.seen().posts.len() < 60, "{}", office.seen().posts.len());
    depot.arrives(&office).await;
}

#[tokio::test]
async fn parts_are_halved_once_and_then_left_alone() {
    let office = Office::start(|post, _| if post.lane == Lane::Bookings { status(StatusCode::PAYLOAD_TOO_LARGE) } else { None }).await;
    let depot = Depot::start(to(&office)).await;
    let tried = |s: &SinkStatus| lane(s, Lane::Bookings).and_then(|l| l.held_up.clone()).is_some_and(|h| h.refused && h.failures >= 5);
    depot.until("the lane is held up", tried).await;
    depot.until("the others go on", |s| !waits(s, Lane::Dispatch) && !waits(s, Lane::History)).await;
    assert!(office.posts(Lane::Bookings) < 60, "{}", office.posts(Lane::Bookings));
    depot.arrives(&office).await;
}

#[tokio::test]
async fn an_office_that_stores_and_forgets_is_told_to_be_at_fault() {
    let office = Office::start(|post, count| if post.lane == Lane::Bookings && count % 2 == 1 { expected(1) } else { None }).await;
    // So slow to try again that what went wrong can be seen.
    let mut depot = Depot::start(config::Upstream { retry_ms: 500, ..to(&office) }).await;
    let mut rng = Rng::new(6, 6);
    let mut fault = None;
    for _ in 0..200 {
        depot.truths.live(&mut rng, 1).await;
        fault = fault.or(depot.status().fault.filter(|fault| fault.contains("again and again")));
        if fault.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(fault.is_some(), "{:?}", depot.status());
    depot.cancel.cancel();
    depot.work.await.unwrap();
}

#[tokio::test]
async fn an_office_that_never_ends_a_comparison_keeps_no_lane_waiting() {
    let office = Office::start(|_, _| None).await;
    let mut depot = Depot::start(config::Upstream { timeout_ms: 60_000, ..to(&office) }).await;
    depot.truths.drained(&depot.sync).await;
    depot.sync.verify("office").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = office.posts(Lane::Bookings);
    depot.truths.live(&mut Rng::new(9, 9), 5).await;
    depot.until("bookings go on", |s| !waits(s, Lane::Bookings) && office.posts(Lane::Bookings) > before).await;
    assert_eq!(depot.status().verified, None, "it is under way");
    depot.sync.pause("office", true, &depotd::model::Actor::System).await.unwrap();
    depot
        .until("the pause ends it", |s| s.mode == LineMode::Paused && matches!(&s.verified, Some(Err(why)) if why.contains("paused")))
        .await;
    depot.sync.pause("office", false, &depotd::model::Actor::System).await.unwrap();
    depot.arrives(&office).await;
}

#[tokio::test]
async fn answers_that_go_round_in_circles_end_a_comparison() {
    let office = Office::start(|_, _| None).await;
    let depot = Depot::start(to(&office)).await;
    depot.truths.drained(&depot.sync).await;
    let digest = "0".repeat(64);
    let day = |n: usize| serde_json::json!({"day": format!("2026-05-{:02}", n % 28 + 1), "records": 1, "first": 1, "last": 1_i64 << 60, "hash": digest});
    let receipts = serde_json::json!({"items": (0..31).map(day).collect::<Vec<_>>()});
    let one = serde_json::json!({"items": [day(1)]});
    let full = |seq: fn(usize) -> usize| serde_json::json!({"items": (0..5_000).map(|n| serde_json::json!({"seq": seq(n), "digest": digest})).collect::<Vec<_>>()});
    let (same, beyond) = (full(|_| 1), full(|n| n + 1));
    let rows =
        serde_json::json!({"items": (0..5_000).map(|_| serde_json::json!({"key": "[\"a\"]", "digest": digest})).collect::<Vec<_>>()});
    let nothing = serde_json::json!({"items": []});
    type Case<'a> = (&'a str, Answers);
    let (again, then, other) = (one.clone(), one.clone(), nothing.clone());
    let cases: [Case<'_>; 4] = [
        ("days do not grow", Box::new(move |_| Some(receipts.clone()))),
        ("not one of", Box::new(move |path| Some(if path == "receipts" { again.clone() } else { same.clone() }))),
        ("not one of", Box::new(move |path| Some(if path == "receipts" { then.clone() } else { beyond.clone() }))),
        ("do not grow", Box::new(move |path| Some(if path.starts_with("rows/") { rows.clone() } else { other.clone() }))),
    ];
    for (what, answers) in cases {
        office.answer(answers);
        depot.sync.verify("office").unwrap();
        depot.until(what, |s| matches!(&s.verified, Some(Err(why)) if why.contains(what))).await;
    }
    depot.arrives(&office).await;
}

#[tokio::test]
async fn a_sink_that_comes_later_is_told_what_retention_took_before() {
    let dir = tempfile::tempdir().unwrap();
    let truths = Truths::open(dir.path());
    let rounds = |tx: &rusqlite::Transaction<'_>| -> depotd::store::Result<()> {
        for n in 1..=30 {
            tx.execute("insert into rounds (booking_id, at, record) values ('b', ?1, '{}')", [n])?;
        }
        tx.execute("delete from rounds where at <= 20", [])?;
        while depotd::store::outbox_retention::join_gone(tx, 7)? {}
        Ok(())
    };
    truths.db.write(rounds).await.unwrap();
    let office = Office::start(|_, _| None).await;
    truths.drain(&to(&office)).await;
    let post = office.seen().stored.iter().find(|post| post.lane == Lane::Dispatch).cloned().unwrap();
    let batch = depotd::batch::Batch { body: post.body, ..upstream_support::batch(Lane::Dispatch, 1, 2) };
    let text = batch.unpack().unwrap();
    assert!(text.lines().next().unwrap().contains(r#""first":1,"last":20,"reason":"retention""#), "{text}");
    assert_eq!(text.lines().count(), 11, "{text}");
}

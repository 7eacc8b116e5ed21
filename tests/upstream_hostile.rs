//! A head office that answers what it should not: the depot goes on, nothing is lost, and the board tells.

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

/// What it says to a batch; `None`: it stores it. The number counts the batches of that lane, from 0.
type Whim = Box<dyn Fn(&Post, usize) -> Option<Response> + Send + std::marker::Sync>;

#[derive(Clone)]
struct Office {
    addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    whim: Arc<Mutex<Whim>>,
}

impl Office {
    async fn start(whim: impl Fn(&Post, usize) -> Option<Response> + Send + std::marker::Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let office = Self { addr, seen: Arc::default(), whim: Arc::new(Mutex::new(Box::new(whim))) };
        let router = Router::new()
            .route("/v1/depots/{depot}/cursors", get(cursors))
            .route("/v1/depots/{depot}/batches", post(batches))
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

async fn batches(State(office): State<Office>, headers: HeaderMap, _body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let number = |name: &str| header(name).parse::<i64>().unwrap();
    let lane = Lane::parse(&header("depot-lane")).unwrap();
    let post = Post { epoch: header("depot-epoch"), lane, first: number("depot-first-seq"), last: number("depot-last-seq") };
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
    for refusal in [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY] {
        let office = Office::start(move |post, _| if post.lane == Lane::Bookings { status(refusal) } else { None }).await;
        let depot = Depot::start(to(&office)).await;
        depot.until("the others go on", |s| !waits(s, Lane::Dispatch) && !waits(s, Lane::History)).await;
        let tried = |s: &SinkStatus| lane(s, Lane::Bookings).and_then(|l| l.held_up.clone()).is_some_and(|h| h.failures >= 4);
        depot.until("it is tried again", tried).await;
        let held_up = lane(&depot.status(), Lane::Bookings).unwrap().held_up.clone().unwrap();
        assert!(held_up.refused && held_up.first == 1 && held_up.fault.contains("it is as it is"), "{held_up:?}");
        assert_eq!(depot.status().mode, LineMode::CatchingUp);
        depot.arrives(&office).await;
    }
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
    let mut depot = Depot::start(to(&office)).await;
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

//! A depot, a line that fails, head office's receiver and its PostgreSQL: cut, late, half-open, doubled, killed at both ends, put
//! back from an old copy. At the end both have the same, each record once, in order.

#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

mod upstream_support;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use depotd::clock::Clock;
use depotd::config;
use depotd::receive::{Pool, router, token_hash};
use depotd::sim::rng::Rng;
use depotd::sync::Sync;
use depotd::upstream::sink::tls;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use upstream_support::postgres::{Postgres, ask};
use upstream_support::proxy::Proxy;
use upstream_support::{Content, Truths, settings};

const TOKEN: &str = "the depot's token";
/// Tables of the record that a restore of head office's database puts back.
const TABLES: [&str; 8] = ["lane_cursor", "event", "audit", "round", "row", "gap", "run", "fix"];

/// What the receiver was asked: a question for cursors begins a session, a batch names its lane.
type Heard = Arc<Mutex<Vec<String>>>;

struct Receiver {
    task: JoinHandle<()>,
    addr: SocketAddr,
}

impl Receiver {
    async fn start(url: &str, heard: &Heard) -> Self {
        let pool = Pool::new(url, None, tls::trusting(None).unwrap(), 4, Clock::system());
        let heard = Arc::clone(heard);
        let listen = from_fn(move |request: Request, next: Next| {
            let lane = request.headers().get("depot-lane").map(|lane| lane.to_str().unwrap().to_owned());
            let said = lane.or_else(|| request.uri().path().ends_with("/cursors").then(|| "cursors".to_owned()));
            heard.lock().unwrap().extend(said);
            next.run(request)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = router(pool).layer(listen);
        Self { task: tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }), addr }
    }
}

/// Bookings go first after every reconnect: what a session sends of them was there when it began.
fn urgent_first(heard: &Heard) {
    let heard = heard.lock().unwrap();
    for session in heard.split(|said| said == "cursors").filter(|session| session.iter().any(|lane| lane == "bookings")) {
        assert_eq!(session[0], "bookings", "{session:?}");
    }
}

struct Office {
    client: tokio_postgres::Client,
    url: String,
}

impl Office {
    async fn open(postgres: &Postgres) -> Self {
        let url = postgres.url(&postgres.database().await);
        // The first to come makes the schema.
        drop(depotd::office::Office::open(&url, None, tls::trusting(None).unwrap()).await.unwrap());
        Self { client: ask(&url).await, url }
    }

    async fn enrol(&self, depot: &str) {
        let office = depotd::office::Office::open(&self.url, None, tls::trusting(None).unwrap()).await.unwrap();
        office.enrol(depot, &token_hash(TOKEN)).await.unwrap();
    }

    async fn back_up(&self, depot: &str) {
        for table in TABLES {
            let sql = format!(
                "drop table if exists old_{table}; create table old_{table} as select * from depotd.{table} where depot = '{depot}'"
            );
            self.client.batch_execute(&sql).await.unwrap();
        }
    }

    async fn put_back(&self, depot: &str) {
        let statements = TABLES.map(|table| {
            format!("delete from depotd.{table} where depot = '{depot}'; insert into depotd.{table} select * from old_{table};")
        });
        self.client.batch_execute(&format!("begin; {} commit", statements.join(" "))).await.unwrap();
    }
}

fn with_token(dir: &Path, mut settings: config::Upstream) -> config::Upstream {
    let file = dir.join("token");
    std::fs::write(&file, TOKEN).unwrap();
    settings.sinks[0].secret_file = Some(file);
    settings
}

/// One run over HTTP.
async fn run_http(office: &Office, seed: u64) {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(seed, 1));
    let depot = format!("depot{seed}");
    office.enrol(&depot).await;
    let heard = Heard::default();
    let mut receiver = Receiver::start(&office.url, &heard).await;
    let proxy = Proxy::start(receiver.addr, seed).await;
    let settings = with_token(dir.path(), settings(&depot, &format!("http://{}", proxy.addr())));
    let mut truths = Truths::open(dir.path());
    let mut backed_up = false;
    for _ in 0..6 {
        let changes = 1 + rng.index(30);
        truths.live(&mut rng, changes).await;
        if rng.chance(0.5) {
            truths.drive(&mut rng, 40).await;
        }
        let sync = Sync::new(truths.db.clone(), &settings, truths.clock.clone());
        let line = tokio::spawn(truths.line(&sync, &settings).run(CancellationToken::new()));
        tokio::time::sleep(Duration::from_millis(rng.index(60) as u64)).await;
        if rng.chance(0.4) {
            // The receiver dies with whatever it was doing, and another one takes its place.
            receiver.task.abort();
            receiver = Receiver::start(&office.url, &heard).await;
            proxy.retarget(receiver.addr);
            tokio::time::sleep(Duration::from_millis(rng.index(40) as u64)).await;
        }
        // The depot dies in the middle of whatever it was doing.
        line.abort();
        drop(line.await);
        if rng.chance(0.3) {
            drop(truths);
            truths = Truths::open(dir.path());
        }
        match rng.index(8) {
            0 => {
                office.back_up(&depot).await;
                backed_up = true;
            }
            1 if backed_up => office.put_back(&depot).await,
            _ => {}
        }
    }
    proxy.mend();
    truths.drain(&settings).await;
    compare(office, &truths, &depot, seed).await;
    urgent_first(&heard);
}

async fn compare(office: &Office, truths: &Truths, depot: &str, seed: u64) {
    let (ours, theirs) = (Content::of_depot(truths).await, Content::of_record(&office.client, depot).await);
    assert!(ours == theirs, "seed {seed}: the depot has {ours:#?}\n\nthe record {theirs:#?}");
}

async fn run_all(seeds: std::ops::Range<u64>) {
    let postgres = Postgres::start();
    let office = Office::open(&postgres).await;
    for seed in seeds {
        run_http(&office, seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_runs_1_to_50_end_equal() {
    run_all(1..51).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_runs_51_to_100_end_equal() {
    run_all(51..101).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_runs_101_to_150_end_equal() {
    run_all(101..151).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_runs_151_to_200_end_equal() {
    run_all(151..201).await;
}

/// The same without a receiver: the depot speaks to PostgreSQL itself, and PostgreSQL is killed too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_postgres_runs_end_equal() {
    let mut postgres = Postgres::start();
    let database = postgres.database().await;
    let url = postgres.url(&database);
    for seed in 1..21 {
        let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(seed, 2));
        let depot = format!("depot{seed}");
        let proxy = Proxy::start(([127, 0, 0, 1], postgres.port()).into(), seed).await;
        let through = url.replace(&format!(":{}/", postgres.port()), &format!(":{}/", proxy.addr().port()));
        let settings = settings(&depot, &through);
        let mut truths = Truths::open(dir.path());
        for _ in 0..5 {
            let changes = 1 + rng.index(20);
            truths.live(&mut rng, changes).await;
            truths.drive(&mut rng, 30).await;
            let sync = Sync::new(truths.db.clone(), &settings, truths.clock.clone());
            let line = tokio::spawn(truths.line(&sync, &settings).run(CancellationToken::new()));
            tokio::time::sleep(Duration::from_millis(rng.index(80) as u64)).await;
            if seed % 5 == 0 && rng.chance(0.3) {
                postgres.kill_and_restart();
            }
            line.abort();
            drop(line.await);
        }
        proxy.mend();
        truths.drain(&settings).await;
        let office = Office { client: ask(&url).await, url: url.clone() };
        compare(&office, &truths, &depot, seed).await;
    }
}

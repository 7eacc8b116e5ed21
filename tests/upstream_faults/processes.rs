//! The same with whole processes at both ends, `depotd serve` and `depotd receive`, that get SIGKILL.

use crate::common::{Depot, until};
use crate::http;
use crate::upstream_support::office::{Record, token_file};
use crate::upstream_support::postgres::Postgres;
use crate::upstream_support::proxy::Proxy;
use crate::upstream_support::{Content, PATIENCE, Truths, settings};
use depotd::sim::rng::Rng;
use rumqttc::QoS;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ROUNDS: usize = 4;

/// A `depotd receive`. Gets SIGKILL when it is dropped.
struct Receiver {
    child: Child,
    addr: SocketAddr,
}

impl Receiver {
    fn start(url: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_depotd"));
        command.args(["receive", "--database", url, "--listen", "127.0.0.1:0"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { child, addr: said["http"].as_str().unwrap().trim_start_matches("http://").parse().unwrap() }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn live(depot: &Depot, rng: &mut Rng, van: &crate::common::mqtt::Credential) {
    let http = depot.http();
    for n in 0..1 + rng.index(8) {
        let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}, "notes": format!("n{n}")});
        assert_eq!(http.post("/api/v1/bookings", trip).await.status, 201);
    }
    let van = depot.mqtt(van).await;
    let now = depotd::clock::Clock::system().now().as_millis();
    for n in 0..30 {
        let fix = json!({"ts": depotd::model::Timestamp::from_millis(now - 60_000 + n * 1_000), "lat": 42.5 + n as f64 * 1e-5, "lon": 1.5});
        van.client.publish(format!("v/{}/gps", van.vehicle), QoS::AtLeastOnce, false, fix.to_string()).await.unwrap();
    }
    until("the fixes to be acknowledged", async || (van.acked_so_far() >= 30).then_some(())).await;
    // Fixes become history now, not when their quarter of an hour is over.
    http.post("/api/v1/sync/office/flush", json!({})).await;
}

async fn one(record: &Record, seed: u64) {
    let (name, mut rng, dir) = (format!("depot{seed}"), Rng::new(seed, 3), tempfile::tempdir().unwrap());
    record.enrol(&name).await;
    let mut receiver = Receiver::start(&record.url);
    let proxy = Proxy::start(receiver.addr, seed, http::marks()).await;
    let (url, token) = (format!("http://{}", proxy.addr()), token_file(dir.path()));
    let sinks = format!("UPSTREAM__SINKS=[{{name=\"office\", url=\"{url}\", secret_file=\"{}\"}}]", token.display());
    let depot = format!("UPSTREAM__DEPOT={name}");
    let quick = ["UPSTREAM__TIMEOUT_MS=400", "UPSTREAM__RETRY_MS=2", "UPSTREAM__RETRY_MOST_S=1", "UPSTREAM__LIVE_S=1"];
    let mut depot = Depot::start_with(&[&[&*depot, &*sinks][..], &quick[..]].concat()).await;
    let van = depot.new_device("van");
    for _ in 0..ROUNDS {
        live(&depot, &mut rng, &van).await;
        tokio::time::sleep(Duration::from_millis(rng.index(150) as u64)).await;
        if rng.chance(0.6) {
            receiver = Receiver::start(&record.url);
            proxy.retarget(receiver.addr);
        }
        if rng.chance(0.7) {
            depot.kill9().await;
        }
    }
    proxy.mend();
    assert!(depot.stop().await.success());
    // What it did not send any more goes out now; a line is a line.
    let truths = Truths::open(&depot.data_dir());
    let mut settings = settings(&name, &url);
    settings.sinks[0].secret_file = Some(token);
    // What was to become history when it was killed does so now.
    truths.tracks.compact().await.unwrap();
    truths.drain(&settings).await;
    let (ours, theirs) = (Content::of_depot(&truths).await, Content::of_record(&record.client, &name).await);
    assert!(ours == theirs, "seed {seed}: {}", ours.unlike(&theirs));
    assert!(ours.events.len() > ROUNDS && ours.fixes.len() >= 30 * ROUNDS, "{} events, {} fixes", ours.events.len(), ours.fixes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_at_both_ends_end_equal() {
    let postgres = Postgres::start();
    let record = Record::create(&postgres).await;
    for seed in 1..6 {
        tokio::time::timeout(4 * PATIENCE, one(&record, seed)).await.unwrap_or_else(|_| panic!("seed {seed} does not end"));
    }
}

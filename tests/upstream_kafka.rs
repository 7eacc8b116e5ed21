//! A depot, a line that fails, and a Kafka broker: cut, late, half-open, doubled, killed at both ends. At the end a consumer that
//! keeps to the rule of docs/upstream.md has what the depot has, each record once, in order.

#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

mod common;
mod upstream_support;

use depotd::batch::{Record, Span};
use depotd::clock::Clock;
use depotd::config;
use depotd::model::{Lane, LineMode};
use depotd::sim::rng::Rng;
use depotd::sync::Sync;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use upstream_support::kafka::{Broker, Found, Order, Tap, behind_tls, read};
use upstream_support::postgres::free_port;
use upstream_support::proxy::Proxy;
use upstream_support::{Content, PATIENCE, Truths, settings};

fn topic(depot: &str, lane: Lane) -> String {
    format!("depotd.{depot}.{}", lane.as_str())
}

fn topics(depot: &str) -> Vec<String> {
    Lane::ALL.map(|lane| topic(depot, lane)).to_vec()
}

/// Head office's consumer: per depot, lane and epoch it keeps the last number, drops what is not beyond it and refuses a hole.
#[derive(Default)]
struct Consumer {
    through: BTreeMap<(String, Lane, String), i64>,
    content: Content,
    /// The last journal number of each lane.
    events: BTreeMap<Lane, i64>,
}

impl Consumer {
    fn take(&mut self, found: &Found) {
        let batch = found.batch();
        let span = &batch.span;
        let text = batch.unpack().unwrap();
        let lines = batch.records(&text).unwrap();
        if span.lane == Lane::Live {
            return;
        }
        let through = self.through.entry((span.depot.clone(), span.lane, span.epoch.clone())).or_insert(span.epoch_from - 1);
        assert!(span.first <= *through + 1, "a hole in {}: {} after {through}", found.topic, span.first);
        if span.first <= *through {
            // Where nothing stands yet, no producer can be gone on with.
            assert_eq!(span.first, span.epoch_from, "{} holds it twice", found.topic);
        }
        if span.last <= *through {
            return;
        }
        for line in lines.into_iter().filter(|line| line.seq > *through) {
            match line.record {
                Record::Event(event) => {
                    let before = self.events.insert(span.lane, event.journal_seq);
                    assert!(before < Some(event.journal_seq), "{} goes back from {before:?}", found.topic);
                    self.content.events.push((event.journal_seq, event.data.get().to_owned()));
                }
                Record::Audit(entry) => self.content.audit.push((entry.audit_seq, entry.hash.to_string())),
                Record::Row(state) if state.table == "users" => {
                    let name = state.key[0].as_str().unwrap().to_owned();
                    match state.row {
                        Some(row) => self.content.users.insert(name, row["created_at"].as_i64().unwrap()),
                        None => self.content.users.remove(&name),
                    };
                }
                Record::Track(track) => {
                    let vehicle = track.vehicle.as_str();
                    self.content.fixes.extend(track.fixes.iter().map(|fix| (vehicle.to_owned(), fix.ts, upstream_support::e7(fix.lat))));
                }
                Record::Row(_) | Record::Round(_) | Record::Position(_) | Record::Gap(_) | Record::Epoch(_) => {}
            }
        }
        *through = span.last;
    }
}

impl Consumer {
    /// What it has after reading all of the depot's topics.
    async fn read(broker: &str, depot: &str) -> Self {
        let mut consumer = Self::default();
        for found in read(broker, &topics(depot)).await {
            consumer.take(&found);
        }
        // The lanes of one journal are numbered together.
        consumer.content.events.sort();
        consumer.content.fixes.sort();
        consumer
    }
}

/// Bookings go first after every reconnect: what a session sends of them was there when it began.
fn urgent_first(depot: &str, sessions: &[Vec<String>]) {
    let bookings = topic(depot, Lane::Bookings);
    for session in sessions.iter().filter(|session| session.contains(&bookings)) {
        assert_eq!(session[0], bookings, "{session:?}");
    }
}

/// One run.
async fn run(seed: u64) {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(seed, 3));
    let (depot, port) = (format!("depot{seed}"), free_port());
    let tap = Tap::start(port).await;
    let proxy = Proxy::start(tap.addr, seed, Vec::new()).await;
    let address = proxy.addr().to_string();
    let mut broker = Broker::start(port, &address);
    let settings = config::Upstream { timeout_ms: 1_000, ..settings(&depot, &format!("kafka://{address}")) };
    let mut truths = Truths::open(dir.path());
    for _ in 0..6 {
        let changes = 1 + rng.index(20);
        truths.live(&mut rng, changes).await;
        truths.drive(&mut rng, 30).await;
        let sync = Sync::new(truths.db.clone(), &settings, truths.clock.clone());
        let line = tokio::spawn(truths.line(&sync, &settings).run(CancellationToken::new()));
        tokio::time::sleep(Duration::from_millis(rng.index(150) as u64)).await;
        if seed.is_multiple_of(4) && rng.chance(0.4) {
            broker.kill_and_restart();
        }
        // The depot dies in the middle of whatever it was doing.
        line.abort();
        drop(line.await);
        if rng.chance(0.3) {
            drop(truths);
            truths = Truths::open(dir.path());
        }
    }
    proxy.mend();
    truths.drain(&settings).await;
    let consumer = Consumer::read(&address, &depot).await;
    let ours = Content::of_depot(&truths).await;
    assert!(ours == consumer.content, "seed {seed}: the depot has {ours:#?}\n\nthe consumer {:#?}", consumer.content);
    urgent_first(&depot, &tap.sessions());
    assert!(proxy.faults() > 0, "seed {seed}: nothing failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kafka_runs_end_equal() {
    for seed in 1..21 {
        run(seed).await;
    }
}

/// A batch is kept back on its way; the depot dies, comes again and sends again; then the old one arrives too.
async fn late(order: Order, more: usize) {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(5, 4));
    let (tap, _broker, settings) = bookings_only("late").await;
    let address = tap.addr.to_string();
    let bookings = topic("late", Lane::Bookings);
    let mut truths = Truths::open(dir.path());
    for _ in 0..3 {
        truths.live(&mut rng, 4).await;
        truths.drain(&settings).await;
        truths.live(&mut rng, 2).await;
        tap.order(&bookings, Order::Hold);
        let sync = Sync::new(truths.db.clone(), &settings, truths.clock.clone());
        let line = tokio::spawn(truths.line(&sync, &settings).run(CancellationToken::new()));
        tokio::time::timeout(PATIENCE, tap.obeyed()).await.unwrap();
        line.abort();
        drop(line.await);
        truths.live(&mut rng, more).await;
        tap.order(&bookings, order);
        truths.drain(&settings).await;
        tokio::time::timeout(PATIENCE, tap.obeyed()).await.unwrap();
    }
    once(&address, "late", &truths).await;
}

/// The bookings' topic holds each number once, in order, and what the depot has; gives back the batches' spans.
async fn once(address: &str, depot: &str, truths: &Truths) -> Vec<Span> {
    let mut next = 1;
    let found = read(address, &[topic(depot, Lane::Bookings)]).await;
    let spans: Vec<Span> = found.iter().map(|found| found.batch().span).collect();
    for span in &spans {
        assert_eq!(span.first, next, "{spans:#?}");
        next = span.last + 1;
    }
    let mut consumer = Consumer::default();
    found.iter().for_each(|found| consumer.take(found));
    let ours = Content::of_depot(truths).await;
    assert_eq!((consumer.content.audit, consumer.content.users), (ours.audit, ours.users));
    spans
}

/// A depot that sends bookings alone, and its broker behind a tap.
async fn bookings_only(depot: &str) -> (Tap, Broker, config::Upstream) {
    let port = free_port();
    let tap = Tap::start(port).await;
    let broker = Broker::start(port, &tap.addr.to_string());
    let mut settings = settings(depot, &format!("kafka://{}", tap.addr));
    (settings.timeout_ms, settings.sinks[0].lanes) = (5_000, vec![Lane::Bookings]);
    (tap, broker, settings)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_too_large_for_the_topic_is_halved() {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(6, 4));
    let (tap, _broker, settings) = bookings_only("large").await;
    let mut truths = Truths::open(dir.path());
    truths.live(&mut rng, 40).await;
    for _ in 0..2 {
        tap.order(&topic("large", Lane::Bookings), Order::Refuse);
    }
    truths.drain(&settings).await;
    let spans = once(&tap.addr.to_string(), "large", &truths).await;
    assert!(spans.len() >= 4, "{spans:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_took_is_not_sent_again() {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(7, 4));
    let (tap, _broker, settings) = bookings_only("kept").await;
    let mut truths = Truths::open(dir.path());
    truths.live(&mut rng, 5).await;
    truths.drain(&settings).await;
    tap.empty(true);
    truths.live(&mut rng, 5).await;
    truths.drain(&settings).await;
    tap.empty(false);
    assert_eq!(once(&tap.addr.to_string(), "kept", &truths).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_arrives_late_does_not_stand_twice() {
    late(Order::HeldLast, 0).await;
    late(Order::HeldLast, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_arrives_before_it_is_sent_again_does_not_stand_twice() {
    late(Order::HeldFirst, 0).await;
    late(Order::HeldFirst, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_was_idle_is_made_anew_without_a_word() {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(8, 4));
    let (tap, _broker, settings) = bookings_only("idle").await;
    let mut truths = Truths::open(dir.path());
    truths.clock = Clock::manual(truths.clock.now());
    let sync = Sync::new(truths.db.clone(), &settings, truths.clock.clone());
    let cancel = CancellationToken::new();
    let line = tokio::spawn(truths.line(&sync, &settings).run(cancel.clone()));
    for rests in 0..3 {
        truths.live(&mut rng, 3).await;
        let sent = async {
            loop {
                let status = sync.status().remove(0);
                assert_eq!(status.fault, None);
                if tap.wrote() > rests && status.mode == LineMode::Live && status.lanes[0].backlog == 0 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, sent).await.unwrap();
        truths.clock.advance(depotd::model::Span::from_secs(300));
    }
    cancel.cancel();
    line.await.unwrap();
    once(&tap.addr.to_string(), "idle", &truths).await;
}

/// Waits for the line to be down, and says why.
async fn fault(truths: &Truths, settings: &config::Upstream) -> String {
    let sync = Sync::new(truths.db.clone(), settings, truths.clock.clone());
    let cancel = CancellationToken::new();
    let line = tokio::spawn(truths.line(&sync, settings).run(cancel.clone()));
    let told = async {
        loop {
            if let Some(fault) = sync.status().remove(0).fault {
                return fault;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let told = tokio::time::timeout(PATIENCE, told).await.unwrap();
    cancel.cancel();
    line.await.unwrap();
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls_only_the_broker_of_the_settings_is_trusted() {
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(1, 5));
    let (port, mut truths) = (free_port(), Truths::open(dir.path()));
    let (tls, certificate) = behind_tls(port).await;
    let broker = Broker::start(port, &format!("localhost:{tls}"));
    let mut settings = settings("tls", &format!("kafkas://localhost:{tls}"));
    settings.timeout_ms = 5_000;
    let told = fault(&truths, &settings).await;
    assert!(told.contains(&format!("broker localhost:{tls}")) && told.contains("certificate"), "{told}");
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, certificate).unwrap();
    settings.sinks[0].ca_file = Some(file);
    truths.live(&mut rng, 5).await;
    truths.drain(&settings).await;
    drop(broker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_broker_is_told_in_words() {
    let (dir, web) = (tempfile::tempdir().unwrap(), tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let truths = Truths::open(dir.path());
    let closed = free_port();
    let told = fault(&truths, &settings("d", &format!("kafka://127.0.0.1:{closed}"))).await;
    assert!(told.contains(&format!("broker 127.0.0.1:{closed}: Connection refused")), "{told}");
    let address = web.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = web.accept().await {
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
            kept.push(stream);
        }
    });
    let told = fault(&truths, &settings("d", &format!("kafka://{address}"))).await;
    assert!(told.contains("none of Kafka's"), "{told}");
}

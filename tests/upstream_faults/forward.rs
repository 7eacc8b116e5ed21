//! Two receivers that hand on to JetStream what they stored: both record and stream end equal to the depot.

use crate::http;
use crate::upstream_support::nats::Server;
use crate::upstream_support::office::{Receiver, Record, token_file};
use crate::upstream_support::postgres::Postgres;
use crate::upstream_support::proxy::Marks;
use crate::upstream_support::run::{Odds, Office, run};
use crate::upstream_support::{Content, Truths, settings};
use async_nats::jetstream::stream::Config;
use depotd::config;
use depotd::sim::rng::Rng;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

const ODDS: Odds = Odds { rounds: 6, kill: 0.6, millis: 80 };
const MOST: u64 = 64 << 20;

struct Pair {
    postgres: Postgres,
    record: Record,
    nats: Server,
    receivers: [Receiver; 2],
    turn: usize,
}

impl Pair {
    async fn start() -> Self {
        let (postgres, nats) = (Postgres::start(), Server::start().await);
        // The server does not know a message's id for long: its place in the stream is what counts.
        nats.stream("depotd", Config { duplicate_window: Duration::from_millis(100), ..Config::default() }).await;
        let record = Record::create(&postgres).await;
        let receivers =
            [Receiver::forwarding(&record.url, &nats.url(), MOST).await, Receiver::forwarding(&record.url, &nats.url(), MOST).await];
        Self { postgres, record, nats, receivers, turn: 0 }
    }
}

impl Office for Pair {
    async fn meet(&mut self, depot: &str) {
        self.record.enrol(depot).await;
    }

    fn address(&self) -> SocketAddr {
        self.receivers[self.turn].addr()
    }

    fn settings(&self, depot: &str, proxy: SocketAddr, dir: &Path) -> config::Upstream {
        let mut settings = settings(depot, &format!("http://{proxy}"));
        settings.sinks[0].secret_file = Some(token_file(dir));
        settings
    }

    fn marks(&self, _depot: &str) -> Marks {
        http::marks()
    }

    /// One receiver dies, or the NATS server, or PostgreSQL; the line goes to the other receiver.
    async fn kill(&mut self, rng: &mut Rng) {
        match rng.index(5) {
            0 => self.nats.kill_and_restart().await,
            1 => {
                self.postgres.kill_and_restart();
                self.record.reconnect().await;
            }
            _ => self.receivers[rng.index(2)] = Receiver::forwarding(&self.record.url, &self.nats.url(), MOST).await,
        }
        self.turn = 1 - self.turn;
    }

    async fn back_up(&mut self, depot: &str) {
        self.record.back_up(depot).await;
    }

    async fn put_back(&mut self, depot: &str) {
        self.record.put_back(depot).await;
    }

    async fn content(&mut self, depot: &str) -> Content {
        let record = Content::of_record(&self.record.client, depot).await;
        let stream = Content::of_batches(&self.nats.batches("depotd", depot).await);
        // As long as they differ, the stream is behind.
        if record == stream { record } else { stream }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_receivers_hand_on_is_there_once_and_in_order() {
    let mut pair = Pair::start().await;
    for seed in 1..11 {
        run(&mut pair, seed, ODDS).await;
    }
    crate::common::until("nothing to wait any more", async || {
        let left: i64 = pair.record.client.query_one("select count(*) from depotd.forward", &[]).await.unwrap().get(0);
        (left == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_whose_stream_is_away_takes_so_much_and_then_no_more() {
    let postgres = Postgres::start();
    let (record, mut nats) = (Record::create(&postgres).await, Server::start().await);
    record.enrol("lyon").await;
    let (dir, mut rng) = (tempfile::tempdir().unwrap(), Rng::new(1, 1));
    let mut truths = Truths::open(dir.path());
    // Nobody listens at this address as long as the server is away.
    let url = nats.url();
    nats.end();
    let receiver = Receiver::forwarding(&record.url, &url, 1_000).await;
    let mut settings = settings("lyon", &format!("http://{}", receiver.addr()));
    settings.sinks[0].secret_file = Some(token_file(dir.path()));
    truths.live(&mut rng, 30).await;
    truths.drain(&settings).await;
    let metrics = async || reqwest::get(format!("http://{}/metrics", receiver.addr())).await.unwrap().text().await.unwrap();
    crate::common::until("the receiver to count what waits", async || {
        let text = metrics().await;
        (!text.contains("depotd_receive_forward_batches 0\n") && text.contains("depotd_receive_forward_batches")).then_some(())
    })
    .await;

    truths.live(&mut rng, 30).await;
    let sync = depotd::sync::Sync::new(truths.db.clone(), &settings, truths.clock.clone());
    let cancel = tokio_util::sync::CancellationToken::new();
    let work = tokio::spawn(truths.line(&sync, &settings).run(cancel.clone()));
    crate::common::until("the depot to keep its batches", async || {
        sync.status()[0].fault.as_ref().filter(|fault| fault.contains("503")).map(drop)
    })
    .await;
    assert!(!metrics().await.contains("depotd_receive_forward_refused_total 0\n"));

    nats.begin().await;
    truths.drained(&sync).await;
    cancel.cancel();
    work.await.unwrap();
    let ours = Content::of_depot(&truths).await;
    crate::common::until("the stream to have all", async || {
        (Content::of_batches(&nats.batches("depotd", "lyon").await) == ours).then_some(())
    })
    .await;
}

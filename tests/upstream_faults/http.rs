//! `http`: head office's receiver and its PostgreSQL.

use crate::upstream_support::office::{Receiver, Record, token_file};
use crate::upstream_support::postgres::Postgres;
use crate::upstream_support::proxy::Marks;
use crate::upstream_support::run::{Odds, Office, run};
use crate::upstream_support::{Content, settings};
use depotd::config;
use depotd::model::Lane;
use depotd::sim::rng::Rng;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;

const ODDS: Odds = Odds { rounds: 6, kill: 0.4, millis: 60 };

/// Both of head office: a receiver and the database behind it.
struct Both {
    postgres: Postgres,
    record: Record,
    receiver: Receiver,
}

impl Both {
    async fn start() -> Self {
        let postgres = Postgres::start();
        let record = Record::create(&postgres).await;
        let receiver = Receiver::start(&record.url).await;
        Self { postgres, record, receiver }
    }
}

pub fn marks() -> Marks {
    Lane::ALL.map(|lane| (lane, format!("depot-lane: {}\r\n", lane.as_str()).into_bytes())).to_vec()
}

impl Office for Both {
    async fn meet(&mut self, depot: &str) {
        self.record.enrol(depot).await;
    }

    fn address(&self) -> SocketAddr {
        self.receiver.addr()
    }

    fn settings(&self, depot: &str, proxy: SocketAddr, dir: &Path) -> config::Upstream {
        let mut settings = settings(depot, &format!("http://{proxy}"));
        settings.sinks[0].secret_file = Some(token_file(dir));
        settings
    }

    fn marks(&self, _depot: &str) -> Marks {
        marks()
    }

    async fn kill(&mut self, rng: &mut Rng) {
        self.receiver = Receiver::start(&self.record.url).await;
        if rng.chance(0.02) {
            self.postgres.kill_and_restart();
            self.record.reconnect().await;
        }
    }

    async fn back_up(&mut self, depot: &str) {
        self.record.back_up(depot).await;
    }

    async fn put_back(&mut self, depot: &str) {
        self.record.put_back(depot).await;
    }

    async fn content(&mut self, depot: &str) -> Content {
        Content::of_record(&self.record.client, depot).await
    }
}

async fn run_all(seeds: Range<u64>) {
    let mut office = Both::start().await;
    for seed in seeds {
        run(&mut office, seed, ODDS).await;
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

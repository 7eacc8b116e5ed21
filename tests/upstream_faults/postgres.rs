//! `postgres`: the depot speaks to head office's PostgreSQL itself, which is killed too.

use crate::upstream_support::office::Record;
use crate::upstream_support::postgres::Postgres;
use crate::upstream_support::proxy::Marks;
use crate::upstream_support::run::{Odds, Office, run};
use crate::upstream_support::{Content, settings};
use depotd::config;
use depotd::model::Lane;
use depotd::sim::rng::Rng;
use std::net::SocketAddr;
use std::path::Path;

const ODDS: Odds = Odds { rounds: 5, kill: 0.15, millis: 80 };

struct Direct {
    postgres: Postgres,
    record: Record,
}

impl Office for Direct {
    async fn meet(&mut self, _depot: &str) {}

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.postgres.port()).into()
    }

    fn settings(&self, depot: &str, proxy: SocketAddr, _dir: &Path) -> config::Upstream {
        settings(depot, &self.record.url.replace(&format!(":{}/", self.postgres.port()), &format!(":{}/", proxy.port())))
    }

    /// A parameter with its length in front.
    fn marks(&self, _depot: &str) -> Marks {
        let parameter = |lane: Lane| {
            let name = lane.as_str().as_bytes();
            [&u32::try_from(name.len()).unwrap().to_be_bytes(), name].concat()
        };
        Lane::ALL.map(|lane| (lane, parameter(lane))).to_vec()
    }

    async fn kill(&mut self, _rng: &mut Rng) {
        self.postgres.kill_and_restart();
        self.record.reconnect().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_postgres_runs_end_equal() {
    let postgres = Postgres::start();
    let record = Record::create(&postgres).await;
    let mut office = Direct { postgres, record };
    for seed in 1..21 {
        run(&mut office, seed, ODDS).await;
    }
}

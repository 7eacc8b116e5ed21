//! Head office's record in PostgreSQL, and receivers in front of it.

use super::postgres::{Postgres, ask};
use depotd::clock::Clock;
use depotd::config::SinkSettings;
use depotd::receive::{Counts, Forward, Pool, router, token_hash};
use depotd::upstream::sink::tls;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What every depot shows.
pub const TOKEN: &str = "the depot's token";
/// Tables of the record that a restore of head office's database puts back.
const TABLES: [&str; 8] = ["lane_cursor", "event", "audit", "round", "row", "gap", "run", "fix"];

/// A database with the record.
pub struct Record {
    pub client: tokio_postgres::Client,
    pub url: String,
}

impl Record {
    /// A new, empty one.
    pub async fn create(postgres: &Postgres) -> Self {
        let record = Self::of(&postgres.url(&postgres.database().await)).await;
        // The first to come makes the schema.
        drop(record.office().await);
        record
    }

    /// The one at `url`.
    pub async fn of(url: &str) -> Self {
        Self { client: ask(url).await, url: url.to_owned() }
    }

    async fn office(&self) -> depotd::office::Office {
        depotd::office::Office::open(&self.url, None, tls::trusting(None).unwrap()).await.unwrap()
    }

    /// PostgreSQL was started again.
    pub async fn reconnect(&mut self) {
        self.client = ask(&self.url).await;
    }

    pub async fn enrol(&self, depot: &str) {
        self.office().await.enrol(depot, &token_hash(TOKEN)).await.unwrap();
    }

    /// Keeps a copy of what it has of `depot`.
    pub async fn back_up(&self, depot: &str) {
        let statements = TABLES.map(|table| {
            format!("drop table if exists old_{table}; create table old_{table} as select * from depotd.{table} where depot = '{depot}';")
        });
        self.client.batch_execute(&format!("begin isolation level repeatable read; {} commit", statements.join(" "))).await.unwrap();
    }

    /// Puts the copy in the place of what it has.
    pub async fn put_back(&self, depot: &str) {
        let statements = TABLES.map(|table| {
            format!("delete from depotd.{table} where depot = '{depot}'; insert into depotd.{table} select * from old_{table};")
        });
        // Whoever writes meanwhile waits, as for a database that is not there.
        let lock = "lock table depotd.lane_cursor in access exclusive mode;";
        self.client.batch_execute(&format!("begin; {lock} {} commit", statements.join(" "))).await.unwrap();
    }
}

/// Puts [`TOKEN`] into a file for a line's settings.
pub fn token_file(dir: &Path) -> std::path::PathBuf {
    let file = dir.join("token");
    std::fs::write(&file, TOKEN).unwrap();
    file
}

/// A receiver on threads of its own, so that it can die like a process: with its connections, at any point.
pub struct Receiver {
    runtime: Option<Runtime>,
    addr: SocketAddr,
}

impl Receiver {
    pub async fn start(url: &str) -> Self {
        Self::start_with(url, None).await
    }

    /// One that hands on to the NATS server at `nats`, of which up to `most` bytes may wait.
    pub async fn forwarding(url: &str, nats: &str, most: u64) -> Self {
        Self::start_with(url, Some((nats.to_owned(), most))).await
    }

    async fn start_with(url: &str, nats: Option<(String, u64)>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut pool = Pool::new(url, None, tls::trusting(None).unwrap(), 4, Clock::system());
        let forward = nats.map(|(nats, most)| {
            let counts = Counts::default();
            pool = pool.clone().handing_on(counts.clone());
            Forward { pool: pool.clone(), settings: SinkSettings::to("nats", &nats), most, counts }
        });
        let serve = async move {
            let receiver = depotd::receive::Receiver::bind(([127, 0, 0, 1], 0).into(), pool).await.unwrap();
            let addr = receiver.address().unwrap();
            tokio::spawn(receiver.run(forward, Clock::system(), CancellationToken::new()));
            addr
        };
        let addr = runtime.spawn(serve).await.unwrap();
        Self { runtime: Some(runtime), addr }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The receiver, at work until it is dropped, and a connection to look into its record.
pub struct HeadOffice {
    pub url: String,
    pub addr: SocketAddr,
    pub client: tokio_postgres::Client,
    task: JoinHandle<()>,
}

impl HeadOffice {
    /// One that lets `depot` in.
    pub async fn start(postgres: &Postgres, depot: &str) -> Self {
        let url = postgres.url(&postgres.database().await);
        let office = depotd::office::Office::open(&url, None, tls::trusting(None).unwrap()).await.unwrap();
        office.enrol(depot, &token_hash(TOKEN)).await.unwrap();
        let pool = Pool::new(&url, None, tls::trusting(None).unwrap(), 4, Clock::system());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router(pool)).await.unwrap() });
        Self { client: ask(&url).await, url, addr, task }
    }

    /// The one number that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Changes the record by hand; says how many rows.
    pub async fn change(&self, sql: &str) -> u64 {
        self.client.execute(sql, &[]).await.unwrap()
    }
}

impl Drop for HeadOffice {
    fn drop(&mut self) {
        self.task.abort();
    }
}

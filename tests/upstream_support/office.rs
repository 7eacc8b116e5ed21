//! Head office: a receiver over a database of its own.

use super::postgres::{Postgres, ask};
use depotd::clock::Clock;
use depotd::receive::{Pool, router, token_hash};
use depotd::upstream::sink::tls;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the depot shows.
pub const TOKEN: &str = "the depot's token";

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

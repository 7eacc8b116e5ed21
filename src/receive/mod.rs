//! `depotd receive`: the other end of the `http` sink, for many depots, in front of head office's PostgreSQL.
//!
//! What it stored it may hand on to JetStream as well. It keeps nothing: what it answers is what PostgreSQL says, so several of them may stand behind a load balancer, and any of
//! them may die at any time.

mod asked;
mod compare;
mod door;
mod forward;
mod pool;
mod routes;

pub use forward::{Counts, Forward};
pub use pool::Pool;
pub use routes::{document, router, token_hash};

use crate::clock::Clock;
use crate::web::{Bounds, Proxies, serve};
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Open connections at most.
const CONNECTIONS: usize = 4_096;
/// Open connections from one address at most: a load balancer has one or a few.
const PER_ADDRESS: usize = 1_024;
/// Time for a request's head.
const HEADER: Duration = Duration::from_secs(30);
/// Time for open requests to end once the receiver stops.
const DRAIN: Duration = Duration::from_secs(8);

/// A receiver, bound.
pub struct Receiver {
    listener: TcpListener,
    pool: Pool,
}

impl Receiver {
    /// Binds `listen`; port 0 takes a free one.
    pub async fn bind(listen: SocketAddr, pool: Pool) -> Result<Self> {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("listen on {listen}"))?;
        Ok(Self { listener, pool })
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Serves until `cancel`, and hands on by `forward` meanwhile.
    pub async fn run(self, forward: Option<Forward>, clock: Clock, cancel: CancellationToken) {
        let bounds =
            Bounds { connections: CONNECTIONS, per_address: PER_ADDRESS, proxies: Proxies::default(), header: HEADER, drain: DRAIN };
        let handing_on = async {
            if let Some(forward) = forward {
                forward.run(cancel.clone(), clock).await;
            }
        };
        tokio::join!(serve(self.listener, router(self.pool), bounds, cancel.clone()), handing_on);
    }
}

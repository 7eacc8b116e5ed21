//! The guard: listens, admits, and ends the sessions in good order.

use super::connect;
use super::downlink;
use super::limits::{Limits, Permit};
use super::registry::{Registry, SHUTTING_DOWN};
use super::router::Rumqttd;
use super::shared::{Deps, Shared, status};
use super::stats::{Snapshot, Stats, add};
use super::tls;
use crate::clock::Clock;
use crate::config;
use crate::ops::certificates::Certificates;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// How long sessions may take to leave at a stop.
const DRAIN: Duration = Duration::from_secs(4);
/// How often certificates on disk are looked at.
const CERTIFICATE_LOOK: Duration = Duration::from_secs(60);

/// Why the guard cannot start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener could not be opened.
    #[error("cannot listen on {at}, which {key} says: {fault}")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// The setting and the flag that say so.
        key: &'static str,
        /// Why not.
        fault: std::io::Error,
    },
    /// No certificate to show.
    #[error("{0}")]
    Certificate(#[from] crate::ops::certificates::Error),
    /// A part that all sessions need has ended.
    #[error("{0}")]
    Ended(String),
}

/// A bound guard, ready to run.
pub struct Guard {
    shared: Arc<Shared>,
    plain: Option<TcpListener>,
    tls: Option<(TcpListener, TlsAcceptor)>,
    certificates: Option<Arc<Certificates>>,
    router_failed: CancellationToken,
}

/// A handle to look at the guard while it runs.
#[derive(Clone)]
pub struct Observer(Arc<Shared>);

impl Observer {
    /// The counters.
    pub fn stats(&self) -> Snapshot {
        let mut snapshot = self.0.stats.snapshot();
        snapshot.connections = self.0.limits.open() as u64;
        snapshot
    }
    /// The last refusals, newest last.
    pub fn refusals(&self) -> Vec<super::stats::Refusal> {
        self.0.stats.recent()
    }
    /// How far the journal was followed.
    pub fn followed(&self) -> i64 {
        self.0.followed.load(Ordering::Relaxed)
    }
}

async fn listen(at: SocketAddr, key: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind(at).await.map_err(|fault| Error::Listen { at, key, fault })
}

impl Guard {
    /// Binds the configured listeners. `certificates` is asked for only when there is a TLS listener.
    pub async fn bind(config: &config::Config, deps: Deps, certificates: Option<Arc<Certificates>>) -> Result<Self, Error> {
        let mqtt = config.mqtt.clone();
        let (stats, router_failed) = (Arc::new(Stats::default()), CancellationToken::new());
        // Nobody is connected yet, whatever was so before.
        let (since, vehicles) = (deps.clock.now(), deps.fleet.all());
        let offline = vehicles.into_iter().map(move |vehicle| status(&vehicle.id, false, since));
        let router =
            Rumqttd::start(mqtt.max_subscribers, stats.clone(), router_failed.clone(), offline).map_err(|e| Error::Ended(e.to_string()))?;
        let plain = match mqtt.listen {
            Some(address) => Some(listen(address, "mqtt.listen (--mqtt-listen)").await?),
            None => None,
        };
        let tls = match (mqtt.tls_listen, &certificates) {
            (Some(address), Some(certificates)) => {
                let listener = listen(address, "mqtt.tls_listen (--mqtts-listen)").await?;
                Some((listener, tls::acceptor(certificates.clone()).map_err(|e| Error::Ended(e.to_string()))?))
            }
            _ => None,
        };
        let shared = Arc::new(Shared {
            limits: Arc::new(Limits::new(mqtt.max_connections, mqtt.max_connections_per_address)),
            registry: Registry::default(),
            router: Box::new(router),
            followed: AtomicI64::new(0),
            stopping: CancellationToken::new(),
            next_client: AtomicU64::new(1),
            config: mqtt,
            deps,
            stats,
        });
        Ok(Self { shared, plain, tls, certificates, router_failed })
    }

    /// Where plain MQTT listens.
    pub fn addr(&self) -> Option<SocketAddr> {
        self.plain.as_ref().and_then(|l| l.local_addr().ok())
    }
    /// Where MQTT over TLS listens.
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls.as_ref().and_then(|(l, _)| l.local_addr().ok())
    }
    /// A handle to its counters.
    pub fn observer(&self) -> Observer {
        Observer(self.shared.clone())
    }

    /// Serves until `cancel`, then lets every session say good-bye. An error means that it ended unasked.
    pub async fn run(mut self, cancel: CancellationToken) -> Result<(), Error> {
        let (mut helpers, mut sessions) = (JoinSet::new(), JoinSet::new());
        let head = *self.shared.deps.db.head().borrow();
        helpers.spawn(downlink::follow(self.shared.clone(), head));
        helpers.spawn(watch_log(self.shared.clone()));
        if let Some(certificates) = self.certificates.clone() {
            helpers.spawn(watch_certificates(certificates, self.shared.deps.clock.clone()));
        }
        let mut keeper = JoinSet::new();
        keeper.spawn(self.shared.deps.cab.clone().keep_cursors());
        let ended = loop {
            tokio::select! {
                () = cancel.cancelled() => break Ok(()),
                () = self.router_failed.cancelled() => break Err(Error::Ended("the router for local subscribers ended".to_owned())),
                Some(helper) = helpers.join_next() => break Err(Error::Ended(match helper {
                    Ok(Err(fault)) => fault,
                    other => format!("a part of the guard ended: {other:?}"),
                })),
                Some(done) = sessions.join_next() => self.bury(done),
                accepted = accept(self.plain.as_ref()) => self.admit(&mut sessions, accepted, None).await,
                accepted = accept(self.tls.as_ref().map(|(l, _)| l)) => {
                    let acceptor = self.tls.as_ref().map(|(_, acceptor)| acceptor.clone());
                    self.admit(&mut sessions, accepted, acceptor).await;
                }
            }
        };
        (self.plain, self.tls) = (None, None);
        self.shared.stopping.cancel();
        self.shared.registry.owned("").iter().for_each(|mailbox| mailbox.kick(SHUTTING_DOWN));
        let drained = tokio::time::timeout(DRAIN, async { while sessions.join_next().await.is_some() {} }).await;
        if drained.is_err() {
            tracing::warn!("{} connections did not leave in time", sessions.len());
        }
        ended
    }

    fn bury(&self, done: Result<(), tokio::task::JoinError>) {
        // A session that panicked has taken only itself down; its permit and its place are given back by their guards.
        if let Err(fault) = done.map_err(|e| e.to_string()) {
            add(&self.shared.stats.panics, 1);
            tracing::error!("a session ended badly: {fault}");
        }
    }

    async fn admit(&self, sessions: &mut JoinSet<()>, accepted: std::io::Result<(TcpStream, SocketAddr)>, tls: Option<TlsAcceptor>) {
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(fault) => {
                // Out of file descriptors, most likely: a pause lets sessions end instead of spinning.
                tracing::warn!("cannot accept: {fault}");
                return tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let shared = self.shared.clone();
        match self.shared.limits.admit(peer.ip().to_canonical()) {
            Ok(permit) => {
                sessions.spawn(connection(shared, tcp, tls, permit));
            }
            Err(reason) => shared.stats.refuse(shared.deps.clock.now(), reason, peer.ip().to_string(), String::new()),
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// One connection, from its first byte to its last.
async fn connection(shared: Arc<Shared>, tcp: TcpStream, tls: Option<TlsAcceptor>, permit: Permit) {
    // Boxed, so that an established session does not carry the handshake's state.
    let Some(session) = Box::pin(connect::open(&shared, tcp, tls, &permit)).await else { return };
    add(&shared.stats.sessions_total, 1);
    add(&shared.stats.sessions, 1);
    let counted = Counted(shared.clone());
    let last_word = session.run().await;
    drop((counted, permit));
    if let Some(will) = last_word {
        Box::pin(will.execute(&shared)).await;
    }
}

struct Counted(Arc<Shared>);
impl Drop for Counted {
    fn drop(&mut self) {
        self.0.stats.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn watch_log(shared: Arc<Shared>) -> Result<(), String> {
    Err(match shared.deps.tracks.ended().await {
        Ok(()) => "the fix log was closed".to_owned(),
        Err(fault) => format!("the fix log ended: {fault}"),
    })
}

async fn watch_certificates(certificates: Arc<Certificates>, clock: Clock) -> Result<(), String> {
    loop {
        tokio::time::sleep(CERTIFICATE_LOOK).await;
        if let Err(fault) = certificates.refresh(clock.now()) {
            tracing::error!("the old certificate stays: {fault}");
        }
    }
}

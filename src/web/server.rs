//! Accepts connections and hands their requests to the router, within bounds: connections, time for a head, graceful end.

use super::linger;
use super::proxies::Proxies;
use crate::ops::network::Network;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Who sent the request, as far as that can be believed; every request carries it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The bounds of the accept loop.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Open connections at most; more wait in the kernel.
    pub connections: usize,
    /// Open connections from one address (of IPv6: from one /64); more are closed.
    pub per_address: usize,
    /// Proxies: all connections may come from one, and a request's client is whom it names.
    pub proxies: Proxies,
    /// Time for a request's head, also the time a kept-alive connection may idle.
    pub header: Duration,
    /// Time for open requests to end once the server stops.
    pub drain: Duration,
}

/// A client that takes nothing of an answer for so long is gone.
const STALLED: Duration = Duration::from_secs(20);

/// How many connections each network has open.
#[derive(Clone, Default)]
struct Networks(Arc<Mutex<HashMap<Network, usize>>>);

/// One of a network's connections; dropping it gives the place back.
struct Place(Networks, Network);

impl Networks {
    fn admit(&self, network: Network, most: usize) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(network).or_default();
        *count += 1;
        let place = Place(self.clone(), network);
        let admitted = *count <= most;
        drop(open);
        admitted.then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.1);
            }
        }
    }
}

/// Serves until `cancel`, then lets open requests end.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, cancel: CancellationToken) {
    let seats = Arc::new(Semaphore::new(bounds.connections));
    let networks = Networks::default();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let seat = tokio::select! {
            () = cancel.cancelled() => break,
            seat = Arc::clone(&seats).acquire_owned() => seat,
        };
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let most = if bounds.proxies.contains(peer.ip()) { bounds.connections } else { bounds.per_address };
                let Some(place) = networks.admit(peer.ip().into(), most) else {
                    tracing::debug!(%peer, "too many HTTP connections from one address");
                    continue;
                };
                let connection = converse(stream, peer, router.clone(), bounds.clone(), cancel.clone());
                connections.spawn(async move {
                    connection.await;
                    drop((seat, place));
                });
            }
            Err(error) => {
                // Out of file descriptors, or the client is gone already: neither ends the server.
                tracing::warn!(%error, "could not accept an HTTP connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    let all_gone = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(bounds.drain, all_gone).await.is_err() {
        tracing::warn!(open = connections.len(), "HTTP connections were still open at the end");
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, router: Router, bounds: Bounds, cancel: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, %peer, "no TCP_NODELAY");
    }
    let (unread, dropped) = mpsc::channel(1);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let (head, body) = request.into_parts();
        let body = linger::body(body, &head.headers, &unread);
        let mut request = Request::from_parts(head, body);
        let client = SocketAddr::new(bounds.proxies.client(peer.ip(), request.headers()), peer.port());
        request.extensions_mut().insert(Peer(client));
        router.clone().oneshot(request)
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.header)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let talk = async {
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    let ended = tokio::select! {
        ended = talk => ended,
        () = linger::drain(dropped) => Ok(()),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "an HTTP connection broke");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    #[test]
    fn places_are_counted_by_network_and_come_back() {
        let networks = Networks::default();
        let admit = |address: &str| networks.admit(address.parse::<IpAddr>().unwrap().into(), 2);
        let two = (admit("2001:db8::1").unwrap(), admit("2001:db8::2").unwrap());
        assert!(admit("2001:db8::3").is_none() && admit("2001:db8:0:1::3").is_some());
        let mapped = (admit("::ffff:192.0.2.1").unwrap(), admit("192.0.2.1").unwrap());
        assert!(admit("192.0.2.1").is_none());
        drop((two, mapped));
        assert!(networks.0.lock().unwrap().is_empty());
    }
}

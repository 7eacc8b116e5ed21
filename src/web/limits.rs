//! Bounds on requests: how many at once, and how long one may take.

use super::error::Error;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// The bounds, and counts of what they refused.
#[derive(Clone, Debug)]
pub struct Limits {
    seats: Arc<Semaphore>,
    time: Duration,
    shed: Arc<AtomicU64>,
    late: Arc<AtomicU64>,
}

impl Limits {
    /// So many requests at once, each within `time`.
    pub fn new(at_once: usize, time: Duration) -> Self {
        Self { seats: Arc::new(Semaphore::new(at_once)), time, shed: Arc::default(), late: Arc::default() }
    }
    /// Requests refused because too many were under way.
    pub fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }
    /// Requests given up because they took too long.
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }
}

/// Refuses at once what would only queue, and ends what takes too long.
pub async fn bound(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let Ok(_seat) = limits.seats.try_acquire() else {
        limits.shed.fetch_add(1, Ordering::Relaxed);
        return Error::unavailable("too many requests are under way").into_response();
    };
    // A long poll lasts until there is something to say, and has its own end.
    let polls =
        request.method() == Method::GET && request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == "/socket.io/");
    if polls {
        return next.run(request).await;
    }
    match tokio::time::timeout(limits.time, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            limits.late.fetch_add(1, Ordering::Relaxed);
            Error::status(StatusCode::SERVICE_UNAVAILABLE).detail("the request took too long").into_response()
        }
    }
}

/// What a panic in a handler becomes.
pub fn panicked(what: Box<dyn Any + Send>) -> Response {
    let text = what.downcast_ref::<String>().map(String::as_str).or(what.downcast_ref::<&str>().copied());
    Error::internal(format!("a handler panicked: {}", text.unwrap_or("?"))).into_response()
}

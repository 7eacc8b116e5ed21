//! A receiver of webhooks or pushes of a test: answers as it is told to, and keeps what came.
#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

use super::port::Closed;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A request as it came, and how it was answered.
#[derive(Clone, Debug)]
pub struct Call {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
    pub body: String,
    pub path: String,
    pub bytes: Bytes,
    pub headers: HeaderMap,
    pub status: u16,
}

impl Call {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
    /// Type and booking, in short.
    pub fn what(&self) -> (String, String) {
        let body = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&body["type"]), text(&body["data"]["booking_id"]))
    }
}

/// HMAC (RFC 2104) from the hash alone.
pub fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    assert!(key.len() <= 64);
    let pad = |with: u8| (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::digest([&pad(0x36), text].concat());
    Sha256::digest([&pad(0x5c), inner.as_slice()].concat()).to_vec()
}

/// How the next requests are answered.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// With this status.
    Status(u16),
    /// Too late.
    Slow,
    /// Not at all: it is read, and the connection breaks.
    Lost,
}

#[derive(Default)]
struct Kept {
    calls: Vec<Call>,
    manners: VecDeque<Manner>,
    always: Option<u16>,
}

/// The receiver; it ends with the test, or when it is dropped.
#[derive(Clone)]
pub struct Hook {
    pub port: u16,
    kept: Arc<Mutex<Kept>>,
    _end: Arc<DropGuard>,
}

impl Hook {
    pub async fn start() -> Self {
        Self::start_at(Closed::new().open())
    }

    pub fn start_at(listener: TcpListener) -> Self {
        let (kept, cancel) = (Arc::<Mutex<Kept>>::default(), CancellationToken::new());
        let (port, app) = (listener.local_addr().unwrap().port(), Router::new().fallback(take).with_state(kept.clone()));
        let end = cancel.clone();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, app) => served.unwrap(),
                () = end.cancelled() => {}
            }
        });
        Self { port, kept, _end: Arc::new(cancel.drop_guard()) }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }
    /// The next requests are answered so, then all with 200 (or as `always` says).
    pub fn be(&self, manners: impl IntoIterator<Item = Manner>) {
        self.kept.lock().unwrap().manners.extend(manners);
    }
    /// All requests are answered so; `None`: with 200.
    pub fn always(&self, status: Option<u16>) {
        self.kept.lock().unwrap().always = status;
    }
    /// All that came.
    pub fn calls(&self) -> Vec<Call> {
        self.kept.lock().unwrap().calls.clone()
    }
    /// What was answered with 2xx, each id as it was taken first.
    pub fn taken(&self) -> Vec<Call> {
        let mut seen = HashSet::new();
        self.calls().into_iter().filter(|call| (200..300).contains(&call.status) && seen.insert(call.id.clone())).collect()
    }
}

async fn take(State(kept): State<Arc<Mutex<Kept>>>, uri: Uri, headers: HeaderMap, bytes: Bytes) -> (StatusCode, &'static str) {
    let manner = {
        let mut kept = kept.lock().unwrap();
        let usual = Manner::Status(kept.always.unwrap_or(200));
        kept.manners.pop_front().unwrap_or(usual)
    };
    let status = match manner {
        Manner::Status(status) => status,
        Manner::Slow | Manner::Lost => 0,
    };
    let header = |name: &str| headers.get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let (path, body) = (uri.path().to_owned(), String::from_utf8_lossy(&bytes).into_owned());
    kept.lock().unwrap().calls.push(Call { id, timestamp, signature, body, path, bytes, headers, status });
    if let Manner::Lost = manner {
        std::panic::resume_unwind(Box::new("the connection breaks"));
    }
    if status == 0 {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    (StatusCode::from_u16(status.max(200)).unwrap(), "said")
}

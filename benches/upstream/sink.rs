//! A sink that keeps nothing: it unpacks and reads each batch, checks that it is the next, and acknowledges it.

use anyhow::Result;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use depotd::batch::{Batch, Record, Span};
use depotd::model::Lane;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;

/// What it took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    /// Fixes of the history.
    pub fixes: u64,
    /// Bytes of history as they came.
    pub bytes: u64,
}

#[derive(Default)]
struct Kept {
    through: BTreeMap<(String, Lane), i64>,
    count: Count,
}

/// A running one; ends with the process.
#[derive(Clone, Default)]
pub struct Sink(Arc<Mutex<Kept>>);

impl Sink {
    /// Listens on loopback.
    pub async fn start() -> Result<(Self, SocketAddr)> {
        let (sink, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").await?);
        let addr = listener.local_addr()?;
        let app = Router::new()
            .route("/v1/depots/{depot}/cursors", get(cursors))
            .route("/v1/depots/{depot}/batches", post(batches))
            .layer(DefaultBodyLimit::max(4 << 20))
            .with_state(sink.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok((sink, addr))
    }

    /// What it took so far.
    pub fn count(&self) -> Count {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count
    }
}

async fn cursors(State(sink): State<Sink>) -> Json<Value> {
    let kept = sink.0.lock().unwrap_or_else(PoisonError::into_inner);
    let items: Vec<_> =
        kept.through.iter().map(|((epoch, lane), through)| json!({"epoch": epoch, "lane": lane, "through": through})).collect();
    Json(json!({ "items": items }))
}

fn batch(headers: &HeaderMap, body: Bytes) -> Option<Batch> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let span = Span {
        depot: "bench".into(),
        epoch: text("depot-epoch")?.into(),
        epoch_from: text("depot-epoch-from")?.parse().ok()?,
        lane: Lane::parse(text("depot-lane")?)?,
        first: text("depot-first-seq")?.parse().ok()?,
        last: text("depot-last-seq")?.parse().ok()?,
    };
    Some(Batch { span, records: text("depot-records")?.parse().ok()?, lost: 0, unpacked: 0, body })
}

/// Fixes in `batch`.
fn fixes(batch: &Batch) -> Result<u64, depotd::batch::Unreadable> {
    let text = batch.unpack()?;
    let count = |record: &Record<'_>| if let Record::Track(track) = record { track.fixes.len() as u64 } else { 0 };
    Ok(batch.records(&text)?.iter().map(|line| count(&line.record)).sum())
}

async fn batches(State(sink): State<Sink>, headers: HeaderMap, body: Bytes) -> (StatusCode, Json<Value>) {
    let bad = |why: String| (StatusCode::BAD_REQUEST, Json(json!({ "detail": why })));
    let Some(batch) = batch(&headers, body) else { return bad("its headers are not those of a batch".into()) };
    let fixes = match fixes(&batch) {
        Ok(fixes) => fixes,
        Err(why) => return bad(why.to_string()),
    };
    let mut kept = sink.0.lock().unwrap_or_else(PoisonError::into_inner);
    let span = &batch.span;
    if span.lane.is_durable() {
        let through = kept.through.entry((span.epoch.clone(), span.lane)).or_insert(span.epoch_from - 1);
        if span.first != *through + 1 {
            return (StatusCode::CONFLICT, Json(json!({"next_expected": *through + 1})));
        }
        *through = span.last;
    }
    kept.count.fixes += fixes;
    kept.count.bytes += if span.lane == Lane::History { batch.body.len() as u64 } else { 0 };
    (StatusCode::OK, Json(json!({"acked_through": span.last})))
}

//! The line to head office: how far it is, pause and resume, send now, compare.

use super::Web;
use super::error::{Error, Problem, Result};
use super::extract::{Caller, Id};
use crate::model::{Difference, HeldUp, LaneStatus, LineMode, RowDifference, SinkStatus, Timestamp, Verified};
use crate::sync;
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The line to head office.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sync)]
pub struct SyncShape {
    /// The depot's id at head office; empty when there is none.
    depot: String,
    /// Is there a sink at all?
    configured: bool,
    /// Is any sink without a connection? Then the depot works locally.
    working_locally: bool,
    /// Records that wait, all sinks and lanes together.
    queued: u64,
    /// When the oldest of them came to be, where that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest: Option<Timestamp>,
    /// The sinks, by name.
    sinks: Vec<SinkShape>,
}

/// A sink.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncSink)]
struct SinkShape {
    /// Its name in the settings.
    name: String,
    /// `http`, `postgres`, `nats`, `kafka` or `mqtt`.
    #[schema(value_type = words::SinkKind)]
    kind: &'static str,
    /// `offline`, `catching_up`, `live`, `paused` or `closed` (outside its hours).
    #[schema(value_type = words::SyncMode)]
    mode: &'static str,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Who paused it.
    paused_by: Option<String>,
    /// What went wrong, while it is offline.
    fault: Option<String>,
    /// Attempts that failed one after the other.
    failures: u32,
    /// When it is tried again.
    #[schema(value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// Its lanes, the most urgent first.
    lanes: Vec<LaneShape>,
    /// What the last comparison found.
    verified: Option<VerifiedShape>,
    /// Why the last comparison could not be made.
    verify_fault: Option<String>,
}

/// A lane of a sink.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncLane)]
struct LaneShape {
    /// `bookings`, `dispatch`, `live` or `history`.
    #[schema(value_type = words::SyncLaneName)]
    lane: &'static str,
    /// The last number that there is.
    head: i64,
    /// The last number that the other side has stored.
    through: i64,
    /// Records that wait.
    backlog: u64,
    /// When the oldest of them came to be, where that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest: Option<Timestamp>,
    /// When the other side last acknowledged.
    #[schema(value_type = Option<String>, format = DateTime)]
    acked_at: Option<Timestamp>,
    /// Records acknowledged in all.
    records: u64,
    /// Bytes acknowledged in all, compressed.
    bytes: u64,
    /// Records that retention took before they could be sent, since the start.
    lost: u64,
    /// What holds this lane up while the others go on.
    held_up: Option<HeldUpShape>,
}

/// A batch that the sink does not take. It is tried again, after a growing pause; nothing of it is dropped.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncHeldUp)]
struct HeldUpShape {
    /// The first number of the batch.
    first: i64,
    /// Why it was not taken.
    fault: String,
    /// Did the sink say that it never will take it? Else it failed too often.
    refused: bool,
    /// So often it failed, one time after the other.
    failures: u32,
    /// When it is tried again.
    #[schema(value_type = String, format = DateTime)]
    next_attempt_at: Timestamp,
}

/// What a comparison found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncVerified)]
struct VerifiedShape {
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Days compared, over all lanes.
    days: u64,
    /// Records compared.
    records: u64,
    /// Rows compared.
    rows: u64,
    /// What differs.
    differences: Vec<DifferenceShape>,
    /// Tables whose rows differ.
    row_differences: Vec<RowDifferenceShape>,
}

/// A table whose rows differ; of each kind the first hundred keys, JSON arrays as text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncRowDifference)]
struct RowDifferenceShape {
    /// Which table.
    table: String,
    /// What the depot has and the other side has not.
    missing: Vec<String>,
    /// What the other side has and the depot has not.
    unknown: Vec<String>,
    /// What both have, with other contents.
    changed: Vec<String>,
}

/// A day of a lane on which both differ; of each kind the first hundred numbers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncDifference)]
struct DifferenceShape {
    /// Which lane.
    lane: &'static str,
    /// Which day, UTC.
    day: String,
    /// What the depot has and the other side has not.
    missing: Vec<i64>,
    /// What the other side has and the depot has not.
    unknown: Vec<i64>,
    /// What both have, with other contents.
    changed: Vec<i64>,
}

impl From<LaneStatus> for LaneShape {
    fn from(s: LaneStatus) -> Self {
        let LaneStatus { lane, head, through, backlog, oldest, acked_at, records, bytes, lost, held_up } = s;
        let held_up = held_up.map(Into::into);
        Self { lane: lane.as_str(), head, through, backlog, oldest, acked_at, records, bytes, lost, held_up }
    }
}
impl From<HeldUp> for HeldUpShape {
    fn from(HeldUp { first, fault, refused, failures, next_attempt_at }: HeldUp) -> Self {
        Self { first, fault, refused, failures, next_attempt_at }
    }
}
impl From<Difference> for DifferenceShape {
    fn from(Difference { lane, day, missing, unknown, changed }: Difference) -> Self {
        Self { lane: lane.as_str(), day, missing, unknown, changed }
    }
}
impl From<RowDifference> for RowDifferenceShape {
    fn from(RowDifference { table, missing, unknown, changed }: RowDifference) -> Self {
        Self { table, missing, unknown, changed }
    }
}
impl From<Verified> for VerifiedShape {
    fn from(v: Verified) -> Self {
        let differences = v.differences.into_iter().map(Into::into).collect();
        let row_differences = v.row_differences.into_iter().map(Into::into).collect();
        Self { at: v.at, days: v.days, records: v.records, rows: v.rows, differences, row_differences }
    }
}
impl From<SinkStatus> for SinkShape {
    fn from(s: SinkStatus) -> Self {
        let (verified, verify_fault) = match s.verified {
            None => (None, None),
            Some(Ok(found)) => (Some(found.into()), None),
            Some(Err(why)) => (None, Some(why)),
        };
        let lanes = s.lanes.into_iter().map(Into::into).collect();
        let SinkStatus { name, kind, mode, since, paused_by, fault, failures, next_attempt_at, .. } = s;
        Self { name, kind, mode: mode.as_str(), since, paused_by, fault, failures, next_attempt_at, lanes, verified, verify_fault }
    }
}

impl From<sync::Error> for Error {
    fn from(error: sync::Error) -> Self {
        match error {
            sync::Error::Unknown(_) => Self::status(StatusCode::NOT_FOUND).detail(error),
            sync::Error::Store(error) => error.into(),
        }
    }
}

/// How far the line to head office is.
#[utoipa::path(get, path = "/api/v1/sync", tag = "sync", responses((status = 200, body = SyncShape)))]
pub async fn read(State(web): State<Web>) -> Json<SyncShape> {
    let sinks = web.sync.status();
    let lanes = || sinks.iter().flat_map(|sink| &sink.lanes);
    Json(SyncShape {
        depot: web.config.upstream.depot.clone(),
        configured: !sinks.is_empty(),
        working_locally: sinks.iter().any(|sink| sink.mode == LineMode::Offline),
        queued: lanes().map(|lane| lane.backlog).sum(),
        oldest: lanes().filter_map(|lane| lane.oldest).min(),
        sinks: sinks.into_iter().map(Into::into).collect(),
    })
}

/// Send nothing to a sink until it is resumed; stays so over a restart.
#[utoipa::path(post, path = "/api/v1/sync/{id}/pause", tag = "sync", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn pause(State(web): State<Web>, Caller(who): Caller, Id(sink): Id<String>) -> Result<StatusCode> {
    web.sync.pause(&sink, true, &who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send to a sink again.
#[utoipa::path(post, path = "/api/v1/sync/{id}/resume", tag = "sync", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn resume(State(web): State<Web>, Caller(who): Caller, Id(sink): Id<String>) -> Result<StatusCode> {
    web.sync.pause(&sink, false, &who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send everything now: try at once, and also what else waits for its quarter of an hour to be over.
#[utoipa::path(post, path = "/api/v1/sync/{id}/flush", tag = "sync", params(("id" = String, Path)),
    responses((status = 202), (status = 404, body = Problem)))]
pub async fn flush(State(web): State<Web>, Caller(who): Caller, Id(sink): Id<String>) -> Result<StatusCode> {
    web.sync.flush_for(&sink, &who.actor()).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Compare with what a sink holds; `verified` of the sink tells what came of it.
#[utoipa::path(post, path = "/api/v1/sync/{id}/verify", tag = "sync", params(("id" = String, Path)),
    responses((status = 202), (status = 404, body = Problem)))]
pub async fn verify(State(web): State<Web>, Caller(who): Caller, Id(sink): Id<String>) -> Result<StatusCode> {
    web.sync.verify_for(&sink, &who.actor()).await?;
    Ok(StatusCode::ACCEPTED)
}

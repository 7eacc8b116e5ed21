//! The protocol: batches in, cursors, orders, digests and the record out.

use super::asked::Asked;
use super::compare;
use super::door;
use super::pool::{self, Pool};
use crate::batch::{Batch, Known, MAX_BYTES, Order, Page, Span, Stored};
use crate::model::Lane;
use crate::office::{self, Taken};
use crate::web::error::{Error, Problem, Result};
use crate::web::{Sheet, panicked};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Orders and records told at once.
pub(super) const PAGE: i64 = 500;
/// Digests told at once at most.
pub(super) const MOST: i64 = 10_000;
/// A batch is taken within this time, or not at all.
const PATIENCE: Duration = Duration::from_secs(120);
/// Seconds after which a depot may try again when the database is not there.
const RETRY_S: u32 = 5;

/// The batch was stored, now or before.
#[derive(Serialize, ToSchema)]
struct Acked {
    /// Everything of the lane up to this number is stored.
    acked_through: i64,
}

/// The batch was not stored.
#[derive(Serialize, ToSchema)]
struct Expected {
    /// The number that the lane goes on with.
    next_expected: i64,
}

/// A list.
#[derive(Serialize, ToSchema)]
pub(super) struct Items<T: ToSchema> {
    pub items: Vec<T>,
}

/// How far a lane of an epoch is.
#[derive(Serialize, ToSchema)]
struct Cursor {
    /// The epoch.
    epoch: String,
    /// `bookings`, `dispatch` or `history`.
    lane: &'static str,
    /// The last number stored.
    through: i64,
    /// Nothing of the epoch is taken from this number on: the depot was rebuilt or restored elsewhere. Left out while the epoch counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_from: Option<i64>,
}

/// A record that is kept.
#[derive(Serialize, ToSchema)]
struct StoredRecord {
    /// Its number.
    seq: i64,
    /// SHA-256 in hex over what it says.
    digest: String,
}

/// An order to the depot.
#[derive(Serialize, ToSchema)]
struct GivenOrder {
    /// Its number among the depot's orders; grows.
    seq: i64,
    /// The command, exactly as it was signed: one JSON document as text.
    command: String,
    /// The Ed25519 signature over that text, in base64.
    signature: String,
}

/// A part of all that is known of a depot.
#[derive(Serialize, ToSchema)]
pub(super) struct RecordPage {
    /// Lines as in a batch: the epochs (`{"type": "epoch", "epoch", "from", "through"}`), then events and audit entries in their order,
    /// then rows; an `epoch` line tells to which epoch the numbers of the lines behind it belong.
    pub lines: Vec<String>,
    /// What to ask for next; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "What a receiver of depotd's batches answers",
    description = "A depot posts its batches in order, lane by lane. A receiver stores a batch together with its last number, and says so \
                   only then. A batch that comes again is answered as the first time, one that leaves numbers out with 409 and the number \
                   that it expects. `Authorization: Bearer` names the depot. A body is NDJSON packed with zstd, one record a line; each \
                   has `seq` and `type`: `event`, `audit`, `row`, `round`, `track`, `position` or `gap`. docs/upstream.md describes each under \
                   Records. `stored`, `receipts`, `rows`, `beyond` and `record` may be left out (404): then the depot cannot compare, nor be \
                   built anew from there."
))]
struct Description;

fn api() -> OpenApiRouter<Pool> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(batches))
        .routes(routes!(cursors))
        .routes(routes!(orders))
        .routes(routes!(stored))
        .routes(routes!(compare::receipts))
        .routes(routes!(compare::tables))
        .routes(routes!(compare::rows))
        .routes(routes!(compare::beyond))
        .routes(routes!(record))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// The protocol's description as JSON.
pub fn document() -> serde_json::Value {
    serde_json::to_value(api().into_openapi()).unwrap_or_default()
}

/// The routes over `pool`.
pub fn router(pool: Pool) -> Router {
    Router::from(api())
        .route_layer(axum::middleware::from_fn_with_state(pool.clone(), door::admit))
        .layer(CatchPanicLayer::custom(panicked))
        .with_state(pool)
}

fn unavailable(error: impl std::fmt::Display) -> Error {
    tracing::warn!("a request was put off: {error}");
    Error::status(StatusCode::SERVICE_UNAVAILABLE).detail("the record cannot be written now").retry_after(RETRY_S)
}

impl From<pool::Error> for Error {
    fn from(error: pool::Error) -> Self {
        unavailable(error)
    }
}

impl From<office::Error> for Error {
    fn from(error: office::Error) -> Self {
        match error {
            office::Error::Unreadable(why) => Self::status(StatusCode::BAD_REQUEST).detail(why),
            office::Error::Page(_) => Self::status(StatusCode::BAD_REQUEST).detail(error),
            office::Error::Superseded { .. } => Self::status(StatusCode::GONE).detail(error),
            // To send the same again is of no use.
            error if error.is_final() => Self::status(StatusCode::UNPROCESSABLE_ENTITY).detail(error),
            other => unavailable(other),
        }
    }
}

/// The hash under which a token is kept.
pub fn token_hash(token: &str) -> String {
    Sha256::digest(token).iter().map(|b| format!("{b:02x}")).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    let missing = || Error::status(StatusCode::BAD_REQUEST).detail(format!("the header {name} is missing or is no text"));
    headers.get(name).and_then(|v| v.to_str().ok()).ok_or_else(missing)
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Result<T> {
    let text = header(headers, name)?;
    text.parse().map_err(|_| Error::status(StatusCode::BAD_REQUEST).detail(format!("the header {name} must be a number, not {text:?}")))
}

pub(super) fn lane(text: &str) -> Result<Lane> {
    Lane::parse(text).ok_or_else(|| Error::status(StatusCode::BAD_REQUEST).detail(format!("there is no lane {text:?}")))
}

fn batch(depot: String, headers: &HeaderMap, body: Bytes) -> Result<Batch> {
    let wrong = |what: &str| Err(Error::status(StatusCode::BAD_REQUEST).detail(what));
    if header(headers, "content-encoding")? != "zstd" {
        return wrong("the header content-encoding must be zstd");
    }
    let span = Span {
        depot,
        epoch: header(headers, "depot-epoch")?.to_owned(),
        epoch_from: number(headers, "depot-epoch-from")?,
        lane: lane(header(headers, "depot-lane")?)?,
        first: number(headers, "depot-first-seq")?,
        last: number(headers, "depot-last-seq")?,
    };
    span.check().map_err(office::Error::from)?;
    Ok(Batch { span, records: number(headers, "depot-records")?, lost: 0, unpacked: 0, body })
}

/// Take a batch.
#[utoipa::path(post, path = "/v1/depots/{depot}/batches",
    params(("depot" = String, Path), ("idempotency-key" = String, Header, description = "`depot/epoch/lane/first-last`, for logs"),
        ("content-encoding" = String, Header, description = "`zstd`"), ("depot-epoch" = String, Header), ("depot-epoch-from" = i64, Header,
        description = "The first number of the epoch: an epoch that is new begins with it"), ("depot-lane" = String, Header),
        ("depot-first-seq" = i64, Header), ("depot-last-seq" = i64, Header), ("depot-records" = u64, Header)),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = Acked), (status = 400, body = Problem), (status = 401, body = Problem), (status = 409, body = Expected),
        (status = 408, body = Problem, description = "The body came too slowly, or the depot sent another batch meanwhile"),
        (status = 410, body = Problem, description = "The epoch is superseded: another box is the depot now, and this one sends nothing more"),
        (status = 413, description = "Too large: the depot sends halves"), (status = 422, body = Problem, description = "It cannot be stored however often it is sent"),
        (status = 429, description = "The depot obeys Retry-After"),
        (status = 503, body = Problem, description = "The depot obeys Retry-After")))]
async fn batches(State(pool): State<Pool>, Path(depot): Path<String>, headers: HeaderMap, body: Body) -> Result<Response> {
    // A batch of MAX_BYTES passes; what is larger is told so with 413.
    let (body, turn) = pool.depots().body(&depot, body, MAX_BYTES + 4_096).await?;
    let batch = batch(depot, &headers, body)?;
    if let Some(counts) = pool.forward().filter(|counts| counts.is_full()) {
        counts.refuse();
        return Err(unavailable("too much waits for JetStream"));
    }
    let mut lent = pool.lend().await?;
    let taken = tokio::time::timeout(PATIENCE, lent.office.take(&batch)).await.map_err(|_| unavailable("a batch takes too long"))?;
    lent.done();
    drop(turn);
    Ok(match taken? {
        Taken::Stored(acked_through) => Json(Acked { acked_through }).into_response(),
        Taken::Expected(next_expected) => (StatusCode::CONFLICT, Json(Expected { next_expected })).into_response(),
    })
}

/// How far the depot's lanes are.
#[utoipa::path(get, path = "/v1/depots/{depot}/cursors", params(("depot" = String, Path)),
    responses((status = 200, body = Items<Cursor>), (status = 401, body = Problem)))]
async fn cursors(State(pool): State<Pool>, Path(depot): Path<String>) -> Result<Json<Items<Cursor>>> {
    let lent = pool.lend().await?;
    let found = lent.office.known(&depot).await;
    lent.done();
    let known = found?;
    let cursor = |Known { epoch, lane, through, superseded_from }| Cursor { epoch, lane: lane.as_str(), through, superseded_from };
    let items = known.into_iter().map(cursor).collect();
    Ok(Json(Items { items }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct After {
    /// The number of the last order that the depot has dealt with.
    #[serde(default)]
    after: i64,
}

/// Orders to the depot, in the order in which it is to carry them out.
#[utoipa::path(get, path = "/v1/depots/{depot}/orders", params(("depot" = String, Path), After),
    responses((status = 200, body = Items<GivenOrder>), (status = 401, body = Problem)))]
async fn orders(
    State(pool): State<Pool>,
    Path(depot): Path<String>,
    Asked(After { after }): Asked<After>,
) -> Result<Json<Items<GivenOrder>>> {
    let lent = pool.lend().await?;
    let found = lent.office.orders(&depot, after, PAGE).await;
    lent.done();
    let found = found?;
    let items = found.into_iter().map(|Order { seq, command, signature }| GivenOrder { seq, command, signature }).collect();
    Ok(Json(Items { items }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Wanted {
    /// The epoch.
    epoch: String,
    /// The lane.
    lane: String,
    /// The first number.
    from: i64,
    /// The last number.
    to: i64,
    /// Records at most, 10,000 at the very most.
    limit: i64,
}

/// Numbers and digests of what is kept: the depot compares them with its own.
#[utoipa::path(get, path = "/v1/depots/{depot}/stored", params(("depot" = String, Path), Wanted),
    responses((status = 200, body = Items<StoredRecord>), (status = 401, body = Problem)))]
async fn stored(State(pool): State<Pool>, Path(depot): Path<String>, Asked(wanted): Asked<Wanted>) -> Result<Json<Items<StoredRecord>>> {
    let lent = pool.lend().await?;
    let Wanted { epoch, from, to, limit, .. } = &wanted;
    let found = lent.office.stored(&depot, epoch, lane(&wanted.lane)?, *from, *to, (*limit).clamp(1, MOST)).await;
    lent.done();
    let found = found?;
    Ok(Json(Items { items: found.into_iter().map(|Stored { seq, digest }| StoredRecord { seq, digest }).collect() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Follows {
    /// What the page before named as `next`.
    after: Option<String>,
}

/// All that is known of the depot, page by page, to build it anew.
#[utoipa::path(get, path = "/v1/depots/{depot}/record", params(("depot" = String, Path), Follows),
    responses((status = 200, body = RecordPage), (status = 401, body = Problem)))]
async fn record(State(pool): State<Pool>, Path(depot): Path<String>, Asked(Follows { after }): Asked<Follows>) -> Result<Json<RecordPage>> {
    let lent = pool.lend().await?;
    let found = lent.office.page(&depot, after.as_deref(), PAGE).await;
    lent.done();
    let Page { lines, next } = found?;
    Ok(Json(RecordPage { lines, next }))
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// The record can be reached.
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = String), (status = 503)))]
async fn readyz(State(pool): State<Pool>) -> Result<&'static str> {
    let lent = pool.lend().await?;
    let known = lent.office.known("").await;
    lent.done();
    known?;
    Ok("ready\n")
}

/// How much waits for JetStream, and what became of it.
#[utoipa::path(get, path = "/metrics", responses((status = 200, description = "Prometheus text", body = String)))]
async fn metrics(State(pool): State<Pool>) -> Response {
    Sheet::answer(|sheet| {
        if let Some(counts) = pool.forward() {
            counts.fill(sheet);
        }
    })
}

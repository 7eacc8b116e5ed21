//! Head office's orders, and what became of them.

use super::Web;
use super::error::{Error, Problem, Result};
use super::extract::Params;
use super::shapes::{List, PageParams};
use crate::model::{Answered, Timestamp};
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// An order of head office that was answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncOrder)]
pub struct OrderShape {
    /// Head office's name for it.
    cmd_id: String,
    /// The sink that it came from.
    sink: String,
    /// Its number there.
    seq: i64,
    /// What it asked for, like `booking.change`.
    kind: String,
    /// What it is about: a booking's id, a user's name.
    target: Option<String>,
    /// When it was answered.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// `applied`, `rejected` or `expired`.
    #[schema(value_type = words::OrderOutcome)]
    outcome: &'static str,
    /// Why it was not carried out, in one word.
    reason: Option<String>,
    /// The same for people.
    detail: Option<String>,
}

impl From<Answered> for OrderShape {
    fn from(answered: Answered) -> Self {
        let Answered { cmd_id, sink, seq, kind, target, received_at, verdict, reason, detail, .. } = answered;
        Self { cmd_id, sink, seq, kind, target, received_at, outcome: verdict.as_str(), reason, detail }
    }
}

/// Head office's orders that were answered, newest first.
#[utoipa::path(get, path = "/api/v1/sync/orders", tag = "sync", params(PageParams),
    responses((status = 200, body = List<OrderShape>), (status = 422, body = Problem)))]
pub async fn orders(State(web): State<Web>, Params(page): Params<PageParams>) -> Result<Json<List<OrderShape>>> {
    let before = match &page.cursor {
        Some(cursor) => cursor.parse().map_err(|_| Error::field("cursor", "is not one that a list gave"))?,
        None => i64::MAX,
    };
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut rows = web.orders.answered(before, limit.saturating_add(1)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(number, _)| number.to_string());
    Ok(Json(List { items: rows.into_iter().map(|(_, answered)| answered.into()).collect(), next }))
}

//! Receipts over HTTP: what each lane holds of a day.

use super::Web;
use super::error::{Error, FieldError, Problem, Result};
use super::extract::Params;
use super::fields::{Fields, Read};
use super::shapes::List;
use crate::batch::Receipt;
use crate::model::{Day, Lane};
use crate::upstream::{DayReceipt, Holdings};
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Days told at once.
const DAYS: usize = 31;
/// Days told when no first one is named.
const WEEK: usize = 7;

/// What a lane holds of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SyncReceipt)]
pub struct ReceiptShape {
    /// The day, UTC.
    day: String,
    /// `bookings`, `dispatch` or `history`.
    #[schema(value_type = words::ReceiptLane)]
    lane: &'static str,
    /// The epoch of the numbers: a new one begins with each restore.
    epoch: String,
    /// How many records that are never changed: events, audit entries, rounds, tracks.
    records: u64,
    /// The first number.
    first: i64,
    /// The last number.
    last: i64,
    /// SHA-256 over all their digests in order, in hex.
    hash: String,
}

impl From<DayReceipt> for ReceiptShape {
    fn from(DayReceipt { lane, epoch, receipt: Receipt { day, records, first, last, hash } }: DayReceipt) -> Self {
        Self { day, lane: lane.as_str(), epoch, records, first, last, hash }
    }
}

/// Which lane and days.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReceiptParams {
    /// `bookings`, `dispatch` or `history`; all when none is named.
    #[param(inline, value_type = Option<words::ReceiptLane>)]
    lane: Option<String>,
    /// The first day, UTC, like `2026-10-01`; six days before the last when none is named.
    from: Option<String>,
    /// The last day; today when none is named.
    to: Option<String>,
    /// Where the page before ended.
    cursor: Option<String>,
}
impl Read for ReceiptParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (lane, from, to, cursor) = (f.text("lane", 20), f.text("from", 10), f.text("to", 10), f.text("cursor", 10));
        Some(Self { lane: lane?, from: from?, to: to?, cursor: cursor? })
    }
}

fn day(field: &str, text: Option<&String>) -> Result<Option<Day>> {
    let wrong = || FieldError { field: field.to_owned(), message: "must be a date like 2026-10-25".to_owned() };
    text.map(|text| Day::parse(text).ok_or_else(|| Error::invalid(vec![wrong()]))).transpose()
}

impl ReceiptParams {
    fn lanes(&self) -> Result<Vec<Lane>> {
        let Some(name) = &self.lane else { return Ok(Lane::ALL.to_vec()) };
        let wrong = || FieldError { field: "lane".to_owned(), message: "must be bookings, dispatch or history".to_owned() };
        match Lane::parse(name).filter(|lane| lane.is_durable()) {
            Some(lane) => Ok(vec![lane]),
            None => Err(Error::invalid(vec![wrong()])),
        }
    }
}

/// What the depot holds: a receipt for each day and lane, a month of days a page. `depotd sync verify` compares them with upstream's.
#[utoipa::path(get, path = "/api/v1/sync/receipts", tag = "sync", params(ReceiptParams),
    responses((status = 200, body = List<ReceiptShape>), (status = 422, body = Problem)))]
pub async fn receipts(State(web): State<Web>, Params(params): Params<ReceiptParams>) -> Result<Json<List<ReceiptShape>>> {
    let lanes = params.lanes()?;
    let to = day("to", params.to.as_ref())?.unwrap_or_else(|| Day::of(web.clock.now(), "UTC"));
    let week = || (1..WEEK).fold(to.clone(), |day, _| day.previous());
    let from = match day("cursor", params.cursor.as_ref())? {
        Some(cursor) => cursor,
        None => day("from", params.from.as_ref())?.unwrap_or_else(week),
    };
    let is_before = |day: &Day| day.time().from <= to.time().from;
    let last = (1..DAYS).fold(from.clone(), |day, _| if is_before(&day.next()) { day.next() } else { day });
    let holdings = Holdings { db: web.db.clone(), tracks: web.tracks.clone(), credentials: false };
    let found = holdings.receipts(&lanes, &from, &last).await.map_err(Error::internal)?;
    let next = Some(last.next()).filter(is_before).map(|day| day.to_string());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

//! What is kept, for the depot to compare with what it has, and the rows that a restored depot has not seen.

use super::asked::Asked;
use super::pool::Pool;
use super::routes::{Items, MOST, PAGE, RecordPage, lane};
use crate::batch::{Agreed, Page, Receipt, StoredRow, TableReceipt};
use crate::model::Day;
use crate::web::error::{Error, Problem, Result};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// What a lane holds of a day.
#[derive(Serialize, ToSchema)]
pub(super) struct DayReceipt {
    /// The day, UTC.
    day: String,
    /// How many records that are never changed: events, audit entries, rounds, tracks.
    records: u64,
    /// The first number.
    first: i64,
    /// The last number.
    last: i64,
    /// SHA-256 in hex over their digests, in order of number.
    hash: String,
}

/// What a table of rows holds now.
#[derive(Serialize, ToSchema)]
pub(super) struct RowsReceipt {
    /// Its name.
    table: String,
    /// How many rows.
    rows: u64,
    /// SHA-256 in hex over their digests, in order of their keys' bytes.
    hash: String,
}

/// A row that is kept.
#[derive(Serialize, ToSchema)]
pub(super) struct KeptRow {
    /// Its key: a JSON array as text.
    key: String,
    /// SHA-256 in hex over the key and the columns, each with its length in front.
    digest: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WantedDays {
    /// The epoch.
    epoch: String,
    /// The lane.
    lane: String,
    /// Only numbers up to this one.
    through: Option<i64>,
    /// The first day, UTC, like `2026-05-30`.
    from: Option<String>,
    /// The last day.
    to: Option<String>,
    /// Days at most, 1,000 at the very most.
    limit: Option<i64>,
}

fn day(text: Option<&str>) -> Result<Option<Day>> {
    let wrong = |text| Error::status(StatusCode::BAD_REQUEST).detail(format!("{text:?} is no day like 2026-05-30"));
    text.map(|text| Day::parse(text).ok_or_else(|| wrong(text))).transpose()
}

/// Receipts of a lane of an epoch, day by day: a page ends at its limit, the next begins with the day behind its last.
#[utoipa::path(get, path = "/v1/depots/{depot}/receipts", params(("depot" = String, Path), WantedDays),
    responses((status = 200, body = Items<DayReceipt>), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub(super) async fn receipts(
    State(pool): State<Pool>,
    Path(depot): Path<String>,
    Asked(wanted): Asked<WantedDays>,
) -> Result<Json<Items<DayReceipt>>> {
    let lent = pool.lend().await?;
    let lane = lane(&wanted.lane)?;
    let from = day(wanted.from.as_deref())?.map_or_else(|| "-infinity".to_owned(), |day| day.to_string());
    let until = day(wanted.to.as_deref())?.map_or_else(|| "infinity".to_owned(), |day| day.next().to_string());
    let (through, limit) = (wanted.through.unwrap_or(i64::MAX), wanted.limit.unwrap_or(100).clamp(1, 1_000));
    let found = lent.office.receipts(&depot, &wanted.epoch, lane, through, &from, &until, limit).await;
    lent.done();
    let found = found?;
    let shape = |Receipt { day, records, first, last, hash }| DayReceipt { day, records, first, last, hash };
    Ok(Json(Items { items: found.into_iter().map(shape).collect() }))
}

/// What each table of rows holds now.
#[utoipa::path(get, path = "/v1/depots/{depot}/rows", params(("depot" = String, Path)),
    responses((status = 200, body = Items<RowsReceipt>), (status = 401, body = Problem)))]
pub(super) async fn tables(State(pool): State<Pool>, Path(depot): Path<String>) -> Result<Json<Items<RowsReceipt>>> {
    let lent = pool.lend().await?;
    let found = lent.office.table_receipts(&depot).await;
    lent.done();
    let found = found?;
    let shape = |TableReceipt { table, rows, hash }| RowsReceipt { table, rows, hash };
    Ok(Json(Items { items: found.into_iter().map(shape).collect() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterKey {
    /// Only rows whose key's bytes come behind these.
    #[serde(default)]
    after: String,
    /// Rows at most, 10,000 at the very most.
    limit: Option<i64>,
}

/// Keys and digests of a table's rows.
#[utoipa::path(get, path = "/v1/depots/{depot}/rows/{table}", params(("depot" = String, Path), ("table" = String, Path), AfterKey),
    responses((status = 200, body = Items<KeptRow>), (status = 401, body = Problem)))]
pub(super) async fn rows(
    State(pool): State<Pool>,
    Path((depot, table)): Path<(String, String)>,
    Asked(AfterKey { after, limit }): Asked<AfterKey>,
) -> Result<Json<Items<KeptRow>>> {
    let lent = pool.lend().await?;
    let found = lent.office.stored_rows(&depot, &table, &after, limit.unwrap_or(PAGE).clamp(1, MOST)).await;
    lent.done();
    let found = found?;
    Ok(Json(Items { items: found.into_iter().map(|StoredRow { key, digest }| KeptRow { key, digest }).collect() }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Beyond {
    /// The table.
    table: String,
    /// Up to where both agree, by epoch: `epoch:number`, with commas between.
    #[serde(default)]
    agreed: String,
    /// What the page before named as `next`.
    after: Option<String>,
}

fn agreed(text: &str) -> Result<Vec<Agreed>> {
    let one = |part: &str| {
        let (epoch, through) = part.split_once(':')?;
        Some(Agreed { epoch: epoch.to_owned(), through: through.parse().ok()? })
    };
    let wrong = || Error::status(StatusCode::BAD_REQUEST).detail("agreed is like epoch:17,epoch:42");
    text.split(',').filter(|part| !part.is_empty()).map(|part| one(part).ok_or_else(wrong)).collect()
}

/// Rows of a table that were told under numbers behind what is agreed: what a depot that was restored from a backup has not seen.
#[utoipa::path(get, path = "/v1/depots/{depot}/beyond", params(("depot" = String, Path), Beyond),
    responses((status = 200, body = RecordPage), (status = 400, body = Problem), (status = 401, body = Problem)))]
pub(super) async fn beyond(State(pool): State<Pool>, Path(depot): Path<String>, Asked(wanted): Asked<Beyond>) -> Result<Json<RecordPage>> {
    let lent = pool.lend().await?;
    let agreed = agreed(&wanted.agreed)?;
    let found = lent.office.beyond(&depot, &agreed, &wanted.table, wanted.after.as_deref(), PAGE).await;
    lent.done();
    let Page { lines, next } = found?;
    Ok(Json(RecordPage { lines, next }))
}

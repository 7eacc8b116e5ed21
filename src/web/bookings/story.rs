//! What happened to a booking, and why which vehicle got it.

use crate::model::{BookingId, Event, Timestamp};
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Id, Params};
use crate::web::shapes::{List, PageParams};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Something that happened to a booking.
#[derive(Debug, Serialize, ToSchema)]
pub struct BookingEvent {
    /// Its place in the journal.
    seq: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `placed`, `assigned`, `arrived` …
    kind: &'static str,
    /// Who made it happen, like `user:ana`.
    actor: String,
    /// The vehicle concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    vehicle_id: Option<String>,
    /// The rest.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
}

fn shape(event: Event) -> Result<BookingEvent> {
    let kind = event.kind.as_str();
    Ok(BookingEvent {
        seq: event.seq,
        at: event.at,
        kind: kind.split_once('.').map_or(kind, |(_, verb)| verb),
        actor: event.actor.to_text(),
        vehicle_id: event.vehicle.map(|v| v.to_string()),
        data: RawValue::from_string(event.data).map_err(Error::internal)?,
    })
}

/// What happened to a booking, oldest first.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/events", tag = "bookings", params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<BookingEvent>), (status = 404, body = Problem)))]
pub async fn events(State(web): State<Web>, Id(id): Id<BookingId>, Params(p): Params<PageParams>) -> Result<Json<List<BookingEvent>>> {
    let page = web.bookings.events(id, p.into()).await?;
    let items = page.items.into_iter().map(shape).collect::<Result<_>>()?;
    Ok(Json(List { items, next: page.next }))
}

/// Every round that looked at a booking, newest first: candidates, costs, and why each was not chosen. Rounds that found the same
/// reasons one after the other are one item: `rounds` says how many they are and `until` when the last of them was (`at` is the first).
/// Rounds are counted in memory and written once a minute, so a crash may lose a minute of them. What was kept by a program that did
/// not count has neither `rounds` nor `until`.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/dispatch", tag = "bookings", params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<Value>), (status = 404, body = Problem)))]
pub async fn dispatch(State(web): State<Web>, Id(id): Id<BookingId>, Params(p): Params<PageParams>) -> Result<Json<List<Value>>> {
    let page = web.bookings.rounds(id, p.into()).await?;
    Ok(Json(List { items: page.items, next: page.next }))
}

//! Bookings over HTTP.

mod input;
mod offers;
mod story;

pub use offers::{__path_answer, __path_offers, answer, offers};
pub use story::{__path_dispatch, __path_events, dispatch, events};

use super::Web;
use super::error::{Problem, Result};
use super::extract::{Body, Caller, Id, IdempotencyKey, Params};
use super::shapes::{BookingShape, List};
use crate::model::BookingId;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use input::{AssignInput, BookingInput, CancelInput, ListParams, LockInput, StepInput};

/// Place a booking.
///
/// With an `Idempotency-Key` a repeat is answered with the booking that the first one made.
#[utoipa::path(post, path = "/api/v1/bookings", tag = "bookings", request_body = BookingInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Up to 255 characters of the client's choice")),
    responses((status = 201, body = BookingShape), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    IdempotencyKey(key): IdempotencyKey,
    Body(input): Body<BookingInput>,
) -> Result<(StatusCode, HeaderMap, Json<BookingShape>)> {
    let placed = web.bookings.place(input.into(), who.actor(), key).await?;
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/bookings/{}", placed.booking.id)) {
        headers.insert(header::LOCATION, location);
    }
    if placed.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok((StatusCode::CREATED, headers, Json((&placed.booking).into())))
}

/// List bookings, newest first.
#[utoipa::path(get, path = "/api/v1/bookings", tag = "bookings", params(ListParams),
    responses((status = 200, body = List<BookingShape>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(params): Params<ListParams>) -> Result<Json<List<BookingShape>>> {
    let (filter, page) = params.split();
    let page = web.bookings.list(filter, page).await?;
    let shown = |b| BookingShape::from(b).with_eta(web.bookings.etas());
    Ok(Json(List { items: page.items.iter().map(shown).collect(), next: page.next }))
}

/// One booking.
#[utoipa::path(get, path = "/api/v1/bookings/{id}", tag = "bookings", params(("id" = String, Path)),
    responses((status = 200, body = BookingShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<BookingId>) -> Result<Json<BookingShape>> {
    Ok(Json(BookingShape::from(&web.bookings.get(id).await?).with_eta(web.bookings.etas())))
}

/// Give a booking to a vehicle by hand.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/assign", tag = "bookings", params(("id" = String, Path)),
    request_body = AssignInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn assign(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    Body(input): Body<AssignInput>,
) -> Result<Json<BookingShape>> {
    let booking = web.bookings.assign(id, input.into(), who.actor()).await?;
    Ok(Json((&booking).into()))
}

/// Take a booking from its vehicle, before the load is on board: it waits again.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/unassign", tag = "bookings", params(("id" = String, Path)),
    request_body = CancelInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn unassign(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    Body(input): Body<CancelInput>,
) -> Result<Json<BookingShape>> {
    let booking = web.bookings.unassign(id, input.reason, who.actor()).await?;
    Ok(Json((&booking).into()))
}

/// Keep the dispatcher's hands off a booking, or let it have it again.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/lock", tag = "bookings", params(("id" = String, Path)),
    request_body = LockInput, responses((status = 200, body = BookingShape), (status = 404, body = Problem)))]
pub async fn lock(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    Body(input): Body<LockInput>,
) -> Result<Json<BookingShape>> {
    let booking = web.bookings.lock(id, input.locked, input.reason, who.actor()).await?;
    Ok(Json((&booking).into()))
}

/// Call a booking off.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/cancel", tag = "bookings", params(("id" = String, Path)),
    request_body = CancelInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn cancel(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    Body(input): Body<CancelInput>,
) -> Result<Json<BookingShape>> {
    let booking = web.bookings.cancel(id, input.reason, who.actor()).await?;
    Ok(Json((&booking).into()))
}

/// Report a step of the job.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/steps", tag = "bookings", params(("id" = String, Path)),
    request_body = StepInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn step(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    Body(input): Body<StepInput>,
) -> Result<Json<BookingShape>> {
    let booking = web.bookings.step(id, input.step, input.at, input.proof, who.actor(), None).await?;
    Ok(Json((&booking).into()))
}

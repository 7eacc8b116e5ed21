//! Bookings over HTTP.

mod attachments;
mod export;
mod import;
mod input;
mod links;
mod offers;
mod round;
mod sheet;
mod story;

pub use attachments::{__path_attachment, __path_attachments, attachment, attachments};
pub use export::{__path_export, export};
pub use import::{__path_import, import};
pub use links::{__path_links, __path_make_link, __path_revoke_link, links, make_link, revoke_link};
pub use offers::{__path_answer, __path_offers, answer, offers};
pub use story::{__path_dispatch, __path_events, dispatch, events};

use super::Web;
use super::error::{Error, Problem, Result};
use super::extract::{Body, Caller, Id, IdempotencyKey, MergePatch, Params};
use super::fields::Fields;
use super::if_match::IfMatch;
use super::reach::Reach;
use super::shapes::{BookingShape, List, Warning};
use super::version::{Version, Versioned};
use crate::auth::{self, What, Who};
use crate::bookings::{self, ByHand, Filter, PlaceRequest, Standing};
use crate::fields::merge;
use crate::model::{Booking, BookingId};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use input::{AssignInput, BookingInput, BookingPatch, ListParams, LockInput, ReasonInput, ReopenInput, ReopenRequest, StepInput};

/// One booking, its version in the `ETag`.
type One = Versioned<BookingShape>;

async fn one(web: &Web, booking: &Booking) -> Result<One> {
    let bill = web.bookings.bill(booking.id).await?;
    Ok(Versioned(Version(booking.version), BookingShape { bill, ..booking.into() }))
}

/// How far `who` may call bookings off.
pub fn standing(who: &Who) -> Standing {
    if auth::allow(who, What::Assign) { Standing::Jobs } else { Standing::Bookings }
}

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
) -> Result<(StatusCode, HeaderMap, One)> {
    let mut request = PlaceRequest::from(input);
    Reach::of(&who).claim(&web, &mut request.order)?;
    let placed = web.bookings.place(request, who.actor(), key).await?;
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/bookings/{}", placed.booking.id)) {
        headers.insert(header::LOCATION, location);
    }
    if placed.replayed {
        headers.insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    Ok((StatusCode::CREATED, headers, one(&web, &placed.booking).await?))
}

/// List bookings, newest first.
#[utoipa::path(get, path = "/api/v1/bookings", tag = "bookings", params(ListParams),
    responses((status = 200, body = List<BookingShape>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, reach: Reach, Params(params): Params<ListParams>) -> Result<Json<List<BookingShape>>> {
    let (filter, page) = params.split();
    let filter = Filter { customer: reach.customer().map(str::to_owned), ..filter };
    let page = web.bookings.list(filter, page).await?;
    let shown = |b| BookingShape::from(b).with_eta(web.bookings.etas());
    Ok(Json(List { items: page.items.iter().map(shown).collect(), next: page.next }))
}

/// One booking.
#[utoipa::path(get, path = "/api/v1/bookings/{id}", tag = "bookings", params(("id" = String, Path)),
    responses((status = 200, body = BookingShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, reach: Reach, Id(id): Id<BookingId>) -> Result<One> {
    let booking = reach.admit(web.bookings.get(id).await?)?;
    let (bill, pin) = (web.bookings.bill(id).await?, web.bookings.pin(id).await?);
    let shape = BookingShape { bill, pin, ..BookingShape::from(&booking).with_eta(web.bookings.etas()) };
    Ok(Versioned(Version(booking.version), shape))
}

/// Give a booking to a vehicle by hand.
///
/// A vehicle that is not connected gets it too; then `warnings` say since when it has not been heard of.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/assign", tag = "bookings", params(("id" = String, Path)),
    request_body = AssignInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn assign(State(web): State<Web>, Caller(who): Caller, Id(id): Id<BookingId>, Body(input): Body<AssignInput>) -> Result<One> {
    let by_hand = ByHand::from(input);
    let view = web.fleet.get(&by_hand.vehicle);
    let silent = view.as_ref().is_none_or(|view| !view.online);
    let heard = view.as_ref().and_then(|view| view.received.or(view.fix_ts));
    let offline = silent.then(|| Warning::offline(&by_hand.vehicle, heard));
    let crew = view.and_then(|view| view.crew);
    let by_hand = ByHand { pause: crew.and_then(|crew| crew.pause), ..by_hand };
    let booking = web.bookings.assign(id, by_hand, who.actor()).await?;
    let shape = BookingShape { warnings: offline.into_iter().collect(), ..BookingShape::from(&booking) };
    Ok(Versioned(Version(booking.version), shape))
}

/// Take a booking from its vehicle, before the load is on board: it waits again.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/unassign", tag = "bookings", params(("id" = String, Path)),
    request_body = ReasonInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn unassign(State(web): State<Web>, Caller(who): Caller, Id(id): Id<BookingId>, Body(input): Body<ReasonInput>) -> Result<One> {
    let booking = web.bookings.unassign(id, input.reason, who.actor()).await?;
    one(&web, &booking).await
}

/// Keep the dispatcher's hands off a booking, or let it have it again.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/lock", tag = "bookings", params(("id" = String, Path)),
    request_body = LockInput, responses((status = 200, body = BookingShape), (status = 404, body = Problem)))]
pub async fn lock(State(web): State<Web>, Caller(who): Caller, Id(id): Id<BookingId>, Body(input): Body<LockInput>) -> Result<One> {
    let booking = web.bookings.lock(id, input.locked, input.reason, who.actor()).await?;
    one(&web, &booking).await
}

/// Change what was ordered.
///
/// A JSON merge patch: what is absent stays, `null` clears. `If-Match` says which version is meant (428 without, 412 with the
/// booking as it is now when it was changed meanwhile). What may change depends on the status; a driver who has the job is
/// told. The price holds while the trip and the load stay as they were.
#[utoipa::path(patch, path = "/api/v1/bookings/{id}", tag = "bookings",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of the booking as it was read")),
    request_body(content = BookingPatch, content_type = "application/merge-patch+json"),
    responses((status = 200, body = BookingShape), (status = 409, body = Problem), (status = 412, body = Problem),
              (status = 422, body = Problem), (status = 428, body = Problem)))]
pub async fn edit(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    wanted: IfMatch,
    MergePatch(patch): MergePatch,
) -> Result<One> {
    let booking = web.bookings.get(id).await?;
    if !wanted.fits(Version(booking.version)) {
        return Err(bookings::Error::Stale(Box::new(booking)).into());
    }
    let changed: BookingInput = Fields::of_json(merge::patched(&booking.order, patch))?;
    if changed.has_promo_code() {
        return Err(Error::field("promo_code", "goes into a quote: send its quote_id"));
    }
    let (order, quote) = changed.split();
    one(&web, &web.bookings.edit(id, booking.version, order, quote, who.actor()).await?).await
}

/// Call a booking off.
///
/// Once a vehicle has it, that takes the right to assign; once the load is on board nobody can.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/cancel", tag = "bookings", params(("id" = String, Path)),
    request_body = ReasonInput, responses((status = 200, body = BookingShape), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub async fn cancel(State(web): State<Web>, Caller(who): Caller, Id(id): Id<BookingId>, Body(input): Body<ReasonInput>) -> Result<One> {
    Reach::of(&who).admit(web.bookings.get(id).await?)?;
    one(&web, &web.bookings.cancel(id, input.reason, standing(&who), who.actor()).await?).await
}

/// Say that a vehicle's job could not be done.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/fail", tag = "bookings", params(("id" = String, Path)),
    request_body = ReasonInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn fail(State(web): State<Web>, Caller(who): Caller, Id(id): Id<BookingId>, Body(input): Body<ReasonInput>) -> Result<One> {
    one(&web, &web.bookings.fail(id, input.reason, who.actor()).await?).await
}

/// Want a booking after all that was cancelled, failed or expired.
///
/// A pickup time that is over becomes "now" unless another is given.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/reopen", tag = "bookings", params(("id" = String, Path)),
    request_body = ReopenRequest, responses((status = 200, body = BookingShape), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn reopen(State(web): State<Web>, Caller(who): Caller, Id(id): Id<BookingId>, MergePatch(patch): MergePatch) -> Result<One> {
    let booking = web.bookings.get(id).await?;
    if let Some(strange) = patch.keys().find(|name| !ReopenInput::FIELDS.contains(&name.as_str())) {
        return Err(super::error::Error::field(strange, "is not a field of this request"));
    }
    let renewed = bookings::renewed(&booking.order, web.clock.now());
    let input: ReopenInput = Fields::of_json(merge::patched(&renewed, patch))?;
    one(&web, &web.bookings.reopen(id, booking.version, input.order, input.reason, who.actor()).await?).await
}

/// Report a step of the job.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/steps", tag = "bookings", params(("id" = String, Path)),
    request_body = StepInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn step(State(web): State<Web>, Caller(who): Caller, Id(id): Id<BookingId>, Body(input): Body<StepInput>) -> Result<One> {
    let booking = web.bookings.step(id, input.step, input.at, input.proof, who.actor(), None).await?;
    one(&web, &booking).await
}

//! Who was asked about a booking, and answers that come by telephone.

use crate::model::{BookingId, Offer, OfferState, Timestamp, VehicleId};
use crate::web::Web;
use crate::web::error::{Problem, Result};
use crate::web::extract::{Body, Caller, Id, Params};
use crate::web::fields::{Fields, Read};
use crate::web::shapes::words;
use crate::web::shapes::{BookingShape, List, PageParams};
use crate::web::version::Versioned;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// An offer of a booking to a driver.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Offer)]
pub struct OfferShape {
    /// Whose driver was asked.
    #[schema(value_type = String)]
    vehicle_id: VehicleId,
    /// `open`, `accepted`, `declined`, `timed_out` or `withdrawn`.
    #[schema(value_type = words::OfferState)]
    state: OfferState,
    /// When the driver was asked.
    #[schema(value_type = String, format = DateTime)]
    offered_at: Timestamp,
    /// An answer after this comes too late.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it was answered, withdrawn or passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    answered_at: Option<Timestamp>,
    /// Why it was declined or withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}
impl From<Offer> for OfferShape {
    fn from(o: Offer) -> Self {
        let Offer { vehicle: vehicle_id, state, offered_at, expires_at, answered_at, reason, .. } = o;
        Self { vehicle_id, state, offered_at, expires_at, answered_at, reason }
    }
}

/// What a driver says.
#[derive(Debug, ToSchema)]
#[schema(as = AnswerRequest)]
pub struct AnswerInput {
    /// Whose driver.
    #[schema(value_type = String)]
    vehicle_id: VehicleId,
    /// Yes or no.
    accept: bool,
    /// Why not.
    #[schema(max_length = 500)]
    reason: Option<String>,
}
impl Read for AnswerInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let (vehicle_id, accept) = (f.named("vehicle_id"), f.flag("accept"));
        let (vehicle_id, accept) = (f.required("vehicle_id", vehicle_id), f.required("accept", accept));
        let reason = f.text("reason", 500);
        Some(Self { vehicle_id: vehicle_id?, accept: accept?, reason: reason? })
    }
}

/// Who was asked about a booking, newest first.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/offers", tag = "bookings", params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<OfferShape>), (status = 404, body = Problem)))]
pub async fn offers(State(web): State<Web>, Id(id): Id<BookingId>, Params(p): Params<PageParams>) -> Result<Json<List<OfferShape>>> {
    let page = web.bookings.offers(id, p.into()).await?;
    Ok(Json(List { items: page.items.into_iter().map(Into::into).collect(), next: page.next }))
}

/// Answer an offer in a driver's place.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/answer", tag = "bookings", params(("id" = String, Path)),
    request_body = AnswerInput, responses((status = 200, body = BookingShape), (status = 409, body = Problem)))]
pub async fn answer(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    Body(input): Body<AnswerInput>,
) -> Result<Versioned<BookingShape>> {
    let AnswerInput { vehicle_id, accept, reason } = input;
    let booking = web.bookings.answer(id, &vehicle_id, accept, reason, who.actor()).await?;
    super::one(&web, &booking).await
}

//! What a trip would cost.

use super::Web;
use super::error::Result;
use super::extract::Body;
use super::order::OrderInput;
use super::shapes::MoneyShape;
use crate::bookings::Quote;
use crate::model::{Order, Timestamp};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A line of a price.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceLine {
    /// What it is for.
    label: String,
    /// In the currency's minor unit.
    amount_minor: i64,
}

/// A price that holds for a while.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub struct QuoteShape {
    /// Give it as `quote_id` with the booking.
    id: String,
    /// What it would cost.
    price: MoneyShape,
    /// What the price is made of.
    breakdown: Vec<PriceLine>,
    /// Factor for demand.
    surge: f64,
    /// Length of the way in metres, estimated from the straight line.
    distance_m: u32,
    /// Time of the way in seconds.
    duration_s: u32,
    /// Who says how long the way takes: `road` (the road service), `cache` (what it said before), `learned` (the fleet's own speeds) or
    /// `great_circle` (the straight line at the configured speed). With stops, the last of these that one of the legs is from.
    eta_source: String,
    /// Until then the price holds.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}
impl From<Quote> for QuoteShape {
    fn from(q: Quote) -> Self {
        let line = |l: crate::bookings::PriceLine| PriceLine { label: l.label, amount_minor: l.amount_minor };
        Self {
            id: q.id.to_string(),
            price: q.price.into(),
            breakdown: q.breakdown.into_iter().map(line).collect(),
            surge: q.surge,
            distance_m: q.distance_m,
            duration_s: q.duration_s,
            eta_source: q.eta_source.to_string(),
            expires_at: q.expires_at,
        }
    }
}

/// Price a trip. The road service, where there is one, is waited for as long as a dispatch round waits (`eta.round_share`); a quote never
/// fails for it.
#[utoipa::path(post, path = "/api/v1/quotes", tag = "bookings", request_body = OrderInput,
    responses((status = 201, body = QuoteShape), (status = 422, body = super::error::Problem)))]
pub async fn create(State(web): State<Web>, Body(order): Body<Order>) -> Result<(StatusCode, Json<QuoteShape>)> {
    Ok((StatusCode::CREATED, Json(web.bookings.quote(order).await?.into())))
}

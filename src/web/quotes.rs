//! What a trip would cost.

use super::Web;
use super::error::Result;
use super::extract::Body;
use super::fields::{Fields, Read};
use super::order::OrderInput;
use super::reach::Reach;
use crate::bookings::Quote;
use crate::model::{Money, Order, Timestamp};
use crate::pricing::Line;
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A trip to be priced.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuoteRequest)]
pub struct QuoteInput {
    /// What is asked for.
    #[serde(flatten)]
    #[schema(value_type = OrderInput)]
    order: Order,
    /// A promo code.
    promo_code: Option<String>,
}
impl Read for QuoteInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let (order, promo_code) = (Order::read(f), f.text("promo_code", 64));
        Some(Self { order: order?, promo_code: promo_code? })
    }
}

/// A price that holds for a while.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quote)]
pub struct QuoteShape {
    /// Give it as `quote_id` with the booking.
    id: String,
    /// What it would cost.
    price: Money,
    /// What the price is made of.
    breakdown: Vec<Line>,
    /// Factor for demand.
    surge: f64,
    /// The version of the tariff that made it; 0 is the flat one of the settings.
    tariff_version: u32,
    /// How much of the price is tax, in minor units.
    tax_minor: i64,
    /// The promo code in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    promo_code: Option<String>,
    /// Length of the way in metres, estimated from the straight line.
    distance_m: u32,
    /// Time of the way in seconds.
    duration_s: u32,
    /// Who says how long the way takes: `road` (the road service), `cache` (what it said before), `learned` (the fleet's own speeds) or
    /// `great_circle` (the straight line at the configured speed). With stops, the last of these that one of the legs is from.
    #[schema(value_type = words::EtaSource)]
    eta_source: String,
    /// Until then the price holds.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}
impl From<Quote> for QuoteShape {
    fn from(q: Quote) -> Self {
        Self {
            id: q.id.to_string(),
            price: q.price,
            surge: q.bill.surge(),
            tariff_version: q.bill.tariff_version,
            tax_minor: q.bill.tax_minor,
            promo_code: q.bill.promo_code,
            breakdown: q.bill.lines,
            distance_m: q.distance_m,
            duration_s: q.duration_s,
            eta_source: q.eta_source.to_string(),
            expires_at: q.expires_at,
        }
    }
}

/// Price a trip. The road service, where there is one, is waited for as long as a dispatch round waits (`eta.round_share`); a quote never
/// fails for it.
#[utoipa::path(post, path = "/api/v1/quotes", tag = "bookings", request_body = QuoteInput,
    responses((status = 201, body = QuoteShape), (status = 422, body = super::error::Problem),
        (status = 429, body = super::error::Problem)))]
pub async fn create(State(web): State<Web>, reach: Reach, Body(mut input): Body<QuoteInput>) -> Result<(StatusCode, Json<QuoteShape>)> {
    reach.claim(&web, &mut input.order)?;
    Ok((StatusCode::CREATED, Json(web.bookings.quote(input.order, input.promo_code).await?.into())))
}

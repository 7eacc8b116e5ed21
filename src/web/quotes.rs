//! What a trip would cost.

use super::Web;
use super::error::Result;
use super::extract::Body;
use super::fields::{Fields, Read};
use super::shapes::{MoneyShape, SiteInput};
use crate::bookings::{Quote, QuoteRequest};
use crate::model::{Site, Timestamp};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A trip to be priced.
#[derive(Debug, ToSchema)]
#[schema(as = QuoteRequest)]
pub struct QuoteInput {
    /// Where the load is picked up.
    #[schema(value_type = SiteInput)]
    pickup: Site,
    /// Where it goes.
    #[schema(value_type = SiteInput)]
    dropoff: Site,
    /// When; now when absent.
    #[schema(value_type = Option<String>, format = DateTime)]
    pickup_at: Option<Timestamp>,
    /// Only a vehicle of this class will do.
    vehicle_class: Option<String>,
    /// Weight in kg.
    load_kg: Option<u32>,
}
impl Read for QuoteInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let pickup = f.object("pickup");
        let pickup = f.required("pickup", pickup);
        let dropoff = f.object("dropoff");
        let dropoff = f.required("dropoff", dropoff);
        let pickup_at = f.instant("pickup_at");
        let vehicle_class = f.text("vehicle_class", 64);
        let load_kg = f.whole("load_kg", 0, 100_000);
        Some(Self { pickup: pickup?, dropoff: dropoff?, pickup_at: pickup_at?, vehicle_class: vehicle_class?, load_kg: load_kg? })
    }
}

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
    /// Length of the way in metres.
    distance_m: u32,
    /// Time of the way in seconds.
    duration_s: u32,
    /// How the way was found: `great_circle` is an estimate from the straight line.
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

/// Price a trip.
#[utoipa::path(post, path = "/api/v1/quotes", tag = "bookings", request_body = QuoteInput,
    responses((status = 201, body = QuoteShape), (status = 422, body = super::error::Problem)))]
pub async fn create(State(web): State<Web>, Body(q): Body<QuoteInput>) -> Result<(StatusCode, Json<QuoteShape>)> {
    let request =
        QuoteRequest { pickup: q.pickup, dropoff: q.dropoff, pickup_at: q.pickup_at, vehicle_class: q.vehicle_class, load_kg: q.load_kg };
    let quote = web.bookings.quote(request).await?;
    Ok((StatusCode::CREATED, Json(quote.into())))
}

//! Quotes: what a trip would cost, kept until it expires.

use super::error::Fault;
use super::{Bookings, Error, Result};
use crate::model::{Money, Site, Span, Timestamp};
use crate::pricing::{self, Line, Way};
use crate::store::quotes;
use serde_json::json;
use uuid::Uuid;

/// Two sites closer than this are taken for a mistake.
const SHORTEST_M: f64 = 10.0;
/// Two sites further apart than this are taken for a mistake.
const LONGEST_M: f64 = 2_000_000.0;

/// A trip to be priced.
#[derive(Clone, Debug)]
pub struct QuoteRequest {
    /// Where the load is picked up.
    pub pickup: Site,
    /// Where it goes.
    pub dropoff: Site,
    /// When; now when absent.
    pub pickup_at: Option<Timestamp>,
    /// Only a vehicle of this class will do.
    pub vehicle_class: Option<String>,
    /// Weight in kg.
    pub load_kg: Option<u32>,
}

impl QuoteRequest {
    /// What decides the price, as canonical text: a booking must agree with its quote in it.
    pub(super) fn essence(&self) -> String {
        let at = |s: &Site| json!([s.place.lat(), s.place.lon()]);
        json!([at(&self.pickup), at(&self.dropoff), self.vehicle_class, self.load_kg]).to_string()
    }

    pub(super) fn faults(&self) -> Vec<Fault> {
        let apart = self.pickup.place.distance(self.dropoff.place).0;
        let mut faults = Vec::new();
        if apart < SHORTEST_M {
            faults.push(Fault::new("dropoff", "must be at least 10 m away from the pickup"));
        }
        if apart > LONGEST_M {
            faults.push(Fault::new("dropoff", "must be within 2,000 km of the pickup"));
        }
        faults
    }
}

/// A price that holds for a while.
#[derive(Clone, Debug)]
pub struct Quote {
    /// Give it with the booking.
    pub id: Uuid,
    /// The price.
    pub price: Money,
    /// What it is made of; the sum is the price.
    pub breakdown: Vec<Line>,
    /// Factor for demand.
    pub surge: f64,
    /// Length of the way in metres.
    pub distance_m: u32,
    /// Time of the way in seconds.
    pub duration_s: u32,
    /// How the way was found.
    pub eta_source: &'static str,
    /// Until then the price holds.
    pub expires_at: Timestamp,
}

impl Bookings {
    /// Prices a trip and keeps the price until it expires.
    pub async fn quote(&self, request: QuoteRequest) -> Result<Quote> {
        let faults = request.faults();
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let now = self.clock.now();
        let (way, price) = self.price(&request);
        let expires_at = now + Span::from_secs(i64::from(self.rules.tariff.quote_minutes) * 60);
        let id = Uuid::now_v7_at(now)?;
        let row = quotes::Row {
            id: id.to_string(),
            request: request.essence(),
            price: price.total,
            distance_m: way.distance_m,
            duration_s: way.duration_s,
            expires_at,
        };
        self.db.write(move |tx| quotes::insert(tx, &row)).await?;
        Ok(Quote {
            id,
            price: price.total,
            breakdown: price.lines,
            surge: 1.0,
            distance_m: way.distance_m,
            duration_s: way.duration_s,
            eta_source: pricing::GREAT_CIRCLE,
            expires_at,
        })
    }

    pub(super) fn price(&self, request: &QuoteRequest) -> (Way, pricing::Price) {
        let rules = &self.rules.dispatch;
        let way = Way::estimate(request.pickup.place, request.dropoff.place, rules.detour_factor, rules.speed_kmh);
        (way, pricing::price(&self.rules.tariff, way))
    }
}

/// Ids that sort by the time they were made.
pub(super) trait NowV7: Sized {
    fn now_v7_at(now: Timestamp) -> Result<Self>;
}

impl NowV7 for Uuid {
    fn now_v7_at(now: Timestamp) -> Result<Self> {
        let random = super::place::random()?;
        Ok(uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.as_millis()).unwrap_or(0), &random).into_uuid())
    }
}

//! Quotes: what a trip would cost, kept until it expires.

use super::error::Fault;
use super::faults::order_faults;
use super::ids;
use super::route::Route;
use super::{Bookings, Error, Result};
use crate::config::Config;
use crate::model::{Fare, Money, Order, Span, Timestamp};
use crate::pricing::{self, Line};
use crate::store::quotes;
use rusqlite::Transaction;
use serde_json::json;
use uuid::Uuid;

/// What decides the price, as canonical text: a booking must agree with its quote in it.
pub(super) fn essence(order: &Order) -> String {
    let places: Vec<_> = order.places().collect();
    json!([places, order.vehicle_class, order.load_kg, order.load_m3, order.pieces]).to_string()
}

/// The fare of quote `id` for `order`, or why it does not hold at `now`.
pub(super) fn quoted_fare(tx: &Transaction<'_>, id: &str, order: &Order, now: Timestamp) -> Result<std::result::Result<Fare, Fault>> {
    let Some(quote) = quotes::get(tx, id)? else { return Ok(Err(Fault::new("quote_id", "is not a quote of this depot"))) };
    if quote.expires_at <= now {
        return Ok(Err(Fault::new("quote_id", format!("expired at {}; ask for a new quote", quote.expires_at))));
    }
    if quote.request != essence(order) {
        return Ok(Err(Fault::new("quote_id", "is for another trip: pickup, stops, dropoff, vehicle_class and load must be the same")));
    }
    Ok(Ok(quote.fare))
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
    /// Who says how long the way takes: the least trusted of its legs' sources ([`crate::eta::SOURCES`]).
    pub eta_source: &'static str,
    /// Until then the price holds.
    pub expires_at: Timestamp,
}

impl Bookings {
    /// Prices a trip and keeps the price until it expires. The chain of travel times is asked, for as long as a round waits.
    pub async fn quote(&self, order: Order) -> Result<Quote> {
        let now = self.clock.now();
        let faults = order_faults(&order, now);
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let rules = self.rules();
        let route = self.route(&order, now).await;
        let (fare, lines) = priced(route, &rules);
        let expires_at = now + Span::from_secs(i64::from(rules.tariff.quote_minutes) * 60);
        let id = ids::uuid(now)?;
        let row = quotes::Row { id: id.to_string(), request: essence(&order), fare, expires_at };
        self.db.write(move |tx| quotes::insert(tx, &row)).await?;
        Ok(Quote {
            id,
            price: fare.price,
            breakdown: lines,
            surge: 1.0,
            distance_m: fare.distance_m,
            duration_s: fare.duration_s,
            eta_source: route.source,
            expires_at,
        })
    }

    /// What the way of an order costs by the tariff.
    pub(super) fn price(&self, route: Route) -> Fare {
        priced(route, &self.rules()).0
    }
}

fn priced(Route { way, .. }: Route, rules: &Config) -> (Fare, Vec<Line>) {
    let price = pricing::price(&rules.tariff, way);
    (Fare { price: price.total, distance_m: way.distance_m, duration_s: way.duration_s }, price.lines)
}

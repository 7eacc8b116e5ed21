//! Quotes: what a trip would cost, kept until it expires.

use super::error::Fault;
use super::faults::order_faults;
use super::ids;
use super::{Bookings, Error, Result};
use crate::model::{BookingId, Fare, Money, Order, Span, Timestamp};
use crate::store::quotes;
use crate::tariffs::{Ask, Bill, Priced, Tariffs};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

/// The trip and the load of an order, as canonical text.
pub(super) fn essence(order: &Order) -> String {
    let places: Vec<_> = order.places().collect();
    json!([places, order.vehicle_class, order.load_kg, order.load_m3, order.pieces]).to_string()
}

/// What was asked when a price was quoted. What it left open, the booking may say.
#[derive(Serialize, Deserialize)]
struct Asked {
    trip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pickup_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
}

impl Asked {
    fn of(order: &Order) -> Self {
        Self { trip: essence(order), pickup_at: order.pickup_at, customer: order.customer.clone() }
    }

    /// Why the price is not that of `order`.
    fn differs(&self, order: &Order, price_goes_by_time: bool) -> Option<&'static str> {
        let time_differs = match self.pickup_at {
            Some(at) => order.pickup_at != Some(at),
            None => price_goes_by_time && order.pickup_at.is_some(),
        };
        if self.trip != essence(order) {
            Some("is for another trip: pickup, stops, dropoff, vehicle_class and load must be the same")
        } else if time_differs {
            Some("is for another time: ask for a quote with the same pickup_at")
        } else if self.customer.is_some() && self.customer != order.customer {
            Some("is for another customer")
        } else {
            None
        }
    }
}

/// The price of quote `id` for `order`, or why it does not hold at `now`. A promo code in it must still be one that may be used.
pub(super) fn quoted(
    tx: &Transaction<'_>,
    tariffs: &Tariffs,
    id: &str,
    order: &Order,
    booking: BookingId,
    now: Timestamp,
) -> Result<std::result::Result<(Fare, Option<Bill>), Fault>> {
    let Some(quote) = quotes::get(tx, id)? else { return Ok(Err(Fault::new("quote_id", "is not a quote of this depot"))) };
    if quote.expires_at <= now {
        return Ok(Err(Fault::new("quote_id", format!("expired at {}; ask for a new quote", quote.expires_at))));
    }
    let asked: Option<Asked> = serde_json::from_str(&quote.request).ok();
    let differs = asked.map_or(Ok(Some("is of an older depotd; ask for a new quote")), |asked| {
        Ok::<_, Error>(asked.differs(order, tariffs.goes_by_time(tx, now)?))
    })?;
    if let Some(why) = differs {
        return Ok(Err(Fault::new("quote_id", why)));
    }
    let bill = quote.bill.map(|text| Bill::parse(&text)).transpose()?;
    if let Some(code) = bill.as_ref().and_then(|bill| bill.promo_code.as_deref())
        && let Some(refusal) = tariffs.used_up(tx, code, order.customer.as_deref(), booking)?
    {
        return Ok(Err(Fault::new("quote_id", format!("has the code {code}, which {refusal} meanwhile; ask for a new quote"))));
    }
    Ok(Ok((quote.fare, bill)))
}

/// A price that holds for a while.
#[derive(Clone, Debug)]
pub struct Quote {
    /// Give it with the booking.
    pub id: Uuid,
    /// The price.
    pub price: Money,
    /// What it is made of; the lines' sum is the price.
    pub bill: Bill,
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
    pub async fn quote(&self, order: Order, promo: Option<String>) -> Result<Quote> {
        let now = self.clock.now();
        let faults = order_faults(&order, now);
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let route = self.route(&order, now).await;
        let (tariffs, id) = (self.tariffs.clone(), ids::uuid(now)?);
        let change = move |tx: &Transaction<'_>| {
            let ask = Ask { order: &order, way: route.way, promo: promo.as_deref(), booking: None };
            let Priced { fare, bill, quote_minutes } = tariffs.price(tx, ask, now)?;
            let expires_at = now + Span::from_secs(i64::from(quote_minutes) * 60);
            let row = quotes::Row {
                id: id.to_string(),
                request: json!(Asked::of(&order)).to_string(),
                fare,
                bill: Some(bill.to_json()?),
                expires_at,
            };
            quotes::insert(tx, &row)?;
            let Fare { price, distance_m, duration_s } = fare;
            Ok(Quote { id, price, bill, distance_m, duration_s, eta_source: route.source, expires_at })
        };
        self.db.write(change).await
    }
}

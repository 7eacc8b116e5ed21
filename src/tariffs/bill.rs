//! The price of an order, with what it is made of.

use super::{Book, Error, Result, Tariffs};
use crate::fields::FieldError;
use crate::model::{BookingId, Fare, Order, Timestamp};
use crate::pricing::{self, Line, LineKind, Promo, ProofRules, Refusal, Tariff, Trip, Uses, Way};
use crate::store::{self, tariffs as rows};
use rusqlite::{Connection, Transaction};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// What is ordered.
    pub order: &'a Order,
    /// Its way.
    pub way: Way,
    /// The promo code that was given.
    pub promo: Option<&'a str>,
    /// The booking it is for, when there is one: its own use of a code does not count.
    pub booking: Option<BookingId>,
}

/// What a price is made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Bill {
    /// The version of the tariff; 0 is the flat one of the settings.
    pub tariff_version: u32,
    /// The lines; their sum is the price.
    pub lines: Vec<Line>,
    /// How much of the price is tax, in minor units.
    pub tax_minor: i64,
    /// Demand's factor, in thousandths.
    pub surge_per_mille: u32,
    /// The promo code in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo_code: Option<String>,
}

impl Bill {
    /// Demand's factor.
    pub fn surge(&self) -> f64 {
        f64::from(self.surge_per_mille) / 1_000.0
    }

    /// What demand's factor added to the price, in minor units; negative where it took something off.
    pub fn surge_minor(&self) -> i64 {
        self.lines.iter().filter(|line| line.kind == LineKind::Surge).map(|line| line.amount_minor).sum()
    }

    /// The bill that a JSON text keeps.
    pub fn parse(text: &str) -> store::Result<Self> {
        super::book::parse(text, "bill")
    }

    /// As it is kept.
    pub fn to_json(&self) -> store::Result<String> {
        serde_json::to_string(self).map_err(|e| store::Error::Corrupt(format!("a bill has no JSON: {e}")))
    }

    /// Keeps it for a booking.
    pub fn keep(&self, tx: &Transaction<'_>, booking: BookingId) -> store::Result<()> {
        let row = rows::Bill {
            tariff: self.tariff_version,
            surge_per_mille: self.surge_per_mille,
            promo: self.promo_code.clone(),
            bill: self.to_json()?,
        };
        rows::put_bill(tx, &booking.to_string(), &row)
    }

    /// That of a booking; bookings of before bills were kept have none.
    pub fn of(c: &Connection, booking: BookingId) -> store::Result<Option<Self>> {
        rows::bill(c, &booking.to_string())?.map(|text| Self::parse(&text)).transpose()
    }
}

/// A price.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The price and the way.
    pub fare: Fare,
    /// What it is made of.
    pub bill: Bill,
    /// How many minutes a quote of it holds.
    pub quote_minutes: u32,
}

impl Tariffs {
    /// The price of an order at `now`. An unknown promo code, or one that may not be used, is [`Error::Invalid`].
    pub fn price(&self, c: &Connection, ask: Ask<'_>, now: Timestamp) -> Result<Priced> {
        let book = self.book(c)?;
        let config = self.0.settings.get();
        let flat;
        let (tariff_version, tariff) = match book.in_effect(now) {
            Some(found) => found,
            None => {
                flat = Tariff::from(&config.tariff);
                (0, &flat)
            }
        };
        let promo = ask.promo.map(|code| used(c, &book, code, ask)).transpose()?;
        let (pickup_zones, dropoff_zones) = zones(&book, ask.order);
        let factor = self.factor(ask.order, now);
        let trip = Trip {
            asked_at: now,
            promo: promo.as_ref().map(|(promo, uses)| (*promo, *uses)),
            surge: factor.as_ref(),
            ..trip(ask.order, ask.way, &book, (&pickup_zones, &dropoff_zones), &config.depot.zone, now)
        };
        let price = pricing::price(tariff, &trip);
        if let Some(refusal) = price.refused {
            return Err(Error::Invalid(vec![FieldError { field: "promo_code".into(), message: refusal.to_string() }]));
        }
        let promo_code = promo.map(|(promo, _)| promo.code.clone());
        let bill =
            Bill { tariff_version, lines: price.lines, tax_minor: price.tax_minor, surge_per_mille: price.surge_per_mille, promo_code };
        let fare = Fare { price: price.total, distance_m: ask.way.distance_m, duration_s: ask.way.duration_s };
        Ok(Priced { fare, bill, quote_minutes: tariff.quote_minutes })
    }
}

/// The proof that the tariff by which a booking was priced asks of its driver.
pub fn proof_rules(c: &Connection, booking: BookingId) -> store::Result<ProofRules> {
    let Some(bill) = Bill::of(c, booking)? else { return Ok(ProofRules::default()) };
    let Some(version) = rows::get(c, bill.tariff_version)? else { return Ok(ProofRules::default()) };
    Ok(super::book::parse::<Tariff>(&version.tariff, "tariff")?.proof)
}

impl Tariffs {
    /// Does the price of a trip go by its time, by the tariff in effect at `now`?
    pub fn goes_by_time(&self, c: &Connection, now: Timestamp) -> store::Result<bool> {
        Ok(self.book(c)?.in_effect(now).is_some_and(|(_, tariff)| tariff.goes_by_time()))
    }

    /// Why a promo code that was quoted may not be used any more, for want of uses.
    pub fn used_up(&self, c: &Connection, code: &str, customer: Option<&str>, booking: BookingId) -> store::Result<Option<Refusal>> {
        let book = self.book(c)?;
        let Some(promo) = book.promos.get(code) else { return Ok(None) };
        let (total, by_customer) = rows::promo_uses(c, code, customer, Some(&booking.to_string()))?;
        Ok(promo.used_up(Uses { total, by_customer }))
    }
}

/// The ids of the zones in which an order begins and ends, the foremost first.
pub(super) fn zones<'a>(book: &'a Book, order: &Order) -> (Vec<&'a str>, Vec<&'a str>) {
    (book.zones.ids_at(order.pickup.place), book.zones.ids_at(order.dropoff.place))
}

/// The trip of an order as tariffs see it.
pub(super) fn trip<'a>(
    order: &'a Order,
    way: Way,
    book: &'a Book,
    (pickup_zones, dropoff_zones): (&'a [&'a str], &'a [&'a str]),
    depot_zone: &'a str,
    now: Timestamp,
) -> Trip<'a> {
    Trip {
        class: order.vehicle_class.as_deref(),
        stops: u32::try_from(order.stops.len()).unwrap_or(u32::MAX),
        load: order.load(),
        pickup_at: order.pickup_at.unwrap_or(now),
        depot_zone,
        pickup_zones,
        dropoff_zones,
        customer: order.customer.as_deref(),
        contract: order.customer.as_ref().and_then(|customer| book.contracts.get(customer)),
        ..Trip::new(way)
    }
}

fn used<'a>(c: &Connection, book: &'a Book, code: &str, ask: Ask<'_>) -> Result<(&'a Promo, Uses)> {
    let code = Promo::normal(code);
    let unknown = || Error::Invalid(vec![FieldError { field: "promo_code".into(), message: "is not a code of this depot".into() }]);
    let promo = book.promos.get(&code).ok_or_else(unknown)?;
    let booking = ask.booking.map(|id| id.to_string());
    let (total, by_customer) = rows::promo_uses(c, &code, ask.order.customer.as_deref(), booking.as_deref())?;
    Ok((promo, Uses { total, by_customer }))
}

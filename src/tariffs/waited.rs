//! What waiting at the pickup adds to the price of a booking.

use super::{Bill, Tariffs, bill};
use crate::model::{Booking, Money, Span};
use crate::pricing::surge::Factor;
use crate::pricing::{self, LineKind, Tariff, Trip, Uses, Way, afterwards};
use crate::store::{self, tariffs as rows};
use rusqlite::Connection;

impl Tariffs {
    /// The price of a booking whose vehicle waited so long for its load, and what it is made of; `None` when that costs nothing, or
    /// was paid already. It goes by the version of the tariff, the factor of demand and the promo code that the booking's bill names.
    pub fn waited(&self, c: &Connection, booking: &Booking, waited: Span) -> store::Result<Option<(Money, Bill)>> {
        let waiting_s = u32::try_from(waited.as_millis() / 1_000).unwrap_or(0);
        let Some(agreed) = Bill::of(c, booking.id)?.filter(|_| waiting_s > 0) else { return Ok(None) };
        // The flat tariff of the settings takes nothing for it.
        let Some(version) = rows::get(c, agreed.tariff_version)? else { return Ok(None) };
        if agreed.lines.iter().any(|line| line.kind == LineKind::Waiting) {
            return Ok(None);
        }
        let tariff: Tariff = super::book::parse(&version.tariff, "tariff")?;
        let (book, config) = (self.book(c)?, self.0.settings.get());
        let (pickup_zones, dropoff_zones) = bill::zones(&book, &booking.order);
        let way = Way { distance_m: booking.fare.distance_m, duration_s: booking.fare.duration_s };
        let promo = agreed.promo_code.as_ref().and_then(|code| book.promos.get(code)).map(|promo| (promo, Uses::default()));
        let factor = factor(&agreed);
        let ended = Trip {
            asked_at: booking.created_at,
            promo,
            surge: Some(&factor),
            ..bill::trip(&booking.order, way, &book, (&pickup_zones, &dropoff_zones), &config.depot.zone, booking.created_at)
        };
        let before = pricing::price(&tariff, &ended);
        let after = pricing::price(&tariff, &Trip { waiting_s, ..ended });
        let Some(lines) = afterwards(&agreed.lines, &before, &after) else { return Ok(None) };
        let amount_minor = lines.iter().map(|line| line.amount_minor).sum();
        let price = Money { amount_minor, ..booking.fare.price };
        let tax_minor = agreed.tax_minor + after.tax_minor - before.tax_minor;
        Ok(Some((price, Bill { lines, tax_minor, ..agreed })))
    }
}

/// Demand's factor as a bill tells it.
fn factor(bill: &Bill) -> Factor {
    let told = bill.lines.iter().find(|line| line.kind == LineKind::Surge).and_then(|line| line.label.split_once(": "));
    Factor { per_mille: bill.surge_per_mille, reason: told.map_or_else(String::new, |(_, reason)| reason.to_owned()) }
}

//! The dry run of a tariff: the bookings of a time, priced by the one in effect and by another.

use super::{Error, Result, Tariffs, bill};
use crate::fields::FieldError;
use crate::model::Window;
use crate::pricing::compare::{Case, Comparison, compare};
use crate::pricing::{Tariff, Way};
use crate::store::bookings;
use rusqlite::Connection;

/// Bookings looked at, at most.
pub const MOST_TRIPS: usize = 50_000;

impl Tariffs {
    /// Prices every booking with a pickup within `time`, called off ones left out, by the tariff in effect and by `new`; each list holds
    /// `most` entries. Promo codes and demand count in neither.
    pub async fn dry_run(&self, new: Tariff, time: Window, most: usize) -> Result<Comparison> {
        let (this, now) = (self.clone(), self.0.clock.now());
        let ask = move |c: &Connection| {
            let book = this.book(c)?;
            let config = this.0.settings.get();
            let flat = Tariff::from(&config.tariff);
            let old = book.in_effect(now).map_or(&flat, |(_, tariff)| tariff);
            let trips = bookings::wanted_within(c, time, MOST_TRIPS + 1)?;
            if trips.len() > MOST_TRIPS {
                let message = format!("makes more than {MOST_TRIPS} bookings: take a shorter time");
                return Err(Error::Invalid(vec![FieldError { field: "to".into(), message }]));
            }
            let zones: Vec<_> = trips.iter().map(|b| bill::zones(&book, &b.order)).collect();
            let cases = trips.iter().zip(&zones).map(|(b, (pickup, dropoff))| {
                let way = Way { distance_m: b.fare.distance_m, duration_s: b.fare.duration_s };
                let trip = bill::trip(&b.order, way, &book, (pickup, dropoff), &config.depot.zone, now);
                Case { booking: b.id.to_string(), reference: b.reference.clone(), trip }
            });
            let differ = |e: crate::pricing::compare::CurrenciesDiffer| {
                Error::Invalid(vec![FieldError { field: "tariff.currency".into(), message: e.to_string() }])
            };
            compare(old, &new, cases, most).map_err(differ)
        };
        self.0.db.read(ask).await
    }
}

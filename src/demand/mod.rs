//! Demand and supply: who waits and who is free now, what will be asked for, and what both do to prices.
//!
//! [`Demand::train`] learns a [`Model`] from the depot's own bookings, by a schedule. [`Demand::look`] tells the tariffs' surge every
//! half minute what it sees, as long as a tariff has prices follow demand. [`Demand::picture`] shows it by cell, [`Demand::accuracy`] says
//! how forecasts went, [`Demand::advise`] tells idle vehicles where to wait,
//! [`Demand::staffing`] says how many drivers the days to come need.

mod accuracy;
pub mod advice;
mod advising;
mod picture;
mod staff;
mod surge;

pub use accuracy::{DayErrors, Errors};
pub use picture::{Cell, Picture, Surged};
pub use staff::{Hour, Shortage, Staffing};

use crate::bookings::Bookings;
use crate::clock::Clock;
use crate::config::Current;
use crate::fleet::Fleet;
use crate::forecast::{Calendar, History, Model};
use crate::model::{Booking, Span, Status, Timestamp, Window};
use crate::store::{self, Db};
use h3o::Resolution;
use rusqlite::{Connection, Transaction};
use std::sync::{Arc, Mutex, PoisonError};

/// Waiting bookings looked at.
const MOST: usize = 10_000;

/// Why there is no forecast.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bookings so far teach nothing yet.
    #[error(transparent)]
    Untrained(#[from] crate::forecast::model::Untrained),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A thread broke.
    #[error("the forecast broke: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

/// A forecast.
#[derive(Debug)]
pub struct Forecast {
    /// When it was made.
    pub made_at: Timestamp,
    /// What it says.
    pub model: Model,
}

/// Demand. Cheap to clone.
#[derive(Clone)]
pub struct Demand(Arc<Inner>);

struct Inner {
    db: Db,
    bookings: Bookings,
    fleet: Fleet,
    settings: Current,
    clock: Clock,
    calendar: Calendar,
    forecast: Mutex<Option<Arc<Forecast>>>,
    memory: Mutex<advising::Memory>,
}

impl Demand {
    /// Opens it with the forecast that was made last, and prices with demand's factors as they were. `calendar` is the depot's, with its holidays.
    pub async fn open(
        db: Db,
        bookings: Bookings,
        fleet: Fleet,
        settings: impl Into<Current>,
        calendar: Calendar,
        clock: Clock,
    ) -> store::Result<Self> {
        let settings = settings.into();
        let kept = db.read(store::forecast::get).await?;
        let forecast = kept.and_then(|(made_at, text)| match serde_json::from_str(&text) {
            Ok(model) => Some(Arc::new(Forecast { made_at, model })),
            Err(error) => {
                tracing::warn!(%error, "the forecast that is kept cannot be read, the next one takes its place: {error}");
                None
            }
        });
        let forecast = Mutex::new(forecast);
        let this = Self(Arc::new(Inner { db, bookings, fleet, settings, clock, calendar, forecast, memory: Mutex::default() }));
        this.resume().await?;
        Ok(this)
    }

    /// The forecast that was made last.
    pub fn forecast(&self) -> Option<Arc<Forecast>> {
        self.0.forecast.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Learns from the bookings so far, and keeps what came of it.
    pub async fn train(&self) -> Result<Arc<Forecast>, Error> {
        let now = self.0.clock.now();
        let config = self.0.settings.get().forecast.clone();
        let resolution = Resolution::try_from(config.resolution).unwrap_or(Resolution::Seven);
        let gather = move |c: &Connection| {
            let back = now - Span::from_secs(i64::from(config.weeks) * 7 * 86_400);
            let from = store::forecast::begin(c)?.unwrap_or(now).max(back);
            let mut history = History::new(resolution);
            store::forecast::requests(c, Window { from, until: now }, |at, place| {
                history.add(at, place, 1);
            })?;
            Ok::<_, store::Error>((history, from))
        };
        let (history, from) = self.0.db.read(gather).await?;
        let calendar = self.0.calendar.clone();
        let train = move || Model::train(&history, &calendar, (from, now), |_, _| {});
        let model = tokio::task::spawn_blocking(train).await??;
        let text = serde_json::to_string(&model).map_err(|e| store::Error::Corrupt(format!("a forecast has no JSON: {e}")))?;
        let forecast = Arc::new(Forecast { made_at: now, model });
        let said = accuracy::said(&forecast);
        let keep = move |tx: &Transaction<'_>| {
            store::forecast::put(tx, now, &text)?;
            store::accuracy::say(tx, &said, now)
        };
        self.0.db.write(keep).await?;
        *self.0.forecast.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&forecast));
        Ok(forecast)
    }

    async fn waiting(&self) -> store::Result<Vec<Booking>> {
        let ask = |c: &Connection| {
            let mut waiting = store::bookings::in_status(c, Status::Waiting, MOST)?;
            waiting.extend(store::bookings::in_status(c, Status::Offered, MOST)?);
            Ok::<_, store::Error>(waiting)
        };
        self.0.db.read(ask).await
    }
}

#[cfg(test)]
mod tests;

//! Demand and supply: who waits and who is free now, what will be asked for, and what both do to prices.
//!
//! [`Demand::train`] learns a [`Model`] from the depot's own bookings, by a schedule. [`Demand::look`] tells the tariffs' surge every
//! half minute what it sees, as long as a tariff has prices follow demand. [`Demand::picture`] shows it by cell,
//! [`Demand::staffing`] says how many drivers the days to come need.

mod picture;
mod staff;

pub use picture::{Cell, Picture, Surged};
pub use staff::{Hour, Shortage, Staffing};

use crate::bookings::Bookings;
use crate::clock::Clock;
use crate::config::Current;
use crate::fleet::Fleet;
use crate::forecast::{Area, Calendar, History, Model};
use crate::model::{Availability, Booking, Span, Status, Timestamp, Window};
use crate::pricing::surge::Observed;
use crate::store::{self, Db};
use crate::tariffs::Class;
use h3o::Resolution;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks for the surge.
const LOOK: Duration = Duration::from_secs(30);
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
}

impl Demand {
    /// Opens it with the forecast that was made last. `calendar` is the depot's, with its holidays.
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
        Ok(Self(Arc::new(Inner { db, bookings, fleet, settings, clock, calendar, forecast: Mutex::new(forecast) })))
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
        self.0.db.write(move |tx| store::forecast::put(tx, now, &text)).await?;
        let forecast = Arc::new(Forecast { made_at: now, model });
        *self.0.forecast.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&forecast));
        Ok(forecast)
    }

    /// Tells the surge what it sees now; nothing where no tariff has prices follow demand.
    pub async fn look(&self, now: Timestamp) -> store::Result<()> {
        let tariffs = self.0.bookings.tariffs().clone();
        let classes = self.0.db.read(move |c| tariffs.surged(c, now)).await?;
        let tariffs = self.0.bookings.tariffs();
        if classes.is_empty() {
            tariffs.look_away();
            return Ok(());
        }
        let waiting = self.waiting().await?;
        for (class, rules) in classes {
            let seen = self.seen(&waiting, class.as_deref(), now);
            let expected = self.expected(class.as_deref());
            tariffs.look(class, rules, &seen, expected, now);
        }
        Ok(())
    }

    /// Looks again and again until cancelled.
    pub async fn run(self, cancel: CancellationToken) {
        loop {
            if let Err(error) = self.look(self.0.clock.now()).await {
                tracing::warn!(%error, "demand was not looked at: {error}");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    async fn waiting(&self) -> store::Result<Vec<Booking>> {
        let ask = |c: &Connection| {
            let mut waiting = store::bookings::in_status(c, Status::Waiting, MOST)?;
            waiting.extend(store::bookings::in_status(c, Status::Offered, MOST)?);
            Ok::<_, store::Error>(waiting)
        };
        self.0.db.read(ask).await
    }

    /// What a class of vehicles has before it now: a booking that asks for no class counts for every one.
    fn seen(&self, waiting: &[Booking], class: Class<'_>, now: Timestamp) -> Observed {
        let mut seen = Observed::default();
        let concerns = |wanted: Option<&str>| class.is_none() || wanted.is_none() || wanted == class;
        for booking in waiting.iter().filter(|b| concerns(b.order.vehicle_class.as_deref())) {
            seen.request(booking.order.pickup.place);
        }
        for view in self.0.fleet.all() {
            let is_free = view.online && view.availability == Availability::Free && class.is_none_or(|class| *view.class == *class);
            if let Some(place) = view.place.filter(|_| is_free) {
                seen.free(place);
            }
        }
        let share = self.share(class);
        if let Some(forecast) = self.forecast() {
            for area in forecast.model.cells() {
                if let (Area::Cell(cell), Some(quarter)) = (area, forecast.model.quarter(area, now)) {
                    seen.expect(cell, quarter.mean * share);
                }
            }
        }
        seen
    }

    /// What to expect for a class at a time to come: the forecast's requests, and the vehicles that are on duty now, where they are.
    fn expected(&self, class: Class<'_>) -> crate::tariffs::Expects {
        let (forecast, share) = (self.forecast(), self.share(class));
        let is_ours =
            |view: &crate::fleet::View| view.availability != Availability::OffDuty && class.is_none_or(|class| *view.class == *class);
        let vehicles: Vec<_> = self.0.fleet.all().iter().filter(|view| is_ours(view)).filter_map(|view| view.place).collect();
        Arc::new(move |at| {
            let mut expected = Observed::default();
            vehicles.iter().for_each(|place| expected.free(*place));
            if let Some(forecast) = &forecast {
                for area in forecast.model.cells() {
                    if let (Area::Cell(cell), Some(quarter)) = (area, forecast.model.quarter(area, at)) {
                        expected.expect(cell, quarter.mean * share);
                    }
                }
            }
            expected
        })
    }

    /// The share of what is asked for that a class of vehicles is taken to serve: that of its vehicles.
    fn share(&self, class: Class<'_>) -> f64 {
        let Some(class) = class else { return 1.0 };
        let all = self.0.fleet.all();
        let own = all.iter().filter(|view| *view.class == *class).count();
        if all.is_empty() { 0.0 } else { own as f64 / all.len() as f64 }
    }
}

#[cfg(test)]
mod tests;

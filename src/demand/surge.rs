//! Looks at demand for the tariffs' surge, and keeps its factors over a restart.
//!
//! The factors that were kept are in effect from the start, whatever time has passed. The first look comes when vehicles have had the
//! time to connect again; from there on factors go a step a minute, as if nobody had looked for so long.

use super::Demand;
use crate::fleet::View;
use crate::forecast::Area;
use crate::model::{Availability, Booking, Timestamp};
use crate::pricing::surge::{Observed, Snapshot};
use crate::store;
use crate::tariffs::{Class, Expects};
use rusqlite::{Connection, Transaction};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks for the surge.
const LOOK: Duration = Duration::from_secs(30);

impl Demand {
    /// Goes on from the factors that were kept, as far as prices still follow demand.
    pub(super) async fn resume(&self) -> store::Result<()> {
        let (tariffs, now) = (self.0.bookings.tariffs().clone(), self.0.clock.now());
        let ask = move |c: &Connection| Ok::<_, store::Error>((tariffs.surged(c, now)?, store::surges::all(c)?));
        let (classes, kept) = self.0.db.read(ask).await?;
        let mut is_news = false;
        for (class, text) in kept {
            let rules = classes.iter().find(|(surged, _)| *surged == class).map(|(_, rules)| *rules);
            let factors = serde_json::from_str::<Snapshot>(&text);
            if let Err(error) = &factors {
                tracing::warn!(%error, "demand's factors that were kept cannot be read, they begin at 1: {error}");
            }
            match rules.zip(factors.ok()) {
                Some((rules, factors)) => {
                    let expects = self.expected(class.as_deref());
                    self.0.bookings.tariffs().resume(class, rules, &factors, expects);
                }
                None => is_news = true,
            }
        }
        if is_news { self.keep().await } else { Ok(()) }
    }

    /// Keeps the factors as they are now.
    async fn keep(&self) -> store::Result<()> {
        let text = |(class, surge): (Option<String>, crate::pricing::surge::Surge)| {
            let text = serde_json::to_string(&surge.snapshot()).map_err(|e| store::Error::Corrupt(format!("factors have no JSON: {e}")))?;
            Ok::<_, store::Error>((class, text))
        };
        let factors = self.0.bookings.tariffs().factors().into_iter().map(text).collect::<store::Result<Vec<_>>>()?;
        self.0.db.write(move |tx: &Transaction<'_>| store::surges::put(tx, &factors)).await
    }

    /// Tells the surge what it sees now; nothing where no tariff has prices follow demand. A change of a factor is kept.
    pub async fn look(&self, now: Timestamp) -> store::Result<()> {
        let tariffs = self.0.bookings.tariffs().clone();
        let classes = self.0.db.read(move |c| tariffs.surged(c, now)).await?;
        let tariffs = self.0.bookings.tariffs();
        let mut is_news = tariffs.look_only_at(&classes);
        let waiting = if classes.is_empty() { Vec::new() } else { self.waiting().await? };
        for (class, rules) in classes {
            let seen = self.seen(&waiting, class.as_deref(), now);
            let expected = self.expected(class.as_deref());
            is_news |= tariffs.look(class, rules, &seen, expected, now);
        }
        if is_news { self.keep().await } else { Ok(()) }
    }

    /// Looks again and again until cancelled, and counts how forecasts went.
    pub async fn run(self, cancel: CancellationToken) {
        // After a restart vehicles need a moment to connect again: until they have, nobody seems to be free.
        let mut is_resumed = !self.0.bookings.tariffs().factors().is_empty();
        loop {
            if !std::mem::take(&mut is_resumed)
                && let Err(error) = self.look(self.0.clock.now()).await
            {
                tracing::warn!(%error, "demand was not looked at: {error}");
            }
            if let Err(error) = self.settle(self.0.clock.now()).await {
                tracing::warn!(%error, "it was not counted how the forecast went: {error}");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
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
    fn expected(&self, class: Class<'_>) -> Expects {
        let (forecast, share) = (self.forecast(), self.share(class));
        let is_ours = |view: &View| view.availability != Availability::OffDuty && class.is_none_or(|class| *view.class == *class);
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

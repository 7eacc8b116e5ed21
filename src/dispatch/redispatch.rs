//! Watches over jobs whose vehicle is on its way to the pickup: one that went silent, or that will be late where another would
//! not be, loses the job, and the next round decides anew.

use super::plan::Rules;
use super::{Dispatch, Error, scene};
use crate::bookings;
use crate::config;
use crate::eta::{Asker, Leg};
use crate::fleet::View;
use crate::model::{Actor, Booking, Metres, Span, Status, Timestamp};
use std::sync::Arc;

/// Jobs looked at in one go.
const MOST: usize = 20_000;

impl Dispatch {
    /// Takes jobs back where that helps; gives their number.
    pub async fn redispatch(&self, now: Timestamp) -> Result<usize, Error> {
        let config = &self.settings().dispatch;
        if !config.automatic || (config.silent_s == 0 && config.late_gain_s == 0) {
            return Ok(0);
        }
        let mut taken = 0;
        for job in self.0.bookings.under_way(MOST).await? {
            let watched = job.status == Status::Assigned && !job.locked;
            let Some(view) = job.vehicle.as_ref().filter(|_| watched).and_then(|vehicle| self.0.fleet.get(vehicle)) else { continue };
            let why = match self.silent(&view, config, now) {
                Some(why) => Some(why),
                None => self.late(&job, &view, config, now).await,
            };
            let Some(why) = why else { continue };
            match self.0.bookings.take_back(job.id, job.version, why, Actor::System).await {
                Ok(_) => taken += 1,
                Err(bookings::Error::Lost) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(taken)
    }

    fn silent(&self, view: &View, config: &config::Dispatch, now: Timestamp) -> Option<String> {
        let silence = now.since(view.fix_ts.unwrap_or_default().max(view.since).max(self.0.since));
        let limit = span(config.silent_s);
        let is = limit > Span::default() && !view.online && silence > limit;
        is.then(|| format!("{} has not been heard for {:.0} min", view.id, silence.as_secs_f64() / 60.0))
    }

    async fn late(&self, job: &Booking, view: &View, config: &config::Dispatch, now: Timestamp) -> Option<String> {
        let gain = span(config.late_gain_s);
        let wanted = job.order.pickup_at.map(|at| at + span(config.late_after_s));
        let due = scene::due(job).or(wanted).filter(|_| gain > Span::default())?;
        let (pickup, here) = (job.order.pickup.place, view.place?);
        let expected = self.0.bookings.etas().get(job.id).and_then(|eta| eta.pickup_at);
        let arrival = expected.unwrap_or_else(|| now + self.drive(here.distance(pickup), now));
        if arrival <= due {
            return None;
        }
        let (other, way) = scene::nearest_free(&self.0.fleet, job, &Rules::from(config), now)?;
        let leg = |view: &View, from| Leg { class: Some(Arc::clone(&view.class)), from, to: pickup };
        let until = self.0.clock.monotonic() + self.0.etas.patience();
        let drives = self.0.etas.drives(&[leg(view, here), leg(&other, other.place?)], now, Asker::Background, until).await;
        // What one says by road and the other as the crow flies cannot be compared.
        let sooner = match drives[..] {
            [mine, theirs] if mine.is_by_road() == theirs.is_by_road() => (now + mine.drive).since(now + theirs.drive),
            _ => (now + self.drive(here.distance(pickup), now)).since(now + self.drive(way, now)),
        };
        let late = arrival.since(due).as_secs_f64() / 60.0;
        (sooner >= gain).then(|| format!("{} would be {late:.0} min late, and {} is nearer", view.id, other.id))
    }

    fn drive(&self, way: Metres, now: Timestamp) -> Span {
        self.0.etas.travel(now).0.eta(way).drive
    }
}

fn span(seconds: u64) -> Span {
    Span::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX / 2_000))
}

//! When a scheduled booking is released: in time for the drive to its pickup.

use super::plan::Rules;
use super::{Dispatch, Error, scene};
use crate::config;
use crate::eta::{Asker, Leg};
use crate::model::{Booking, BookingId, Span, Timestamp};
use std::sync::Arc;

/// No booking is released earlier than this.
const EARLIEST: Span = Span::from_secs(4 * 3_600);
/// The road is asked about drives that would be due if they took so many times as long as estimated.
const LONGER: f64 = 4.0;

/// When a booking is due.
enum Due {
    /// It is, or is not, whatever the drive to it takes.
    Said(bool),
    /// When this drive, and the slack, fit in before the pickup.
    By(Leg, Timestamp),
}

impl Dispatch {
    /// Releases every scheduled booking that somebody has to set out for; gives their number. The chain of travel times is asked about
    /// all of them at once, for as long as a round waits.
    pub async fn release(&self, now: Timestamp) -> Result<usize, Error> {
        let config = &self.settings().dispatch;
        let (mut due, mut legs, mut open): (Vec<BookingId>, _, _) = (Vec::new(), Vec::new(), Vec::new());
        for booking in self.0.bookings.scheduled_until(now + EARLIEST).await? {
            match self.due(&booking, config, now) {
                Due::Said(true) => due.push(booking.id),
                Due::Said(false) => {}
                Due::By(leg, at) => {
                    legs.push(leg);
                    open.push((booking.id, at));
                }
            }
        }
        if !legs.is_empty() {
            let until = self.0.clock.monotonic() + self.0.etas.patience();
            let drives = self.0.etas.drives(&legs, now, Asker::Background, until).await;
            let is_due = |at: Timestamp, drive: Span| now >= at - (drive + seconds(config.slack_s)).min(EARLIEST);
            due.extend(open.into_iter().zip(drives).filter(|((_, at), eta)| is_due(*at, eta.drive)).map(|((id, _), _)| id));
        }
        if due.is_empty() { Ok(0) } else { Ok(self.0.bookings.release(due, now).await?) }
    }

    /// By the drive of the nearest vehicle that is free and fits, and the slack; without any, by the lead of the settings.
    fn due(&self, booking: &Booking, config: &config::Dispatch, now: Timestamp) -> Due {
        let Some(at) = booking.order.pickup_at else { return Due::Said(true) };
        let slack = seconds(config.slack_s).min(EARLIEST);
        if now >= at - slack {
            return Due::Said(true);
        }
        let nearest = scene::nearest_free(&self.0.fleet, booking, &Rules::from(config), now);
        let Some((view, from, way)) = nearest.and_then(|(view, way)| view.place.map(|from| (view, from, way))) else {
            return Due::Said(now >= at - seconds(config.lead_s).min(EARLIEST));
        };
        let estimate = self.0.etas.travel(now).0.eta(way).drive;
        if now < at - (estimate * LONGER + slack).min(EARLIEST) {
            return Due::Said(false);
        }
        Due::By(Leg { class: Some(Arc::clone(&view.class)), from, to: booking.order.pickup.place }, at)
    }
}

fn seconds(seconds: u64) -> Span {
    Span::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX / 2_000))
}

//! When a scheduled booking is released: in time for the drive to its pickup.

use super::plan::Rules;
use super::{Dispatch, Error, scene};
use crate::config;
use crate::model::{Booking, Span, Timestamp};

/// No booking is released earlier than this.
const EARLIEST: Span = Span::from_secs(4 * 3_600);

impl Dispatch {
    /// Releases every scheduled booking that somebody has to set out for; gives their number.
    pub async fn release(&self, now: Timestamp) -> Result<usize, Error> {
        let mut due = self.0.bookings.scheduled_until(now + EARLIEST).await?;
        let config = &self.settings().dispatch;
        due.retain(|booking| booking.order.pickup_at.is_none_or(|at| now >= at - self.lead(booking, config, now)));
        if due.is_empty() {
            return Ok(0);
        }
        Ok(self.0.bookings.release(due.iter().map(|b| b.id).collect(), now).await?)
    }

    /// The drive of the nearest vehicle that is free and fits, and the slack; without any, the lead of the settings.
    fn lead(&self, booking: &Booking, config: &config::Dispatch, now: Timestamp) -> Span {
        let seconds = |s: u64| Span::from_secs(i64::try_from(s).unwrap_or(i64::MAX / 2_000));
        let slack = seconds(config.slack_s);
        let nearest = scene::nearest_free(&self.0.fleet, booking, &Rules::from(config), now);
        let lead = nearest.map_or(seconds(config.lead_s), |(_, way)| self.0.etas.travel(now).0.eta(way).drive + slack);
        lead.max(slack).min(EARLIEST)
    }
}

//! What becomes due by itself: scheduled bookings are released, those that nobody took in time are given up.

use super::{Bookings, Change, Result, commit, find};
use crate::model::{Actor, Booking, BookingId, Order, Span, Status, Step, Timestamp, Window};
use crate::store;
use rusqlite::Transaction;

/// Bookings moved on in one transaction.
const AT_ONCE: usize = 1_000;

impl Bookings {
    /// Up to 1,000 scheduled bookings with a pickup until `before`, the earliest first.
    pub async fn scheduled_until(&self, before: Timestamp) -> Result<Vec<Booking>> {
        Ok(self.db.read(move |c| store::bookings::due(c, before, AT_ONCE)).await?)
    }

    /// Releases these of the scheduled bookings; gives the number of those that still were.
    pub async fn release(&self, ids: Vec<BookingId>, now: Timestamp) -> Result<usize> {
        let change = move |tx: &Transaction<'_>| {
            let mut released = 0;
            for id in ids {
                let booking = find(tx, id)?;
                if booking.status == Status::Scheduled {
                    commit(tx, booking, Change::of(Step::Release), &Actor::System, now)?;
                    released += 1;
                }
            }
            Ok(released)
        };
        self.db.write(change).await
    }

    /// Releases every scheduled booking whose pickup is no further than the slack away; gives their number.
    pub async fn release_due(&self, now: Timestamp) -> Result<usize> {
        let due = self.scheduled_until(now + self.slack()).await?;
        if due.is_empty() { Ok(0) } else { self.release(due.iter().map(|b| b.id).collect(), now).await }
    }

    /// Gives up every booking that no vehicle has though its `expires_at` has come, 1,000 at once; gives their number.
    pub async fn expire_due(&self, now: Timestamp) -> Result<usize> {
        let mut total = 0;
        while !self.db.read(move |c| store::bookings::overdue(c, now, 1)).await?.is_empty() {
            let change = move |tx: &Transaction<'_>| {
                let overdue = store::bookings::overdue(tx, now, AT_ONCE)?;
                let expired = overdue.len();
                for booking in overdue {
                    let reason = Some("nobody was found in time".to_owned());
                    commit(tx, booking, Change { reason, ..Change::of(Step::Expire) }, &Actor::System, now)?;
                }
                Ok::<_, super::Error>(expired)
            };
            total += self.db.write(change).await?;
        }
        Ok(total)
    }

    /// A booking whose pickup is no further away than this is not scheduled.
    pub(super) fn slack(&self) -> Span {
        Span::from_secs(i64::try_from(self.rules().dispatch.slack_s).unwrap_or(i64::MAX / 2_000))
    }

    /// The order with all that a booking must have: the pickup time (now where none is given; in time for the drop-off's window where
    /// that is later), and when it is given up. Its way takes `drive_s` seconds.
    pub(super) fn complete(&self, order: &Order, drive_s: u32, now: Timestamp) -> Order {
        let for_dropoff = |window: Window| window.from - Span::from_secs(drive_s.into());
        let soonest = order.dropoff_window.map_or(now, |window| for_dropoff(window).max(now));
        let at = order.pickup_at.unwrap_or(soonest);
        let latest = order.pickup_until.unwrap_or(at).max(now);
        let usual = latest + Span::from_secs(i64::from(self.rules().bookings.expire_after_s));
        Order { pickup_at: Some(at), expires_at: Some(order.expires_at.unwrap_or(usual)), ..order.clone() }
    }
}

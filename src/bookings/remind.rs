//! Reminders of pickups to come. Each is an entry of the journal; who hears of it is for those who follow that.

use super::{Bookings, Error, Result, record};
use crate::model::{Actor, Kind, Timestamp};
use crate::store::reminders;
use rusqlite::Transaction;
use serde_json::json;
use std::collections::HashSet;

/// Bookings looked at in one transaction, for each offset.
const AT_ONCE: usize = 1_000;

impl Bookings {
    /// Reminds of every pickup that has come within an offset of `bookings.remind_before_s` since it was booked; gives the number of
    /// reminders.
    ///
    /// Whole days of an offset are days of the depot's clocks: a day before nine is nine, also where they change between.
    /// Each offset is dealt with once for each pickup time: a booking that is moved is reminded of anew, one that was called off is
    /// not. When several offsets passed unseen, only the shortest is told.
    pub async fn remind_due(&self, now: Timestamp) -> Result<usize> {
        let rules = self.rules();
        let mut offsets = rules.bookings.remind_before_s.clone();
        offsets.sort_unstable();
        let mut total = 0;
        loop {
            let (asked, zone) = (offsets.clone(), rules.depot.zone.clone());
            let change = move |tx: &Transaction<'_>| {
                let (mut told, mut full) = (HashSet::new(), false);
                for before_s in asked {
                    let due = reminders::due(tx, before_s, &zone, now, AT_ONCE)?;
                    full |= due.len() == AT_ONCE;
                    for booking in due {
                        if reminders::note(tx, &booking, before_s)? && told.insert(booking.id) {
                            let extra = Some(("remind", json!({ "before_s": before_s })));
                            record(tx, &booking, Kind::BookingReminder, booking.vehicle.as_ref(), extra, &Actor::System, now)?;
                        }
                    }
                }
                Ok::<_, Error>((told.len(), full))
            };
            let (told, full) = self.db.write(change).await?;
            total += told;
            if !full {
                return Ok(total);
            }
        }
    }
}

//! Giving a booking up: calling it off, or saying that it could not be done.

use super::{Bookings, Change, Error, Result, commit, find, head_office};
use crate::model::{Actor, Booking, BookingId, Status, Step, Timestamp};
use rusqlite::Transaction;

/// What somebody who calls a booking off has a say in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Bookings, until a vehicle has them.
    Bookings,
    /// The vehicles' jobs as well.
    Jobs,
}

/// May somebody of `standing` call off a booking in `status`? Once the load is on board nobody may; what has come to its
/// end is left to the status machine.
fn may_cancel(status: Status, standing: Standing) -> Result<()> {
    match (status, standing) {
        (Status::PickedUp, _) => Err(Error::OnBoard),
        (Status::Assigned | Status::Arrived, Standing::Bookings) => Err(Error::HasVehicle),
        _ => Ok(()),
    }
}

/// Calls a booking off, as far as `standing` reaches.
pub(super) fn call_off(
    tx: &Transaction<'_>,
    booking: Booking,
    reason: String,
    standing: Standing,
    actor: &Actor,
    now: Timestamp,
) -> Result<Booking> {
    may_cancel(booking.status, standing)?;
    head_office::may_cancel(&booking, actor)?;
    commit(tx, booking, Change { reason: Some(reason), ..Change::of(Step::Cancel) }, actor, now)
}

impl Bookings {
    /// Calls the booking off, as far as `standing` reaches. A cancelled booking stays as it is.
    pub async fn cancel(&self, id: BookingId, reason: String, standing: Standing, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            if booking.status == Status::Cancelled {
                return Ok(booking);
            }
            call_off(tx, booking, reason, standing, &actor, now)
        };
        self.db.write(change).await
    }

    /// Says that the job could not be done, and why; only a vehicle's job can fail. A failed booking stays as it is.
    pub async fn fail(&self, id: BookingId, reason: String, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            if booking.status == Status::Failed {
                return Ok(booking);
            }
            commit(tx, booking, Change { reason: Some(reason), ..Change::of(Step::Failed) }, &actor, now)
        };
        self.db.write(change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_cancel_when() {
        for status in Status::ALL {
            let by = |standing| may_cancel(status, standing).is_ok();
            let expected = match status {
                Status::Assigned | Status::Arrived => (false, true),
                Status::PickedUp => (false, false),
                _ => (true, true),
            };
            assert_eq!((by(Standing::Bookings), by(Standing::Jobs)), expected, "{status:?}");
        }
    }
}

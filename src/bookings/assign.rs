//! Giving bookings to vehicles, safe against races: a booking that no longer waits is lost, with no trace.

use super::{Bookings, Change, Error, Result, commit, find};
use crate::model::{Actor, Booking, BookingId, Status, Step, Timestamp, VehicleId};
use crate::store::{self, rounds, vehicles};
use rusqlite::Transaction;

/// What a dispatch round decided about one booking.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The booking.
    pub booking: BookingId,
    /// Its vehicle; `None`: nobody was found.
    pub vehicle: Option<VehicleId>,
    /// The round's record about it, one JSON object text; `None`: nothing new to say.
    pub record: Option<String>,
}

impl Bookings {
    /// Gives the booking to `vehicle`, by hand: also one that is scheduled. `record` is kept as the reason.
    pub async fn assign(&self, id: BookingId, vehicle: &VehicleId, actor: Actor, record: Option<String>) -> Result<Booking> {
        let (now, vehicle) = (self.clock.now(), vehicle.clone());
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            let booking = give(tx, booking, &vehicle, &actor, now)?;
            if let Some(record) = record {
                rounds::insert(tx, id, now, &record)?;
            }
            Ok(booking)
        };
        self.db.write(change).await
    }

    /// Commits a round in one transaction. Each booking stands for itself: one that is lost (no longer waiting, vehicle taken)
    /// gets neither a change nor a record, and its error is in its place of the answer.
    pub async fn assign_all(&self, round: Vec<Assignment>, now: Timestamp) -> Result<Vec<Result<Option<Booking>>>> {
        let change = move |tx: &Transaction<'_>| {
            let mut outcomes = Vec::with_capacity(round.len());
            for assignment in round {
                outcomes.push(match settle(tx, &assignment, now) {
                    Err(Error::Store(error)) => return Err(Error::Store(error)),
                    outcome => outcome,
                });
            }
            Ok(outcomes)
        };
        self.db.write(change).await
    }
}

fn settle(tx: &Transaction<'_>, a: &Assignment, now: Timestamp) -> Result<Option<Booking>> {
    let booking = find(tx, a.booking)?;
    if booking.status != Status::Waiting {
        return Err(Error::Lost);
    }
    let given = match &a.vehicle {
        Some(vehicle) => Some(give(tx, booking, vehicle, &Actor::System, now)?),
        None => None,
    };
    if let Some(record) = &a.record {
        rounds::insert(tx, a.booking, now, record)?;
    }
    Ok(given)
}

fn give(tx: &Transaction<'_>, booking: Booking, vehicle: &VehicleId, actor: &Actor, now: Timestamp) -> Result<Booking> {
    if !vehicles::exists(tx, vehicle)? {
        return Err(Error::UnknownVehicle(vehicle.clone()));
    }
    if store::bookings::active_of(tx, vehicle)?.is_some_and(|b| b.id != booking.id) {
        return Err(Error::VehicleBusy(vehicle.clone()));
    }
    commit(tx, booking, Change { vehicle: Some(vehicle.clone()), ..Change::of(Step::Assign) }, actor, now)
}

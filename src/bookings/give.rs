//! A vehicle gets a booking or loses it.

use super::{Change, Error, Result, commit, withdraw};
use crate::model::{Actor, Booking, Step, Timestamp, VehicleId};
use crate::store::{self, vehicles};
use rusqlite::Transaction;
use serde_json::json;

/// Is somebody on duty with the vehicle, and not on a break?
pub(super) fn is_at_work(tx: &Transaction<'_>, vehicle: &VehicleId) -> Result<bool> {
    let on_duty = vehicles::get(tx, vehicle)?.is_none_or(|vehicle| vehicle.on_duty);
    Ok(on_duty && store::duty::of_vehicle(tx, vehicle)?.is_none_or(|duty| duty.paused_since().is_none()))
}

pub(super) fn give(tx: &Transaction<'_>, booking: Booking, vehicle: &VehicleId, actor: &Actor, now: Timestamp) -> Result<Booking> {
    if !vehicles::exists(tx, vehicle)? {
        return Err(Error::UnknownVehicle(vehicle.clone()));
    }
    if store::bookings::active_of(tx, vehicle)?.is_some_and(|b| b.id != booking.id) {
        return Err(Error::VehicleBusy(vehicle.clone()));
    }
    withdraw::withdraw_from(tx, vehicle, Some(booking.id), "got another job", actor, now)?;
    commit(tx, booking, Change { vehicle: Some(vehicle.clone()), ..Change::of(Step::Assign) }, actor, now)
}

/// Takes the booking from its vehicle, so that it waits again; refused once the load is on board. For use cases that have to do it in
/// a transaction of their own.
pub fn take(tx: &Transaction<'_>, booking: Booking, reason: String, actor: &Actor, now: Timestamp) -> Result<Booking> {
    let vehicle = booking.vehicle.clone();
    let extra = Some(("reason", json!(reason)));
    let booking = commit(tx, booking, Change { extra, ..Change::of(Step::Unassign) }, actor, now)?;
    if let Some(vehicle) = vehicle {
        withdraw::take_back(tx, booking.id, vehicle, reason, now)?;
    }
    Ok(booking)
}

//! What happens on the road.

use super::error::Fault;
use super::{Bookings, Change, Error, Result, commit, find};
use crate::model::{Actor, Booking, BookingId, Span, Status, Step, Timestamp, VehicleId};
use crate::tariffs::Tariffs;
use rusqlite::Transaction;
use serde_json::Value;

/// A device's clock may be ahead by this much.
const AHEAD: Span = Span::from_secs(120);

impl Bookings {
    /// Moves the booking on by a driver's `step`, taken at `at` (now when absent). With `vehicle` given, that vehicle must
    /// have the job. A step that was made already is answered with the booking as it is, so a repeat does no harm.
    pub async fn step(
        &self,
        id: BookingId,
        step: Step,
        at: Option<Timestamp>,
        proof: Option<Value>,
        actor: Actor,
        vehicle: Option<&VehicleId>,
    ) -> Result<Booking> {
        let (now, vehicle, tariffs) = (self.clock.now(), vehicle.cloned(), self.tariffs.clone());
        if !step.is_drivers() {
            return Err(Error::Invalid(vec![Fault::new("step", "must be arrived, picked_up, delivered or failed")]));
        }
        let reason = proof.as_ref().and_then(|p| p.get("reason")).and_then(Value::as_str).map(str::trim).filter(|r| !r.is_empty());
        let reason = reason.map(str::to_owned);
        if step == Step::Failed && reason.is_none() {
            return Err(Error::Invalid(vec![Fault::new("proof.reason", "is required: why it failed")]));
        }
        if at.is_some_and(|at| at > now + AHEAD) {
            return Err(Error::Invalid(vec![Fault::new("at", "must not lie in the future")]));
        }
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            if let Some(vehicle) = vehicle
                && booking.vehicle.as_ref() != Some(&vehicle)
            {
                return Err(Error::NotYours(vehicle));
            }
            if made_already(&booking, step) {
                return Ok(booking);
            }
            let booking = if step == Step::PickedUp { paid_for_waiting(&tariffs, tx, booking, at.unwrap_or(now))? } else { booking };
            let extra = proof.map(|proof| ("proof", proof));
            commit(tx, booking, Change { at, reason, extra, ..Change::of(step) }, &actor, now)
        };
        self.db.write(change).await
    }
}

/// The booking with what its load's being late costs: the vehicle waits from its arrival, or from the wanted pickup when that is later.
fn paid_for_waiting(tariffs: &Tariffs, tx: &Transaction<'_>, mut booking: Booking, until: Timestamp) -> Result<Booking> {
    let wanted = booking.order.pickup_at.unwrap_or(booking.created_at);
    let Some(arrived) = booking.arrived_at else { return Ok(booking) };
    if let Some((price, bill)) = tariffs.waited(tx, &booking, until.since(arrived.max(wanted)))? {
        bill.keep(tx, booking.id)?;
        booking.fare.price = price;
    }
    Ok(booking)
}

fn made_already(b: &Booking, step: Step) -> bool {
    match step {
        Step::Arrived => b.arrived_at.is_some() && !b.status.is_final(),
        Step::PickedUp => b.picked_up_at.is_some() && b.status != Status::Failed,
        Step::Delivered => b.status == Status::Delivered,
        Step::Failed => b.status == Status::Failed,
        _ => false,
    }
}

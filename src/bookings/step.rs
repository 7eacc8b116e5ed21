//! What happens on the road.

use super::error::Fault;
use super::pin::Guesses;
use super::{Bookings, Change, Error, Result, commit, find, proof};
use crate::model::{Actor, Booking, BookingId, Span, Status, Step, Timestamp, VehicleId};
use crate::pricing::Need;
use crate::store::idempotency;
use crate::tariffs::{Tariffs, proof_rules};
use rusqlite::Transaction;
use serde_json::Value;
use std::time::Instant;

/// A step that people write down may have been so long before its booking was placed.
const AFTERWARDS: Span = Span::from_secs(7 * 86_400);
/// A device's clock may be ahead by this much.
const AHEAD: Span = Span::from_secs(120);

/// What a driver reports.
#[derive(Clone, Debug)]
pub struct Report {
    /// What happened.
    pub step: Step,
    /// When, by the clock of whoever reports it; now when absent.
    pub at: Option<Timestamp>,
    /// A signature, photos, a reason: kept with the event.
    pub proof: Option<Value>,
}

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
        let take = self.take(actor, vehicle.cloned());
        let report = Report { step, at, proof };
        self.db.write(move |tx| take.report(tx, id, report)).await
    }

    /// Takes a step that a driver's phone made, once: sent again under the same `key` it is answered with the booking as it is. The photos
    /// and the signature that its proof names must be there already ([`Bookings::attach`]).
    pub async fn step_once(&self, id: BookingId, key: String, report: Report, actor: Actor, vehicle: VehicleId) -> Result<Booking> {
        let take = self.take(actor, Some(vehicle));
        let change = move |tx: &Transaction<'_>| {
            let (who, key) = (take.actor.to_text(), format!("step:{key}"));
            let step = report.step.as_str();
            if let Some((made, known)) = idempotency::find(tx, &who, &key)? {
                return if known == id.to_string() && made == step { find(tx, id) } else { Err(Error::KeyReused) };
            }
            let booking = take.report(tx, id, report)?;
            idempotency::insert(tx, &who, &key, step, &id.to_string(), take.now)?;
            Ok(booking)
        };
        self.db.write(change).await
    }

    fn take(&self, actor: Actor, vehicle: Option<VehicleId>) -> Take {
        let (tariffs, guesses) = (self.tariffs.clone(), self.guesses.clone());
        Take { tariffs, guesses, actor, vehicle, now: self.clock.now(), clocked: self.clock.monotonic() }
    }
}

/// Who reports, for which vehicle, and when.
struct Take {
    tariffs: Tariffs,
    guesses: Guesses,
    actor: Actor,
    vehicle: Option<VehicleId>,
    now: Timestamp,
    clocked: Instant,
}

impl Take {
    fn report(&self, tx: &Transaction<'_>, id: BookingId, Report { step, at, proof }: Report) -> Result<Booking> {
        if !step.is_drivers() {
            return Err(Error::Invalid(vec![Fault::new("step", "must be arrived, picked_up, delivered or failed")]));
        }
        let misshapen = proof.as_ref().map(proof::misshapen).unwrap_or_default();
        if !misshapen.is_empty() {
            return Err(Error::Invalid(misshapen));
        }
        let reason = proof.as_ref().and_then(|p| p.get("reason")).and_then(Value::as_str).map(str::trim).filter(|r| !r.is_empty());
        let reason = reason.map(str::to_owned);
        if step == Step::Failed && reason.is_none() {
            return Err(Error::Invalid(vec![Fault::new("proof.reason", "is required: why it failed")]));
        }
        if at.is_some_and(|at| at > self.now + AHEAD) {
            return Err(Error::Invalid(vec![Fault::new("at", "must not lie in the future")]));
        }
        let booking = find(tx, id)?;
        if let Some(vehicle) = &self.vehicle
            && booking.vehicle.as_ref() != Some(vehicle)
        {
            return Err(Error::NotYours(vehicle.clone()));
        }
        if made_already(&booking, step) {
            return Ok(booking);
        }
        // Whoever reports in a driver's place has heard what there is to prove.
        if step == Step::Delivered && self.vehicle.is_some() {
            let rules = proof_rules(tx, id)?;
            let lacking = proof::lacking(rules, proof.as_ref());
            if !lacking.is_empty() {
                return Err(Error::Invalid(lacking));
            }
            let pin = proof.as_ref().and_then(|proof| proof.get("pin")).and_then(Value::as_str).filter(|pin| !pin.trim().is_empty());
            if let Some(pin) = pin.filter(|_| rules.pin != Need::Off) {
                self.guesses.check(tx, id, pin, self.clocked)?;
            }
        }
        // A device has what proves it; a person sent that before.
        if let (Some(proof), Some(_), Actor::User(_)) = (&proof, &self.vehicle, &self.actor) {
            proof::bind(tx, &booking, proof, &self.actor)?;
        }
        // Nothing happens before what was to come before it, whatever the clock says by which it was made.
        // Whoever reports in a driver's place may write down what was before the booking was.
        let known = if self.vehicle.is_some() { booking.created_at } else { booking.created_at - AFTERWARDS };
        let before = [booking.arrived_at, booking.picked_up_at].into_iter().flatten().fold(known, Timestamp::max);
        let at = at.map(|at| at.max(before));
        let until = at.unwrap_or(self.now);
        let booking = if step == Step::PickedUp { paid_for_waiting(&self.tariffs, tx, booking, until)? } else { booking };
        let extra = proof.map(|proof| ("proof", proof));
        commit(tx, booking, Change { at, reason, extra, ..Change::of(step) }, &self.actor, self.now)
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

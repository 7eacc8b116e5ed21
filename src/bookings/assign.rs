//! Giving bookings to vehicles, safe against races: a booking that no longer waits is lost, with no trace.

use super::error::Fault;
use super::offer;
use super::{Bookings, Change, Error, Result, commit, find};
use crate::model::{Actor, Booking, BookingId, Pause, Status, Step, Timestamp, Vehicle, VehicleId};
use crate::store::{self, rounds, vehicles};
use rusqlite::Transaction;
use serde_json::json;

/// What a dispatch round decided about one booking.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// This vehicle gets it.
    Give(VehicleId),
    /// The drivers of these are asked; an answer after `until` comes too late.
    Ask {
        /// The best one first.
        vehicles: Vec<VehicleId>,
        /// Until when they may answer.
        until: Timestamp,
    },
    /// It waits on.
    Leave,
}

/// A decision with the reasons for it.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The booking.
    pub booking: BookingId,
    /// What becomes of it.
    pub decision: Decision,
    /// The round's record about it, one JSON object text; `None`: nothing new to say.
    pub record: Option<String>,
}

/// What somebody decides about a booking by hand.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// The vehicle that is to have it.
    pub vehicle: VehicleId,
    /// Why.
    pub reason: Option<String>,
    /// The dispatcher is to keep its hands off.
    pub lock: bool,
    /// Also though the vehicle is not made for it; then a reason is due.
    pub anyway: bool,
    /// Why its driver is not to be given work, for his hours are not a booking's business.
    pub pause: Option<Pause>,
}

impl ByHand {
    /// Gives it to `vehicle`, without more words.
    pub fn to(vehicle: VehicleId) -> Self {
        Self { vehicle, reason: None, lock: false, anyway: false, pause: None }
    }
}

impl Bookings {
    /// Gives the booking to a vehicle by hand: also one that is scheduled, or that another vehicle has and has not yet loaded.
    /// A vehicle that does not meet what the booking asks for is [`Error::Unfit`], unless it is to have it anyway.
    pub async fn assign(&self, id: BookingId, by_hand: ByHand, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        if by_hand.anyway && by_hand.reason.is_none() {
            return Err(Error::Invalid(vec![Fault::new("reason", "is required with override")]));
        }
        let change = move |tx: &Transaction<'_>| {
            let ByHand { vehicle: name, reason, lock, anyway, pause } = &by_hand;
            let mut booking = find(tx, id)?;
            let vehicle = vehicles::get(tx, name)?.ok_or_else(|| Error::UnknownVehicle(name.clone()))?;
            let lacks = lacks(tx, &booking, &vehicle, *pause)?;
            if !lacks.is_empty() && !anyway {
                return Err(Error::Unfit(name.clone(), lacks));
            }
            if booking.status.holds_vehicle() && booking.vehicle.as_ref() != Some(name) {
                let why = reason.clone().unwrap_or_else(|| format!("given to {name} instead"));
                booking = take(tx, booking, why, &actor, now)?;
            }
            let record = told(&booking, &by_hand, &lacks, &actor, now);
            if booking.vehicle.as_ref() != Some(name) {
                booking = give(tx, booking, name, &actor, now)?;
                rounds::insert(tx, id, now, &record)?;
            }
            if *lock && !booking.locked { set_lock(tx, booking, true, reason.clone(), &actor, now) } else { Ok(booking) }
        };
        self.db.write(change).await
    }

    /// Takes the booking from its vehicle, which has not yet loaded: it waits again, and that vehicle is not asked for a while.
    pub async fn unassign(&self, id: BookingId, reason: String, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            take(tx, booking, reason, &actor, now)
        };
        self.db.write(change).await
    }

    /// The same by the dispatcher, provided that the booking still has `version` and its vehicle has not yet arrived.
    pub async fn take_back(&self, id: BookingId, version: u32, reason: String, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            if booking.version != version || booking.status != Status::Assigned {
                Err(Error::Lost)
            } else {
                take(tx, booking, reason, &actor, now)
            }
        };
        self.db.write(change).await
    }

    /// Keeps the dispatcher's hands off the booking, or lets it have it again.
    pub async fn lock(&self, id: BookingId, locked: bool, reason: Option<String>, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            if booking.locked == locked { Ok(booking) } else { set_lock(tx, booking, locked, reason, &actor, now) }
        };
        self.db.write(change).await
    }

    /// Commits a round in one transaction. Each booking stands for itself: one that is lost (no longer waiting, vehicle taken)
    /// gets neither a change nor a record, and its error is in its place of the answer.
    /// `inputs` is what the round saw, with its number.
    pub async fn assign_all(
        &self,
        round: Vec<Assignment>,
        inputs: Option<(i64, Vec<u8>)>,
        now: Timestamp,
    ) -> Result<Vec<Result<Option<Booking>>>> {
        let change = move |tx: &Transaction<'_>| {
            if let Some((number, inputs)) = &inputs {
                rounds::keep_inputs(tx, *number, now, inputs)?;
            }
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
    if booking.status != Status::Waiting || booking.locked {
        return Err(Error::Lost);
    }
    let settled = match &a.decision {
        // It went off duty or its driver on a break since the round looked at it.
        Decision::Give(vehicle) if !is_at_work(tx, vehicle)? => return Err(Error::Lost),
        Decision::Give(vehicle) => Some(give(tx, booking, vehicle, &Actor::System, now)?),
        Decision::Ask { vehicles, until } => Some(offer::ask(tx, booking, vehicles, *until, now)?),
        Decision::Leave => None,
    };
    if let Some(record) = &a.record {
        rounds::insert(tx, a.booking, now, record)?;
    }
    Ok(settled)
}

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
    offer::withdraw_from(tx, vehicle, Some(booking.id), "got another job", actor, now)?;
    commit(tx, booking, Change { vehicle: Some(vehicle.clone()), ..Change::of(Step::Assign) }, actor, now)
}

/// Takes the booking from its vehicle, so that it waits again; refused once the load is on board. For use cases that have to do it in
/// a transaction of their own.
pub fn take(tx: &Transaction<'_>, booking: Booking, reason: String, actor: &Actor, now: Timestamp) -> Result<Booking> {
    let vehicle = booking.vehicle.clone();
    let extra = Some(("reason", json!(reason)));
    let booking = commit(tx, booking, Change { extra, ..Change::of(Step::Unassign) }, actor, now)?;
    if let Some(vehicle) = vehicle {
        offer::take_back(tx, booking.id, vehicle, reason, now)?;
    }
    Ok(booking)
}

fn set_lock(
    tx: &Transaction<'_>,
    mut booking: Booking,
    locked: bool,
    reason: Option<String>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Booking> {
    let version = booking.version;
    (booking.locked, booking.updated_at, booking.version) = (locked, now, version + 1);
    if !store::bookings::update(tx, &booking, version)? {
        return Err(Error::Lost);
    }
    let kind = if locked { crate::model::Kind::BookingLocked } else { crate::model::Kind::BookingUnlocked };
    let extra = reason.map(|reason| ("reason", json!(reason)));
    super::record(tx, &booking, kind, booking.vehicle.as_ref(), extra, actor, now)?;
    Ok(booking)
}

/// What the booking asks for that the vehicle does not have, in words.
fn lacks(tx: &Transaction<'_>, booking: &Booking, vehicle: &Vehicle, pause: Option<Pause>) -> Result<Vec<String>> {
    let order = &booking.order;
    let duty = store::duty::of_vehicle(tx, &vehicle.id)?;
    let driver = duty.as_ref().map_or(Ok(None), |duty| store::drivers::get(tx, duty.driver))?;
    let has = |skill: &String| vehicle.skills.contains(skill) || driver.as_ref().is_some_and(|d| d.skills.contains(skill));
    let mut lacks = Vec::new();
    if !vehicle.on_duty {
        lacks.push("nobody is on duty with it".to_owned());
    }
    if pause == Some(Pause::Hours) {
        lacks.push("its driver has worked as long as he may".to_owned());
    }
    if pause == Some(Pause::Break) || duty.is_some_and(|duty| duty.paused_since().is_some()) {
        lacks.push("its driver is on a break".to_owned());
    }
    if let Some(class) = order.vehicle_class.as_ref().filter(|class| **class != vehicle.class) {
        lacks.push(format!("it is a {}, not a {class}", vehicle.class));
    }
    lacks.extend(vehicle.capacity.overload(&order.load()).map(|overload| vehicle.capacity.says(overload)));
    lacks.extend(order.skills.iter().filter(|skill| !has(skill)).map(|skill| format!("it lacks {skill}")));
    Ok(lacks)
}

/// The record of a decision by hand, named as a round's record is.
fn told(booking: &Booking, by_hand: &ByHand, lacks: &[String], actor: &Actor, now: Timestamp) -> String {
    let ByHand { vehicle, reason, .. } = by_hand;
    let why = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    let though = if lacks.is_empty() { String::new() } else { format!(", though {}", lacks.join(" and ")) };
    json!({
        "round": now.as_millis(),
        "at": now,
        "policy": "by_hand",
        "trigger": actor.to_text(),
        "chosen": vehicle,
        "sentence": format!("{} was given to {vehicle} by {}{though}{why}.", booking.reference, actor.to_text()),
        "override": lacks,
        "candidates": [],
        "excluded": [],
        "excluded_total": {},
    })
    .to_string()
}

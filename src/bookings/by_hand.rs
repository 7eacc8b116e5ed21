//! What people decide about a booking: which vehicle has it, that it is taken back, that the dispatcher keeps its hands off.

use super::error::Fault;
use super::give::{give, take};
use super::{Bookings, Error, Result, find, record};
use crate::model::{Actor, Booking, BookingId, Kind, Pause, Timestamp, Vehicle, VehicleId};
use crate::store::{self, vehicles};
use rusqlite::Transaction;
use serde_json::json;

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
        let this = self.clone();
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
                this.say(tx, id, &record, now)?;
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

    /// Keeps the dispatcher's hands off the booking, or lets it have it again.
    pub async fn lock(&self, id: BookingId, locked: bool, reason: Option<String>, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            if booking.locked == locked { Ok(booking) } else { set_lock(tx, booking, locked, reason, &actor, now) }
        };
        self.db.write(change).await
    }
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
    let kind = if locked { Kind::BookingLocked } else { Kind::BookingUnlocked };
    let extra = reason.map(|reason| ("reason", json!(reason)));
    record(tx, &booking, kind, booking.vehicle.as_ref(), extra, actor, now)?;
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

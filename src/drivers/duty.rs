//! Going on and off duty, and on a break.

use super::hours::Spent;
use super::{Drivers, Error, Result, Shown, find, shown};
use crate::bookings;
use crate::model::{Actor, Driver, DriverId, Duty, DutyId, Kind, Status, Timestamp, Vehicle, VehicleId};
use crate::store::{self, vehicles};
use rusqlite::{Connection, Transaction};
use serde_json::{Value, json};

/// What is to become of a driver's duty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DutyChange {
    /// On duty with this vehicle; `None`: with that of his present shift.
    Start(Option<VehicleId>),
    /// Off duty; with a job only for a reason.
    End {
        /// Why, although the vehicle has a job.
        forced: Option<String>,
    },
}

/// Who does it, and when.
struct By<'a> {
    actor: &'a Actor,
    now: Timestamp,
}

impl Drivers {
    /// Puts a driver on or off duty; who is already as is asked stays so.
    ///
    /// Off duty, the vehicle is off duty too. A job of the vehicle then goes back to the waiting ones when that is forced; but one whose
    /// load is on board stays with the vehicle, for whoever takes that over.
    pub async fn set_duty(&self, id: DriverId, change: DutyChange, actor: Actor) -> Result<Shown> {
        let (rules, now) = (self.rules(), self.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let driver = find(tx, id)?;
            let by = By { actor: &actor, now };
            match change {
                DutyChange::Start(vehicle) => {
                    let spent = rules.hours(tx, id, now)?.spent(&rules.limits(&driver));
                    start(tx, &driver, vehicle, spent, &by)?;
                }
                DutyChange::End { forced } => {
                    if let Some(duty) = store::duty::of_driver(tx, id)? {
                        let vehicle = find_vehicle(tx, &duty.vehicle)?;
                        let job = release_job(tx, &vehicle.id, forced.as_deref(), &by)?;
                        end(tx, &driver, &duty, ended(forced, job), &by)?;
                        vehicles::update(tx, &Vehicle { on_duty: false, ..vehicle })?;
                    }
                }
            }
            shown(tx, driver, &rules, now)
        };
        self.db.write(change).await
    }

    /// Begins or ends a driver's break; he must be on duty.
    pub async fn set_break(&self, id: DriverId, on: bool, actor: Actor) -> Result<Shown> {
        let (rules, now) = (self.rules(), self.clock.now());
        let change = move |tx: &Transaction<'_>| {
            let driver = find(tx, id)?;
            let Some(duty) = store::duty::of_driver(tx, id)? else { return Err(Error::NotOnDuty(driver.name)) };
            let by = By { actor: &actor, now };
            if on && store::duty::start_break(tx, &duty, now)? {
                bookings::withdraw_from(tx, &duty.vehicle, None, "went on a break", &actor, now)?;
                say(tx, Kind::BreakStarted, &driver, &duty.vehicle, json!({}), &by)?;
            } else if !on && store::duty::end_break(tx, &duty, now)? {
                say(tx, Kind::BreakEnded, &driver, &duty.vehicle, json!({}), &by)?;
            }
            shown(tx, driver, &rules, now)
        };
        self.db.write(change).await
    }

    /// Puts a vehicle on or off duty without saying who drives it. Off duty ends the duty of its driver too, by the same rules.
    pub async fn set_vehicle_duty(&self, id: VehicleId, on: bool, forced: Option<String>, actor: Actor) -> Result<Vehicle> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let (was, by) = (find_vehicle(tx, &id)?, By { actor: &actor, now });
            let vehicle = Vehicle { on_duty: on, ..was.clone() };
            if vehicle == was {
                return Ok(vehicle);
            }
            let duty = store::duty::of_vehicle(tx, &id)?.filter(|_| !on);
            let job = if on { None } else { release_job(tx, &id, forced.as_deref(), &by)? };
            vehicles::update(tx, &vehicle)?;
            match duty {
                Some(duty) => end(tx, &find(tx, duty.driver)?, &duty, ended(forced, job), &by)?,
                None => vehicles::announce(tx, Kind::VehicleDutyChanged, &vehicle, by.actor, now)?,
            }
            Ok(vehicle)
        };
        self.db.write(change).await
    }

    /// Up to `limit` duties of a driver from before `before` on, newest first.
    pub async fn duties(&self, id: DriverId, before: Option<DutyId>, limit: usize) -> Result<Vec<Duty>> {
        let question = move |c: &Connection| {
            find(c, id)?;
            Ok(store::duty::list(c, id, before, limit)?)
        };
        self.db.read(question).await
    }
}

fn start(tx: &Transaction<'_>, driver: &Driver, vehicle: Option<VehicleId>, spent: Option<Spent>, by: &By<'_>) -> Result<()> {
    let planned = || Ok::<_, Error>(store::shifts::at(tx, driver.id, by.now)?.and_then(|shift| shift.vehicle));
    let vehicle = match vehicle {
        Some(vehicle) => Some(vehicle),
        None => planned()?,
    };
    let Some(vehicle) = vehicle else {
        return Err(Error::field("vehicle_id", format!("is missing, and {} has no shift now that names a vehicle", driver.name)));
    };
    let vehicle = find_vehicle(tx, &vehicle).map_err(|error| match error {
        Error::UnknownVehicle(_) => Error::field("vehicle_id", error.to_string()),
        other => other,
    })?;
    let name = || driver.name.clone();
    match store::duty::of_driver(tx, driver.id)? {
        Some(duty) if duty.vehicle == vehicle.id => return Ok(()),
        Some(duty) => return Err(Error::OnDutyWith { name: name(), vehicle: duty.vehicle }),
        None if !driver.active => return Err(Error::Inactive(name())),
        None => {}
    }
    if let Some(spent) = spent {
        return Err(Error::Spent { name: name(), spent });
    }
    if !store::duty::start(tx, driver.id, &vehicle.id, by.now)? {
        let duty = store::duty::of_vehicle(tx, &vehicle.id)?;
        let other = duty.map_or(Ok(None), |duty| store::drivers::get(tx, duty.driver))?;
        return Err(Error::Taken { vehicle: vehicle.id, driver: other.map_or_else(|| "somebody else".to_owned(), |d| d.name) });
    }
    vehicles::update(tx, &Vehicle { on_duty: true, ..vehicle.clone() })?;
    say(tx, Kind::DutyStarted, driver, &vehicle.id, json!({}), by)
}

fn end(tx: &Transaction<'_>, driver: &Driver, duty: &Duty, data: Value, by: &By<'_>) -> Result<()> {
    if store::duty::end_break(tx, duty, by.now)? {
        say(tx, Kind::BreakEnded, driver, &duty.vehicle, json!({}), by)?;
    }
    store::duty::end(tx, duty, by.now)?;
    say(tx, Kind::DutyEnded, driver, &duty.vehicle, data, by)
}

/// Asks the vehicle about nothing any more, and takes its job away, when it has one and that is `forced`; what people call the job that lost it.
fn release_job(tx: &Transaction<'_>, vehicle: &VehicleId, forced: Option<&str>, by: &By<'_>) -> Result<Option<String>> {
    bookings::withdraw_from(tx, vehicle, None, "went off duty", by.actor, by.now)?;
    let Some(job) = store::bookings::active_of(tx, vehicle)? else { return Ok(None) };
    let Some(reason) = forced else { return Err(Error::Busy { vehicle: vehicle.clone(), job: job.reference }) };
    if job.status == Status::PickedUp {
        return Ok(None);
    }
    Ok(Some(bookings::take(tx, job, reason.to_owned(), by.actor, by.now)?.reference))
}

fn ended(forced: Option<String>, job: Option<String>) -> Value {
    json!({ "reason": forced, "unassigned": job })
}

fn find_vehicle(c: &Connection, id: &VehicleId) -> Result<Vehicle> {
    vehicles::get(c, id)?.ok_or_else(|| Error::UnknownVehicle(id.clone()))
}

fn say(tx: &Transaction<'_>, kind: Kind, driver: &Driver, vehicle: &VehicleId, mut data: Value, by: &By<'_>) -> Result<()> {
    data["vehicle_id"] = vehicle.as_str().into();
    Ok(store::drivers::announce(tx, (kind, kind.as_str()), driver, Some(vehicle), data, (by.actor, by.now))?)
}

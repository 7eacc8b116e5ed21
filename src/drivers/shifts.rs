//! When drivers are meant to work. Neither a driver nor a vehicle can be in two shifts at a time.

use super::{Drivers, Error, Result, check_version, find};
use crate::model::{Actor, DriverId, Kind, Shift, ShiftId, Span, Timestamp, VehicleId, Window};
use crate::store::{self, shifts, vehicles};
use rusqlite::{Connection, Transaction};
use serde_json::json;

/// No shift is longer.
const LONGEST: Span = Span::from_secs(24 * 3_600);

/// A shift to be planned.
#[derive(Clone, Debug)]
pub struct NewShift {
    /// Whose.
    pub driver: DriverId,
    /// The vehicle he is to take.
    pub vehicle: Option<VehicleId>,
    /// From when until when.
    pub time: Window,
    /// When he is to pause, within that.
    pub pause: Option<Window>,
}

/// What is to be different; `None` stays, `Some(None)` is forgotten.
#[derive(Clone, Debug, Default)]
pub struct ShiftChange {
    /// Whose.
    pub driver: Option<DriverId>,
    /// The vehicle he is to take.
    pub vehicle: Option<Option<VehicleId>>,
    /// When it begins.
    pub from: Option<Timestamp>,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// When he is to pause.
    pub pause: Option<Option<Window>>,
}

impl Drivers {
    /// Up to `limit` shifts after the one at `after`, the earliest first.
    pub async fn shifts(&self, filter: shifts::Filter, after: Option<(Timestamp, ShiftId)>, limit: usize) -> Result<Vec<Shift>> {
        Ok(self.db.read(move |c| shifts::list(c, &filter, after, limit)).await?)
    }

    /// The shift of an id.
    pub async fn shift(&self, id: ShiftId) -> Result<Shift> {
        self.db.read(move |c| find_shift(c, id)).await
    }

    /// Plans a shift.
    pub async fn add_shift(&self, new: NewShift, actor: Actor) -> Result<Shift> {
        let now = self.clock.now();
        let NewShift { driver, vehicle, time, pause } = new;
        let shift = Shift { id: ShiftId::of_row(0), driver, vehicle, time, pause, version: 1 };
        let change = move |tx: &Transaction<'_>| {
            check(tx, &shift)?;
            let shift = shifts::insert(tx, &shift)?;
            announce(tx, "shift.add", &shift, &actor, now)?;
            Ok(shift)
        };
        self.db.write(change).await
    }

    /// Changes a shift; refused when it is not at the `expected` version any more.
    pub async fn change_shift(&self, id: ShiftId, change: ShiftChange, expected: Option<u32>, actor: Actor) -> Result<Shift> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let mut shift = find_shift(tx, id)?;
            check_version(id, shift.version, expected)?;
            shift.driver = change.driver.unwrap_or(shift.driver);
            shift.vehicle = change.vehicle.unwrap_or(shift.vehicle);
            shift.time.from = change.from.unwrap_or(shift.time.from);
            shift.time.until = change.until.unwrap_or(shift.time.until);
            shift.pause = change.pause.unwrap_or(shift.pause);
            shift.version += 1;
            check(tx, &shift)?;
            shifts::update(tx, &shift)?;
            announce(tx, "shift.change", &shift, &actor, now)?;
            Ok(shift)
        };
        self.db.write(change).await
    }

    /// Takes a shift out of the plan.
    pub async fn delete_shift(&self, id: ShiftId, expected: Option<u32>, actor: Actor) -> Result<()> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let shift = find_shift(tx, id)?;
            check_version(id, shift.version, expected)?;
            shifts::delete(tx, id)?;
            announce(tx, "shift.delete", &shift, &actor, now)
        };
        self.db.write(change).await
    }
}

fn find_shift(c: &Connection, id: ShiftId) -> Result<Shift> {
    shifts::get(c, id)?.ok_or(Error::UnknownShift(id))
}

fn check(c: &Connection, shift: &Shift) -> Result<()> {
    let Window { from, until } = shift.time;
    if from >= until {
        return Err(Error::field("until", "must be after `from`"));
    }
    if until - from > LONGEST {
        return Err(Error::field("until", "must be at most 24 hours after `from`"));
    }
    if shift.pause.is_some_and(|pause| pause.from >= pause.until || pause.from < from || pause.until > until) {
        return Err(Error::field("break", "must lie within the shift and end after it begins"));
    }
    let driver = find(c, shift.driver).map_err(|error| match error {
        Error::Unknown(_) => Error::field("driver_id", error.to_string()),
        other => other,
    })?;
    if let Some(vehicle) = &shift.vehicle
        && !vehicles::exists(c, vehicle)?
    {
        return Err(Error::field("vehicle_id", format!("there is no vehicle {vehicle}")));
    }
    let Some(other) = shifts::clash(c, shift)? else { return Ok(()) };
    let when = format!("shift {} from {} until {}", other.id, other.time.from, other.time.until);
    Err(Error::Overlap(match &shift.vehicle {
        Some(vehicle) if other.driver != shift.driver => format!("vehicle {vehicle} is in {when} of driver {}", other.driver),
        _ => format!("{} has {when}", driver.name),
    }))
}

fn announce(tx: &Transaction<'_>, action: &str, shift: &Shift, actor: &Actor, now: Timestamp) -> Result<()> {
    let driver = find(tx, shift.driver)?;
    let vehicle = store::duty::of_driver(tx, driver.id)?.map(|duty| duty.vehicle);
    let data = json!({
        "action": action, "shift_id": shift.id.to_string(), "vehicle_id": shift.vehicle, "from": shift.time.from,
        "until": shift.time.until, "break": shift.pause,
    });
    Ok(store::drivers::announce(tx, (Kind::DriverChanged, action), &driver, vehicle.as_ref(), data, (actor, now))?)
}

//! Who is on duty with a vehicle, and whether he may be given work now.

use super::Rules;
use super::hours::AGAIN;
use crate::model::{Crew, Duty, Pause, Timestamp, VehicleId};
use crate::store;
use rusqlite::Connection;

/// Who is on duty with the vehicle at `now`, and until when that is sure to be so unless somebody changes it.
pub fn of_vehicle(c: &Connection, vehicle: &VehicleId, rules: &Rules, now: Timestamp) -> store::Result<Option<(Crew, Timestamp)>> {
    let Some(duty) = store::duty::of_vehicle(c, vehicle)? else { return Ok(None) };
    of_duty(c, &duty, rules, now)
}

fn of_duty(c: &Connection, duty: &Duty, rules: &Rules, now: Timestamp) -> store::Result<Option<(Crew, Timestamp)>> {
    let Some(driver) = store::drivers::get(c, duty.driver)? else { return Ok(None) };
    let (hours, limits) = (rules.hours(c, driver.id, now)?, rules.limits(&driver));
    let planned = store::shifts::at(c, driver.id, now)?.and_then(|shift| shift.pause).filter(|pause| pause.until > now);
    let on_break = duty.paused_since().is_some() || planned.is_some_and(|pause| pause.from <= now);
    let pause = match hours.spent(&limits) {
        Some(_) => Some(Pause::Hours),
        None => on_break.then_some(Pause::Break),
    };
    let until = match (pause, planned) {
        (Some(_), _) => now + AGAIN,
        (None, Some(planned)) => planned.from.min(now + hours.left(&limits)),
        (None, None) => now + hours.left(&limits),
    };
    Ok(Some((Crew { driver: driver.id, name: driver.name, skills: driver.skills, pause }, until)))
}

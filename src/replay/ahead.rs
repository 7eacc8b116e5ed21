//! A day to come, played through as one that was: the bookings known by now, by those who are meant to drive.

use super::{Driver, Policy, Request, run};
use crate::clock::Clock;
use crate::config;
use crate::dispatch::day::{Ahead, Basis, DayPlan, Lack, Served, Unserved};
use crate::dispatch::plan;
use crate::model::{Booking, Day, Place, Span, Timestamp, Vehicle, VehicleId};
use std::collections::HashSet;

/// Plans a day with the depot's own policy. `place` says where a vehicle begins its day.
pub fn plan(
    day: &Day,
    zone: &str,
    ahead: &Ahead,
    config: &config::Dispatch,
    place: impl Fn(&VehicleId) -> Place,
    now: Timestamp,
) -> DayPlan {
    let (drivers, basis) = drivers(ahead, &place);
    let mut plan = DayPlan {
        day: day.to_string(),
        zone: zone.to_owned(),
        made_at: now,
        basis,
        vehicles: u32::try_from(drivers.iter().map(|d| &d.id).collect::<HashSet<_>>().len()).unwrap_or(u32::MAX),
        served: Vec::new(),
        unserved: Vec::new(),
    };
    let Some(policy) = Policy::named("default", config) else { return plan };
    let lead = Span::from_secs(i64::try_from(config.lead_s).unwrap_or(i64::MAX / 2_000));
    let mut asked: Vec<(Request, &Booking)> = ahead.bookings.iter().map(|b| (Request::of(b, lead), b)).collect();
    asked.sort_by_key(|(request, _)| request.wants.since);
    let (requests, bookings): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
    let came = run(&requests, &drivers, &policy, &Clock::manual(now), |_| {});
    plan.served = came.jobs.iter().map(|job| served(bookings[job.request], &drivers[job.driver].id, job.pickup)).collect();
    plan.served.sort_by_key(|s| (s.pickup_at, s.booking_id));
    plan.unserved = came.lost.iter().map(|&lost| unserved(bookings[lost], &requests[lost], &drivers)).collect();
    plan.unserved.sort_by_key(|u| (u.pickup_at, u.booking_id));
    plan
}

/// Those who have a shift with a vehicle; where nobody has one, every vehicle.
fn drivers(ahead: &Ahead, place: &impl Fn(&VehicleId) -> Place) -> (Vec<Driver>, Basis) {
    let driver = |vehicle: &Vehicle| Driver {
        id: vehicle.id.clone(),
        class: vehicle.class.as_str().into(),
        capacity: vehicle.capacity,
        skills: vehicle.skills.clone().into(),
        place: place(&vehicle.id),
        shift: None,
        pause: None,
    };
    let staffed = ahead.shifts.iter().map(|(shift, vehicle, who)| {
        let skills = vehicle.skills.iter().chain(&who.skills).cloned().collect();
        Driver { skills, shift: Some(shift.time), pause: shift.pause, ..driver(vehicle) }
    });
    let staffed: Vec<Driver> = staffed.collect();
    if staffed.is_empty() { (ahead.vehicles.iter().map(driver).collect(), Basis::Fleet) } else { (staffed, Basis::Shifts) }
}

fn served(booking: &Booking, vehicle: &VehicleId, pickup_at: Timestamp) -> Served {
    let order = &booking.order;
    let late = order.pickup_until.or(order.pickup_at).map_or(Span::default(), |due| pickup_at.since(due));
    let late_s = u32::try_from(late.as_millis() / 1_000).unwrap_or(u32::MAX);
    Served { booking_id: booking.id, reference: booking.reference.clone(), vehicle_id: vehicle.clone(), pickup_at, late_s }
}

fn unserved(booking: &Booking, request: &Request, drivers: &[Driver]) -> Unserved {
    let fits = drivers.iter().any(|driver| plan::demand(&request.wants, &driver.seen_free(request.wants.since)).is_none());
    let lack = if fits { Lack::NoneFree } else { Lack::NoneFits };
    Unserved { booking_id: booking.id, reference: booking.reference.clone(), pickup_at: request.earliest, lack }
}

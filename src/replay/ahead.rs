//! A day to come, played through as one that was: the bookings known by now, by those who are meant to drive.

use super::{Driver, Policy, Request, Stint, run};
use crate::clock::Clock;
use crate::config;
use crate::dispatch::day::{Ahead, Basis, DayPlan, Lack, Served, Unserved};
use crate::dispatch::plan::Reason;
use crate::model::{Booking, Day, Place, Span, Timestamp, Vehicle, VehicleId};
use std::collections::BTreeMap;

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
        vehicles: u32::try_from(drivers.len()).unwrap_or(u32::MAX),
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

/// The vehicles that somebody has a shift with; where nobody has one, every vehicle.
fn drivers(ahead: &Ahead, place: &impl Fn(&VehicleId) -> Place) -> (Vec<Driver>, Basis) {
    let mut staffed: BTreeMap<&VehicleId, (&Vehicle, Vec<Stint>)> = BTreeMap::new();
    for (shift, vehicle, who) in &ahead.shifts {
        let pauses = shift.pause.map(|pause| (pause, Reason::Break)).into_iter().collect();
        let stint = Stint::new(shift.time, vehicle, &who.skills, pauses);
        staffed.entry(&vehicle.id).or_insert((vehicle, Vec::new())).1.push(stint);
    }
    if staffed.is_empty() {
        return (ahead.vehicles.iter().map(|vehicle| Driver::of(vehicle, place(&vehicle.id))).collect(), Basis::Fleet);
    }
    let driver = |(vehicle, mut stints): (&Vehicle, Vec<Stint>)| {
        stints.sort_by_key(|stint| stint.time.from);
        Driver { duty: Some(stints), ..Driver::of(vehicle, place(&vehicle.id)) }
    };
    (staffed.into_values().map(driver).collect(), Basis::Shifts)
}

fn served(booking: &Booking, vehicle: &VehicleId, pickup_at: Timestamp) -> Served {
    let order = &booking.order;
    let late = order.pickup_until.or(order.pickup_at).map_or(Span::default(), |due| pickup_at.since(due));
    let late_s = u32::try_from(late.as_millis() / 1_000).unwrap_or(u32::MAX);
    Served { booking_id: booking.id, reference: booking.reference.clone(), vehicle_id: vehicle.clone(), pickup_at, late_s }
}

fn unserved(booking: &Booking, request: &Request, drivers: &[Driver]) -> Unserved {
    let fits = drivers.iter().any(|driver| driver.fits(&request.wants));
    let lack = if fits { Lack::NoneFree } else { Lack::NoneFits };
    Unserved { booking_id: booking.id, reference: booking.reference.clone(), pickup_at: request.earliest, lack }
}

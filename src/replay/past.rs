//! A day that was: the depot's own bookings, by those who were on duty then.
//!
//! Who was on duty with which vehicle is in the duties, and in the journal where no driver was named. Data of vehicles and drivers
//! are those of now. Hours count as they were worked: what a driver would have been given does not change them.

use super::{Driver, PATIENCE, Request, Stint};
use crate::dispatch::plan::Reason;
use crate::drivers::Rules;
use crate::drivers::hours::WEEK;
use crate::model::{Day, Duty, Event, Kind, Period, Place, Span, Status, Timestamp, Vehicle, VehicleId, Window};
use crate::store::bookings::Filter;
use crate::store::{Result, bookings, drivers, duty, journal, shifts, vehicles};
use crate::tracks;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::HashMap;

/// Rows read at once.
const PAGE: usize = 5_000;
/// Until an end that is not known.
const OPEN: Timestamp = Timestamp::from_millis(i64::MAX);

/// Those who were on duty.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Crews {
    /// The vehicles that somebody was on duty with, by id, with their stints.
    pub vehicles: Vec<(Vehicle, Vec<Stint>)>,
    /// How many drivers that were.
    pub drivers: usize,
}

/// Every booking that was asked for by `now`, in the order of the asking; one for later `lead` before its pickup. What was cancelled
/// nobody wanted.
pub fn requests(c: &Connection, lead: Span, now: Timestamp) -> Result<Vec<Request>> {
    let status = Status::ALL.into_iter().filter(|status| *status != Status::Cancelled).collect();
    let wanted = Filter { status, ..Filter::default() };
    let (mut requests, mut before) = (Vec::new(), i64::MAX);
    loop {
        let page = bookings::list(c, &wanted, before, PAGE)?;
        let Some((last, _)) = page.last() else { break };
        before = *last;
        requests.extend(page.into_iter().map(|(_, booking)| Request::of(&booking, lead)).filter(|request| request.wants.since <= now));
    }
    requests.sort_by_key(|request| (request.wants.since, request.wants.id));
    Ok(requests)
}

/// The time in which these requests could be served.
pub fn time(requests: &[Request]) -> Option<Window> {
    let from = requests.first()?.wants.since;
    let latest = |request: &Request| request.wants.latest.unwrap_or(request.wants.since + PATIENCE);
    Some(Window { from, until: requests.iter().map(latest).max()? })
}

/// Every vehicle of the depot.
pub fn vehicles(c: &Connection) -> Result<Vec<Vehicle>> {
    vehicles::list(c, None, None, usize::MAX)
}

/// Who was on duty within `time`; `None` when the depot has no drivers.
pub fn crews(c: &Connection, rules: &Rules, time: Window) -> Result<Option<Crews>> {
    let people = drivers::list(c, &drivers::Filter::default(), None, usize::MAX)?;
    if people.is_empty() {
        return Ok(None);
    }
    let known: HashMap<VehicleId, Vehicle> = vehicles(c)?.into_iter().map(|vehicle| (vehicle.id.clone(), vehicle)).collect();
    let mut stints: HashMap<VehicleId, Vec<Stint>> = HashMap::new();
    let mut crews = Crews::default();
    for person in people {
        let duties = duty::since(c, person.id, time.from - WEEK)?;
        let planned = shifts::Filter { driver: Some(person.id), from: Some(time.from), to: Some(time.until), ..shifts::Filter::default() };
        let planned: Vec<Window> = shifts::list(c, &planned, None, usize::MAX)?.into_iter().filter_map(|shift| shift.pause).collect();
        let spent = rules.spent_within(time, &person, &duties);
        let mut was_on_duty = false;
        for (duty, on_duty) in duties.iter().filter_map(|duty| Some((duty, within(duty.time, time)?))) {
            let Some(vehicle) = known.get(&duty.vehicle) else { continue };
            let pauses = pauses(duty, &planned, &spent);
            stints.entry(duty.vehicle.clone()).or_default().push(Stint::new(on_duty, vehicle, &person.skills, pauses));
            was_on_duty = true;
        }
        crews.drivers += usize::from(was_on_duty);
    }
    for (vehicle, on_duty) in unnamed(c, time)? {
        let Some(known) = known.get(&vehicle) else { continue };
        stints.entry(vehicle).or_default().push(Stint::new(on_duty, known, &[], Vec::new()));
    }
    crews.vehicles = known.into_values().filter_map(|vehicle| Some((stints.remove(&vehicle.id)?, vehicle))).map(|(s, v)| (v, s)).collect();
    crews.vehicles.sort_by(|a, b| a.0.id.cmp(&b.0.id));
    crews.vehicles.iter_mut().for_each(|(_, stints)| stints.sort_by_key(|stint| stint.time.from));
    Ok(Some(crews))
}

/// When a driver on this duty was given nothing: his breaks, those his shifts planned, and when his hours were spent.
fn pauses(duty: &Duty, planned: &[Window], spent: &[Window]) -> Vec<(Window, Reason)> {
    let breaks = duty.breaks.iter().map(|b| Window { from: b.from, until: b.until.or(duty.time.until).unwrap_or(OPEN) });
    let breaks = breaks.chain(planned.iter().copied()).map(|window| (window, Reason::Break));
    // As live dispatch says it: spent hours come first.
    spent.iter().map(|window| (*window, Reason::Hours)).chain(breaks).collect()
}

/// The part of `period` that lies within `time`.
fn within(period: Period, time: Window) -> Option<Window> {
    let (from, until) = (period.from.max(time.from), period.until.unwrap_or(OPEN).min(time.until));
    (from < until).then_some(Window { from, until })
}

/// When vehicles were on duty within `time` without a driver who is known.
fn unnamed(c: &Connection, time: Window) -> Result<Vec<(VehicleId, Window)>> {
    const KINDS: [Kind; 4] = [Kind::VehicleChanged, Kind::VehicleDutyChanged, Kind::DutyStarted, Kind::DutyEnded];
    let (mut since, mut found) = (HashMap::new(), Vec::new());
    let (mut staffed, mut cursor) = (HashMap::new(), 0);
    loop {
        let page = journal::of_kinds(c, &KINDS, time.until, cursor, PAGE)?;
        let Some(last) = page.last() else { break };
        cursor = last.seq;
        for event in page {
            let Some(vehicle) = event.vehicle.clone() else { continue };
            let is_staffed: &mut bool = staffed.entry(vehicle.clone()).or_default();
            let is_on = match event.kind {
                Kind::DutyStarted | Kind::DutyEnded => {
                    *is_staffed = event.kind == Kind::DutyStarted;
                    false
                }
                _ => match on_duty(&event) {
                    Some(on) => on && !*is_staffed,
                    None => continue,
                },
            };
            if is_on {
                since.entry(vehicle).or_insert(event.at);
            } else if let Some(from) = since.remove(&vehicle) {
                found.push((vehicle, Period { from, until: Some(event.at) }));
            }
        }
    }
    found.extend(since.into_iter().map(|(vehicle, from)| (vehicle, Period { from, until: None })));
    Ok(found.into_iter().filter_map(|(vehicle, period)| Some((vehicle, within(period, time)?))).collect())
}

/// Does the entry about a vehicle say that it is on duty?
fn on_duty(event: &Event) -> Option<bool> {
    serde_json::from_str::<Value>(&event.data).ok()?.get("on_duty")?.as_bool()
}

/// Where vehicles were when their day began.
pub struct Places<'a> {
    /// What they reported; `None` when nothing is kept.
    pub tracks: Option<&'a tracks::Past>,
    /// The day as the depot's zone has it.
    pub zone: &'a str,
    /// The time that is played.
    pub time: Window,
}

impl Places<'_> {
    /// Where `vehicle` was when its first stint began: by the fix nearest in time, of that day before or of the time played.
    pub fn of(&self, vehicle: &VehicleId, stints: &[Stint]) -> std::result::Result<Option<Place>, tracks::Error> {
        let Some(tracks) = self.tracks else { return Ok(None) };
        let begin = stints.first().map_or(self.time.from, |stint| stint.time.from);
        tracks.place(vehicle, (Day::of(begin, self.zone).time().from, begin, self.time.until))
    }
}

impl Crews {
    /// The vehicles at their places, at `depot` where nothing is known; and how many were placed by what they reported.
    pub fn drivers(self, places: &Places<'_>, depot: Place) -> std::result::Result<(Vec<Driver>, usize), tracks::Error> {
        let mut placed = 0;
        let driver = |(vehicle, stints): (Vehicle, Vec<Stint>)| {
            let place = places.of(&vehicle.id, &stints)?;
            placed += usize::from(place.is_some());
            Ok(Driver { duty: Some(stints), ..Driver::of(&vehicle, place.unwrap_or(depot)) })
        };
        let drivers = self.vehicles.into_iter().map(driver).collect::<std::result::Result<_, tracks::Error>>()?;
        Ok((drivers, placed))
    }
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;

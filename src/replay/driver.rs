//! Who drives in a replayed day, and when.

use super::Request;
use crate::dispatch::plan::{self, Reason, Seen, Waiting};
use crate::model::{Availability, Capacity, Period, Place, Span, Timestamp, Vehicle, VehicleId, Window};
use crate::sim::rng::Rng;
use std::sync::Arc;

/// A vehicle with those who drive it.
#[derive(Clone, PartialEq, Debug)]
pub struct Driver {
    /// The vehicle.
    pub id: VehicleId,
    /// Its class.
    pub class: Arc<str>,
    /// What it can carry at most.
    pub capacity: Capacity,
    /// What it can do, whoever drives it.
    pub skills: Arc<[String]>,
    /// Where the day begins.
    pub place: Place,
    /// When somebody is on duty with it, in order and apart; no job is given at other times. `None`: all day.
    pub duty: Option<Vec<Stint>>,
}

/// Time that somebody is on duty with a vehicle.
#[derive(Clone, PartialEq, Debug)]
pub struct Stint {
    /// From when until when.
    pub time: Window,
    /// What the vehicle can do while he drives it.
    pub skills: Arc<[String]>,
    /// When he is given no job although he is on duty, and why.
    pub pauses: Vec<(Window, Reason)>,
}

impl Stint {
    /// Somebody who can do `skills` is on duty with `vehicle`.
    pub fn new(time: Window, vehicle: &Vehicle, skills: &[String], pauses: Vec<(Window, Reason)>) -> Self {
        let more = skills.iter().filter(|skill| !vehicle.skills.contains(skill));
        Self { time, skills: vehicle.skills.iter().chain(more).cloned().collect(), pauses }
    }
}

impl Driver {
    /// Somebody drives this vehicle all day.
    pub fn of(vehicle: &Vehicle, place: Place) -> Self {
        Self {
            id: vehicle.id.clone(),
            class: vehicle.class.as_str().into(),
            capacity: vehicle.capacity,
            skills: vehicle.skills.clone().into(),
            place,
            duty: None,
        }
    }

    /// The stint that goes on at `now`.
    fn stint(&self, now: Timestamp) -> Option<&Stint> {
        let stints = self.duty.as_ref()?;
        let begun = stints.partition_point(|stint| stint.time.from <= now);
        begun.checked_sub(1).map(|last| &stints[last]).filter(|stint| now < stint.time.until)
    }

    /// Is somebody on duty with it?
    pub(super) fn is_on_duty(&self, now: Timestamp) -> bool {
        self.duty.is_none() || self.stint(now).is_some()
    }

    /// How long somebody is on duty with it within that time.
    pub(super) fn on_duty_within(&self, time: Window) -> Span {
        let within = |stint: &Stint| Period { from: stint.time.from, until: Some(stint.time.until) }.within(time.from, time.until);
        self.duty.as_ref().map_or(time.until.since(time.from), |duty| duty.iter().map(within).fold(Span::default(), |sum, w| sum + w))
    }

    /// Could it ever have a booking that wants this?
    pub(super) fn fits(&self, wants: &Waiting) -> bool {
        let fits =
            |skills: &Arc<[String]>| plan::demand(wants, &Seen { skills: Arc::clone(skills), ..self.seen_free(wants.since) }).is_none();
        self.duty.as_ref().map_or_else(|| fits(&self.skills), |duty| duty.iter().any(|stint| fits(&stint.skills)))
    }

    /// In the plan's words at `now`, without any job.
    pub(super) fn seen_free(&self, now: Timestamp) -> Seen {
        let stint = self.stint(now);
        let within = |(time, _): &&(Window, Reason)| (time.from..time.until).contains(&now);
        Seen {
            id: self.id.clone(),
            class: self.class.clone(),
            capacity: self.capacity,
            skills: stint.map_or(&self.skills, |stint| &stint.skills).clone(),
            online: true,
            availability: if self.is_on_duty(now) { Availability::Free } else { Availability::OffDuty },
            place: Some(self.place),
            fix_ts: Some(now),
            soon: None,
            barred: stint.and_then(|stint| stint.pauses.iter().find(within)).map(|(_, reason)| *reason),
            jobs_per_hour: 0.0,
        }
    }
}

/// So many drivers of vans, who start at the pickups of distinct requests drawn with the seed, of all again when there are more
/// drivers than requests.
pub fn drivers(requests: &[Request], drivers: usize, seed: u64) -> Vec<Driver> {
    let mut rng = Rng::new(seed, 0);
    let mut order: Vec<usize> = (0..requests.len()).collect();
    for at in 0..drivers.min(order.len()) {
        let other = at + rng.index(order.len() - at);
        order.swap(at, other);
    }
    let places = order.iter().cycle().take(if requests.is_empty() { 0 } else { drivers }).map(|&at| requests[at].wants.pickup);
    let (class, skills): (Arc<str>, Arc<[String]>) = ("van".into(), [].into());
    let driver = |(number, place): (usize, Place)| {
        let id = VehicleId::new(&format!("D-{:05}", number + 1)).ok()?;
        Some(Driver { id, class: class.clone(), capacity: Capacity::default(), skills: skills.clone(), place, duty: None })
    };
    places.enumerate().filter_map(driver).collect()
}

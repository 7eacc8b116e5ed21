//! Who waits and who drives, at one moment of a replayed day.

use super::{HANDOVER, PATIENCE, Policy, Request};
use crate::dispatch::eta::Travel;
use crate::dispatch::plan::{Lately, Seen, Soon, WORKLOAD, Waiting, jobs_per_hour};
use crate::model::{Availability, BookingId, Capacity, Metres, Place, Span, Timestamp, VehicleId};
use std::collections::VecDeque;

/// How far back "lately" goes, as in live dispatch.
const LATELY: Span = Span::from_secs(900);

/// A driver with a vehicle.
struct Driver {
    id: VehicleId,
    /// Where the driver is, or will be when free.
    place: Place,
    /// Since when the driver is free, or from when on.
    free_at: Timestamp,
    /// When jobs were given of late.
    jobs: VecDeque<Timestamp>,
}

impl Driver {
    /// Jobs an hour of late.
    fn workload(&self, now: Timestamp) -> f64 {
        let recent = self.jobs.iter().filter(|given| now.since(**given) <= WORKLOAD).count();
        jobs_per_hour(u32::try_from(recent).unwrap_or(u32::MAX))
    }
}

/// A job that was given.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Job {
    /// From the asking to the vehicle's arrival.
    pub wait: Span,
    /// Driven to the pickup, on the road.
    pub empty: Metres,
    /// Busy with the load, handover included, until the last request of the day is asked.
    pub loaded: Span,
}

/// The day's state between two rounds.
pub struct World<'a> {
    requests: &'a [Request],
    drivers: Vec<Driver>,
    /// Indexes of the requests that wait, the earliest first.
    waiting: Vec<usize>,
    /// How many requests have been asked.
    asked: usize,
    start: Timestamp,
    now: Timestamp,
}

impl<'a> World<'a> {
    /// A fleet that begins its day at `start`.
    pub fn new(requests: &'a [Request], starts: &[Place], start: Timestamp) -> Self {
        let driver = |(number, &place): (usize, &Place)| {
            let id = VehicleId::new(&format!("D-{:05}", number + 1)).ok()?;
            Some(Driver { id, place, free_at: start, jobs: VecDeque::new() })
        };
        let drivers = starts.iter().enumerate().filter_map(driver).collect();
        Self { requests, drivers, waiting: Vec::new(), asked: 0, start, now: start }
    }

    /// When to decide next: when requests have been gathered for as long as the policy says. `None`: the day is over.
    pub fn next_round(&self, policy: &Policy) -> Option<Timestamp> {
        let free = self.drivers.iter().filter(|d| d.free_at <= self.now).count();
        let gather = policy.gather(self.waiting.len(), free);
        if !self.waiting.is_empty() {
            return Some(self.now + gather);
        }
        self.requests.get(self.asked).map(|next| self.now.max(next.asked) + gather)
    }

    /// Lets the time come; says how many of those that wait have waited too long, and go.
    pub fn arrive(&mut self, now: Timestamp) -> usize {
        self.now = now;
        let came = self.requests[self.asked..].iter().take_while(|r| r.asked <= now).count();
        self.waiting.extend(self.asked..self.asked + came);
        self.asked += came;
        let before = self.waiting.len();
        self.waiting.retain(|&request| now <= self.requests[request].asked + PATIENCE);
        before - self.waiting.len()
    }

    /// Does anybody wait?
    pub fn is_anybody_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// From the first asking to the last.
    pub fn span(&self) -> Span {
        self.end().since(self.start)
    }

    fn end(&self) -> Timestamp {
        self.requests.last().map_or(self.start, |last| last.asked)
    }

    /// The driver is given the job, and drives.
    pub fn give(&mut self, now: Timestamp, request: usize, driver: usize, travel: &Travel) -> Job {
        let Request { asked, pickup, dropoff } = self.requests[request];
        let end = self.end();
        let driver = &mut self.drivers[driver];
        let way = driver.place.distance(pickup);
        let arrival = now + travel.eta(way).drive;
        let loaded = travel.eta(pickup.distance(dropoff)).drive + HANDOVER;
        (driver.place, driver.free_at) = (dropoff, arrival + loaded);
        driver.jobs.push_back(now);
        while driver.jobs.front().is_some_and(|given| now.since(*given) > WORKLOAD) {
            driver.jobs.pop_front();
        }
        self.waiting.retain(|&other| other != request);
        Job { wait: arrival - asked, empty: travel.road(way), loaded: driver.free_at.min(end).since(arrival) }
    }

    /// Those that wait in the plan's words, with their indexes.
    pub fn waiting(&self, travel: &Travel) -> Vec<(usize, Waiting)> {
        let waiting = |&request: &usize| {
            let Request { asked, pickup, dropoff } = self.requests[request];
            let trip = travel.eta(pickup.distance(dropoff)).drive + HANDOVER;
            let (id, latest) = (number(request), Some(asked + PATIENCE));
            (request, Waiting { trip, latest, ..Waiting::new(id, pickup, asked) })
        };
        self.waiting.iter().map(waiting).collect()
    }

    /// The drivers in the plan's words, in their order.
    pub fn seen(&self) -> Vec<Seen> {
        let class: std::sync::Arc<str> = "van".into();
        let skills: std::sync::Arc<[String]> = [].into();
        let seen = |driver: &Driver| {
            let is_free = driver.free_at <= self.now;
            Seen {
                id: driver.id.clone(),
                class: class.clone(),
                capacity: Capacity::default(),
                skills: skills.clone(),
                online: true,
                availability: if is_free { Availability::Free } else { Availability::EnRoute },
                place: Some(driver.place),
                fix_ts: Some(self.now),
                soon: (!is_free).then_some(Soon { at: driver.free_at, place: driver.place }),
                barred: None,
                jobs_per_hour: driver.workload(self.now),
            }
        };
        self.drivers.iter().map(seen).collect()
    }

    /// What was asked of late.
    pub fn lately(&self, travel: &Travel) -> Lately {
        let asked = &self.requests[..self.asked];
        let recent: VecDeque<&Request> = asked.iter().rev().take_while(|r| self.now.since(r.asked) <= LATELY).collect();
        let trips = recent.iter().map(|r| (travel.eta(r.pickup.distance(r.dropoff)).drive + HANDOVER).as_secs_f64());
        let count = u32::try_from(recent.len()).unwrap_or(u32::MAX);
        let mean = trips.sum::<f64>() / f64::from(count.max(1));
        Lately { bookings: count, over: LATELY.min(self.now.since(self.start)), trip: Span::from_secs(1) * mean, vehicles: None }
    }
}

/// An id that orders as the requests do.
fn number(request: usize) -> BookingId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&(request as u64).to_be_bytes());
    BookingId::generate(Timestamp::default(), random)
}

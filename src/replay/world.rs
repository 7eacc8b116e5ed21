//! Who waits and who drives, at one moment of a replayed day.

use super::{Driver, Policy, Request};
use crate::dispatch::plan::{Lately, Seen, Soon, WORKLOAD, Waiting, jobs_per_hour};
use crate::eta::Travel;
use crate::model::{Availability, Metres, Place, Span, Timestamp, Window};
use std::collections::VecDeque;

/// How far back "lately" goes, as in live dispatch.
const LATELY: Span = Span::from_secs(900);

/// A driver at work.
struct AtWork<'a> {
    who: &'a Driver,
    /// Where the driver is, or will be when free.
    place: Place,
    /// Since when the driver is free, or from when on.
    free_at: Timestamp,
    /// When jobs were given of late.
    jobs: VecDeque<Timestamp>,
}

impl AtWork<'_> {
    /// Jobs an hour of late.
    fn workload(&self, now: Timestamp) -> f64 {
        let recent = self.jobs.iter().filter(|given| now.since(**given) <= WORKLOAD).count();
        jobs_per_hour(u32::try_from(recent).unwrap_or(u32::MAX))
    }

    fn seen(&self, now: Timestamp) -> Seen {
        let seen = self.who.seen_free(now);
        let is_free = self.free_at <= now;
        Seen {
            availability: if seen.availability == Availability::Free && !is_free { Availability::EnRoute } else { seen.availability },
            place: Some(self.place),
            soon: (!is_free).then_some(Soon { at: self.free_at, place: self.place }),
            jobs_per_hour: self.workload(now),
            ..seen
        }
    }
}

/// A job that was given.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Job {
    /// Index of the request.
    pub request: usize,
    /// Index of the driver.
    pub driver: usize,
    /// When the load is picked up.
    pub pickup: Timestamp,
    /// From the time when it is wanted to the pickup.
    pub wait: Span,
    /// Driven to the pickup, on the road.
    pub empty: Metres,
    /// Busy with the load on duty, handover included, until the last request of the day is asked.
    pub loaded: Span,
}

/// The day's state between two rounds.
pub struct World<'a> {
    requests: &'a [Request],
    drivers: Vec<AtWork<'a>>,
    /// Indexes of the requests that wait, the earliest first.
    waiting: Vec<usize>,
    /// How many requests have been asked.
    asked: usize,
    start: Timestamp,
    now: Timestamp,
}

impl<'a> World<'a> {
    /// A fleet that begins its day at `start`.
    pub fn new(requests: &'a [Request], drivers: &'a [Driver], start: Timestamp) -> Self {
        let drivers = drivers.iter().map(|who| AtWork { who, place: who.place, free_at: start, jobs: VecDeque::new() }).collect();
        Self { requests, drivers, waiting: Vec::new(), asked: 0, start, now: start }
    }

    /// When to decide next: when requests have been gathered for as long as the policy says. `None`: the day is over.
    pub fn next_round(&self, policy: &Policy) -> Option<Timestamp> {
        let free = self.drivers.iter().filter(|d| d.free_at <= self.now && d.who.is_on_duty(self.now)).count();
        let gather = policy.gather(self.waiting.len(), free);
        if !self.waiting.is_empty() {
            return Some(self.now + gather);
        }
        self.requests.get(self.asked).map(|next| self.now.max(next.wants.since) + gather)
    }

    /// Lets the time come; gives those that have waited too long, and go.
    pub fn arrive(&mut self, now: Timestamp) -> Vec<usize> {
        self.now = now;
        let came = self.requests[self.asked..].iter().take_while(|r| r.wants.since <= now).count();
        self.waiting.extend(self.asked..self.asked + came);
        self.asked += came;
        let too_late = |request: &mut usize| self.requests[*request].wants.latest.is_some_and(|latest| now > latest);
        self.waiting.extract_if(.., too_late).collect()
    }

    /// Does anybody wait?
    pub fn is_anybody_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How long drivers are on duty, all together, from the first asking to the last.
    pub fn on_duty(&self) -> Span {
        let time = Window { from: self.start, until: self.end() };
        self.drivers.iter().fold(Span::default(), |sum, driver| sum + driver.who.on_duty_within(time))
    }

    fn end(&self) -> Timestamp {
        self.requests.last().map_or(self.start, |last| last.wants.since)
    }

    /// The driver is given the job, and drives.
    pub fn give(&mut self, now: Timestamp, request: usize, driver: usize, travel: &Travel) -> Job {
        let Request { wants, earliest, dropoff } = &self.requests[request];
        let end = self.end();
        let at_work = &mut self.drivers[driver];
        let way = at_work.place.distance(wants.pickup);
        let pickup = (now + travel.eta(way).drive).max(*earliest);
        (at_work.place, at_work.free_at) = (*dropoff, pickup + wants.trip);
        at_work.jobs.push_back(now);
        while at_work.jobs.front().is_some_and(|given| now.since(*given) > WORKLOAD) {
            at_work.jobs.pop_front();
        }
        self.waiting.retain(|&other| other != request);
        let loaded = at_work.who.on_duty_within(Window { from: pickup, until: at_work.free_at.min(end) });
        Job { request, driver, pickup, wait: pickup - *earliest, empty: travel.road(way), loaded }
    }

    /// Those that wait in the plan's words, with their indexes.
    pub fn waiting(&self) -> Vec<(usize, Waiting)> {
        self.waiting.iter().map(|&request| (request, self.requests[request].wants.clone())).collect()
    }

    /// The drivers in the plan's words, in their order.
    pub fn seen(&self) -> Vec<Seen> {
        self.drivers.iter().map(|driver| driver.seen(self.now)).collect()
    }

    /// What was asked of late.
    pub fn lately(&self) -> Lately {
        let asked = &self.requests[..self.asked];
        let recent: Vec<&Request> = asked.iter().rev().take_while(|r| self.now.since(r.wants.since) <= LATELY).collect();
        let trips = recent.iter().map(|r| r.wants.trip.as_secs_f64());
        let count = u32::try_from(recent.len()).unwrap_or(u32::MAX);
        let mean = trips.sum::<f64>() / f64::from(count.max(1));
        Lately { bookings: count, over: LATELY.min(self.now.since(self.start)), trip: Span::from_secs(1) * mean, vehicles: None }
    }
}

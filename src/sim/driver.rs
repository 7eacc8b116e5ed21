//! A vehicle and whoever drives it, as a machine: the time and what happened go in, what it reports comes out.

use super::rng::Rng;
use super::streets::{Leg, Node, Streets};
use crate::model::{Place, Span, Step, Timestamp};
use std::collections::VecDeque;

/// What a vehicle is told to do.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    /// The booking's id.
    pub booking: String,
    /// Where the load is.
    pub pickup: Place,
    /// Where it goes.
    pub dropoff: Place,
}

/// What happens to a vehicle.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// Time passes.
    Tick,
    /// It is given a job; being told twice makes no difference.
    Job(Job),
    /// A job is called off.
    Cancelled(String),
    /// The depot took a step.
    Acked(String, Step),
    /// The depot refused a step, with its reason.
    Rejected(String, Step, String),
}

/// What a vehicle reports.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    /// When.
    pub ts: Timestamp,
    /// Where.
    pub place: Place,
    /// What its speedometer shows, whatever the demo's speed.
    pub kmh: f64,
    /// Degrees clockwise from north.
    pub course: f64,
    /// Does the engine run?
    pub ignition: bool,
}

/// What a vehicle does that others see.
#[derive(Clone, PartialEq, Debug)]
pub enum Act {
    /// Reports its position.
    Fix(Report),
    /// Reports a step of a booking.
    Step(String, Step),
    /// Goes back to work, or on a break.
    Work(bool),
    /// Loses its line for so long; what it reports meanwhile comes later.
    LoseLine(Span),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Task {
    /// Stands and waits, for so many seconds more.
    Parked(f64),
    /// Drives about without a load or an order.
    Wandering,
    /// On a break for so many seconds more.
    Resting(f64),
    ToPickup,
    Loading(f64),
    ToDropoff,
    Unloading(f64),
}

/// How a driver goes about the day.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Simulated seconds in a second.
    pub speed: f64,
    /// Share of the waits that become a break.
    pub rests: f64,
    /// Share of the drives that lead through a dead spot.
    pub dead_spots: f64,
}

/// A parked vehicle reports this often.
const PARKED_EVERY: Span = Span::from_secs(15);

/// The machine.
pub struct Driver<'a> {
    streets: &'a Streets,
    habits: Habits,
    rng: Rng,
    pace: f64,
    place: Place,
    course: f64,
    kmh: f64,
    legs: VecDeque<Leg>,
    task: Task,
    jobs: VecDeque<Job>,
    acked: Option<Step>,
    last: Timestamp,
    next_fix: Timestamp,
}

impl<'a> Driver<'a> {
    /// A driver who waits at `stand` from `now` on; `rng` makes the day its own.
    pub fn new(streets: &'a Streets, habits: Habits, mut rng: Rng, stand: Node, now: Timestamp) -> Self {
        let wait = rng.between(5.0, 240.0);
        Self {
            streets,
            habits,
            pace: rng.between(0.85, 1.08),
            place: streets.place(stand),
            course: rng.between(0.0, 360.0),
            kmh: 0.0,
            legs: VecDeque::new(),
            task: Task::Parked(wait),
            jobs: VecDeque::new(),
            acked: None,
            last: now,
            next_fix: now,
            rng,
        }
    }

    /// The booking at hand.
    pub fn booking(&self) -> Option<&str> {
        self.jobs.front().map(|job| job.booking.as_str())
    }

    /// Where it is.
    pub fn place(&self) -> Place {
        self.place
    }

    /// How long between reports on the road: 4 s at the real pace, 1 s at four times that and beyond.
    pub fn report_every(speed: f64) -> Span {
        #[expect(clippy::cast_possible_truncation, reason = "within 1000 to 4000")]
        Span::from_millis((4_000.0 / speed.max(0.01)).clamp(1_000.0, 4_000.0) as i64)
    }

    /// Lives from the last call until `now`, then takes in what happened.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Vec<Act> {
        let mut acts = Vec::new();
        let seconds = now.since(self.last).as_secs_f64() * self.habits.speed;
        self.last = self.last.max(now);
        self.live(seconds, &mut acts);
        match input {
            Input::Tick => {}
            Input::Job(job) => self.take(job, &mut acts),
            Input::Cancelled(booking) => self.drop_job(&booking),
            Input::Acked(booking, step) => {
                if self.booking() == Some(&booking) {
                    self.acked = Some(step);
                }
            }
            Input::Rejected(booking, step, reason) => self.refused(&booking, step, &reason),
        }
        if now >= self.next_fix {
            let moving = self.kmh > 0.0;
            self.next_fix = now + if moving { Self::report_every(self.habits.speed) } else { PARKED_EVERY };
            let ignition = moving || self.booking().is_some();
            acts.push(Act::Fix(Report { ts: now, place: self.place, kmh: self.kmh, course: self.course, ignition }));
        }
        acts
    }

    fn take(&mut self, job: Job, acts: &mut Vec<Act>) {
        if self.jobs.iter().any(|known| known.booking == job.booking) {
            return;
        }
        self.jobs.push_back(job);
        if self.jobs.len() == 1 {
            if matches!(self.task, Task::Resting(_)) {
                acts.push(Act::Work(true));
            }
            self.start(acts);
        }
    }

    /// Sets out to the pickup of the first job, or waits when there is none.
    fn start(&mut self, acts: &mut Vec<Act>) {
        self.acked = None;
        match self.jobs.front().map(|job| job.pickup) {
            Some(pickup) => {
                self.task = Task::ToPickup;
                self.head_for(pickup, acts);
            }
            None => self.park(),
        }
    }

    fn park(&mut self) {
        (self.kmh, self.task) = (0.0, Task::Parked(self.rng.between(60.0, 420.0)));
        self.legs.clear();
    }

    fn drop_job(&mut self, booking: &str) {
        let Some(at) = self.jobs.iter().position(|job| job.booking == booking) else { return };
        self.jobs.remove(at);
        if at == 0 {
            // Not far: the next job, or a wait, starts with the coming tick.
            self.legs.clear();
            (self.kmh, self.task, self.acked) = (0.0, Task::Parked(0.0), None);
        }
    }

    /// A step that was taken before, or that came to the depot twice, is no reason to give a job up; all else is.
    fn refused(&mut self, booking: &str, step: Step, reason: &str) {
        let repeated = reason.contains(&format!("that is {}", step.as_str()));
        let earlier = self.acked.is_some_and(|acked| order(step) <= order(acked));
        if !repeated && !earlier {
            self.drop_job(booking);
        }
    }

    fn head_for(&mut self, goal: Place, acts: &mut Vec<Act>) {
        let ends = self.streets.nearest(self.place).zip(self.streets.nearest(goal));
        let route = ends.and_then(|(from, to)| Some((from, to, self.streets.route(from, to)?)));
        self.legs.clear();
        if let Some((from, to, route)) = route {
            self.legs.extend(off_road(self.place, self.streets.place(from)));
            self.legs.extend(route.legs.into_iter().map(|leg| Leg { kmh: leg.kmh * self.pace, ..leg }));
            self.legs.extend(off_road(self.streets.place(to), goal));
        } else {
            self.legs.extend(off_road(self.place, goal));
        }
        if self.rng.chance(self.habits.dead_spots) {
            #[expect(clippy::cast_possible_truncation, reason = "a few minutes")]
            let lost = (self.rng.between(60.0, 240.0) * 1000.0 / self.habits.speed) as i64;
            acts.push(Act::LoseLine(Span::from_millis(lost.max(3_000))));
        }
    }

    /// Spends `seconds` of simulated time.
    fn live(&mut self, mut seconds: f64, acts: &mut Vec<Act>) {
        // Each turn ends a task or the time, so a long absence is lived through, but not without end.
        for _ in 0..64 {
            if seconds <= 0.0 {
                return;
            }
            match self.task {
                Task::Wandering | Task::ToPickup | Task::ToDropoff => seconds = self.drive(seconds),
                Task::Parked(left) | Task::Resting(left) | Task::Loading(left) | Task::Unloading(left) if left > seconds => {
                    self.task = self.task.with(left - seconds);
                    return;
                }
                Task::Parked(left) | Task::Resting(left) | Task::Loading(left) | Task::Unloading(left) => seconds -= left,
            }
            if seconds >= 0.0 && self.legs.is_empty() {
                self.finish(acts);
            }
        }
    }

    /// Drives for at most `seconds`; what is left of them at the goal comes back, and 0 on the road.
    fn drive(&mut self, mut seconds: f64) -> f64 {
        while let Some(leg) = self.legs.front_mut() {
            let mps = leg.kmh / 3.6;
            (self.kmh, self.course) = (leg.kmh, bearing(self.place, leg.to).unwrap_or(self.course));
            let metres = mps * seconds;
            if metres < leg.metres {
                self.place = between(self.place, leg.to, metres / leg.metres);
                leg.metres -= metres;
                return 0.0;
            }
            seconds -= leg.metres / mps;
            self.place = leg.to;
            self.legs.pop_front();
        }
        self.kmh = 0.0;
        seconds
    }

    /// What follows when a task is done.
    fn finish(&mut self, acts: &mut Vec<Act>) {
        let tell = |job: Option<&Job>, step| job.map(|job| Act::Step(job.booking.clone(), step));
        match self.task {
            Task::Parked(_) if !self.jobs.is_empty() => self.start(acts),
            Task::Parked(_) => self.idle(acts),
            Task::Wandering => self.park(),
            Task::Resting(_) => {
                acts.push(Act::Work(true));
                self.park();
            }
            Task::ToPickup => {
                acts.extend(tell(self.jobs.front(), Step::Arrived));
                self.task = Task::Loading(self.rng.between(60.0, 200.0));
            }
            Task::Loading(_) => {
                acts.extend(tell(self.jobs.front(), Step::PickedUp));
                self.task = Task::ToDropoff;
                if let Some(goal) = self.jobs.front().map(|job| job.dropoff) {
                    self.head_for(goal, acts);
                }
            }
            Task::ToDropoff => self.task = Task::Unloading(self.rng.between(30.0, 120.0)),
            Task::Unloading(_) => {
                acts.extend(tell(self.jobs.pop_front().as_ref(), Step::Delivered));
                self.start(acts);
            }
        }
    }

    /// Nothing to do: a break, or off to where the next order may come from.
    fn idle(&mut self, acts: &mut Vec<Act>) {
        if self.rng.chance(self.habits.rests) {
            acts.push(Act::Work(false));
            self.task = Task::Resting(self.rng.between(600.0, 1_500.0));
        } else if self.rng.chance(0.5) {
            let towns = self.streets.towns();
            let near = |p: Place| p.distance(self.place).0 < 4_000.0;
            let near: Vec<_> = towns.iter().map(|town| town.place).filter(|place| near(*place)).collect();
            if near.is_empty() {
                return self.park();
            }
            let goal = near[self.rng.index(near.len())];
            self.task = Task::Wandering;
            self.head_for(goal, acts);
            // One waits on the road, not in the town's exact middle.
            self.legs.pop_back();
        } else {
            self.park();
        }
    }
}

impl Task {
    fn with(self, left: f64) -> Self {
        match self {
            Self::Parked(_) => Self::Parked(left),
            Self::Resting(_) => Self::Resting(left),
            Self::Loading(_) => Self::Loading(left),
            Self::Unloading(_) => Self::Unloading(left),
            driving => driving,
        }
    }
}

fn order(step: Step) -> u8 {
    match step {
        Step::Arrived => 1,
        Step::PickedUp => 2,
        Step::Delivered => 3,
        _ => 4,
    }
}

/// The last metres, at walking pace.
fn off_road(from: Place, to: Place) -> Option<Leg> {
    let metres = from.distance(to).0;
    (metres > 1.0).then_some(Leg { to, metres, kmh: 8.0 })
}

fn between(from: Place, to: Place, share: f64) -> Place {
    let mix = |a: f64, b: f64| a + (b - a) * share.clamp(0.0, 1.0);
    Place::new(mix(from.lat(), to.lat()), mix(from.lon(), to.lon())).unwrap_or(to)
}

fn bearing(from: Place, to: Place) -> Option<f64> {
    let (y, x) = (to.lat() - from.lat(), (to.lon() - from.lon()) * from.lat().to_radians().cos());
    (x != 0.0 || y != 0.0).then(|| x.atan2(y).to_degrees().rem_euclid(360.0))
}

#[cfg(test)]
#[path = "driver_tests.rs"]
mod tests;

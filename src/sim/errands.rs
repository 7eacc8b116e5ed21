//! Steps of jobs that a recorded cab is given: it cannot leave its recorded way, so it reports them when they could have been.

use super::driver::{Input, Job};
use crate::model::{Place, Span, Step, Timestamp};
use std::collections::VecDeque;

/// Metres a second through a city, detours included.
const CITY_MPS: f64 = 6.0;
/// Seconds to load, and to unload.
const DOCK_S: f64 = 90.0;

/// What is still to be reported, in the order of its time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Errands(VecDeque<(Timestamp, String, Step)>);

impl Errands {
    /// Takes in what the depot says, at a place and time; `speed` is simulated seconds in a second.
    pub fn hear(&mut self, now: Timestamp, here: Place, speed: f64, input: Input) {
        match input {
            Input::Job(job) if !self.0.iter().any(|(_, known, _)| *known == job.booking) => self.plan(now, here, speed, &job),
            Input::Cancelled(booking) | Input::Rejected(booking, ..) => self.0.retain(|(_, known, _)| *known != booking),
            Input::Job(_) | Input::Acked(..) | Input::Tick => {}
        }
    }

    fn plan(&mut self, now: Timestamp, here: Place, speed: f64, job: &Job) {
        let mut at = self.0.back().map_or(now, |(last, ..)| *last);
        let drives = [here.distance(job.pickup).0 / CITY_MPS, DOCK_S, job.pickup.distance(job.dropoff).0 / CITY_MPS + DOCK_S];
        for (seconds, step) in drives.into_iter().zip([Step::Arrived, Step::PickedUp, Step::Delivered]) {
            #[expect(clippy::cast_possible_truncation, reason = "a drive in milliseconds fits")]
            let wait = Span::from_millis((seconds * 1000.0 / speed) as i64);
            at = at + wait;
            self.0.push_back((at, job.booking.clone(), step));
        }
    }

    /// When the next step is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.0.front().map(|(at, ..)| *at)
    }

    /// The next step, when it is due.
    pub fn due(&mut self, now: Timestamp) -> Option<(String, Step)> {
        let is_due = self.next().is_some_and(|at| at <= now);
        if is_due { self.0.pop_front().map(|(_, booking, step)| (booking, step)) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_in_order_and_not_before_their_time() {
        let at = |lat| Place::new(lat, -122.0).unwrap();
        let job = Job { booking: "b".into(), pickup: at(37.01), dropoff: at(37.02) };
        let (mut errands, now) = (Errands::default(), Timestamp::from_secs(1_000));
        errands.hear(now, at(37.0), 60.0, Input::Job(job.clone()));
        errands.hear(now, at(37.0), 60.0, Input::Job(job));
        assert_eq!(errands.due(now), None);
        let later = now + Span::from_secs(60);
        let steps: Vec<_> = std::iter::from_fn(|| errands.due(later)).map(|(_, step)| step).collect();
        assert_eq!(steps, [Step::Arrived, Step::PickedUp, Step::Delivered]);
    }

    #[test]
    fn a_called_off_job_is_forgotten() {
        let here = Place::new(37.0, -122.0).unwrap();
        let mut errands = Errands::default();
        errands.hear(Timestamp::default(), here, 1.0, Input::Job(Job { booking: "b".into(), pickup: here, dropoff: here }));
        errands.hear(Timestamp::default(), here, 1.0, Input::Cancelled("b".into()));
        assert_eq!(errands.next(), None);
    }
}

//! What if: a day of bookings through the same [`plan`](crate::dispatch::plan), in virtual time.
//!
//! Nothing is sent and nothing waits: the [`world`] moves from round to round, a [`policy`] decides each, and [`figures`]
//! add up what came of it. The same requests, drivers and policy give the same day again, plan times apart.
//!
//! The model, so that figures compare: every way is driven as the policy's travel times say (great circle times a detour at
//! one speed), [`HANDOVER`] is spent at each drop-off, a request is lost when nobody can be at its pickup within
//! [`PATIENCE`] of its asking, and drivers start where some of the day's bookings begin. What a driver was given is driven;
//! what was only promised is decided again in the next round.

pub mod figures;
pub mod policy;
pub mod world;

pub use figures::Figures;
pub use policy::Policy;

use crate::clock::Clock;
use crate::model::{Place, Span, Timestamp};
use crate::sim::rng::Rng;
use figures::Tally;
use world::World;

/// How long a driver is busy at a drop-off.
pub const HANDOVER: Span = Span::from_secs(60);
/// How long somebody who asked waits for the pickup.
pub const PATIENCE: Span = Span::from_secs(600);

/// A booking that somebody asks for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Request {
    /// When.
    pub asked: Timestamp,
    /// Where the load is picked up.
    pub pickup: Place,
    /// Where it goes.
    pub dropoff: Place,
}

/// Where `drivers` drivers start: at the pickups of distinct requests drawn with the seed, of all again when there are more
/// drivers than requests.
pub fn starts(requests: &[Request], drivers: usize, seed: u64) -> Vec<Place> {
    let mut rng = Rng::new(seed, 0);
    let mut order: Vec<usize> = (0..requests.len()).collect();
    for at in 0..drivers.min(order.len()) {
        let other = at + rng.index(order.len() - at);
        order.swap(at, other);
    }
    order.iter().cycle().take(if requests.is_empty() { 0 } else { drivers }).map(|&at| requests[at].pickup).collect()
}

/// Runs the requests, which are in the order of their asking, through `policy`. `progress` is told how many are settled.
pub fn run(requests: &[Request], starts: &[Place], policy: &Policy, clock: &Clock, mut progress: impl FnMut(usize)) -> Figures {
    let Some(first) = requests.first() else { return Figures::default() };
    let mut world = World::new(requests, starts, first.asked);
    let mut tally = Tally::default();
    while let Some(now) = world.next_round(policy) {
        tally.lost += world.arrive(now);
        if !world.is_anybody_waiting() {
            continue;
        }
        let start = clock.monotonic();
        let given = policy.decide(now, &world);
        tally.plan(clock.monotonic().duration_since(start));
        for (request, driver) in given {
            tally.job(&world.give(now, request, driver, &policy.rules.travel));
        }
        progress(tally.settled());
    }
    tally.figures(starts.len(), world.span())
}

#[cfg(test)]
mod tests;

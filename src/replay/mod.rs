//! What if: a day of bookings through the same [`plan`](crate::dispatch::plan), in virtual time.
//!
//! Nothing is sent and nothing waits: the [`world`] moves from round to round, a [`policy`] decides each, and [`figures`]
//! add up what came of it. The same requests, drivers and policy give the same day again, plan times apart.
//!
//! The model, so that figures compare: every way is driven as the policy's travel times say (great circle times a detour at
//! one speed), [`HANDOVER`] is spent at each drop-off, a request is lost when nobody can be at its pickup within
//! [`PATIENCE`] of its asking, and drivers start where some of the day's bookings begin, or where they were, for a day that the
//! depot itself had ([`past`]). What a driver was given is driven, also when his duty ends meanwhile; what was only promised is
//! decided again in the next round.

pub mod ahead;
mod driver;
pub mod figures;
pub mod past;
pub mod policy;
pub mod world;

pub use driver::{Driver, Stint, drivers};
pub use figures::Figures;
pub use policy::Policy;

use crate::clock::Clock;
use crate::dispatch;
use crate::dispatch::plan::Waiting;
use crate::eta::Travel;
use crate::model::{Booking, BookingId, Place, Span, Timestamp};
use figures::Tally;
use world::{Job, World};

/// How long a driver is busy at a drop-off.
pub const HANDOVER: Span = Span::from_secs(60);
/// How long somebody who asked waits for the pickup.
pub const PATIENCE: Span = Span::from_secs(600);

/// A booking that somebody asks for.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// What is wanted, in the plan's words: it is asked for at its `since`, and lost when nobody can be there until its `latest`.
    pub wants: Waiting,
    /// A vehicle that is there earlier waits.
    pub earliest: Timestamp,
    /// Where it goes.
    pub dropoff: Place,
}

impl Request {
    /// Number `number` of the day, by the model: asked for at `asked`, wanted at once, and any vehicle will do.
    pub fn at_once(number: usize, asked: Timestamp, pickup: Place, dropoff: Place, travel: &Travel) -> Self {
        let trip = travel.eta(pickup.distance(dropoff)).drive + HANDOVER;
        let wants = Waiting { trip, latest: Some(asked + PATIENCE), ..Waiting::new(id(number), pickup, asked) };
        Self { wants, earliest: asked, dropoff }
    }

    /// A booking of the depot. One for later is asked for `lead` before its pickup, and served within its window.
    pub fn of(booking: &Booking, lead: Span) -> Self {
        let order = &booking.order;
        let earliest = order.pickup_at.unwrap_or(booking.created_at).max(booking.created_at);
        let asked = booking.created_at.max(earliest - lead);
        let latest = order.pickup_until.unwrap_or(earliest).max(earliest + PATIENCE);
        let wants = dispatch::wants(booking);
        let wants = Waiting { since: asked, latest: Some(latest), trip: wants.trip + HANDOVER, ..wants };
        Self { wants, earliest, dropoff: order.dropoff.place }
    }
}

/// An id that orders as the numbers do.
fn id(number: usize) -> BookingId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&(number as u64).to_be_bytes());
    BookingId::generate(Timestamp::default(), random)
}

/// What came of a day.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Day {
    /// In sum.
    pub figures: Figures,
    /// The jobs, in the order in which they were given.
    pub jobs: Vec<Job>,
    /// Indexes of the requests that nobody could serve in time.
    pub lost: Vec<usize>,
}

/// Runs the requests, which are in the order of their asking, through `policy`. `progress` is told how many are settled.
pub fn run(requests: &[Request], drivers: &[Driver], policy: &Policy, clock: &Clock, mut progress: impl FnMut(usize)) -> Day {
    let Some(first) = requests.first() else { return Day::default() };
    let mut world = World::new(requests, drivers, first.wants.since);
    let (mut tally, mut day) = (Tally::default(), Day::default());
    while let Some(now) = world.next_round(policy) {
        day.lost.extend(world.arrive(now));
        tally.lost = day.lost.len();
        if !world.is_anybody_waiting() {
            continue;
        }
        let start = clock.monotonic();
        let given = policy.decide(now, &world);
        tally.plan(clock.monotonic().duration_since(start));
        for (request, driver) in given {
            let job = world.give(now, request, driver, &policy.rules.travel);
            tally.job(&job);
            day.jobs.push(job);
        }
        progress(tally.settled());
    }
    day.figures = tally.figures(world.on_duty());
    day
}

#[cfg(test)]
mod tests;

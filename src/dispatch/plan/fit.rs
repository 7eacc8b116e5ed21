//! Which vehicle may take which booking, and if not, why.

use super::nearest::{Found, Spot, chord2, metres};
use super::{Outcome, Rules, Seen, Waiting};
use crate::model::{Availability, Metres, Overload, Place, Span, Timestamp, VehicleId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a vehicle was not considered for a booking. The first that applies, in this order, is the one that is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nobody is on duty with it.
    OffDuty,
    /// It has a job.
    Busy,
    /// Its driver has worked as long as he may.
    Hours,
    /// Its driver is on a break.
    Break,
    /// Its driver is being asked whether to take another booking.
    Asked,
    /// Its driver did not answer of late.
    Unanswered,
    /// It is not connected.
    Offline,
    /// Nobody knows where it is now.
    NoRecentFix,
    /// It is of another class than the booking asks for.
    Class,
    /// The load is too heavy or too large for it.
    Capacity,
    /// It lacks a skill.
    Skills,
    /// Its driver does not want this booking.
    Declined,
    /// It is beyond the radius.
    TooFar,
    /// It cannot be at the pickup in time.
    TooLate,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 14] = [
        Self::OffDuty,
        Self::Busy,
        Self::Hours,
        Self::Break,
        Self::Asked,
        Self::Unanswered,
        Self::Offline,
        Self::NoRecentFix,
        Self::Class,
        Self::Capacity,
        Self::Skills,
        Self::Declined,
        Self::TooFar,
        Self::TooLate,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OffDuty => "off_duty",
            Self::Busy => "busy",
            Self::Hours => "hours",
            Self::Break => "break",
            Self::Asked => "asked",
            Self::Unanswered => "unanswered",
            Self::Offline => "offline",
            Self::NoRecentFix => "no_recent_fix",
            Self::Class => "class",
            Self::Capacity => "capacity",
            Self::Skills => "skills",
            Self::Declined => "declined",
            Self::TooFar => "too_far",
            Self::TooLate => "too_late",
        }
    }
}

/// A vehicle that can be had.
#[derive(Clone, Copy, Debug)]
pub struct Able<'a> {
    /// As it was seen.
    pub seen: &'a Seen,
    /// Where it starts from.
    pub place: Place,
    /// How long until it can; zero: now.
    pub until: Span,
}

/// Can any booking have this vehicle, now or soon? If not, why.
pub fn able<'a>(now: Timestamp, seen: &'a Seen, rules: &Rules) -> Result<Able<'a>, Reason> {
    match (hindrances(now, seen, rules).next(), start(now, seen, rules)) {
        (Some(reason), _) => Err(reason),
        (None, None) => Err(Reason::NoRecentFix),
        (None, Some((place, until))) => Ok(Able { seen, place, until }),
    }
}

/// Everything that keeps this vehicle from any booking.
fn hindrances(now: Timestamp, seen: &Seen, rules: &Rules) -> impl Iterator<Item = Reason> {
    let is_busy = matches!(seen.availability, Availability::EnRoute | Availability::Loading) && soon(now, seen, rules).is_none();
    let is_known = seen.place.is_some() && seen.fix_ts.is_some_and(|ts| now.since(ts) <= rules.fix_max_age);
    let when = |is: bool, reason| is.then_some(reason);
    let all = [
        when(seen.availability == Availability::OffDuty, Reason::OffDuty),
        when(is_busy, Reason::Busy),
        seen.barred,
        when(!seen.online, Reason::Offline),
        when(!is_known, Reason::NoRecentFix),
    ];
    all.into_iter().flatten()
}

/// Where and in how long a vehicle that has a job will be free, if that is soon enough.
fn soon(now: Timestamp, seen: &Seen, rules: &Rules) -> Option<(Place, Span)> {
    // What should have ended already will end any moment, and not before the vehicle says so.
    let soon = seen.soon.map(|soon| (soon.place, Span::from_millis(soon.at.since(now).as_millis().max(1))));
    soon.filter(|(_, until)| *until <= rules.look_ahead)
}

/// Where a vehicle starts from, and in how long.
fn start(now: Timestamp, seen: &Seen, rules: &Rules) -> Option<(Place, Span)> {
    let here = seen.place.map(|place| (place, Span::default()));
    match seen.availability {
        Availability::Free | Availability::Paused => here,
        _ => soon(now, seen, rules).or(here),
    }
}

/// Why this booking may not have this vehicle, wherever both are. A vehicle without a stated capacity carries anything.
pub fn demand(waiting: &Waiting, seen: &Seen) -> Option<Reason> {
    demands(waiting, seen).next()
}

fn demands(waiting: &Waiting, seen: &Seen) -> impl Iterator<Item = Reason> {
    let is_other = waiting.class.as_deref().is_some_and(|class| *class != *seen.class);
    let is_small = seen.capacity.overload(&waiting.load).is_some();
    let lacks = !waiting.skills.iter().all(|skill| seen.skills.contains(skill));
    [(is_other, Reason::Class), (is_small, Reason::Capacity), (lacks, Reason::Skills)].into_iter().filter_map(|(is, r)| is.then_some(r))
}

/// How much of the vehicle is wasted on this booking: the share of its capacity that stays empty (of weight, volume and pieces,
/// where both are known, the one that fills it most), and a quarter for each skill that is not asked for, four at most.
pub fn excess(waiting: &Waiting, seen: &Seen) -> f64 {
    let (load, most) = (&waiting.load, &seen.capacity);
    let shares = [
        load.kg.zip(most.kg).map(|(load, most)| (f64::from(load), f64::from(most))),
        load.m3.zip(most.m3),
        load.pieces.zip(most.pieces).map(|(load, most)| (f64::from(load), f64::from(most))),
    ];
    let empty = shares.into_iter().flatten().filter(|(_, most)| *most > 0.0).map(|(load, most)| (1.0 - load / most).max(0.0));
    let empty = empty.reduce(f64::min).unwrap_or(0.0);
    let idle = seen.skills.iter().filter(|skill| !waiting.skills.contains(skill)).take(4);
    idle.fold(empty, |sum, _| sum + 0.25)
}

/// A vehicle that was not considered for a booking.
#[derive(Clone, PartialEq, Debug)]
pub struct Excluded {
    /// Which one.
    pub vehicle: VehicleId,
    /// Its index among the vehicles surveyed.
    pub index: usize,
    /// Why.
    pub reason: Reason,
    /// How far it is from the pickup; `None` when nobody knows where it is.
    pub distance: Option<Metres>,
    /// When its last fix was taken.
    pub fix_ts: Option<Timestamp>,
    /// What of the load is more than it carries.
    pub overload: Option<Overload>,
}

/// All that were not considered for one booking.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Exclusions {
    /// The nearest ones, nearest first, those of unknown place last.
    pub nearest: Vec<Excluded>,
    /// How many there are for each reason.
    pub totals: BTreeMap<Reason, u32>,
}

/// What keeps a booking from a vehicle: were all of it otherwise, that vehicle could be sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Blocked {
    /// The vehicle that lacks least.
    pub vehicle: VehicleId,
    /// What it lacks.
    pub reasons: Vec<Reason>,
}

/// Why nobody gets a booking and nobody is promised it: were that otherwise, it could be had.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Left<'a> {
    /// Other bookings got all that could.
    Outbid,
    /// Vehicles are scarce, and of those that could none is near enough.
    Scarce,
    /// This keeps it from the vehicle that lacks least.
    Blocked(&'a Blocked),
    /// There is no vehicle.
    NoVehicles,
}

impl Outcome {
    /// Why nobody gets it; `None`: somebody does, or will. `blocked` is what [`Survey::blocked`] says of it.
    pub fn left<'a>(&self, blocked: Option<&'a Blocked>) -> Option<Left<'a>> {
        if self.vehicle.is_some() || self.promised.is_some() {
            return None;
        }
        Some(match self.candidates.first() {
            Some(cheapest) if cheapest.cost <= self.worth => Left::Outbid,
            Some(_) => Left::Scarce,
            None => blocked.map_or(Left::NoVehicles, Left::Blocked),
        })
    }
}

/// Where a vehicle is or will be free, in how long, and why no booking may have it.
struct Stand {
    spot: Option<Spot>,
    until: Span,
    reason: Option<Reason>,
}

/// The vehicles of a round, ready to be asked why each of them is not for a booking.
pub struct Survey<'a> {
    seen: &'a [Seen],
    now: Timestamp,
    rules: &'a Rules,
    stands: Vec<Stand>,
}

impl<'a> Survey<'a> {
    /// Looks at all vehicles once.
    pub fn new(now: Timestamp, seen: &'a [Seen], rules: &'a Rules) -> Self {
        let stand = |s: &Seen| match able(now, s, rules) {
            Ok(able) => Stand { spot: Some(Spot::of(able.place)), until: able.until, reason: None },
            Err(reason) => Stand { spot: s.place.map(Spot::of), until: Span::default(), reason: Some(reason) },
        };
        Self { seen, now, rules, stands: seen.iter().map(stand).collect() }
    }

    /// The vehicles surveyed.
    pub fn seen(&self) -> &'a [Seen] {
        self.seen
    }

    fn is_late(&self, waiting: &Waiting, index: usize, off: f64) -> bool {
        let road = waiting.roads.iter().find(|road| road.vehicle == self.seen[index].id);
        let drive = road.map_or_else(|| self.rules.travel.micros(metres(off)), |road| road.drive.as_micros());
        let needs = self.stands[index].until.as_micros().saturating_add(drive);
        waiting.latest.is_some_and(|latest| needs > (latest - self.now).as_micros())
    }

    /// Why this booking may not have the vehicle at `index`, the vehicle's own reasons apart.
    fn against(&self, waiting: &Waiting, index: usize, off: Option<f64>) -> impl Iterator<Item = Reason> {
        let vehicle = &self.seen[index];
        let reach2 = chord2(self.rules.reach(waiting.since, self.now));
        let declined = waiting.declined.contains(&vehicle.id).then_some(Reason::Declined);
        let far = off.is_some_and(|off| off > reach2).then_some(Reason::TooFar);
        let late = off.is_some_and(|off| self.is_late(waiting, index, off)).then_some(Reason::TooLate);
        demands(waiting, vehicle).chain([declined, far, late].into_iter().flatten())
    }

    /// The vehicle that comes nearest to being one for this booking, and all that keeps it from that: the fewest reasons, then
    /// the shortest way. `None`: there is no vehicle, or one that nothing keeps from it.
    pub fn blocked(&self, waiting: &Waiting) -> Option<Blocked> {
        let from = Spot::of(waiting.pickup);
        let all = self.seen.iter().zip(&self.stands).enumerate().map(|(index, (vehicle, stand))| {
            let off = stand.spot.map(|spot| from.chord2(spot));
            let own = hindrances(self.now, vehicle, self.rules);
            (own.chain(self.against(waiting, index, off)).collect::<Vec<_>>(), off.unwrap_or(f64::INFINITY), &vehicle.id)
        });
        let least = all.min_by(|a, b| a.0.len().cmp(&b.0.len()).then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2)))?;
        (!least.0.is_empty()).then(|| Blocked { vehicle: least.2.clone(), reasons: least.0 })
    }

    /// Why each vehicle that may not have the booking may not; at most `limit` of them in detail.
    pub fn exclusions(&self, waiting: &Waiting, limit: usize) -> Exclusions {
        let from = Spot::of(waiting.pickup);
        let mut totals = BTreeMap::new();
        let mut all = Vec::new();
        for (index, stand) in self.stands.iter().enumerate() {
            let off = stand.spot.map(|spot| from.chord2(spot));
            let Some(reason) = stand.reason.or_else(|| self.against(waiting, index, off).next()) else { continue };
            *totals.entry(reason).or_insert(0) += 1;
            all.push((Found { chord2: off.unwrap_or(f64::INFINITY), index }, reason));
        }
        let order = |a: &(Found, Reason), b: &(Found, Reason)| {
            a.0.chord2.total_cmp(&b.0.chord2).then_with(|| self.seen[a.0.index].id.cmp(&self.seen[b.0.index].id))
        };
        if all.len() > limit && limit > 0 {
            all.select_nth_unstable_by(limit - 1, order);
        }
        all.truncate(limit);
        all.sort_unstable_by(order);
        let detail = |(found, reason): (Found, Reason)| {
            let vehicle = &self.seen[found.index];
            let distance = vehicle.place.map(|_| metres(found.chord2));
            let overload = vehicle.capacity.overload(&waiting.load);
            Excluded { vehicle: vehicle.id.clone(), index: found.index, reason, distance, fix_ts: vehicle.fix_ts, overload }
        };
        Exclusions { nearest: all.into_iter().map(detail).collect(), totals }
    }
}

//! Which vehicle may take which booking, and if not, why.

use super::nearest::{Found, Spot, chord2, metres};
use super::{Rules, Seen, Waiting};
use crate::model::{Availability, Metres, Place, Span, Timestamp, VehicleId};
use std::collections::BTreeMap;

/// Why a vehicle was not considered for a booking. The first that applies, in this order, is the one that is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// Nobody is on duty with it.
    OffDuty,
    /// It has a job.
    Busy,
    /// It is not connected.
    Offline,
    /// Nobody knows where it is now.
    NoRecentFix,
    /// It is of another class than the booking asks for.
    Class,
    /// The load is too heavy for it.
    Capacity,
    /// It lacks a skill.
    Skills,
    /// It is beyond the radius.
    TooFar,
    /// It cannot be at the pickup in time.
    TooLate,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::OffDuty,
        Self::Busy,
        Self::Offline,
        Self::NoRecentFix,
        Self::Class,
        Self::Capacity,
        Self::Skills,
        Self::TooFar,
        Self::TooLate,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OffDuty => "off_duty",
            Self::Busy => "busy",
            Self::Offline => "offline",
            Self::NoRecentFix => "no_recent_fix",
            Self::Class => "class",
            Self::Capacity => "capacity",
            Self::Skills => "skills",
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
    if seen.availability == Availability::OffDuty {
        return Err(Reason::OffDuty);
    }
    // What should have ended already will end any moment, and not before the vehicle says so.
    let soon = seen.soon.map(|soon| (soon.place, Span::from_millis(soon.at.since(now).as_millis().max(1))));
    let soon = soon.filter(|(_, until)| *until <= rules.look_ahead);
    if seen.availability != Availability::Free && soon.is_none() {
        return Err(Reason::Busy);
    }
    if !seen.online {
        return Err(Reason::Offline);
    }
    let known = seen.place.filter(|_| seen.fix_ts.is_some_and(|ts| now.since(ts) <= rules.fix_max_age)).ok_or(Reason::NoRecentFix)?;
    let (place, until) =
        if seen.availability == Availability::Free { (known, Span::default()) } else { soon.unwrap_or((known, Span::default())) };
    Ok(Able { seen, place, until })
}

/// Why this booking may not have this vehicle, wherever both are. A vehicle without a stated capacity carries anything.
pub fn demand(waiting: &Waiting, seen: &Seen) -> Option<Reason> {
    if waiting.class.as_deref().is_some_and(|class| *class != *seen.class) {
        Some(Reason::Class)
    } else if waiting.load_kg.zip(seen.capacity_kg).is_some_and(|(load, capacity)| load > capacity) {
        Some(Reason::Capacity)
    } else if !waiting.skills.iter().all(|skill| seen.skills.contains(skill)) {
        Some(Reason::Skills)
    } else {
        None
    }
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
}

/// All that were not considered for one booking.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Exclusions {
    /// The nearest ones, nearest first, those of unknown place last.
    pub nearest: Vec<Excluded>,
    /// How many there are for each reason.
    pub totals: BTreeMap<Reason, u32>,
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
    reach2: f64,
}

impl<'a> Survey<'a> {
    /// Looks at all vehicles once.
    pub fn new(now: Timestamp, seen: &'a [Seen], rules: &'a Rules) -> Self {
        let stand = |s: &Seen| match able(now, s, rules) {
            Ok(able) => Stand { spot: Some(Spot::of(able.place)), until: able.until, reason: None },
            Err(reason) => Stand { spot: s.place.map(Spot::of), until: Span::default(), reason: Some(reason) },
        };
        Self { seen, now, rules, stands: seen.iter().map(stand).collect(), reach2: chord2(rules.max_radius) }
    }

    /// The vehicles surveyed.
    pub fn seen(&self) -> &'a [Seen] {
        self.seen
    }

    fn is_late(&self, waiting: &Waiting, stand: &Stand, off: f64) -> bool {
        let needs = stand.until.as_micros().saturating_add(self.rules.travel.micros(metres(off)));
        waiting.latest.is_some_and(|latest| needs > (latest - self.now).as_micros())
    }

    /// Why each vehicle that may not have the booking may not; at most `limit` of them in detail.
    pub fn exclusions(&self, waiting: &Waiting, limit: usize) -> Exclusions {
        let from = Spot::of(waiting.pickup);
        let mut totals = BTreeMap::new();
        let mut all = Vec::new();
        for (index, (vehicle, stand)) in self.seen.iter().zip(&self.stands).enumerate() {
            let off = stand.spot.map(|spot| from.chord2(spot));
            let far = || off.is_some_and(|off| off > self.reach2).then_some(Reason::TooFar);
            let late = || off.is_some_and(|off| self.is_late(waiting, stand, off)).then_some(Reason::TooLate);
            let Some(reason) = stand.reason.or_else(|| demand(waiting, vehicle)).or_else(far).or_else(late) else { continue };
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
            Excluded { vehicle: vehicle.id.clone(), index: found.index, reason, distance, fix_ts: vehicle.fix_ts }
        };
        Exclusions { nearest: all.into_iter().map(detail).collect(), totals }
    }
}

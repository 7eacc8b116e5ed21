//! How fast the fleet really is, learned from the tracks of jobs done: by vehicle class and hour of the day.
//!
//! What is learned is the speed at which great circles pass, whole drives at once: from where a vehicle set out to where it
//! arrived, over the time between. A drive cut in pieces would look too fast, for the pieces of a way with corners are
//! longer together than its great circle. Time that it stood parked is taken off; what jumps, wanders or has holes is no
//! drive. Estimates are shrunk (empirical Bayes; Efron and Morris, 1975): an hour of the day counts against its class, a
//! class against the configured speed, each as if an hour had been driven at that. So a few odd drives change little.

use crate::model::{Fix, Flag, Metres, Place, Span, Timestamp};
use std::collections::BTreeMap;

/// The name of this source on the wire.
pub const SOURCE: &str = "learned";

/// A belief weighs as much as so many seconds of driving.
const BELIEF_S: f64 = 3_600.0;
/// No more seconds of driving are remembered for a class and hour; older ones fade.
const MEMORY_S: f64 = 20.0 * 3_600.0;
/// A drive weighs no more seconds than this, however long it was.
const DRIVE_S: f64 = 1_800.0;
/// No drive counts as more than so many times as fast or as slow as the configured speed.
const ODD: f64 = 4.0;
/// Classes at most; what others do is not learned.
const CLASSES: usize = 64;

/// A vehicle has arrived when it is this near.
pub const ARRIVED: Metres = Metres(150.0);
/// A vehicle that stays within this …
const SPOT_M: f64 = 50.0;
/// … for so long is parked: longer than a red light.
const PARKED: Span = Span::from_secs(120);
/// A hole in a track that may hide anything.
const HOLE: Span = Span::from_secs(300);
/// Nothing on wheels is faster, in metres per second: such a fix is a jump.
const FASTEST: f64 = 60.0;
/// A drive as the crow flies has so many metres at least, and takes so long.
const LEAST: (f64, Span) = (500.0, Span::from_secs(60));
/// Who goes so many times as far as the crow flies has been elsewhere.
const WANDERING: f64 = 4.0;

/// A drive that a vehicle made.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Drive {
    /// When it began.
    pub at: Timestamp,
    /// How far it was as the crow flies.
    pub straight: Metres,
    /// How long it took, parking taken off.
    pub took: Span,
}

/// A part of a job: when it was driven, and where it led, halt by halt.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// It began then …
    pub from: Timestamp,
    /// … and was over then.
    pub until: Timestamp,
    /// The halts.
    pub halts: Vec<Place>,
}

/// The fixes of a track, in order of time, that can be believed.
fn sound(track: &[Fix]) -> Vec<&Fix> {
    let mut kept: Vec<&Fix> = Vec::with_capacity(track.len());
    for fix in track {
        let odd = [Flag::Future, Flag::Old, Flag::Jump].into_iter().any(|flag| fix.flags.has(flag));
        let jumps = kept.last().is_some_and(|last| {
            let apart = last.place.distance(fix.place).0;
            apart > SPOT_M && apart > FASTEST * fix.ts.since(last.ts).as_secs_f64()
        });
        if !odd && !jumps {
            kept.push(fix);
        }
    }
    kept
}

/// How many of the halts, in their order, the track came near.
pub fn passed(track: &[Fix], halts: &[Place]) -> usize {
    let mut passed = 0;
    for fix in sound(track) {
        while halts.get(passed).is_some_and(|halt| fix.place.distance(*halt) <= ARRIVED) {
            passed += 1;
        }
    }
    passed
}

/// The drives of a job, out of the track of its vehicle (in order of time).
pub fn drives(track: &[Fix], parts: &[Part]) -> Vec<Drive> {
    let track = sound(track);
    let mut drives = Vec::new();
    for part in parts {
        let mut rest: &[&Fix] = &track;
        rest = &rest[rest.partition_point(|f| f.ts < part.from)..];
        rest = &rest[..rest.partition_point(|f| f.ts <= part.until)];
        for halt in &part.halts {
            let Some(arrival) = rest.iter().position(|f| f.place.distance(*halt) <= ARRIVED) else { break };
            drives.extend(drive(&rest[..=arrival]));
            rest = &rest[arrival..];
        }
    }
    drives
}

/// The one drive that these fixes are, if they are one.
fn drive(fixes: &[&Fix]) -> Option<Drive> {
    let (first, last) = (fixes.first()?, fixes.last()?);
    let (mut anchor, mut before) = (first, first);
    let (mut parked, mut path) = (Span::default(), 0.0);
    for fix in fixes {
        if fix.ts.since(before.ts) > HOLE {
            return None;
        }
        path += before.place.distance(fix.place).0;
        if anchor.place.distance(fix.place).0 > SPOT_M {
            // It stood until the fix before this one.
            let stood = before.ts.since(anchor.ts);
            if stood >= PARKED {
                parked = parked + stood;
            }
            anchor = fix;
        }
        before = fix;
    }
    let stood = last.ts.since(anchor.ts);
    let parked = if stood >= PARKED { parked + stood } else { parked };
    let (straight, took) = (first.place.distance(last.place), last.ts.since(first.ts) - parked);
    let real = straight.0 >= LEAST.0 && took >= LEAST.1 && path <= WANDERING * straight.0;
    real.then_some(Drive { at: first.ts, straight, took })
}

/// What was driven by a class in an hour of the day, fading.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Slot {
    /// Metres as the crow flies.
    pub straight_m: f64,
    /// Seconds.
    pub driven_s: f64,
}

impl Slot {
    fn add(&mut self, other: Self) {
        self.straight_m += other.straight_m;
        self.driven_s += other.driven_s;
    }

    /// The speed, when `belief` is what one would think without it.
    fn shrunk(self, belief: f64) -> f64 {
        (belief * BELIEF_S + self.straight_m) / (BELIEF_S + self.driven_s)
    }
}

/// The class and the hour of the day (0 to 23, depot time) of a slot.
pub type SlotKey = (String, u8);

/// What is known about the fleet's speeds.
#[derive(Clone, PartialEq, Debug)]
pub struct Speeds {
    configured: f64,
    slots: BTreeMap<SlotKey, Slot>,
}

impl Speeds {
    /// Knows nothing yet but the configured speed of great circles, in metres per second.
    pub fn new(configured: f64) -> Self {
        Self { configured, slots: BTreeMap::new() }
    }

    /// Another speed is configured.
    pub fn believe(&mut self, configured: f64) {
        self.configured = configured;
    }

    /// Takes back what was kept.
    pub fn restore(&mut self, slots: impl IntoIterator<Item = (SlotKey, Slot)>) {
        let sound =
            |slot: &Slot| slot.driven_s.is_finite() && slot.straight_m.is_finite() && slot.driven_s >= 0.0 && slot.straight_m >= 0.0;
        self.slots.extend(slots.into_iter().filter(|((_, hour), slot)| *hour < 24 && sound(slot)));
    }

    /// Learns a drive of a vehicle of `class` that began at this hour; gives what to keep. `None`: there are too many classes.
    pub fn learn(&mut self, class: &str, hour: u8, drive: &Drive) -> Option<Slot> {
        let is_new = self.slots_of(class).next().is_none();
        if is_new && self.classes() >= CLASSES {
            return None;
        }
        let took = drive.took.as_secs_f64().max(1.0);
        let speed = (drive.straight.0 / took).clamp(self.configured / ODD, self.configured * ODD);
        let weight = took.min(DRIVE_S);
        let slot = self.slots.entry((class.to_owned(), hour)).or_default();
        slot.add(Slot { straight_m: speed * weight, driven_s: weight });
        let fade = (MEMORY_S / slot.driven_s).min(1.0);
        *slot = Slot { straight_m: slot.straight_m * fade, driven_s: slot.driven_s * fade };
        Some(*slot)
    }

    /// How fast great circles pass for `class` (`None`: the whole fleet) at this hour, in metres per second, once at least as
    /// much was driven as a belief weighs.
    pub fn speed(&self, class: Option<&str>, hour: u8) -> Option<f64> {
        let (mut all, mut then) = (Slot::default(), Slot::default());
        let mut add = |at: u8, slot: &Slot| {
            all.add(*slot);
            if at == hour {
                then.add(*slot);
            }
        };
        match class {
            Some(class) => self.slots_of(class).for_each(|(key, slot)| add(key.1, slot)),
            None => self.slots.iter().for_each(|(key, slot)| add(key.1, slot)),
        }
        (all.driven_s >= BELIEF_S).then(|| then.shrunk(all.shrunk(self.configured)))
    }

    /// Seconds of driving that are remembered, and the classes that drove them.
    pub fn known(&self) -> (f64, usize) {
        (self.slots.values().map(|slot| slot.driven_s).sum(), self.classes())
    }

    fn slots_of(&self, class: &str) -> impl Iterator<Item = (&SlotKey, &Slot)> {
        self.slots.range((class.to_owned(), 0)..=(class.to_owned(), u8::MAX))
    }

    fn classes(&self) -> usize {
        let mut classes: Vec<&str> = self.slots.keys().map(|(class, _)| class.as_str()).collect();
        classes.dedup();
        classes.len()
    }
}

#[cfg(test)]
mod tests;

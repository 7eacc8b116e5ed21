//! How prices follow demand: a factor for each H3 cell and moment, within the bounds that [`SurgeRules`] set. Pure.
//!
//! 1. What is seen ([`Observed`]) is smoothed over time, each count coming nearer to what is seen with a time constant of three minutes.
//! 2. A cell's demand is the requests that wait there and a third of those expected in the next quarter of an hour (who come within
//!    five minutes); what is in the two rings around it counts half and a quarter. In the same way its supply is the free vehicles.
//!    Both have three more added, so that few requests far from anything are no peak.
//! 3. Demand over supply is a factor, and so many steps from 1: the cell's wish.
//! 4. Wishes are made even: neighbours differ by one step at most, half of a peak is cut, half is spread out (`even.rs`).
//! 5. What comes of it stays as it was while it is off by less than half a step, so that small swings do not make it flap, and is
//!    rounded to whole steps: the targets.
//! 6. All cells go one step towards their targets together. Cells that nobody speaks of are at 1.
//!
//! 2 to 6 happen once in a minute at most. So the factor is never out of its bounds, no cell changes by more than a step within a
//! minute, and neighbours are a step apart at most, whatever is seen and however often. Only other rules ([`Surge::under`]) change it
//! faster, for bounds hold at once.

mod even;
mod observed;
mod rules;
mod words;

pub use observed::{Observed, RESOLUTION, cell_of};
pub use rules::SurgeRules;

use crate::model::{Span, Timestamp};
use even::{Heights, STEP, evened, height, moved, rounded, steadied};
use h3o::CellIndex;
use observed::{Counts, own};
use rules::ONE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Factors change once in so long at most.
const MINUTE: Span = Span::from_secs(60);
/// The time constant with which what is seen is smoothed.
const SMOOTHING: Span = Span::from_secs(180);
/// So many requests and vehicles are added to those there are.
const PRIOR: f64 = 3.0;
/// Of the requests that are expected within a quarter of an hour so much counts now.
const SOON: f64 = 1.0 / 3.0;

/// Demand's factor in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factor {
    /// In thousandths: 1500 is 1.5.
    pub per_mille: u32,
    /// Why, like `9 requests, 4 vans here; cap 1.5`.
    pub reason: String,
}

/// Factors to go on from, after a restart or under other rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When they were last made.
    pub made_at: Option<Timestamp>,
    /// The factor in thousandths by H3 cell, where it is not 1.
    pub cells: BTreeMap<String, u32>,
}

/// The factors for one class of vehicles, as they are now.
#[derive(Clone, Debug)]
pub struct Surge {
    rules: SurgeRules,
    class: Option<String>,
    seen: Observed,
    smoothed: Observed,
    wishes: Heights,
    steady: Heights,
    levels: Heights,
    updated_at: Option<Timestamp>,
    made_at: Option<Timestamp>,
}

impl Surge {
    /// All factors are 1. `class` is what the vehicles are called in reasons; `None`: vehicles.
    pub fn new(rules: SurgeRules, class: Option<&str>) -> Self {
        Self {
            rules,
            class: class.map(str::to_owned),
            seen: Observed::default(),
            smoothed: Observed::default(),
            wishes: Heights::new(),
            steady: Heights::new(),
            levels: Heights::new(),
            updated_at: None,
            made_at: None,
        }
    }

    /// Goes on from `snapshot`: with its factors, as far as the rules let them be. What is no cell in it is left out.
    pub fn resumed(rules: SurgeRules, class: Option<&str>, snapshot: &Snapshot) -> Self {
        let height = |cell: &str, per_mille| Some((own(cell.parse().ok()?), rules.level(per_mille) * STEP));
        let cells = snapshot.cells.iter().filter_map(|(cell, per_mille)| height(cell, *per_mille)).filter(|(_, height)| *height != 0);
        let steady = if rules.on { evened(&cells.collect()) } else { Heights::new() };
        let (wishes, levels) = (steady.clone(), rounded(&steady));
        Self { wishes, steady, levels, made_at: snapshot.made_at, ..Self::new(rules, class) }
    }

    /// The same under other rules: at once within their bounds, else as near to what it was as their steps are.
    pub fn under(self, rules: SurgeRules) -> Self {
        if rules == self.rules {
            return self;
        }
        let Self { seen, smoothed, updated_at, .. } = &self;
        let next = Self::resumed(rules, self.class.as_deref(), &self.snapshot());
        Self { seen: seen.clone(), smoothed: smoothed.clone(), updated_at: *updated_at, ..next }
    }

    /// What to keep, to go on from later.
    pub fn snapshot(&self) -> Snapshot {
        let cells = self.levels.iter().map(|(cell, level)| (cell.to_string(), self.rules.factor(*level)));
        Snapshot { made_at: self.made_at, cells: cells.collect() }
    }

    /// Takes up what is seen at `now`; as often as one likes. Says whether any factor changed.
    pub fn update(&mut self, now: Timestamp, seen: &Observed) -> bool {
        if !self.rules.on {
            return false;
        }
        let share = self.updated_at.map_or(1.0, |at| {
            let passed = now.since(at).as_secs_f64();
            passed / (passed + SMOOTHING.as_secs_f64())
        });
        self.updated_at = Some(now);
        self.seen.clone_from(seen);
        self.smoothed.follow(seen, share);
        // When the clock was put back, the minute begins anew.
        self.made_at = self.made_at.map(|at| at.min(now));
        if self.made_at.is_some_and(|at| now.since(at) < MINUTE) {
            return false;
        }
        self.made_at = Some(now);
        self.wishes = wishes(&self.rules, &self.smoothed, SOON);
        self.steady = steadied(&self.steady, &evened(&self.wishes));
        let before = std::mem::take(&mut self.levels);
        self.levels = moved(&before, &rounded(&self.steady));
        self.levels != before
    }

    /// The factor in `cell`, of any resolution.
    pub fn at(&self, cell: CellIndex) -> Factor {
        if !self.rules.on {
            return off();
        }
        let cell = own(cell);
        let (level, steady) = (height(&self.levels, cell), height(&self.steady, cell));
        let is_evened = (height(&self.wishes, cell) - steady).abs() > STEP / 2;
        let levels = (level, even::round(steady));
        let reason = words::reason(&self.rules, self.class.as_deref(), self.seen.around(cell), levels, is_evened);
        Factor { per_mille: self.rules.factor(level), reason }
    }

    /// The cells whose factor is not 1, with it in thousandths.
    pub fn cells(&self) -> impl Iterator<Item = (CellIndex, u32)> {
        self.levels.iter().map(|(cell, level)| (*cell, self.rules.factor(*level)))
    }

    /// The factors for pickups in a quarter of an hour to come, from the requests and free vehicles that are expected for it. They have
    /// the same bounds, and neighbours are a step apart at most; there is nothing that they could follow over time.
    pub fn for_later(&self, expected: &Observed) -> Later {
        let wishes = if self.rules.on { wishes(&self.rules, expected, 1.0) } else { Heights::new() };
        let levels = rounded(&evened(&wishes));
        Later { rules: self.rules, class: self.class.clone(), expected: expected.clone(), wishes, levels }
    }
}

/// The factors of a class for a quarter of an hour to come.
#[derive(Clone, Debug)]
pub struct Later {
    rules: SurgeRules,
    class: Option<String>,
    expected: Observed,
    wishes: Heights,
    levels: Heights,
}

impl Later {
    /// The factor in `cell`, of any resolution.
    pub fn at(&self, cell: CellIndex) -> Factor {
        if !self.rules.on {
            return off();
        }
        let cell = own(cell);
        let level = height(&self.levels, cell);
        let is_evened = (height(&self.wishes, cell) - level * STEP).abs() > STEP / 2;
        let reason = words::reason(&self.rules, self.class.as_deref(), self.expected.around(cell), (level, level), is_evened);
        Factor { per_mille: self.rules.factor(level), reason: format!("expected: {reason}") }
    }

    /// The cells whose factor is not 1, with it in thousandths.
    pub fn cells(&self) -> impl Iterator<Item = (CellIndex, u32)> {
        self.levels.iter().map(|(cell, level)| (*cell, self.rules.factor(*level)))
    }
}

fn off() -> Factor {
    Factor { per_mille: ONE, reason: "demand does not change prices".into() }
}

/// What each cell's demand asks for, for itself alone.
fn wishes(rules: &SurgeRules, observed: &Observed, soon: f64) -> Heights {
    let wishes = observed.weighed().into_iter().map(|(cell, counts)| (cell, wish(rules, counts, soon)));
    wishes.filter(|(_, wish)| *wish != 0).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to a few steps before")]
fn wish(rules: &SurgeRules, counts: Counts, soon: f64) -> i32 {
    let factor = (counts.requests + counts.expected * soon + PRIOR) / (counts.free + PRIOR);
    let steps = (factor - 1.0) * f64::from(ONE) / f64::from(rules.step());
    let (low, high) = rules.levels();
    (steps.clamp(f64::from(low), f64::from(high)) * f64::from(STEP)).round() as i32
}

#[cfg(test)]
mod tests;

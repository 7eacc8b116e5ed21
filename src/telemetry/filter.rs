//! What is odd about a fix, told from the vehicle's other fixes. Nothing is thrown away but repetitions.

use crate::config;
use crate::model::{Fix, Flag, Place, Span, Timestamp};

/// The judgement on one fix.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// To be stored and shown, with the flags it was given.
    Keep(Fix),
    /// The same time and place came before; an alarm is never this.
    Duplicate,
}

/// How many recent fixes are remembered to recognise a repetition; older ones are recognised when a track is read.
const RECENT: usize = 16;

/// What must be remembered of a vehicle to judge its next fix.
#[derive(Clone, Debug, Default)]
pub struct VehicleState {
    latest: Option<(Timestamp, Place)>,
    /// The last jump: when the next fix fits it, the vehicle really is there.
    suspect: Option<(Timestamp, Place)>,
    recent: [Option<(Timestamp, Place)>; RECENT],
    next: usize,
}

impl VehicleState {
    /// `fix` was not kept after all: when it comes again, it is no repetition.
    pub fn forget(&mut self, fix: &Fix) {
        let there = Some((fix.ts, fix.place));
        self.recent.iter_mut().filter(|seen| **seen == there).for_each(|seen| *seen = None);
    }
}

/// The rules of judgement.
#[derive(Clone, Copy, Debug)]
pub struct Filter {
    max_speed_mps: f64,
    max_future: Span,
    max_age: Span,
}

/// Positions wander by this much without anybody moving.
const SLACK_M: f64 = 100.0;

fn span(seconds: u64) -> Span {
    Span::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX))
}

impl Filter {
    /// The rules as configured.
    pub fn new(config: &config::Telemetry) -> Self {
        Self { max_speed_mps: config.max_speed_kmh / 3.6, max_future: span(config.max_future_s), max_age: span(config.max_age_s) }
    }

    /// Judges `fix` against what its vehicle did so far. Compared with the real gap in time, so that after an absence of
    /// any length the first fix is believed; and a place that two fixes in a row agree on is believed at once.
    pub fn judge(&self, state: &mut VehicleState, mut fix: Fix) -> Verdict {
        let here = (fix.ts, fix.place);
        let seen = state.recent.contains(&Some(here));
        if seen && !fix.flags.has(Flag::Alarm) {
            return Verdict::Duplicate;
        }
        if !seen {
            state.recent[state.next] = Some(here);
            state.next = (state.next + 1) % RECENT;
        }
        if fix.ts - fix.received > self.max_future {
            fix.flags = fix.flags.with(Flag::Future);
            return Verdict::Keep(fix);
        }
        if fix.received - fix.ts > self.max_age {
            fix.flags = fix.flags.with(Flag::Old);
            return Verdict::Keep(fix);
        }
        let is_newer = state.latest.is_none_or(|(ts, _)| fix.ts > ts);
        let fits_latest = state.latest.is_none_or(|latest| self.reachable(latest, here));
        if fits_latest || state.suspect.is_some_and(|suspect| self.reachable(suspect, here)) {
            if is_newer {
                (state.latest, state.suspect) = (Some(here), None);
            }
        } else {
            fix.flags = fix.flags.with(Flag::Jump);
            if is_newer {
                state.suspect = Some(here);
            }
        }
        Verdict::Keep(fix)
    }

    fn reachable(&self, from: (Timestamp, Place), to: (Timestamp, Place)) -> bool {
        let seconds = (to.0 - from.0).as_secs_f64().abs();
        from.1.distance(to.1).0 <= SLACK_M + self.max_speed_mps * seconds
    }
}

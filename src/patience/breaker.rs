//! A circuit breaker: a service that fails is left alone for a while, then tried by one call at a time.
//!
//! Closed, open and half-open as in Nygard, *Release It!* (2007), chapter 5. The time it stays open doubles with each
//! opening, with "equal jitter" (Brooker, *Exponential backoff and jitter*, AWS Architecture Blog, 2015), and falls back
//! only once the service has been well for a whole window of calls: one that flaps is asked less and less.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When it opens, and for how long.
#[derive(Clone, Debug)]
pub struct Rules {
    /// So many failures one after the other open it …
    pub in_a_row: u32,
    /// … and so does more than this share of failures …
    pub share: f64,
    /// … among so many calls, the last ones (at least 1).
    pub window: usize,
    /// How long it stays open the first time, at most; half of it at least.
    pub open: Duration,
    /// The same is never longer than this.
    pub open_most: Duration,
}

/// Whether calls go through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// All do.
    Closed,
    /// None does.
    Open,
    /// One does, to see whether the service is well again.
    HalfOpen,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    /// The name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The service did what it should.
    Well,
    /// It did not.
    Failed,
    /// The caller gave up for reasons of its own.
    Unknown,
}

/// Leave to make one call, to be given back with its verdict.
#[derive(Debug)]
#[must_use]
pub struct Call {
    epoch: u64,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    Trial,
}

/// The breaker. Pure: the caller brings the time and makes the calls.
#[derive(Debug)]
pub struct Breaker {
    rules: Rules,
    phase: Phase,
    /// Counts changes of the phase: the verdict of a call from before one says nothing any more.
    epoch: u64,
    /// The last calls, `true` for a failure.
    recent: VecDeque<bool>,
    /// Failures, and successes, one after the other up to now.
    streaks: (u32, usize),
    /// Openings since the service was last well for a whole window.
    times: u32,
    opened: u64,
    random: u64,
}

impl Breaker {
    /// A closed one; `seed` makes its jitter.
    pub fn new(rules: Rules, seed: u64) -> Self {
        Self { rules, phase: Phase::Closed, epoch: 0, recent: VecDeque::new(), streaks: (0, 0), times: 0, opened: 0, random: seed }
    }

    /// What it is at `now`.
    pub fn state(&self, now: Instant) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { until } if now < until => State::Open,
            Phase::Open { .. } | Phase::Trial => State::HalfOpen,
        }
    }

    /// How often it has opened.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Leave to call the service at `now`, if there is any. Every leave must be given back.
    pub fn admit(&mut self, now: Instant) -> Option<Call> {
        match self.phase {
            Phase::Closed => {}
            Phase::Open { until } if now >= until => self.enter(Phase::Trial),
            Phase::Open { .. } | Phase::Trial => return None,
        }
        Some(Call { epoch: self.epoch })
    }

    /// Takes a leave back at `now`.
    pub fn settle(&mut self, call: Call, verdict: Verdict, now: Instant) {
        if call.epoch != self.epoch {
            return;
        }
        match (&self.phase, verdict) {
            (Phase::Closed, Verdict::Well | Verdict::Failed) => self.count(verdict == Verdict::Failed, now),
            (Phase::Trial, Verdict::Well) => {
                self.enter(Phase::Closed);
                self.count(false, now);
            }
            (Phase::Trial, Verdict::Failed) => self.open(now),
            (Phase::Trial, Verdict::Unknown) => self.enter(Phase::Open { until: now }),
            (Phase::Closed, Verdict::Unknown) | (Phase::Open { .. }, _) => {}
        }
    }

    fn count(&mut self, failed: bool, now: Instant) {
        let window = self.rules.window.max(1);
        self.recent.truncate(window - 1);
        self.recent.push_front(failed);
        self.streaks = if failed { (self.streaks.0 + 1, 0) } else { (0, self.streaks.1.saturating_add(1)) };
        if self.streaks.1 >= window {
            self.times = 0;
        }
        let failures = self.recent.iter().filter(|failed| **failed).count();
        let too_many = self.recent.len() == window && failures as f64 > self.rules.share * window as f64;
        if failed && (self.streaks.0 >= self.rules.in_a_row || too_many) {
            self.open(now);
        }
    }

    fn open(&mut self, now: Instant) {
        let doubled = self.rules.open.saturating_mul(1_u32.checked_shl(self.times).unwrap_or(u32::MAX));
        let most = doubled.min(self.rules.open_most);
        let time = most / 2 + (most / 2).mul_f64(self.uniform());
        self.times = (self.times + 1).min(31);
        self.opened += 1;
        self.enter(Phase::Open { until: now + time });
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
        self.streaks = (0, 0);
        self.recent.clear();
    }

    /// The next of a sequence within 0 to 1: SplitMix64 (Steele, Lea and Flood, 2014).
    fn uniform(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use proptest::prelude::*;

    const OPEN: Duration = Duration::from_secs(4);
    const OPEN_MOST: Duration = Duration::from_secs(60);

    fn rules() -> Rules {
        Rules { in_a_row: 5, share: 0.5, window: 20, open: OPEN, open_most: OPEN_MOST }
    }

    fn start() -> (Breaker, Instant) {
        (Breaker::new(rules(), 7), Clock::system().monotonic())
    }

    fn one(breaker: &mut Breaker, verdict: Verdict, now: Instant) -> bool {
        let call = breaker.admit(now);
        let admitted = call.is_some();
        if let Some(call) = call {
            breaker.settle(call, verdict, now);
        }
        admitted
    }

    fn break_it(breaker: &mut Breaker, now: Instant) {
        while breaker.state(now) == State::Closed {
            one(breaker, Verdict::Failed, now);
        }
    }

    #[test]
    fn failures_in_a_row_open_it_and_one_good_trial_closes_it() {
        let (mut breaker, now) = start();
        for _ in 0..4 {
            assert!(one(&mut breaker, Verdict::Failed, now));
        }
        assert_eq!(breaker.state(now), State::Closed);
        one(&mut breaker, Verdict::Failed, now);
        assert_eq!((breaker.state(now), breaker.opened()), (State::Open, 1));
        let later = now + OPEN;
        let trial = breaker.admit(later).unwrap();
        assert!(breaker.admit(later).is_none(), "one trial at a time");
        assert_eq!(breaker.state(later), State::HalfOpen);
        breaker.settle(trial, Verdict::Well, later);
        assert_eq!(breaker.state(later), State::Closed);
    }

    #[test]
    fn every_other_failure_opens_it_too() {
        let (mut breaker, now) = start();
        for n in 0..19 {
            one(&mut breaker, if n % 3 == 0 { Verdict::Well } else { Verdict::Failed }, now);
        }
        assert_eq!(breaker.state(now), State::Closed);
        one(&mut breaker, Verdict::Failed, now);
        assert_eq!(breaker.state(now), State::Open);
    }

    #[test]
    fn an_old_verdict_says_nothing_about_now() {
        let (mut breaker, now) = start();
        let slow = breaker.admit(now).unwrap();
        break_it(&mut breaker, now);
        breaker.settle(slow, Verdict::Well, now);
        assert_eq!(breaker.state(now), State::Open);
    }

    #[test]
    fn a_trial_that_was_given_up_is_made_again() {
        let (mut breaker, now) = start();
        break_it(&mut breaker, now);
        let later = now + OPEN;
        assert!(one(&mut breaker, Verdict::Unknown, later));
        assert!(one(&mut breaker, Verdict::Well, later));
        assert_eq!(breaker.state(later), State::Closed);
    }

    #[test]
    fn one_that_flaps_is_asked_less_and_less_until_it_is_well_for_a_while() {
        let (mut breaker, mut now) = start();
        let mut times = Vec::new();
        for _ in 0..6 {
            break_it(&mut breaker, now);
            let opened = now;
            while breaker.state(now) == State::Open {
                now += Duration::from_millis(10);
            }
            times.push(now - opened);
            one(&mut breaker, Verdict::Well, now);
        }
        assert!(times.windows(3).all(|t| t[2] > t[0]) && times[5] > OPEN * 4, "{times:?}");
        for _ in 0..20 {
            one(&mut breaker, Verdict::Well, now);
        }
        break_it(&mut breaker, now);
        assert_eq!(breaker.state(now + OPEN), State::HalfOpen);
    }

    proptest! {
        #[test]
        fn it_keeps_its_word_and_always_recovers(
            seed in any::<u64>(),
            script in proptest::collection::vec((0_u64..30_000, 0_u8..3, any::<bool>()), 1..200),
        ) {
            let mut now = Clock::system().monotonic();
            let mut breaker = Breaker::new(rules(), seed);
            let mut out: Vec<Call> = Vec::new();
            for (pause, verdict, late) in script {
                let before = breaker.state(now);
                now += Duration::from_millis(pause);
                let state = breaker.state(now);
                prop_assert!(before == state || (before, state) == (State::Open, State::HalfOpen), "time alone only half opens it");
                let trial_is_out = matches!(breaker.phase, Phase::Trial);
                let call = breaker.admit(now);
                match state {
                    State::Closed => prop_assert!(call.is_some()),
                    State::Open => prop_assert!(call.is_none()),
                    State::HalfOpen => prop_assert_eq!(call.is_none(), trial_is_out),
                }
                out.extend(call);
                if !late && !out.is_empty() {
                    let verdict = [Verdict::Well, Verdict::Failed, Verdict::Unknown][usize::from(verdict)];
                    breaker.settle(out.remove(0), verdict, now);
                }
                if let Phase::Open { until } = breaker.phase {
                    prop_assert!(until <= now + OPEN_MOST);
                }
            }
            for call in out {
                breaker.settle(call, Verdict::Failed, now);
            }
            now += OPEN_MOST;
            prop_assert!(one(&mut breaker, Verdict::Well, now));
            prop_assert_eq!(breaker.state(now), State::Closed);
        }

        #[test]
        fn a_service_that_is_mostly_well_stays_connected(seed in any::<u64>(), good in proptest::collection::vec(1_usize..4, 1..100)) {
            let (mut breaker, now) = (Breaker::new(rules(), seed), Clock::system().monotonic());
            for run in good {
                one(&mut breaker, Verdict::Failed, now);
                for _ in 0..run {
                    one(&mut breaker, Verdict::Well, now);
                }
                prop_assert_eq!(breaker.state(now), State::Closed);
            }
        }
    }
}

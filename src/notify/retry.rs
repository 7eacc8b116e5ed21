//! What becomes of a delivery after an attempt. Pure.

use crate::config::Notify;
use crate::model::{Span, Timestamp};
use crate::patience::backoff;
use crate::patience::breaker::{Rules, Verdict};
use std::time::Duration;

/// How an attempt ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The other side took it, with that status.
    Sent(u16),
    /// It did not, and may the next time.
    Failed {
        /// What it answered.
        status: Option<u16>,
        /// What was wrong.
        why: String,
        /// How long it asked to be left alone.
        after: Option<Duration>,
    },
    /// It never will take this one, though it works.
    Refused {
        /// What it answered.
        status: Option<u16>,
        /// Why.
        why: String,
    },
}

impl Outcome {
    /// A failure without more to tell.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed { status: None, why: why.into(), after: None }
    }

    /// What it answered.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Sent(status) => Some(*status),
            Self::Failed { status, .. } | Self::Refused { status, .. } => *status,
        }
    }

    /// What was wrong.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Sent(_) => None,
            Self::Failed { why, .. } | Self::Refused { why, .. } => Some(why),
        }
    }

    /// What it says of the endpoint: one that refuses a letter does its work.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Sent(_) | Self::Refused { .. } => Verdict::Well,
            Self::Failed { .. } => Verdict::Failed,
        }
    }
}

/// What becomes of the delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// It is done.
    Done,
    /// It is tried again then.
    At(Timestamp),
    /// It is a dead letter, for that reason.
    Dead(String),
}

/// When what failed is tried again, and when it is given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    first: Duration,
    most: Duration,
    give_up: Span,
}

impl Policy {
    /// The policy of the settings.
    pub fn new(config: &Notify) -> Self {
        Self {
            first: Duration::from_secs(config.retry_s),
            most: Duration::from_secs(config.retry_most_s),
            give_up: Span::from_secs(i64::from(config.give_up_h) * 3_600),
        }
    }

    /// What becomes of a delivery that failed `failures` times before, that could be said from `queued_at` on. `draw` is within 0 to 1.
    pub fn next(&self, outcome: &Outcome, failures: u32, queued_at: Timestamp, now: Timestamp, draw: f64) -> Next {
        let (why, after) = match outcome {
            Outcome::Sent(_) => return Next::Done,
            Outcome::Refused { why, .. } => return Next::Dead(why.clone()),
            Outcome::Failed { why, after, .. } => (why, after),
        };
        if queued_at < self.oldest(now) {
            return Next::Dead(format!("given up after {} attempts: {why}", failures.saturating_add(1)));
        }
        let pause = backoff::pause(self.first, self.most, failures, draw);
        let pause = after.map_or(pause, |after| after.clamp(pause, self.most.max(pause)));
        Next::At(now + Span::from_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2)))
    }

    /// What could be said before then has had its time.
    pub fn oldest(&self, now: Timestamp) -> Timestamp {
        now - self.give_up
    }

    /// When an endpoint that fails is left alone, whatever waits for it.
    pub fn breaker(&self) -> Rules {
        Rules { in_a_row: 5, share: 0.5, window: 20, open: self.first, open_most: self.most.min(Duration::from_secs(300)).max(self.first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_refusal_is_final_and_a_failure_is_not_until_its_time_is_up() {
        let policy = Policy::new(&Notify::default());
        let next = |outcome: &Outcome, age_h: i64| policy.next(outcome, 3, NOW - Span::from_secs(age_h * 3_600), NOW, 1.0);
        assert_eq!(next(&Outcome::Sent(250), 99), Next::Done);
        let refused = Outcome::Refused { status: Some(550), why: "no such user".into() };
        assert_eq!(next(&refused, 0), Next::Dead("no such user".into()));
        assert_eq!(next(&Outcome::failed("timeout"), 72), Next::At(NOW + Span::from_secs(80)));
        assert_eq!(next(&Outcome::failed("timeout"), 73), Next::Dead("given up after 4 attempts: timeout".into()));
        assert_eq!((refused.verdict(), Outcome::failed("x").verdict()), (Verdict::Well, Verdict::Failed));
    }

    proptest! {
        #[test]
        fn pauses_keep_to_their_bounds(failures in 0_u32..100, draw in -1.0_f64..2.0, after in proptest::option::of(0_u64..1_000_000)) {
            let config = Notify::default();
            let failed = Outcome::Failed { status: Some(503), why: "busy".into(), after: after.map(Duration::from_secs) };
            let Next::At(at) = Policy::new(&config).next(&failed, failures, NOW, NOW, draw) else { panic!("given up at once") };
            let pause = at.since(NOW).as_millis();
            prop_assert!(pause * 2 >= i64::try_from(config.retry_s).unwrap() * 1_000);
            prop_assert!(pause <= i64::try_from(config.retry_most_s).unwrap() * 1_000);
            if let Some(after) = after.and_then(|s| i64::try_from(s.min(config.retry_most_s)).ok()) {
                prop_assert!(pause >= after * 1_000, "asked for {after} s, gets {pause} ms");
            }
        }
    }
}

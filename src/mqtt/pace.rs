//! When to ask for a commit: as soon as a client can send no more until it is acknowledged, and never for a lone message.
//!
//! A client that drains a buffer sends until its window is full, then waits. Seen from here its socket falls idle with the same
//! number of messages unacknowledged, time and again. That number is learned; a device that reports now and then never
//! reaches it, so its fixes wait for the ordinary timer and many share one commit.

use std::time::{Duration, Instant};

/// What the session should do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// Nothing.
    Wait,
    /// Ask again through [`Pace::quiet`], unless more arrives within [`QUIET_MS`].
    Watch,
    /// Commit now.
    Hurry,
}

/// How long a socket must be silent before its window counts as full, in milliseconds.
pub const QUIET_MS: u64 = 2;
/// So many messages without a pause mark a client that drains a buffer.
const BURST: usize = 8;

/// Messages further apart do not belong to one burst.
const BURST_GAP: Duration = Duration::from_millis(20);
/// A client that was held up goes on within this time after an acknowledgement.
const ANSWER: Duration = Duration::from_millis(250);

/// What is known of a client's window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    window: usize,
    burst: usize,
    /// Its last burst followed an acknowledgement at once.
    drains: bool,
    last_read: Option<Instant>,
    last_ack: Option<Instant>,
}

impl Pace {
    /// `new` messages were taken at `now` and no more is at hand; `unacked` wait in all, `full` is the most allowed.
    pub fn arrived(&mut self, now: Instant, new: usize, unacked: usize, full: usize) -> Advice {
        if !within(self.last_read, now, BURST_GAP) {
            self.burst = 0;
        }
        self.last_read = Some(now);
        self.burst += new;
        let answers = within(self.last_ack, now, ANSWER);
        self.drains = answers && (self.drains || self.burst >= 2);
        if unacked >= full {
            return Advice::Hurry;
        }
        if unacked < 2 || !(self.drains || self.burst >= BURST) {
            return Advice::Wait;
        }
        if unacked == self.window { Advice::Hurry } else { Advice::Watch }
    }

    /// Nothing came for [`QUIET_MS`].
    pub fn quiet(&mut self, unacked: usize) -> Advice {
        if unacked < 2 || !(self.drains || self.burst >= BURST) {
            return Advice::Wait;
        }
        self.window = unacked;
        Advice::Hurry
    }

    /// Acknowledgements were sent at `now`.
    pub fn acknowledged(&mut self, now: Instant) {
        self.last_ack = Some(now);
        self.burst = 0;
    }
}

fn within(then: Option<Instant>, now: Instant, span: Duration) -> bool {
    then.is_some_and(|then| now.saturating_duration_since(then) <= span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn ms(start: Instant, n: u64) -> Instant {
        start + Duration::from_millis(n)
    }

    #[test]
    fn a_lone_message_never_hurries() {
        let (mut pace, t0) = (Pace::default(), Clock::system().monotonic());
        for i in 0..100 {
            assert_eq!(pace.arrived(ms(t0, i * 10), 1, 1, 100), Advice::Wait);
            pace.acknowledged(ms(t0, i * 10 + 5));
        }
    }

    #[test]
    fn a_device_that_pipelines_at_its_own_pace_never_hurries() {
        let (mut pace, t0) = (Pace::default(), Clock::system().monotonic());
        for i in 0..60 {
            assert_eq!(pace.arrived(ms(t0, i * 100), 1, 1 + usize::try_from(i % 10).unwrap(), 100), Advice::Wait);
            if i % 10 == 9 {
                pace.acknowledged(ms(t0, i * 100 + 1));
            }
        }
    }

    #[test]
    fn a_window_is_learned_at_the_first_pause() {
        let (mut pace, t0) = (Pace::default(), Clock::system().monotonic());
        assert_eq!(pace.arrived(t0, 20, 20, 100), Advice::Watch);
        assert_eq!(pace.quiet(20), Advice::Hurry);
        for i in 1..5 {
            pace.acknowledged(ms(t0, i * 5));
            assert_eq!(pace.arrived(ms(t0, i * 5 + 1), 12, 12, 100), Advice::Watch);
            assert_eq!(pace.arrived(ms(t0, i * 5 + 2), 8, 20, 100), Advice::Hurry);
        }
    }

    #[test]
    fn a_small_window_is_learned_after_an_acknowledgement() {
        let (mut pace, t0) = (Pace::default(), Clock::system().monotonic());
        assert_eq!(pace.arrived(t0, 2, 2, 100), Advice::Wait);
        pace.acknowledged(ms(t0, 1000));
        assert_eq!(pace.arrived(ms(t0, 1050), 2, 2, 100), Advice::Watch);
        assert_eq!(pace.quiet(2), Advice::Hurry);
        pace.acknowledged(ms(t0, 1060));
        assert_eq!(pace.arrived(ms(t0, 1061), 2, 2, 100), Advice::Hurry);
    }

    #[test]
    fn the_announced_window_is_the_limit() {
        assert_eq!(Pace::default().arrived(Clock::system().monotonic(), 1, 100, 100), Advice::Hurry);
    }
}

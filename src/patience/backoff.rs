//! How long a service that failed is left alone: doubling, with jitter, between two bounds.

use std::time::Duration;

/// Counts failures. "Equal jitter" (Brooker, *Exponential backoff and jitter*, AWS Architecture Blog, 2015): half of the
/// pause is sure, half is drawn, so that callers that lost a service at once do not come back at once.
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// Pauses from `first` to `most`.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self { first, most: most.max(first), failures: 0 }
    }

    /// Failures one after the other.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// The service is well again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to leave it alone. `draw` is within 0 to 1.
    pub fn next(&mut self, draw: f64) -> Duration {
        let pause = pause(self.first, self.most, self.failures, draw);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// The same for one that `asked` to be left alone for so long, which counts within the bounds.
    pub fn next_asked(&mut self, asked: Option<Duration>, draw: f64) -> Duration {
        let pause = self.next(draw);
        asked.map_or(pause, |asked| asked.clamp(self.first, self.most))
    }
}

/// The pause after so many `failures` before this one, from half of `first` to `most`. `draw` is within 0 to 1.
pub fn pause(first: Duration, most: Duration, failures: u32, draw: f64) -> Duration {
    let pause = first.saturating_mul(1 << failures.min(30)).min(most);
    pause.mul_f64(0.5 + draw.clamp(0.0, 1.0) / 2.0)
}

/// Within 0 to 1, for jitter.
pub fn draw() -> f64 {
    getrandom::u32().map_or(0.5, |n| f64::from(n) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_bound_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        let pauses: Vec<u64> = (0..12).map(|_| backoff.next(1.0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert_eq!(backoff.next(0.0), Duration::from_secs(150));
        backoff.reset();
        assert_eq!(backoff.next(0.0), Duration::from_millis(500));
    }

    #[test]
    fn what_the_other_side_asks_for_keeps_to_the_bounds() {
        let mut backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(1));
        assert_eq!(backoff.next_asked(Some(Duration::from_secs(5)), 1.0), Duration::from_secs(60));
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        let pauses = [0, 7, u64::MAX].map(|asked| backoff.next_asked(Some(Duration::from_secs(asked)), 1.0).as_secs());
        assert_eq!((pauses, backoff.failures()), ([1, 7, 300], 3));
    }
}

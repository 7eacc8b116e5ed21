//! So many a second, and some at once: a bucket that fills at a steady rate.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How much is allowed.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// So many a second in the long run.
    pub per_second: f64,
    /// So many at once.
    pub burst: f64,
}

/// What one has left.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    /// All that may be had at once.
    pub fn full(rate: Rate, now: Instant) -> Self {
        Self { left: rate.burst, at: now }
    }

    /// Takes one; else how long to wait until there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let grown = now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second;
        (self.left, self.at) = ((self.left + grown).min(rate.burst), now);
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.left) / rate.per_second));
        }
        self.left -= 1.0;
        Ok(())
    }
}

/// Owners remembered; beyond it those are forgotten who have taken nothing lately.
const OWNERS: usize = 20_000;

/// The allowances of many, by what tells them apart.
#[derive(Debug)]
pub struct Allowances<K> {
    rate: Rate,
    // A std mutex: held for a look-up.
    owners: Mutex<HashMap<K, Allowance>>,
}

impl<K: Eq + Hash> Allowances<K> {
    /// The same for each.
    pub fn new(rate: Rate) -> Self {
        Self { rate, owners: Mutex::default() }
    }

    /// Takes one of `owner`'s; else how long to wait until there is one.
    pub fn take(&self, owner: K, now: Instant) -> Result<(), Duration> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= OWNERS && !owners.contains_key(&owner) {
            let refill = Duration::from_secs_f64(self.rate.burst / self.rate.per_second);
            owners.retain(|_, allowance| now.saturating_duration_since(allowance.at) < refill);
            if owners.len() >= OWNERS {
                return Err(refill);
            }
        }
        owners.entry(owner).or_insert_with(|| Allowance::full(self.rate, now)).take(self.rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const RATE: Rate = Rate { per_second: 2.0, burst: 3.0 };

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let (all, start) = (Allowances::new(RATE), Clock::system().monotonic());
        for _ in 0..3 {
            assert_eq!(all.take("a", start), Ok(()));
        }
        assert_eq!(all.take("a", start), Err(Duration::from_millis(500)));
        assert_eq!(all.take("b", start), Ok(()), "another's is its own");
        assert_eq!(all.take("a", start + Duration::from_millis(500)), Ok(()));
        assert!(all.take("a", start + Duration::from_millis(500)).is_err());
        let later = start + Duration::from_secs(3_600);
        assert_eq!((0..9).filter(|_| all.take("a", later).is_ok()).count(), 3, "no more than a burst gathers");
    }

    #[test]
    fn who_took_nothing_lately_makes_room() {
        let (all, start) = (Allowances::new(RATE), Clock::system().monotonic());
        for n in 0..OWNERS {
            all.take(n, start).unwrap();
        }
        assert!(all.take(OWNERS, start).is_err());
        assert_eq!(all.take(OWNERS, start + Duration::from_secs(2)), Ok(()));
        assert_eq!(all.owners.lock().unwrap().len(), 1);
    }
}

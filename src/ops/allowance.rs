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

    /// What is left by `now`.
    fn by(&self, rate: Rate, now: Instant) -> f64 {
        let grown = now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second;
        (self.left + grown).min(rate.burst)
    }

    /// Takes one; else how long to wait until there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        (self.left, self.at) = (self.by(rate, now), now);
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.left) / rate.per_second));
        }
        self.left -= 1.0;
        Ok(())
    }

    /// Takes `many`, also ones that there are not yet: they are owed.
    fn owe(&mut self, many: f64, rate: Rate, now: Instant) {
        (self.left, self.at) = (self.by(rate, now) - many, now);
    }
}

/// Owners remembered; beyond it those are forgotten first who have all of theirs, then the one who has most.
const OWNERS: usize = 20_000;

/// The allowances of many, by what tells them apart.
#[derive(Debug)]
pub struct Allowances<K> {
    rate: Rate,
    // A std mutex: held for a look-up.
    owners: Mutex<HashMap<K, Allowance>>,
}

impl<K: Eq + Hash + Clone> Allowances<K> {
    /// The same for each.
    pub fn new(rate: Rate) -> Self {
        Self { rate, owners: Mutex::default() }
    }

    /// Takes one of `owner`'s; else how long to wait until there is one.
    pub fn take(&self, owner: K, now: Instant) -> Result<(), Duration> {
        self.with(owner, now, |allowance, rate| allowance.take(rate, now))
    }

    /// Has `owner` owe `many` more.
    pub fn owe(&self, owner: K, many: f64, now: Instant) {
        self.with(owner, now, |allowance, rate| allowance.owe(many, rate, now));
    }

    fn with<T>(&self, owner: K, now: Instant, act: impl FnOnce(&mut Allowance, Rate) -> T) -> T {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.len() >= OWNERS && !owners.contains_key(&owner) {
            make_room(&mut owners, self.rate, now);
        }
        act(owners.entry(owner).or_insert_with(|| Allowance::full(self.rate, now)), self.rate)
    }
}

fn make_room<K: Eq + Hash + Clone>(owners: &mut HashMap<K, Allowance>, rate: Rate, now: Instant) {
    owners.retain(|_, allowance| allowance.by(rate, now) < rate.burst);
    if owners.len() >= OWNERS
        && let Some(most) = owners.iter().max_by(|a, b| a.1.by(rate, now).total_cmp(&b.1.by(rate, now))).map(|(owner, _)| owner.clone())
    {
        owners.remove(&most);
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
    fn what_is_owed_is_waited_for() {
        let (all, start) = (Allowances::new(RATE), Clock::system().monotonic());
        all.owe("a", 4.0, start);
        assert_eq!(all.take("a", start), Err(Duration::from_secs(1)));
        assert_eq!(all.take("a", start + Duration::from_secs(1)), Ok(()));
        assert_eq!(all.take("b", start), Ok(()));
    }

    #[test]
    fn who_has_most_left_makes_room_and_who_took_most_stays() {
        let (all, start) = (Allowances::new(RATE), Clock::system().monotonic());
        for _ in 0..3 {
            all.take(usize::MAX, start).unwrap();
        }
        for n in 0..OWNERS {
            all.take(n, start).unwrap();
        }
        assert_eq!(all.owners.lock().unwrap().len(), OWNERS);
        assert!(all.take(usize::MAX, start).is_err(), "the busy one is still known");
        assert_eq!(all.take(OWNERS, start + Duration::from_secs(2)), Ok(()));
        assert_eq!(all.owners.lock().unwrap().len(), 1, "who has all of theirs need not be known");
    }
}

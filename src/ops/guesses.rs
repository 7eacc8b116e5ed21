//! Failed log-ins of devices, by where they came from: whoever fails too often within a minute is not asked any more.

use super::network::Network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// Networks remembered before old ones are cleared away.
const REMEMBERED: usize = 10_000;

/// Counts them. A std mutex: held for a map look-up.
#[derive(Debug)]
pub struct Guesses {
    failures: Mutex<HashMap<Network, (Instant, u32)>>,
    most: u32,
}

impl Guesses {
    /// At most `most` per network and minute.
    pub fn new(most: u32) -> Self {
        Self { failures: Mutex::default(), most }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Network, (Instant, u32)>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the network of `address` failed too often within the last minute?
    pub fn too_many(&self, address: IpAddr, now: Instant) -> bool {
        self.lock().get(&address.into()).is_some_and(|&(since, n)| n >= self.most && now.saturating_duration_since(since) < WINDOW)
    }

    /// Notes a failed log-in.
    pub fn note(&self, address: IpAddr, now: Instant) {
        let mut failures = self.lock();
        if failures.len() > REMEMBERED {
            failures.retain(|_, (since, _)| now.saturating_duration_since(*since) < WINDOW);
        }
        let entry = failures.entry(address.into()).or_insert((now, 0));
        if now.saturating_duration_since(entry.0) >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn guessing_is_forgotten_after_a_minute() {
        let (guesses, now) = (Guesses::new(2), Clock::system().monotonic());
        let (a, same): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        guesses.note(a, now);
        assert!(!guesses.too_many(a, now));
        guesses.note(same, now);
        assert!(guesses.too_many(a, now));
        assert!(!guesses.too_many(a, now + WINDOW));
    }
}

//! How often links may be looked at: of a link, and from a network, where a guess counts as many looks.
//!
//! The generic cell rate algorithm (ITU-T I.371) in its virtual scheduling form: of each key only the time is kept until which its past
//! requests reach.

use super::Error;
use crate::ops::network::Network;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A pace: a request each `step`, and so much ahead of that at most.
#[derive(Clone, Copy)]
struct Pace {
    step: Duration,
    ahead: Duration,
}

/// Of a network: four a second, 160 at once. An office with some twenty pages open needs two a second.
const NETWORK: Pace = Pace { step: Duration::from_millis(250), ahead: Duration::from_secs(40) };
/// Of a link: two a second, 60 at once.
const LINK: Pace = Pace { step: Duration::from_millis(500), ahead: Duration::from_secs(30) };
/// A guess costs its network so much more than a look: one each five seconds, eight at once.
const GUESS: u32 = 19;
/// Networks and links remembered; at the bound those go first that have asked least.
const REMEMBERED: usize = 10_000;

/// The limits, and counts of what came.
#[derive(Debug, Default)]
pub(super) struct Limits {
    networks: Mutex<HashMap<Network, Instant>>,
    links: Mutex<HashMap<String, Instant>>,
    looks: AtomicU64,
    guesses: AtomicU64,
    refused: AtomicU64,
}

/// What came so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stats {
    /// Requests for what a link shows.
    pub looks: u64,
    /// Of these, those by what never was a link, or is not any more.
    pub guesses: u64,
    /// Requests refused because there were too many.
    pub refused: u64,
}

impl Limits {
    /// Lets a request from `network` in, or says how long it has to wait.
    pub(super) fn admit(&self, network: Network, now: Instant) -> Result<(), Error> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.charge(&self.networks, &network, NETWORK, now)
    }

    /// Lets a request for what the link `id` shows in, or says how long it has to wait.
    pub(super) fn follow(&self, id: &str, now: Instant) -> Result<(), Error> {
        self.charge(&self.links, &id.to_owned(), LINK, now)
    }

    /// Notes that what was asked from `network` was a guess.
    pub(super) fn guessed(&self, network: Network, now: Instant) {
        self.guesses.fetch_add(1, Ordering::Relaxed);
        let mut networks = lock(&self.networks);
        let reach = networks.get(&network).map_or(now, |reach| (*reach).max(now));
        networks.insert(network, reach + NETWORK.step * GUESS);
    }

    fn charge<K: Hash + Eq + Clone>(&self, all: &Mutex<HashMap<K, Instant>>, key: &K, pace: Pace, now: Instant) -> Result<(), Error> {
        let mut all = lock(all);
        let reach = all.get(key).map_or(now, |reach| (*reach).max(now)) + pace.step;
        let over = reach.saturating_duration_since(now + pace.ahead);
        if !over.is_zero() {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Err(Error::TooMany { retry_after_s: u32::try_from(over.as_secs()).unwrap_or(u32::MAX).saturating_add(1) });
        }
        if all.len() >= REMEMBERED && !all.contains_key(key) {
            make_room(&mut all, now);
        }
        all.insert(key.clone(), reach);
        Ok(())
    }

    pub(super) fn stats(&self) -> Stats {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Stats { looks: count(&self.looks), guesses: count(&self.guesses), refused: count(&self.refused) }
    }
}

// A std lock, never held across an await.
fn lock<K>(all: &Mutex<HashMap<K, Instant>>) -> MutexGuard<'_, HashMap<K, Instant>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forgets those whose requests are paid for; where there are none, the one that has asked least.
fn make_room<K: Hash + Eq + Clone>(all: &mut HashMap<K, Instant>, now: Instant) {
    all.retain(|_, reach| *reach > now);
    if all.len() >= REMEMBERED
        && let Some(least) = all.iter().min_by_key(|(_, reach)| **reach).map(|(key, _)| key.clone())
    {
        all.remove(&least);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an instant to start from")]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn network(address: &str) -> Network {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn who_asks_too_often_waits_and_nobody_else() {
        let (limits, now) = (Limits::default(), Instant::now());
        let from = network("192.0.2.1");
        assert_eq!((0..500).filter(|_| limits.admit(from, now).is_ok()).count(), 160);
        assert!(matches!(limits.admit(from, now), Err(Error::TooMany { retry_after_s: 1 })));
        assert!(limits.admit(network("192.0.2.2"), now).is_ok());
        assert_eq!((0..9).filter(|_| limits.admit(from, now + Duration::from_secs(1)).is_ok()).count(), 4);
        assert_eq!((0..500).filter(|_| limits.follow("k3f", now).is_ok()).count(), 60);
        assert!(limits.follow("other", now).is_ok() && limits.follow("k3f", now + Duration::from_secs(1)).is_ok());
        assert_eq!(limits.stats(), Stats { looks: 511, guesses: 0, refused: 341 + 1 + 5 + 440 - 1 });
    }

    #[test]
    fn guesses_cost_more_than_looks() {
        let (limits, now) = (Limits::default(), Instant::now());
        let from = network("2001:db8::1");
        let guess = |at: Instant| limits.admit(from, at).map(|()| limits.guessed(from, at)).is_ok();
        assert_eq!((0..100).filter(|_| guess(now)).count(), 8);
        assert!(limits.admit(network("2001:db8::2"), now).is_err(), "its /64 is one guesser");
        assert_eq!((1..=100).filter(|s| guess(now + Duration::from_secs(*s))).count(), 20);
        assert_eq!(limits.stats().guesses, 28);
    }

    #[test]
    fn at_the_bound_those_go_that_asked_least() {
        let (limits, now) = (Limits::default(), Instant::now());
        limits.follow("busy", now).and_then(|()| limits.follow("busy", now)).unwrap();
        for n in 0..REMEMBERED {
            limits.follow(&n.to_string(), now).unwrap();
        }
        let links = lock(&limits.links);
        assert!(links.len() == REMEMBERED && links.contains_key("busy"));
    }
}

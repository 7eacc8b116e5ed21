//! How often links may be looked at: of a link, and from a network, where a guess counts as many looks.

use super::Error;
use crate::ops::allowance::{Allowances, Rate};
use crate::ops::network::Network;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Of a network. An office with some twenty pages open needs two a second.
const NETWORK: Rate = Rate { per_second: 4.0, burst: 160.0 };
/// Of a link.
const LINK: Rate = Rate { per_second: 2.0, burst: 60.0 };
/// A guess costs its network so much more than a look: one each five seconds, eight at once.
const GUESS: f64 = 19.0;

/// The limits, and counts of what came.
#[derive(Debug)]
pub(super) struct Limits {
    networks: Allowances<Network>,
    links: Allowances<String>,
    looks: AtomicU64,
    guesses: AtomicU64,
    refused: AtomicU64,
}

impl Default for Limits {
    fn default() -> Self {
        let count = AtomicU64::default;
        Self { networks: Allowances::new(NETWORK), links: Allowances::new(LINK), looks: count(), guesses: count(), refused: count() }
    }
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
        self.networks.take(network, now).map_err(|wait| self.refuse(wait))
    }

    /// Lets a request for what the link `id` shows in, or says how long it has to wait.
    pub(super) fn follow(&self, id: &str, now: Instant) -> Result<(), Error> {
        self.links.take(id.to_owned(), now).map_err(|wait| self.refuse(wait))
    }

    /// Notes that what was asked from `network` was a guess.
    pub(super) fn guessed(&self, network: Network, now: Instant) {
        self.guesses.fetch_add(1, Ordering::Relaxed);
        self.networks.owe(network, GUESS, now);
    }

    fn refuse(&self, wait: Duration) -> Error {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Error::TooMany { retry_after_s: u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1) }
    }

    pub(super) fn stats(&self) -> Stats {
        let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Stats { looks: count(&self.looks), guesses: count(&self.guesses), refused: count(&self.refused) }
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
}

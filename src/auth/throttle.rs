//! Slows down guessing: each failure doubles the wait before the next try from the same network.
//!
//! Failures of a name lengthen that wait too, but little, and only for networks that failed themselves: whoever guesses at a name
//! keeps nobody else from signing in with it.

use crate::ops::network::Network;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures that cost nothing: people mistype.
const FREE: u32 = 4;
/// Failures counted at most.
const MOST: u32 = FREE + 10;
/// The longest wait for a network's own failures.
const LONGEST: Duration = Duration::from_secs(900);
/// The longest wait for the failures that others had with the name.
const LONGEST_BY_NAME: Duration = Duration::from_secs(30);
/// Each time that it has been quiet for so long, half of the failures are forgotten.
const HALVED: Duration = Duration::from_secs(1_800);
/// Names and networks remembered; at the bound the oldest go.
const REMEMBERED: usize = 10_000;

#[derive(Default)]
pub(super) struct Throttle(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    names: HashMap<String, Failures>,
    networks: HashMap<Network, Failures>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last)
    }

    fn left(&self, now: Instant) -> u32 {
        let halvings = self.since(now).as_secs() / HALVED.as_secs();
        self.count.checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX)).unwrap_or(0)
    }
}

fn wait(failures: u32, longest: Duration) -> Duration {
    match failures.saturating_sub(FREE) {
        0 => Duration::ZERO,
        n => Duration::from_secs(1 << n).min(longest),
    }
}

fn add<K: Hash + Eq + Clone>(all: &mut HashMap<K, Failures>, key: K, now: Instant) {
    if all.len() >= REMEMBERED {
        all.retain(|_, f| f.left(now) > 0);
    }
    if all.len() >= REMEMBERED
        && let Some(oldest) = all.iter().min_by_key(|(_, f)| f.last).map(|(k, _)| k.clone())
    {
        all.remove(&oldest);
    }
    let failures = all.entry(key).or_insert(Failures { count: 0, last: now });
    *failures = Failures { count: (failures.left(now) + 1).min(MOST), last: now };
}

impl Throttle {
    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long `network` must still wait before a try with `name`, zero when it may.
    pub(super) fn wait(&self, name: &str, network: Network, now: Instant) -> Duration {
        let counts = self.counts();
        let Some(own) = counts.networks.get(&network).filter(|own| own.left(now) > 0) else { return Duration::ZERO };
        let of_name = counts.names.get(&name.to_lowercase()).map_or(0, |f| f.left(now));
        wait(own.left(now), LONGEST).max(wait(of_name, LONGEST_BY_NAME)).saturating_sub(own.since(now))
    }

    pub(super) fn failed(&self, name: &str, network: Network, now: Instant) {
        let mut counts = self.counts();
        add(&mut counts.names, name.to_lowercase(), now);
        add(&mut counts.networks, network, now);
    }

    /// Takes back that the try which now succeeded was counted, and clears the name. The network keeps what it failed before, or a
    /// password of one's own would buy guesses at those of others.
    pub(super) fn succeeded(&self, name: &str, network: Network) {
        let mut counts = self.counts();
        counts.names.remove(&name.to_lowercase());
        if let Some(own) = counts.networks.get_mut(&network) {
            own.count = own.count.saturating_sub(1);
            if own.count == 0 {
                counts.networks.remove(&network);
            }
        }
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
    fn guessing_slows_down_and_time_heals() {
        let (throttle, start, from) = (Throttle::default(), Instant::now(), network("127.0.0.1"));
        for _ in 0..FREE {
            throttle.failed("ana", from, start);
            assert_eq!(throttle.wait("ana", from, start), Duration::ZERO);
        }
        throttle.failed("ana", from, start);
        assert_eq!(throttle.wait("ANA", from, start), Duration::from_secs(2));
        assert_eq!(throttle.wait("ben", from, start), Duration::from_secs(2));
        assert_eq!(throttle.wait("ana", from, start + Duration::from_secs(2)), Duration::ZERO);
        for _ in 0..100 {
            throttle.failed("ana", from, start);
        }
        assert_eq!(throttle.wait("ben", from, start), LONGEST);
        let later = start + 2 * HALVED;
        throttle.failed("ana", from, later);
        assert_eq!(throttle.wait("ana", from, later), Duration::ZERO, "after an hour of quiet another failure is free again");
    }

    #[test]
    fn guesses_at_a_name_do_not_keep_its_owner_out() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for n in 0..200_u8 {
            throttle.failed("ana", network(&format!("10.0.0.{n}")), start);
        }
        let home = network("192.0.2.1");
        assert_eq!(throttle.wait("ana", home, start), Duration::ZERO);
        throttle.failed("ana", home, start);
        assert_eq!(throttle.wait("ana", home, start), LONGEST_BY_NAME, "one who mistypes waits, but not for long");
        throttle.failed("ana", network("10.0.0.1"), start + LONGEST_BY_NAME);
        assert_eq!(throttle.wait("ana", home, start + LONGEST_BY_NAME), Duration::ZERO, "others do not prolong it");
    }

    #[test]
    fn a_network_is_one_guesser_and_its_good_sign_ins_cost_it_nothing() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for n in 0..=FREE {
            throttle.failed("ana", network(&format!("2001:db8::{n}")), start);
        }
        assert_eq!(throttle.wait("ben", network("2001:db8::77"), start), Duration::from_secs(2));
        let office = network("192.0.2.1");
        for _ in 0..20 {
            throttle.failed("ben", office, start);
            throttle.succeeded("ben", office);
        }
        assert_eq!(throttle.wait("ben", office, start), Duration::ZERO);
    }

    #[test]
    fn the_oldest_are_forgotten_at_the_bound() {
        let (mut all, start) = (HashMap::new(), Instant::now());
        for n in 0..=REMEMBERED {
            add(&mut all, n, start + Duration::from_millis(n as u64));
        }
        assert!(all.len() == REMEMBERED && !all.contains_key(&0));
    }
}

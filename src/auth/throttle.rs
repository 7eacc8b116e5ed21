//! Slows down guessing: failures of a user and of an address double the wait before the next try.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures that cost nothing: people mistype.
const FREE: u32 = 4;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(900);
/// Names and addresses remembered; at the bound the oldest go.
const REMEMBERED: usize = 10_000;

pub(super) struct Throttle(Mutex<HashMap<String, Failures>>);

struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(&self) -> Duration {
        match self.count.checked_sub(FREE) {
            None | Some(0) => Duration::ZERO,
            Some(n) => Duration::from_secs(1_u64 << n.min(10)).min(LONGEST),
        }
    }
}

fn keys(name: &str, address: IpAddr) -> [String; 2] {
    [format!("user:{}", name.to_lowercase()), format!("address:{address}")]
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self(Mutex::default())
    }

    /// How long this one must still wait, zero when it may try.
    pub(super) fn wait(&self, name: &str, address: IpAddr, now: Instant) -> Duration {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = |key: &String| all.get(key).map_or(Duration::ZERO, |f| f.wait().saturating_sub(now.saturating_duration_since(f.last)));
        keys(name, address).iter().map(left).max().unwrap_or_default()
    }

    pub(super) fn failed(&self, name: &str, address: IpAddr, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= REMEMBERED {
            all.retain(|_, f| now.saturating_duration_since(f.last) < LONGEST);
        }
        if all.len() >= REMEMBERED
            && let Some(oldest) = all.iter().min_by_key(|(_, f)| f.last).map(|(k, _)| k.clone())
        {
            all.remove(&oldest);
        }
        for key in keys(name, address) {
            let failures = all.entry(key).or_insert(Failures { count: 0, last: now });
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
    }

    /// Clears the name. The address keeps its count, or a password of one's own would buy guesses at those of others.
    pub(super) fn succeeded(&self, name: &str, address: IpAddr) {
        let [name, _] = keys(name, address);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an instant to start from")]
mod tests {
    use super::*;

    #[test]
    fn guessing_slows_down_and_time_heals() {
        let (throttle, start, from) = (Throttle::new(), Instant::now(), IpAddr::from([127, 0, 0, 1]));
        for _ in 0..FREE {
            throttle.failed("ana", from, start);
            assert_eq!(throttle.wait("ana", from, start), Duration::ZERO);
        }
        throttle.failed("ana", from, start);
        assert_eq!(throttle.wait("ANA", IpAddr::from([10, 0, 0, 1]), start), Duration::from_secs(2));
        assert_eq!(throttle.wait("ben", from, start), Duration::from_secs(2));
        assert_eq!(throttle.wait("ana", from, start + Duration::from_secs(2)), Duration::ZERO);
    }
}

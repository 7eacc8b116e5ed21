//! How many may come from where: open connections in all and per network, and failed log-ins.

use super::stats::Reason;
use crate::ops::network::Network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Inner {
    open: usize,
    by_network: HashMap<Network, usize>,
    failures: HashMap<Network, (Instant, u32)>,
}

/// Counts connections and failed log-ins. A std mutex: held for a map look-up.
pub struct Limits {
    inner: Mutex<Inner>,
    in_all: usize,
    per_address: usize,
    failures: u32,
}

/// Leave to be connected; ends when dropped.
pub struct Permit {
    limits: Arc<Limits>,
    address: IpAddr,
}

impl Permit {
    /// Whose it is.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut inner = self.limits.lock();
        inner.open -= 1;
        if let Some(count) = inner.by_network.get_mut(&self.address.into()) {
            *count -= 1;
            if *count == 0 {
                inner.by_network.remove(&self.address.into());
            }
        }
    }
}

impl Limits {
    /// At most so many connections in all and per network, and failed log-ins per network and minute.
    pub fn new(in_all: usize, per_address: usize, failures: u32) -> Self {
        Self { inner: Mutex::default(), in_all, per_address, failures }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leave for one more connection from the network of `address`, or why not.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Reason> {
        let mut inner = self.lock();
        if inner.open >= self.in_all {
            return Err(Reason::TooMany);
        }
        let count = inner.by_network.entry(address.into()).or_default();
        if *count >= self.per_address {
            return Err(Reason::TooManyFromAddress);
        }
        *count += 1;
        inner.open += 1;
        Ok(Permit { limits: self.clone(), address })
    }

    /// Open connections.
    pub fn open(&self) -> usize {
        self.lock().open
    }

    /// Has the network of `address` failed too often within the last minute?
    pub fn is_guessing(&self, address: IpAddr, now: Instant) -> bool {
        let inner = self.lock();
        inner.failures.get(&address.into()).is_some_and(|&(since, n)| n >= self.failures && now.saturating_duration_since(since) < WINDOW)
    }

    /// Notes a failed log-in.
    pub fn note_failure(&self, address: IpAddr, now: Instant) {
        let mut inner = self.lock();
        if inner.failures.len() > 10_000 {
            inner.failures.retain(|_, (since, _)| now.saturating_duration_since(*since) < WINDOW);
        }
        let entry = inner.failures.entry(address.into()).or_insert((now, 0));
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
    fn permits_come_back() {
        let limits = Arc::new(Limits::new(2, 1, 1));
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = limits.admit(a).ok().unwrap();
        assert_eq!(limits.admit(a).err(), Some(Reason::TooManyFromAddress));
        assert_eq!(limits.admit("::ffff:10.0.0.1".parse().unwrap()).err(), Some(Reason::TooManyFromAddress));
        let second = limits.admit(b).ok().unwrap();
        assert_eq!(limits.admit("10.0.0.3".parse().unwrap()).err(), Some(Reason::TooMany));
        drop((first, second));
        assert!(limits.lock().by_network.is_empty() && limits.open() == 0);
    }

    #[test]
    fn guessing_is_forgotten_after_a_minute() {
        let (limits, now) = (Limits::new(1, 1, 2), Clock::system().monotonic());
        let (a, same): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        limits.note_failure(a, now);
        assert!(!limits.is_guessing(a, now));
        limits.note_failure(same, now);
        assert!(limits.is_guessing(a, now));
        assert!(!limits.is_guessing(a, now + WINDOW));
    }
}

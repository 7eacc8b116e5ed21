//! How many may come from where: open connections in all and per network.

use super::stats::Reason;
use crate::ops::network::Network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct Inner {
    open: usize,
    by_network: HashMap<Network, usize>,
}

/// Counts connections. A std mutex: held for a map look-up.
pub struct Limits {
    inner: Mutex<Inner>,
    in_all: usize,
    per_address: usize,
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
    /// At most so many connections in all and per network.
    pub fn new(in_all: usize, per_address: usize) -> Self {
        Self { inner: Mutex::default(), in_all, per_address }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_come_back() {
        let limits = Arc::new(Limits::new(2, 1));
        let (a, b): (IpAddr, IpAddr) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let first = limits.admit(a).ok().unwrap();
        assert_eq!(limits.admit(a).err(), Some(Reason::TooManyFromAddress));
        assert_eq!(limits.admit("::ffff:10.0.0.1".parse().unwrap()).err(), Some(Reason::TooManyFromAddress));
        let second = limits.admit(b).ok().unwrap();
        assert_eq!(limits.admit("10.0.0.3".parse().unwrap()).err(), Some(Reason::TooMany));
        drop((first, second));
        assert!(limits.lock().by_network.is_empty() && limits.open() == 0);
    }
}

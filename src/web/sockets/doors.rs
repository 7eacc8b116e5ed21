//! How many are let in, and what became of them.

use crate::ops::allowance::{Allowances, Rate};
use crate::ops::network::Network;
use crate::web::live::hub::{Bounds, Full};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Connections at most.
const BOUNDS: Bounds = Bounds { clients: 4_096, per_user: 32 };
/// New ones from one network: each is kept for some seconds before it must say who it is.
const KNOCKS: Rate = Rate { per_second: 100.0, burst: 300.0 };

/// Numbers for the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Connections now.
    pub clients: u64,
    /// Connections since the start.
    pub entered: u64,
    /// Those that came without good credentials.
    pub turned_away: u64,
    /// Those that were not let in because there were too many.
    pub full: u64,
    /// Messages taken.
    pub messages: u64,
    /// Messages refused because they came too fast.
    pub too_fast: u64,
    /// Commands sent to vehicles, repeats included.
    pub commands_sent: u64,
    /// Commands that vehicles acknowledged.
    pub commands_acknowledged: u64,
}

#[derive(Debug, Default)]
struct Counters {
    entered: AtomicU64,
    turned_away: AtomicU64,
    full: AtomicU64,
    messages: AtomicU64,
    too_fast: AtomicU64,
    commands_sent: AtomicU64,
    commands_acknowledged: AtomicU64,
}

/// The doors; all clones are the same.
#[derive(Clone, Debug)]
pub struct Doors(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    // A std mutex: held for a look-up.
    inside: Mutex<HashMap<Box<str>, usize>>,
    knocks: Allowances<Network>,
    counters: Counters,
}

impl Default for Doors {
    fn default() -> Self {
        Self(Arc::new(Inner { inside: Mutex::default(), knocks: Allowances::new(KNOCKS), counters: Counters::default() }))
    }
}

/// A place inside; dropping it gives it back.
#[derive(Debug)]
pub struct Place {
    doors: Doors,
    user: Box<str>,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Doors {
    /// Somebody from there wants to come in; else how long to wait.
    pub fn knock(&self, from: Network, now: Instant) -> Result<(), Duration> {
        self.0.knocks.take(from, now).inspect_err(|_| add(&self.0.counters.full))
    }

    /// A place for `user`.
    pub fn enter(&self, user: &str) -> Result<Place, Full> {
        let mut inside = self.0.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let full = if inside.values().sum::<usize>() >= BOUNDS.clients {
            Some(Full::All)
        } else {
            inside.get(user).is_some_and(|own| *own >= BOUNDS.per_user).then_some(Full::User)
        };
        if let Some(full) = full {
            add(&self.0.counters.full);
            return Err(full);
        }
        *inside.entry(user.into()).or_default() += 1;
        add(&self.0.counters.entered);
        Ok(Place { doors: self.clone(), user: user.into() })
    }

    /// Somebody had no good credentials.
    pub fn turned_away(&self) {
        add(&self.0.counters.turned_away);
    }
    /// A message was taken, or came too fast.
    pub fn heard(&self, taken: bool) {
        add(if taken { &self.0.counters.messages } else { &self.0.counters.too_fast });
    }
    /// A command was sent.
    pub fn commanded(&self) {
        add(&self.0.counters.commands_sent);
    }
    /// A command was acknowledged.
    pub fn acknowledged(&self) {
        add(&self.0.counters.commands_acknowledged);
    }

    /// The numbers now.
    pub fn stats(&self) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (c, inside) = (&self.0.counters, self.0.inside.lock().unwrap_or_else(PoisonError::into_inner));
        Stats {
            clients: inside.values().sum::<usize>() as u64,
            entered: get(&c.entered),
            turned_away: get(&c.turned_away),
            full: get(&c.full),
            messages: get(&c.messages),
            too_fast: get(&c.too_fast),
            commands_sent: get(&c.commands_sent),
            commands_acknowledged: get(&c.commands_acknowledged),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.doors.0.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = inside.get_mut(&*self.user) {
            *own -= 1;
            if *own == 0 {
                inside.remove(&*self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let doors = Doors::default();
        let mut own: Vec<_> = (0..BOUNDS.per_user).map(|_| doors.enter("user:ana").unwrap()).collect();
        assert_eq!(doors.enter("user:ana").unwrap_err(), Full::User);
        own.pop();
        own.push(doors.enter("user:ana").unwrap());
        let others: Vec<_> = (0..BOUNDS.clients - own.len()).map(|n| doors.enter(&format!("device:{n}")).unwrap()).collect();
        assert_eq!(doors.enter("user:ben").unwrap_err(), Full::All);
        drop((own, others));
        assert_eq!((doors.stats().clients, doors.stats().full), (0, 2));
        assert!(doors.0.inside.lock().unwrap().is_empty());
    }
}

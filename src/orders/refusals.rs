//! How often a refusal may be noted: whoever can write onto the line must not be able to fill the disk.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Refusals noted within [`WINDOW`].
pub const NOTED: u32 = 20;
const WINDOW: Duration = Duration::from_secs(3_600);

#[derive(Default)]
pub struct Refusals(Mutex<Option<Window>>);

struct Window {
    since: Instant,
    noted: u32,
    unnoted: u64,
}

impl Refusals {
    /// May one be noted at `now`? Then how many were not noted since the last that was.
    pub fn note(&self, now: Instant) -> Option<u64> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = kept.get_or_insert(Window { since: now, noted: 0, unnoted: 0 });
        if now.saturating_duration_since(window.since) >= WINDOW {
            (window.since, window.noted) = (now, 0);
        }
        if window.noted == NOTED {
            window.unnoted += 1;
            return None;
        }
        window.noted += 1;
        Some(std::mem::take(&mut window.unnoted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn so_many_an_hour_and_the_rest_is_counted() {
        let (refusals, start) = (Refusals::default(), Clock::system().monotonic());
        let noted = (0..100).filter(|_| refusals.note(start).is_some()).count();
        assert_eq!(noted, NOTED as usize);
        assert_eq!(refusals.note(start + WINDOW - Duration::from_secs(1)), None);
        assert_eq!(refusals.note(start + WINDOW), Some(100 - u64::from(NOTED) + 1));
        assert_eq!(refusals.note(start + WINDOW), Some(0));
    }
}

//! The only caller of `now()`: a system clock, or one that a test moves by hand.

use crate::model::{Span, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Tells the time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual { at: Arc<AtomicI64>, start: i64 },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }
    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual { at: Arc::new(AtomicI64::new(start.as_millis())), start: start.as_millis() })
    }
    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::from_millis(jiff::Timestamp::now().as_millisecond()),
            Source::Manual { at, .. } => Timestamp::from_millis(at.load(Ordering::SeqCst)),
        }
    }
    /// Moves a manual clock on; the system clock stays as it is.
    pub fn advance(&self, by: Span) {
        if let Source::Manual { at, .. } = &self.0 {
            at.fetch_add(by.as_millis(), Ordering::SeqCst);
        }
    }
    /// A monotonic reading, for time-outs and durations only. That of a manual clock goes by itself, and moves with it.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn monotonic(&self) -> Instant {
        let moved = match &self.0 {
            Source::System => 0,
            Source::Manual { at, start } => at.load(Ordering::SeqCst) - start,
        };
        Instant::now() + Duration::from_millis(moved.try_into().unwrap_or(0))
    }
}

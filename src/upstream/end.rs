//! How a session with a sink ends, and what may end it.

use super::outgoing;
use super::sink::{self, Fault};
use crate::store;
use futures_util::FutureExt;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

/// Why a line ended a session.
pub(super) enum End {
    /// The depot stops.
    Cancelled,
    /// It may not send now: paused, or outside its hours.
    Held,
    /// It failed.
    Failed(Fault),
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}
impl From<outgoing::Error> for End {
    fn from(error: outgoing::Error) -> Self {
        Self::Failed(Fault::new(error))
    }
}
impl From<store::Error> for End {
    fn from(error: store::Error) -> Self {
        Self::Failed(Fault::new(error))
    }
}

pub(super) async fn within<T>(patience: Duration, asked: sink::Told<'_, T>) -> Result<T, Fault> {
    match tokio::time::timeout(patience, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(Fault::new(format!("no answer within {patience:?}"))),
    }
}

/// How `attempt` ended; what breaks in it ends the attempt, not the depot.
pub(super) async fn caught(attempt: impl Future<Output = End>) -> End {
    let broken = |panic: Box<dyn Any + Send>| {
        let said = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        End::Failed(Fault::new(format!("depotd itself broke: {}", said.unwrap_or("it did not say how"))))
    };
    AssertUnwindSafe(attempt).catch_unwind().await.unwrap_or_else(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_breaks_in_a_line_is_a_fault_of_the_line() {
        let end = caught(async {
            assert_eq!(std::hint::black_box(1), 2, "numbers");
            End::Held
        });
        let End::Failed(fault) = end.await else { panic!("no fault") };
        assert!(fault.what.contains("depotd itself broke") && fault.what.contains("numbers"), "{fault}");
    }
}

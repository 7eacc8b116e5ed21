//! Orders coming down: asked for every so often, handed to [`Orders`], a part at a time so that the lanes go on.

use super::sink::{Fault, Sink};
use crate::orders::Orders;
use std::time::{Duration, Instant};

/// After a question that failed, the next comes no sooner.
const REST: Duration = Duration::from_secs(30);

/// The orders of one sink.
pub struct Incoming {
    orders: Orders,
    sink: String,
    every: Duration,
    next: Option<Instant>,
    /// Where the reading is, while it is not where it was kept.
    at: Option<i64>,
    failed: bool,
}

impl Incoming {
    /// Asks `sink` every `every`.
    pub fn new(orders: Orders, sink: &str, every: Duration) -> Self {
        Self { orders, sink: sink.to_owned(), every, next: None, at: None, failed: false }
    }

    /// Reads all orders from the first on, the next time: what was answered stays answered, what was missed is not.
    pub fn begin_again(&mut self) {
        (self.at, self.next) = (Some(0), None);
    }

    /// Asks when it is time to at `now`, and deals with what comes. What fails is told in the log and tried again later; it is no
    /// reason to keep the lanes waiting.
    pub async fn ask(&mut self, sink: &mut dyn Sink, patience: Duration, now: Instant) {
        if self.next.is_some_and(|next| now < next) {
            return;
        }
        match self.read_on(sink, patience).await {
            Ok(more) => {
                self.failed = false;
                self.next = (!more).then(|| now + self.every);
            }
            Err(fault) => {
                if !std::mem::replace(&mut self.failed, true) {
                    tracing::warn!(sink = self.sink, "orders of {} could not be taken: {fault}", self.sink);
                }
                self.next = Some(now + self.every.max(REST));
            }
        }
    }

    /// Deals with the next part; `true`: there may be more.
    async fn read_on(&mut self, sink: &mut dyn Sink, patience: Duration) -> Result<bool, Fault> {
        let after = match self.at {
            Some(at) => at,
            None => self.orders.after(&self.sink).await.map_err(Fault::new)?,
        };
        let asked = tokio::time::timeout(patience, sink.orders(after)).await;
        let found = asked.map_err(|_| Fault::new(format!("no answer within {patience:?}")))??;
        // A sink that tells what was not asked for would be asked for ever.
        let new: Vec<_> = found.into_iter().filter(|order| order.seq > after).collect();
        self.orders.take(&self.sink, &new).await.map_err(Fault::new)?;
        let last = new.iter().map(|order| order.seq).max();
        self.at = last.filter(|_| self.at.is_some());
        Ok(last.is_some())
    }
}

//! `nats`: a depot's batches into JetStream, its orders out of it. See [`super::jetstream`].

use super::jetstream::{JetStream, Put};
use super::{Answer, Fault, Sink, Told, tls};
use crate::batch::{Batch, Known, Order};
use crate::config::SinkSettings;
use crate::model::Lane;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Orders read at once.
const ORDERS: usize = 100;
/// Messages looked at for them.
const LOOKED_AT: usize = 1_000;

pub struct Nats {
    settings: SinkSettings,
    depot: String,
    timeout: Duration,
    open: Option<JetStream>,
    /// The number of each lane's last message, 0 when it has none.
    last: BTreeMap<Lane, u64>,
    /// Lanes of which the stream's limits may have taken everything.
    forgotten: BTreeSet<Lane>,
    /// Behind order `.0`, messages up to `.1` are none.
    passed: (i64, u64),
}

impl Nats {
    pub fn new(settings: &SinkSettings, depot: &str, timeout: Duration) -> Result<Self, Fault> {
        // What is wrong with files is told at once, not at the first connection.
        tls::client(settings)?;
        let (last, forgotten) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { settings: settings.clone(), depot: depot.to_owned(), timeout, open: None, last, forgotten, passed: (0, 0) })
    }

    async fn open(&mut self) -> Result<&mut JetStream, Fault> {
        if self.open.is_none() {
            let name = format!("depotd {}", self.depot);
            self.open = Some(JetStream::connect(&self.settings, &name, self.timeout).await?);
        }
        self.open.as_mut().ok_or_else(|| Fault::new("not connected"))
    }

    /// What the last message of a lane covers.
    async fn last(&mut self, lane: Lane) -> Result<Option<Known>, Fault> {
        let depot = self.depot.clone();
        let last = self.open().await?.last(&depot, lane).await?;
        self.last.insert(lane, last.sequence);
        if last.forgotten {
            self.forgotten.insert(lane);
        }
        Ok(last.known)
    }
}

impl Sink for Nats {
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>> {
        Box::pin(async {
            let mut known = Vec::new();
            for lane in Lane::ALL.into_iter().filter(|lane| lane.is_durable()) {
                known.extend(self.last(lane).await?);
            }
            Ok(Some(known))
        })
    }

    fn speaks_of(&self, lane: Lane) -> bool {
        !self.forgotten.contains(&lane)
    }

    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer> {
        Box::pin(async {
            let (span, lane) = (&batch.span, batch.span.lane);
            let expected = lane.is_durable().then(|| self.last.get(&lane).copied().unwrap_or(0));
            match self.open().await?.put(batch, expected).await? {
                Put::Stored(sequence) => {
                    self.last.insert(lane, sequence);
                    Ok(Answer::Stored(span.last))
                }
                Put::TooLarge => Ok(Answer::TooLarge),
                // Somebody was before us: an attempt of ours of which the answer was lost.
                Put::Overtaken => match self.last(lane).await? {
                    Some(known) if known.epoch == span.epoch && known.through >= span.last => Ok(Answer::Stored(known.through)),
                    Some(known) if known.epoch == span.epoch => Ok(Answer::Expected(known.through.saturating_add(1))),
                    _ => Ok(Answer::Expected(span.first)),
                },
            }
        })
    }

    /// An order's number is that of its message.
    fn orders(&mut self, after: i64) -> Told<'_, Vec<Order>> {
        Box::pin(async move {
            if self.passed.0 != after {
                self.passed = (after, after.max(0).cast_unsigned());
            }
            let (depot, mut at, mut found) = (self.depot.clone(), self.passed.1, Vec::new());
            for _ in 0..LOOKED_AT {
                let Some((number, payload)) = self.open().await?.next(&depot, "orders", at + 1).await? else { break };
                at = number;
                match serde_json::from_slice::<Order>(&payload) {
                    Ok(order) => found.push(Order { seq: number.cast_signed(), ..order }),
                    Err(error) => tracing::warn!("message {number} is no order and is passed over: {error}"),
                }
                if found.is_empty() {
                    self.passed.1 = at;
                }
                if found.len() == ORDERS {
                    break;
                }
            }
            Ok(found)
        })
    }
}

//! How much of each lane waits, as the board tells it. Counting takes no more than a small part of the time, however much waits.

use super::outgoing::{Error, Outgoing};
use super::position::Position;
use crate::model::{Lane, LaneStatus, Timestamp};
use crate::store::sinks;
use crate::sync::Sync;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Counting takes no more than this part of the time.
const SHARE: u32 = 500;

/// Counts for one sink.
pub struct Tally {
    outgoing: Outgoing,
    sync: Sync,
    sink: String,
    lanes: Vec<Lane>,
    last: Option<Instant>,
    /// How long the last count took.
    took: Duration,
}

impl Tally {
    /// For `sink`, to which `lanes` go.
    pub fn new(outgoing: Outgoing, sync: Sync, sink: &str, lanes: &[Lane]) -> Self {
        Self { outgoing, sync, sink: sink.to_owned(), lanes: lanes.to_vec(), last: None, took: Duration::ZERO }
    }

    /// Counts when the last count is `least` ago.
    pub async fn count_after(&mut self, least: Duration, positions: &BTreeMap<Lane, Position>) {
        let (at, pause) = (self.outgoing.clock.monotonic(), self.pause(least));
        if self.last.is_none_or(|before| at.saturating_duration_since(before) >= pause) {
            self.count(positions).await;
        }
    }

    /// Writes to the board how far the lanes are.
    pub async fn count(&mut self, positions: &BTreeMap<Lane, Position>) {
        let at = self.outgoing.clock.monotonic();
        self.last = Some(at);
        match self.statuses(positions).await {
            Ok(lanes) => self.sync.note(&self.sink, |status| status.lanes = lanes),
            Err(error) => tracing::warn!("what waits for {} cannot be counted: {error}", self.sink),
        }
        self.took = self.outgoing.clock.monotonic().saturating_duration_since(at);
    }

    /// The pause between two counts: `least`, or longer when much waits.
    pub fn pause(&self, least: Duration) -> Duration {
        least.max(self.took * SHARE)
    }

    async fn statuses(&self, positions: &BTreeMap<Lane, Position>) -> Result<Vec<LaneStatus>, Error> {
        let mut lanes = Vec::new();
        for lane in self.lanes.iter().copied() {
            let (sink, position) = (self.sink.clone(), positions.get(&lane));
            let cursor = match position {
                Some(position) => position.cursor,
                None => self.outgoing.db.read(move |c| sinks::cursor(c, &sink, lane)).await?.unwrap_or_default(),
            };
            let (head, (backlog, oldest)) = (self.outgoing.head(lane).await?, self.outgoing.backlog(lane, cursor.through).await?);
            let acked_at = (cursor.acked_at != Timestamp::default()).then_some(cursor.acked_at);
            let (through, records, bytes) = (cursor.through, cursor.records, cursor.bytes);
            let (lost, held_up) = (position.map_or(0, |p| p.lost), position.and_then(Position::held_up));
            lanes.push(LaneStatus { lane, head, through, backlog, oldest, acked_at, records, bytes, lost, held_up });
        }
        lanes.sort_by_key(|status| status.lane);
        Ok(lanes)
    }
}

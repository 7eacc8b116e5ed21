//! What a sink's answers do to the lanes.

use super::{End, Line};
use crate::batch::Batch;
use crate::model::Lane;
use crate::patience::backoff::{Backoff, draw};
use crate::store::sinks;
use crate::upstream::position::Heard;
use crate::upstream::sink::{Answer, Fault};
use std::time::Duration;

impl Line {
    /// Takes what the sink said of a batch.
    pub(super) async fn hear(
        &mut self,
        lane: Lane,
        batch: &Batch,
        answer: Result<Answer, Fault>,
        backoff: &mut Backoff,
    ) -> Result<(), End> {
        let now = self.deps.clock.now();
        if self.settings.kib_per_s > 0 {
            let time = Duration::from_secs_f64(batch.body.len() as f64 / (f64::from(self.settings.kib_per_s) * 1_024.0));
            self.not_before = Some(self.deps.clock.monotonic() + time);
        }
        let head = self.outgoing.head(lane).await?;
        let Some(position) = self.lanes.get_mut(&lane) else { return Ok(()) };
        match answer.and_then(|answer| position.hear(batch, answer, head, now)) {
            Ok(Heard::Smaller) => return Ok(()),
            Ok(Heard::Progress) => {
                self.is_well(backoff);
                self.believe_again();
                if lane.is_durable() {
                    self.deps.sync.proved(self.name());
                }
            }
            Ok(Heard::Moved) => {}
            Err(fault) => return self.not_taken(lane, batch, fault),
        }
        if lane.is_durable() {
            let (name, cursor) = (self.name().to_owned(), self.lanes[&lane].cursor);
            self.deps.db.write(move |tx| sinks::set_cursor(tx, &name, lane, cursor)).await?;
        }
        Ok(())
    }

    /// Something was stored: lanes that failed only because everything did are tried again now.
    fn believe_again(&mut self) {
        self.proved = true;
        if std::mem::take(&mut self.outage) {
            let now = self.deps.clock.monotonic();
            self.lanes.values_mut().filter(|position| position.is_suspected()).for_each(|position| position.try_at(now));
        }
    }

    /// A batch was not taken. When the fault is its own, its lane is held up and the others go on; nothing of it is dropped.
    fn not_taken(&mut self, lane: Lane, batch: &Batch, fault: Fault) -> Result<(), End> {
        let (pauses, now) = (self.pauses(), (self.deps.clock.monotonic(), self.deps.clock.now()));
        let others = self.lanes.iter().any(|(other, position)| *other != lane && position.is_suspected());
        let Some(position) = self.lanes.get_mut(&lane) else { return Err(fault.into()) };
        let at_fault = position.not_taken(batch, &fault);
        self.outage |= others && !self.proved && !fault.refused;
        if at_fault && (fault.refused || !self.outage) {
            self.proved &= fault.refused;
            if position.hold_up(pauses, draw(), now) {
                let (name, lane, first) = (self.name(), lane.as_str(), batch.span.first);
                tracing::error!(sink = name, lane, first, "{name} does not take number {first} of lane {lane}, which waits: {fault}");
            }
        }
        if fault.refused { Ok(()) } else { Err(fault.into()) }
    }
}

//! One connection's fixes on their way to the log.

use super::counts::Way;
use super::{Ingest, Message};
use crate::model::Fix;
use crate::telemetry::{self, Format, Rejected, VehicleState, Verdict};
use crate::tracks::Closed;
use serde::Serialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is remembered of a vehicle's fixes.
#[derive(Default)]
pub(super) struct Known {
    state: VehicleState,
    /// Fixes that were judged and that the log has not got yet.
    in_hand: usize,
}

/// One fix that was not taken.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Refusal {
    /// Its place in the array, counted from 0.
    pub index: usize,
    /// Why.
    pub reason: String,
}

/// What became of the fixes of a payload.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Fixes handed to the log.
    pub taken: usize,
    /// Fixes that are there already.
    pub repeated: usize,
    /// Those that no decoder takes.
    pub refused: Vec<Refusal>,
}

/// A way in that remembers what it holds. What it holds when it is dropped was promised to nobody, and is taken when it comes again.
pub struct Intake {
    ingest: Ingest,
    way: Way,
    known: Arc<Mutex<Known>>,
    batch: Vec<Fix>,
    repeated: bool,
    last: u64,
}

impl Intake {
    pub(super) fn new(ingest: Ingest, known: Arc<Mutex<Known>>, way: Way) -> Self {
        Self { ingest, way, known, batch: Vec::new(), repeated: false, last: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decodes and judges a payload as one: when one of its fixes is wrong, none is taken.
    pub fn take(&mut self, message: &Message<'_>) -> Result<usize, Rejected> {
        self.judge(message).map(|(taken, _)| taken)
    }

    /// Decodes and judges each fix of an array for itself.
    pub fn take_each(&mut self, message: &Message<'_>) -> Tally {
        let mut tally = Tally::default();
        let parts = match message.source.format {
            Format::Native => telemetry::parts(message.payload),
            _ => Ok(vec![message.payload]),
        };
        let parts = match parts {
            Ok(parts) => parts,
            Err(rejected) => {
                self.refuse(message, &rejected);
                tally.refused.push(Refusal { index: 0, reason: rejected.reason() });
                return tally;
            }
        };
        for (index, payload) in parts.into_iter().enumerate() {
            match self.judge(&Message { payload, ..*message }) {
                Ok((taken, repeated)) => (tally.taken, tally.repeated) = (tally.taken + taken, tally.repeated + repeated),
                Err(rejected) => tally.refused.push(Refusal { index, reason: rejected.reason() }),
            }
        }
        tally
    }

    fn judge(&mut self, message: &Message<'_>) -> Result<(usize, usize), Rejected> {
        let Message { source, topic, payload, received } = *message;
        let before = self.batch.len();
        let decoded = telemetry::decode_into(source.format, topic, payload, source.vehicle, received, &mut self.batch);
        let decoded = decoded.inspect_err(|rejected| self.refuse(message, rejected))?;
        let known = self.known.clone();
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        if decoded == 1 {
            // The usual case, without moving anything but the one fix.
            let kept = self.batch.pop().and_then(|fix| self.keep(&mut known, before, fix));
            self.batch.extend(kept);
        } else {
            let decoded = self.batch.split_off(before);
            for fix in decoded {
                let kept = self.keep(&mut known, before, fix);
                self.batch.extend(kept);
            }
        }
        let taken = self.batch.len() - before;
        known.in_hand += taken;
        drop(known);
        self.repeated |= taken < decoded;
        self.ingest.0.counts.took(self.way, taken, decoded - taken);
        Ok((taken, decoded - taken))
    }

    /// The fix as it is to be stored. One that is known, but perhaps only from what another connection holds in its hand and may yet
    /// drop, is stored twice: whoever reads the log sees it once.
    fn keep(&self, known: &mut Known, own: usize, fix: Fix) -> Option<Fix> {
        let spare = (known.in_hand > own).then(|| fix.clone());
        match self.ingest.0.filter.judge(&mut known.state, fix) {
            Verdict::Keep(fix) => Some(fix),
            Verdict::Duplicate => spare,
        }
    }

    fn refuse(&self, message: &Message<'_>, rejected: &Rejected) {
        self.ingest.0.counts.refused(self.way);
        if let Some(device) = message.source.device {
            self.ingest.0.inspector.record(device, message.received, message.topic, &rejected.reason(), message.payload);
        }
    }

    /// Hands the fixes in hand to the log; the number up to which it must be durable before what was taken is acknowledged. The
    /// await is the back-pressure.
    pub async fn hand_over(&mut self) -> Result<u64, Closed> {
        let Ingest(inner) = self.ingest.clone();
        if !self.batch.is_empty() {
            let count = self.batch.len();
            inner.fleet.observe_all(&self.batch);
            self.last = inner.tracks.append_all(&mut self.batch).await?;
            self.lock().in_hand -= count;
            if self.batch.capacity() > 32 {
                self.batch = Vec::new();
            }
        }
        if std::mem::take(&mut self.repeated) {
            // Who sent it first may still wait for the disk.
            self.last = inner.tracks.stats().appended;
        }
        Ok(self.last)
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            let mut known = self.lock();
            known.in_hand -= batch.len();
            batch.iter().for_each(|fix| known.state.forget(fix));
        }
    }
}

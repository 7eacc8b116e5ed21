//! The one way in for fixes, whatever they came over: decode, judge, append to the log, show on the map. An acknowledgement means
//! that they are on the disk.
//!
//! What is remembered of a vehicle's fixes is shared by all ways in, so that a fix that comes again over another way is known. What
//! no decoder takes is counted, and kept for whoever looks at the device.

mod counts;
mod intake;

pub use counts::{Count, Way};
pub use intake::{Intake, Refusal, Tally};

use crate::clock::Clock;
use crate::config;
use crate::fleet::Fleet;
use crate::model::{DeviceId, Timestamp, VehicleId};
use crate::telemetry::{Filter, Format, Inspector};
use crate::tracks::{Closed, Tracks};
use counts::Counts;
use intake::Known;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Whose payload it is.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The device; a driver who is signed in has none.
    pub device: Option<&'a DeviceId>,
    /// The vehicle that it reports for.
    pub vehicle: &'a VehicleId,
    /// What the payload is written in.
    pub format: Format,
}

/// A payload as it came.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Whose it is.
    pub source: Source<'a>,
    /// Where it was sent to: an MQTT topic, a path.
    pub topic: &'a str,
    /// The payload.
    pub payload: &'a [u8],
    /// When it was received.
    pub received: Timestamp,
}

/// A handle to the way in; all clones share it.
#[derive(Clone)]
pub struct Ingest(Arc<Inner>);

struct Inner {
    filter: Filter,
    fleet: Fleet,
    tracks: Tracks,
    inspector: Inspector,
    clock: Clock,
    counts: Counts,
    // By vehicle; it outlives connections. A std mutex: held for a look-up.
    known: Mutex<HashMap<VehicleId, Arc<Mutex<Known>>>>,
}

impl Ingest {
    /// Into `tracks` and `fleet`, judged as `config` says; what is refused is remembered in `inspector`.
    pub fn new(fleet: Fleet, tracks: Tracks, inspector: Inspector, config: &config::Telemetry, clock: Clock) -> Self {
        let (filter, counts, known) = (Filter::new(config), Counts::default(), Mutex::default());
        Self(Arc::new(Inner { filter, fleet, tracks, inspector, clock, counts, known }))
    }

    /// A way in for the fixes of `vehicle`, to be kept as long as its connection lasts.
    pub fn intake(&self, vehicle: &VehicleId, way: Way) -> Intake {
        let mut all = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(vehicle.clone()).or_default().clone();
        drop(all);
        Intake::new(self.clone(), known, way)
    }

    /// Takes each fix of a payload for itself, and comes back when what was taken is on the disk.
    pub async fn store(&self, way: Way, message: &Message<'_>) -> Result<Tally, Closed> {
        let mut intake = self.intake(message.source.vehicle, way);
        let tally = intake.take_each(message);
        let upto = intake.hand_over().await?;
        self.durable(upto).await?;
        Ok(tally)
    }

    /// Waits until the log is on the disk up to `upto`.
    pub async fn durable(&self, upto: u64) -> Result<(), Closed> {
        self.0.tracks.durable().wait_for(|durable| *durable >= upto).await.map(drop).map_err(|_| Closed)
    }

    /// The time at which what is in hand was received.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// The numbers of each way in.
    pub fn counts(&self) -> Vec<(Way, Count)> {
        self.0.counts.all()
    }
}

#[cfg(test)]
mod tests;

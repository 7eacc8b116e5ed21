//! What sessions ask of the rooms below: decoding, filtering, who a token is, which job a vehicle has, a step of it.

use super::access::Names;
use super::shared::Shared;
use super::stats::Reason;
use super::who::Who;
use crate::auth::{Refused, What, allow};
use crate::bookings;
use crate::model::{Actor, BookingId, Fix, Status, Step, Timestamp, VehicleId};
use crate::telemetry::{self, VehicleState, Verdict};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// What whoever may see positions may subscribe to.
const POSITIONS: [&str; 4] = ["v/+/gps", "v/+/status", "owntracks/+/+/#", "teltonika/+/data"];

impl Shared {
    /// What is remembered of a vehicle's fixes; it outlives sessions, so that what is sent again is recognised.
    pub fn vehicle_state(&self, vehicle: &VehicleId) -> Arc<Mutex<VehicleState>> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.entry(vehicle.clone()).or_default().clone()
    }

    /// Decodes `payload` and adds what the filter keeps to `fixes`; the reason when it is no message of the device's format.
    pub fn decode(
        &self,
        names: &Names,
        state: &Mutex<VehicleState>,
        (topic, payload): (&str, &[u8]),
        received: Timestamp,
        fixes: &mut Vec<Fix>,
    ) -> Result<(), String> {
        let before = fixes.len();
        if let Err(rejected) = telemetry::decode_into(format_of(names, topic), topic, payload, &names.vehicle, received, fixes) {
            let reason = rejected.reason();
            self.deps.inspector.record(&names.device, received, topic, &reason, payload);
            return Err(reason);
        }
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if fixes.len() == before + 1 {
            // The usual case, without moving anything but the one fix.
            if let Some(fix) = fixes.pop()
                && let Verdict::Keep(fix) = self.filter.judge(&mut state, fix)
            {
                fixes.push(fix);
            }
            return Ok(());
        }
        let decoded = fixes.split_off(before);
        fixes.extend(decoded.into_iter().filter_map(|fix| match self.filter.judge(&mut state, fix) {
            Verdict::Keep(fix) => Some(fix),
            Verdict::Duplicate => None,
        }));
        Ok(())
    }

    /// Counts a payload that no decoder takes.
    pub fn refuse_payload(&self, names: &Names, peer: IpAddr, topic: &str, reason: &str) {
        let who = format!("{} from {peer}", names.device);
        self.stats.refuse(self.deps.clock.now(), Reason::Payload, who, format!("{topic}: {reason}"));
    }

    /// The reader that an API token makes: read-only, and only when its role and scope let it see positions.
    pub async fn reader(&self, token: &str) -> Result<Who, Refused> {
        let found = self.deps.auth.bearer_until(token).await.map_err(|e| Refused::Unavailable(e.to_string()))?;
        let (who, until) = found.ok_or(Refused::Unknown)?;
        if !allow(&who, What::ReadPositions) {
            return Err(Refused::Revoked);
        }
        Ok(Who::Reader { id: who.name, granted: POSITIONS.iter().map(|f| (*f).to_owned()).collect(), until })
    }

    /// The job that `vehicle` has.
    pub async fn active_booking(&self, vehicle: &VehicleId) -> Result<Option<BookingId>, bookings::Error> {
        Ok(self.deps.bookings.active_of(vehicle).await?.map(|booking| booking.id))
    }

    /// Takes a step of the job that the vehicle has; a step that was taken already does no harm.
    pub async fn take_step(
        &self,
        id: BookingId,
        step: Step,
        at: Option<Timestamp>,
        proof: Option<serde_json::Value>,
        names: &Names,
    ) -> Result<Status, bookings::Error> {
        let actor = Actor::Device(names.device.to_string());
        let taken = self.deps.bookings.step(id, step, at, proof, actor, Some(&names.vehicle)).await;
        taken.map(|booking| booking.status)
    }

    /// What a driver says to an offer; the booking's status then.
    pub async fn take_answer(&self, id: BookingId, yes: bool, reason: Option<String>, names: &Names) -> Result<Status, bookings::Error> {
        let actor = Actor::Device(names.device.to_string());
        self.deps.bookings.answer(id, &names.vehicle, yes, reason, actor).await.map(|booking| booking.status)
    }
}

/// A topic that belongs to a format is read in that format, whatever the device is registered with.
fn format_of(names: &Names, topic: &str) -> telemetry::Format {
    match topic.as_bytes().first() {
        Some(b'o') => telemetry::Format::OwnTracks,
        Some(b't') => telemetry::Format::Teltonika,
        _ => names.format,
    }
}

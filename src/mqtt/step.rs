//! A driver's steps: taken before they are acknowledged, and answered on the command topic.

use super::access::Names;
use super::session::{End, Session};
use super::shared::Shared;
use super::stats::Reason;
use super::who::Who;
use crate::bookings;
use crate::drivers;
use crate::model::{Actor, BookingId, Step, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;

/// What a device says when its vehicle cannot go on.
const BROKEN_DOWN: &str = "broken_down";

#[derive(Deserialize)]
struct StepReport {
    #[serde(default)]
    booking_id: String,
    step: String,
    #[serde(default)]
    at: Option<Timestamp>,
    #[serde(default)]
    proof: Option<Value>,
}

/// A step that was not taken.
pub(super) struct NotTaken {
    booking: Option<String>,
    step: Option<String>,
    reason: String,
    /// Sent again later, it may well be.
    passing: bool,
}

impl NotTaken {
    fn unreadable(fault: &serde_json::Error) -> Self {
        Self { booking: None, step: None, reason: format!("not a step: {fault}"), passing: false }
    }
}

/// What is wrong, with every faulty field.
fn why(error: &bookings::Error) -> String {
    match error {
        bookings::Error::Invalid(faults) => {
            let told: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
            told.join("; ")
        }
        other => other.to_string(),
    }
}

impl Session {
    /// Takes a driver's step and answers it; the v5 reason code of its acknowledgement, for a device that does not read its
    /// commands on the connection that it reports on. While the depot cannot take any, the session ends without an
    /// acknowledgement: the device sends the step again when it is back.
    pub(super) async fn step(&mut self, payload: &[u8]) -> Result<u8, End> {
        let Who::Device(names) = &self.who else { return Ok(0x87) };
        let (answer, code) = match Box::pin(self.shared.report_step(names, payload)).await {
            Ok(answer) => (answer, 0),
            Err(failed) if failed.passing => return Err(End::Fault(0x89, Reason::Busy, format!("a step: {}", failed.reason))),
            Err(failed) => {
                self.shared.refuse_step(names, self.peer, payload, &failed);
                let code = if failed.step.is_some() { 0x83 } else { 0x99 };
                let said = json!({"type": "step_rejected", "booking_id": failed.booking, "step": failed.step, "reason": failed.reason});
                (said, code)
            }
        };
        self.answer(answer.to_string().into_bytes());
        Ok(code)
    }
}

impl Shared {
    /// Takes a step as a device reports it; the answer that says so.
    pub(super) async fn report_step(&self, names: &Names, payload: &[u8]) -> Result<Value, NotTaken> {
        let report: StepReport = serde_json::from_slice(payload).map_err(|fault| NotTaken::unreadable(&fault))?;
        let StepReport { booking_id, step, at, proof } = report;
        let refused = |reason: String, passing| NotTaken { booking: Some(booking_id.clone()), step: Some(step.clone()), reason, passing };
        let reason = || proof.as_ref().and_then(|p| p["reason"].as_str()).map(str::to_owned);
        if step == BROKEN_DOWN {
            let taken = self.take_breakdown(reason(), names).await;
            return taken.map(|()| json!({"type": "step_ack", "step": step})).map_err(|(why, passing)| refused(why, passing));
        }
        let id: BookingId = booking_id.parse().map_err(|e| refused(format!("booking_id {e}"), false))?;
        let taken = match (step.as_str(), Step::parse(&step).filter(|s| s.is_drivers())) {
            ("accept", _) => self.take_answer(id, true, None, names).await,
            ("decline", _) => self.take_answer(id, false, reason(), names).await,
            (_, Some(known)) => self.take_step(id, known, at, proof.clone(), names).await,
            _ => {
                return Err(refused(
                    "step must be accept, decline, arrived, picked_up, delivered, failed or broken_down".to_owned(),
                    false,
                ));
            }
        };
        let status = taken.map_err(|error| {
            let passing = match &error {
                bookings::Error::Store(fault) => fault.is_passing(),
                bookings::Error::Lost => true,
                _ => false,
            };
            refused(why(&error), passing)
        })?;
        Ok(json!({"type": "step_ack", "booking_id": booking_id, "step": step, "status": status.as_str()}))
    }

    /// Takes the vehicle off duty: what it has not loaded goes back to the waiting ones. The error says whether it is passing.
    async fn take_breakdown(&self, reason: Option<String>, names: &Names) -> Result<(), (String, bool)> {
        let reason = reason.unwrap_or_else(|| "it broke down".to_owned());
        let actor = Actor::Device(names.device.to_string());
        let taken = self.deps.drivers.set_vehicle_duty(names.vehicle.clone(), false, Some(reason), actor).await;
        taken.map(drop).map_err(|error| {
            let passing = matches!(&error, drivers::Error::Store(fault) if fault.is_passing());
            (error.to_string(), passing)
        })
    }

    /// Counts a step that was not taken, and keeps it for whoever looks at the device.
    pub(super) fn refuse_step(&self, names: &Names, peer: IpAddr, payload: &[u8], failed: &NotTaken) {
        let now = self.deps.clock.now();
        self.deps.inspector.record(&names.device, now, &format!("v/{}/step", names.vehicle), &failed.reason, payload);
        self.stats.refuse(now, Reason::Step, format!("{} from {peer}", names.device), failed.reason.clone());
    }
}

//! What a driver does and says: steps of his job, answers to offers, that his vehicle broke down.

use super::Cab;
use crate::bookings;
use crate::drivers;
use crate::model::{Actor, BookingId, Step, Timestamp, VehicleId};
use serde::Deserialize;
use serde_json::{Value, json};

/// What is said when a vehicle cannot go on.
const BROKEN_DOWN: &str = "broken_down";

/// Who reports: a vehicle's device, or its driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unit {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// How the journal names whoever reports.
    pub actor: Actor,
}

/// A report as it is sent.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct Report {
    /// The booking that it is of.
    #[serde(default)]
    pub booking_id: String,
    /// `accept`, `decline`, `arrived`, `picked_up`, `delivered`, `failed` or `broken_down`.
    pub step: String,
    /// When it was done; now when absent.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Whatever proves it; `reason` says why.
    #[serde(default)]
    pub proof: Option<Value>,
}

/// A report that was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotTaken {
    /// The booking, as far as it could be read.
    pub booking: Option<String>,
    /// The step, as far as it could be read.
    pub step: Option<String>,
    /// Why.
    pub reason: String,
    /// Sent again later, it may well be.
    pub passing: bool,
}

impl NotTaken {
    /// It is no report at all.
    pub fn unreadable(fault: &serde_json::Error) -> Self {
        Self { booking: None, step: None, reason: format!("not a step: {fault}"), passing: false }
    }

    /// The answer that says so.
    pub fn answer(&self) -> Value {
        json!({"type": "step_rejected", "booking_id": self.booking, "step": self.step, "reason": self.reason})
    }
}

/// What is wrong with it, every faulty field.
fn why(error: &bookings::Error) -> String {
    match error {
        bookings::Error::Invalid(faults) => {
            let told: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
            told.join("; ")
        }
        other => other.to_string(),
    }
}

impl Cab {
    /// Takes a report; the answer that says so. A step that was taken already does no harm.
    pub async fn report(&self, unit: &Unit, report: Report) -> Result<Value, NotTaken> {
        let Report { booking_id, step, at, proof } = report;
        let refused = |reason: String, passing| NotTaken { booking: Some(booking_id.clone()), step: Some(step.clone()), reason, passing };
        let reason = || proof.as_ref().and_then(|p| p["reason"].as_str()).map(str::to_owned);
        if step == BROKEN_DOWN {
            let taken = self.take_breakdown(reason(), unit).await;
            return taken.map(|()| json!({"type": "step_ack", "step": step})).map_err(|(why, passing)| refused(why, passing));
        }
        let id: BookingId = booking_id.parse().map_err(|e| refused(format!("booking_id {e}"), false))?;
        let (bookings, actor) = (&self.0.bookings, unit.actor.clone());
        let taken = match (step.as_str(), Step::parse(&step).filter(|s| s.is_drivers())) {
            ("accept", _) => bookings.answer(id, &unit.vehicle, true, None, actor).await,
            ("decline", _) => bookings.answer(id, &unit.vehicle, false, reason(), actor).await,
            (_, Some(known)) => bookings.step(id, known, at, proof.clone(), actor, Some(&unit.vehicle)).await,
            _ => {
                return Err(refused(
                    "step must be accept, decline, arrived, picked_up, delivered, failed or broken_down".to_owned(),
                    false,
                ));
            }
        };
        let booking = taken.map_err(|error| {
            let passing = match &error {
                bookings::Error::Store(fault) => fault.is_passing(),
                bookings::Error::Lost => true,
                _ => false,
            };
            refused(why(&error), passing)
        })?;
        Ok(json!({"type": "step_ack", "booking_id": booking_id, "step": step, "status": booking.status.as_str()}))
    }

    /// Takes the vehicle off duty: what it has not loaded goes back to the waiting ones. The error says whether it is passing.
    async fn take_breakdown(&self, reason: Option<String>, unit: &Unit) -> Result<(), (String, bool)> {
        let reason = reason.unwrap_or_else(|| "it broke down".to_owned());
        let taken = self.0.drivers.set_vehicle_duty(unit.vehicle.clone(), false, Some(reason), unit.actor.clone()).await;
        taken.map(drop).map_err(|error| {
            let passing = matches!(&error, drivers::Error::Store(fault) if fault.is_passing());
            (error.to_string(), passing)
        })
    }
}

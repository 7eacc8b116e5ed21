//! A driver's steps: taken before they are acknowledged, and answered on the command topic.

use super::access::Names;
use super::session::{End, Session};
use super::shared::Shared;
use super::stats::Reason;
use super::who::Who;
use crate::cab::{NotTaken, Report, Unit};
use crate::model::Actor;
use serde_json::Value;
use std::net::IpAddr;

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
                (failed.answer(), if failed.step.is_some() { 0x83 } else { 0x99 })
            }
        };
        self.answer(answer.to_string().into_bytes());
        Ok(code)
    }
}

impl Shared {
    /// Takes a step as a device reports it; the answer that says so.
    pub(super) async fn report_step(&self, names: &Names, payload: &[u8]) -> Result<Value, NotTaken> {
        let report: Report = serde_json::from_slice(payload).map_err(|fault| NotTaken::unreadable(&fault))?;
        let unit = Unit { vehicle: names.vehicle.clone(), actor: Actor::Device(names.device.to_string()) };
        self.deps.cab.report(&unit, report).await
    }

    /// Counts a step that was not taken, and keeps it for whoever looks at the device.
    pub(super) fn refuse_step(&self, names: &Names, peer: IpAddr, payload: &[u8], failed: &NotTaken) {
        let now = self.deps.clock.now();
        self.deps.inspector.record(&names.device, now, &format!("v/{}/step", names.vehicle), &failed.reason, payload);
        self.stats.refuse(now, Reason::Step, format!("{} from {peer}", names.device), failed.reason.clone());
    }
}

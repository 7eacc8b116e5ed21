//! A vehicle's unit: the app or device in it reports, and hears its commands.

use super::entry::Guest;
use super::session::{End, Pending, Session};
use crate::auth::Role;
use crate::cab::{Command, Ear, Outstanding, Report, Unit};
use crate::drivers::DutyChange;
use crate::fleet::Presence;
use crate::ingest::{Intake, Message, Source, Tally, Way};
use crate::model::{DeviceId, VehicleId};
use crate::telemetry::Format;
use crate::web::Web;
use crate::web::fields::{Fields, Read};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use socketioxide::ack::AckStream;
use socketioxide::extract::AckSender;
use socketioxide::{AckError, SendError};
use std::collections::VecDeque;

/// Commands that may wait for their acknowledgement.
const WINDOW: usize = 32;
/// Answers to fixes that may wait for the disk.
const WAITING: usize = 64;

/// A vehicle's line to the fleet, open as long as the connection rides in it.
struct Line(Presence, VehicleId, Web);

impl Drop for Line {
    fn drop(&mut self) {
        self.0.leave(&self.1, self.2.clock.now());
    }
}

/// A connection that rides in a vehicle.
pub struct Aboard {
    unit: Unit,
    device: Option<DeviceId>,
    intake: Intake,
    ear: Ear,
    queue: VecDeque<Command>,
    outstanding: Outstanding,
    flights: FuturesUnordered<BoxFuture<'static, (i64, bool)>>,
    /// The last journal number sent or passed over.
    sent: Option<i64>,
    /// The journal may hold commands.
    look: bool,
    _line: Line,
}

/// Something happened to a vehicle's commands.
pub enum News {
    /// There may be some.
    Due,
    /// The client called back about one; or the time for that is over.
    Back(i64, bool),
}

impl Aboard {
    fn new(web: &Web, unit: Unit, device: Option<DeviceId>) -> Self {
        let vehicle = unit.vehicle.clone();
        web.presence.enter(&vehicle, web.clock.now());
        Self {
            device,
            intake: web.ingest.intake(&vehicle, Way::SocketIo),
            ear: web.cab.listen(&vehicle),
            queue: VecDeque::new(),
            outstanding: Outstanding::default(),
            flights: FuturesUnordered::new(),
            sent: None,
            look: true,
            _line: Line(web.presence.clone(), vehicle, web.clone()),
            unit,
        }
    }

    /// What happens next to the commands of whoever rides in a vehicle.
    pub async fn news(aboard: &mut Option<Self>) -> News {
        let Some(Self { ear, flights, .. }) = aboard else { return std::future::pending().await };
        tokio::select! {
            () = ear.heard() => News::Due,
            Some((seq, back)) = flights.next() => News::Back(seq, back),
        }
    }
}

fn refused(why: impl std::fmt::Display) -> Value {
    json!({"ok": false, "error": why.to_string()})
}

/// What became of fixes, in words for who sent them.
fn told(tally: &Tally) -> Value {
    let (stored, repeated, refused) = (tally.taken, tally.repeated, &tally.refused);
    if refused.is_empty() {
        return json!({"ok": true, "stored": stored, "repeated": repeated});
    }
    let all = stored + repeated + refused.len();
    let error = format!("{} of {all} fixes can not be read", refused.len());
    json!({"ok": false, "error": error, "stored": stored, "repeated": repeated, "errors": refused})
}

/// `online` of a driver: with which vehicle; or that he goes off duty.
#[derive(Default)]
struct Online {
    on_duty: bool,
    vehicle: Option<VehicleId>,
}

impl Read for Online {
    fn read(f: &mut Fields) -> Option<Self> {
        let (on_duty, vehicle) = (f.flag("on_duty"), f.named("vehicle_id"));
        Some(Self { on_duty: on_duty?.unwrap_or(true), vehicle: vehicle? })
    }
}

/// `answer` to an offer.
struct Answered {
    booking: String,
    accept: bool,
    reason: Option<String>,
}

impl Read for Answered {
    fn read(f: &mut Fields) -> Option<Self> {
        let booking = f.text("booking_id", 64);
        let booking = f.required("booking_id", booking);
        let accept = f.flag("accept");
        let accept = f.required("accept", accept);
        let reason = f.text("reason", 500);
        Some(Self { booking: booking?, accept: accept?, reason: reason? })
    }
}

fn read<T: Read>(body: &RawValue) -> Result<T, Value> {
    let document = serde_json::from_str(body.get()).unwrap_or_default();
    Fields::of_json(document).map_err(|unreadable| json!({"ok": false, "error": "not valid", "errors": unreadable.0}))
}

impl Session {
    /// Rides in the vehicle that it is of now: a device's own, or the one that a driver is on duty with.
    pub(super) async fn go_aboard(&mut self) {
        let (vehicle, device) = match &self.guest {
            Guest::Device(identity) => (Some(identity.vehicle.clone()), Some(identity.device.clone())),
            Guest::Person(who) if who.role == Role::Driver => (self.web.vehicle_of(who).await.ok(), None),
            Guest::Person(_) => (None, None),
        };
        let now = self.aboard.as_ref().map(|aboard| &aboard.unit.vehicle);
        if now != vehicle.as_ref() {
            let actor = self.guest.actor();
            self.aboard = vehicle.map(|vehicle| Aboard::new(&self.web, Unit { vehicle, actor }, device));
        }
    }

    /// Why it rides in none.
    fn not_aboard(&self) -> Value {
        match &self.guest {
            Guest::Person(who) if who.role == Role::Driver => refused("you are not on duty with a vehicle: say `online` first"),
            _ => refused("this is for drivers and devices"),
        }
    }

    /// Takes fixes; the answer comes when they are on the disk.
    pub(super) async fn fix(&mut self, body: &RawValue, ack: AckSender) -> Result<(), End> {
        let received = self.web.clock.now();
        let said = self.not_aboard();
        let Some(Aboard { unit, device, intake, .. }) = &mut self.aboard else {
            super::session::answer(ack, &said);
            return Ok(());
        };
        let source = Source { device: device.as_ref(), vehicle: &unit.vehicle, format: Format::Native };
        let tally = intake.take_each(&Message { source, topic: "/socket.io/ fix", payload: body.get().as_bytes(), received });
        let upto = intake.hand_over().await.map_err(|_| End("the fix log is closed"))?;
        self.pending.push_back(Pending { upto, ack, answer: told(&tally) });
        if self.pending.len() >= WAITING {
            self.web.tracks.hurry();
        }
        Ok(())
    }

    /// Goes on or off duty.
    pub(super) async fn online(&mut self, body: &RawValue) -> Value {
        let online = if body.get() == "null" { Ok(Online { on_duty: true, vehicle: None }) } else { read::<Online>(body) };
        let online = match online {
            Ok(online) => online,
            Err(said) => return said,
        };
        let changed = match &self.guest {
            Guest::Device(device) => {
                if online.vehicle.as_ref().is_some_and(|other| *other != device.vehicle) {
                    return refused(format!("device {} rides in {}", device.device, device.vehicle));
                }
                let duty = self.web.drivers.set_vehicle_duty(device.vehicle.clone(), online.on_duty, None, self.guest.actor()).await;
                duty.map(drop)
            }
            Guest::Person(who) => {
                let driver = match self.web.drivers.of_user(&who.name).await {
                    Ok(Some(driver)) if !who.by_token => driver,
                    Ok(_) => return refused("you are no driver; a driver's `user` says who he signs in as"),
                    Err(error) => return refused(error),
                };
                let change = if online.on_duty { DutyChange::Start(online.vehicle) } else { DutyChange::End { forced: None } };
                self.web.drivers.set_duty(driver, change, self.guest.actor()).await.map(drop)
            }
        };
        if let Err(error) = changed {
            return refused(error);
        }
        self.go_aboard().await;
        json!({"ok": true, "vehicle": self.aboard.as_ref().map(|aboard| aboard.unit.vehicle.as_str()), "on_duty": online.on_duty})
    }

    /// Takes a step of the job.
    pub(super) async fn step(&mut self, body: &RawValue) -> Value {
        match serde_json::from_str::<Report>(body.get()) {
            Ok(report) => self.report(report).await,
            Err(fault) => refused(format!("not a step: {fault}")),
        }
    }

    /// Takes the answer to an offer.
    pub(super) async fn answer(&mut self, body: &RawValue) -> Value {
        let Answered { booking, accept, reason } = match read(body) {
            Ok(answered) => answered,
            Err(said) => return said,
        };
        let step = if accept { "accept" } else { "decline" }.to_owned();
        self.report(Report { booking_id: booking, step, at: None, proof: reason.map(|reason| json!({ "reason": reason })) }).await
    }

    async fn report(&mut self, report: Report) -> Value {
        let Some(aboard) = &self.aboard else { return self.not_aboard() };
        match self.web.cab.report(&aboard.unit, report).await {
            Ok(answer) => json!({"ok": true, "status": answer["status"]}),
            Err(not_taken) => json!({"ok": false, "error": not_taken.reason, "passing": not_taken.passing}),
        }
    }

    /// Takes the acknowledgement of a command.
    pub(super) fn ack(&mut self, body: &RawValue) -> Value {
        let document: Value = serde_json::from_str(body.get()).unwrap_or_default();
        let Some(seq) = document["seq"].as_i64() else { return refused("`seq` is missing: the number of the command") };
        if self.aboard.is_none() {
            return self.not_aboard();
        }
        self.acknowledged(seq);
        json!({"ok": true})
    }

    fn acknowledged(&mut self, seq: i64) {
        let Some(aboard) = &mut self.aboard else { return };
        let before = aboard.outstanding.len();
        if let Some(upto) = aboard.outstanding.acknowledged(seq) {
            self.web.cab.acknowledged(aboard.unit.vehicle.clone(), upto);
        }
        if aboard.outstanding.len() < before {
            self.web.doors.acknowledged();
        }
    }

    pub(super) fn heard(&mut self, news: News) {
        match news {
            News::Due => self.aboard.iter_mut().for_each(|aboard| aboard.look = true),
            News::Back(seq, true) => self.acknowledged(seq),
            News::Back(_, false) => {}
        }
    }

    /// Sends what is due to the vehicle, as far as the client takes it.
    pub(super) async fn pump(&mut self) -> Result<(), End> {
        let Some(aboard) = &mut self.aboard else { return Ok(()) };
        while aboard.look && aboard.queue.is_empty() {
            let due = self.web.cab.due(&aboard.unit.vehicle, aboard.sent).await.map_err(|fault| {
                tracing::error!("cannot read the commands of {}: {fault}", aboard.unit.vehicle);
                // Nothing is passed over: the client hears all of it when it is back.
                End("the depot cannot read your commands now")
            })?;
            (aboard.look, aboard.sent) = (due.more, Some(due.upto));
            aboard.queue.extend(due.commands);
        }
        while aboard.outstanding.len() < WINDOW && !self.stuck {
            let Some(command) = aboard.queue.pop_front() else { break };
            let (Some(seq), Ok(body)) = (command.seq, serde_json::from_slice::<&RawValue>(&command.payload)) else { continue };
            match self.socket.emit_with_ack("command", &(body,)) {
                Ok(back) => {
                    aboard.outstanding.sent(seq);
                    aboard.flights.push(Box::pin(async move { (seq, is_back(back).await) }));
                    self.web.doors.commanded();
                }
                Err(SendError::Socket(socketioxide::SocketError::InternalChannelFull)) => {
                    aboard.queue.push_front(command);
                    self.stuck = true;
                }
                // Gone, and that is heard of elsewhere.
                Err(_) => break,
            }
        }
        Ok(())
    }
}

/// Did the client call back? Whatever it said then does not matter.
async fn is_back(back: AckStream<Value>) -> bool {
    matches!(back.await, Ok(_) | Err(AckError::Decode(_)))
}

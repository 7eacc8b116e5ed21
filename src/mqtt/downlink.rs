//! Down to the vehicles: commands come from the journal, so a restart loses none; a cursor per vehicle says what was
//! acknowledged. And the follower that wakes sessions, and kicks those whose credentials went.

use super::registry::REVOKED;
use super::shared::Shared;
use crate::bookings;
use crate::model::{Actor, BookingId, Event, Kind, Span, Timestamp, VehicleId};
use crate::store::{self, cursors, journal};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A message to a vehicle; `seq` is its place in the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    pub(super) seq: Option<i64>,
    pub(super) payload: Vec<u8>,
}

/// What the journal holds for a vehicle.
pub(super) struct Due {
    pub commands: Vec<Command>,
    pub upto: i64,
    pub more: bool,
}

/// A call-off or message older than this is not replayed: its job was over long ago.
const REPLAY: Span = Span::from_secs(24 * 3600);
/// Journal rows looked at in one go.
const LOOK: usize = 200;

fn cursor_name(vehicle: &VehicleId) -> String {
    format!("downlink:{vehicle}")
}

/// Does this kind of event concern what a vehicle is told?
fn is_command(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::BookingAssigned
            | Kind::BookingChanged
            | Kind::BookingUnassigned
            | Kind::BookingCancelled
            | Kind::BookingFailed
            | Kind::BookingOffered
            | Kind::BookingDeclined
            | Kind::BookingOfferWithdrawn
            | Kind::BookingReminder
            | Kind::VehicleAdvised
            | Kind::MessageSent
    )
}

/// What a vehicle has to do now.
#[derive(Clone, Copy)]
struct Standing {
    /// Its job.
    active: Option<BookingId>,
    /// What its driver is being asked.
    asked: Option<BookingId>,
    /// Where it is advised to wait, as the journal's entry says.
    advised: Option<i64>,
}

/// The command that `event` makes of how things stand; `None` when it is over or was the vehicle's own doing.
fn command(event: &Event, standing: Standing, now: Timestamp) -> Option<Command> {
    let Standing { active, asked, advised } = standing;
    if event.kind == Kind::VehicleAdvised {
        let is_good = advised == Some(event.seq) && active.is_none() && asked.is_none();
        return is_good.then(|| advice(event));
    }
    if event.kind == Kind::MessageSent && now.since(event.at) <= REPLAY {
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
        let about = event.booking.map(|booking| booking.to_string());
        let payload = json!({"type": "message", "seq": event.seq, "booking_id": about, "subject": data["subject"], "text": data["text"]});
        return Some(Command { seq: Some(event.seq), payload: payload.to_string().into_bytes() });
    }
    let booking = event.booking?;
    let payload = match event.kind {
        Kind::BookingAssigned if active == Some(booking) => {
            format!(r#"{{"type":"job","seq":{},"booking_id":"{booking}","booking":{}}}"#, event.seq, event.data)
        }
        Kind::BookingChanged if active == Some(booking) => {
            format!(r#"{{"type":"job","seq":{},"booking_id":"{booking}","changed":true,"booking":{}}}"#, event.seq, event.data)
        }
        Kind::BookingOffered if asked == Some(booking) => {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
            let until = &data["offer"]["expires_at"];
            json!({"type": "offer", "seq": event.seq, "booking_id": booking.to_string(), "expires_at": until, "booking": data}).to_string()
        }
        Kind::BookingDeclined | Kind::BookingOfferWithdrawn
            if ![active, asked].contains(&Some(booking)) && now.since(event.at) <= REPLAY && !matches!(event.actor, Actor::Device(_)) =>
        {
            json!({"type": "offer_withdrawn", "seq": event.seq, "booking_id": booking.to_string()}).to_string()
        }
        Kind::BookingUnassigned | Kind::BookingCancelled | Kind::BookingFailed
            if active != Some(booking) && now.since(event.at) <= REPLAY && !matches!(event.actor, Actor::Device(_)) =>
        {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
            let reason = ["cancel_reason", "reason"].into_iter().find_map(|key| data[key].as_str());
            json!({"type": "job_cancelled", "seq": event.seq, "booking_id": booking.to_string(), "reason": reason}).to_string()
        }
        Kind::BookingReminder if active == Some(booking) => {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
            let (at, before) = (&data["pickup_at"], &data["remind"]["before_s"]);
            json!({"type": "reminder", "seq": event.seq, "booking_id": booking.to_string(), "pickup_at": at, "before_s": before})
                .to_string()
        }
        _ => return None,
    };
    Some(Command { seq: Some(event.seq), payload: payload.into_bytes() })
}

fn advice(event: &Event) -> Command {
    let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
    let (place, cell, reason, until) = (&data["place"], &data["cell"], &data["reason"], &data["until"]);
    let payload = json!({"type": "advice", "seq": event.seq, "place": place, "cell": cell, "reason": reason, "until": until});
    Command { seq: Some(event.seq), payload: payload.to_string().into_bytes() }
}

impl Shared {
    /// What is due to `vehicle` after journal number `sent`, or after what it acknowledged.
    pub(super) async fn due_commands(&self, vehicle: &VehicleId, sent: Option<i64>) -> Result<Due, bookings::Error> {
        let wanted = vehicle.clone();
        let read = move |conn: &rusqlite::Connection| {
            let after = match sent {
                Some(seq) => seq,
                None => cursors::get(conn, &cursor_name(&wanted))?,
            };
            Ok::<_, bookings::Error>((after, journal::of_vehicle(conn, &wanted, after, LOOK)?))
        };
        let (after, events) = self.deps.db.read(read).await?;
        let mut commands = Vec::new();
        if events.iter().any(|e| is_command(e.kind)) {
            let (wanted, now) = (vehicle.clone(), self.deps.clock.now());
            let read = move |conn: &rusqlite::Connection| {
                let asked = store::offers::open_of_vehicle(conn, &wanted)?.map(|offer| offer.booking);
                Ok::<_, store::Error>((asked, store::advice::of_vehicle(conn, &wanted, now)?.map(|advice| advice.seq)))
            };
            let (asked, advised) = self.deps.db.read(read).await?;
            let standing = Standing { active: self.active_booking(vehicle).await?, asked, advised };
            commands.extend(events.iter().filter_map(|e| command(e, standing, now)));
        }
        Ok(Due { commands, upto: events.last().map_or(after, |e| e.seq), more: events.len() == LOOK })
    }

    /// Remembers that `vehicle` acknowledged everything up to `upto`. When too much waits, that is forgotten: it will be sent again.
    pub(super) fn keep_cursor(&self, vehicle: VehicleId, upto: i64) {
        let _ = self.cursors.try_send((vehicle, upto));
    }
}

/// Writes the vehicles' cursors, many in one transaction.
pub(super) async fn keep_cursors(shared: Arc<Shared>, mut queue: mpsc::Receiver<(VehicleId, i64)>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 1_000).await > 0 {
        let latest: HashMap<VehicleId, i64> = batch.drain(..).collect();
        let write = move |tx: &rusqlite::Transaction<'_>| {
            latest.iter().try_for_each(|(vehicle, upto)| cursors::advance(tx, &cursor_name(vehicle), *upto))?;
            Ok::<_, store::Error>(())
        };
        if let Err(fault) = shared.deps.db.write(write).await {
            tracing::error!("cannot keep what vehicles acknowledged: {fault}");
        }
    }
}

/// Follows the journal from `after`: wakes the sessions of vehicles with news, kicks devices whose credentials changed.
pub(super) async fn follow(shared: Arc<Shared>, mut after: i64) -> Result<(), String> {
    let mut head = shared.deps.db.head();
    loop {
        head.borrow_and_update();
        loop {
            let read = move |conn: &rusqlite::Connection| journal::after(conn, after, LOOK);
            let events = shared.deps.db.read(read).await.map_err(|e| format!("cannot follow the journal: {e}"))?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            events.iter().for_each(|event| shared.notice(event));
        }
        shared.followed.store(after, std::sync::atomic::Ordering::Relaxed);
        head.changed().await.map_err(|_| "the journal is closed".to_owned())?;
    }
}

impl Shared {
    fn notice(&self, event: &Event) {
        match event.kind {
            kind if is_command(kind) => {
                let Some(vehicle) = &event.vehicle else { return };
                self.registry.of_vehicle(vehicle).iter().for_each(|mailbox| mailbox.wake_commands());
            }
            Kind::DeviceRevoked | Kind::DeviceChanged => {
                let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
                // A device may connect before the news that it was added arrives.
                if data["action"] == "device.add" {
                    return;
                }
                let device = ["device", "id", "device_id"].into_iter().find_map(|key| data[key].as_str());
                if let Some(mailbox) = device.and_then(|id| self.registry.of_owner(&format!("d:{id}"))) {
                    mailbox.kick(REVOKED);
                }
            }
            Kind::AccessChanged => {
                let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
                if let (Some("token.revoke"), Some(id)) = (data["action"].as_str(), data["object"].as_str()) {
                    self.registry.owned(&format!("t:{id}/")).iter().for_each(|mailbox| mailbox.kick(REVOKED));
                }
            }
            _ => {}
        }
    }
}

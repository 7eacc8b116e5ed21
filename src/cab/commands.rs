//! Down to the vehicles: commands come from the journal, so a restart loses none; a cursor per vehicle says what was acknowledged.

use super::Cab;
use crate::bookings;
use crate::model::{Actor, BookingId, Event, Kind, Span, Timestamp, VehicleId};
use crate::store::{self, cursors, journal};
use serde_json::json;
use std::collections::HashMap;

/// A message to a vehicle; `seq` is its place in the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    /// Its place; `None`: an answer that is not in the journal.
    pub seq: Option<i64>,
    /// JSON.
    pub payload: Vec<u8>,
}

/// What the journal holds for a vehicle.
pub struct Due {
    /// The messages, in the journal's order.
    pub commands: Vec<Command>,
    /// The journal was looked at up to this entry.
    pub upto: i64,
    /// There may be more behind it.
    pub more: bool,
}

/// A call-off older than this is not replayed: its job was over long ago.
const REPLAY: Span = Span::from_secs(24 * 3600);
/// Journal rows looked at in one go.
const LOOK: usize = 200;

fn cursor_name(vehicle: &VehicleId) -> String {
    format!("downlink:{vehicle}")
}

/// Does this kind of event concern what a vehicle is told?
pub fn is_command(kind: Kind) -> bool {
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

impl Cab {
    /// What is due to `vehicle` after journal number `sent`, or after what it acknowledged.
    pub async fn due(&self, vehicle: &VehicleId, sent: Option<i64>) -> Result<Due, bookings::Error> {
        let wanted = vehicle.clone();
        let read = move |conn: &rusqlite::Connection| {
            let after = match sent {
                Some(seq) => seq,
                None => cursors::get(conn, &cursor_name(&wanted))?,
            };
            Ok::<_, bookings::Error>((after, journal::of_vehicle(conn, &wanted, after, LOOK)?))
        };
        let (after, events) = self.0.db.read(read).await?;
        let mut commands = Vec::new();
        if events.iter().any(|e| is_command(e.kind)) {
            let (wanted, now) = (vehicle.clone(), self.0.clock.now());
            let read = move |conn: &rusqlite::Connection| {
                let asked = store::offers::open_of_vehicle(conn, &wanted)?.map(|offer| offer.booking);
                Ok::<_, store::Error>((asked, store::advice::of_vehicle(conn, &wanted, now)?.map(|advice| advice.seq)))
            };
            let (asked, advised) = self.0.db.read(read).await?;
            let active = self.0.bookings.active_of(vehicle).await?.map(|booking| booking.id);
            let standing = Standing { active, asked, advised };
            commands.extend(events.iter().filter_map(|e| command(e, standing, now)));
        }
        Ok(Due { commands, upto: events.last().map_or(after, |e| e.seq), more: events.len() == LOOK })
    }

    /// Remembers that `vehicle` acknowledged everything up to `upto`. When too much waits, that is forgotten: it will be sent again.
    pub fn acknowledged(&self, vehicle: VehicleId, upto: i64) {
        let _ = self.0.cursors.try_send((vehicle, upto));
    }

    /// Writes the vehicles' cursors, many in one transaction. To be run once.
    pub async fn keep_cursors(self) {
        let queue = self.0.queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        let Some(mut queue) = queue else { return };
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, 1_000).await > 0 {
            let mut latest: HashMap<VehicleId, i64> = HashMap::new();
            for (vehicle, upto) in batch.drain(..) {
                latest.entry(vehicle).and_modify(|last| *last = upto.max(*last)).or_insert(upto);
            }
            let write = move |tx: &rusqlite::Transaction<'_>| {
                latest.iter().try_for_each(|(vehicle, upto)| cursors::advance(tx, &cursor_name(vehicle), *upto))?;
                Ok::<_, store::Error>(())
            };
            if let Err(fault) = self.0.db.write(write).await {
                tracing::error!("cannot keep what vehicles acknowledged: {fault}");
            }
        }
    }
}

/// The commands that one connection was sent and has not acknowledged.
#[derive(Debug, Default)]
pub struct Outstanding {
    open: Vec<i64>,
    acked: i64,
    told: i64,
}

impl Outstanding {
    /// How many.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Command `seq` was sent.
    pub fn sent(&mut self, seq: i64) {
        self.open.push(seq);
    }

    /// Command `seq` was acknowledged: up to where everything is, when that is news.
    pub fn acknowledged(&mut self, seq: i64) -> Option<i64> {
        let at = self.open.iter().position(|open| *open == seq)?;
        self.open.remove(at);
        self.acked = self.acked.max(seq);
        let upto = self.open.iter().min().map_or(self.acked, |open| self.acked.min(open - 1));
        (upto > self.told).then(|| {
            self.told = upto;
            upto
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Outstanding;

    #[test]
    fn the_cursor_never_passes_what_is_not_acknowledged() {
        let mut outstanding = Outstanding::default();
        [3, 7, 9].into_iter().for_each(|seq| outstanding.sent(seq));
        assert_eq!(outstanding.acknowledged(7), Some(2), "everything before 3");
        assert_eq!(outstanding.acknowledged(9), None, "3 is still open");
        assert_eq!(outstanding.acknowledged(9), None, "twice");
        assert_eq!(outstanding.acknowledged(3), Some(9));
        assert!(outstanding.is_empty());
    }
}

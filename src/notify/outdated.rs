//! What waited so long that it is not true any more: it is withdrawn instead of said.

use crate::model::{Delivery, Kind, Status, Timestamp};
use crate::store::{self, bookings, journal};
use rusqlite::Connection;
use serde_json::Value;

/// Why `delivery` is not to be said at `now` any more, when it is not: a reminder whose pickup was called off, moved, or is over.
///
/// Programs hear of everything: what a webhook is told is never withdrawn.
pub(super) fn why(c: &Connection, delivery: &Delivery, now: Timestamp) -> store::Result<Option<String>> {
    let (Some(seq), Some(id), true) = (delivery.event, delivery.booking, delivery.rule.is_some()) else { return Ok(None) };
    let Some(event) = journal::get(c, seq)?.filter(|event| event.kind == Kind::BookingReminder) else { return Ok(None) };
    let Some(booking) = bookings::get(c, id)? else { return Ok(Some("its booking is gone".to_owned())) };
    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
    let told = data["pickup_at"].as_str().and_then(Timestamp::parse);
    Ok(match booking.status {
        Status::Scheduled | Status::Waiting | Status::Offered | Status::Assigned => match booking.order.pickup_at {
            at if at != told => Some("its pickup was moved".to_owned()),
            Some(at) if at <= now => Some("its pickup has passed".to_owned()),
            _ => None,
        },
        status => Some(format!("its booking is {}", status.as_str())),
    })
}

//! Keeps the picture: positions by revision, bookings by the journal.

use super::figures;
use super::frames::{Open, Row};
use super::hub::Seat;
use super::wants::{Follow, Wants};
use crate::bookings;
use crate::fleet::View;
use crate::model::{Booking, BookingId, Kind, Place};
use crate::web::Web;
use crate::web::notify::messages::MessageShape;
use crate::web::shapes::BookingShape;
use anyhow::Context;
use serde_json::value::to_raw_value;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Looks at the fleet and the journal so often; a selected vehicle is as fresh as this.
const LOOK: Duration = Duration::from_millis(250);
/// Positions go out every so many looks.
const POSITIONS: u32 = 4;
/// A sign of life goes out every so many looks.
const BEAT: u32 = 20;
/// Figures are summed up every so many looks.
const FIGURES: u32 = 8;
/// Rows or entries taken at once.
const BATCH: usize = 2_000;

/// Follows until `cancel`.
pub async fn run(web: Web, cancel: CancellationToken) -> anyhow::Result<()> {
    let mut revision = 0;
    let mut cursor = start(&web).await.context("read the open bookings for the live view")?;
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for n in 0_u32.. {
        tokio::select! {
            () = cancel.cancelled() => break,
            _ = tick.tick() => {}
        }
        loop {
            let (to, views) = web.fleet.changed_since(revision, BATCH);
            let more = views.len() == BATCH;
            web.hub.vehicles(views.iter().map(row));
            revision = to;
            if !more {
                break;
            }
        }
        cursor = read_journal(&web, cursor).await.context("follow the journal for the live view")?;
        web.hub.flush(n % POSITIONS == 0, n % BEAT == 0);
        if n % FIGURES == 0 {
            figures::show(&web).await?;
        }
        web.live_cursor.send_replace(cursor);
    }
    Ok(())
}

/// The open bookings as of some place in the journal, and that place: what happens meanwhile is read again, which does no harm.
async fn start(web: &Web) -> anyhow::Result<i64> {
    let head = *web.db.head().borrow();
    for booking in web.bookings.open().await? {
        show(web, &booking);
    }
    Ok(head)
}

async fn read_journal(web: &Web, mut cursor: i64) -> anyhow::Result<i64> {
    while cursor < *web.db.head().borrow() {
        let from = cursor;
        let events = web.db.read(move |conn| crate::store::journal::after(conn, from, BATCH)).await?;
        let Some(last) = events.last().map(|e| e.seq) else { break };
        let mut ids: Vec<_> = events.iter().filter_map(|e| e.booking).collect();
        ids.sort_unstable();
        ids.dedup();
        for booking in web.bookings.get_many(ids).await? {
            show(web, &booking);
        }
        for event in events.iter().filter(|event| event.kind == Kind::MessageSent && event.vehicle.is_none()) {
            web.hub.message(&to_raw_value(&MessageShape::from(event))?);
        }
        cursor = last;
    }
    Ok(cursor)
}

fn show(web: &Web, booking: &Booking) {
    match to_raw_value(&BookingShape::from(booking)) {
        Ok(json) => web.hub.booking(
            booking.id,
            Open { status: booking.status, customer: booking.order.customer.as_deref().map(Into::into), json: json.into() },
        ),
        Err(error) => tracing::error!(%error, booking = %booking.id, "a booking cannot be shown"),
    }
}

impl Web {
    /// Tells a client about the bookings that it asked for by their ids and that are not open any more, as far as they are its own to
    /// see; gives those that are not there for it.
    pub async fn tell_ended(&self, seat: &Seat, wants: &Wants) -> Result<Vec<BookingId>, bookings::Error> {
        let Follow::These(ids) = &wants.bookings else { return Ok(Vec::new()) };
        let mut missing = seat.ended(ids, wants);
        if missing.is_empty() {
            return Ok(missing);
        }
        let mut found = self.bookings.get_many(missing.clone()).await?;
        found.retain(|booking| wants.customer.as_deref().is_none_or(|own| booking.order.customer.as_deref() == Some(own)));
        missing.retain(|id| found.iter().all(|booking| booking.id != *id));
        let told: Vec<_> = found.iter().filter_map(|booking| to_raw_value(&BookingShape::from(booking)).ok()).collect();
        seat.tell(&told);
        Ok(missing)
    }
}

fn row(view: &View) -> Row {
    Row {
        idx: view.idx,
        id: view.id.as_str().into(),
        class: view.class.as_ref().into(),
        at: view.place.map(small),
        course: view.course.map(whole),
        speed: view.speed_kmh.map(whole),
        status: view.status().code(),
        fix: view.fix_ts,
        booking: view.booking,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "degrees times 1e5 fit 32 bits")]
fn small(place: Place) -> (i32, i32) {
    ((place.lat() * 1e5).round() as i32, (place.lon() * 1e5).round() as i32)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float's cast saturates, and that is wanted")]
fn whole(number: f32) -> u16 {
    number.round() as u16
}

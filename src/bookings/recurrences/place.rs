//! Placing the bookings of recurrences ahead of time, one for each of their days. Each recurrence stands for itself: one that cannot be
//! placed, for whatever reason, says so in its last result, and holds up neither the others nor the dispatcher.

use super::rule::{Moment, Rule, Slot};
use super::{Recurrences, record};
use crate::bookings::faults::PAST;
use crate::bookings::place::PlaceRequest;
use crate::bookings::{Bookings, Error, Result};
use crate::model::{Actor, Look, Order, Outcome, Recurrence, RecurrenceId, Span, Timestamp};
use crate::store::recurrences::{self as rows, Day};
use rusqlite::Transaction;
use serde_json::json;
use std::collections::HashSet;

/// Recurrences looked at in one go.
const BATCH: usize = 50;
/// Days further back than this that were missed are not even noted.
const BACK: Span = Span::from_secs(7 * 86_400);
/// A rule that cannot be read is looked at again after so long …
const AGAIN: Span = Span::from_secs(3_600);
/// … and one at which the database failed after this.
const RETRY: Span = Span::from_secs(60);

impl Recurrences {
    /// Places a booking for each day that comes within `bookings.recurring_ahead_days` and has none yet; gives their number.
    /// Each recurrence is one transaction, with a row for each day: neither a restart nor a jump of the clock nor an edit
    /// gives a day two bookings. What fails at one is tried again in a minute.
    pub async fn place_due(&self, now: Timestamp) -> Result<usize> {
        let mut placed = 0;
        let mut seen = HashSet::new();
        loop {
            let due = self.0.db.read(move |c| rows::to_look_at(c, now, BATCH)).await?;
            let fresh: Vec<_> = due.into_iter().filter(|id| seen.insert(id.clone())).collect();
            if fresh.is_empty() {
                return Ok(placed);
            }
            for id in fresh {
                match self.place(id.clone(), now).await {
                    Ok(count) => placed += count,
                    Err(error) => self.put_off(id, &error, now).await,
                }
            }
        }
    }

    async fn place(&self, id: RecurrenceId, now: Timestamp) -> Result<usize> {
        self.ask_ahead(id.clone(), now).await?;
        let bookings = self.0.clone();
        self.0.db.write(move |tx| look(tx, &bookings, &id, now)).await
    }

    /// Says in the last result of a recurrence that nothing could be placed, and why.
    async fn put_off(&self, id: RecurrenceId, error: &Error, now: Timestamp) {
        tracing::error!(%error, recurrence = %id, "the bookings of recurrence {id} could not be placed: {error}");
        let look = Look { at: now, placed: 0, fault: Some(error.to_string()) };
        let note = move |tx: &Transaction<'_>| rows::looked(tx, &id, &look, Some(now + RETRY));
        if let Err(error) = self.0.db.write(note).await {
            tracing::error!(%error, "and that could not be written down: {error}");
        }
    }

    /// Asks for the ways of the bookings that are to be placed, for nobody waits within a transaction.
    async fn ask_ahead(&self, id: RecurrenceId, now: Timestamp) -> Result<()> {
        let ahead = ahead(&self.0);
        let orders = move |c: &rusqlite::Connection| {
            let Some(recurrence) = rows::get(c, &id)? else { return Ok(Vec::new()) };
            let Ok(rule) = Rule::read(&recurrence.pattern) else { return Ok(Vec::new()) };
            let mut orders = Vec::new();
            for slot in rule.slots(recurrence.active_since.max(now), now + ahead) {
                if let (Moment::At(at), None) = (slot.moment, rows::day(c, &id, slot.date)?) {
                    orders.push(at_time(&recurrence, at));
                }
            }
            Ok::<_, Error>(orders)
        };
        let orders = self.0.db.read(orders).await?;
        self.0.ask_ways(&orders, now).await;
        Ok(())
    }
}

/// How far ahead bookings are placed.
fn ahead(bookings: &Bookings) -> Span {
    Span::from_secs(i64::from(bookings.rules().bookings.recurring_ahead_days) * 86_400)
}

/// Places what is due of one recurrence, and notes when it is to be looked at again.
fn look(tx: &Transaction<'_>, bookings: &Bookings, id: &RecurrenceId, now: Timestamp) -> Result<usize> {
    let Some(recurrence) = rows::get(tx, id)?.filter(|r| !r.paused) else { return Ok(0) };
    let ahead = ahead(bookings);
    let rule = match Rule::read(&recurrence.pattern) {
        Ok(rule) => rule,
        Err(fault) => {
            tracing::error!(recurrence = %id, "recurrence {id} cannot be read: its {} {}", fault.field, fault.message);
            let fault = Some(format!("its {} {}", fault.field, fault.message));
            rows::looked(tx, id, &Look { at: now, placed: 0, fault }, Some(now + AGAIN))?;
            return Ok(0);
        }
    };
    let mut placed = 0;
    for slot in rule.slots(recurrence.active_since.max(now - BACK), now + ahead) {
        if rows::day(tx, id, slot.date)?.is_none() {
            placed += settle(tx, bookings, &recurrence, slot, now)?;
        }
    }
    let next = rule.next(now + ahead).map(|slot| slot.about - ahead);
    let look = Look { at: now, placed: u32::try_from(placed).unwrap_or(u32::MAX), fault: None };
    rows::looked(tx, id, &look, next)?;
    Ok(placed)
}

/// Settles one day, which nothing is known of yet; gives the number of bookings placed.
fn settle(tx: &Transaction<'_>, bookings: &Bookings, r: &Recurrence, slot: Slot, now: Timestamp) -> Result<usize> {
    let (outcome, booking) = match slot.moment {
        Moment::Skipped => return Ok(0),
        Moment::At(at) if at > now - PAST => {
            let request = PlaceRequest::from(at_time(r, at));
            let route = bookings.known_route(&request.order, now);
            let mut placing = bookings.placing(request, route, Actor::System, None, now)?;
            placing.recurrence = Some(r.id.clone());
            placing.extra = Some(("recurrence", json!({"id": r.id, "date": slot.date})));
            match placing.run(tx) {
                Ok(placed) => (Outcome::Placed, Some(placed.booking.id)),
                Err(Error::Invalid(_)) => (Outcome::Missed, None),
                Err(error) => return Err(error),
            }
        }
        Moment::At(_) => (Outcome::Missed, None),
        Moment::Missing | Moment::Repeated => (Outcome::Undecided, None),
    };
    rows::put_day(tx, &r.id, &Day { date: slot.date, outcome, booking })?;
    if booking.is_none() {
        tracing::warn!(recurrence = %r.id, "recurrence {}: no booking for {}, which is {}", r.id, slot.date, outcome.as_str());
        record(tx, r, &format!("recurrence.{}", outcome.as_str()), Some(slot.date), &Actor::System, now)?;
    }
    Ok(usize::from(booking.is_some()))
}

/// What a recurrence orders for a pickup at `at`.
fn at_time(r: &Recurrence, at: Timestamp) -> Order {
    let until = r.window_minutes.map(|minutes| at + Span::from_secs(i64::from(minutes) * 60));
    Order { pickup_at: Some(at), pickup_until: until, ..r.order.clone() }
}

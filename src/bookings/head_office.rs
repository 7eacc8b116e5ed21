//! Head office's hand in bookings: its own use cases, within a transaction of the caller, and what it keeps to itself.
//!
//! What was ordered belongs to who ordered it; which vehicle does it, how far it is and when what happened belong to the depot. So the
//! depot leaves the order of a booking as it is that head office placed, but for what the vehicle must be like ([`Part::is_placers`]),
//! and calls it off only once a vehicle has it. Head office may change and call off any booking until then, and no booking's status.

use super::edit::{at_version, renewed};
use super::end::call_off;
use super::error::Fault;
use super::{Bookings, Error, Result, Standing, find};
use crate::model::{Actor, Booking, BookingId, Order, Origin, Part, Status, Timestamp};
use crate::store;
use rusqlite::Transaction;

/// Is `actor` one of the depot, and the booking head office's?
fn is_anothers(booking: &Booking, actor: &Actor) -> bool {
    booking.origin == Origin::HeadOffice && *actor != Actor::HeadOffice
}

fn refused(what: &'static str, fields: impl Iterator<Item = &'static str>) -> Error {
    Error::HeadOffices(what, fields.map(|field| Fault::new(field, "is head office's")).collect())
}

/// May `actor` change `parts` of the booking, or its price by a quote?
pub(super) fn may_change(booking: &Booking, parts: &[Part], quoted: bool, actor: &Actor) -> Result<()> {
    let mut fields: Vec<_> = parts.iter().filter(|part| part.is_placers()).map(|part| part.field()).collect();
    fields.dedup();
    fields.extend(quoted.then_some("quote_id"));
    if fields.is_empty() || !is_anothers(booking, actor) {
        return Ok(());
    }
    Err(refused("head office placed this booking: what it ordered is changed there, ask it to send the change", fields.into_iter()))
}

/// May `actor` call the booking off, as far as that depends on who placed it?
pub(super) fn may_cancel(booking: &Booking, actor: &Actor) -> Result<()> {
    let waits = matches!(booking.status, Status::Scheduled | Status::Waiting | Status::Offered);
    if waits && is_anothers(booking, actor) {
        let what = "head office placed this booking: until a vehicle has it only head office calls it off, ask it to";
        return Err(refused(what, std::iter::empty()));
    }
    Ok(())
}

/// May `actor` want the booking after all, with the times of `order`?
pub(super) fn may_reopen(booking: &Booking, order: &Order, actor: &Actor, now: Timestamp) -> Result<()> {
    if !is_anothers(booking, actor) {
        return Ok(());
    }
    if booking.status == Status::Cancelled {
        let what = "head office placed this booking, and it was called off: ask head office to place another";
        return Err(refused(what, std::iter::empty()));
    }
    may_change(booking, &Part::changed(&renewed(&booking.order, now), order), false, actor)
}

impl Bookings {
    /// Places what head office ordered, with an id of its choice, which must be new.
    pub fn place_for_head_office(&self, tx: &Transaction<'_>, id: Option<BookingId>, order: Order, now: Timestamp) -> Result<Booking> {
        if let Some(id) = id
            && store::bookings::get(tx, id)?.is_some()
        {
            return Err(Error::Exists(id));
        }
        let route = self.known_route(&order, now);
        let mut placing = self.placing(order.into(), route, Actor::HeadOffice, None, now)?;
        placing.origin = Origin::HeadOffice;
        placing.id = id.unwrap_or(placing.id);
        Ok(placing.run(tx)?.booking)
    }

    /// Changes what was ordered as [`Bookings::edit`] does; `change` makes the new order of the one before.
    pub fn change_for_head_office<E: From<Error>>(
        &self,
        tx: &Transaction<'_>,
        id: BookingId,
        version: u32,
        change: impl FnOnce(&Order) -> std::result::Result<Order, E>,
        now: Timestamp,
    ) -> std::result::Result<Booking, E> {
        let booking = at_version(tx, id, version)?;
        let order = change(&booking.order)?;
        Ok(self.editing(&order, self.known_route(&order, now), None, now).run(tx, booking, &Actor::HeadOffice)?)
    }

    /// Calls a booking off that no vehicle has, at `version` when that is given. A cancelled booking stays as it is.
    pub fn cancel_for_head_office(
        &self,
        tx: &Transaction<'_>,
        id: BookingId,
        version: Option<u32>,
        reason: String,
        now: Timestamp,
    ) -> Result<Booking> {
        let booking = find(tx, id)?;
        if booking.status == Status::Cancelled {
            return Ok(booking);
        }
        if version.is_some_and(|version| version != booking.version) {
            return Err(Error::Stale(Box::new(booking)));
        }
        call_off(tx, booking, reason, Standing::Bookings, &Actor::HeadOffice, now)
    }
}

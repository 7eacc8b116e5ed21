//! Offers that end without a yes: refused, passed, withdrawn, or made good for by a job that was taken back.

use super::{Change, Result, commit, find, record};
use crate::model::{Actor, Booking, BookingId, Kind, Offer, OfferState, Span, Status, Step, Timestamp, VehicleId};
use crate::store::offers;
use rusqlite::Transaction;
use serde_json::json;

/// Ends an offer without a yes; when nobody else is being asked, the booking waits again.
pub(super) fn refuse(
    tx: &Transaction<'_>,
    booking: Booking,
    offer: &Offer,
    state: OfferState,
    reason: Option<String>,
    actor: &Actor,
    now: Timestamp,
) -> Result<Booking> {
    offers::close(tx, offer.id, state, reason.as_deref(), now)?;
    let extra = Some(("offer", json!({"state": state, "reason": reason})));
    if booking.status == Status::Offered && offers::open_of_booking(tx, booking.id)?.is_empty() {
        let change = Change { vehicle: Some(offer.vehicle.clone()), extra, ..Change::of(Step::Decline) };
        return commit(tx, booking, change, actor, now);
    }
    record(tx, &booking, Kind::BookingDeclined, Some(&offer.vehicle), extra, actor, now)?;
    Ok(booking)
}

/// Withdraws what is still asked about a booking that is no longer offered.
pub(super) fn withdraw(tx: &Transaction<'_>, booking: &Booking, actor: &Actor, now: Timestamp) -> Result<()> {
    for offer in offers::open_of_booking(tx, booking.id)? {
        offers::close(tx, offer.id, OfferState::Withdrawn, Some(booking.status.as_str()), now)?;
        let extra = Some(("offer", json!({"state": OfferState::Withdrawn})));
        record(tx, booking, Kind::BookingOfferWithdrawn, Some(&offer.vehicle), extra, actor, now)?;
    }
    Ok(())
}

/// The vehicle cannot take what its driver is being asked, unless that is about `job`: it is withdrawn.
pub fn withdraw_from(
    tx: &Transaction<'_>,
    vehicle: &VehicleId,
    job: Option<BookingId>,
    why: &str,
    actor: &Actor,
    now: Timestamp,
) -> Result<()> {
    match offers::open_of_vehicle(tx, vehicle)? {
        Some(offer) if Some(offer.booking) != job => {
            let why = Some(why.to_owned());
            refuse(tx, find(tx, offer.booking)?, &offer, OfferState::Withdrawn, why, actor, now).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// Keeps the booking from `vehicle` for a while, from which it was taken.
pub(super) fn take_back(tx: &Transaction<'_>, booking: BookingId, vehicle: VehicleId, reason: String, now: Timestamp) -> Result<()> {
    let offer = Offer {
        id: 0,
        booking,
        vehicle,
        state: OfferState::TakenBack,
        offered_at: now,
        expires_at: now + Span::default(),
        answered_at: Some(now),
        reason: Some(reason),
    };
    Ok(offers::insert(tx, &offer).map(|_| ())?)
}

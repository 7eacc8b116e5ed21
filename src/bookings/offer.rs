//! Asking drivers: offers, their answers, and those that pass without one.

use super::give::{give, is_at_work};
use super::withdraw::refuse;
use super::{Bookings, Change, Error, Page, Paged, Result, commit, find, record};
use crate::model::{Actor, Booking, BookingId, Kind, Offer, OfferState, Step, Timestamp, VehicleId};
use crate::store::{self, offers};
use rusqlite::Transaction;
use serde_json::json;

/// Offers read at once.
const MOST: usize = 10_000;

impl Bookings {
    /// What the driver of `vehicle` says to the open offer of booking `id`: the booking as it is then. An answer that was given
    /// already does no harm; one that comes too late is [`Error::NoOffer`].
    pub async fn answer(&self, id: BookingId, vehicle: &VehicleId, yes: bool, reason: Option<String>, actor: Actor) -> Result<Booking> {
        let (now, vehicle) = (self.clock.now(), vehicle.clone());
        let change = move |tx: &Transaction<'_>| {
            let booking = find(tx, id)?;
            let offer = offers::open_of_booking(tx, id)?.into_iter().find(|o| o.vehicle == vehicle && now <= o.expires_at);
            match offer {
                Some(offer) if yes => accept(tx, booking, &offer, &actor, now),
                Some(offer) => refuse(tx, booking, &offer, OfferState::Declined, reason, &actor, now),
                None if yes && booking.status.holds_vehicle() && booking.vehicle.as_ref() == Some(&vehicle) => Ok(booking),
                None => Err(Error::NoOffer(vehicle)),
            }
        };
        self.db.write(change).await
    }

    /// Lets the offers pass that nobody answered in time; gives their number.
    pub async fn pass_offers(&self, now: Timestamp) -> Result<usize> {
        let is_due = move |o: &Offer| o.expires_at < now;
        if !self.db.read(|c| offers::open(c, 1)).await?.iter().any(is_due) {
            return Ok(0);
        }
        let change = move |tx: &Transaction<'_>| {
            let due: Vec<Offer> = offers::open(tx, MOST)?.into_iter().filter(is_due).collect();
            for offer in &due {
                let why = Some("no answer in time".to_owned());
                refuse(tx, find(tx, offer.booking)?, offer, OfferState::TimedOut, why, &Actor::System, now)?;
            }
            Ok(due.len())
        };
        self.db.write(change).await
    }

    /// What the driver of `vehicle` is being asked.
    pub async fn open_offer_of(&self, vehicle: &VehicleId) -> Result<Option<Offer>> {
        let vehicle = vehicle.clone();
        Ok(self.db.read(move |c| offers::open_of_vehicle(c, &vehicle)).await?)
    }

    /// Every open offer, the one that ends first first.
    pub async fn open_offers(&self) -> Result<Vec<Offer>> {
        Ok(self.db.read(|c| offers::open(c, MOST)).await?)
    }

    /// What drivers refused, or let pass, or was taken back from them, at `since` or later.
    pub async fn refused_offers(&self, since: Timestamp) -> Result<Vec<Offer>> {
        Ok(self.db.read(move |c| offers::refused_since(c, since)).await?)
    }

    /// Who was asked about a booking, newest first.
    pub async fn offers(&self, id: BookingId, page: Page) -> Result<Paged<Offer>> {
        let (before, limit) = (page.after(i64::MAX)?, page.limit());
        let question = move |c: &rusqlite::Connection| {
            find(c, id)?;
            Ok::<_, Error>(offers::of_booking(c, id, before, limit + 1)?)
        };
        Ok(Paged::cut(self.db.read(question).await?, limit))
    }
}

/// Asks the drivers of `vehicles`, those that are free to be asked. None at all is [`Error::Lost`].
pub(super) fn ask(tx: &Transaction<'_>, booking: Booking, vehicles: &[VehicleId], until: Timestamp, now: Timestamp) -> Result<Booking> {
    let mut asked = Vec::with_capacity(vehicles.len());
    for vehicle in vehicles {
        let is_free = offers::open_of_vehicle(tx, vehicle)?.is_none() && store::bookings::active_of(tx, vehicle)?.is_none();
        if is_free && is_at_work(tx, vehicle)? && store::vehicles::exists(tx, vehicle)? {
            asked.push(vehicle);
        }
    }
    let Some((&first, others)) = asked.split_first() else { return Err(Error::Lost) };
    let extra = Some(("offer", json!({"expires_at": until})));
    let mut offer = Offer {
        id: 0,
        booking: booking.id,
        vehicle: first.clone(),
        state: OfferState::Open,
        offered_at: now,
        expires_at: until,
        answered_at: None,
        reason: None,
    };
    offers::insert(tx, &offer)?;
    let change = Change { vehicle: Some(first.clone()), extra: extra.clone(), ..Change::of(Step::Offer) };
    let booking = commit(tx, booking, change, &Actor::System, now)?;
    for &vehicle in others {
        offer.vehicle = vehicle.clone();
        offers::insert(tx, &offer)?;
        record(tx, &booking, Kind::BookingOffered, Some(vehicle), extra.clone(), &Actor::System, now)?;
    }
    Ok(booking)
}

fn accept(tx: &Transaction<'_>, booking: Booking, offer: &Offer, actor: &Actor, now: Timestamp) -> Result<Booking> {
    offers::close(tx, offer.id, OfferState::Accepted, None, now)?;
    give(tx, booking, &offer.vehicle, actor, now)
}

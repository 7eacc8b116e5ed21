//! Placing a booking, once for each `Idempotency-Key`.

use super::error::Fault;
use super::quote::QuoteRequest;
use super::{Bookings, Error, Result, record};
use crate::model::{Actor, Booking, BookingId, Kind, NewBooking, Site, Span, Status, Timestamp};
use crate::store::{self, idempotency, quotes};
use rusqlite::Transaction;
use serde_json::json;
use sha2::{Digest, Sha256};

/// A pickup may lie this far back (a form filled in slowly) …
const PAST: Span = Span::from_secs(3_600);
/// … and this far ahead.
const AHEAD: Span = Span::from_secs(400 * 86_400);

/// A load to be moved.
#[derive(Clone, Debug)]
pub struct PlaceRequest {
    /// Where the load is picked up.
    pub pickup: Site,
    /// Where it goes.
    pub dropoff: Site,
    /// When; now when absent.
    pub pickup_at: Option<Timestamp>,
    /// Only a vehicle of this class will do.
    pub vehicle_class: Option<String>,
    /// Weight in kg.
    pub load_kg: Option<u32>,
    /// What the vehicle must be able to do.
    pub skills: Vec<String>,
    /// Who it is for.
    pub customer: Option<String>,
    /// Free words.
    pub notes: Option<String>,
    /// The quote whose price holds.
    pub quote_id: Option<String>,
}

/// A booking that was placed.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The booking.
    pub booking: Booking,
    /// An earlier request with the same key placed it.
    pub replayed: bool,
}

impl PlaceRequest {
    fn as_quote(&self) -> QuoteRequest {
        QuoteRequest {
            pickup: self.pickup.clone(),
            dropoff: self.dropoff.clone(),
            pickup_at: self.pickup_at,
            vehicle_class: self.vehicle_class.clone(),
            load_kg: self.load_kg,
        }
    }

    fn faults(&self, now: Timestamp) -> Vec<Fault> {
        let mut faults = self.as_quote().faults();
        if self.pickup_at.is_some_and(|at| at < now - PAST) {
            faults.push(Fault::new("pickup_at", "must not be more than an hour ago"));
        }
        if self.pickup_at.is_some_and(|at| at > now + AHEAD) {
            faults.push(Fault::new("pickup_at", "must be within the next 400 days"));
        }
        faults
    }

    fn hash(&self) -> String {
        let all = json!([
            self.as_quote().essence(),
            self.pickup.address,
            self.dropoff.address,
            self.pickup_at,
            self.skills,
            self.customer,
            self.notes,
            self.quote_id,
        ]);
        Sha256::digest(all.to_string()).iter().map(|b| format!("{b:02x}")).collect()
    }
}

pub(super) fn random() -> Result<[u8; 10]> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|e| store::Error::Corrupt(format!("no randomness for an id: {e}")))?;
    Ok(random)
}

impl Bookings {
    /// Places a booking: on disk, with its journal entry, when this returns. With a `key` a repeat by the same actor within
    /// 48 h gives the same booking; the same key with another request is [`Error::KeyReused`].
    pub async fn place(&self, request: PlaceRequest, actor: Actor, key: Option<String>) -> Result<Placed> {
        let now = self.clock.now();
        let (way, price) = self.price(&request.as_quote());
        let order = NewBooking {
            pickup: request.pickup.clone(),
            dropoff: request.dropoff.clone(),
            pickup_at: request.pickup_at,
            vehicle_class: request.vehicle_class.clone(),
            load_kg: request.load_kg,
            skills: request.skills.clone(),
            customer: request.customer.clone(),
            notes: request.notes.clone(),
            price: price.total,
            distance_m: way.distance_m,
            duration_s: way.duration_s,
        };
        let status = match request.pickup_at {
            Some(at) if at > now + self.lead() => Status::Scheduled,
            _ => Status::Waiting,
        };
        let id = BookingId::generate(now, random()?);
        let placing = Placing { id, status, order, request, actor, key, now };
        self.db.write(move |tx| placing.run(tx)).await
    }
}

struct Placing {
    id: BookingId,
    status: Status,
    order: NewBooking,
    request: PlaceRequest,
    actor: Actor,
    key: Option<String>,
    now: Timestamp,
}

impl Placing {
    fn run(mut self, tx: &Transaction<'_>) -> Result<Placed> {
        let hash = self.request.hash();
        let who = self.actor.to_text();
        if let Some(key) = &self.key
            && let Some((earlier, id)) = idempotency::find(tx, &who, key)?
        {
            return if earlier == hash { Ok(Placed { booking: super::find(tx, id)?, replayed: true }) } else { Err(Error::KeyReused) };
        }
        let mut faults = self.request.faults(self.now);
        if let Err(fault) = self.take_quote(tx)? {
            faults.push(fault);
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let booking = store::bookings::insert(tx, self.id, self.status, &self.order, self.now)?;
        record(tx, &booking, Kind::BookingPlaced, None, None, &self.actor, self.now)?;
        if let Some(key) = &self.key {
            idempotency::insert(tx, &who, key, &hash, self.id, self.now)?;
        }
        Ok(Placed { booking, replayed: false })
    }

    /// Puts the quote's price in the order, or says why it does not hold.
    fn take_quote(&mut self, tx: &Transaction<'_>) -> Result<std::result::Result<(), Fault>> {
        let Some(id) = &self.request.quote_id else { return Ok(Ok(())) };
        let Some(quote) = quotes::get(tx, id)? else { return Ok(Err(Fault::new("quote_id", "is not a quote of this depot"))) };
        if quote.expires_at <= self.now {
            return Ok(Err(Fault::new("quote_id", format!("expired at {}; ask for a new quote", quote.expires_at))));
        }
        if quote.request != self.request.as_quote().essence() {
            return Ok(Err(Fault::new("quote_id", "is for another trip: pickup, dropoff, vehicle_class and load_kg must be the same")));
        }
        self.order.price = quote.price;
        self.order.distance_m = quote.distance_m;
        self.order.duration_s = quote.duration_s;
        Ok(Ok(()))
    }
}

//! Placing a booking, once for each `Idempotency-Key`.

use super::error::Fault;
use super::faults::order_faults;
use super::ids::random;
use super::quote::quoted;
use super::route::Route;
use super::{Bookings, Error, Result, record};
use crate::model::{Actor, Booking, BookingId, Fare, Kind, Order, Origin, RecurrenceId, Status, Timestamp};
use crate::pricing::Way;
use crate::store::{self, idempotency};
use crate::tariffs::{Ask, Bill, Tariffs};
use rusqlite::Transaction;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A load to be moved.
#[derive(Clone, Debug)]
pub struct PlaceRequest {
    /// What is asked for.
    pub order: Order,
    /// The quote whose price holds.
    pub quote_id: Option<String>,
    /// A promo code; of no use with a quote, which has its own.
    pub promo_code: Option<String>,
}

impl From<Order> for PlaceRequest {
    fn from(order: Order) -> Self {
        Self { order, quote_id: None, promo_code: None }
    }
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
    fn hash(&self) -> String {
        match &self.promo_code {
            None => hash(&json!([self.order, self.quote_id])),
            Some(code) => hash(&json!([self.order, self.quote_id, code])),
        }
    }
}

/// Tells one request from another.
pub(super) fn hash(request: &Value) -> String {
    Sha256::digest(request.to_string()).iter().map(|b| format!("{b:02x}")).collect()
}

impl Bookings {
    /// Places a booking: on disk, with its journal entry, when this returns. With a `key` a repeat by the same actor within
    /// 48 h gives the same booking; the same key with another request is [`Error::KeyReused`].
    pub async fn place(&self, request: PlaceRequest, actor: Actor, key: Option<String>) -> Result<Placed> {
        let now = self.clock.now();
        let quoted = request.quote_id.is_some();
        let route = if quoted { self.known_route(&request.order, now) } else { self.route(&request.order, now).await };
        let placing = self.placing(request, route, actor, key, now)?;
        self.db.write(move |tx| placing.run(tx)).await
    }

    pub(super) fn placing(
        &self,
        request: PlaceRequest,
        route: Route,
        actor: Actor,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Placing> {
        let order = self.complete(&request.order, route.way.duration_s, now);
        let status = if order.pickup_at > Some(now + self.slack()) { Status::Scheduled } else { Status::Waiting };
        let id = BookingId::generate(now, random()?);
        let origin = Origin::Depot;
        let tariffs = self.tariffs.clone();
        Ok(Placing { id, status, tariffs, way: route.way, order, request, origin, recurrence: None, actor, key, now, extra: None })
    }
}

/// A booking that is ready to be placed.
pub(super) struct Placing {
    pub(super) id: BookingId,
    status: Status,
    tariffs: Tariffs,
    way: Way,
    /// What was requested, completed.
    order: Order,
    request: PlaceRequest,
    pub(super) origin: Origin,
    /// The recurring booking that makes it.
    pub(super) recurrence: Option<RecurrenceId>,
    actor: Actor,
    key: Option<String>,
    now: Timestamp,
    /// What the journal says beside the booking, by its name.
    pub(super) extra: Option<(&'static str, Value)>,
}

impl Placing {
    pub(super) fn run(self, tx: &Transaction<'_>) -> Result<Placed> {
        let hash = self.request.hash();
        let who = self.actor.to_text();
        if let Some(key) = &self.key
            && let Some((earlier, id)) = idempotency::find(tx, &who, key)?
        {
            let known = id.parse().ok().filter(|_| earlier == hash).ok_or(Error::KeyReused)?;
            return Ok(Placed { booking: super::find(tx, known)?, replayed: true });
        }
        let mut faults = order_faults(&self.request.order, self.now);
        let priced = self.price(tx, &mut faults)?;
        let Some((fare, bill)) = priced.filter(|_| faults.is_empty()) else { return Err(Error::Invalid(faults)) };
        let Self { id, status, origin, recurrence, .. } = self;
        let new = store::bookings::New { id, status, order: &self.order, fare, origin, recurrence };
        let booking = store::bookings::insert(tx, &new, self.now)?;
        bill.map_or(Ok(()), |bill| bill.keep(tx, id))?;
        record(tx, &booking, Kind::BookingPlaced, None, self.extra, &self.actor, self.now)?;
        if let Some(key) = &self.key {
            idempotency::insert(tx, &who, key, &hash, &self.id.to_string(), self.now)?;
        }
        Ok(Placed { booking, replayed: false })
    }
    /// Its price: that of the quote, or by the tariff.
    fn price(&self, tx: &Transaction<'_>, faults: &mut Vec<Fault>) -> Result<Option<(Fare, Option<Bill>)>> {
        if let Some(quote) = &self.request.quote_id {
            if self.request.promo_code.is_some() {
                faults.push(Fault::new("promo_code", "goes into the quote, which has its price already"));
            }
            return match quoted(tx, &self.tariffs, quote, &self.request.order, self.id, self.now)? {
                Ok(price) => Ok(Some(price)),
                Err(fault) => {
                    faults.push(fault);
                    Ok(None)
                }
            };
        }
        let ask = Ask { order: &self.request.order, way: self.way, promo: self.request.promo_code.as_deref(), booking: Some(self.id) };
        match self.tariffs.price(tx, ask, self.now).map_err(Error::from) {
            Ok(priced) => Ok(Some((priced.fare, Some(priced.bill)))),
            Err(Error::Invalid(found)) => {
                faults.extend(found);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

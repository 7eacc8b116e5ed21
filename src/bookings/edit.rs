//! Changing what was ordered, and wanting after all what was given up.

use super::error::Fault;
use super::faults::{time_faults, way_faults};
use super::quote::{essence, quoted};
use super::route::Route;
use super::{Bookings, Change, Error, Reordered, Result, commit, find, head_office, record};
use crate::model::{Actor, Booking, BookingId, Fare, Kind, Order, Part, Status, Step, Timestamp};
use crate::pricing::Way;
use crate::store;
use crate::tariffs::{Ask, Bill, Tariffs};
use rusqlite::Transaction;
use serde_json::json;

impl Bookings {
    /// Puts `order` in the place of what was ordered, provided that the booking still has `version`: else [`Error::Stale`]
    /// with the booking as it is. What may change depends on the status ([`Part::may_change`]).
    ///
    /// The price holds while all that decides it stays as it was; else it is that of the quote, or by the tariff. Before a
    /// vehicle has it, the booking is scheduled or waiting anew, and an offer is taken back when its driver would have to
    /// know. Afterwards the vehicle is told. Where nothing changes, nothing happens.
    pub async fn edit(&self, id: BookingId, version: u32, order: Order, quote_id: Option<String>, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let same = quote_id.is_some() || essence(&self.get(id).await?.order) == essence(&order);
        let route = if same { self.known_route(&order, now) } else { self.route(&order, now).await };
        let edit = self.editing(&order, route, quote_id, now);
        self.db.write(move |tx| edit.run(tx, at_version(tx, id, version)?, &actor)).await
    }

    pub(super) fn editing(&self, order: &Order, route: Route, quote_id: Option<String>, now: Timestamp) -> Edit {
        let order = self.complete(order, route.way.duration_s, now);
        Edit { order, way: route.way, tariffs: self.tariffs.clone(), quote_id, release_to: now + self.slack(), now }
    }

    /// Wants a booking after all that was cancelled, failed or expired at `version`, with the times of `order`.
    pub async fn reopen(&self, id: BookingId, version: u32, order: Order, reason: Option<String>, actor: Actor) -> Result<Booking> {
        let now = self.clock.now();
        let wanted = order;
        let order = self.complete(&wanted, self.known_route(&wanted, now).way.duration_s, now);
        let (release_to, tariffs) = (now + self.slack(), self.tariffs.clone());
        let change = move |tx: &Transaction<'_>| {
            let booking = at_version(tx, id, version)?;
            booking.status.after(Step::Reopen)?;
            head_office::may_reopen(&booking, &wanted, &actor, now)?;
            let mut faults = time_faults(&order, now);
            faults.extend(code_fault(tx, &tariffs, &booking)?);
            if !faults.is_empty() {
                return Err(Error::Invalid(faults));
            }
            let extra = reason.map(|reason| ("reason", json!(reason)));
            let order = Some(Reordered { order, fare: booking.fare, release_to });
            commit(tx, booking, Change { order, extra, ..Change::of(Step::Reopen) }, &actor, now)
        };
        self.db.write(change).await
    }
}

/// The order for another try at `now`: a pickup time that is over becomes "now", and it expires as is usual.
pub fn renewed(order: &Order, now: Timestamp) -> Order {
    let latest = order.pickup_until.or(order.pickup_at);
    let ahead = latest > Some(now);
    Order {
        pickup_at: order.pickup_at.filter(|_| ahead),
        pickup_until: order.pickup_until.filter(|_| ahead),
        expires_at: None,
        ..order.clone()
    }
}

/// What is wrong with the promo code of a booking that gave its use back, when others have had all uses since.
fn code_fault(tx: &Transaction<'_>, tariffs: &Tariffs, booking: &Booking) -> Result<Option<Fault>> {
    let Some(code) = Bill::of(tx, booking.id)?.and_then(|bill| bill.promo_code) else { return Ok(None) };
    let refusal = tariffs.used_up(tx, &code, booking.order.customer.as_deref(), booking.id)?;
    Ok(refusal.map(|refusal| Fault::new("promo_code", format!("of this booking, {code}, {refusal} meanwhile: place a new booking"))))
}

/// When the order is given up, moved along with its latest pickup.
fn moved_expiry(old: &Order, new: &Order) -> Option<Timestamp> {
    let latest = |order: &Order| order.pickup_until.or(order.pickup_at);
    let by = latest(new)? - latest(old)?;
    old.expires_at.map(|at| at + by)
}

pub(super) fn at_version(tx: &Transaction<'_>, id: BookingId, version: u32) -> Result<Booking> {
    let booking = find(tx, id)?;
    if booking.version == version { Ok(booking) } else { Err(Error::Stale(Box::new(booking))) }
}

/// A change that is ready to be made.
pub(super) struct Edit {
    order: Order,
    way: Way,
    tariffs: Tariffs,
    quote_id: Option<String>,
    release_to: Timestamp,
    now: Timestamp,
}

impl Edit {
    pub(super) fn run(mut self, tx: &Transaction<'_>, booking: Booking, actor: &Actor) -> Result<Booking> {
        let asked = Part::changed(&booking.order, &self.order);
        // What moves along by itself needs nobody's leave.
        if !asked.contains(&Part::Expiry) {
            self.order.expires_at = moved_expiry(&booking.order, &self.order);
        }
        let parts = Part::changed(&booking.order, &self.order);
        if parts.is_empty() && self.quote_id.is_none() {
            return Ok(booking);
        }
        head_office::may_change(&booking, &asked, self.quote_id.is_some(), actor)?;
        let (fare, bill) = self.permitted(tx, &booking, &asked)?;
        bill.map_or(Ok(()), |bill| bill.keep(tx, booking.id))?;
        let mut fields: Vec<_> = parts.iter().map(|part| part.field()).collect();
        fields.dedup();
        let extra = Some(("changed", json!(fields)));
        let told = parts.iter().any(|part| part.concerns_driver());
        let reordered = Reordered { order: self.order, fare, release_to: self.release_to };
        // An offer stands while its driver need not know.
        let again = booking.status.after(Step::Reschedule).is_ok() && (told || booking.status != Status::Offered);
        if again {
            return commit(tx, booking, Change { order: Some(reordered), extra, ..Change::of(Step::Reschedule) }, actor, self.now);
        }
        let version = booking.version;
        let Reordered { order, fare, .. } = reordered;
        let next = Booking { order, fare, updated_at: self.now, version: version + 1, ..booking };
        if !store::bookings::update(tx, &next, version)? {
            return Err(Error::Lost);
        }
        record(tx, &next, Kind::BookingChanged, next.vehicle.as_ref().filter(|_| told), extra, actor, self.now)?;
        Ok(next)
    }

    /// What the vehicle that has the booking cannot carry of the changed load.
    fn overload(&self, tx: &Transaction<'_>, booking: &Booking) -> Result<Option<Fault>> {
        let vehicle = booking.vehicle.as_ref().map_or(Ok(None), |name| store::vehicles::get(tx, name))?;
        let Some(vehicle) = vehicle else { return Ok(None) };
        let over = vehicle.capacity.overload(&self.order.load());
        let told = |overload| {
            format!("is too much for {}, which has the booking: {}; take it back first", vehicle.id, vehicle.capacity.says(overload))
        };
        Ok(over.map(|overload| Fault::new("load_kg", told(overload))))
    }

    /// The fare of the changed order, with a bill where it is another, when the change is right and the status allows it.
    fn permitted(&self, tx: &Transaction<'_>, booking: &Booking, parts: &[Part]) -> Result<(Fare, Option<Bill>)> {
        let fixed: Vec<_> = parts.iter().filter(|part| !part.may_change(booking.status)).map(|part| part.field()).collect();
        if !fixed.is_empty() || booking.status.is_final() {
            let told = |field: &&str| Fault::new(field, format!("cannot change while the booking is {}", booking.status.as_str()));
            return Err(Error::Fixed(booking.status, fixed.iter().map(told).collect()));
        }
        let has = |part| parts.contains(&part);
        let mut faults = Vec::new();
        if [Part::Pickup, Part::Stops, Part::Dropoff].into_iter().any(has) {
            faults.extend(way_faults(&self.order));
        }
        if [Part::PickupTime, Part::DropoffWindow, Part::Expiry].into_iter().any(has) {
            faults.extend(time_faults(&self.order, self.now));
        }
        if has(Part::Load) {
            faults.extend(self.overload(tx, booking)?);
        }
        let mut price = (booking.fare, None);
        if let Some(id) = &self.quote_id {
            match quoted(tx, &self.tariffs, id, &self.order, booking.id, self.now)? {
                Ok(quoted) => price = quoted,
                Err(fault) => faults.push(fault),
            }
        } else if essence(&self.order) != essence(&booking.order) {
            price = self.priced(tx, booking, &mut faults)?;
        }
        if faults.is_empty() { Ok(price) } else { Err(Error::Invalid(faults)) }
    }

    /// The price by the tariff, with the promo code that the booking has.
    fn priced(&self, tx: &Transaction<'_>, booking: &Booking, faults: &mut Vec<Fault>) -> Result<(Fare, Option<Bill>)> {
        let code = Bill::of(tx, booking.id)?.and_then(|bill| bill.promo_code);
        let ask = Ask { order: &self.order, way: self.way, promo: code.as_deref(), booking: Some(booking.id) };
        match self.tariffs.price(tx, ask, self.now).map_err(Error::from) {
            Ok(priced) => Ok((priced.fare, Some(priced.bill))),
            Err(Error::Invalid(found)) => {
                faults.extend(found);
                Ok((booking.fare, None))
            }
            Err(error) => Err(error),
        }
    }
}

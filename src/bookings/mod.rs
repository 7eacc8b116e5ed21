//! The use cases of bookings: quote, place, edit, release, assign, step, cancel, reopen, expire. One transaction each.
//!
//! Every change goes through `commit`: the row, the journal entry and the audit row stand or fall together.

mod assign;
mod by_hand;
mod due;
mod edit;
mod end;
mod error;
pub mod etas;
mod faults;
mod give;
mod head_office;
mod ids;
mod import;
pub mod late;
mod list;
mod offer;
mod pin;
mod place;
mod proof;
mod quote;
pub mod recurrences;
mod remind;
pub mod rounds;
mod route;
mod step;
mod view;
mod withdraw;

pub use crate::store::bookings::Filter;
pub use assign::{Assignment, Decision};
pub use by_hand::ByHand;
pub use edit::renewed;
pub use end::Standing;
pub use error::{Error, Fault};
pub use give::take;
pub use import::{ImportLine, ImportMode, ImportReport, Imported};
pub use list::{Page, Paged};
pub use pin::pin;
pub use place::{PlaceRequest, Placed};
pub use proof::MOST_BYTES;
pub use quote::Quote;
pub use step::Report;
pub use view::booking_json;
pub use withdraw::withdraw_from;

use crate::clock::Clock;
use crate::config::{Config, Current};
use crate::eta::Etas;
use crate::model::{Actor, Booking, BookingId, Fare, Kind, Order, Span, Status, Step, Timestamp, VehicleId};
use crate::store::{self, Db, audit, journal};
use crate::tariffs::{Bill, Tariffs};
use rusqlite::Transaction;
use std::sync::Arc;

/// The bookings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bookings {
    db: Db,
    clock: Clock,
    settings: Current,
    etas: etas::Board,
    counts: rounds::Counts,
    ways: Etas,
    tariffs: Tariffs,
    guesses: pin::Guesses,
}

type Result<T> = std::result::Result<T, Error>;

impl Bookings {
    /// The bookings of `db`, priced and estimated as the settings say that are in effect then.
    pub fn new(db: Db, settings: impl Into<Current>, clock: Clock) -> Self {
        let settings = settings.into();
        let ways = Etas::new(settings.clone(), &clock);
        let tariffs = Tariffs::new(db.clone(), settings.clone(), clock.clone());
        Self {
            db,
            clock,
            settings,
            etas: etas::Board::default(),
            counts: rounds::Counts::default(),
            ways,
            tariffs,
            guesses: pin::Guesses::default(),
        }
    }

    /// The settings in effect.
    fn rules(&self) -> Arc<Config> {
        self.settings.get()
    }

    /// What prices are made by.
    pub fn tariffs(&self) -> &Tariffs {
        &self.tariffs
    }

    /// What the price of a booking is made of; bookings of before bills were kept have none.
    pub async fn bill(&self, id: BookingId) -> Result<Option<Bill>> {
        self.db.read(move |c| Ok(Bill::of(c, id)?)).await
    }

    /// The PIN that whoever waits for a booking's delivery is to tell the driver, where the tariff asks for one.
    pub async fn pin(&self, id: BookingId) -> Result<Option<String>> {
        self.db.read(move |c| Ok(pin(c, &find(c, id)?)?)).await
    }

    /// When the jobs under way will be done.
    pub fn etas(&self) -> &etas::Board {
        &self.etas
    }

    /// Forgets what is kept for a while only: expired quotes, idempotency keys after 48 h, dispatch records, offers and plans of days after
    /// `keep_rounds_days`, attachments after `keep_proofs_days`.
    pub async fn purge(&self, now: Timestamp) -> Result<()> {
        const DAY_S: i64 = 86_400;
        let rules = self.rules();
        let rounds = now - Span::from_secs(i64::from(rules.dispatch.keep_rounds_days) * DAY_S);
        let inputs = rules.dispatch.keep_inputs;
        let (kept, left) = proof::kept_since(now, rules.bookings.keep_proofs_days);
        let change = move |tx: &Transaction<'_>| {
            store::quotes::purge(tx, now - Span::from_secs(DAY_S))?;
            store::idempotency::purge(tx, now - Span::from_secs(2 * DAY_S))?;
            store::rounds::purge(tx, rounds, inputs)?;
            store::offers::purge(tx, rounds)?;
            store::reminders::purge(tx, now - Span::from_secs(DAY_S))?;
            store::days::purge(tx, rounds)?;
            store::attachments::purge(tx, kept, left)?;
            Ok(())
        };
        self.db.write(change).await
    }
}

/// What a step does besides moving the status on.
struct Change {
    step: Step,
    at: Option<Timestamp>,
    vehicle: Option<VehicleId>,
    reason: Option<String>,
    /// What is ordered from now on.
    order: Option<Reordered>,
    /// What the journal says beside the booking, by its name.
    extra: Option<(&'static str, serde_json::Value)>,
}

/// An order in the place of the one before.
struct Reordered {
    order: Order,
    fare: Fare,
    /// Up to this pickup time it is released at once.
    release_to: Timestamp,
}

impl Change {
    fn of(step: Step) -> Self {
        Self { step, at: None, vehicle: None, reason: None, order: None, extra: None }
    }
}

/// The one funnel of every step: the sole caller of `update`, journal and audit for a booking that exists.
fn commit(tx: &Transaction<'_>, booking: Booking, change: Change, actor: &Actor, now: Timestamp) -> Result<Booking> {
    let version = booking.version;
    let (was, vehicle_before) = (booking.status, booking.vehicle.clone());
    let (step, extra, concerned) = (change.step, change.extra.clone(), change.vehicle.clone());
    let next = apply(booking, change, now)?;
    if !store::bookings::update(tx, &next, version)? {
        return Err(Error::Lost);
    }
    let vehicle = next.vehicle.as_ref().or(concerned.as_ref()).or(vehicle_before.as_ref());
    record(tx, &next, kind_of(step), vehicle, extra, actor, now)?;
    if was == Status::Offered {
        withdraw::withdraw(tx, &next, actor, now)?;
    }
    Ok(next)
}

fn apply(mut b: Booking, change: Change, now: Timestamp) -> Result<Booking> {
    b.status = b.status.after(change.step)?;
    if change.step == Step::Unassign && b.order.pickup_at > Some(now) {
        b.status = b.status.after(Step::Reschedule)?;
    }
    if let Some(Reordered { order, fare, release_to }) = change.order {
        (b.order, b.fare) = (order, fare);
        if b.status == Status::Scheduled && b.order.pickup_at <= Some(release_to) {
            b.status = b.status.after(Step::Release)?;
        }
    }
    let at = Some(change.at.unwrap_or(now));
    match b.status {
        Status::Waiting | Status::Scheduled | Status::Offered => {
            (b.vehicle, b.reason) = (None, None);
            (b.assigned_at, b.arrived_at, b.picked_up_at, b.delivered_at, b.ended_at) = (None, None, None, None, None);
        }
        Status::Assigned => {
            b.vehicle = change.vehicle;
            b.assigned_at = at;
        }
        Status::Arrived => b.arrived_at = at,
        Status::PickedUp => b.picked_up_at = at,
        Status::Delivered => b.delivered_at = at,
        Status::Cancelled | Status::Failed | Status::Expired => {
            b.ended_at = at;
            b.reason = change.reason;
        }
    }
    b.updated_at = now;
    b.version += 1;
    Ok(b)
}

fn kind_of(step: Step) -> Kind {
    match step {
        Step::Release => Kind::BookingReleased,
        Step::Offer => Kind::BookingOffered,
        Step::Decline => Kind::BookingDeclined,
        Step::Assign => Kind::BookingAssigned,
        Step::Unassign => Kind::BookingUnassigned,
        Step::Arrived => Kind::BookingArrived,
        Step::PickedUp => Kind::BookingPickedUp,
        Step::Delivered => Kind::BookingDelivered,
        Step::Failed => Kind::BookingFailed,
        Step::Cancel => Kind::BookingCancelled,
        Step::Expire => Kind::BookingExpired,
        Step::Reschedule => Kind::BookingChanged,
        Step::Reopen => Kind::BookingReopened,
    }
}

fn record(
    tx: &Transaction<'_>,
    b: &Booking,
    kind: Kind,
    vehicle: Option<&VehicleId>,
    extra: Option<(&'static str, serde_json::Value)>,
    actor: &Actor,
    now: Timestamp,
) -> Result<()> {
    let mut data = booking_json(b);
    if let (Some((name, extra)), Some(map)) = (extra, data.as_object_mut()) {
        map.insert(name.into(), extra);
    }
    let data = data.to_string();
    journal::append(tx, &journal::NewEvent { at: now, kind, actor, booking: Some(b.id), vehicle, data: &data })?;
    audit::append(tx, now, actor, kind.as_str(), &b.id.to_string(), &data)?;
    Ok(())
}

fn find(tx: &rusqlite::Connection, id: BookingId) -> Result<Booking> {
    store::bookings::get(tx, id)?.ok_or(Error::Unknown)
}

#[cfg(test)]
mod tests;

//! What a link shows of its booking: how it gets on, and nothing that is of persons, prices or other jobs.

use super::Link;
use crate::bookings::etas::JobEta;
use crate::fleet::View;
use crate::model::{Booking, Event, Language, Metres, Place, Span, Status, Timestamp};
use h3o::{LatLng, Resolution};
use serde_json::Value;

/// While it is not near, a vehicle is shown at the middle of the H3 cell that it is in; and the pickup, which may be somebody's home.
const COARSE: Resolution = Resolution::Eight;
/// Metres from the middle of such a cell to its corners, rounded up: they are 531 m long on average and up to 600 m.
const COARSE_M: u32 = 600;
/// A vehicle that has the load on board is near within this distance of the drop-off …
const NEAR: Metres = Metres(2_000.0);
/// … or when it will be there so soon.
const SOON: Span = Span::from_secs(600);
/// An estimate that is older does not say that it will.
const FRESH: Span = Span::from_secs(300);
/// A vehicle that has a job for later is not shown before.
const BEFORE_PICKUP: Span = Span::from_secs(3_600);

/// What is known beside the booking itself.
#[derive(Clone, Debug, Default)]
pub struct Whereabouts {
    /// When it will be done, while it is under way.
    pub eta: Option<JobEta>,
    /// The vehicle that has it, or had it.
    pub vehicle: Option<View>,
    /// The journal's entry of its delivery.
    pub delivery: Option<Event>,
    /// The PIN that its tariff asks for.
    pub pin: Option<String>,
}

/// What a link shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Glimpse {
    /// The booking's name for people.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// Thereabouts the load comes from.
    pub pickup: Option<Coarse>,
    /// Where it goes.
    pub dropoff: Place,
    /// When it was given to a vehicle.
    pub assigned_at: Option<Timestamp>,
    /// When it was picked up.
    pub picked_up_at: Option<Timestamp>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
    /// When it was cancelled, failed or expired.
    pub ended_at: Option<Timestamp>,
    /// When it will be delivered.
    pub expected: Option<Expected>,
    /// Where its vehicle is.
    pub vehicle: Option<Sighting>,
    /// What whoever waits for it is to tell the driver, once he has the load on board.
    pub pin: Option<String>,
    /// What the driver has to show for it.
    pub proof: Option<Proof>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// From then on the link shows nothing.
    pub expires_at: Option<Timestamp>,
    /// What the link's page is written in.
    pub language: Option<Language>,
    /// When this was looked at.
    pub seen_at: Timestamp,
}

/// A place that is not told exactly.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Coarse {
    /// It is near this one …
    pub place: Place,
    /// … within so many metres.
    pub within_m: u32,
}

/// When a delivery is expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expected {
    /// At this time, as far as it is known …
    pub at: Option<Timestamp>,
    /// … or not before this one …
    pub earliest: Option<Timestamp>,
    /// … and not after that.
    pub latest: Option<Timestamp>,
    /// `planned`: by what was ordered; `window`: what was agreed on; else whose travel times the estimate rests on.
    pub source: &'static str,
}

/// Where the vehicle was seen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sighting {
    /// There, or thereabouts.
    pub place: Place,
    /// Within so many metres of it; `None`: exactly there.
    pub within_m: Option<u32>,
    /// When.
    pub at: Timestamp,
    /// Is the load on its last stretch?
    pub near: bool,
}

/// What a driver has to show for a delivery. Names, pictures and where they are kept stay in the depot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Proof {
    /// When it was taken.
    pub at: Timestamp,
    /// Did somebody sign?
    pub signature: bool,
    /// How many photographs were taken.
    pub photos: u32,
}

impl Glimpse {
    /// What `link` shows of `booking` at `now`.
    pub fn of(booking: &Booking, known: &Whereabouts, link: &Link, now: Timestamp) -> Self {
        let delivered = booking.status == Status::Delivered;
        Self {
            reference: booking.reference.clone(),
            status: booking.status,
            pickup: Coarse::of(booking.order.pickup.place),
            dropoff: booking.order.dropoff.place,
            assigned_at: booking.assigned_at,
            picked_up_at: booking.picked_up_at,
            delivered_at: booking.delivered_at,
            ended_at: booking.ended_at,
            expected: expected(booking, known.eta, now),
            vehicle: sighting(booking, known, now),
            pin: known.pin.clone().filter(|_| booking.status == Status::PickedUp),
            proof: known.delivery.as_ref().filter(|_| delivered).and_then(|event| proof(event, booking)),
            updated_at: booking.updated_at,
            expires_at: link.expires_at,
            language: link.language,
            seen_at: now,
        }
    }

    /// Is the vehicle on the last stretch to the drop-off?
    pub fn is_near(&self) -> bool {
        self.vehicle.is_some_and(|vehicle| vehicle.near)
    }
}

fn expected(booking: &Booking, eta: Option<JobEta>, now: Timestamp) -> Option<Expected> {
    let (status, order) = (booking.status, &booking.order);
    if let Some(eta) = eta.filter(|_| status.holds_vehicle()) {
        return Some(Expected { at: Some(eta.dropoff_at.max(now)), earliest: None, latest: None, source: eta.source });
    }
    if status.is_final() {
        return None;
    }
    if let Some(window) = order.dropoff_window {
        return Some(Expected { at: None, earliest: Some(window.from), latest: Some(window.until), source: "window" });
    }
    let pickup = order.pickup_at.filter(|at| *at > now)?;
    let at = pickup + Span::from_secs(i64::from(booking.fare.duration_s));
    Some(Expected { at: Some(at), earliest: None, latest: None, source: "planned" })
}

/// Where the vehicle was last, if that was while it had this job.
fn sighting(booking: &Booking, known: &Whereabouts, now: Timestamp) -> Option<Sighting> {
    let view = known.vehicle.as_ref().filter(|_| booking.status.holds_vehicle())?;
    let (place, at) = (view.place?, view.fix_ts?);
    let begin = booking.order.pickup_at.map(|at| at - BEFORE_PICKUP).filter(|_| booking.status == Status::Assigned);
    if at < booking.assigned_at?.max(begin.unwrap_or_default()) {
        return None;
    }
    let soon = known.eta.is_some_and(|eta| now.since(eta.computed_at) <= FRESH && eta.dropoff_at <= now + SOON);
    let near = booking.status == Status::PickedUp && (soon || place.distance(booking.order.dropoff.place) <= NEAR);
    if near {
        return Some(Sighting { place, within_m: None, at, near });
    }
    let Coarse { place, within_m } = Coarse::of(place)?;
    Some(Sighting { place, within_m: Some(within_m), at, near })
}

impl Coarse {
    /// The middle of the cell that holds `place`.
    fn of(place: Place) -> Option<Self> {
        let cell = LatLng::new(place.lat(), place.lon()).ok()?.to_cell(COARSE);
        let middle = LatLng::from(cell);
        Some(Self { place: Place::new(middle.lat(), middle.lng()).ok()?, within_m: COARSE_M })
    }
}

fn proof(event: &Event, booking: &Booking) -> Option<Proof> {
    let data: Value = serde_json::from_str(&event.data).ok()?;
    let given = data.get("proof")?.as_object()?;
    let is_something = |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && *value != "";
    let signature = given.get("signature").is_some_and(is_something);
    let count = |value: &Value| match value {
        Value::Array(all) => all.iter().filter(|one| is_something(one)).count(),
        one => usize::from(is_something(one)),
    };
    let photos = ["photo", "photos", "photograph"].into_iter().filter_map(|key| given.get(key)).map(count).sum::<usize>();
    let at = booking.delivered_at.unwrap_or(event.at);
    (signature || photos > 0).then(|| Proof { at, signature, photos: u32::try_from(photos).unwrap_or(u32::MAX) })
}

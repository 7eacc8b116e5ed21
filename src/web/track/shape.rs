//! What a link shows, as programs read it.

use super::words::Words;
use crate::config::Depot;
use crate::links::Glimpse;
use crate::model::{Span, Timestamp};
use crate::web::shapes::PlaceShape;
use serde::Serialize;
use utoipa::ToSchema;

/// What a tracking link shows of its booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tracking)]
pub struct TrackShape {
    /// The booking's name for people.
    reference: String,
    /// Its status.
    status: &'static str,
    /// The same as a sentence, in the language that was asked for.
    status_text: &'static str,
    /// Thereabouts the load comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pickup: Option<CoarseShape>,
    /// Where it goes.
    dropoff: PlaceShape,
    /// When it is expected there; `null` when that is over or nobody knows.
    eta: Option<TrackEta>,
    /// Its vehicle, from when it has the job until the delivery.
    vehicle: Option<TrackVehicle>,
    /// When it was delivered.
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Timestamp>,
    /// What whoever waits for it is to tell the driver, while the load is on board and the tariff asks for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    /// What the driver has to show for it; `null` without a signature or a photograph.
    proof: Option<TrackProof>,
    /// When the booking last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// From then on the link shows nothing; `null` while that is open.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// Whose delivery it is.
    depot: TrackDepot,
}

/// A place that is not told exactly.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CoarsePlace)]
pub struct CoarseShape {
    /// It is near this one …
    place: PlaceShape,
    /// … within so many metres.
    within_m: u32,
}

/// When a delivery is expected: at a time, or within a window.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackEta {
    /// At this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Not before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    earliest: Option<Timestamp>,
    /// Not after.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    latest: Option<Timestamp>,
    /// `planned`: by what was ordered; `window`: what was agreed on; else where the travel times come from, as in a booking's `eta`.
    source: &'static str,
}

/// Where the vehicle is.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackVehicle {
    /// There, or thereabouts.
    place: PlaceShape,
    /// `true` until it is near: `place` is the middle of the H3 cell that it is in.
    coarse: bool,
    /// Metres from there within which it is; absent when it is exactly there.
    #[serde(skip_serializing_if = "Option::is_none")]
    within_m: Option<u32>,
    /// Seconds since it was there.
    age_s: i64,
}

/// What a driver has to show for a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackProof {
    /// When it was taken.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Did somebody sign?
    signature: bool,
    /// How many photographs were taken.
    photos: u32,
}

/// The depot.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrackDepot {
    /// What it is called.
    name: String,
    /// IANA time zone.
    zone: String,
}

impl TrackShape {
    /// What is seen of a booking of `depot`, in those words.
    pub fn new(seen: &Glimpse, words: &Words, depot: &Depot) -> Self {
        let seconds = |span: Span| span.as_millis() / 1_000;
        let vehicle = seen.vehicle.map(|v| TrackVehicle {
            place: v.place.into(),
            coarse: v.within_m.is_some(),
            within_m: v.within_m,
            age_s: seconds(seen.seen_at.since(v.at)),
        });
        Self {
            reference: seen.reference.clone(),
            status: seen.status.as_str(),
            status_text: words.status(seen.status, seen.is_near()),
            pickup: seen.pickup.map(|c| CoarseShape { place: c.place.into(), within_m: c.within_m }),
            dropoff: seen.dropoff.into(),
            eta: seen.expected.map(|e| TrackEta { at: e.at, earliest: e.earliest, latest: e.latest, source: e.source }),
            vehicle,
            delivered_at: seen.delivered_at,
            pin: seen.pin.clone(),
            proof: seen.proof.map(|p| TrackProof { at: p.at, signature: p.signature, photos: p.photos }),
            updated_at: seen.updated_at,
            expires_at: seen.expires_at,
            depot: TrackDepot { name: depot.name.clone(), zone: depot.zone.clone() },
        }
    }
}

//! Where a load is picked up, goes, and stops on its way.

use super::words;
use crate::model::{Contact, Place, Site, Stop};
use serde::Serialize;
use utoipa::ToSchema;

/// A point in degrees, WGS 84.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = Place)]
pub struct PlaceShape {
    /// Latitude, north positive.
    #[schema(minimum = -90, maximum = 90)]
    pub lat: f64,
    /// Longitude, east positive.
    #[schema(minimum = -180, maximum = 180)]
    pub lon: f64,
}
impl From<Place> for PlaceShape {
    fn from(place: Place) -> Self {
        Self { lat: place.lat(), lon: place.lon() }
    }
}

/// Whom to ask for at a site.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Contact)]
pub struct ContactShape {
    /// A person or a desk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As it is dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}
impl From<&Contact> for ContactShape {
    fn from(c: &Contact) -> Self {
        Self { name: c.name.clone(), phone: c.phone.clone(), email: c.email.clone() }
    }
}

/// One end of a booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Site)]
pub struct SiteShape {
    /// Where it is.
    #[serde(flatten)]
    pub place: PlaceShape,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whom to ask for there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactShape>,
}
impl From<&Site> for SiteShape {
    fn from(site: &Site) -> Self {
        Self { place: site.place.into(), address: site.address.clone(), contact: site.contact.as_ref().map(Into::into) }
    }
}

/// A stop between pickup and drop-off.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Stop)]
pub struct StopShape {
    /// Where, and whom to ask for.
    #[serde(flatten)]
    pub site: SiteShape,
    /// `pickup`, `dropoff` or `visit`.
    #[schema(value_type = words::StopKind)]
    pub kind: &'static str,
    /// Free words for the driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}
impl From<&Stop> for StopShape {
    fn from(stop: &Stop) -> Self {
        Self { site: (&stop.site).into(), kind: stop.kind.as_str(), notes: stop.notes.clone() }
    }
}

//! Quantities that are never bare numbers in a public signature.

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A length in metres.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metres(pub f64);

/// Why a pair of numbers is not a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Not within -90 to 90 degrees.
    #[error("latitude must be within -90 to 90 degrees")]
    Latitude,
    /// Not within -180 to 180 degrees.
    #[error("longitude must be within -180 to 180 degrees")]
    Longitude,
}

/// A point on the earth, WGS 84, in degrees; always finite and in range.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawPlace")]
pub struct Place {
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
struct RawPlace {
    lat: f64,
    lon: f64,
}
impl TryFrom<RawPlace> for Place {
    type Error = PlaceError;
    fn try_from(raw: RawPlace) -> Result<Self, PlaceError> {
        Self::new(raw.lat, raw.lon)
    }
}

impl Place {
    /// The point at `lat`, `lon` in degrees.
    pub fn new(lat: f64, lon: f64) -> Result<Self, PlaceError> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(PlaceError::Latitude);
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(PlaceError::Longitude);
        }
        Ok(Self { lat, lon })
    }
    /// Latitude in degrees, north positive.
    pub fn lat(self) -> f64 {
        self.lat
    }
    /// Longitude in degrees, east positive.
    pub fn lon(self) -> f64 {
        self.lon
    }
    /// Great-circle distance (haversine, on a sphere of the mean radius 6,371,008.8 m).
    pub fn distance(self, other: Self) -> Metres {
        const RADIUS_M: f64 = 6_371_008.8;
        let (lat1, lat2) = (self.lat.to_radians(), other.lat.to_radians());
        let half_lat = ((lat2 - lat1) / 2.0).sin();
        let half_lon = ((other.lon - self.lon).to_radians() / 2.0).sin();
        let h = half_lat * half_lat + lat1.cos() * lat2.cos() * half_lon * half_lon;
        Metres(2.0 * RADIUS_M * h.min(1.0).sqrt().asin())
    }
}

/// An ISO 4217 code, like `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of a three-letter code in capitals.
    pub fn new(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }
    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}
impl TryFrom<String> for Currency {
    type Error = &'static str;
    fn try_from(code: String) -> Result<Self, Self::Error> {
        Self::new(&code).ok_or("must be three capital letters, like EUR")
    }
}
impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}
impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in the currency's minor unit (cents), exact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Money {
    /// Whole minor units; negative for a reduction.
    pub amount_minor: i64,
    /// What they are units of, by its ISO 4217 code.
    #[schema(value_type = String, example = "EUR")]
    pub currency: Currency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_agrees_with_a_known_pair() {
        let lisbon = Place::new(38.7223, -9.1393).unwrap();
        let porto = Place::new(41.1579, -8.6291).unwrap();
        assert!((lisbon.distance(porto).0 - 274_300.0).abs() < 500.0);
        assert_eq!(lisbon.distance(lisbon).0, 0.0);
    }

    #[test]
    fn places_are_in_range_and_finite() {
        assert_eq!(Place::new(91.0, 0.0), Err(PlaceError::Latitude));
        assert_eq!(Place::new(0.0, 180.1), Err(PlaceError::Longitude));
        assert!(Place::new(f64::NAN, 0.0).is_err());
    }
}

//! The shape of a zone, as GeoJSON says it (RFC 7946).

use crate::fields::document::Faults;
use geo::{Coord, LineString, MultiPolygon, Polygon, Validation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Points of a zone at most.
pub const MAX_POINTS: usize = 2_000;
/// Points of a ring at least; the last is the first.
const RING: usize = 4;

/// A point: longitude and latitude in degrees (WGS 84), perhaps an altitude, which counts for nothing.
type Position = Vec<f64>;
/// The points of a closed line.
type Ring = Vec<Position>;

/// A GeoJSON area. Its first ring is its border, the others are holes. One that crosses the antimeridian is to be cut there in two.
/// Members that GeoJSON allows beside these are not kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
#[schema(as = ZoneArea)]
pub enum Shape {
    /// One area.
    Polygon {
        /// Its rings.
        #[schema(value_type = Vec<Vec<Vec<f64>>>)]
        coordinates: Vec<Ring>,
    },
    /// Several.
    MultiPolygon {
        /// The rings of each.
        #[schema(value_type = Vec<Vec<Vec<Vec<f64>>>>)]
        coordinates: Vec<Vec<Ring>>,
    },
}

impl Shape {
    fn polygons(&self) -> &[Vec<Ring>] {
        match self {
            Self::Polygon { coordinates } => std::slice::from_ref(coordinates),
            Self::MultiPolygon { coordinates } => coordinates,
        }
    }

    /// The same in the words of geometry; what is no point is left out.
    pub(super) fn to_geo(&self) -> MultiPolygon {
        let ring = |ring: &Ring| LineString::new(ring.iter().filter_map(coord).collect());
        let polygon = |rings: &Vec<Ring>| {
            let mut rings = rings.iter().map(ring);
            let border = rings.next().unwrap_or_else(|| LineString::new(Vec::new()));
            Polygon::new(border, rings.collect())
        };
        MultiPolygon::new(self.polygons().iter().map(polygon).collect())
    }

    /// Notes what is wrong with it: first its points and rings, then, if these are sound, how they lie.
    pub(super) fn check(&self, f: &mut Faults) {
        let points: usize = self.polygons().iter().flatten().map(Vec::len).sum();
        f.demand(points <= MAX_POINTS, "coordinates", format_args!("must have at most {MAX_POINTS} points, and has {points}"));
        f.demand(!self.polygons().is_empty(), "coordinates", "must have a polygon");
        let mut is_sound = points <= MAX_POINTS;
        for (at, rings) in self.polygons().iter().enumerate().take(MAX_POINTS) {
            let path = match self {
                Self::Polygon { .. } => "coordinates".to_owned(),
                Self::MultiPolygon { .. } => format!("coordinates[{at}]"),
            };
            f.demand(!rings.is_empty(), &path, "must have a ring");
            for (at, ring) in rings.iter().enumerate().take(MAX_POINTS) {
                is_sound &= check_ring(f, &format!("{path}[{at}]"), ring);
            }
        }
        if is_sound {
            self.check_lie(f);
        }
    }

    fn check_lie(&self, f: &mut Faults) {
        let shape = self.to_geo();
        let lons = || shape.0.iter().flat_map(|polygon| polygon.exterior().coords()).map(|coord| coord.x);
        let (west, east) = (lons().fold(f64::INFINITY, f64::min), lons().fold(f64::NEG_INFINITY, f64::max));
        f.demand(east - west < 180.0, "coordinates", "is wider than 180 degrees: cut it in two at the antimeridian");
        for fault in shape.validation_errors() {
            f.demand(false, "coordinates", fault);
        }
    }
}

/// Notes what is wrong with a ring by itself, and says whether nothing was.
fn check_ring(f: &mut Faults, path: &str, ring: &Ring) -> bool {
    let bad = ring.iter().position(|position| coord(position).is_none());
    if let Some(bad) = bad {
        f.demand(false, &format!("{path}[{bad}]"), "must be [longitude, latitude] within -180 to 180 and -90 to 90 degrees");
    }
    f.demand(ring.len() >= RING, path, format_args!("must have at least {RING} points, the last like the first"));
    let is_closed = ring.first() == ring.last();
    f.demand(is_closed, path, "must be closed: its last point must be its first");
    bad.is_none() && ring.len() >= RING && is_closed
}

fn coord(position: &Position) -> Option<Coord> {
    let (lon, lat) = match position[..] {
        [lon, lat] => (lon, lat),
        [lon, lat, altitude] if altitude.is_finite() => (lon, lat),
        _ => return None,
    };
    ((-180.0..=180.0).contains(&lon) && (-90.0..=90.0).contains(&lat)).then_some(Coord { x: lon, y: lat })
}

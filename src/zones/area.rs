//! What a zone covers, ready to be asked.

use super::shape::Shape;
use crate::model::Place;
use geo::{BoundingRect, ChamberlainDuquetteArea, Coord, Intersects, MultiPolygon, Rect};

/// The area of a zone. Edges are straight in longitude and latitude, as GeoJSON says.
#[derive(Clone, Debug)]
pub(super) struct Area {
    shape: MultiPolygon,
    bounds: Option<Rect>,
    size_m2: f64,
}

impl Area {
    /// The area of `shape`.
    pub(super) fn of(shape: &Shape) -> Self {
        let shape = shape.to_geo();
        let (bounds, size_m2) = (shape.bounding_rect(), shape.chamberlain_duquette_unsigned_area());
        Self { shape, bounds, size_m2 }
    }

    /// Is `place` in it, or on its border?
    pub(super) fn contains(&self, place: Place) -> bool {
        let here = Coord { x: place.lon(), y: place.lat() };
        self.bounds.is_some_and(|bounds| bounds.intersects(&here)) && self.shape.intersects(&here)
    }

    /// Its size in square metres, on a sphere.
    pub(super) fn size_m2(&self) -> f64 {
        self.size_m2
    }

    /// Its polygons.
    pub(super) fn shape(&self) -> &MultiPolygon {
        &self.shape
    }

    /// The rectangle around it.
    pub(super) fn bounds(&self) -> Option<Rect> {
        self.bounds
    }
}

//! Points by H3 cell, and the k nearest of them. Pure.
//!
//! The occupied cells form a tree, as fine as the points in it are dense: a cell with more than a few points gives them to
//! the cells of the next resolution. Every cell knows a ball around its centre that holds all of its points: made of the
//! points themselves and not of the cell's outline, so it is right whatever the grid does at pentagons, poles or the
//! antimeridian, and although H3's cells do not lie wholly within their parents. A search opens the cell that may hold the
//! nearest point first and ends when no cell can hold a nearer one: dense or sparse, near or far, it looks at few cells.
//! Distances are chords of the unit sphere, which order as great circles do.

mod tree;

pub use tree::{Index, LEAF};

use crate::model::{Metres, Place};
use h3o::{CellIndex, LatLng};

/// As [`Place::distance`].
const RADIUS_M: f64 = 6_371_008.8;

/// A point of the unit sphere.
pub type Point = [f64; 3];

/// The point of a place.
pub fn point(place: Place) -> Point {
    let (lat_sin, lat_cos) = place.lat().to_radians().sin_cos();
    let (lon_sin, lon_cos) = place.lon().to_radians().sin_cos();
    [lat_cos * lon_cos, lat_cos * lon_sin, lat_sin]
}

/// The squared chord between two points.
#[inline]
fn chord2(a: &Point, b: &Point) -> f64 {
    let (x, y, z) = (a[0] - b[0], a[1] - b[1], a[2] - b[2]);
    x * x + y * y + z * z
}

/// The great-circle length of a squared chord.
fn great_circle(chord2: f64) -> Metres {
    Metres(2.0 * RADIUS_M * (chord2.sqrt() / 2.0).min(1.0).asin())
}

/// The chord of a great-circle length.
fn chord(length: Metres) -> f64 {
    2.0 * (length.0 / (2.0 * RADIUS_M)).clamp(0.0, std::f64::consts::FRAC_PI_2).sin()
}

/// Does a place lie in an H3 cell?
pub fn lies_in(place: Option<Place>, cell: CellIndex) -> bool {
    let at = place.and_then(|p| LatLng::new(p.lat(), p.lon()).ok());
    at.is_some_and(|at| at.to_cell(cell.resolution()) == cell)
}

/// A rectangle in degrees. When `west` is more than `east` it crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Western edge.
    pub west: f64,
    /// Southern edge.
    pub south: f64,
    /// Eastern edge.
    pub east: f64,
    /// Northern edge.
    pub north: f64,
}

impl Bounds {
    /// Does `place` lie in it, edges included?
    pub fn contains(&self, place: Place) -> bool {
        let lon = place.lon();
        let in_lon = if self.west <= self.east { (self.west..=self.east).contains(&lon) } else { lon >= self.west || lon <= self.east };
        in_lon && (self.south..=self.north).contains(&place.lat())
    }

    /// May a point within `chord` of `centre` lie in it? Never wrongly no.
    fn touches(&self, centre: &Point, chord: f64) -> bool {
        let angle = 2.0 * (chord / 2.0).min(1.0).asin() + 1e-9;
        let (lat, lon) = (centre[2].clamp(-1.0, 1.0).asin(), centre[1].atan2(centre[0]).to_degrees());
        let (low, high) = ((lat - angle).to_degrees(), (lat + angle).to_degrees());
        if high < self.south || low > self.north {
            return false;
        }
        if high >= 90.0 || low <= -90.0 {
            return true;
        }
        let half = (angle.sin() / lat.cos()).min(1.0).asin().to_degrees() + 1e-6;
        let width = if self.west <= self.east { self.east - self.west } else { self.east - self.west + 360.0 };
        // How far the cap's westernmost point lies east of the western edge, the way round.
        let offset = (lon - half - self.west).rem_euclid(360.0);
        offset <= width || offset + 2.0 * half >= 360.0
    }
}

#[cfg(test)]
mod tests;

//! Which zones may hold a place: by the H3 cells that cover them.
//!
//! Each zone is covered by cells of a size of which it takes some dozens, so that a lookup is one per resolution in use. A cell's
//! border is not straight in longitude and latitude, and a place next to it may belong to the cell beside it; so each cover has one
//! ring of cells more. What it finds are candidates: the area itself decides.

use super::area::Area;
use crate::model::Place;
use geo::Rect;
use h3o::geom::{ContainmentMode, TilerBuilder};
use h3o::{CellIndex, LatLng, Resolution};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A cover is as fine as it can be with so many cells over the zone's rectangle.
const CELLS: f64 = 100.0;
/// No cover is finer: cells of 15,000 m².
const FINEST: Resolution = Resolution::Ten;

/// Zones by the cells that cover them; a zone is named by its place in the list.
#[derive(Clone, Debug, Default)]
pub(super) struct Cover {
    resolutions: BTreeSet<Resolution>,
    cells: HashMap<CellIndex, Vec<usize>>,
    /// Those that no cells cover; they are always candidates.
    uncovered: Vec<usize>,
}

impl Cover {
    /// Covers `areas`.
    pub(super) fn of<'a>(areas: impl Iterator<Item = &'a Area>) -> Self {
        let mut cover = Self::default();
        for (at, area) in areas.enumerate() {
            match cells(area) {
                Some((resolution, cells)) => {
                    cover.resolutions.insert(resolution);
                    cells.into_iter().for_each(|cell| cover.cells.entry(cell).or_default().push(at));
                }
                None => cover.uncovered.push(at),
            }
        }
        cover
    }

    /// The zones that may hold `place`, in the order of the list.
    pub(super) fn at(&self, place: Place) -> Vec<usize> {
        let Ok(here) = LatLng::new(place.lat(), place.lon()) else { return Vec::new() };
        let covered = self.resolutions.iter().filter_map(|resolution| self.cells.get(&here.to_cell(*resolution))).flatten();
        let mut found: Vec<_> = covered.chain(&self.uncovered).copied().collect();
        found.sort_unstable();
        found
    }
}

/// The cells that cover an area, and one ring more.
fn cells(area: &Area) -> Option<(Resolution, HashSet<CellIndex>)> {
    let resolution = resolution(area.bounds()?);
    let mode = ContainmentMode::Covers;
    let mut tiler = TilerBuilder::new(resolution).containment_mode(mode).disable_transmeridian_heuristic().build();
    tiler.add_batch(area.shape().iter().cloned()).ok()?;
    let cells: HashSet<_> = tiler.into_coverage().flat_map(|cell| cell.grid_disk::<Vec<_>>(1)).collect();
    (!cells.is_empty()).then_some((resolution, cells))
}

/// The finest resolution of which some [`CELLS`] cells fill a rectangle.
fn resolution(bounds: Rect) -> Resolution {
    /// Kilometres of a degree of latitude.
    const DEGREE_KM: f64 = 111.2;
    let shrink = bounds.center().y.to_radians().cos();
    let km2 = bounds.width() * DEGREE_KM * shrink * bounds.height() * DEGREE_KM;
    let fits = |resolution: &Resolution| *resolution <= FINEST && km2 / resolution.area_km2() <= CELLS;
    Resolution::range(Resolution::Zero, FINEST).rfind(fits).unwrap_or(Resolution::Zero)
}

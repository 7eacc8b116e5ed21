//! Zones: named areas of the map that tariffs speak of. Pure.
//!
//! A [`Zone`] is a document with a GeoJSON area. [`Zones`] holds all of a depot and says which of them a place is in, the foremost
//! first: by priority, then the smaller one, then by id. A border belongs to its zone, that of a hole too.

mod area;
mod cover;
mod shape;

pub use shape::{MAX_POINTS, Shape};

use crate::fields::document::{Document, Faults};
use crate::model::Place;
use area::Area;
use cover::Cover;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Zones of a depot at most.
pub const MAX_ZONES: usize = 500;

/// A named area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its id, by which tariffs name it: 1 to 64 letters, digits, `.`, `_` or `-`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where zones overlap, the one with the higher number is foremost; of equal ones the smaller.
    #[serde(default)]
    pub priority: i32,
    /// Where it is.
    pub area: Shape,
}

impl Zone {
    /// Its size in square metres.
    pub fn area_m2(&self) -> f64 {
        Area::of(&self.area).size_m2()
    }

    /// Is `place` in it?
    pub fn contains(&self, place: Place) -> bool {
        Area::of(&self.area).contains(place)
    }
}

impl Document for Zone {
    fn check(&self, f: &mut Faults) {
        f.id("id", &self.id);
        f.text("name", &self.name, 80);
        f.within("area", |f| self.area.check(f));
    }
}

/// All zones of a depot, the foremost first, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    all: Vec<(Zone, Area)>,
    cover: Cover,
}

impl Zones {
    /// Makes `zones` ready. Each is one that [`Document::read`] let pass, their ids differ and there are [`MAX_ZONES`] at most; that is not
    /// looked at again, for how a shape lies takes long to see.
    pub fn new(zones: Vec<Zone>) -> Self {
        let with_area = |zone: Zone| {
            let area = Area::of(&zone.area);
            (zone, area)
        };
        let mut all: Vec<_> = zones.into_iter().map(with_area).collect();
        all.sort_by(|(a, a_area), (b, b_area)| {
            let by_size = || a_area.size_m2().total_cmp(&b_area.size_m2());
            b.priority.cmp(&a.priority).then_with(by_size).then_with(|| a.id.cmp(&b.id))
        });
        let cover = Cover::of(all.iter().map(|(_, area)| area));
        Self { all, cover }
    }

    /// The zones that `place` is in, the foremost first.
    pub fn at(&self, place: Place) -> Vec<&Zone> {
        let candidates = self.cover.at(place).into_iter().filter_map(|at| self.all.get(at));
        candidates.filter(|(_, area)| area.contains(place)).map(|(zone, _)| zone).collect()
    }

    /// The ids of the zones that `place` is in, the foremost first, as a `pricing::Trip` takes them.
    pub fn ids_at(&self, place: Place) -> Vec<&str> {
        self.at(place).into_iter().map(|zone| zone.id.as_str()).collect()
    }

    /// The zone of an id.
    pub fn get(&self, id: &str) -> Option<&Zone> {
        self.iter().find(|zone| zone.id == id)
    }

    /// All of them, the foremost first.
    pub fn iter(&self) -> impl Iterator<Item = &Zone> {
        self.all.iter().map(|(zone, _)| zone)
    }
}

#[cfg(test)]
mod tests;

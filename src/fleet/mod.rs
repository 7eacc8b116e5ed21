//! Where everyone is now: in memory, indexed by H3, asked by revision and not pushed.
//!
//! It is never the only copy of anything: [`mirror`] writes it to redb every few seconds, and what that misses is replayed
//! from the fix log at start.

pub mod index;
pub mod mirror;
mod presence;
mod table;
mod view;

pub use index::Bounds;
pub use presence::Presence;
pub use view::{Counts, Near, Status, View};

use crate::config;
use crate::model::{Availability, BookingId, Crew, Fix, Metres, Timestamp, Vehicle, VehicleId};
use h3o::CellIndex;
use std::hint::black_box;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use table::Table;

/// A handle to the fleet. All clones share it.
// A std lock, never held across an await: every call is lock, compute, unlock.
#[derive(Clone)]
pub struct Fleet(Arc<RwLock<Table>>);

impl Fleet {
    /// An empty fleet.
    pub fn new(config: &config::Fleet) -> Self {
        Self(Arc::new(RwLock::new(Table::new(config.max_vehicles))))
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the fix when it is its vehicle's latest by fix time; one flagged as future or old never is. Says whether it did.
    pub fn observe(&self, fix: &Fix) -> bool {
        self.write().observe(fix)
    }

    /// Takes many at once; returns how many were the latest.
    pub fn observe_all(&self, fixes: &[Fix]) -> usize {
        let mut table = self.write();
        fixes.iter().filter(|fix| table.observe(fix)).count()
    }

    /// Makes a vehicle known, or its class, capacity, skills, duty and who is on duty with it newly known.
    pub fn register(&self, vehicle: &Vehicle, crew: Option<Crew>) {
        let mut table = self.write();
        let Some(idx) = table.known(&vehicle.id) else { return };
        let mut skills = vehicle.skills.clone();
        skills.extend(crew.iter().flat_map(|crew| &crew.skills).filter(|skill| !vehicle.skills.contains(skill)).cloned());
        let (class, skills) = (table.class(&vehicle.class), table.skills(&skills));
        table.change(idx, |view| {
            let duty = match (view.availability, vehicle.on_duty) {
                (_, false) => Availability::OffDuty,
                (Availability::OffDuty, true) => Availability::Free,
                (doing, true) => doing,
            };
            let same_crew = view.crew.as_deref() == crew.as_ref();
            let same = view.class == class && view.capacity == vehicle.capacity && view.skills == skills && view.availability == duty;
            view.class = class;
            view.capacity = vehicle.capacity;
            view.skills = skills;
            view.availability = duty;
            if !same_crew {
                view.crew = crew.map(Arc::new);
            }
            !same || !same_crew
        });
    }

    /// Forgets a vehicle; says whether it was known.
    pub fn remove(&self, id: &VehicleId) -> bool {
        self.write().remove(id)
    }

    /// Its device came or went at `since`.
    pub fn set_online(&self, id: &VehicleId, online: bool, since: Timestamp) {
        let mut table = self.write();
        let Some(idx) = table.known(id) else { return };
        table.change(idx, |view| {
            let changed = view.online != online;
            (view.online, view.since) = (online, since);
            changed
        });
    }

    /// What it does from now on.
    pub fn set_availability(&self, id: &VehicleId, availability: Availability, booking: Option<BookingId>) {
        let mut table = self.write();
        let Some(idx) = table.known(id) else { return };
        table.change(idx, |view| {
            let changed = (view.availability, view.booking) != (availability, booking);
            (view.availability, view.booking) = (availability, booking);
            changed
        });
    }

    /// A vehicle as it is now.
    pub fn get(&self, id: &VehicleId) -> Option<View> {
        self.read().get(id).cloned()
    }

    /// All vehicles, in the order of their numbers.
    pub fn all(&self) -> Vec<View> {
        self.read().views().cloned().collect()
    }

    /// The present revision.
    pub fn rev(&self) -> u64 {
        self.read().rev
    }

    /// At most `limit` vehicles that changed after `rev`, the least recent change first, and the revision to ask from next
    /// time. Costs as much as it returns, however large the fleet is. Removed vehicles are told by [`Fleet::changes`] only.
    pub fn changed_since(&self, rev: u64, limit: usize) -> (u64, Vec<View>) {
        let (upto, changed, _) = self.read().changed_since(rev, limit);
        (upto, changed)
    }

    /// Like [`Fleet::changed_since`], with those that were removed (number and id).
    pub fn changes(&self, rev: u64, limit: usize) -> (u64, Vec<View>, Vec<(u32, VehicleId)>) {
        self.read().changed_since(rev, limit)
    }

    /// The nearest vehicles, nearest first, with their great-circle distances: exact at any radius and density.
    pub fn nearby(&self, near: &Near<'_>) -> Vec<(View, Metres)> {
        let table = self.read();
        let index = if near.available_only { &table.free } else { &table.all };
        let oldest = near.max_fix_age.map(|age| near.now - age);
        let keep = |idx: u32| {
            oldest.is_none_or(|oldest| table.fixed(idx) >= oldest) && near.class.is_none_or(|class| *table.view(idx).class == *class)
        };
        let found = index.nearest(near.place, near.radius, near.limit, keep);
        // A clone waits for the memory of its reference counts, one after the other; read before, they arrive together.
        found.iter().for_each(|&(idx, _)| {
            black_box(table.view(idx).id.as_str().as_bytes().first());
        });
        found.into_iter().map(|(idx, distance)| (table.view(idx).clone(), distance)).collect()
    }

    /// The vehicles in a rectangle, which may cross the antimeridian; at most `limit`.
    pub fn in_bounds(&self, bounds: &Bounds, limit: usize) -> Vec<View> {
        let table = self.read();
        let mut found = Vec::new();
        table.all.in_bounds(bounds, |idx| {
            let view = table.view(idx);
            if found.len() < limit && view.place.is_some_and(|p| bounds.contains(p)) {
                found.push(view.clone());
            }
        });
        found
    }

    /// The vehicles in any of these H3 cells, of whatever resolutions; each once, at most `limit`.
    pub fn in_cells(&self, cells: &[CellIndex], limit: usize) -> Vec<View> {
        let table = self.read();
        let mut found: Vec<u32> = Vec::new();
        for &cell in cells {
            table.all.in_cell(cell, |idx| {
                if index::lies_in(table.view(idx).place, cell) {
                    found.push(idx);
                }
            });
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().take(limit).map(|idx| table.view(idx).clone()).collect()
    }

    /// How many vehicles there are of each status.
    pub fn counts(&self) -> Counts {
        self.read().counts
    }
}

#[cfg(test)]
mod tests;

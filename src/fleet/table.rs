//! The state behind the lock: vehicles by number, chained in the order of their last change, and two indexes.

use super::index::Index;
use super::view::{Counts, Status, View};
use crate::model::{Fix, Flag, Timestamp, VehicleId};
use std::collections::HashMap;
use std::sync::Arc;

const NONE: u32 = u32::MAX;

struct Entry {
    view: View,
    /// Neighbours in the chain, the least recently changed first.
    before: u32,
    after: u32,
    removed: bool,
}

pub(super) struct Table {
    entries: Vec<Entry>,
    by_id: HashMap<VehicleId, u32>,
    oldest: u32,
    newest: u32,
    pub rev: u64,
    pub counts: Counts,
    /// Everybody with a place.
    pub all: Index,
    /// Those of them that can take a job: so that a search among few free ones need not look at many busy ones.
    pub free: Index,
    pub max_vehicles: usize,
    /// Fix times, side by side: a search asks for many of them.
    fixed: Vec<Timestamp>,
    classes: Vec<Arc<str>>,
    skills: Vec<Arc<[String]>>,
}

impl Table {
    pub fn new(max_vehicles: usize) -> Self {
        Self {
            entries: Vec::new(),
            by_id: HashMap::new(),
            oldest: NONE,
            newest: NONE,
            rev: 0,
            counts: Counts::default(),
            all: Index::default(),
            free: Index::default(),
            max_vehicles,
            fixed: Vec::new(),
            classes: Vec::new(),
            skills: vec![Arc::default()],
        }
    }

    pub fn get(&self, id: &VehicleId) -> Option<&View> {
        self.by_id.get(id).map(|&idx| self.view(idx))
    }
    pub fn view(&self, idx: u32) -> &View {
        &self.entries[idx as usize].view
    }
    pub fn views(&self) -> impl Iterator<Item = &View> {
        self.entries.iter().filter(|e| !e.removed).map(|e| &e.view)
    }

    /// The number of a vehicle, made when it is new; `None` when there are as many as may be.
    pub fn known(&mut self, id: &VehicleId) -> Option<u32> {
        if let Some(&idx) = self.by_id.get(id) {
            return Some(idx);
        }
        if self.by_id.len() >= self.max_vehicles {
            return None;
        }
        let idx = u32::try_from(self.entries.len()).ok().filter(|&idx| idx != NONE)?;
        let mut view = View::new(idx, id.clone());
        view.class = self.class("van");
        view.skills = self.skills(&[]);
        *self.counts.of(view.status()) += 1;
        self.entries.push(Entry { view, before: NONE, after: NONE, removed: false });
        self.fixed.push(Timestamp::default());
        self.by_id.insert(id.clone(), idx);
        self.link(idx);
        Some(idx)
    }

    /// Classes are few; vehicles share their names.
    pub fn class(&mut self, name: &str) -> Arc<str> {
        if let Some(class) = self.classes.iter().find(|c| ***c == *name) {
            return class.clone();
        }
        let class: Arc<str> = name.into();
        self.classes.push(class.clone());
        class
    }

    /// Sets of skills are few as well.
    pub fn skills(&mut self, names: &[String]) -> Arc<[String]> {
        if let Some(skills) = self.skills.iter().find(|s| ***s == *names) {
            return skills.clone();
        }
        let skills: Arc<[String]> = names.into();
        self.skills.push(skills.clone());
        skills
    }

    /// When the latest fix of a vehicle that has one was taken.
    pub fn fixed(&self, idx: u32) -> Timestamp {
        self.fixed[idx as usize]
    }

    /// Takes the fix when it is the vehicle's latest by fix time.
    pub fn observe(&mut self, fix: &Fix) -> bool {
        if fix.flags.has(Flag::Future) || fix.flags.has(Flag::Old) {
            return false;
        }
        let Some(idx) = self.known(&fix.vehicle) else { return false };
        let view = &mut self.entries[idx as usize].view;
        if view.fix_ts.is_some_and(|ts| fix.ts <= ts) {
            return false;
        }
        view.take(fix);
        self.fixed[idx as usize] = fix.ts;
        let free = view.status() == Status::Free;
        self.all.put(idx, fix.place);
        if free {
            self.free.put(idx, fix.place);
        }
        self.touch(idx);
        true
    }

    /// Changes a view by `change`, which says whether it did.
    pub fn change(&mut self, idx: u32, change: impl FnOnce(&mut View) -> bool) -> bool {
        let view = &mut self.entries[idx as usize].view;
        let before = view.status();
        if !change(view) {
            return false;
        }
        let (after, place) = (view.status(), view.place);
        if before != after {
            *self.counts.of(before) -= 1;
            *self.counts.of(after) += 1;
        }
        match place {
            Some(place) if after == Status::Free => self.free.put(idx, place),
            _ => self.free.remove(idx),
        }
        self.touch(idx);
        true
    }

    pub fn remove(&mut self, id: &VehicleId) -> bool {
        let Some(idx) = self.by_id.remove(id) else { return false };
        self.all.remove(idx);
        self.free.remove(idx);
        let entry = &mut self.entries[idx as usize];
        entry.removed = true;
        let status = entry.view.status();
        *self.counts.of(status) -= 1;
        self.touch(idx);
        true
    }

    fn touch(&mut self, idx: u32) {
        if self.newest != idx {
            self.unlink(idx);
            self.link(idx);
        } else {
            self.rev += 1;
            self.entries[idx as usize].view.rev = self.rev;
        }
    }

    fn unlink(&mut self, idx: u32) {
        let Entry { before, after, .. } = self.entries[idx as usize];
        match self.entries.get_mut(before as usize) {
            Some(entry) => entry.after = after,
            None => self.oldest = after,
        }
        match self.entries.get_mut(after as usize) {
            Some(entry) => entry.before = before,
            None => self.newest = before,
        }
    }

    /// Puts a vehicle to the end of the chain, with a new revision.
    fn link(&mut self, idx: u32) {
        self.rev += 1;
        let newest = self.newest;
        let entry = &mut self.entries[idx as usize];
        (entry.view.rev, entry.before, entry.after) = (self.rev, newest, NONE);
        match self.entries.get_mut(newest as usize) {
            Some(entry) => entry.after = idx,
            None => self.oldest = idx,
        }
        self.newest = idx;
    }

    /// Vehicles changed after `rev`, the least recent first: those there are, and the ids of those removed.
    pub fn changed_since(&self, rev: u64, limit: usize) -> (u64, Vec<View>, Vec<(u32, VehicleId)>) {
        let mut first = NONE;
        let mut at = self.newest;
        while let Some(entry) = self.entries.get(at as usize).filter(|e| e.view.rev > rev) {
            (first, at) = (at, entry.before);
        }
        let (mut upto, mut changed, mut removed) = (rev, Vec::new(), Vec::new());
        while let Some(entry) = self.entries.get(first as usize) {
            if changed.len() + removed.len() >= limit {
                return (upto, changed, removed);
            }
            if entry.removed {
                removed.push((entry.view.idx, entry.view.id.clone()));
            } else {
                changed.push(entry.view.clone());
            }
            (upto, first) = (entry.view.rev, entry.after);
        }
        (self.rev, changed, removed)
    }
}

//! The tree of occupied cells.

use super::{Bounds, Point, chord, chord2, great_circle, point};
use crate::model::{Metres, Place};
use h3o::{CellIndex, LatLng, Resolution};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Points a leaf holds before it splits; chosen by `cargo bench --bench nearby -- --leaves`.
pub const LEAF: usize = 24;

const NONE: u32 = u32::MAX;
/// Rounding must never prune a cell that holds the nearest point.
const SLACK: f64 = 1e-12;

#[derive(Clone, Copy)]
struct Item {
    at: Point,
    key: u32,
}

/// A child as its parent sees it: enough to find it and to decide whether to open it.
#[derive(Clone, Copy)]
struct Child {
    cell: CellIndex,
    centre: Point,
    /// Chord around the centre that holds every point below.
    reach: f64,
    node: u32,
}

/// A leaf has items, any other node children; the root has no cell.
struct Node {
    resolution: Option<Resolution>,
    centre: Point,
    parent: u32,
    /// Where the parent lists it.
    slot: u32,
    children: Vec<Child>,
    items: Vec<Item>,
}

impl Node {
    /// The resolution of its children, unless it is as fine as cells get.
    fn finer(&self) -> Option<Resolution> {
        self.resolution.map_or(Some(Resolution::Zero), Resolution::succ)
    }

    /// May a point that moved to `at` stay among its items? About as far as the cell's corners, for it need not be exact:
    /// searches go by where the points are, not by the cell's outline.
    fn keeps(&self, at: &Point) -> bool {
        self.resolution.is_none_or(|r| chord2(&self.centre, at) <= r.edge_length_rads().powi(2))
    }
}

/// Where a key's point is.
#[derive(Clone, Copy)]
struct Spot {
    leaf: u32,
    slot: u32,
}

/// Points under small numbers as keys, one each.
pub struct Index {
    leaf: usize,
    nodes: Vec<Node>,
    free: Vec<u32>,
    spots: Vec<Option<Spot>>,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_leaf(LEAF)
    }
}

const ROOT: u32 = 0;

impl Index {
    /// An empty index whose leaves split when they hold more than `leaf` points.
    pub fn with_leaf(leaf: usize) -> Self {
        let root = Node { resolution: None, centre: [0.0; 3], parent: NONE, slot: 0, children: Vec::new(), items: Vec::new() };
        Self { leaf, nodes: vec![root], free: Vec::new(), spots: Vec::new() }
    }

    /// Puts the point of `key` to `place`, wherever it was before.
    pub fn put(&mut self, key: u32, place: Place) {
        let at = point(place);
        if let Some(spot) = self.spot(key) {
            let leaf = &mut self.nodes[spot.leaf as usize];
            if leaf.keeps(&at) {
                leaf.items[spot.slot as usize].at = at;
                self.fit(spot.leaf, &at);
                return;
            }
            self.remove(key);
        }
        if self.spots.len() <= key as usize {
            self.spots.resize(key as usize + 1, None);
        }
        let cell = finest(&at);
        let mut leaf = ROOT;
        while !self.nodes[leaf as usize].children.is_empty() {
            leaf = self.child(leaf, cell);
        }
        self.push(leaf, Item { at, key });
        self.fit(leaf, &at);
        if self.nodes[leaf as usize].items.len() > self.leaf {
            self.split(leaf);
        }
    }

    /// Takes the point of `key` out, if it has one.
    pub fn remove(&mut self, key: u32) {
        let Some(spot) = self.spot(key) else { return };
        self.spots[key as usize] = None;
        let items = &mut self.nodes[spot.leaf as usize].items;
        items.swap_remove(spot.slot as usize);
        if let Some(moved) = items.get(spot.slot as usize).map(|i| i.key) {
            self.spots[moved as usize] = Some(spot);
        } else if items.is_empty() {
            self.prune(spot.leaf);
        }
    }

    fn spot(&self, key: u32) -> Option<Spot> {
        self.spots.get(key as usize).copied().flatten()
    }

    fn push(&mut self, leaf: u32, item: Item) {
        let items = &mut self.nodes[leaf as usize].items;
        self.spots[item.key as usize] = Some(Spot { leaf, slot: number(items.len()) });
        items.push(item);
    }

    /// Gives the items of a leaf to finer cells, until no leaf holds too many or the cells are the finest.
    fn split(&mut self, id: u32) {
        if self.nodes[id as usize].finer().is_none() {
            return;
        }
        for item in std::mem::take(&mut self.nodes[id as usize].items) {
            let child = self.child(id, finest(&item.at));
            self.push(child, item);
        }
        for slot in 0..self.nodes[id as usize].children.len() {
            let Child { node, centre, .. } = self.nodes[id as usize].children[slot];
            self.nodes[id as usize].children[slot].reach = reach(&centre, &self.nodes[node as usize].items);
            if self.nodes[node as usize].items.len() > self.leaf {
                self.split(node);
            }
        }
    }

    /// The child of `id` over `cell`, made if need be.
    fn child(&mut self, id: u32, cell: CellIndex) -> u32 {
        let parent = &self.nodes[id as usize];
        let resolution = parent.finer();
        let cell = resolution.and_then(|r| cell.parent(r)).unwrap_or(cell);
        if let Some(child) = parent.children.iter().find(|c| c.cell == cell) {
            return child.node;
        }
        let centre = centre(cell);
        let slot = number(parent.children.len());
        let node = Node { resolution, centre, parent: id, slot, children: Vec::new(), items: Vec::new() };
        let child = if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = node;
            free
        } else {
            self.nodes.push(node);
            number(self.nodes.len() - 1)
        };
        self.nodes[id as usize].children.push(Child { cell, centre, reach: 0.0, node: child });
        child
    }

    /// Removes an empty node, and what it leaves empty above.
    fn prune(&mut self, mut id: u32) {
        while id != ROOT && self.nodes[id as usize].children.is_empty() && self.nodes[id as usize].items.is_empty() {
            let Node { parent, slot, .. } = self.nodes[id as usize];
            let siblings = &mut self.nodes[parent as usize].children;
            siblings.swap_remove(slot as usize);
            if let Some(moved) = siblings.get(slot as usize).map(|c| c.node) {
                self.nodes[moved as usize].slot = slot;
            }
            self.free.push(id);
            id = parent;
        }
    }

    /// Makes the ball of a leaf just hold its points, and all above it hold the new one, `at`.
    fn fit(&mut self, leaf: u32, at: &Point) {
        let items = &self.nodes[leaf as usize].items;
        // The finest cells may hold any number; there the ball only grows.
        let exact = (items.len() <= self.leaf + 1).then(|| reach(&self.nodes[leaf as usize].centre, items));
        let mut id = leaf;
        while id != ROOT {
            let Node { parent, slot, .. } = self.nodes[id as usize];
            let seen = &mut self.nodes[parent as usize].children[slot as usize];
            seen.reach = match exact {
                Some(exact) if id == leaf => exact,
                _ => seen.reach.max(reach(&seen.centre, &[Item { at: *at, key: NONE }])),
            };
            id = parent;
        }
    }

    /// The `limit` nearest points within `radius` that `keep` accepts, nearest first, with their distances. Of points at the
    /// same distance the lower keys come first.
    pub fn nearest(&self, from: Place, radius: Metres, limit: usize, keep: impl Fn(u32) -> bool) -> Vec<(u32, Metres)> {
        let from = point(from);
        let mut best = Best { found: BinaryHeap::with_capacity(limit.min(1024) + 1), limit, within: chord(radius) + SLACK };
        if limit == 0 || radius.0 < 0.0 {
            return Vec::new();
        }
        let mut open = BinaryHeap::with_capacity(64);
        open.push(Open { least: 0.0, node: ROOT });
        while let Some(Open { least, node }) = open.pop() {
            if least > best.within {
                break;
            }
            let node = &self.nodes[node as usize];
            for child in &node.children {
                let least = chord2(&from, &child.centre).sqrt() - child.reach;
                if least <= best.within {
                    open.push(Open { least, node: child.node });
                }
            }
            for item in &node.items {
                let off = chord2(&from, &item.at);
                if off <= best.within * best.within && keep(item.key) {
                    best.offer(Found { off, key: item.key });
                }
            }
        }
        let found = best.found.into_sorted_vec();
        found.into_iter().map(|f| (f.key, great_circle(f.off))).filter(|(_, d)| d.0 <= radius.0).collect()
    }

    /// Calls `each` with every point that may lie in `bounds`: all that do, and some near by.
    pub fn in_bounds(&self, bounds: &Bounds, mut each: impl FnMut(u32)) {
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            let node = &self.nodes[id as usize];
            open.extend(node.children.iter().filter(|c| bounds.touches(&c.centre, c.reach)).map(|c| c.node));
            node.items.iter().for_each(|item| each(item.key));
        }
    }

    /// Calls `each` with every point that may lie in `cell`, of any resolution: all that do, and some near by. By balls, for a
    /// point's coarse cell is not always the parent of its fine one.
    pub fn in_cell(&self, cell: CellIndex, mut each: impl FnMut(u32)) {
        let around = centre(cell);
        let farthest = cell.boundary().iter().map(|&c| chord2(&around, &as_point(c))).fold(0.0, f64::max).sqrt() * 1.02;
        let mut open = vec![ROOT];
        while let Some(id) = open.pop() {
            let node = &self.nodes[id as usize];
            let touches = |c: &&Child| chord2(&c.centre, &around).sqrt() <= c.reach + farthest;
            open.extend(node.children.iter().filter(touches).map(|c| c.node));
            node.items.iter().for_each(|item| each(item.key));
        }
    }
}

fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(NONE)
}

/// A chord around `centre` that holds all items.
fn reach(centre: &Point, items: &[Item]) -> f64 {
    items.iter().map(|item| chord2(centre, &item.at)).fold(0.0, f64::max).sqrt() + SLACK
}

fn as_point(at: LatLng) -> Point {
    Place::new(at.lat().clamp(-90.0, 90.0), at.lng().clamp(-180.0, 180.0)).map_or([0.0; 3], point)
}

fn centre(cell: CellIndex) -> Point {
    as_point(LatLng::from(cell))
}

/// The cell of the finest resolution at a point; its parents are the point's way down the tree.
fn finest(at: &Point) -> CellIndex {
    let (lat, lon) = (at[2].clamp(-1.0, 1.0).asin(), at[1].atan2(at[0]));
    LatLng::from_radians(lat, lon).unwrap_or_default().to_cell(Resolution::Fifteen)
}

struct Open {
    least: f64,
    node: u32,
}
impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        other.least.total_cmp(&self.least)
    }
}
impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Open {}

struct Found {
    off: f64,
    key: u32,
}
impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        self.off.total_cmp(&other.off).then(self.key.cmp(&other.key))
    }
}
impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Found {}

/// The best so far, the worst of them on top.
struct Best {
    found: BinaryHeap<Found>,
    limit: usize,
    /// Chord beyond which nothing is wanted any more.
    within: f64,
}

impl Best {
    fn offer(&mut self, found: Found) {
        self.found.push(found);
        if self.found.len() > self.limit {
            self.found.pop();
        }
        if self.found.len() == self.limit
            && let Some(worst) = self.found.peek()
        {
            self.within = self.within.min(worst.off.sqrt() + SLACK);
        }
    }
}

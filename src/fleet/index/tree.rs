//! The tree of occupied cells.

use super::{Bounds, Point, chord, chord2, great_circle, point};
use crate::model::{Metres, Place};
use h3o::{CellIndex, LatLng, Resolution};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

/// The resolutions of the tree, coarse to fine; chosen by `cargo bench --bench nearby -- --levels`.
pub const LEVELS: &[Resolution] = &[
    Resolution::Zero,
    Resolution::One,
    Resolution::Two,
    Resolution::Three,
    Resolution::Four,
    Resolution::Five,
    Resolution::Six,
    Resolution::Seven,
    Resolution::Eight,
];

const NONE: u32 = u32::MAX;
/// Rounding must never prune a cell that holds the nearest point.
const SLACK: f64 = 1e-12;

#[derive(Clone, Copy)]
struct Item {
    at: Point,
    key: u32,
}

/// A child as its parent sees it: enough to decide whether to open it.
#[derive(Clone, Copy)]
struct Child {
    centre: Point,
    /// Chord around the centre that holds every point below.
    reach: f64,
    /// Chord from the parent's centre.
    off: f64,
    node: u32,
}

struct Node {
    cell: Option<CellIndex>,
    centre: Point,
    parent: u32,
    /// Where the parent lists it.
    slot: u32,
    /// Chord around the centre that surely lies within the cell (leaves only).
    inner: f64,
    children: Vec<Child>,
    items: Vec<Item>,
}

/// Where a key's point is.
#[derive(Clone, Copy)]
struct Spot {
    leaf: u32,
    slot: u32,
}

/// Points under small numbers as keys, one each.
pub struct Index {
    levels: &'static [Resolution],
    nodes: Vec<Node>,
    free: Vec<u32>,
    leaves: HashMap<CellIndex, u32>,
    spots: Vec<Option<Spot>>,
}

impl Default for Index {
    fn default() -> Self {
        Self::with_levels(LEVELS)
    }
}

const ROOT: u32 = 0;

impl Index {
    /// An empty index over these resolutions, coarse to fine.
    pub fn with_levels(levels: &'static [Resolution]) -> Self {
        let root = Node { cell: None, centre: [0.0; 3], parent: NONE, slot: 0, inner: 0.0, children: Vec::new(), items: Vec::new() };
        Self { levels, nodes: vec![root], free: Vec::new(), leaves: HashMap::new(), spots: Vec::new() }
    }

    /// Puts the point of `key` to `place`, wherever it was before.
    pub fn put(&mut self, key: u32, place: Place) {
        let at = point(place);
        if let Some(spot) = self.spot(key) {
            let leaf = &self.nodes[spot.leaf as usize];
            // Most moves stay so close to the cell's centre that the cell need not be asked for.
            if chord2(&leaf.centre, &at) < leaf.inner * leaf.inner || leaf.cell == self.leaf_cell(place) {
                self.nodes[spot.leaf as usize].items[spot.slot as usize].at = at;
                self.widen(spot.leaf, &at);
                return;
            }
            self.remove(key);
        }
        let Some(cell) = self.leaf_cell(place) else { return };
        let leaf = match self.leaves.get(&cell) {
            Some(&leaf) => leaf,
            None => self.grow(cell),
        };
        let items = &mut self.nodes[leaf as usize].items;
        let slot = number(items.len());
        items.push(Item { at, key });
        if self.spots.len() <= key as usize {
            self.spots.resize(key as usize + 1, None);
        }
        self.spots[key as usize] = Some(Spot { leaf, slot });
        self.widen(leaf, &at);
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

    fn leaf_cell(&self, place: Place) -> Option<CellIndex> {
        let finest = *self.levels.last()?;
        // Only non-finite numbers have no cell, and a place has none of those.
        LatLng::new(place.lat(), place.lon()).ok().map(|at| at.to_cell(finest))
    }

    /// Makes the leaf of `cell` and what is missing above it.
    fn grow(&mut self, cell: CellIndex) -> u32 {
        let mut parent = ROOT;
        for &level in self.levels {
            let Some(own) = cell.parent(level) else { continue };
            let known = self.nodes[parent as usize].children.iter().find(|c| self.nodes[c.node as usize].cell == Some(own));
            parent = match known {
                Some(child) => child.node,
                None => self.add_child(parent, own),
            };
        }
        self.nodes[parent as usize].inner = inner_chord(cell, &self.nodes[parent as usize].centre);
        self.leaves.insert(cell, parent);
        parent
    }

    fn add_child(&mut self, parent: u32, cell: CellIndex) -> u32 {
        let centre = centre(cell);
        let above = &self.nodes[parent as usize];
        let slot = number(above.children.len());
        let off = chord2(&above.centre, &centre).sqrt();
        let node = Node { cell: Some(cell), centre, parent, slot, inner: 0.0, children: Vec::new(), items: Vec::new() };
        let id = if let Some(id) = self.free.pop() {
            self.nodes[id as usize] = node;
            id
        } else {
            self.nodes.push(node);
            number(self.nodes.len() - 1)
        };
        self.nodes[parent as usize].children.push(Child { centre, reach: 0.0, off, node: id });
        id
    }

    /// Removes an empty node, and what it leaves empty above.
    fn prune(&mut self, mut id: u32) {
        if let Some(cell) = self.nodes[id as usize].cell {
            self.leaves.remove(&cell);
        }
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

    /// Makes the balls of a leaf and of all above it hold `at`.
    fn widen(&mut self, leaf: u32, at: &Point) {
        let mut id = leaf;
        let mut needed = chord2(&self.nodes[leaf as usize].centre, at).sqrt() + SLACK;
        while id != ROOT {
            let Node { parent, slot, .. } = self.nodes[id as usize];
            let seen = &mut self.nodes[parent as usize].children[slot as usize];
            if seen.reach >= needed {
                return;
            }
            seen.reach = needed;
            needed = seen.off + needed + SLACK;
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
        let farthest = corners(cell).map(|c| chord2(&around, &c)).fold(0.0, f64::max).sqrt() * 1.02;
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

fn as_point(at: LatLng) -> Point {
    Place::new(at.lat().clamp(-90.0, 90.0), at.lng().clamp(-180.0, 180.0)).map_or([0.0; 3], point)
}

fn centre(cell: CellIndex) -> Point {
    as_point(LatLng::from(cell))
}

fn corners(cell: CellIndex) -> impl Iterator<Item = Point> {
    let corners: Vec<LatLng> = cell.boundary().iter().copied().collect();
    corners.into_iter().map(as_point)
}

/// A chord around the centre that stays within the cell's edges, with a margin for their curvature.
fn inner_chord(cell: CellIndex, centre: &Point) -> f64 {
    let corners: Vec<Point> = corners(cell).collect();
    let edges = corners.iter().zip(corners.iter().cycle().skip(1));
    let nearest = edges.map(|(a, b)| {
        let along = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
        let to = [centre[0] - a[0], centre[1] - a[1], centre[2] - a[2]];
        let dot = |u: &Point, v: &Point| u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
        let share = (dot(&to, &along) / dot(&along, &along)).clamp(0.0, 1.0);
        chord2(centre, &[a[0] + share * along[0], a[1] + share * along[1], a[2] + share * along[2]]).sqrt()
    });
    nearest.fold(f64::INFINITY, f64::min).min(2.0) * 0.98
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

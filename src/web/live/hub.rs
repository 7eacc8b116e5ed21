//! One picture of the depot for all live clients: each frame is encoded once and shared.

use super::frames::{self, Counts, Open, Row};
use crate::clock::Clock;
use crate::model::{BookingId, Timestamp, VehicleId};
use axum::extract::ws::Utf8Bytes;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc;

/// Frames that may wait for a client; one that falls further behind gets a new snapshot instead.
const QUEUE: usize = 8;

/// What a client asked to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wants {
    /// Only these vehicles.
    pub vehicles: Option<HashSet<VehicleId>>,
    /// Only vehicles within west, south, east, north, in degrees.
    pub area: Option<[f64; 4]>,
    /// No bookings.
    pub without_bookings: bool,
    /// This vehicle four times a second.
    pub select: Option<VehicleId>,
    /// Today's figures too.
    pub figures: bool,
}

impl Wants {
    fn all(&self) -> bool {
        self.vehicles.is_none() && self.area.is_none() && !self.without_bookings
    }
    fn wants(&self, row: &Row) -> bool {
        let named = self.vehicles.as_ref().is_none_or(|ids| ids.iter().any(|id| id.as_str() == &*row.id));
        let inside = self.area.is_none_or(|[west, south, east, north]| {
            row.at.is_some_and(|(lat, lon)| {
                let (lat, lon) = (f64::from(lat) / 1e5, f64::from(lon) / 1e5);
                (south..=north).contains(&lat) && if west <= east { (west..=east).contains(&lon) } else { lon >= west || lon <= east }
            })
        });
        named && inside
    }
}

/// The picture and who looks at it. A std mutex is enough: it is held to compute and to enqueue, never across an await.
#[derive(Clone, Debug)]
pub struct Hub {
    world: Arc<Mutex<World>>,
    clock: Clock,
    bounds: Bounds,
}

/// How many clients are let in.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// In all.
    pub clients: usize,
    /// Of one user or token.
    pub per_user: usize,
}

/// Numbers for the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Clients now.
    pub clients: usize,
    /// How often one was too slow and got a new snapshot.
    pub renewed: u64,
    /// Clients that were not let in.
    pub refused: u64,
}

#[derive(Debug, Default)]
struct World {
    seq: u64,
    rows: BTreeMap<u32, Row>,
    open: BTreeMap<BookingId, Open>,
    /// Changed since the last delta; with the row as it was, so that a client sees what leaves its area.
    dirty: BTreeMap<u32, Option<Row>>,
    dirty_bookings: BTreeMap<BookingId, Arc<RawValue>>,
    clients: BTreeMap<u64, Client>,
    next_client: u64,
    counts: Counts,
    whole: Option<Utf8Bytes>,
    /// Today's, as JSON, while somebody wants them.
    figures: Option<Arc<RawValue>>,
    renewed: u64,
    refused: u64,
}

#[derive(Debug)]
struct Client {
    user: Box<str>,
    frames: mpsc::Sender<Utf8Bytes>,
    wants: Wants,
    behind: bool,
}

/// No more clients are let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Full {
    /// The depot has as many as it serves.
    #[error("too many live clients")]
    All,
    /// This user has.
    #[error("too many live clients of one user")]
    User,
}

/// A client's place at the hub; dropping it leaves.
#[derive(Debug)]
pub struct Seat {
    id: u64,
    hub: Hub,
    frames: mpsc::Receiver<Utf8Bytes>,
}

impl Hub {
    /// An empty picture.
    pub fn new(clock: Clock, bounds: Bounds) -> Self {
        Self { world: Arc::default(), clock, bounds }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets a client of `user` in; its first frame is a snapshot.
    pub fn join(&self, user: &str, wants: Wants) -> Result<Seat, Full> {
        let (sender, frames) = mpsc::channel(QUEUE);
        let mut world = self.world();
        if let Some(full) = world.full(user, self.bounds) {
            world.refused += 1;
            return Err(full);
        }
        world.next_client += 1;
        let id = world.next_client;
        world.clients.insert(id, Client { user: user.into(), frames: sender, wants, behind: false });
        world.renew(id, self.clock.now());
        drop(world);
        Ok(Seat { id, hub: self.clone(), frames })
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        let world = self.world();
        Stats { clients: world.clients.len(), renewed: world.renewed, refused: world.refused }
    }

    /// Takes a vehicle's new state; who selected it hears at once.
    pub fn vehicles(&self, rows: impl Iterator<Item = Row>) {
        let mut world = self.world();
        let mut moved = BTreeSet::new();
        for row in rows {
            let was = world.rows.insert(row.idx, row.clone());
            if was.as_ref() != Some(&row) {
                moved.insert(row.idx);
                world.dirty.entry(row.idx).or_insert(was);
            }
        }
        if !moved.is_empty() {
            world.whole = None;
            world.tell_selected(&moved);
        }
    }

    /// Takes a booking's new state.
    pub fn booking(&self, id: BookingId, open: Open) {
        let mut world = self.world();
        world.whole = None;
        world.dirty_bookings.insert(id, Arc::clone(&open.json));
        if open.status.is_final() {
            world.open.remove(&id);
        } else {
            world.open.insert(id, open);
        }
    }

    /// Does anybody want figures?
    pub fn wants_figures(&self) -> bool {
        let mut world = self.world();
        let wanted = world.clients.values().any(|client| client.wants.figures);
        if !wanted {
            world.figures = None;
        }
        wanted
    }

    /// Takes today's figures, and sends them when they changed.
    pub fn figures(&self, summary: Arc<RawValue>) {
        let now = self.clock.now();
        let mut world = self.world();
        if world.figures.as_ref().is_none_or(|told| told.get() != summary.get()) {
            world.figures = Some(summary);
            world.tell_figures(None, now);
        }
    }

    /// Sends what changed: bookings always, positions when `positions` says that their turn has come.
    /// With nothing to tell it stays silent, unless `beat` asks for a sign of life.
    pub fn flush(&self, positions: bool, beat: bool) {
        let now = self.clock.now();
        let mut world = self.world();
        let quiet = world.dirty_bookings.is_empty() && (!positions || world.dirty.is_empty());
        if quiet && !beat {
            return;
        }
        world.flush(positions, now);
    }
}

impl World {
    fn full(&self, user: &str, bounds: Bounds) -> Option<Full> {
        if self.clients.len() >= bounds.clients {
            return Some(Full::All);
        }
        let own = self.clients.values().filter(|client| &*client.user == user).count();
        (own >= bounds.per_user).then_some(Full::User)
    }

    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn flush(&mut self, positions: bool, now: Timestamp) {
        let seq = self.next_seq();
        self.whole = None;
        let dirty = if positions { std::mem::take(&mut self.dirty) } else { BTreeMap::new() };
        let bookings: Vec<_> = std::mem::take(&mut self.dirty_bookings).into_values().collect();
        self.counts = Counts::of(self.rows.values(), &self.open);
        let encode = |wants: &Wants| {
            let seen = |idx: &u32, was: &Option<Row>| {
                self.rows.get(idx).filter(|row| wants.all() || wants.wants(row) || was.as_ref().is_some_and(|w| wants.wants(w)))
            };
            let changed = dirty.iter().filter_map(|(idx, was)| seen(idx, was));
            let new = dirty.iter().filter(|(_, was)| was.is_none()).filter_map(|(idx, was)| seen(idx, was));
            let bookings = if wants.without_bookings { &[][..] } else { &bookings };
            frames::delta((seq, now), changed, new, bookings, self.counts)
        };
        let everyone = self.clients.values().any(|c| c.wants.all()).then(|| encode(&Wants::default()));
        let mut behind = Vec::new();
        let mut gone = Vec::new();
        for (id, client) in &self.clients {
            if client.behind {
                behind.push((*id, client.frames.capacity() == QUEUE));
                continue;
            }
            let frame = everyone.clone().filter(|_| client.wants.all()).unwrap_or_else(|| encode(&client.wants));
            match client.frames.try_send(frame) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(_)) => behind.push((*id, false)),
                Err(mpsc::error::TrySendError::Closed(_)) => gone.push(*id),
            }
        }
        for id in gone {
            self.clients.remove(&id);
        }
        for (id, drained) in behind {
            if drained {
                self.renewed += 1;
                self.renew(id, now);
            } else if let Some(client) = self.clients.get_mut(&id) {
                client.behind = true;
            }
        }
    }

    /// A client that sees only some vehicles learns about one that enters its area by its first row: deltas carry no names,
    /// so a snapshot always names all that it may ever see.
    fn renew(&mut self, id: u64, now: Timestamp) {
        let seq = self.next_seq();
        let Some(client) = self.clients.get(&id) else { return };
        let frame = if client.wants.all() {
            match self.whole.clone() {
                Some(frame) => frame,
                None => self.whole.insert(frames::snapshot(seq, now, self.rows.values(), &self.open)).clone(),
            }
        } else {
            let ids = client.wants.vehicles.as_ref();
            let named = self.rows.values().filter(|r| ids.is_none_or(|ids| ids.iter().any(|id| id.as_str() == &*r.id)));
            let none = BTreeMap::new();
            frames::snapshot(seq, now, named, if client.wants.without_bookings { &none } else { &self.open })
        };
        if let Some(client) = self.clients.get_mut(&id) {
            client.behind = client.frames.try_send(frame).is_err();
        }
        self.tell_figures(Some(id), now);
    }

    /// Tells the figures, as far as they are known, to one client or to all, of those who want them.
    fn tell_figures(&mut self, one: Option<u64>, now: Timestamp) {
        let Some(summary) = self.figures.clone() else { return };
        let frame = frames::figures(self.next_seq(), now, &summary);
        for (id, client) in &mut self.clients {
            if client.wants.figures && !client.behind && one.is_none_or(|one| one == *id) {
                client.behind = client.frames.try_send(frame.clone()).is_err();
            }
        }
    }

    fn tell_selected(&mut self, moved: &BTreeSet<u32>) {
        let rows = moved.iter().filter_map(|idx| self.rows.get(idx));
        let looked_at: HashSet<&str> = self.clients.values().filter_map(|c| c.wants.select.as_ref()).map(VehicleId::as_str).collect();
        if looked_at.is_empty() {
            return;
        }
        for row in rows.filter(|r| looked_at.contains(&*r.id)) {
            self.seq += 1;
            let frame = frames::selected(self.seq, row);
            let on_it = |c: &&Client| !c.behind && c.wants.select.as_ref().is_some_and(|id| id.as_str() == &*row.id);
            for client in self.clients.values().filter(on_it) {
                // A full queue is dealt with at the next delta; this row is in there too.
                let _late = client.frames.try_send(frame.clone());
            }
        }
    }
}

impl Seat {
    /// The next frame; `None` when the hub is gone.
    pub async fn next(&mut self) -> Option<Utf8Bytes> {
        self.frames.recv().await
    }

    /// Changes what it sees. Selection and figures change without a new snapshot, anything else brings one.
    pub fn want(&self, wants: Wants) {
        let now = self.hub.clock.now();
        let mut world = self.hub.world();
        let Some(client) = world.clients.get_mut(&self.id) else { return };
        let seen = |wants: &Wants| Wants { select: None, figures: false, ..wants.clone() };
        let (same, figures) = (seen(&client.wants) == seen(&wants), wants.figures && !client.wants.figures);
        client.wants = wants;
        if !same {
            world.renew(self.id, now);
        } else if figures {
            world.tell_figures(Some(self.id), now);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.world().clients.remove(&self.id);
    }
}

#[cfg(test)]
#[path = "hub_tests.rs"]
mod tests;

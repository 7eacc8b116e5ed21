//! One picture of the depot for all live clients: each frame is encoded once and shared.

use super::customers::carrying;
use super::frames::{self, Changes, Counts, Frame, Open, Row};
use super::wants::Wants;
use crate::clock::Clock;
use crate::model::{BookingId, Timestamp, VehicleId};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc;

/// Frames that may wait for a client; one that falls further behind gets a new snapshot instead.
const QUEUE: usize = 8;

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
    dirty_bookings: BTreeMap<BookingId, Open>,
    clients: BTreeMap<u64, Client>,
    next_client: u64,
    counts: Counts,
    whole: Option<Frame>,
    /// Today's, as JSON, while somebody wants them.
    figures: Option<Arc<RawValue>>,
    renewed: u64,
    refused: u64,
}

#[derive(Debug)]
struct Client {
    user: Box<str>,
    frames: mpsc::Sender<Frame>,
    wants: Wants,
    /// Numbers of the vehicles that a customer sees now.
    shown: BTreeSet<u32>,
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
    frames: mpsc::Receiver<Frame>,
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
        world.clients.insert(id, Client { user: user.into(), frames: sender, wants, shown: BTreeSet::new(), behind: false });
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
        world.dirty_bookings.insert(id, open.clone());
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

    /// Sends a message to those at the console who want them.
    pub fn message(&self, message: &RawValue) {
        let now = self.clock.now();
        let mut world = self.world();
        let frame = frames::message(world.next_seq(), now, message);
        for client in world.clients.values_mut().filter(|client| client.wants.messages && !client.behind) {
            client.behind = client.frames.try_send(frame.clone()).is_err();
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
        let bookings = std::mem::take(&mut self.dirty_bookings);
        self.counts = Counts::of(self.rows.values(), &self.open);
        let has_customers = self.clients.values().any(|client| client.wants.customer.is_some());
        let carrying = if has_customers { carrying(&self.rows, &self.open) } else { HashMap::new() };
        let (rows, counts) = (&self.rows, self.counts);
        let encode = |client: &mut Client| {
            let wants = &client.wants;
            let mut changes = Changes { bookings: followed(wants, &bookings), ..Changes::default() };
            if let Some(customer) = &wants.customer {
                if positions {
                    changes.show(&mut client.shown, carrying.get(&**customer), &dirty, wants);
                }
            } else {
                changes.counts = Some(counts);
                for (idx, was) in &dirty {
                    let Some(row) = rows.get(idx) else { continue };
                    if wants.all() || wants.wants(row) || was.as_ref().is_some_and(|was| wants.wants(was)) {
                        changes.changed.push(row);
                        changes.new.extend(was.is_none().then_some(row));
                    }
                }
            }
            frames::delta((seq, now), &changes)
        };
        let mut everyone: Option<Frame> = None;
        let mut behind = Vec::new();
        let mut gone = Vec::new();
        for (id, client) in &mut self.clients {
            if client.behind {
                behind.push((*id, client.frames.capacity() == QUEUE));
                continue;
            }
            let frame = match (&everyone, client.wants.all()) {
                (Some(frame), true) => frame.clone(),
                (None, true) => everyone.insert(encode(client)).clone(),
                (_, false) => encode(client),
            };
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
        let wants = &client.wants;
        let mut shown = BTreeSet::new();
        let open = self.open.iter().rev().filter(|(id, booking)| wants.follows(**id, booking)).map(|(_, booking)| booking);
        let frame = if wants.all() {
            match self.whole.clone() {
                Some(frame) => frame,
                None => self.whole.insert(frames::snapshot(seq, now, self.rows.values(), open)).clone(),
            }
        } else if let Some(customer) = &wants.customer {
            let rows = carrying(&self.rows, &self.open).remove(&**customer).unwrap_or_default();
            let rows: Vec<_> = rows.into_iter().filter(|row| wants.wants(row)).collect();
            shown.extend(rows.iter().map(|row| row.idx));
            frames::snapshot(seq, now, rows.into_iter(), open)
        } else {
            frames::snapshot(seq, now, self.rows.values().filter(|row| wants.names(row)), open)
        };
        if let Some(client) = self.clients.get_mut(&id) {
            client.shown = shown;
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

fn followed<'a>(wants: &Wants, bookings: &'a BTreeMap<BookingId, Open>) -> Vec<&'a RawValue> {
    bookings.iter().filter(|(id, booking)| wants.follows(**id, booking)).map(|(_, booking)| &*booking.json).collect()
}

impl Seat {
    /// Those of `ids` that are over, never were, or are not for this client.
    pub fn ended(&self, ids: &HashSet<BookingId>, wants: &Wants) -> Vec<BookingId> {
        let world = self.hub.world();
        ids.iter().filter(|id| !world.open.get(id).is_some_and(|booking| wants.follows(**id, booking))).copied().collect()
    }

    /// Tells this client alone about bookings.
    pub fn tell(&self, bookings: &[Box<RawValue>]) {
        let now = self.hub.clock.now();
        let mut world = self.hub.world();
        let seq = world.next_seq();
        let changes = Changes { bookings: bookings.iter().map(|json| &**json).collect(), ..Changes::default() };
        if let Some(client) = world.clients.get_mut(&self.id) {
            client.behind |= client.frames.try_send(frames::delta((seq, now), &changes)).is_err();
        }
    }

    /// The next frame; `None` when the hub is gone.
    pub async fn next(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// Changes what it sees. Selection, figures and messages change without a new snapshot, anything else brings one.
    pub fn want(&self, wants: Wants) {
        let now = self.hub.clock.now();
        let mut world = self.hub.world();
        let Some(client) = world.clients.get_mut(&self.id) else { return };
        let seen = |wants: &Wants| Wants { select: None, figures: false, messages: false, ..wants.clone() };
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

//! Who is connected: one session per device, client ids bound to their owner, and what a session left for its next connection.

use super::access::Grant;
use crate::model::VehicleId;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Another connection of the same device took over.
pub const TAKEN_OVER: u8 = 0x8E;
/// depotd stops.
pub const SHUTTING_DOWN: u8 = 0x8B;
/// The credentials were revoked or changed, or have expired.
pub const REVOKED: u8 = 0x98;

/// How the rest of the guard speaks to a session.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// Woken when one of the others changed.
    pub woken: Notify,
    /// MQTT 5 reason code to leave with; 0: stay.
    leave: AtomicU8,
    /// The journal may hold commands for the vehicle.
    commands: AtomicBool,
    /// The session has left what it had to leave.
    pub gone: CancellationToken,
}

impl Mailbox {
    /// Tells the session to go; the first reason stands.
    pub fn kick(&self, code: u8) {
        let _ = self.leave.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        self.woken.notify_one();
    }
    /// Tells the session to look into the journal.
    pub fn wake_commands(&self) {
        self.commands.store(true, Ordering::SeqCst);
        self.woken.notify_one();
    }
    pub(super) fn kicked(&self) -> Option<u8> {
        Some(self.leave.load(Ordering::SeqCst)).filter(|&code| code != 0)
    }
    pub(super) fn take_commands(&self) -> bool {
        self.commands.swap(false, Ordering::SeqCst)
    }
}

/// A granted subscription.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// As the client asked for it.
    pub filter: String,
    /// What it gives.
    pub grant: Grant,
    /// 0 or 1.
    pub qos: u8,
}

/// What a session leaves for its next connection.
#[derive(Debug, Default)]
pub struct Parked {
    /// Its subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// QoS 2 messages received and not yet released.
    pub received: Vec<u16>,
    pub(super) until: Option<Instant>,
}

/// The client id belongs to somebody else's live session.
#[derive(Debug, PartialEq, Eq)]
pub struct ClientIdTaken;

struct Entry {
    client_id: String,
    vehicle: Option<VehicleId>,
    mailbox: Arc<Mailbox>,
}

#[derive(Default)]
struct Inner {
    // Keyed by owner: a device, or a token with its client id.
    sessions: HashMap<String, Entry>,
    clients: HashMap<String, String>,
    vehicles: HashMap<VehicleId, Vec<Arc<Mailbox>>>,
    // By owner, with the client id: a device cannot fill it with client ids.
    parked: HashMap<String, (String, Parked)>,
    awaited: HashMap<String, CancellationToken>,
}

/// Owners whose state is kept after they went.
const PARKED: usize = 20_000;

/// The live sessions. A std mutex: held for a few map operations, never across an await.
#[derive(Default)]
pub struct Registry(Mutex<Inner>);

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a session. An earlier one of the same owner is told to go and returned, to be waited for.
    /// `online` is called in order with other entries and exits of the vehicle.
    pub fn enter(
        &self,
        owner: &str,
        client_id: &str,
        vehicle: Option<&VehicleId>,
        mailbox: &Arc<Mailbox>,
        online: impl FnOnce(&VehicleId),
    ) -> Result<Option<Arc<Mailbox>>, ClientIdTaken> {
        let mut inner = self.lock();
        if inner.clients.get(client_id).is_some_and(|holder| holder != owner) {
            return Err(ClientIdTaken);
        }
        if let Some(awaited) = inner.awaited.remove(owner) {
            awaited.cancel();
        }
        let before = inner.sessions.remove(owner).map(|old| {
            inner.clients.remove(&old.client_id);
            inner.leave_vehicle(&old);
            old.mailbox.kick(TAKEN_OVER);
            old.mailbox
        });
        inner.clients.insert(client_id.to_owned(), owner.to_owned());
        let entry = Entry { client_id: client_id.to_owned(), vehicle: vehicle.cloned(), mailbox: mailbox.clone() };
        inner.sessions.insert(owner.to_owned(), entry);
        if let Some(vehicle) = vehicle {
            inner.vehicles.entry(vehicle.clone()).or_default().push(mailbox.clone());
            online(vehicle);
        }
        Ok(before)
    }

    /// Leaves; `offline` is called when that was the vehicle's last session.
    pub fn leave(&self, owner: &str, mailbox: &Arc<Mailbox>, offline: impl FnOnce(&VehicleId)) {
        let mut inner = self.lock();
        let current = inner.sessions.get(owner).is_some_and(|e| Arc::ptr_eq(&e.mailbox, mailbox));
        if !current {
            return;
        }
        let Some(entry) = inner.sessions.remove(owner) else { return };
        inner.clients.remove(&entry.client_id);
        inner.leave_vehicle(&entry);
        if let Some(vehicle) = &entry.vehicle
            && !inner.vehicles.contains_key(vehicle)
        {
            offline(vehicle);
        }
    }

    /// Cancelled when `owner` is back, or when somebody else begins to wait for that.
    pub fn await_return(&self, owner: &str) -> CancellationToken {
        let (mut inner, back) = (self.lock(), CancellationToken::new());
        if inner.sessions.contains_key(owner) {
            back.cancel();
        } else if let Some(earlier) = inner.awaited.insert(owner.to_owned(), back.clone()) {
            earlier.cancel();
        }
        back
    }

    /// Nobody waits for `owner` any more.
    pub fn gave_up_on(&self, owner: &str) {
        self.lock().awaited.remove(owner);
    }

    /// Keeps `state` for the next connection of `owner` with this client id, until `now + keep`, instead of what was kept for it before.
    pub fn park(&self, owner: &str, client_id: &str, mut state: Parked, keep: Duration, now: Instant) {
        let mut inner = self.lock();
        if inner.parked.len() >= PARKED {
            inner.parked.retain(|_, (_, p)| p.until.is_some_and(|until| until > now));
        }
        if inner.parked.len() < PARKED {
            state.until = now.checked_add(keep);
            inner.parked.insert(owner.to_owned(), (client_id.to_owned(), state));
        }
    }

    /// What the last connection of `owner` with this client id left, unless its time is over.
    pub fn resume(&self, owner: &str, client_id: &str, now: Instant) -> Option<Parked> {
        let (id, parked) = self.lock().parked.remove(owner)?;
        (id == client_id && parked.until.is_some_and(|until| until > now)).then_some(parked)
    }

    /// The sessions of a vehicle.
    pub fn of_vehicle(&self, vehicle: &VehicleId) -> Vec<Arc<Mailbox>> {
        self.lock().vehicles.get(vehicle).cloned().unwrap_or_default()
    }

    /// The session of an owner.
    pub fn of_owner(&self, owner: &str) -> Option<Arc<Mailbox>> {
        self.lock().sessions.get(owner).map(|e| e.mailbox.clone())
    }

    /// The sessions whose owner starts with `prefix`.
    pub fn owned(&self, prefix: &str) -> Vec<Arc<Mailbox>> {
        self.lock().sessions.iter().filter(|(owner, _)| owner.starts_with(prefix)).map(|(_, e)| e.mailbox.clone()).collect()
    }
}

impl Inner {
    fn leave_vehicle(&mut self, entry: &Entry) {
        let Some(vehicle) = &entry.vehicle else { return };
        if let Some(boxes) = self.vehicles.get_mut(vehicle) {
            boxes.retain(|b| !Arc::ptr_eq(b, &entry.mailbox));
            if boxes.is_empty() {
                self.vehicles.remove(vehicle);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_session_of_an_owner_wins_and_ids_are_bound() {
        let (registry, a, b) = (Registry::default(), Arc::new(Mailbox::default()), Arc::new(Mailbox::default()));
        let van = VehicleId::new("van").unwrap();
        let mut went = Vec::new();
        assert!(registry.enter("d:a", "id", Some(&van), &a, |_| ()).unwrap().is_none());
        assert_eq!(registry.enter("d:b", "id", None, &b, |_| ()).err(), Some(ClientIdTaken));
        assert!(Arc::ptr_eq(&registry.enter("d:a", "id2", Some(&van), &b, |_| ()).unwrap().unwrap(), &a));
        assert_eq!(a.kicked(), Some(TAKEN_OVER));
        registry.leave("d:a", &a, |v| went.push(v.clone()));
        assert!(went.is_empty(), "the newer one is still there");
        registry.leave("d:a", &b, |v| went.push(v.clone()));
        assert_eq!(went, [van]);
        assert!(registry.lock().clients.is_empty() && registry.lock().vehicles.is_empty());
    }
}

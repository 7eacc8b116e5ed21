//! Is a vehicle connected? It may be by several lines at once, and is offline when the last of them is gone.

use super::Fleet;
use crate::model::{Span, Timestamp, VehicleId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who reports by single requests has no line that could be lost: it counts as connected for so long after each.
pub const HEARD: Span = Span::from_secs(180);

/// What connects a vehicle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Lines {
    /// An MQTT session, or several.
    mqtt: bool,
    /// Socket.IO connections.
    sockets: usize,
    /// Until when a request's word holds.
    heard: Option<Timestamp>,
}

impl Lines {
    fn any(&self) -> bool {
        self.mqtt || self.sockets > 0 || self.heard.is_some()
    }
}

/// A handle; all clones share what is known.
#[derive(Clone)]
pub struct Presence {
    fleet: Fleet,
    // A std mutex: held for a look-up, and while the fleet is told, so that it is told in order.
    lines: Arc<Mutex<HashMap<VehicleId, Lines>>>,
}

impl Presence {
    /// Nobody is connected yet; `fleet` is told who is.
    pub fn new(fleet: Fleet) -> Self {
        Self { fleet, lines: Arc::default() }
    }

    /// The vehicle has an MQTT session, or has none any more.
    pub fn mqtt(&self, vehicle: &VehicleId, is: bool, now: Timestamp) {
        self.change(vehicle, now, |lines| lines.mqtt = is);
    }

    /// The vehicle has one more Socket.IO connection.
    pub fn enter(&self, vehicle: &VehicleId, now: Timestamp) {
        self.change(vehicle, now, |lines| lines.sockets += 1);
    }

    /// The vehicle has one less.
    pub fn leave(&self, vehicle: &VehicleId, now: Timestamp) {
        self.change(vehicle, now, |lines| lines.sockets = lines.sockets.saturating_sub(1));
    }

    /// The vehicle reported by a request.
    pub fn heard(&self, vehicle: &VehicleId, now: Timestamp) {
        self.change(vehicle, now, |lines| lines.heard = Some(now + HEARD));
    }

    /// Whose last request is too long ago is not connected any more.
    pub fn sweep(&self, now: Timestamp) {
        let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|vehicle, lines| {
            if lines.heard.is_some_and(|until| until <= now) {
                lines.heard = None;
                if !lines.any() {
                    self.fleet.set_online(vehicle, false, now);
                }
            }
            lines.any()
        });
    }

    fn change(&self, vehicle: &VehicleId, now: Timestamp, change: impl FnOnce(&mut Lines)) {
        let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = all.entry(vehicle.clone()).or_default();
        let was = lines.any();
        change(lines);
        let is = lines.any();
        if was != is {
            self.fleet.set_online(vehicle, is, now);
        }
        if !is {
            all.remove(vehicle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn a_vehicle_is_connected_while_one_of_its_lines_is() {
        let (now, van) = (Timestamp::from_secs(1_000), VehicleId::new("van").unwrap());
        let fleet = Fleet::new(&config::Fleet::default());
        let presence = Presence::new(fleet.clone());
        let online = || fleet.get(&van).is_some_and(|view| view.online);
        presence.mqtt(&van, true, now);
        presence.enter(&van, now);
        presence.enter(&van, now);
        presence.mqtt(&van, false, now);
        presence.leave(&van, now);
        assert!(online(), "one socket is left");
        presence.leave(&van, now);
        assert!(!online());
        presence.heard(&van, now);
        presence.sweep(now + Span::from_secs(179));
        assert!(online(), "it was heard of lately");
        presence.mqtt(&van, true, now);
        presence.sweep(now + HEARD);
        assert!(online(), "it has a session");
        presence.mqtt(&van, false, now);
        assert!(!online() && presence.lines.lock().unwrap().is_empty());
    }
}

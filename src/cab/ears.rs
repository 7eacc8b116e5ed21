//! Who waits for commands, and who wants to know that somebody's credentials changed.

use super::Cab;
use crate::model::VehicleId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// Those who listen, by vehicle. A std mutex: held for a look-up.
pub(super) struct Ears {
    of: Mutex<HashMap<VehicleId, Vec<Arc<Notify>>>>,
    doubts: watch::Sender<u64>,
}

impl Default for Ears {
    fn default() -> Self {
        Self { of: Mutex::default(), doubts: watch::channel(0).0 }
    }
}

impl Ears {
    fn lock(&self) -> MutexGuard<'_, HashMap<VehicleId, Vec<Arc<Notify>>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears when there may be commands for a vehicle; dropping it ends that.
pub struct Ear {
    cab: Cab,
    vehicle: VehicleId,
    woken: Arc<Notify>,
}

impl Ear {
    /// Waits until there may be some; at once when that was so since the last time.
    pub async fn heard(&self) {
        self.woken.notified().await;
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut all = self.cab.0.ears.lock();
        if let Some(own) = all.get_mut(&self.vehicle) {
            own.retain(|ear| !Arc::ptr_eq(ear, &self.woken));
            if own.is_empty() {
                all.remove(&self.vehicle);
            }
        }
    }
}

impl Cab {
    /// Listens for commands to `vehicle`.
    pub fn listen(&self, vehicle: &VehicleId) -> Ear {
        let woken = Arc::new(Notify::new());
        self.0.ears.lock().entry(vehicle.clone()).or_default().push(woken.clone());
        Ear { cab: self.clone(), vehicle: vehicle.clone(), woken }
    }

    /// The journal may hold a command for `vehicle`.
    pub fn wake(&self, vehicle: &VehicleId) {
        self.0.ears.lock().get(vehicle).into_iter().flatten().for_each(|ear| ear.notify_one());
    }

    /// Somebody's credentials changed: whoever holds on to some is to look again.
    pub fn doubt(&self) {
        self.0.ears.doubts.send_modify(|count| *count += 1);
    }

    /// Changes when [`Cab::doubt`] is called.
    pub fn doubts(&self) -> watch::Receiver<u64> {
        self.0.ears.doubts.subscribe()
    }
}

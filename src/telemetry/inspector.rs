//! Keeps the last payloads that were refused, per device, so that whoever sets one up sees what is wrong with it.

use crate::model::{DeviceId, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A refused payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// When it was received.
    pub at: Timestamp,
    /// Where it was sent to.
    pub topic: String,
    /// Why it was refused.
    pub reason: String,
    /// Its beginning, as text.
    pub payload: String,
}

/// Rejections kept of one device.
const PER_DEVICE: usize = 20;
/// Devices remembered; beyond it, the one whose last rejection is oldest is forgotten.
const DEVICES: usize = 500;
/// Bytes kept of a payload.
const PAYLOAD_BYTES: usize = 1024;

/// A handle; all clones share what is kept. In memory only.
#[derive(Clone, Debug, Default)]
pub struct Inspector(Arc<Mutex<HashMap<DeviceId, VecDeque<Rejection>>>>);

impl Inspector {
    fn lock(&self) -> MutexGuard<'_, HashMap<DeviceId, VecDeque<Rejection>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a refused payload.
    pub fn record(&self, device: &DeviceId, at: Timestamp, topic: &str, reason: &str, payload: &[u8]) {
        let head = &payload[..payload.len().min(PAYLOAD_BYTES)];
        let payload = String::from_utf8_lossy(head).into_owned();
        let rejection = Rejection { at, topic: topic.to_owned(), reason: reason.to_owned(), payload };
        let mut kept = self.lock();
        if !kept.contains_key(device) && kept.len() >= DEVICES {
            let stalest = kept.iter().min_by_key(|(_, r)| r.back().map(|r| r.at)).map(|(id, _)| id.clone());
            if let Some(stalest) = stalest {
                kept.remove(&stalest);
            }
        }
        let own = kept.entry(device.clone()).or_default();
        if own.len() == PER_DEVICE {
            own.pop_front();
        }
        own.push_back(rejection);
    }

    /// The last rejections of a device, newest first.
    pub fn of(&self, device: &DeviceId) -> Vec<Rejection> {
        self.lock().get(device).map(|own| own.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// Forgets a device.
    pub fn forget(&self, device: &DeviceId) {
        self.lock().remove(device);
    }
}

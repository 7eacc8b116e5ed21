//! What all sessions share.

use super::access::Names;
use super::limits::Limits;
use super::registry::Registry;
use super::router::{Router, STATUS_QOS};
use super::stats::Stats;
use super::who::Who;
use crate::auth::{Auth, Refused};
use crate::cab::Cab;
use crate::clock::Clock;
use crate::config;
use crate::fleet::{Fleet, Presence};
use crate::ingest::Ingest;
use crate::model::{Event, Timestamp, VehicleId};
use crate::store::Db;
use crate::telemetry::Inspector;
use crate::tracks::Tracks;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// The handles that the guard works with.
#[derive(Clone)]
pub struct Deps {
    /// Who may connect.
    pub auth: Auth,
    /// Where everyone is now.
    pub fleet: Fleet,
    /// Who is connected.
    pub presence: Presence,
    /// The fix log.
    pub tracks: Tracks,
    /// What is said to drivers, and what they say.
    pub cab: Cab,
    /// The journal.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// The way in for fixes.
    pub ingest: Ingest,
    /// Refused steps, for people.
    pub inspector: Inspector,
    /// What programs that listen hear of an event; `None`: nothing.
    pub news: fn(&Event) -> Option<String>,
}

/// What all sessions share.
pub(super) struct Shared {
    pub config: config::Mqtt,
    pub deps: Deps,
    pub stats: Arc<Stats>,
    pub registry: Registry,
    pub limits: Arc<Limits>,
    pub router: Box<dyn Router>,
    pub followed: AtomicI64,
    pub stopping: CancellationToken,
    pub next_client: AtomicU64,
}

/// The retained message, topic and payload, that says whether `vehicle` is connected.
pub(super) fn status(vehicle: &VehicleId, online: bool, since: Timestamp) -> (String, String) {
    (format!("v/{vehicle}/status"), format!(r#"{{"online":{online},"since":"{since}"}}"#))
}

impl Shared {
    /// Says on the vehicle's retained status topic, and to the fleet, whether it is connected.
    pub fn tell_status(&self, vehicle: &VehicleId, online: bool) {
        let since = self.deps.clock.now();
        self.deps.presence.mqtt(vehicle, online, since);
        let (topic, payload) = status(vehicle, online, since);
        self.router.publish(&topic, payload.as_bytes(), STATUS_QOS, true);
    }

    /// A client id for a client that brought none.
    pub fn new_client_id(&self, who: &Who) -> String {
        format!("{}-{}", who.name(), self.next_client.fetch_add(1, Ordering::Relaxed))
    }

    /// The device of a user name and password; `peer` may guess so often.
    pub async fn device(&self, user: &str, password: &[u8], peer: IpAddr) -> Result<Who, Refused> {
        let found = self.deps.auth.device_from(user, password, peer).await?;
        Ok(Who::Device(Names { device: found.device, vehicle: found.vehicle, format: found.format }))
    }
}

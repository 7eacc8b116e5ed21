//! The follower of the journal that wakes the sessions of vehicles with commands, tells programs that listen what happens, and kicks
//! those whose credentials went.

use super::registry::REVOKED;
use super::shared::Shared;
use crate::cab::is_command;
use crate::model::{Event, Kind};
use crate::store::journal;
use std::sync::Arc;

/// Journal rows looked at in one go.
const LOOK: usize = 200;
/// The QoS that events are published with.
const NEWS_QOS: u8 = 1;

/// Follows the journal from `after`: wakes the sessions of vehicles with news, kicks devices whose credentials changed.
pub(super) async fn follow(shared: Arc<Shared>, mut after: i64) -> Result<(), String> {
    let mut head = shared.deps.db.head();
    loop {
        head.borrow_and_update();
        loop {
            let read = move |conn: &rusqlite::Connection| journal::after(conn, after, LOOK);
            let events = shared.deps.db.read(read).await.map_err(|e| format!("cannot follow the journal: {e}"))?;
            let Some(last) = events.last() else { break };
            after = last.seq;
            events.iter().for_each(|event| shared.notice(event));
        }
        shared.followed.store(after, std::sync::atomic::Ordering::Relaxed);
        head.changed().await.map_err(|_| "the journal is closed".to_owned())?;
    }
}

impl Shared {
    fn notice(&self, event: &Event) {
        if let Some(news) = (self.deps.news)(event) {
            let topic = format!("events/{}", event.kind.as_str().replace('.', "/"));
            self.router.publish(&topic, news.as_bytes(), NEWS_QOS, false);
        }
        match event.kind {
            kind if is_command(kind) => {
                let Some(vehicle) = &event.vehicle else { return };
                self.registry.of_vehicle(vehicle).iter().for_each(|mailbox| mailbox.wake_commands());
                self.deps.cab.wake(vehicle);
            }
            Kind::DeviceRevoked | Kind::DeviceChanged => {
                self.deps.cab.doubt();
                let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
                // A device may connect before the news that it was added arrives.
                if data["action"] == "device.add" {
                    return;
                }
                let device = ["device", "id", "device_id"].into_iter().find_map(|key| data[key].as_str());
                if let Some(mailbox) = device.and_then(|id| self.registry.of_owner(&format!("d:{id}"))) {
                    mailbox.kick(REVOKED);
                }
            }
            Kind::AccessChanged => {
                self.deps.cab.doubt();
                let data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
                if let (Some("token.revoke"), Some(id)) = (data["action"].as_str(), data["object"].as_str()) {
                    self.registry.owned(&format!("t:{id}/")).iter().for_each(|mailbox| mailbox.kick(REVOKED));
                }
            }
            _ => {}
        }
    }
}

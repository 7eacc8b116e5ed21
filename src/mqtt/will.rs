//! Last wills: what a client wants said when it goes without a farewell.

use super::access::{self, Channel, Names};
use super::neighbours::source;
use super::shared::Shared;
use super::stats::add;
use crate::ingest::{Message, Way};
use rumqttd::protocol::{LastWill, LastWillProperties};
use std::net::IpAddr;
use std::time::Duration;

/// A will on a topic where its device may have one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Will {
    topic: String,
    payload: Vec<u8>,
    qos: u8,
    retain: bool,
    delay: Duration,
}

impl Will {
    /// The will as it was asked for, delayed by `longest` at most; the topic when a will is not allowed there.
    pub fn permit(
        names: Option<&Names>,
        will: &LastWill,
        properties: Option<&LastWillProperties>,
        longest: Duration,
    ) -> Result<Self, String> {
        let topic = String::from_utf8_lossy(&will.topic).into_owned();
        if names.and_then(|names| access::will(names, &topic)).is_none() {
            return Err(topic);
        }
        let delay = properties.and_then(|p| p.delay_interval).map_or(Duration::ZERO, |s| Duration::from_secs(u64::from(s)));
        let qos = (will.qos as u8).min(1);
        Ok(Self { topic, payload: will.message.to_vec(), qos, retain: will.retain, delay: delay.min(longest) })
    }
}

/// The will of a session that is over. It holds neither a connection nor a place while it waits.
pub(super) struct LastWord {
    names: Names,
    peer: IpAddr,
    owner: String,
    will: Will,
}

impl LastWord {
    pub fn new(names: Names, peer: IpAddr, owner: String, will: Will) -> Self {
        Self { names, peer, owner, will }
    }

    /// Waits for the will's delay and executes it, unless the device comes back or depotd stops before.
    pub async fn execute(self, shared: &Shared) {
        let will = &self.will;
        if !will.delay.is_zero() {
            let back = shared.registry.await_return(&self.owner);
            tokio::select! {
                () = back.cancelled() => return,
                () = shared.stopping.cancelled() => return,
                () = tokio::time::sleep(will.delay) => shared.registry.gave_up_on(&self.owner),
            }
        }
        match access::will(&self.names, &will.topic) {
            Some(Channel::Fixes) => self.fixes(shared).await,
            Some(Channel::Step) => {
                if let Err(failed) = shared.report_step(&self.names, &will.payload).await {
                    shared.refuse_step(&self.names, self.peer, &will.payload, &failed);
                }
            }
            // The guard has said so itself already.
            Some(Channel::Status) | None => return,
        }
        shared.router.publish(&will.topic, &will.payload, will.qos, will.retain);
    }

    async fn fixes(&self, shared: &Shared) {
        let (topic, payload, received) = (&*self.will.topic, &*self.will.payload, shared.deps.clock.now());
        let mut intake = shared.deps.ingest.intake(&self.names.vehicle, Way::Mqtt);
        match intake.take(&Message { source: source(&self.names, topic), topic, payload, received }) {
            Ok(taken) => {
                add(&shared.stats.fixes, taken);
                // A closed log ends the process; nobody was promised this fix.
                let _ = intake.hand_over().await;
            }
            Err(rejected) => shared.refuse_payload(&self.names, self.peer, topic, &rejected.reason()),
        }
    }
}

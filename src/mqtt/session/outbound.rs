//! The way out: subscriptions, commands from the journal, copies from the router, and what waits for a PUBACK.

use super::{End, Session};
use crate::cab::{Command, Outstanding};
use crate::mqtt::access::{self, Grant};
use crate::mqtt::codec;
use crate::mqtt::frame::{self, Frame, Kind};
use crate::mqtt::registry::Subscription;
use crate::mqtt::router::{Feed, LocalMessage, Seat};
use crate::mqtt::shared::Shared;
use crate::mqtt::stats::{Reason, add};
use crate::mqtt::who::Who;
use crate::mqtt::wire::{self, Message};
use std::collections::VecDeque;

/// A message that waits for its PUBACK, with its journal number when it is a command from there.
struct Flight {
    pkid: u16,
    seq: Option<i64>,
}

/// What of a session is about messages going out.
#[derive(Default)]
pub(in crate::mqtt) struct Outbound {
    pub subscriptions: Vec<Subscription>,
    /// The journal may hold commands.
    pub look: bool,
    /// How many messages may wait for a PUBACK.
    pub window: usize,
    /// The longest packet the client takes, in bytes.
    pub longest: usize,
    queue: VecDeque<Command>,
    flights: Vec<Flight>,
    last_pkid: u16,
    /// The last journal number sent or passed over.
    sent: Option<i64>,
    outstanding: Outstanding,
    local: Option<(Seat, Box<dyn Feed>)>,
}

impl Outbound {
    pub(super) fn wants_local(&self) -> bool {
        self.local.is_some() && self.flights.len() < self.window
    }

    pub(super) async fn next_local(&mut self) -> Option<LocalMessage> {
        match &mut self.local {
            Some((_, feed)) => feed.next().await,
            None => std::future::pending().await,
        }
    }

    /// Gives the router's seat back.
    pub(super) fn leave(&mut self, shared: &Shared) {
        if let Some((seat, _)) = self.local.take() {
            shared.router.close(seat);
        }
    }

    fn command_qos(&self) -> Option<u8> {
        self.subscriptions.iter().find(|s| s.grant == Grant::Commands).map(|s| s.qos)
    }

    fn next_pkid(&mut self) -> u16 {
        loop {
            self.last_pkid = self.last_pkid.checked_add(1).unwrap_or(1);
            if self.flights.iter().all(|f| f.pkid != self.last_pkid) {
                return self.last_pkid;
            }
        }
    }
}

impl Session {
    /// Takes a SUBSCRIBE: every filter is decided on its own.
    pub(super) async fn subscribe(&mut self, packet: &[u8]) -> Result<(), End> {
        let asked = codec::subscribe(packet, self.terms.version)?;
        let mut codes = Vec::with_capacity(asked.filters.len());
        for (filter, qos) in asked.filters {
            codes.push(self.grant(filter, qos.min(1)).await);
        }
        wire::suback(&mut self.output, self.terms.version, asked.pkid, &codes);
        Ok(())
    }

    async fn grant(&mut self, filter: String, qos: u8) -> u8 {
        let verdict = match &self.who {
            Who::Device(names) => access::subscribe(names, &filter),
            Who::Reader { granted, .. } => access::subscribe_granted(granted, &filter),
        };
        let grant = match verdict {
            Ok(grant) => grant,
            Err(denied) => return self.deny(Reason::SubscribeFilter, filter, denied.code()),
        };
        self.outbound.subscriptions.retain(|s| s.filter != filter);
        if self.outbound.subscriptions.len() >= self.shared.config.max_filters {
            return self.deny(Reason::TooManyFilters, filter, 0x97);
        }
        if !self.attach(&grant).await {
            return self.deny(Reason::TooManyFilters, filter, 0x97);
        }
        self.outbound.subscriptions.push(Subscription { filter, grant, qos });
        qos
    }

    /// Makes a grant real. The router's link is opened at the first one that needs it.
    async fn attach(&mut self, grant: &Grant) -> bool {
        match grant {
            Grant::Commands => {
                (self.outbound.look, self.outbound.sent) = (true, None);
                self.outbound.queue.retain(|c| c.seq.is_none());
                true
            }
            Grant::Local(filter) => {
                if self.outbound.local.is_none() {
                    let opening = tokio::time::timeout(std::time::Duration::from_secs(5), self.shared.router.open());
                    self.outbound.local = opening.await.ok().flatten();
                }
                self.outbound.local.as_ref().is_some_and(|(seat, _)| self.shared.router.subscribe(*seat, filter))
            }
        }
    }

    /// Takes up the subscriptions of an earlier connection.
    pub(in crate::mqtt) async fn resubscribe(&mut self, subscriptions: Vec<Subscription>) {
        for subscription in subscriptions {
            if self.attach(&subscription.grant).await {
                self.outbound.subscriptions.push(subscription);
            }
        }
    }

    fn deny(&mut self, reason: Reason, filter: String, code: u8) -> u8 {
        let who = format!("{} from {}", self.who.name(), self.peer);
        self.shared.stats.refuse(self.ingest.received, reason, who, filter);
        if self.terms.version == frame::Version::V4 { 0x80 } else { code }
    }

    /// Takes an UNSUBSCRIBE.
    pub(super) fn unsubscribe(&mut self, packet: &[u8]) -> Result<(), End> {
        let asked = codec::unsubscribe(packet, self.terms.version)?;
        let mut codes = Vec::with_capacity(asked.filters.len());
        for filter in &asked.filters {
            let Some(at) = self.outbound.subscriptions.iter().position(|s| s.filter == *filter) else {
                codes.push(0x11);
                continue;
            };
            let gone = self.outbound.subscriptions.swap_remove(at);
            let shared_grant = self.outbound.subscriptions.iter().any(|s| s.grant == gone.grant);
            if let (Grant::Local(filter), Some((seat, _)), false) = (&gone.grant, &self.outbound.local, shared_grant) {
                self.shared.router.unsubscribe(*seat, filter);
            }
            codes.push(0);
        }
        if !self.outbound.subscriptions.iter().any(|s| matches!(s.grant, Grant::Local(_))) {
            self.outbound.leave(&self.shared);
        }
        wire::unsuback(&mut self.output, self.terms.version, asked.pkid, &codes);
        Ok(())
    }

    /// Sends what is due to the vehicle, as far as the client's window goes. While the journal cannot be read the session ends:
    /// nothing is passed over, and the device hears all of it when it is back.
    pub(super) async fn pump(&mut self) -> Result<(), End> {
        let Some(qos) = self.outbound.command_qos() else { return Ok(()) };
        if self.outbound.look && self.outbound.queue.is_empty() {
            self.outbound.look = false;
            self.look_into_journal().await?;
        }
        while self.outbound.flights.len() < self.outbound.window
            && let Some(command) = self.outbound.queue.pop_front()
        {
            self.send_command(&command, qos);
        }
        Ok(())
    }

    async fn look_into_journal(&mut self) -> Result<(), End> {
        let Who::Device(names) = &self.who else { return Ok(()) };
        let due = self.shared.deps.cab.due(&names.vehicle, self.outbound.sent).await.map_err(|fault| {
            tracing::error!("cannot read the commands of {}: {fault}", names.vehicle);
            End::Fault(0x89, Reason::Busy, format!("its commands: {fault}"))
        })?;
        self.outbound.look = due.more;
        self.outbound.sent = Some(due.upto);
        self.outbound.queue.extend(due.commands);
        Ok(())
    }

    /// Queues an answer that is not in the journal.
    pub(in crate::mqtt) fn answer(&mut self, payload: Vec<u8>) {
        if self.outbound.command_qos().is_some() && self.outbound.queue.len() < 64 {
            self.outbound.queue.push_back(Command { seq: None, payload });
        }
    }

    fn send_command(&mut self, command: &Command, qos: u8) {
        let Who::Device(names) = &self.who else { return };
        let topic = format!("v/{}/cmd", names.vehicle);
        if !self.send(&topic, &command.payload, qos, false, command.seq) {
            tracing::warn!("a command of {} bytes is longer than {} takes", command.payload.len(), self.who.name());
        }
        add(&self.shared.stats.commands_sent, 1);
    }

    fn send(&mut self, topic: &str, payload: &[u8], qos: u8, retain: bool, seq: Option<i64>) -> bool {
        let pkid = if qos > 0 { self.outbound.next_pkid() } else { 0 };
        let message = Message { topic, payload, qos, pkid, retain, dup: false };
        if wire::publish_len(self.terms.version, &message) > self.outbound.longest {
            return false;
        }
        wire::publish(&mut self.output, self.terms.version, &message);
        if qos > 0 {
            self.outbound.flights.push(Flight { pkid, seq });
            if let Some(seq) = seq {
                self.outbound.outstanding.sent(seq);
            }
        }
        true
    }

    /// Passes on a copy from the router, at the lesser of its own QoS and the subscription's.
    pub(super) fn forward(&mut self, message: Option<LocalMessage>) {
        let Some(message) = message else {
            self.outbound.leave(&self.shared);
            return;
        };
        let granted = self.outbound.subscriptions.iter().filter_map(|s| match &s.grant {
            Grant::Local(filter) if access::matches(filter, &message.topic) => Some(s.qos),
            _ => None,
        });
        if let Some(qos) = granted.max() {
            self.send(&message.topic, &message.payload, qos.min(message.qos), message.retain, None);
        }
    }

    /// Takes a PUBACK, or the PUBREC and PUBCOMP that a client has no reason to send.
    pub(super) fn acknowledged(&mut self, packet: &Frame<'_>) -> Result<(), End> {
        let (pkid, _) = frame::acknowledged(packet, self.terms.version)?;
        if packet.kind == Kind::PubRec {
            wire::ack(&mut self.output, self.terms.version, wire::PUBREL, pkid, 0x92);
        }
        let Some(at) = self.outbound.flights.iter().position(|f| f.pkid == pkid).filter(|_| packet.kind == Kind::PubAck) else {
            return Ok(());
        };
        let Some(seq) = self.outbound.flights.remove(at).seq else { return Ok(()) };
        add(&self.shared.stats.commands_acknowledged, 1);
        if let (Some(upto), Who::Device(names)) = (self.outbound.outstanding.acknowledged(seq), &self.who) {
            self.shared.deps.cab.acknowledged(names.vehicle.clone(), upto);
        }
        Ok(())
    }
}

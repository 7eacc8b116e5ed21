//! What the guard counts, and the last refusals with their reasons.

use crate::model::Timestamp;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why somebody or something was turned away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Reason {
    /// Too many connections in all.
    TooMany,
    /// Too many connections from one address.
    TooManyFromAddress,
    /// No CONNECT in time, or the TLS handshake failed.
    NoConnect,
    /// Not a packet that a client may send.
    BadPacket,
    /// A packet beyond the size limit.
    TooLarge,
    /// A protocol level that is not spoken here.
    Protocol,
    /// Unknown user name or wrong password.
    Credentials,
    /// The credentials were revoked.
    Revoked,
    /// Too many failed log-ins, the verifier is busy, or the database cannot take a step.
    Busy,
    /// The client id is another's, or none.
    ClientId,
    /// A will on somebody else's topic.
    Will,
    /// A message to a topic that is not the device's.
    PublishTopic,
    /// A filter that the client may not read.
    SubscribeFilter,
    /// More filters than a client may hold.
    TooManyFilters,
    /// A payload that no decoder takes.
    Payload,
    /// A step that the booking's status does not allow.
    Step,
    /// More messages in flight than were announced.
    ReceiveMaximum,
    /// Silent for one and a half keep-alive times.
    KeepAlive,
    /// Did not take what was sent to it in time.
    SlowReader,
    /// Another connection of the same device.
    TakenOver,
    /// Revoked or changed while connected.
    Kicked,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 21] = [
        Self::TooMany,
        Self::TooManyFromAddress,
        Self::NoConnect,
        Self::BadPacket,
        Self::TooLarge,
        Self::Protocol,
        Self::Credentials,
        Self::Revoked,
        Self::Busy,
        Self::ClientId,
        Self::Will,
        Self::PublishTopic,
        Self::SubscribeFilter,
        Self::TooManyFilters,
        Self::Payload,
        Self::Step,
        Self::ReceiveMaximum,
        Self::KeepAlive,
        Self::SlowReader,
        Self::TakenOver,
        Self::Kicked,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooMany => "too_many_connections",
            Self::TooManyFromAddress => "too_many_from_address",
            Self::NoConnect => "no_connect",
            Self::BadPacket => "bad_packet",
            Self::TooLarge => "packet_too_large",
            Self::Protocol => "protocol_version",
            Self::Credentials => "credentials",
            Self::Revoked => "revoked",
            Self::Busy => "busy",
            Self::ClientId => "client_id",
            Self::Will => "will",
            Self::PublishTopic => "publish_topic",
            Self::SubscribeFilter => "subscribe_filter",
            Self::TooManyFilters => "too_many_filters",
            Self::Payload => "payload",
            Self::Step => "step",
            Self::ReceiveMaximum => "receive_maximum",
            Self::KeepAlive => "keep_alive",
            Self::SlowReader => "slow_reader",
            Self::TakenOver => "taken_over",
            Self::Kicked => "kicked",
        }
    }
}

/// One refusal.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Whom: user name and address, as far as known.
    pub who: String,
    /// What exactly: a topic, a filter, the decoder's words.
    pub detail: String,
}

/// The numbers at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Open connections.
    pub connections: u64,
    /// Sessions: connections past their CONNECT.
    pub sessions: u64,
    /// Sessions since the start.
    pub sessions_total: u64,
    /// Messages taken.
    pub messages: u64,
    /// Fixes handed to the log.
    pub fixes: u64,
    /// QoS 1 and 2 messages acknowledged.
    pub acknowledged: u64,
    /// Commands sent to vehicles, repeats included.
    pub commands_sent: u64,
    /// Commands that vehicles acknowledged.
    pub commands_acknowledged: u64,
    /// Copies given to the router for local subscribers.
    pub copies: u64,
    /// Copies dropped because the router was busy.
    pub copies_dropped: u64,
    /// Commits asked for because a client's window was full.
    pub hurried: u64,
    /// Sessions that panicked.
    pub panics: u64,
    /// Refusals by reason.
    pub refused: Vec<(&'static str, u64)>,
}

/// How many refusals are kept to be looked at.
const KEPT: usize = 100;

/// Counters; every one only grows, except the two gauges.
#[derive(Debug, Default)]
pub struct Stats {
    pub(super) connections: AtomicU64,
    pub(super) sessions: AtomicU64,
    pub(super) sessions_total: AtomicU64,
    pub(super) messages: AtomicU64,
    pub(super) fixes: AtomicU64,
    pub(super) acknowledged: AtomicU64,
    pub(super) commands_sent: AtomicU64,
    pub(super) commands_acknowledged: AtomicU64,
    pub(super) copies: AtomicU64,
    pub(super) copies_dropped: AtomicU64,
    pub(super) hurried: AtomicU64,
    pub(super) panics: AtomicU64,
    refused: [AtomicU64; Reason::ALL.len()],
    recent: Mutex<VecDeque<Refusal>>,
}

pub(super) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

impl Stats {
    /// Counts a refusal and keeps it to be looked at.
    pub fn refuse(&self, at: Timestamp, reason: Reason, who: String, detail: String) {
        self.refused[reason as usize].fetch_add(1, Ordering::Relaxed);
        tracing::debug!(reason = reason.as_str(), who, detail, "refused {who}: {}", reason.as_str());
        let mut recent = self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(Refusal { at, reason, who, detail });
    }

    /// How often `reason` was given.
    pub fn refused(&self, reason: Reason) -> u64 {
        self.refused[reason as usize].load(Ordering::Relaxed)
    }

    /// The last refusals, newest last.
    pub fn recent(&self) -> Vec<Refusal> {
        self.recent.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter().cloned().collect()
    }

    /// All numbers now.
    pub fn snapshot(&self) -> Snapshot {
        let get = |c: &AtomicU64| c.load(Ordering::Relaxed);
        Snapshot {
            connections: get(&self.connections),
            sessions: get(&self.sessions),
            sessions_total: get(&self.sessions_total),
            messages: get(&self.messages),
            fixes: get(&self.fixes),
            acknowledged: get(&self.acknowledged),
            commands_sent: get(&self.commands_sent),
            commands_acknowledged: get(&self.commands_acknowledged),
            copies: get(&self.copies),
            copies_dropped: get(&self.copies_dropped),
            hurried: get(&self.hurried),
            panics: get(&self.panics),
            refused: Reason::ALL.into_iter().map(|r| (r.as_str(), self.refused(r))).collect(),
        }
    }
}

//! What is to be said to somebody, and what came of saying it.

use super::{BookingId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Names a delivery to whoever gets it, in every attempt the same: who sees it twice sees a repeat. Sorts by its time (UUIDv7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DeliveryId(Uuid);

impl DeliveryId {
    /// The id of that time and those random bytes.
    pub fn generate(now: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.as_millis()).unwrap_or(0), &random).into_uuid())
    }
}
impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl std::str::FromStr for DeliveryId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// How it is said.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By mail.
    Mail,
    /// By an HTTP request that a webhook's secret signs.
    Webhook,
    /// By an HTTP request after a template: SMS, chat.
    Gateway,
    /// To a vehicle's driver over MQTT, or to those at the console.
    Message,
    /// To browsers whose page is closed, by way of their push services.
    Push,
}
names!(Channel { Mail = "mail", Webhook = "webhook", Gateway = "gateway", Message = "message", Push = "push" });

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is still to be said.
    Waiting,
    /// The other side took it.
    Sent,
    /// It was given up: a dead letter, with its reason.
    Dead,
    /// It was not true any more before it was said.
    Withdrawn,
}
names!(DeliveryState { Waiting = "waiting", Sent = "sent", Dead = "dead", Withdrawn = "withdrawn" });

/// One attempt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// The status that the other side answered, of HTTP or SMTP.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// How long it took.
    pub ms: u64,
    /// What was wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// Something to be said to one endpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// Numbers the deliveries in the order in which they are to be said.
    pub number: i64,
    /// Its name towards the other side.
    pub id: DeliveryId,
    /// How.
    pub channel: Channel,
    /// Through what: `mail`, `webhook:<id>`, `gateway:<name>`, `message`, `push:<host>`. Endpoints fail, and are left alone, one by one.
    pub endpoint: String,
    /// To whom: an address, a telephone number, a vehicle, a user's browser; empty where the endpoint says it, and for the console.
    pub recipient: String,
    /// What it is about; what is said about one booking through one endpoint to one recipient is said in its order.
    pub booking: Option<BookingId>,
    /// The journal entry that made it.
    pub event: Option<i64>,
    /// The rule that made it.
    pub rule: Option<String>,
    /// The row of what is said.
    pub message: i64,
    /// That in one line.
    pub subject: String,
    /// What became of it.
    pub state: DeliveryState,
    /// Attempts so far.
    pub attempts: u32,
    /// When it may be said next.
    pub next_at: Timestamp,
    /// Why the last attempt failed, or why it was given up.
    pub last_error: Option<String>,
    /// The last attempts, oldest first.
    pub log: Vec<Attempt>,
    /// When it was put there.
    pub created_at: Timestamp,
    /// When it could be said first: from then on its time runs out.
    pub queued_at: Timestamp,
    /// When it was said or given up.
    pub done_at: Option<Timestamp>,
}

/// To whom something is to be said, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct To {
    /// How.
    pub channel: Channel,
    /// Through what.
    pub endpoint: String,
    /// To whom.
    pub recipient: String,
    /// What it is about: that is said in order.
    pub booking: Option<BookingId>,
    /// The journal entry that made it.
    pub event: Option<i64>,
    /// The rule that made it.
    pub rule: Option<String>,
    /// When it may be said.
    pub at: Timestamp,
}

/// A delivery to be put into the queue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDelivery {
    /// Its name towards the other side.
    pub id: DeliveryId,
    /// The row of what is said.
    pub message: i64,
    /// To whom.
    pub to: To,
}

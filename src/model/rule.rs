//! A rule of notifications: who is told what, when something happens.

use super::{Channel, Kind, Language, Timestamp, fits};
use serde::{Deserialize, Serialize};

/// Who is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// The driver who is on duty with the vehicle that the event concerns.
    Driver,
    /// The customer: the contact at the pickup, or else at the drop-off.
    Customer,
    /// The contact at the drop-off.
    Recipient,
    /// Those at the console.
    Staff,
    /// Fixed addresses or telephone numbers.
    Addresses,
}
names!(Who { Driver = "driver", Customer = "customer", Recipient = "recipient", Staff = "staff", Addresses = "addresses" });

/// What becomes of what falls into quiet hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuietThen {
    /// It is said when they are over.
    Wait,
    /// It is not said.
    Drop,
}
names!(QuietThen { Wait = "wait", Drop = "drop" });

/// Hours in which nobody is disturbed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quiet {
    /// Like `22:00-06:30`, of the depot's zone.
    pub hours: String,
    /// What becomes of what falls into them.
    pub then: QuietThen,
}

/// How much one recipient is told at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// So many …
    pub count: u32,
    /// … in so many minutes.
    pub per_min: u32,
}

/// What a rule says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RuleBody {
    /// Of which events: kinds like `booking.assigned`, or all of a noun like `booking.*`.
    pub events: Vec<String>,
    /// Who is told.
    pub who: Who,
    /// With [`Who::Addresses`]: which.
    #[serde(default)]
    pub to: Vec<String>,
    /// How.
    pub channel: Channel,
    /// With [`Channel::Gateway`]: which.
    #[serde(default)]
    pub gateway: Option<String>,
    /// In which language placeholders speak.
    #[serde(default)]
    pub language: Language,
    /// What it is about, with placeholders.
    pub subject: String,
    /// What is said, with placeholders.
    pub text: String,
    /// When nobody is disturbed.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// How much one recipient is told at most.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// Minutes in which it is collected into one letter.
    #[serde(default)]
    pub digest_min: Option<u32>,
}

/// A rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `false`: paused.
    pub enabled: bool,
    /// What it says.
    pub body: RuleBody,
    /// It looks at what is in the journal after this entry.
    pub since: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u32,
}

impl Rule {
    /// Does it look at that?
    pub fn wants(&self, kind: Kind) -> bool {
        self.enabled && self.body.events.iter().any(|pattern| fits(pattern, kind))
    }
}

//! A program of others that is told what happens.

use super::{Kind, Timestamp};
use serde::{Deserialize, Serialize};

/// Is it told?
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// Yes.
    On,
    /// Somebody paused it: what waits for it goes on waiting, what happens meanwhile it is not told.
    Paused,
    /// The same, because it failed for days or said that it is gone.
    Disabled,
}
names!(WebhookState { On = "on", Paused = "paused", Disabled = "disabled" });

/// A webhook, without its secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// What it wants to hear of: kinds like `booking.placed`, or all of a noun like `booking.*`; empty for everything.
    pub events: Vec<String>,
    /// Is it told?
    pub state: WebhookState,
    /// Why it is disabled.
    pub reason: Option<String>,
    /// Since when no attempt was well.
    pub failing_since: Option<Timestamp>,
    /// It hears of what is in the journal after this entry.
    pub since: i64,
    /// When it was added.
    pub created_at: Timestamp,
    /// Counts its changes, from 1.
    pub version: u32,
}

impl Webhook {
    /// Its endpoint in the queue.
    pub fn endpoint(&self) -> String {
        Self::endpoint_of(&self.id)
    }

    /// The endpoint of the webhook of an id.
    pub fn endpoint_of(id: &str) -> String {
        format!("webhook:{id}")
    }

    /// Does it want to hear of that?
    pub fn wants(&self, kind: Kind) -> bool {
        self.events.is_empty() || self.events.iter().any(|pattern| fits(pattern, kind))
    }
}

/// Is `kind` what a pattern means: its name, or `noun.*`?
pub fn fits(pattern: &str, kind: Kind) -> bool {
    let name = kind.as_str();
    pattern == name || pattern.strip_suffix('*').is_some_and(|noun| noun.ends_with('.') && name.starts_with(noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_kind_or_a_noun() {
        assert!(fits("booking.placed", Kind::BookingPlaced) && fits("booking.*", Kind::BookingLate));
        for (pattern, kind) in
            [("booking.place", Kind::BookingPlaced), ("*", Kind::BookingPlaced), ("b*", Kind::BreakEnded), ("duty.*", Kind::DriverChanged)]
        {
            assert!(!fits(pattern, kind), "{pattern}");
        }
    }
}

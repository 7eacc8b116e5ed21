//! What the other side says: how far it is, what it holds, what it orders.

use crate::model::Lane;
use serde::{Deserialize, Serialize};

/// How far a lane of an epoch is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// The epoch.
    pub epoch: String,
    /// The lane.
    pub lane: Lane,
    /// The last number stored.
    pub through: i64,
    /// From this number on nothing of the epoch is taken any more, for another box began one there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_from: Option<i64>,
}

impl Known {
    /// Of an epoch that counts.
    pub fn new(epoch: String, lane: Lane, through: i64) -> Self {
        Self { epoch, lane, through, superseded_from: None }
    }
}

/// A record that is kept: its number and, in hex, its digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stored {
    /// Its number.
    pub seq: i64,
    /// SHA-256 over what it says.
    pub digest: String,
}

/// Up to this number of an epoch depot and upstream agree.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Agreed {
    /// The epoch.
    pub epoch: String,
    /// The last number.
    pub through: i64,
}

/// A part of all that is known of a depot, to build it anew.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Lines as in a batch.
    pub lines: Vec<String>,
    /// What to ask for next; `None` at the end.
    pub next: Option<String>,
}

/// An order of head office, as it travels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Its number among the depot's orders; grows.
    pub seq: i64,
    /// The command: one JSON document as text, exactly as it was signed.
    pub command: String,
    /// The Ed25519 signature over that text, in base64.
    pub signature: String,
}

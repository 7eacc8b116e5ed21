//! Words of the line to head office: what is sent in which order, and how far it is.

use super::Timestamp;
use serde::{Deserialize, Serialize};

/// What goes upstream, by urgency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Bookings and what else people decide, and the audit record. Never dropped.
    Bookings,
    /// Dispatch rounds and warnings.
    Dispatch,
    /// Where everyone is now. Only the latest counts, and it lives in memory.
    Live,
    /// Where everyone was: the fix history.
    History,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Bookings, Self::Dispatch, Self::Live, Self::History];

    /// The name on the wire, in settings and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bookings => "bookings",
            Self::Dispatch => "dispatch",
            Self::Live => "live",
            Self::History => "history",
        }
    }

    /// The lane of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == name)
    }

    /// Is it numbered and acknowledged record by record? The live lane is not: what it missed is overtaken.
    pub fn is_durable(self) -> bool {
        self != Self::Live
    }
}

/// What a sink is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineMode {
    /// No connection yet, or none now; tried again after a growing pause.
    #[default]
    Offline,
    /// Connected, with records still to be sent.
    CatchingUp,
    /// Connected, and everything that may go has gone.
    Live,
    /// People paused it.
    Paused,
    /// Outside of the hours that the settings allow.
    Closed,
}

impl LineMode {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::CatchingUp => "catching_up",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Closed => "closed",
        }
    }
}

/// How far a lane is at a sink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LaneStatus {
    /// Which.
    pub lane: Lane,
    /// The last number that there is.
    pub head: i64,
    /// The last number that the other side has stored.
    pub through: i64,
    /// Records that wait.
    pub backlog: u64,
    /// When the oldest of them came to be, where that is known.
    pub oldest: Option<Timestamp>,
    /// When the other side last acknowledged.
    pub acked_at: Option<Timestamp>,
    /// Records acknowledged in all.
    pub records: u64,
    /// Bytes of batches acknowledged in all, compressed.
    pub bytes: u64,
    /// Records that could not be sent any more, because retention had taken them.
    pub lost: u64,
    /// What holds this lane up while the others go on.
    pub held_up: Option<HeldUp>,
}

/// A batch that a sink does not take. It is tried again, after a growing pause; nothing of it is dropped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HeldUp {
    /// The first number of the batch.
    pub first: i64,
    /// Why it was not taken.
    pub fault: String,
    /// Did the sink say that it never will take it? Else it failed too often.
    pub refused: bool,
    /// So often it failed, one time after the other.
    pub failures: u32,
    /// When it is tried again.
    pub next_attempt_at: Timestamp,
}

/// A day of a lane on which depot and upstream differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// Which lane.
    pub lane: Lane,
    /// Which day, UTC, as `2026-05-30`.
    pub day: String,
    /// Records that the depot has and upstream has not, by number; the first hundred.
    pub missing: Vec<i64>,
    /// Records that upstream has and the depot has not; the first hundred.
    pub unknown: Vec<i64>,
    /// Records that both have, with other contents; the first hundred.
    pub changed: Vec<i64>,
}

/// A table whose rows differ between depot and upstream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RowDifference {
    /// Which table.
    pub table: String,
    /// Rows that the depot has and upstream has not, by key; the first hundred.
    pub missing: Vec<String>,
    /// Rows that upstream has and the depot has not; the first hundred.
    pub unknown: Vec<String>,
    /// Rows that both have, with other contents; the first hundred.
    pub changed: Vec<String>,
}

/// What a comparison with upstream found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verified {
    /// When it was made.
    pub at: Timestamp,
    /// Days compared, over all lanes.
    pub days: u64,
    /// Records compared.
    pub records: u64,
    /// Rows compared.
    pub rows: u64,
    /// What differs; empty when all is equal.
    pub differences: Vec<Difference>,
    /// Tables whose rows differ; empty when all are equal.
    pub row_differences: Vec<RowDifference>,
}

/// A sink as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SinkStatus {
    /// Its name in the settings.
    pub name: String,
    /// What it is: `http`, `postgres`, `nats`, `mqtt`.
    pub kind: &'static str,
    /// What it is doing.
    pub mode: LineMode,
    /// Since when.
    pub since: Timestamp,
    /// Who paused it.
    pub paused_by: Option<String>,
    /// What went wrong last, while it is offline.
    pub fault: Option<String>,
    /// Attempts that failed one after the other.
    pub failures: u32,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// Its lanes, the most urgent first.
    pub lanes: Vec<LaneStatus>,
    /// What the last comparison with it found, or why there is none.
    pub verified: Option<Result<Verified, String>>,
}

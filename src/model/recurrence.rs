//! A booking that comes again and again.

use super::{Order, RecurrenceId, Timestamp};
use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

/// What to do on a day whose local clock jumps over the wanted hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingHour {
    /// As much before the jump: 01:30 becomes 00:30 where 01:00 jumps to 02:00.
    Earlier,
    /// As much after the jump: 01:30 becomes 02:30.
    Later,
    /// Not on that day.
    Skip,
}

impl MissingHour {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Earlier, Self::Later, Self::Skip];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "earlier",
            Self::Later => "later",
            Self::Skip => "skip",
        }
    }

    /// The choice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }
}

/// What to do on a day whose local clock shows the wanted hour twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedHour {
    /// The first time.
    First,
    /// The second time.
    Second,
}

impl RepeatedHour {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
        }
    }

    /// The choice of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == name)
    }
}

/// On which days, and when on them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Pattern {
    /// The days, as an iCalendar recurrence rule (RFC 5545): `FREQ=WEEKLY;BYDAY=TU`.
    pub rule: String,
    /// The rule counts from this local day on.
    pub start_date: Date,
    /// Local time of the pickup.
    pub start_time: Time,
    /// IANA time zone of both.
    pub zone: String,
    /// Where that time does not exist on a day; `None`: it always does, as far as is known.
    pub missing_hour: Option<MissingHour>,
    /// Where that time exists twice on a day; `None`: it never does, as far as is known.
    pub repeated_hour: Option<RepeatedHour>,
}

/// A recurring booking.
#[derive(Clone, PartialEq, Debug)]
pub struct Recurrence {
    /// Its id.
    pub id: RecurrenceId,
    /// When it recurs.
    pub pattern: Pattern,
    /// What is ordered each time; without times.
    pub order: Order,
    /// Minutes within which the pickup is to happen from its time on; `None`: at its time.
    pub window_minutes: Option<u32>,
    /// No bookings are placed.
    pub paused: bool,
    /// Days before then are none of its business: when it was made, changed or resumed.
    pub active_since: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What came of it when its bookings were last to be placed; `None`: they have not been yet.
    pub last: Option<Look>,
    /// Counts its changes, from 1.
    pub version: u32,
}

/// What came of a look at a recurrence's days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Look {
    /// When it was looked at.
    pub at: Timestamp,
    /// Bookings placed then.
    pub placed: u32,
    /// Why no more could be done.
    pub fault: Option<String>,
}

/// What became of one day of a recurrence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A booking was placed.
    Placed,
    /// Somebody left this day out.
    Skipped,
    /// The depot did not run when the booking was to be placed.
    Missed,
    /// The time is missing or repeated on this day, and nobody has said what to do then.
    Undecided,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Placed, Self::Skipped, Self::Missed, Self::Undecided];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
            Self::Undecided => "undecided",
        }
    }

    /// The outcome of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.as_str() == name)
    }
}

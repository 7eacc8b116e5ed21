//! Words of head office's orders: what the depot answered.

use super::{Kind, Timestamp};

/// What became of an order that head office signed for this depot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It was carried out.
    Applied,
    /// It was understood, and what it asks for is not right or not possible.
    Rejected,
    /// It came too late.
    Expired,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Applied, Self::Rejected, Self::Expired];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// The verdict of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|v| v.as_str() == name)
    }

    /// The kind of the event that tells it: `command.` and its name.
    pub fn event(self) -> Kind {
        match self {
            Self::Applied => Kind::CommandApplied,
            Self::Rejected => Kind::CommandRejected,
            Self::Expired => Kind::CommandExpired,
        }
    }
}

/// An order that was answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// The name that head office gave it.
    pub cmd_id: String,
    /// The sink that it came from.
    pub sink: String,
    /// Its number there.
    pub seq: i64,
    /// What it asked for, like `booking.change`.
    pub kind: String,
    /// What it is about: a booking's id, a user's name.
    pub target: Option<String>,
    /// SHA-256 in hex of the command as it was signed.
    pub digest: String,
    /// When it was answered.
    pub received_at: Timestamp,
    /// What became of it.
    pub verdict: Verdict,
    /// Why it was not carried out, in one word.
    pub reason: Option<String>,
    /// The same in words for people.
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_bears_the_verdicts_name() {
        for verdict in Verdict::ALL {
            assert_eq!(Verdict::parse(verdict.as_str()), Some(verdict));
            assert_eq!(verdict.event().as_str(), format!("command.{}", verdict.as_str()));
        }
    }
}

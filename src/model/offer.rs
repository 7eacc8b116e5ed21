//! A driver is asked whether to take a booking.

use super::{BookingId, Timestamp, VehicleId};
use serde::{Deserialize, Serialize};

/// How an offer stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
    /// The driver has not answered yet.
    Open,
    /// The driver took it.
    Accepted,
    /// The driver does not want it.
    Declined,
    /// The driver did not answer in time.
    TimedOut,
    /// Somebody else got it, or it was called off.
    Withdrawn,
    /// The driver had it, and the depot took it back.
    TakenBack,
}

impl OfferState {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Open, Self::Accepted, Self::Declined, Self::TimedOut, Self::Withdrawn, Self::TakenBack];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::TimedOut => "timed_out",
            Self::Withdrawn => "withdrawn",
            Self::TakenBack => "taken_back",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// An offer of a booking to the driver of a vehicle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// Numbers the offers.
    pub id: i64,
    /// What is offered.
    pub booking: BookingId,
    /// Whose driver is asked.
    pub vehicle: VehicleId,
    /// How it stands.
    pub state: OfferState,
    /// When the driver was asked.
    pub offered_at: Timestamp,
    /// An answer after this comes too late.
    pub expires_at: Timestamp,
    /// When it was answered, withdrawn or timed out.
    pub answered_at: Option<Timestamp>,
    /// Why it was declined or withdrawn.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for state in OfferState::ALL {
            assert_eq!(OfferState::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}

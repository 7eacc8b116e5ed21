//! A booking and its status machine.

use super::{BookingId, Fare, Order, RecurrenceId, Timestamp, VehicleId};
use serde::{Deserialize, Serialize};

/// A booking's status.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Its pickup is later than the dispatcher looks ahead.
    Scheduled,
    /// Wants a vehicle now.
    Waiting,
    /// A driver has been asked.
    Offered,
    /// A vehicle has it and drives to the pickup.
    Assigned,
    /// The vehicle is at the pickup.
    Arrived,
    /// The load is on board.
    PickedUp,
    /// Done.
    Delivered,
    /// Called off.
    Cancelled,
    /// Could not be done.
    Failed,
    /// Nobody could be found in time.
    Expired,
}

/// What can happen to a booking.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Its time has come: dispatch may take it.
    Release,
    /// A driver is asked.
    Offer,
    /// The asked driver declined, or did not answer.
    Decline,
    /// A vehicle gets it.
    Assign,
    /// The vehicle lost it; it waits again.
    Unassign,
    /// The vehicle is at the pickup.
    Arrived,
    /// The load is on board.
    PickedUp,
    /// The load is at the drop-off.
    Delivered,
    /// The job could not be done.
    Failed,
    /// Called off.
    Cancel,
    /// Nobody could be found in time.
    Expire,
    /// What was ordered changes: an offer is taken back, and its time decides anew when it is released.
    Reschedule,
    /// It was given up and is wanted after all.
    Reopen,
}

/// A step that the status does not allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a booking that is {} cannot be {}", from.as_str(), step.done())]
pub struct StepRefused {
    /// The status it has.
    pub from: Status,
    /// The step that was asked for.
    pub step: Step,
}

impl Status {
    /// Every status, in the order of a booking's life.
    pub const ALL: [Self; 10] = [
        Self::Scheduled,
        Self::Waiting,
        Self::Offered,
        Self::Assigned,
        Self::Arrived,
        Self::PickedUp,
        Self::Delivered,
        Self::Cancelled,
        Self::Failed,
        Self::Expired,
    ];

    /// The only transition function: the status after `step`.
    pub fn after(self, step: Step) -> Result<Self, StepRefused> {
        use Status as S;
        use Step as T;
        Ok(match (self, step) {
            (S::Scheduled, T::Release) | (S::Offered, T::Decline) => S::Waiting,
            (S::Assigned | S::Arrived, T::Unassign) => S::Waiting,
            (S::Waiting, T::Offer) => S::Offered,
            (S::Scheduled | S::Waiting | S::Offered, T::Assign) => S::Assigned,
            (S::Assigned, T::Arrived) => S::Arrived,
            (S::Assigned | S::Arrived, T::PickedUp) => S::PickedUp,
            (S::PickedUp, T::Delivered) => S::Delivered,
            (S::Assigned | S::Arrived | S::PickedUp, T::Failed) => S::Failed,
            (S::Scheduled | S::Waiting | S::Offered | S::Assigned | S::Arrived, T::Cancel) => S::Cancelled,
            (S::Scheduled | S::Waiting | S::Offered, T::Expire) => S::Expired,
            (S::Scheduled | S::Waiting | S::Offered, T::Reschedule) => S::Scheduled,
            (S::Cancelled | S::Failed | S::Expired, T::Reopen) => S::Scheduled,
            (from, step) => return Err(StepRefused { from, step }),
        })
    }

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Waiting => "waiting",
            Self::Offered => "offered",
            Self::Assigned => "assigned",
            Self::Arrived => "arrived",
            Self::PickedUp => "picked_up",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    /// The status of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// It has come to its end; only a [`Step::Reopen`] leads out of it, and out of `delivered` nothing.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled | Self::Failed | Self::Expired)
    }

    /// A vehicle is busy with it.
    pub fn holds_vehicle(self) -> bool {
        matches!(self, Self::Assigned | Self::Arrived | Self::PickedUp)
    }
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 13] = [
        Self::Release,
        Self::Offer,
        Self::Decline,
        Self::Assign,
        Self::Unassign,
        Self::Arrived,
        Self::PickedUp,
        Self::Delivered,
        Self::Failed,
        Self::Cancel,
        Self::Expire,
        Self::Reschedule,
        Self::Reopen,
    ];

    /// What becomes of a booking by it, as people say it.
    fn done(self) -> &'static str {
        match self {
            Self::Release => "released",
            Self::Offer => "offered to a driver",
            Self::Decline => "declined",
            Self::Assign => "assigned",
            Self::Unassign => "taken back from its vehicle",
            Self::Arrived => "arrived at",
            Self::PickedUp => "picked up",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Cancel => "cancelled",
            Self::Expire => "given up",
            Self::Reschedule => "changed",
            Self::Reopen => "reopened",
        }
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Offer => "offer",
            Self::Decline => "decline",
            Self::Assign => "assign",
            Self::Unassign => "unassign",
            Self::Arrived => "arrived",
            Self::PickedUp => "picked_up",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Cancel => "cancel",
            Self::Expire => "expire",
            Self::Reschedule => "reschedule",
            Self::Reopen => "reopen",
        }
    }

    /// The step of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// May the driver of the vehicle that has the job report it?
    pub fn is_drivers(self) -> bool {
        matches!(self, Self::Arrived | Self::PickedUp | Self::Delivered | Self::Failed)
    }
}

/// Who placed a booking.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Somebody at the depot, or a customer of it.
    #[default]
    Depot,
    /// Head office: what was ordered is its own, see [`super::Part::is_placers`].
    HeadOffice,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Self; 2] = [Self::Depot, Self::HeadOffice];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Depot => "depot",
            Self::HeadOffice => "head_office",
        }
    }

    /// The origin of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|o| o.as_str() == name)
    }
}

/// A booking as the depot keeps it.
#[derive(Clone, PartialEq, Debug)]
pub struct Booking {
    /// Its id.
    pub id: BookingId,
    /// A short name for people, like `B-1042`.
    pub reference: String,
    /// Where it stands.
    pub status: Status,
    /// What was asked for; `pickup_at` and `expires_at` are filled in.
    pub order: Order,
    /// What it costs, and its way.
    pub fare: Fare,
    /// The vehicle that has it, or had it when it ended.
    pub vehicle: Option<VehicleId>,
    /// Why it was cancelled or failed.
    pub reason: Option<String>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When a vehicle got it.
    pub assigned_at: Option<Timestamp>,
    /// When the vehicle reached the pickup.
    pub arrived_at: Option<Timestamp>,
    /// When the load was on board.
    pub picked_up_at: Option<Timestamp>,
    /// When the load was delivered.
    pub delivered_at: Option<Timestamp>,
    /// When it was cancelled, failed or expired.
    pub ended_at: Option<Timestamp>,
    /// People decide about it, not the dispatcher.
    pub locked: bool,
    /// Who placed it.
    pub origin: Origin,
    /// The recurring booking that made it, which may be gone.
    pub recurrence: Option<RecurrenceId>,
    /// Counts its changes, from 1.
    pub version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_round_trip() {
        for s in Status::ALL {
            assert_eq!(Status::parse(s.as_str()), Some(s));
            assert_eq!(serde_json::to_value(s).unwrap(), s.as_str());
        }
        for s in Step::ALL {
            assert_eq!(Step::parse(s.as_str()), Some(s));
            assert_eq!(serde_json::to_value(s).unwrap(), s.as_str());
        }
        for o in Origin::ALL {
            assert_eq!(Origin::parse(o.as_str()), Some(o));
            assert_eq!(serde_json::to_value(o).unwrap(), o.as_str());
        }
    }

    #[test]
    fn final_statuses_refuse_every_step_but_a_reopening() {
        for s in Status::ALL.into_iter().filter(|s| s.is_final()) {
            for step in Step::ALL.into_iter().filter(|step| s == Status::Delivered || *step != Step::Reopen) {
                assert_eq!(s.after(step), Err(StepRefused { from: s, step }));
            }
        }
    }

    proptest! {
        #[test]
        fn any_walk_keeps_the_invariants(walk in proptest::collection::vec(0..Step::ALL.len(), 0..40)) {
            let mut status = Status::Waiting;
            let mut loaded = false;
            for step in walk.into_iter().map(|i| Step::ALL[i]) {
                let Ok(next) = status.after(step) else { continue };
                prop_assert!(!status.is_final() || (step == Step::Reopen && status != Status::Delivered));
                loaded = next == Status::PickedUp || (loaded && step != Step::Reopen);
                prop_assert!(next != Status::Delivered || loaded, "delivered without pickup");
                prop_assert!(!(loaded && next == Status::Waiting), "a loaded booking waits again");
                status = next;
            }
        }
    }
}

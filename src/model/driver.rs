//! A driver, and when he works.

use super::{DriverId, DutyId, ShiftId, Span, Timestamp, VehicleId, Window};

/// A person who drives the depot's vehicles.
#[derive(Clone, PartialEq, Debug)]
pub struct Driver {
    /// Its id.
    pub id: DriverId,
    /// What people call him.
    pub name: String,
    /// As it is dialled.
    pub phone: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// What he can do and may drive, like `adr` or `licence_c`: adds to the skills of the vehicle that he is on duty with.
    pub skills: Vec<String>,
    /// The user he signs in as.
    pub user: Option<String>,
    /// Longest time on duty in a day, breaks not counted; `None`: as the settings say.
    pub max_day: Option<Span>,
    /// The same in any seven days.
    pub max_week: Option<Span>,
    /// May he go on duty?
    pub active: bool,
    /// When he was added.
    pub created_at: Timestamp,
    /// When his data last changed.
    pub updated_at: Timestamp,
    /// Counts the changes of his data, from 1.
    pub version: u32,
}

/// Time that a driver is meant to work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shift {
    /// Its id.
    pub id: ShiftId,
    /// Whose.
    pub driver: DriverId,
    /// The vehicle he is to take.
    pub vehicle: Option<VehicleId>,
    /// From when until when.
    pub time: Window,
    /// When he is to pause, within that.
    pub pause: Option<Window>,
    /// Counts its changes, from 1.
    pub version: u32,
}

/// A stretch of time that may still go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Period {
    /// When it began.
    pub from: Timestamp,
    /// When it ended; `None`: it goes on.
    pub until: Option<Timestamp>,
}

impl Period {
    /// How much of it lies within `from` to `until`.
    pub fn within(self, from: Timestamp, until: Timestamp) -> Span {
        let end = self.until.map_or(until, |end| end.min(until));
        end.since(self.from.max(from))
    }
}

/// Time that a driver was on duty with a vehicle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Duty {
    /// Its id.
    pub id: DutyId,
    /// Who.
    pub driver: DriverId,
    /// With what.
    pub vehicle: VehicleId,
    /// From when until when.
    pub time: Period,
    /// His breaks, all within that time and apart from each other, in their order.
    pub breaks: Vec<Period>,
}

impl Duty {
    /// Since when he pauses, if he does.
    pub fn paused_since(&self) -> Option<Timestamp> {
        self.breaks.last().filter(|b| b.until.is_none()).map(|b| b.from)
    }
}

/// Why somebody on duty is not to be given work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// He has worked as long as he may.
    Hours,
    /// He is on a break.
    Break,
}

impl Pause {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hours => "hours",
            Self::Break => "break",
        }
    }
}

/// Who is on duty with a vehicle, as far as its work is concerned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Crew {
    /// Who.
    pub driver: DriverId,
    /// What people call him.
    pub name: String,
    /// What he can do and may drive.
    pub skills: Vec<String>,
    /// Why he is not to be given work.
    pub pause: Option<Pause>,
}

//! A fix: one reported position.

use super::{Place, Timestamp, VehicleId};

/// What the filter found odd about a fix; such a fix is kept, marked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Flag {
    /// Fix time is more than 2 minutes ahead of the receive time: never becomes "latest".
    Future = 1,
    /// Fix time is more than 24 hours old: goes to history only.
    Old = 2,
    /// The speed from the previous fix is beyond what a vehicle can do.
    Jump = 4,
    /// An alarm (SOS, panic): never filtered.
    Alarm = 8,
}

/// A set of [`Flag`]s.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    /// The set with `flag` in it.
    #[must_use]
    pub fn with(self, flag: Flag) -> Self {
        Self(self.0 | flag as u8)
    }
    /// Is `flag` in the set?
    pub fn has(self, flag: Flag) -> bool {
        self.0 & flag as u8 != 0
    }
    /// One bit a flag, for storage.
    pub fn bits(self) -> u8 {
        self.0
    }
    /// From storage; unknown bits are kept.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

/// One reported position of a vehicle.
#[derive(Clone, PartialEq, Debug)]
pub struct Fix {
    /// Whose position it is.
    pub vehicle: VehicleId,
    /// When the device took it.
    pub ts: Timestamp,
    /// When the depot received it.
    pub received: Timestamp,
    /// Where.
    pub place: Place,
    /// Speed over ground in km/h.
    pub speed_kmh: Option<f32>,
    /// Course over ground in degrees, 0 to 360, clockwise from north.
    pub course: Option<f32>,
    /// Radius in metres within which the device believes itself to be.
    pub accuracy_m: Option<f32>,
    /// Is the ignition on?
    pub ignition: Option<bool>,
    /// Battery charge in percent.
    pub battery: Option<f32>,
    /// What the filter found.
    pub flags: Flags,
    /// Attributes of the format that have no field here, as one JSON object text.
    pub extras: Option<Box<str>>,
}

//! Why a driver's use case did not happen.

use super::hours::Spent;
use crate::model::{DriverId, ShiftId, VehicleId};
use crate::{bookings, store};

/// Why a use case did not happen; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such driver.
    #[error("there is no driver {0}")]
    Unknown(DriverId),
    /// There is no such shift.
    #[error("there is no shift {0}")]
    UnknownShift(ShiftId),
    /// There is no such vehicle.
    #[error("there is no vehicle {0}")]
    UnknownVehicle(VehicleId),
    /// A field is not right.
    #[error("{field}: {message}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What it must be.
        message: String,
    },
    /// Somebody changed it since it was read.
    #[error("{what} was changed meanwhile: it is at version {found}, not {expected}")]
    Stale {
        /// Which driver or shift.
        what: String,
        /// The version it has.
        found: u32,
        /// The version that was to be changed.
        expected: u32,
    },
    /// He is on duty.
    #[error("{0} is on duty; end the duty first. Who has left is made inactive")]
    OnDuty(String),
    /// He is not on duty.
    #[error("{0} is not on duty")]
    NotOnDuty(String),
    /// He is on duty with another vehicle.
    #[error("{name} is on duty with {vehicle}; end that duty first")]
    OnDutyWith {
        /// Who.
        name: String,
        /// With what.
        vehicle: VehicleId,
    },
    /// The vehicle has another driver.
    #[error("{driver} is on duty with {vehicle}")]
    Taken {
        /// With what.
        vehicle: VehicleId,
        /// Who.
        driver: String,
    },
    /// He is not active.
    #[error("{0} is not active")]
    Inactive(String),
    /// He has worked as long as he may.
    #[error("{name} {spent}")]
    Spent {
        /// Who.
        name: String,
        /// How long, and how long he may.
        spent: Spent,
    },
    /// The vehicle cannot go off duty with a job.
    #[error("vehicle {vehicle} has job {job}; finish it or take it away first, or force it with a reason")]
    Busy {
        /// Which one.
        vehicle: VehicleId,
        /// What people call the job.
        job: String,
    },
    /// The shift is at a time of another.
    #[error("{0}")]
    Overlap(String),
    /// The job could not be taken away.
    #[error(transparent)]
    Job(#[from] bookings::Error),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    pub(super) fn field(field: &'static str, message: impl Into<String>) -> Self {
        Self::Field { field, message: message.into() }
    }
}

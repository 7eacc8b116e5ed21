//! Why a booking's use case did not happen.

use crate::model::{Booking, BookingId, Recurrence, Status, StepRefused, VehicleId};
use crate::store;
use crate::tariffs;

/// A field that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its path in the request, like `pickup.lat`.
    pub field: String,
    /// What it must be.
    pub message: String,
}

impl Fault {
    /// Says that `field` is not right.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

/// Why a use case did not happen; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// These fields are not right.
    #[error("{} field(s) are not valid", .0.len())]
    Invalid(Vec<Fault>),
    /// There is no such booking.
    #[error("there is no such booking")]
    Unknown,
    /// There is no such vehicle.
    #[error("there is no vehicle {0}")]
    UnknownVehicle(VehicleId),
    /// The vehicle has another job.
    #[error("vehicle {0} already has a job")]
    VehicleBusy(VehicleId),
    /// The vehicle does not have this job.
    #[error("vehicle {0} does not have this job")]
    NotYours(VehicleId),
    /// The vehicle is not made for the booking; why, in words.
    #[error("{0} is not made for this booking: {lacks}; send override with a reason to give it nevertheless", lacks = .1.join(", "))]
    Unfit(VehicleId, Vec<String>),
    /// The driver is not being asked about this booking.
    #[error("the driver of {0} is not being asked about this booking, or no longer")]
    NoOffer(VehicleId),
    /// The status does not allow the step.
    #[error(transparent)]
    Refused(#[from] StepRefused),
    /// The booking has another version than the one that was to be changed.
    #[error("the booking was changed meanwhile: it has version {} now", .0.version)]
    Stale(Box<Booking>),
    /// There is no such recurrence.
    #[error("there is no such recurring booking")]
    UnknownRecurrence,
    /// The recurrence has another version than the one that was to be changed.
    #[error("the recurring booking was changed meanwhile: it has version {} now", .0.version)]
    StaleRecurrence(Box<Recurrence>),
    /// The status does not let these fields change.
    #[error("while a booking is {} these fields stay as they are", .0.as_str())]
    Fixed(Status, Vec<Fault>),
    /// Head office placed the booking and keeps that to itself: these fields, or all of it.
    #[error("{0}")]
    HeadOffices(&'static str, Vec<Fault>),
    /// There is a booking of that id already.
    #[error("there is a booking {0} already")]
    Exists(BookingId),
    /// Only a dispatcher takes a job away from a driver.
    #[error("a vehicle has this booking: only who may assign bookings may call it off now")]
    HasVehicle,
    /// The load is on board.
    #[error("the load is on board: it can be delivered, or fail with a reason, but not be called off")]
    OnBoard,
    /// Somebody else changed the booking first.
    #[error("somebody else changed this booking first")]
    Lost,
    /// The `Idempotency-Key` was used for another request.
    #[error("this Idempotency-Key was used for a different request")]
    KeyReused,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<tariffs::Error> for Error {
    fn from(error: tariffs::Error) -> Self {
        match error {
            tariffs::Error::Invalid(faults) => {
                Self::Invalid(faults.into_iter().map(|e| Fault { field: e.field, message: e.message }).collect())
            }
            tariffs::Error::Store(error) => Self::Store(error),
            other => Self::Invalid(vec![Fault::new("", other.to_string())]),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

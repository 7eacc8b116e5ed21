//! What the use cases refuse, as answers.

use super::error::{Error, FieldError};
use super::recurrences::RecurrenceShape;
use super::shapes::BookingShape;
use super::version::Version;
use crate::bookings::{self, Fault};
use crate::{auth, drivers, links, notify, registry, schedules, store, tariffs};
use axum::http::StatusCode;

fn told(faults: &[Fault]) -> Vec<FieldError> {
    faults.iter().map(|f| FieldError { field: f.field.clone(), message: f.message.clone() }).collect()
}

impl From<bookings::Error> for Error {
    fn from(error: bookings::Error) -> Self {
        use bookings::Error as E;
        match error {
            E::Invalid(faults) => Self::invalid(told(&faults)),
            E::Unknown | E::UnknownRecurrence => Self::not_found(error),
            E::UnknownVehicle(_) => Self::field("vehicle_id", error),
            E::NotYours(_) => Self::forbidden(error),
            E::VehicleBusy(_) | E::Unfit(..) | E::NoOffer(_) | E::Refused(_) | E::OnBoard | E::Lost | E::Exists(_) => Self::conflict(error),
            E::HasVehicle => Self::forbidden(error),
            E::Fixed(_, ref faults) | E::HeadOffices(_, ref faults) => Self::conflict_in(&error, told(faults)),
            E::StaleRecurrence(ref now) => Self::stale(&error, Version(now.version), &RecurrenceShape::from(&**now)),
            E::Stale(ref now) => Self::stale(&error, Version(now.version), &BookingShape::from(&**now)),
            E::KeyReused => Self::field("Idempotency-Key", error),
            E::Store(error) => error.into(),
        }
    }
}
impl From<auth::Error> for Error {
    fn from(error: auth::Error) -> Self {
        use auth::Error as E;
        match error {
            E::Invalid(fault) => Self::field(&fault.field, fault.message),
            E::Unknown(_) => Self::not_found(error),
            E::Exists(_) | E::Conflict(_) | E::LastAdmin(_) => Self::conflict(error),
            E::Refused(why) => Self::unauthenticated(why),
            E::TooMany { retry_after_s } => Self::too_many(error, retry_after_s),
            E::Busy => Self::unavailable(error),
            E::Store(error) => error.into(),
            E::Internal(_) => Self::internal(error),
        }
    }
}
impl From<tariffs::Error> for Error {
    fn from(error: tariffs::Error) -> Self {
        use tariffs::Error as E;
        match error {
            E::Invalid(faults) => Self::invalid(faults),
            E::Unknown(_) => Self::not_found(error),
            E::Exists(..) | E::Refused(_) => Self::conflict(error),
            E::Stale(_) => Self::outdated(error),
            E::Store(error) => error.into(),
        }
    }
}
impl From<registry::Error> for Error {
    fn from(error: registry::Error) -> Self {
        use registry::Error as E;
        match error {
            E::Unknown(_) => Self::not_found(error),
            E::Exists(_) => Self::conflict(error),
            E::Stale { .. } => Self::outdated(error),
            E::Store(error) => error.into(),
        }
    }
}
impl From<drivers::Error> for Error {
    fn from(error: drivers::Error) -> Self {
        use drivers::Error as E;
        match error {
            E::Unknown(_) | E::UnknownShift(_) | E::UnknownVehicle(_) => Self::not_found(error),
            E::Field { field, message } => Self::field(field, message),
            E::Stale { .. } => Self::outdated(error),
            E::OnDuty(_) | E::NotOnDuty(_) | E::OnDutyWith { .. } | E::Taken { .. } | E::Inactive(_) => Self::conflict(error),
            E::Spent { .. } | E::Busy { .. } | E::Overlap(_) => Self::conflict(error),
            E::Job(error) => error.into(),
            E::Store(error) => error.into(),
        }
    }
}
impl From<links::Error> for Error {
    fn from(error: links::Error) -> Self {
        use links::Error as E;
        match error {
            E::UnknownBooking | E::Unknown(_) | E::Dead => Self::not_found(error),
            E::Full => Self::conflict(error),
            E::Past => Self::field("expires_at", error),
            E::TooMany { retry_after_s } => Self::too_many(error, retry_after_s),
            E::Random(_) => Self::internal(error),
            E::Store(error) => error.into(),
        }
    }
}
impl From<schedules::Error> for Error {
    fn from(error: schedules::Error) -> Self {
        use schedules::Error as E;
        match error {
            E::Invalid(wrong) => {
                Self::invalid(wrong.into_iter().map(|w| FieldError { field: w.field.to_owned(), message: w.message }).collect())
            }
            E::Unknown => Self::not_found(error),
            E::Stale(_) => Self::status(StatusCode::PRECONDITION_FAILED).detail(error),
            E::Running => Self::conflict(error),
            E::Store(error) => error.into(),
        }
    }
}
impl From<notify::Error> for Error {
    fn from(error: notify::Error) -> Self {
        use notify::Error as E;
        match error {
            E::Invalid(wrong) => Self::invalid(wrong),
            E::Unknown(_) => Self::not_found(error),
            E::Stale(_) => Self::status(StatusCode::PRECONDITION_FAILED).detail(error),
            E::Conflict(_) => Self::conflict(error),
            E::Seal(_) => Self::internal(error),
            E::Store(error) => error.into(),
        }
    }
}
impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::internal(error)
    }
}

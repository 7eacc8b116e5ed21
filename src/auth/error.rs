//! Why it did not work.

use crate::store;

/// A field that is not right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its name in the request.
    pub field: String,
    /// What it must be.
    pub message: String,
}

/// Why a change of who may do what, or a sign-in, did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This field is not right.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(Fault),
    /// There is no such user, token or device.
    #[error("there is no {0}")]
    Unknown(String),
    /// The name is taken.
    #[error("there is a {0} already")]
    Exists(String),
    /// Without this one nobody could administer the depot any more.
    #[error("{0} is the last admin who can sign in")]
    LastAdmin(String),
    /// What is there does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The name and the password do not go together, or the key is not valid.
    #[error("{0}")]
    Refused(&'static str),
    /// Too many failures; try again later.
    #[error("too many failed sign-ins; try again in {retry_after_s} s")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u32,
    },
    /// Too many passwords are being checked; try again in a second.
    #[error("too many sign-ins at once; try again in a second")]
    Busy,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Hashing failed, or there is no randomness.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub(super) fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(Fault { field: field.to_owned(), message: message.into() })
    }
}

//! Why a use case did not happen.

use crate::fields::FieldError;
use crate::store;

/// Why a use case did not happen; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// These fields are not right.
    #[error("{} field(s) are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// There is none of that id.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// Somebody else changed it first; this is its version now.
    #[error("somebody else changed it first: its version is {0} now")]
    Stale(u32),
    /// What is there now does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// A secret cannot be sealed.
    #[error("the secret cannot be kept: {0}")]
    Seal(#[from] std::io::Error),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// One field is not right.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.to_owned(), message: message.into() }])
    }
}

impl From<crate::auth::Error> for Error {
    fn from(error: crate::auth::Error) -> Self {
        Self::Store(store::Error::Corrupt(error.to_string()))
    }
}

/// What a use case gives back.
pub type Result<T> = std::result::Result<T, Error>;

//! What trips cost here: the versions of the tariff, and the zones, contracts and promo codes that they speak of.
//!
//! All of it is rows; [`Book`] is what of them counts now, held in memory until a row changes. A price is made within the
//! transaction that keeps it ([`Tariffs::price`]), so that a promo code is never used more often than it may be. A depot without any
//! version prices by the flat tariff of its settings.

mod bill;
mod book;
mod documents;
mod dry_run;
mod surge;
mod versions;
mod waited;

pub use bill::{Ask, Bill, Priced, proof_rules};
pub use book::Book;
pub use documents::{Kept, Kind, Versioned};
pub use dry_run::MOST_TRIPS;
pub use surge::{Class, Expects};
pub use versions::{State, TariffInput, Version};

use crate::clock::Clock;
use crate::config::Current;
use crate::fields::FieldError;
use crate::store::{self, Db};
use std::sync::{Arc, Mutex};

/// Tariffs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tariffs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    db: Db,
    clock: Clock,
    settings: Current,
    /// What counted when it was last looked at.
    book: Mutex<Option<Arc<Book>>>,
    /// Demand's factors.
    board: surge::Board,
}

/// Why something about tariffs did not happen; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// These fields are not right.
    #[error("{} field(s) are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// There is none.
    #[error("there is no {0}")]
    Unknown(String),
    /// There is one already.
    #[error("there is a {0} {1} already")]
    Exists(&'static str, String),
    /// It has another version than the one that was to be changed.
    #[error("it was changed meanwhile: it has version {0} now")]
    Stale(u32),
    /// The state of things does not allow it.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

type Result<T> = std::result::Result<T, Error>;

impl Tariffs {
    /// Those of `db`, over the flat tariff of the settings in effect.
    pub fn new(db: Db, settings: impl Into<Current>, clock: Clock) -> Self {
        Self(Arc::new(Inner { db, clock, settings: settings.into(), book: Mutex::default(), board: surge::Board::default() }))
    }
}

//! What is said to those in the cab, and what they say: commands out of the journal, steps and answers, whatever line they come by.

mod commands;
mod ears;
mod reports;

pub use commands::{Command, Due, Outstanding, is_command};
pub use ears::Ear;
pub use reports::{NotTaken, Report, Unit};

use crate::bookings::Bookings;
use crate::clock::Clock;
use crate::drivers::Drivers;
use crate::model::VehicleId;
use crate::store::Db;
use ears::Ears;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// Acknowledgements that may wait to be written down.
const CURSORS: usize = 10_000;

/// A handle; all clones share it.
#[derive(Clone)]
pub struct Cab(Arc<Inner>);

struct Inner {
    db: Db,
    bookings: Bookings,
    drivers: Drivers,
    clock: Clock,
    cursors: mpsc::Sender<(VehicleId, i64)>,
    queue: Mutex<Option<mpsc::Receiver<(VehicleId, i64)>>>,
    ears: Ears,
}

impl Cab {
    /// Of the depot with these bookings and drivers.
    pub fn new(db: Db, bookings: Bookings, drivers: Drivers, clock: Clock) -> Self {
        let (cursors, queue) = mpsc::channel(CURSORS);
        Self(Arc::new(Inner { db, bookings, drivers, clock, cursors, queue: Mutex::new(Some(queue)), ears: Ears::default() }))
    }
}

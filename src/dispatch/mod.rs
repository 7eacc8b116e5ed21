//! Gives waiting bookings to vehicles.

pub mod eta;
pub mod plan;
pub mod record;

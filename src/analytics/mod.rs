//! What came of it: figures over the bookings of a day.

pub mod daily;

//! What happened: the report of each day, and sums by hour that are kept as things happen.
//!
//! [`fact`] says what a booking or duty adds, [`rollups`] follows the journal and keeps the sums, [`figures`] asks them.

pub mod daily;
pub mod fact;
pub mod figures;
pub mod rollups;

pub use figures::{Figures, Point, Question, Ranked, Step, Summary};
pub use rollups::Rollups;

#[cfg(test)]
mod tests;

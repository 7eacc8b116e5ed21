//! What happened: the report of each day, and sums by hour that are kept as things happen.
//!
//! [`fact`] says what a booking or duty adds, [`rollups`] follows the journal and keeps the sums, [`figures`] asks them,
//! [`reports`] puts them into tables (`sheet` writes those down), [`insights`] says what stands out.

pub mod daily;
pub mod fact;
pub mod figures;
pub mod insights;
pub mod reports;
pub mod rollups;
mod sheet;

pub use figures::{Figures, Point, Question, Ranked, Step, Summary};
pub use insights::Insight;
pub use reports::Reports;
pub use rollups::Rollups;

#[cfg(test)]
mod tests;

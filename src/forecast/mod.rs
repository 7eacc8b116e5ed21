//! What will be asked for, where and when: learned on the box from its own history.
//!
//! Pure: it knows no clock, no store and no runtime. Whoever wires it up does four things:
//!
//! 1. keeps a [`History`]: [`History::add`] for each booking (its pickup's place and time), [`History::forget_before`] what is older
//!    than half a year or so;
//! 2. trains, by a schedule: [`Model::train`] with a [`Calendar`] (the depot's zone and holidays) on what there is from the first
//!    day of taking requests until now; a second is enough for hundreds of cells;
//! 3. keeps the [`Model`], which is serde's to write, and shows its [`Model::accuracy`](model::Model::accuracy);
//! 4. asks it: [`Model::quarter`] and [`Model::hour`] for one moment (surge, `/demand`), [`Model::quarters`] for the next 24 h,
//!    [`Model::hours`] for the next 7 days (with [`Area::All`] for staffing). Each is an [`Expected`]: mean, median and 80 % interval.
//!
//! # The method
//! An hour's requests are negative binomial around a rate for its hour of the week, on the local clock, a holiday being like a
//! Sunday. Rates are learned coarse to fine: of everything, of the H3 cells around cells, of the cells; by hour of the day, by
//! kind of day, by hour of the week (`profile.rs`). The shape of a week is learned from months, how much is asked for from the last
//! weeks ([`areas`]). How far counts stray from their rates is learned on weeks that the training was not shown ([`spread`]). The
//! best guess is the median, which is what has the least absolute error. [`backtest`] compares.
//!
//! No forecasting library carries this: trained once on ten weeks of New York, MSTL with AutoETS by cell of `augurs` 0.10 came to an
//! error (MASE) of 0.83 in the next three where this room comes to 0.68; its AutoETS for the level alone, in the place of recent
//! weeks' weight, to 0.74 where this room came to 0.70 on eight other weeks; and it brings forty more crates.

pub mod areas;
pub mod backtest;
pub mod calendar;
pub mod demand;
mod frame;
pub mod history;
pub mod holiday;
pub mod model;
mod profile;
pub mod spread;
#[cfg(test)]
mod tests;

pub use areas::{Area, BUSY};
pub use calendar::Calendar;
pub use history::History;
pub use holiday::Holiday;
pub use model::{Expected, Model};

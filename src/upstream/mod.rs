//! The line to head office: what the depot's lanes hold goes to every sink of the settings, in order and once in effect, whenever
//! there is a connection.
//!
//! A [`Line`] serves one sink: it asks it what it has, sends what comes after, lane by lane, and moves a cursor only when the sink
//! says that a batch is stored. From the sink that the settings name it takes orders too. Sinks differ in how they say so; that is all that a file of [`sink`] knows.

mod comparison;
mod end;
mod holdings;
mod incoming;
mod line;
mod outgoing;
mod position;
mod rebuild;
mod relearn;
pub mod sink;
mod start;
mod tally;
mod turns;
mod verify;

pub use holdings::{DayReceipt, Holdings};
pub use line::{Deps, Line};
pub use outgoing::Outgoing;
pub use rebuild::{Gathered, gather};
pub use verify::verify;

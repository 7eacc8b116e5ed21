//! What a trip costs: a [`Tariff`] and a [`Trip`] give a [`Price`] with its lines. Pure, integer money.
//!
//! # How a price comes about
//! 1. *base*, *distance* and *time*, by the rates that hold for the trip; or one line *fixed*, when there is a price from its zone
//!    to its zone: the contract's before the tariff's.
//! 2. *stop*, *weight* and *volume*.
//! 3. *surge*: demand's factor, less one, of 1 and 2; within the bounds that the tariff sets, else none.
//! 4. *surcharge*: each that applies to the pickup's time, an amount or a percentage of 1 and 2.
//! 5. *waiting* at the pickup; it comes in once that is over ([`afterwards()`]).
//! 6. *contract*: the customer's discount on all of that.
//! 7. *minimum*: up to what a trip costs at least.
//! 8. *promo*: what a code takes off, never more than there is.
//! 9. *tax* where it is added.
//! 10. *rounding* of what is to be paid; it may end up to one step of rounding below the minimum.
//! 11. *tax* where it is included: a line of 0 that says how much of the price it is.
//!
//! A price that is all in (every fixed price of a contract, and those of a tariff that say so) skips 2, 3, 4 and 7; a contract's own
//! fixed price skips 6 too.
//!
//! Each line is rounded on its own to a minor unit, a half up, so that the lines' sum is the total exactly. It is never negative, and
//! saturates where it would be more than an `i64` holds. By a sound tariff a longer way, in metres or seconds, never costs less, unless
//! a promo code with a minimum price comes to hold for it.

mod afterwards;
mod calendar;
pub mod compare;
mod contract;
pub mod currency;
mod engine;
mod fixed;
mod line;
mod promo;
mod proof;
mod rates;
pub mod surge;
mod tariff;
mod trip;
mod way;

pub use afterwards::afterwards;
pub use calendar::{Surcharge, Weekday};
pub use contract::Contract;
pub use engine::{Price, price};
pub use fixed::FixedPrice;
pub use line::{Line, LineKind};
pub use promo::{Promo, Refusal, Uses};
pub use proof::{Need, ProofRules};
pub use rates::{MOST_MINOR, Rates, VolumeStep, Waiting, WeightStep};
pub use tariff::{Class, Rounding, RoundingMode, Tariff, Tax};
pub use trip::Trip;
pub use way::{GREAT_CIRCLE, Way};

//! The live view: one picture ([`hub`]), kept by [`follow`], encoded once ([`frames`]), sent to every [`socket`] and [`stream`] as it [`wants`];
//! [`figures`] for those who want them.

mod customers;
pub mod figures;
pub mod follow;
pub mod frames;
pub mod hub;
pub mod socket;
pub mod stream;
pub mod wants;

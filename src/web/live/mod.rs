//! The live view: one picture ([`hub`]), kept by [`follow`], encoded once ([`frames`]), sent to every [`socket`];
//! [`figures`] for those who want them.

pub mod figures;
pub mod follow;
pub mod frames;
pub mod hub;
pub mod socket;

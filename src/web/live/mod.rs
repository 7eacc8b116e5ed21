//! The live view: one picture ([`hub`]), encoded once ([`frames`]), sent to every socket.
pub mod frames;
pub mod hub;

//! The demo: a fleet and its customers, from outside.
//!
//! It is a client like any other: vehicles talk MQTT with their own credentials, customers talk HTTP with a token. What decides
//! is pure and takes the time as an argument ([`streets`], [`day`], [`driver`], [`traces`]); what waits is around it ([`session`],
//! [`depot`], [`demo`], [`recorded`]).
//!
//! Speed: at `--speed 5` vehicles move, load and are ordered five times as fast, while every time stamp stays the wall
//! clock's: else fixes would be from the future and not be believed.

pub mod commands;
pub mod day;
pub mod demo;
pub mod depot;
pub mod driver;
pub mod errands;
pub mod recorded;
pub mod rng;
pub mod session;
pub mod streets;
pub mod traces;

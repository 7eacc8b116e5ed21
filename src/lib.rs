//! depotd: a depot's fleet appliance in one binary.

pub mod app;
pub mod auth;
pub mod bookings;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod fleet;
pub mod model;
pub mod mqtt;
pub mod ops;
pub mod pricing;
pub mod registry;
pub mod sim;
pub mod store;
pub mod telemetry;
pub mod tracks;
pub mod web;

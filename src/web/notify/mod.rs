//! What is said to people and programs, over HTTP.

pub mod deliveries;
pub mod rules;
pub mod webhooks;

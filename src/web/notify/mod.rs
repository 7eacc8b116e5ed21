//! What is said to people and programs, over HTTP.

pub mod deliveries;
pub mod push;
pub mod rules;
pub mod webhooks;

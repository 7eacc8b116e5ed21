//! What is said to people and programs, over HTTP.

pub mod channels;
pub mod deliveries;
pub mod messages;
pub mod push;
pub mod rules;
pub mod webhooks;

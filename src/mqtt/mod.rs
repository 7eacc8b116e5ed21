//! The MQTT guard: devices speak to this, never to the router behind it.
//!
//! A connection is admitted ([`guard`], limits; shared is what all have in common), proves who it is (connect), and becomes one
//! task (session) that cuts packets (frame), asks what is allowed ([`access`]), hands fixes to the log and acknowledges what is
//! durable (session/ingest, pace), takes its driver's steps (step), and sends what the journal holds for its vehicle
//! (downlink, session/outbound). What it wants said when it is lost is said then (will). rumqttd's codecs read the cold packets (codec) and its router serves local subscribers only
//! ([`router`]), with as many topics as one owner may have (known).

pub mod access;
mod codec;
mod connect;
mod downlink;
mod frame;
pub mod guard;
mod known;
mod limits;
mod neighbours;
mod pace;
mod registry;
pub mod router;
mod session;
mod shared;
pub mod stats;
mod step;
mod stream;
mod tls;
mod who;
mod will;
mod wire;

pub use guard::{Error, Guard, Observer};
pub use shared::Deps;

//! The MQTT guard: devices speak to this, never to the router behind it.
//!
//! A connection is admitted ([`guard`], limits), proves who it is (connect), and becomes one task (session) that cuts
//! packets (frame), asks what is allowed ([`access`]), hands fixes to the log and acknowledges what is durable (ingest, pace),
//! and sends what the journal holds for its vehicle (downlink, outbound). rumqttd's codecs read the cold packets (codec) and its
//! router serves local subscribers only ([`router`]).

pub mod access;
mod codec;
mod connect;
mod downlink;
mod frame;
pub mod guard;
mod ingest;
mod limits;
mod neighbours;
mod outbound;
mod pace;
mod registry;
pub mod router;
mod session;
pub mod stats;
mod stream;
mod tls;
mod step;
mod wire;

mod will;
pub use guard::{Deps, Error, Guard, Observer};

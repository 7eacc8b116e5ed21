//! A depot, a line that fails and the other end of each kind of sink: cut, late, half-open, doubled, truncated, killed at both ends, put
//! back from an old copy. At the end both have the same, each record once, in order.
#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

mod common;
#[path = "upstream_faults/forward.rs"]
mod forward;
#[path = "upstream_faults/http.rs"]
mod http;
#[path = "upstream_faults/mqtt.rs"]
mod mqtt;
#[path = "upstream_faults/nats.rs"]
mod nats;
#[path = "upstream_faults/postgres.rs"]
mod postgres;
#[path = "upstream_faults/processes.rs"]
mod processes;
mod upstream_support;

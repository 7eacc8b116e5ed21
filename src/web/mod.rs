//! The HTTP side.
pub mod error;
pub mod extract;
pub mod fields;
pub mod headers;
pub mod limits;
pub mod server;
pub mod live;

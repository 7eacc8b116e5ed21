//! Patience with services that fail: how long one is left alone ([`backoff`]), and whether it is called at all ([`breaker`]).

pub mod backoff;
pub mod breaker;

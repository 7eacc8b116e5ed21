//! Versions of things that several people change, and the `ETag` of an answer.

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Counts a thing's changes, from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version(pub u32);

impl Version {
    /// The strong entity tag (RFC 9110, 8.8.3).
    pub fn tag(self) -> HeaderValue {
        HeaderValue::from_str(&format!("\"{}\"", self.0)).unwrap_or_else(|_| unreachable!("digits in quotes are a header value"))
    }
}

/// One thing with its version in the `ETag`.
#[derive(Debug)]
pub struct Versioned<T>(pub Version, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, self.0.tag())], Json(self.1)).into_response()
    }
}

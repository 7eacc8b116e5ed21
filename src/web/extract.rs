//! What handlers take out of a request; each refusal is a problem document.

use super::error::Error;
use super::fields::{Fields, Read};
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use std::fmt::Display;
use std::str::FromStr;

/// The JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: Read, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Error::status(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail("the body must be application/json"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|e| Error::status(e.status()).detail(e.body_text()))?;
        let document = serde_json::from_slice(&bytes)
            .map_err(|e| Error::status(StatusCode::BAD_REQUEST).detail(format!("the body is not JSON: {e}")))?;
        Fields::of_json(document).map(Self)
    }
}

/// The query string.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: Read, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Fields::of_query(parts.uri.query().unwrap_or("")).map(Self)
    }
}

/// The one identifier in the path; what cannot be one names nothing: 404.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<T: FromStr<Err: Display>, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(Error::not_found)?;
        text.parse().map(Self).map_err(|e| Error::not_found(format!("{text:?} {e}")))
    }
}

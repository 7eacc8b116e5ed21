//! What handlers take out of a request; each refusal is a problem document.

use super::error::Error;
use super::fields::document::Document;
use super::fields::{Fields, Read};
use crate::auth::Who;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};
use std::fmt::Display;
use std::str::FromStr;

/// The JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: Read, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = body_of(request, state, &["application/json"]).await?;
        Ok(Self(Fields::of_json(json(&bytes)?)?))
    }
}

/// The bytes of a JSON body, for who reads them himself.
#[derive(Debug)]
pub struct JsonBytes(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBytes {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        body_of(request, state, &["application/json"]).await.map(Self)
    }
}

/// A JSON document that is kept as it is sent.
#[derive(Debug)]
pub struct Written<T>(pub T);

impl<T: Document, S: Send + Sync> FromRequest<S> for Written<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = body_of(request, state, &["application/json"]).await?;
        T::read(&json(&bytes)?).map(Self).map_err(Error::invalid)
    }
}

/// A JSON merge patch (RFC 7396): the members to change; `null` takes one away.
#[derive(Debug)]
pub struct MergePatch(pub Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for MergePatch {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = body_of(request, state, &["application/merge-patch+json", "application/json"]).await?;
        match json(&bytes)? {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(Error::field("", "must be a JSON object")),
        }
    }
}

/// A CSV file.
#[derive(Debug)]
pub struct CsvBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for CsvBody {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        body_of(request, state, &["text/csv"]).await.map(Self)
    }
}

/// The body's bytes, when its media type is one of `kinds`.
async fn body_of<S: Send + Sync>(request: Request, state: &S, kinds: &[&str]) -> Result<Bytes, Error> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    if !kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return Err(Error::status(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail(format!("the body must be {}", kinds.join(" or "))));
    }
    bytes_of(request, state).await
}

async fn bytes_of<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Error> {
    Bytes::from_request(request, state).await.map_err(|e| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::status(e.status()).detail("the body is larger than this route takes, or than http.max_body_bytes allows")
        }
        status => Error::status(status).detail(e.body_text()),
    })
}

/// The body's bytes, whatever it says to be: phones do not always say it well.
#[derive(Debug)]
pub struct AnyBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for AnyBody {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        bytes_of(request, state).await.map(Self)
    }
}

fn json(bytes: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(bytes).map_err(|e| Error::status(StatusCode::BAD_REQUEST).detail(format!("the body is not JSON: {e}")))
}

/// The query string.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T: Read, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(Fields::of_query(parts.uri.query().unwrap_or(""))?))
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

/// Who asks. The access rules put it there; a handler behind them always finds it.
#[derive(Clone, Debug)]
pub struct Caller(pub Who);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Error::unauthenticated("sign in first"))
    }
}

/// Who asks, if anybody is signed in.
#[derive(Clone, Debug)]
pub struct MaybeCaller(pub Option<Who>);

impl<S: Sync> FromRequestParts<S> for MaybeCaller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        Ok(Self(parts.extensions.get::<Caller>().map(|c| c.0.clone())))
    }
}

/// The client's `Idempotency-Key`.
#[derive(Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let fits = |key: &&str| (1..=255).contains(&key.len());
        match value.to_str().ok().filter(fits) {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Error::field("Idempotency-Key", "must have 1 to 255 visible ASCII characters")),
        }
    }
}

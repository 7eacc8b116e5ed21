//! The one way in which an answer says no: `application/problem+json` (RFC 9457) with every invalid field.

pub use crate::fields::FieldError;

use super::version::Version;
use crate::fields::Unreadable;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Display;
use utoipa::ToSchema;

/// Problem details (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Names the kind of problem; `about:blank` when the status says it all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The same for every problem of this status.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// Every invalid field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// More about this kind of problem: with 412 `current`, the thing as it is now; of an import `bad`, its bad lines.
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// A request that is refused, and why.
#[derive(Debug)]
pub struct Error {
    status: StatusCode,
    detail: Option<String>,
    errors: Vec<FieldError>,
    retry_after_s: Option<u32>,
    challenge: &'static str,
    version: Option<Version>,
    more: Map<String, Value>,
}

/// What a handler gives back.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A bare status.
    pub fn status(status: StatusCode) -> Self {
        Self { status, detail: None, errors: Vec::new(), retry_after_s: None, challenge: "Bearer", version: None, more: Map::new() }
    }
    /// With words about this case.
    #[must_use]
    pub fn detail(mut self, detail: impl Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }
    /// With the time after which another try makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
    /// With a member of its own (RFC 9457, 3.2).
    #[must_use]
    pub fn with(mut self, name: &str, value: &impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.more.insert(name.to_owned(), value);
        }
        self
    }
    /// 404: there is no such thing.
    pub fn not_found(what: impl Display) -> Self {
        Self::status(StatusCode::NOT_FOUND).detail(what)
    }
    /// 422: the request is well formed, these fields are not right.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.len() {
            1 => "1 field is not valid".to_owned(),
            n => format!("{n} fields are not valid"),
        };
        Self { errors, ..Self::status(StatusCode::UNPROCESSABLE_ENTITY).detail(detail) }
    }
    /// 422 for one field.
    pub fn field(field: &str, message: impl Display) -> Self {
        Self::invalid(vec![FieldError { field: field.to_owned(), message: message.to_string() }])
    }
    /// 409: what is there now does not allow it.
    pub fn conflict(why: impl Display) -> Self {
        Self::status(StatusCode::CONFLICT).detail(why)
    }
    /// 412: it has changed since the client read it.
    pub fn outdated(why: impl Display) -> Self {
        Self::status(StatusCode::PRECONDITION_FAILED).detail(why)
    }
    /// 409, naming the fields that cause it.
    pub fn conflict_in(why: impl Display, errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::conflict(why) }
    }
    /// 412: the thing has another version than the request was made for; `current` shows it.
    pub fn stale(why: impl Display, version: Version, current: &impl Serialize) -> Self {
        let stale = Self::status(StatusCode::PRECONDITION_FAILED).detail(why).with("current", current);
        Self { version: Some(version), ..stale }
    }
    /// 401: nobody is signed in.
    pub fn unauthenticated(why: impl Display) -> Self {
        Self::status(StatusCode::UNAUTHORIZED).detail(why)
    }
    /// 403: this one may not.
    pub fn forbidden(why: impl Display) -> Self {
        Self::status(StatusCode::FORBIDDEN).detail(why)
    }
    /// 429: too often.
    pub fn too_many(why: impl Display, retry_after_s: u32) -> Self {
        Self::status(StatusCode::TOO_MANY_REQUESTS).detail(why).retry_after(retry_after_s)
    }
    /// The same for who must wait, and may do something about it.
    pub fn too_often(wait: std::time::Duration, advice: &str) -> Self {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Self::too_many(format!("too many requests: {advice}"), seconds)
    }
    /// Of a 401: user name and password are asked for, not a token.
    #[must_use]
    pub fn by_basic(mut self) -> Self {
        self.challenge = "Basic realm=\"depotd\", charset=\"UTF-8\"";
        self
    }
    /// 503: not now.
    pub fn unavailable(why: impl Display) -> Self {
        Self::status(StatusCode::SERVICE_UNAVAILABLE).detail(why).retry_after(1)
    }
    /// 500: our own fault. The operator's log gets the cause, the client does not.
    pub fn internal(cause: impl Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::status(StatusCode::INTERNAL_SERVER_ERROR).detail("the depot could not do this; its log says why")
    }
}

impl From<Unreadable> for Error {
    fn from(Unreadable(errors): Unreadable) -> Self {
        Self::invalid(errors)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let problem = Problem {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: self.detail,
            errors: self.errors,
            more: self.more,
        };
        let mut response = (self.status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(version) = self.version {
            headers.insert(header::ETAG, version.tag());
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge));
        }
        response
    }
}

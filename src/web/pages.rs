//! What is neither API nor operation: the console.

use super::error::Error;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};

/// The console's page or asset of that path.
pub async fn page(method: Method, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") || !matches!(method, Method::GET | Method::HEAD) {
        return Error::not_found(format!("there is no route {method} {}", uri.path())).into_response();
    }
    Error::not_found("this depotd was built without its console").into_response()
}

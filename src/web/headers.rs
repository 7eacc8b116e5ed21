//! Security headers on every answer.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Nothing inline, nothing from elsewhere. The map draws tiles in blob workers.
const CSP: &str = "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self'; \
                   object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// ReDoc fills an empty style element by script and adds a fixed one for its scroll bars; both are named by their hashes.
const CSP_REDOC: &str = "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; connect-src 'self'; \
                         style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' \
                         'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; \
                         object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The tracking page draws its sketch itself and asks nobody but its own address.
const CSP_TRACK: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                         base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FIXED: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// The driver's page tells where the phone is, when its driver wants it to.
const FEATURES_DRIVER: (HeaderName, &str) = (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(self), microphone=()");

/// Adds them.
pub async fn secure(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let driver = path.trim_matches('/') == "driver";
    let policy = match path.trim_matches('/') {
        "redoc" => CSP_REDOC,
        tracked if tracked.starts_with("track/") => CSP_TRACK,
        _ => CSP,
    };
    let api = path.starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED.into_iter().chain(driver.then_some(FEATURES_DRIVER)) {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if api {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

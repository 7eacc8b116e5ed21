//! The browser console and the API's reference pages, embedded by the build.

use super::error::Error;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::fmt::Write as _;

#[derive(RustEmbed)]
#[folder = "$OUT_DIR/web"]
struct Files;

/// Pages with an address of their own.
const PAGES: [(&str, &str); 4] = [("", "index.html"), ("driver", "driver.html"), ("docs", "docs.html"), ("redoc", "redoc.html")];
/// The build puts a content hash into the names below this folder.
const HASHED: &str = "assets/";

/// All pages and assets, as the fallback of a router that knows the API.
pub fn service<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().fallback(page)
}

/// The page or asset of that path. Any other path without a dot, outside `/api`, is the console's own and gets its page.
pub async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if path == "/api" || path.starts_with("/api/") || !matches!(method, Method::GET | Method::HEAD) {
        return super::pages::page(method, uri).await;
    }
    let Some((name, file)) = find(path.trim_matches('/')) else {
        if Files::get("index.html").is_none() {
            return super::pages::page(method, uri).await;
        }
        return Error::not_found(format!("there is no {path}")).into_response();
    };
    answer(&name, file, &headers)
}

/// A page that is filled in before it is sent; it has no address of its own.
pub const FRAME: &str = "track.html";

/// The text of a page that the build made.
pub fn text(name: &str) -> Option<String> {
    String::from_utf8(Files::get(name)?.data.into_owned()).ok()
}

fn find(path: &str) -> Option<(String, EmbeddedFile)> {
    let own = PAGES.iter().find(|(address, _)| *address == path).map_or(path, |(_, file)| file);
    if own.ends_with(".br") || own.ends_with(".gz") || own == FRAME {
        return None;
    }
    let is_file = own.contains('.') || own.starts_with(HASHED);
    let name = if is_file { own } else { "index.html" };
    Some((name.to_owned(), Files::get(name)?))
}

fn answer(name: &str, plain: EmbeddedFile, request: &HeaderMap) -> Response {
    let (coding, file) = encoded(name, request).unwrap_or((None, plain));
    let tag = etag(&file, coding);
    let caching = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = request
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| v.split(',').map(|t| t.trim().trim_start_matches("W/")).any(|t| t == "*" || t == tag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(file.data));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
        response
    };
    let headers = response.headers_mut();
    if let Some(coding) = coding.filter(|_| !known) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// The best precompressed form that the client takes.
fn encoded(name: &str, request: &HeaderMap) -> Option<(Option<&'static str>, EmbeddedFile)> {
    let accepted = request.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let forms = [("br", ".br"), ("gzip", ".gz")];
    let taken = forms.into_iter().filter(|(coding, _)| accepts(accepted, coding));
    taken.into_iter().find_map(|(coding, suffix)| Some((Some(coding), Files::get(&format!("{name}{suffix}"))?)))
}

/// Does an `Accept-Encoding` take `coding`?
pub fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|n| n.eq_ignore_ascii_case(coding));
        let refused = parts.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32)));
        named && !refused
    })
}

fn etag(file: &EmbeddedFile, coding: Option<&str>) -> String {
    let mut tag = String::from("\"");
    for byte in file.metadata.sha256_hash().iter().take(16) {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push_str(coding.map_or("\"", |c| if c == "br" { "-br\"" } else { "-gz\"" }));
    tag
}

fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
        let headers = headers.iter().map(|(n, v)| (n.clone(), v.parse().unwrap())).collect();
        page(Method::GET, path.parse().unwrap(), headers).await
    }

    #[test]
    fn a_coding_with_weight_zero_is_refused() {
        assert!(accepts("gzip, deflate, br", "br") && accepts("GZIP;q=0.5", "gzip"));
        assert!(!accepts("br;q=0, gzip", "br") && !accepts("deflate", "gzip"));
    }

    #[tokio::test]
    async fn the_api_has_no_page() {
        assert_eq!(get("/api/v1/nothing", &[]).await.status(), StatusCode::NOT_FOUND);
        let refused = page(Method::POST, Uri::from_static("/"), HeaderMap::new()).await;
        assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    }

    #[cfg(feature = "console")]
    #[tokio::test]
    async fn pages_are_revalidated_and_unknown_files_are_not_pages() {
        let page = get("/", &[]).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
        let tag = page.headers()[header::ETAG].to_str().unwrap().to_owned();
        let again = get("/", &[(header::IF_NONE_MATCH, &tag)]).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        for own in ["/bookings", "/driver", "/docs", "/redoc"] {
            let answer = get(own, &[]).await;
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8", "{own}");
        }
        for none in ["/nothing.js", "/assets/nothing", "/index.html.br"] {
            assert_eq!(get(none, &[]).await.status(), StatusCode::NOT_FOUND, "{none}");
        }
    }
}

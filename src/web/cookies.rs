//! The console's session cookie, and where a request came from.

use super::error::{Error, Result};
use axum::http::{HeaderMap, HeaderValue, Method, header};

/// The longest a session may live: 7 days.
const MAX_AGE_S: u32 = 7 * 86_400;

/// The cookie's name: the prefix makes browsers insist on HTTPS, so it is for when there is HTTPS.
pub fn name(behind_https: bool) -> &'static str {
    if behind_https { "__Host-depotd" } else { "depotd_session" }
}

/// The session secret that the browser sent.
pub fn read(headers: &HeaderMap, behind_https: bool) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(n, _)| *n == name(behind_https)).map(|(_, value)| value)
}

/// Has the browser keep the secret; an empty one takes the cookie away.
pub fn write(secret: &str, behind_https: bool) -> Result<HeaderValue> {
    let age = if secret.is_empty() { 0 } else { MAX_AGE_S };
    let secure = if behind_https { "; Secure" } else { "" };
    let text = format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={age}{secure}", name(behind_https));
    HeaderValue::from_str(&text).map_err(Error::internal)
}

/// Does the request come from the console's own pages? Browsers say so themselves, in headers that pages cannot forge.
pub fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text("host"),
        (None, None) => false,
    }
}

/// May this come with a cookie? What changes something must come from the console's own pages.
pub fn refuse_forgery(method: &Method, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() || is_own(headers) {
        return Ok(());
    }
    Err(Error::forbidden("a change with the session cookie must come from the console's own pages"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect()
    }

    #[test]
    fn changes_come_from_our_own_pages_only() {
        let host = ("host", "depot:8080");
        for (pairs, own) in [
            (vec![host, ("origin", "http://depot:8080")], true),
            (vec![host, ("origin", "https://depot:8080"), ("sec-fetch-site", "same-origin")], true),
            (vec![host, ("origin", "http://evil")], false),
            (vec![host, ("origin", "null")], false),
            (vec![host, ("origin", "http://depot:8080"), ("sec-fetch-site", "cross-site")], false),
            (vec![host, ("sec-fetch-site", "same-site")], false),
            (vec![host], false),
        ] {
            assert_eq!(refuse_forgery(&Method::POST, &headers(&pairs)).is_ok(), own, "{pairs:?}");
            assert!(refuse_forgery(&Method::GET, &headers(&pairs)).is_ok());
        }
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let sent = headers(&[("cookie", "a=b; depotd_session=s3cret; c=d")]);
        assert_eq!(read(&sent, false), Some("s3cret"));
        assert_eq!(read(&sent, true), None);
        assert!(write("x", true).unwrap().to_str().unwrap().starts_with("__Host-depotd=x; Path=/; HttpOnly; SameSite=Strict"));
    }
}

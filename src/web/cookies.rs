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

/// Where a request comes from, as the browser says, in headers that pages cannot forge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Came {
    /// From the console's own pages.
    Own,
    /// From pages of another scheme, host or port.
    Foreign,
    /// From no page: the client is no browser, or it does not say.
    NoPage,
}

/// Where the request comes from. `Sec-Fetch-Site` comes first: behind a proxy the host that the browser sees may be another.
pub fn came(headers: &HeaderMap, behind_https: bool) -> Came {
    let text = |name: &str| headers.get(name).map(|v| v.to_str().unwrap_or("?"));
    let scheme = if behind_https { "https" } else { "http" };
    let own = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin.split_once("://") == text("host").map(|host| (scheme, host)),
        (None, None) => return Came::NoPage,
    };
    if own { Came::Own } else { Came::Foreign }
}

/// May this come, `by_cookie` or without any credentials? What changes something never comes from foreign pages, and with the
/// session cookie from the console's own only. That holds for signing in too: it would put the browser into a stranger's session.
pub fn refuse_forgery(method: &Method, came: Came, by_cookie: bool) -> Result<()> {
    match came {
        _ if method.is_safe() => Ok(()),
        Came::Own => Ok(()),
        Came::NoPage if !by_cookie => Ok(()),
        Came::NoPage => Err(Error::forbidden("a change with the session cookie must come from the console's own pages")),
        Came::Foreign => Err(Error::forbidden(
            "a change must not come from the pages of another origin; if these are the console's, set http.behind_https as the proxy in \
             front needs it",
        )),
    }
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
        for (pairs, http, https) in [
            (vec![host, ("origin", "http://depot:8080")], Came::Own, Came::Foreign),
            (vec![host, ("origin", "https://depot:8080")], Came::Foreign, Came::Own),
            (vec![host, ("origin", "https://depot:8080"), ("sec-fetch-site", "same-origin")], Came::Own, Came::Own),
            (vec![host, ("origin", "http://evil")], Came::Foreign, Came::Foreign),
            (vec![host, ("origin", "http://depot:80")], Came::Foreign, Came::Foreign),
            (vec![host, ("origin", "null")], Came::Foreign, Came::Foreign),
            (vec![host, ("origin", "http://depot:8080"), ("sec-fetch-site", "cross-site")], Came::Foreign, Came::Foreign),
            (vec![host, ("sec-fetch-site", "same-site")], Came::Foreign, Came::Foreign),
            (vec![host], Came::NoPage, Came::NoPage),
        ] {
            let headers = headers(&pairs);
            assert_eq!((came(&headers, false), came(&headers, true)), (http, https), "{pairs:?}");
        }
        for (came, by_cookie, without) in [(Came::Own, true, true), (Came::NoPage, false, true), (Came::Foreign, false, false)] {
            assert_eq!(refuse_forgery(&Method::POST, came, true).is_ok(), by_cookie, "{came:?}");
            assert_eq!(refuse_forgery(&Method::POST, came, false).is_ok(), without, "{came:?}");
            assert!(refuse_forgery(&Method::GET, came, true).is_ok());
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

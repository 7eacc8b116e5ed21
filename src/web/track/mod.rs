//! What a tracking link shows to whoever has it: a page, or JSON for programs.

mod page;
mod shape;
mod sketch;
mod words;

use super::Web;
use super::assets;
use super::error::{Error, Problem};
use super::server::Peer;
use super::shapes::words::Locale;
use crate::links::{self, Glimpse};
use crate::model::Language;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use flate2::Compression;
use flate2::write::GzEncoder;
use page::Page;
use sha2::{Digest, Sha256};
use shape::TrackShape;
use std::fmt::Write as _;
use std::io::Write as _;

/// What one has who follows a booking by a link.
///
/// A page, or JSON when that is what `Accept` prefers or the address ends in `.json`. It is redacted: no person, no price, no vehicle's
/// name; the vehicle's place is coarse until it is near. A link that is unknown, expired or revoked is answered with 404.
#[utoipa::path(get, path = "/track/{link}", tag = "tracking", security(()),
    params(("link" = String, Path, description = "The link's secret, which `POST /api/v1/bookings/{id}/links` told"),
           ("lang" = inline(Option<Locale>), Query, description = "`en`, `de`, `es`, `fr`, `pt` or `ca`; else the link's, else as `Accept-Language` says")),
    responses((status = 200, content((TrackShape = "application/json"), (String = "text/html"))), (status = 304),
              (status = 404, body = Problem), (status = 429, body = Problem)))]
pub async fn track(
    State(web): State<Web>,
    Extension(Peer(peer)): Extension<Peer>,
    link: std::result::Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    // What is no text is no link either.
    let link = link.map(|Path(link)| link).unwrap_or_default();
    let (secret, as_file) = link.strip_suffix(".json").map_or((link.as_str(), false), |secret| (secret, true));
    let request = Asked { json: as_file || prefers_json(&headers), chosen: chosen_language(&uri), headers: &headers };
    let seen = web.links.look(secret, peer.ip().into()).await;
    let mut response = match seen {
        Ok(seen) => request.answer(&web, &seen),
        Err(error) => request.refusal(error),
    };
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "accept, accept-encoding, accept-language"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// How the answer is wanted.
struct Asked<'a> {
    json: bool,
    chosen: Option<Language>,
    headers: &'a HeaderMap,
}

impl Asked<'_> {
    fn language(&self, of_link: Option<Language>) -> Language {
        let accepted = || self.headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().and_then(Language::accepted);
        self.chosen.or(of_link).or_else(accepted).unwrap_or_default()
    }

    fn answer(&self, web: &Web, seen: &Glimpse) -> Response {
        let depot = &web.config.depot;
        let words = words::of(self.language(seen.language));
        if self.json {
            return Json(TrackShape::new(seen, words, depot)).into_response();
        }
        let page = Page::of(seen, words, depot);
        let tag = tag_of(&page);
        if self.headers.get(header::IF_NONE_MATCH).is_some_and(|known| *known == tag) {
            return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
        }
        let mut response = self.html(StatusCode::OK, &page);
        response.headers_mut().insert(header::ETAG, tag);
        response
    }

    fn refusal(&self, error: links::Error) -> Response {
        let language = self.language(None);
        let (status, said, wait) = match error {
            links::Error::Dead => (StatusCode::NOT_FOUND, words::of(language).dead, None),
            links::Error::TooMany { retry_after_s } => (StatusCode::TOO_MANY_REQUESTS, words::of(language).too_many, Some(retry_after_s)),
            error => return Error::from(error).into_response(),
        };
        if self.json {
            return Error::from(error).into_response();
        }
        let mut response = self.html(status, &Page::of_refusal(said, language));
        if let Some(seconds) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn html(&self, status: StatusCode, page: &Page) -> Response {
        let html = page.html(assets::text(assets::FRAME).as_deref());
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        let accepted = self.headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
        match zipped(&html).filter(|_| assets::accepts(accepted, "gzip")) {
            Some(zipped) => (status, [kind, (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))], zipped).into_response(),
            None => (status, [kind], html).into_response(),
        }
    }
}

fn zipped(text: &str) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).ok()?;
    encoder.finish().ok()
}

/// The tag of what the page shows; the time at which it was made does not count.
fn tag_of(page: &Page) -> HeaderValue {
    let mut hash = Sha256::new();
    page.essence().for_each(|part| hash.update(part));
    let mut tag = String::from("W/\"");
    for byte in hash.finalize().iter().take(12) {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    HeaderValue::try_from(tag).unwrap_or_else(|_| unreachable!("digits in quotes are a header value"))
}

fn prefers_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

fn chosen_language(uri: &Uri) -> Option<Language> {
    crate::fields::form_pairs(uri.query()?).find(|(name, _)| name == "lang").and_then(|(_, tag)| Language::parse(&tag))
}

/// Where people find the link of that secret: below `http.public_url`, else at the address that was called.
pub fn address(web: &Web, secret: &str, headers: &HeaderMap) -> String {
    let http = &web.config.http;
    let path = format!("/track/{secret}");
    if !http.public_url.is_empty() {
        return http.public_url.clone() + &path;
    }
    let host = headers.get(header::HOST).and_then(|v| v.to_str().ok()).filter(|host| host.parse::<axum::http::uri::Authority>().is_ok());
    let scheme = if http.behind_https { "https" } else { "http" };
    host.map(|host| format!("{scheme}://{host}{path}")).unwrap_or(path)
}

//! Gateways: HTTP requests after a template, by which SMS and chat services are told what to say.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// Its name: rules and metrics bear it.
    pub name: String,
    /// Where requests go; `{to}`, `{subject}`, `{text}` and `{id}` are put in percent-encoded.
    pub url: String,
    /// `POST`, `PUT` or `GET`.
    #[serde(default = "post")]
    pub method: String,
    /// A file with header lines like `Authorization: Bearer …`.
    #[serde(default)]
    pub headers_file: Option<PathBuf>,
    /// The media type of the body: by it is decided how what is put in is escaped.
    #[serde(default = "json")]
    pub content_type: String,
    /// The body, with `{to}`, `{subject}`, `{text}` and `{id}`.
    #[serde(default)]
    pub body: String,
}

fn post() -> String {
    "POST".to_owned()
}
fn json() -> String {
    "application/json".to_owned()
}

impl Gateway {
    pub(super) fn check(&self, of: &mut impl FnMut(bool, &str)) {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        of(
            !self.name.is_empty() && self.name.len() <= 64 && self.name.bytes().all(plain),
            "the name must be letters, digits, - and _, 64 at most",
        );
        of(self.url.starts_with("https://") || self.url.starts_with("http://"), "the url must begin with https:// or http://");
        of(["POST", "PUT", "GET"].contains(&self.method.as_str()), "the method must be POST, PUT or GET");
        of(
            ["json", "x-www-form-urlencoded", "text/plain"].iter().any(|known| self.content_type.contains(known)),
            "the content_type must be application/json, application/x-www-form-urlencoded or text/plain",
        );
        of(self.body.contains("{text}") || self.url.contains("{text}"), "neither url nor body say where the {text} goes");
    }
}

//! Gateways: SMS and chat services that are told by an HTTP request after a template of the settings.

use super::http::Http;
use super::retry::Outcome;
use crate::config::Gateway;
use crate::model::Delivery;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};

/// What is said through a gateway, or in a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// What it is about.
    pub subject: String,
    /// What is said.
    pub text: String,
}

/// Says it. What a service does not understand no repeat will change.
pub async fn send(http: &Http, gateway: &Gateway, delivery: &Delivery, body: &str) -> Outcome {
    let note: Note = match serde_json::from_str(body) {
        Ok(note) => note,
        Err(e) => return Outcome::Refused { status: None, why: format!("this is no note: {e}") },
    };
    let id = delivery.id.to_string();
    let value = |name: &str| match name {
        "to" => Some(delivery.recipient.as_str()),
        "subject" => Some(note.subject.as_str()),
        "text" => Some(note.text.as_str()),
        "id" => Some(id.as_str()),
        _ => None,
    };
    let headers = match headers(gateway) {
        Ok(headers) => headers,
        Err(why) => return Outcome::failed(why),
    };
    let method = Method::from_bytes(gateway.method.as_bytes()).unwrap_or(Method::POST);
    let request = match http.request(method.clone(), &filled(&gateway.url, value, in_url)) {
        Ok(request) => request,
        Err(why) => return Outcome::failed(why),
    };
    let request = request.headers(headers).header("idempotency-key", &id);
    let request = match method {
        Method::GET => request,
        _ => request.header(header::CONTENT_TYPE, &gateway.content_type).body(filled(&gateway.body, value, escape(&gateway.content_type))),
    };
    let is_final =
        |status| matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::UNPROCESSABLE_ENTITY);
    http.send(request, is_final).await
}

/// The template with its four names filled in; other braces stay, and what is put in is not looked at again.
fn filled<'a>(template: &str, value: impl Fn(&str) -> Option<&'a str>, escape: fn(&str) -> String) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let named = rest[at + 1..].split_once('}').and_then(|(name, behind)| Some((value(name)?, behind)));
        match named {
            Some((value, behind)) => {
                out.push_str(&escape(value));
                rest = behind;
            }
            None => {
                out.push('{');
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn escape(content_type: &str) -> fn(&str) -> String {
    match content_type {
        form if form.contains("x-www-form-urlencoded") => in_url,
        json if json.contains("json") => in_json,
        _ => str::to_owned,
    }
}

fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Percent-encoded but for the unreserved characters (RFC 3986, 2.3).
fn in_url(text: &str) -> String {
    let byte = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

fn headers(gateway: &Gateway) -> Result<HeaderMap, String> {
    let Some(file) = &gateway.headers_file else { return Ok(HeaderMap::new()) };
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut headers = HeaderMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        // The line may hold a secret, so it is not told.
        let wrong = || format!("{}: line {} is no header like `Name: value`", file.display(), at + 1);
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fill(template: &str, text: &str, content_type: &str) -> String {
        filled(template, |name| if name == "text" { Some(text) } else { None }, escape(content_type))
    }

    #[test]
    fn what_is_put_in_cannot_break_out() {
        assert_eq!(
            fill(r#"{"a":{"b":"{text}"},"c":"{other}"}"#, "x\"}\n{text}", "application/json"),
            r#"{"a":{"b":"x\"}\n{text}"},"c":"{other}"}"#
        );
        assert_eq!(fill("to=1&text={text}", "a&b=é", "application/x-www-form-urlencoded"), "to=1&text=a%26b%3D%C3%A9");
        assert_eq!(fill("say {text}", "a&b", "text/plain"), "say a&b");
    }

    proptest! {
        #[test]
        fn json_stays_json(text in "\\PC{0,30}|[\"\\\\{}\n\t]{0,8}") {
            let body: serde_json::Value = serde_json::from_str(&fill(r#"{"said":"{text}"}"#, &text, "application/json")).unwrap();
            prop_assert_eq!(body["said"].as_str(), Some(text.as_str()));
        }
    }
}

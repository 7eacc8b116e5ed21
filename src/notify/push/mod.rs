//! Browsers that are told though their page is closed, by way of their push services (RFC 8030).
//!
//! A [`Word`] lies in the queue like all that is to be said; its endpoint is the push service, which fails and is left alone as a whole,
//! and its recipient one browser. Each attempt is encrypted for that browser (`aes128gcm`) and signed as this depot's (`vapid`). It
//! lives as long as what it says is of use, and takes the place of what its topic said before, should that not have been shown yet.

mod aes128gcm;
mod browsers;
mod drivers;
mod vapid;

pub use browsers::{Wish, endpoint, forget, named, recipients};
pub use vapid::Vapid;

use super::Inner;
use super::retry::Outcome;
use super::said::Said;
use crate::model::{BookingId, Delivery, DeliveryId, Event, MailAddress, Rule, Span, Timestamp, Who};
use crate::store;
use crate::store::deliveries::Message;
use crate::store::subscriptions::Subscription;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, RequestBuilder, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

/// The driver's page.
const PAGE: &str = "/driver";
/// What has no end of its own is of use for so long.
const LIFE: Span = Span::from_secs(24 * 3_600);
/// Characters of a title and of a text that are shown: even if each of them has to be escaped, the whole fits into a body.
const TITLE: usize = 100;
const TEXT: usize = 500;
/// Bytes of a topic's hash: in base64url the 32 characters that a topic may have.
const TOPIC: usize = 24;

/// What a browser is to show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Word {
    title: String,
    text: String,
    /// The page that it leads to.
    url: String,
    /// From then on it is of no use.
    until: Timestamp,
    /// Is a phone to be woken for it?
    urgent: bool,
    /// Takes the place of what was said under the same topic.
    topic: Option<String>,
}

impl Word {
    /// What a rule says of an event, from `at` on.
    pub(super) fn of_rule(rule: &Rule, event: &Event, said: &Said, at: Timestamp) -> Self {
        let url = match (rule.body.who, event.booking) {
            (Who::Driver, _) => PAGE.to_owned(),
            (_, Some(booking)) => format!("/bookings/{booking}"),
            (_, None) => "/".to_owned(),
        };
        Self {
            title: said.subject.clone(),
            text: said.text.clone(),
            url,
            until: at + LIFE,
            urgent: rule.body.who == Who::Driver,
            topic: event.booking.map(|booking| topic(&rule.id, booking)),
        }
    }

    pub(super) fn message(&self) -> store::Result<Message> {
        let body = serde_json::to_string(self).map_err(|e| store::Error::Corrupt(format!("a push message has no JSON: {e}")))?;
        Ok(Message { subject: self.title.clone(), body })
    }

    /// What the service worker reads.
    fn payload(&self, depot: &str, id: DeliveryId) -> Vec<u8> {
        let title = if self.title.is_empty() { depot } else { &self.title };
        let tag = self.topic.clone().unwrap_or_else(|| id.to_string());
        json!({"title": cut(title, TITLE), "text": cut(&self.text, TEXT), "tag": tag, "url": self.url}).to_string().into_bytes()
    }
}

/// Names a matter to push services without telling them what it is.
fn topic(by: &str, booking: BookingId) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(format!("{by}/{booking}"))[..TOPIC])
}

fn cut(text: &str, most: usize) -> String {
    let mut shown: String = text.chars().take(most).collect();
    if shown.len() < text.len() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Where the depot's people are reached: as the settings say, else where its mail is from, else its own address.
pub fn contact(config: &crate::config::Config) -> Option<String> {
    let mail = config.mail.from.parse::<MailAddress>().ok().map(|address| format!("mailto:{address}"));
    let page = Some(config.http.public_url.clone()).filter(|url| url.starts_with("https://"));
    Some(config.notify.push_contact.clone()).filter(|contact| !contact.is_empty()).or(mail).or(page)
}

/// Hands it to the browser's push service. What that does not understand, or has no browser for, no repeat will change.
pub(super) async fn send(inner: &Inner, delivery: &Delivery, body: &str) -> Outcome {
    let refused = |why: &str| Outcome::Refused { status: None, why: why.to_owned() };
    let Ok(word) = serde_json::from_str::<Word>(body) else { return refused("this is no push message") };
    let now = inner.clock.now();
    if now >= word.until {
        return refused("it could not be said while it was of use");
    }
    let recipient = delivery.recipient.clone();
    let browser = match inner.db.read(move |c| named(c, &recipient)).await {
        Ok(Some(browser)) => browser,
        Ok(None) => return refused("the browser is not subscribed any more"),
        Err(error) => return Outcome::failed(error.to_string()),
    };
    match request(inner, &word, &browser, delivery, now) {
        Ok(request) => inner.http.send(request, is_final).await,
        Err(outcome) => outcome,
    }
}

/// Does the push service know no such browser any more (RFC 8030, 7.3)?
pub fn is_gone(status: Option<u16>) -> bool {
    matches!(status, Some(404 | 410))
}

fn is_final(status: StatusCode) -> bool {
    is_gone(Some(status.as_u16())) || matches!(status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE)
}

fn request(inner: &Inner, word: &Word, browser: &Subscription, delivery: &Delivery, now: Timestamp) -> Result<RequestBuilder, Outcome> {
    let failed = |e: std::io::Error| Outcome::failed(e.to_string());
    if browser.depot_key != inner.vapid.public().map_err(failed)? {
        let why = "it was subscribed with another key of this depot: it subscribes again when its page is opened".to_owned();
        return Err(Outcome::Refused { status: None, why });
    }
    let url = inner.http.reach().look(&browser.endpoint).map_err(|why| Outcome::failed(format!("the address {why}")))?;
    let wrong = |what: &str| Outcome::Refused { status: None, why: format!("it cannot be encrypted: {what}") };
    let keys = aes128gcm::Keys::parse(&browser.p256dh, &browser.auth).map_err(|(_, why)| wrong(why))?;
    let body = aes128gcm::encrypt(&word.payload(&inner.depot, delivery.id), &keys).map_err(|_| wrong("it is too long"))?;
    let request = inner.http.request(Method::POST, url.as_str()).map_err(Outcome::failed)?;
    let request = request
        .header(header::AUTHORIZATION, inner.vapid.authorization(&url.origin().ascii_serialization(), now).map_err(failed)?)
        .header(header::CONTENT_ENCODING, "aes128gcm")
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header("ttl", (word.until.since(now).as_millis() + 999) / 1_000)
        .header("urgency", if word.urgent { "high" } else { "normal" })
        .body(body);
    Ok(match &word.topic {
        Some(topic) => request.header("topic", topic),
        None => request,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use proptest::prelude::*;

    fn word(title: &str, text: &str) -> Word {
        let booking = BookingId::generate(Timestamp::from_secs(1), [7; 10]);
        let (url, topic) = (format!("/bookings/{booking}"), Some(topic("k3j9", booking)));
        Word { title: title.to_owned(), text: text.to_owned(), url, until: Timestamp::from_secs(2), urgent: false, topic }
    }

    #[test]
    fn the_depots_people_are_reached_where_the_settings_say() {
        let mut config = Config::default();
        assert_eq!(contact(&config), None);
        config.http.public_url = "http://depot.example.com".into();
        assert_eq!(contact(&config), None);
        config.http.public_url = "https://depot.example.com".into();
        assert_eq!(contact(&config).as_deref(), Some("https://depot.example.com"));
        config.mail.from = "depot@example.com".into();
        assert_eq!(contact(&config).as_deref(), Some("mailto:depot@example.com"));
        config.notify.push_contact = "https://example.com/contact".into();
        assert_eq!(contact(&config).as_deref(), Some("https://example.com/contact"));
    }

    #[test]
    fn a_rules_topic_is_its_own_and_says_nothing() {
        let booking = BookingId::generate(Timestamp::from_secs(1), [7; 10]);
        assert_eq!(topic("a", booking).len(), 32);
        assert_ne!(topic("a", booking), topic("b", booking));
    }

    proptest! {
        #[test]
        fn whatever_is_said_fits_into_a_body(title in any::<String>(), text in "[\\x00-\\x1f\u{1F69A}\"\\\\a]{0,700}") {
            let payload = word(&title, &text).payload("North", DeliveryId::generate(Timestamp::from_secs(1), [7; 10]));
            prop_assert!(payload.len() <= aes128gcm::MOST, "{} bytes", payload.len());
            let read: serde_json::Value = serde_json::from_slice(&payload).unwrap();
            let shown = read["text"].as_str().unwrap();
            prop_assert!(shown == text || shown.ends_with('…') && text.starts_with(shown.trim_end_matches('…')));
            prop_assert_eq!(read["title"] == "North", title.is_empty() || title == "North");
        }
    }
}

//! Webhooks as the Standard Webhooks specification (1.0.0, standardwebhooks.com) has them: an id, a time and a signature over both
//! and the body.

use super::http::Http;
use super::retry::Outcome;
use super::seal::{Seal, random};
use crate::model::{Delivery, Timestamp};
use crate::store::webhooks::Target;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode, header};
use ring::hmac;
use std::io;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Random bytes of a secret; the specification asks for 24 to 64.
const BYTES: usize = 32;

/// A new secret: its bytes, and how it is shown.
pub fn new_secret() -> io::Result<(Vec<u8>, String)> {
    let mut bytes = vec![0; BYTES];
    random(&mut bytes)?;
    let shown = format!("{PREFIX}{}", STANDARD.encode(&bytes));
    Ok((bytes, shown))
}

/// The signature over an attempt.
pub fn signature(secret: &[u8], id: &str, at_s: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{id}.{at_s}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// Tells a webhook; every secret that holds at `now` signs.
pub async fn send(http: &Http, seal: &Seal, target: &Target, delivery: &Delivery, body: String, now: Timestamp) -> Outcome {
    let (id, at_s) = (delivery.id.to_string(), now.as_millis() / 1_000);
    let old = target.old.iter().filter(|(_, until)| now < *until).map(|(sealed, _)| sealed);
    let mut signatures = Vec::new();
    for sealed in std::iter::once(&target.secret).chain(old) {
        match seal.open(sealed) {
            Ok(secret) => signatures.push(signature(&secret, &id, at_s, &body)),
            Err(error) => return Outcome::failed(format!("it cannot be signed: {error}")),
        }
    }
    let request = match http.request(Method::POST, &target.url) {
        Ok(request) => request,
        Err(why) => return Outcome::failed(why),
    };
    let request = request
        .header("webhook-id", id)
        .header("webhook-timestamp", at_s)
        .header("webhook-signature", signatures.join(" "))
        .header(header::CONTENT_TYPE, "application/json")
        .body(body);
    http.send(request, |status| status == StatusCode::GONE).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_example_has_its_signature() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_is_as_long_as_is_asked_for() {
        let (bytes, shown) = new_secret().unwrap();
        assert!((24..=64).contains(&bytes.len()) && bytes != new_secret().unwrap().0);
        assert_eq!(STANDARD.decode(shown.strip_prefix("whsec_").unwrap()).unwrap(), bytes);
    }
}

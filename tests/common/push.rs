//! Browsers of a test, and what their push service got for them.

use super::hook::{Call, hmac};
use super::http::{Answer, Api};
use super::{Depot, PASSWORD};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use reqwest::Method;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

pub const SUBSCRIPTIONS: &str = "/api/v1/push/subscriptions";

/// A browser with its keys; `name` is what its push service knows it by.
pub struct Browser {
    name: String,
    secret: SecretKey,
    auth: [u8; 16],
}

impl Browser {
    pub fn new(name: &str) -> Self {
        let (mut scalar, mut auth) = ([0; 32], [0; 16]);
        getrandom::fill(&mut scalar).unwrap();
        getrandom::fill(&mut auth).unwrap();
        // Below the order of the curve.
        scalar[0] &= 0x7f;
        Self { name: name.to_owned(), secret: SecretKey::from_slice(&scalar).unwrap(), auth }
    }

    fn public(&self) -> Vec<u8> {
        self.secret.public_key().to_sec1_point(false).as_bytes().to_vec()
    }

    /// What `PushSubscription.toJSON()` says, with the push service at `origin`.
    pub fn subscription(&self, origin: &str) -> Value {
        let keys = json!({"p256dh": URL_SAFE_NO_PAD.encode(self.public()), "auth": URL_SAFE_NO_PAD.encode(self.auth)});
        json!({"endpoint": format!("{origin}/send/{}", self.name), "keys": keys})
    }

    /// Is it for this browser?
    pub fn got(&self, call: &Call) -> bool {
        call.path == format!("/send/{}", self.name)
    }

    /// What it says: RFC 8291 from the other side, over RFC 8188 and RFC 5869.
    pub fn read(&self, call: &Call) -> Value {
        assert_eq!(call.headers["content-encoding"], "aes128gcm");
        let body = &call.bytes;
        assert!(body.len() <= 4_096, "{} bytes", body.len());
        let (salt, size, length) = (&body[..16], u32::from_be_bytes(body[16..20].try_into().unwrap()), usize::from(body[20]));
        let (sender, record) = body[21..].split_at(length);
        assert!(record.len() <= usize::try_from(size).unwrap());
        let shared = self.secret.diffie_hellman(&PublicKey::from_sec1_bytes(sender).unwrap());
        let derive = |salt: &[u8], secret: &[u8], info: &[u8]| hmac(&hmac(salt, secret), &[info, &[1]].concat());
        let info = [b"WebPush: info\0", self.public().as_slice(), sender].concat();
        let secret = derive(&self.auth, shared.raw_secret_bytes(), &info);
        let key = &derive(salt, &secret, b"Content-Encoding: aes128gcm\0")[..16];
        let nonce = Nonce::try_assume_unique_for_key(&derive(salt, &secret, b"Content-Encoding: nonce\0")[..12]).unwrap();
        let mut record = record.to_vec();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
        let plain = key.open_in_place(nonce, Aad::empty(), &mut record).expect("it is sealed for this browser");
        serde_json::from_slice(plain.strip_suffix(&[2]).expect("it is the last record")).unwrap()
    }
}

/// The claims that the sender signed with `key` (RFC 8292).
pub fn claims(call: &Call, key: &str) -> Value {
    let said = call.headers["authorization"].to_str().unwrap();
    let (token, public) = said.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    assert_eq!(public, key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(public));
    key.verify(signed.as_bytes(), &bytes(signature)).expect("it is signed");
    let (head, claims) = signed.split_once('.').unwrap();
    let head: Value = serde_json::from_slice(&bytes(head)).unwrap();
    assert_eq!(head, json!({"typ": "JWT", "alg": "ES256"}));
    serde_json::from_slice(&bytes(claims)).unwrap()
}

/// Somebody who is signed in at a page.
pub struct Person {
    api: Api,
    cookie: String,
}

impl Person {
    /// A new user.
    pub async fn new(depot: &Depot, name: &str, role: &str) -> Self {
        depot.new_user(name, role).await;
        Self::sign_in(depot, name).await
    }
    /// The same user at another browser.
    pub async fn sign_in(depot: &Depot, name: &str) -> Self {
        let api = depot.http_as("");
        let cookie = api.sign_in(name, PASSWORD).await.cookie();
        Self { api, cookie }
    }
    /// A new driver, on duty with `vehicle`.
    pub async fn on_duty(depot: &Depot, name: &str, vehicle: &str) -> Self {
        let this = Self::new(depot, name, "driver").await;
        let driver = depot.http().post("/api/v1/drivers", json!({"name": name, "user": name})).await.ok();
        let path = format!("/api/v1/drivers/{}/duty", driver["id"].as_str().unwrap());
        this.call(Method::POST, &path, json!({"on_duty": true, "vehicle_id": vehicle})).await.ok();
        this
    }
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.api.request(method, path).header("cookie", &self.cookie);
        Answer::of(request.header("sec-fetch-site", "same-origin").json(&body)).await
    }
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.api.request(Method::GET, path).header("cookie", &self.cookie)).await
    }
    pub async fn subscribe(&self, subscription: Value) -> Answer {
        self.call(Method::PUT, SUBSCRIPTIONS, subscription).await
    }
    pub async fn push_key(&self) -> String {
        self.get("/api/v1/push/key").await.ok()["key"].as_str().unwrap().to_owned()
    }
}

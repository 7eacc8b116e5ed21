//! Browsers that are told though their page is closed, over HTTP.

use crate::notify::PushWish;
use crate::web::Web;
use crate::web::cookies;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Body, Caller};
use crate::web::fields::{Fields, Read};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// What browsers subscribe with.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushKey)]
pub struct KeyShape {
    /// The depot's public key (P-256, uncompressed) in base64url: the `applicationServerKey` of `PushManager.subscribe`.
    key: String,
}

/// A browser's keys.
#[derive(Debug, ToSchema)]
#[schema(as = PushKeys)]
pub struct KeysInput {
    /// Its public key (P-256, uncompressed) in base64url.
    p256dh: String,
    /// Its authentication secret in base64url.
    auth: String,
}
impl Read for KeysInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let p256dh = f.text("p256dh", 100);
        let p256dh = f.required("p256dh", p256dh);
        let auth = f.text("auth", 40);
        let auth = f.required("auth", auth);
        Some(Self { p256dh: p256dh?, auth: auth? })
    }
}

/// A browser's subscription, as `PushSubscription.toJSON()` has it, without `expirationTime`.
#[derive(Debug, ToSchema)]
#[schema(as = PushSubscription)]
pub struct SubscriptionInput {
    /// Where its push service takes messages: `https://…`.
    #[schema(max_length = 1000)]
    endpoint: String,
    /// Its keys.
    #[schema(value_type = KeysInput)]
    keys: KeysInput,
}
impl Read for SubscriptionInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let endpoint = f.text("endpoint", 1_000);
        let endpoint = f.required("endpoint", endpoint);
        let keys = f.object("keys");
        let keys = f.required("keys", keys);
        Some(Self { endpoint: endpoint?, keys: keys? })
    }
}

/// The depot's public key, which browsers subscribe with (RFC 8292).
#[utoipa::path(get, path = "/api/v1/push/key", tag = "notifications", responses((status = 200, body = KeyShape), (status = 403, body = Problem)))]
pub async fn key(State(web): State<Web>) -> Result<Json<KeyShape>> {
    Ok(Json(KeyShape { key: web.post.push_key()? }))
}

/// Tell this browser though its page is closed, for as long as one is signed in there.
///
/// It is the one subscription of the session; a user has ten at most, and the oldest goes. Drivers are told of offers, of changes to their
/// jobs and of reminders; everybody of what rules with the channel `push` say. A page sends it each time that it is opened.
#[utoipa::path(put, path = "/api/v1/push/subscriptions", tag = "notifications", request_body = SubscriptionInput,
    responses((status = 204), (status = 403, body = Problem), (status = 422, body = Problem)))]
pub async fn subscribe(
    State(web): State<Web>,
    Caller(who): Caller,
    headers: HeaderMap,
    Body(input): Body<SubscriptionInput>,
) -> Result<StatusCode> {
    let SubscriptionInput { endpoint, keys: KeysInput { p256dh, auth } } = input;
    web.post.subscribe(&who.name, session(&web, &headers)?, PushWish { endpoint, p256dh, auth }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tell this browser nothing more. Signing out does that too.
#[utoipa::path(delete, path = "/api/v1/push/subscriptions", tag = "notifications", responses((status = 204), (status = 403, body = Problem)))]
pub async fn unsubscribe(State(web): State<Web>, headers: HeaderMap) -> Result<StatusCode> {
    web.post.unsubscribe(session(&web, &headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn session<'a>(web: &Web, headers: &'a HeaderMap) -> Result<&'a str> {
    cookies::read(headers, web.config.http.behind_https).ok_or_else(|| Error::unauthenticated("sign in first"))
}

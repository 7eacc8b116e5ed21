//! Webhooks over HTTP.

use super::deliveries::{DeliveryParams, DeliveryShape, page};
use crate::model::{Timestamp, Webhook, WebhookState};
use crate::notify::WebhookWish;
use crate::web::Web;
use crate::web::error::{Problem, Result};
use crate::web::extract::{Body, Caller, Id, Params};
use crate::web::fields::{Fields, Read};
use crate::web::if_match::MaybeIfMatch;
use crate::web::shapes::List;
use crate::web::shapes::needs::needs;
use crate::web::shapes::words;
use crate::web::version::{Version, Versioned};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A program that is told what happens, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub struct WebhookShape {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// Where it listens.
    url: String,
    /// What it wants to hear of: events like `booking.placed`, or all of a noun like `booking.*`. Empty: everything.
    events: Vec<String>,
    /// `on`, `paused` by somebody, or `disabled` because it failed for days or answered 410. While it is not on, what waits for it goes
    /// on waiting, and what happens it is not told.
    #[schema(value_type = words::WebhookState)]
    state: WebhookState,
    /// Why it is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Since when no attempt was well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Counts its changes; goes with `If-Match`.
    version: u32,
}
impl From<Webhook> for WebhookShape {
    fn from(w: Webhook) -> Self {
        let Webhook { id, name, url, events, state, reason, failing_since, created_at, version, .. } = w;
        Self { id, name, url, events, state, reason, failing_since, created_at, version }
    }
}

fn versioned(hook: Webhook) -> Versioned<WebhookShape> {
    Versioned(Version(hook.version), hook.into())
}

/// A webhook with its secret, which is in this answer only.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookSecret)]
pub struct SecretShape {
    /// The webhook.
    #[serde(flatten)]
    webhook: WebhookShape,
    /// `whsec_` and the key of its signatures in base64.
    secret: String,
    /// Until when the secret before signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    old_secret_until: Option<Timestamp>,
}

/// A webhook to be made, or what is to be different: what is absent stays, or is as usual.
#[derive(Debug, ToSchema)]
#[schema(as = WebhookRequest)]
pub struct WebhookInput {
    /// What people call it; its URL's host when absent.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// `https://…`; needed to make one. Addresses inside have to be allowed under `[notify]` in the settings.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// Events like `booking.placed`, or all of a noun like `booking.*`. Empty, as usual: everything.
    #[schema(max_items = 64)]
    events: Option<Vec<String>>,
    /// `false`: paused. `true` also ends that it is disabled.
    enabled: Option<bool>,
}
needs! {
    /// A webhook to be made.
    NewWebhookRequest = WebhookInput, ["url"]
}
impl Read for WebhookInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let (name, url, events, enabled) = (f.line("name", 100), f.line("url", 2_000), f.texts("events", 64), f.flag("enabled"));
        Some(Self { name: name?, url: url?, events: events?, enabled: enabled? })
    }
}

/// A webhook as it is made.
#[derive(Debug)]
pub struct NewWebhook(WebhookInput, String);
impl Read for NewWebhook {
    fn read(f: &mut Fields) -> Option<Self> {
        let input = WebhookInput::read(f)?;
        let url = f.required("url", Some(input.url.clone()))?;
        Some(Self(input, url))
    }
}

impl WebhookInput {
    fn over(self, was: &Webhook) -> WebhookWish {
        WebhookWish {
            name: self.name.unwrap_or_else(|| was.name.clone()),
            url: self.url.unwrap_or_else(|| was.url.clone()),
            events: self.events.unwrap_or_else(|| was.events.clone()),
            enabled: self.enabled.unwrap_or(was.state == WebhookState::On),
        }
    }
}

/// Every webhook, by name.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "notifications", responses((status = 200, body = List<WebhookShape>)))]
pub async fn list(State(web): State<Web>) -> Result<Json<List<WebhookShape>>> {
    let items = web.post.webhooks().await?.into_iter().map(Into::into).collect();
    Ok(Json(List { items, next: None }))
}

/// Add a webhook, which is told what happens from now on; its secret is in this answer only.
///
/// Requests are signed as the Standard Webhooks specification says: `webhook-id`, `webhook-timestamp`, `webhook-signature`. Any 2xx
/// means that it was taken; everything else is tried again, 410 disables the webhook.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "notifications", request_body = NewWebhookRequest,
    responses((status = 201, body = SecretShape), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Body(NewWebhook(input, url)): Body<NewWebhook>,
) -> Result<(StatusCode, Json<SecretShape>)> {
    let host = url.split("://").last().and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default().to_owned();
    let wish = WebhookWish {
        name: input.name.unwrap_or(host),
        url,
        events: input.events.unwrap_or_default(),
        enabled: input.enabled.unwrap_or(true),
    };
    let (made, secret) = web.post.add_webhook(wish, who.actor()).await?;
    Ok((StatusCode::CREATED, Json(SecretShape { webhook: made.into(), secret, old_secret_until: None })))
}

/// One webhook.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = WebhookShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<String>) -> Result<Versioned<WebhookShape>> {
    Ok(versioned(web.post.webhook(&id).await?))
}

/// Change, pause or resume a webhook.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "notifications", request_body = WebhookInput,
    params(("id" = String, Path), MaybeIfMatch),
    responses((status = 200, body = WebhookShape), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<String>,
    MaybeIfMatch(version): MaybeIfMatch,
    Body(input): Body<WebhookInput>,
) -> Result<Versioned<WebhookShape>> {
    Ok(versioned(web.post.change_webhook(&id, move |was| input.over(was), version, who.actor()).await?))
}

/// Take a webhook away; what waits for it becomes dead letters.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "notifications", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<StatusCode> {
    web.post.remove_webhook(&id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a webhook another secret, which is in this answer only; the one before signs too for `notify.rotate_h`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/rotate", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = SecretShape), (status = 404, body = Problem)))]
pub async fn rotate(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<Json<SecretShape>> {
    let (webhook, secret, until) = web.post.rotate_webhook(&id, who.actor()).await?;
    Ok(Json(SecretShape { webhook: webhook.into(), secret, old_secret_until: Some(until) }))
}

/// Send a webhook something of type `webhook.test`; what came of it is in its deliveries.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "notifications", params(("id" = String, Path)),
    responses((status = 202, body = DeliveryShape), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn test(State(web): State<Web>, Id(id): Id<String>) -> Result<(StatusCode, Json<DeliveryShape>)> {
    Ok((StatusCode::ACCEPTED, Json(web.post.try_webhook(&id).await?.into())))
}

/// What a webhook was told, or is to be told, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "notifications", params(("id" = String, Path), DeliveryParams),
    responses((status = 200, body = List<DeliveryShape>), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn deliveries(
    State(web): State<Web>,
    Id(id): Id<String>,
    Params(params): Params<DeliveryParams>,
) -> Result<Json<List<DeliveryShape>>> {
    let endpoint = web.post.webhook(&id).await?.endpoint();
    page(&web, params, Some(endpoint)).await
}

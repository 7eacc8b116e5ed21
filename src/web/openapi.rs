//! The API's description, made from the handlers, and finished where what they say is not enough.

mod finish;

pub use finish::finish;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use serde_json::Value;
use std::sync::Arc;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "depotd", description = "A depot's fleet: bookings, vehicles, positions.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
    servers((url = "/", description = "This depot")),
    modifiers(&Security),
)]
struct Frame;

struct Security;

impl Modify for Security {
    fn modify(&self, doc: &mut OpenApi) {
        let schemes = &mut doc.components.get_or_insert_default().security_schemes;
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("dpt_…").build();
        schemes.insert("token".into(), SecurityScheme::Http(token));
        let cookie = ApiKey::Cookie(ApiKeyValue::new("depotd_session"));
        schemes.insert("session".into(), SecurityScheme::ApiKey(cookie));
        schemes.insert("device".into(), SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Basic).build()));
        doc.security = Some(["token", "session"].map(|s| SecurityRequirement::new(s, Vec::<String>::new())).into());
    }
}

/// The document without its routes.
pub fn frame() -> OpenApi {
    Frame::openapi()
}

/// The document as it is served.
#[derive(Clone, Debug)]
pub struct Document(pub Arc<Value>);

/// This description, OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "operation", security(()), responses((status = 200, body = Object)))]
pub async fn openapi(State(Document(document)): State<Document>) -> Json<Value> {
    Json(Value::clone(&document))
}

/// The description of what is said over MQTT and Socket.IO, AsyncAPI 3.0.
#[utoipa::path(get, path = "/asyncapi.yaml", tag = "operation", security(()),
    responses((status = 200, body = String, content_type = "application/yaml")))]
pub async fn asyncapi() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/yaml")], include_str!("../../docs/asyncapi.yaml"))
}

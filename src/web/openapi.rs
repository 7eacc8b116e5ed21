//! The API's description, made from the handlers.

use axum::Json;
use axum::extract::State;
use std::sync::Arc;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi, SecurityRequirement};
use utoipa::{Modify, OpenApi as _};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "depotd", description = "A depot's fleet: bookings, vehicles, positions.", license(name = "Apache-2.0", identifier = "Apache-2.0")),
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
        doc.security = Some(["token", "session"].map(|s| SecurityRequirement::new(s, Vec::<String>::new())).into());
    }
}

/// The document without its routes.
pub fn frame() -> OpenApi {
    Frame::openapi()
}

/// The document as it is served.
#[derive(Clone, Debug)]
pub struct Document(pub Arc<serde_json::Value>);

/// This description, OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "operation", security(()), responses((status = 200, body = serde_json::Value)))]
pub async fn openapi(State(Document(document)): State<Document>) -> Json<serde_json::Value> {
    Json(serde_json::Value::clone(&document))
}

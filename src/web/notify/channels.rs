//! By which channels this depot can tell somebody something.

use crate::web::Web;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// What rules may use as `channel`, here and now. Messages and push are always there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationChannels)]
pub struct ChannelsShape {
    /// Is there a mail server?
    mail: bool,
    /// The names of the gateways.
    gateways: Vec<String>,
}

/// The channels of this depot.
#[utoipa::path(get, path = "/api/v1/notifications/channels", tag = "notifications", responses((status = 200, body = ChannelsShape)))]
pub async fn channels(State(web): State<Web>) -> Json<ChannelsShape> {
    let gateways = web.config.notify.gateways.iter().map(|gateway| gateway.name.clone()).collect();
    Json(ChannelsShape { mail: web.config.mail.is_on(), gateways })
}

//! Devices: their credentials, and what they sent in vain.

use super::Web;
use super::error::{Error, Problem, Result};
use super::extract::{Body, Caller, Id, Params};
use super::fields::{Fields, Read};
use super::shapes::{List, PageParams};
use crate::auth::{self, Device, NewDevice};
use crate::model::{DeviceId, Timestamp, VehicleId};
use crate::telemetry::Format;
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub struct DeviceShape {
    /// Its id, also its MQTT user name.
    id: String,
    /// The vehicle that it reports for.
    vehicle: String,
    /// `native`, `owntracks`, `teltonika` or `osmand`.
    #[schema(value_type = words::DeviceFormat)]
    format: &'static str,
    /// May no longer connect?
    revoked: bool,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Is its vehicle connected?
    online: bool,
    /// Payloads that were not accepted lately, newest first; only when one device is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<Rejected>,
}

/// Payloads that were not accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct Rejected {
    /// The last 20, kept in memory.
    items: Vec<RejectedPayload>,
}

/// A payload that was not accepted.
#[derive(Debug, Serialize, ToSchema)]
pub struct RejectedPayload {
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Where it was sent to.
    topic: String,
    /// Why it was not accepted.
    reason: String,
    /// What it was, as text.
    payload: String,
}

/// A device's credential; the password is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Credential {
    /// The device.
    id: String,
    /// Its vehicle.
    vehicle: String,
    /// Its payload format.
    format: &'static str,
    /// MQTT user name.
    username: String,
    /// MQTT password.
    password: String,
    /// What it may use.
    topics: Topics,
}

/// A device's topics.
#[derive(Debug, Serialize, ToSchema)]
pub struct Topics {
    /// Where it may publish.
    publish: Vec<String>,
    /// What it may subscribe to.
    subscribe: Vec<String>,
}

/// A device to be added.
#[derive(Debug, ToSchema)]
#[schema(as = DeviceRequest)]
pub struct DeviceInput {
    /// 1 to 64 letters, digits, `.`, `_`, `-`.
    #[schema(value_type = String)]
    id: DeviceId,
    /// Its vehicle, made when there is none; the device's own id when absent.
    #[schema(value_type = Option<String>)]
    vehicle: Option<VehicleId>,
    /// `native` (the default), `owntracks`, `teltonika` or `osmand`.
    #[schema(value_type = Option<words::DeviceFormat>)]
    format: Option<Format>,
}
impl Read for DeviceInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let id = f.named("id");
        let id = f.required("id", id);
        let vehicle = f.named("vehicle");
        let format = f.one_of("format", "native, owntracks, teltonika, osmand", |name| name.parse().ok());
        Some(Self { id: id?, vehicle: vehicle?, format: format? })
    }
}

fn shape(web: &Web, device: Device) -> DeviceShape {
    let online = web.fleet.get(&device.vehicle).is_some_and(|v| v.online);
    DeviceShape {
        id: device.id.to_string(),
        vehicle: device.vehicle.to_string(),
        format: device.format.as_str(),
        revoked: device.revoked_at.is_some(),
        created_at: device.created_at,
        online,
        rejected: None,
    }
}

fn credential(made: auth::Credential) -> Credential {
    let device = made.device;
    Credential {
        vehicle: device.vehicle.to_string(),
        format: device.format.as_str(),
        username: device.id.to_string(),
        id: device.id.to_string(),
        password: made.password,
        topics: Topics { publish: made.topics.publish, subscribe: made.topics.subscribe },
    }
}

/// List devices by id.
#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", params(PageParams), responses((status = 200, body = List<DeviceShape>)))]
pub async fn list(State(web): State<Web>, Params(page): Params<PageParams>) -> Result<Json<List<DeviceShape>>> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let after = page.cursor.map(|id| id.parse()).transpose().map_err(|e| Error::field("cursor", e))?;
    let devices = web.auth.devices(after, limit).await?;
    let next = devices.last().filter(|_| devices.len() == limit).map(|d| d.id.to_string());
    Ok(Json(List { items: devices.into_iter().map(|d| shape(&web, d)).collect(), next }))
}

/// Add a device; its password is in this answer only.
#[utoipa::path(post, path = "/api/v1/devices", tag = "devices", request_body = DeviceInput,
    responses((status = 201, body = Credential), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(State(web): State<Web>, Caller(who): Caller, Body(input): Body<DeviceInput>) -> Result<(StatusCode, Json<Credential>)> {
    let new = NewDevice { id: input.id, vehicle: input.vehicle, format: input.format.unwrap_or(Format::Native) };
    let made = web.auth.add_device(new, who.actor()).await?;
    Ok((StatusCode::CREATED, Json(credential(made))))
}

/// One device, with what it sent in vain.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = DeviceShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<DeviceId>) -> Result<Json<DeviceShape>> {
    let device = web.auth.device_of(&id).await?;
    let items = web.inspector.of(&id).into_iter();
    let items = items.map(|r| RejectedPayload { at: r.at, topic: r.topic, reason: r.reason, payload: r.payload }).collect();
    Ok(Json(DeviceShape { rejected: Some(Rejected { items }), ..shape(&web, device) }))
}

/// Give a device a new password; the old one ends at once.
#[utoipa::path(post, path = "/api/v1/devices/{id}/rotate", tag = "devices", params(("id" = String, Path)),
    responses((status = 200, body = Credential), (status = 404, body = Problem)))]
pub async fn rotate(State(web): State<Web>, Caller(who): Caller, Id(id): Id<DeviceId>) -> Result<Json<Credential>> {
    let made = web.auth.rotate_device(&id, who.actor()).await?;
    Ok(Json(credential(made)))
}

/// Shut a device out; its connection ends at once.
#[utoipa::path(delete, path = "/api/v1/devices/{id}", tag = "devices", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn revoke(State(web): State<Web>, Caller(who): Caller, Id(id): Id<DeviceId>) -> Result<StatusCode> {
    web.auth.revoke_device(&id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! A driver's own positions, from an app that speaks HTTP.

use super::Web;
use super::error::{Error, FieldError, Problem, Result};
use super::extract::{Caller, JsonBytes};
use crate::auth::Who;
use crate::ingest::{Message, Source, Tally, Way};
use crate::model::VehicleId;
use crate::ops::allowance::Rate;
use crate::telemetry::Format;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// How often a driver may report: an app that has much to tell sends an array.
pub const RATE: Rate = Rate { per_second: 5.0, burst: 30.0 };

/// What became of the fixes of a request; those taken are on the disk.
#[derive(Debug, Serialize, ToSchema)]
pub struct FixesTaken {
    /// Fixes stored.
    pub stored: usize,
    /// Fixes that were there already.
    pub repeated: usize,
    /// Fixes that were not taken; sent again they would not be either.
    pub refused: Vec<RefusedFix>,
}

/// A fix that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedFix {
    /// Its place in the array, counted from 0.
    pub index: usize,
    /// Why.
    pub reason: String,
}

impl From<Tally> for FixesTaken {
    fn from(tally: Tally) -> Self {
        let refused = tally.refused.into_iter().map(|each| RefusedFix { index: each.index, reason: each.reason }).collect();
        Self { stored: tally.taken, repeated: tally.repeated, refused }
    }
}

/// A point in time: RFC 3339, or epoch milliseconds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Instant)]
#[expect(dead_code, reason = "only describes what telemetry reads")]
pub enum InstantInput {
    /// RFC 3339.
    Text(String),
    /// Epoch milliseconds.
    Millis(i64),
}

/// A fix as it may be sent; any other member is kept with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FixRequest)]
pub struct FixInput {
    /// When it was taken, RFC 3339 or epoch milliseconds.
    ts: InstantInput,
    /// Latitude, north positive.
    #[schema(minimum = -90, maximum = 90)]
    lat: f64,
    /// Longitude, east positive.
    #[schema(minimum = -180, maximum = 180)]
    lon: f64,
    /// Speed over ground in km/h.
    speed_kmh: Option<f64>,
    /// Degrees clockwise from north.
    course: Option<f64>,
    /// Radius in metres within which the device believes itself to be.
    accuracy_m: Option<f64>,
    /// Is the ignition on?
    ignition: Option<bool>,
    /// Battery charge in percent.
    battery: Option<f64>,
}

impl Web {
    /// The vehicle that `who`, a driver, is on duty with.
    pub async fn vehicle_of(&self, who: &Who) -> Result<VehicleId> {
        let driver = if who.by_token { None } else { self.drivers.of_user(&who.name).await? };
        let driver = driver.ok_or_else(|| Error::not_found("you are no driver; a driver's `user` says who he signs in as"))?;
        let duty = self.drivers.get(driver).await?.duty;
        duty.map(|duty| duty.vehicle).ok_or_else(|| Error::conflict("you are not on duty with a vehicle: POST /api/v1/drivers/{id}/duty"))
    }
}

/// Report where the driver who asks is: one fix, or an array of up to 1,000.
///
/// They are the fixes of the vehicle that he is on duty with. The answer comes when those taken are on the disk, within about a
/// second; until there is one, send them again: a repetition does no harm. Each fix of an array is judged for itself.
#[utoipa::path(post, path = "/api/v1/drivers/me/fixes", tag = "drivers", request_body = Vec<FixInput>,
    responses((status = 200, body = FixesTaken), (status = 403, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
pub async fn report(State(web): State<Web>, Caller(who): Caller, JsonBytes(payload): JsonBytes) -> Result<Json<FixesTaken>> {
    let vehicle = web.vehicle_of(&who).await?;
    let taken = web.drivers_pace.take(who.actor().to_text(), web.clock.monotonic());
    taken.map_err(|wait| Error::too_often(wait, "send several fixes as an array"))?;
    let source = Source { device: None, vehicle: &vehicle, format: Format::Native };
    let message = Message { source, topic: "/api/v1/drivers/me/fixes", payload: &payload, received: web.clock.now() };
    let tally = web.ingest.store(Way::Http, &message).await.map_err(Error::unavailable)?;
    web.presence.heard(&vehicle, message.received);
    if tally.taken + tally.repeated == 0 && !tally.refused.is_empty() {
        let fault = |each: &crate::ingest::Refusal| FieldError { field: format!("[{}]", each.index), message: each.reason.clone() };
        return Err(Error::invalid(tally.refused.iter().map(fault).collect()));
    }
    Ok(Json(tally.into()))
}

//! When drivers are meant to work.

use super::shapes::ShiftShape;
use super::size;
use crate::drivers::{NewShift, ShiftChange, ShiftFilter};
use crate::model::{DriverId, Shift, ShiftId, Timestamp, VehicleId, Window};
use crate::web::Web;
use crate::web::error::{Problem, Result};
use crate::web::extract::{Body, Caller, Id, Params};
use crate::web::fields::{Fields, Read};
use crate::web::if_match::MaybeIfMatch;
use crate::web::shapes::{List, WindowShape};
use crate::web::version::{Version, Versioned};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use std::str::FromStr;
use utoipa::{IntoParams, ToSchema};

/// Where a page of shifts ended: begin and id.
#[derive(Clone, Copy, Debug)]
pub struct Cursor(Timestamp, ShiftId);

impl FromStr for Cursor {
    type Err = &'static str;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let read = |(from, id): (&str, &str)| Some(Self(Timestamp::from_millis(from.parse().ok()?), id.parse().ok()?));
        text.split_once('.').and_then(read).ok_or("must be the `next` of a page before")
    }
}

/// Which shifts.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShiftParams {
    /// Only this driver's.
    #[param(value_type = Option<String>)]
    driver_id: Option<DriverId>,
    /// Only with this vehicle.
    #[param(value_type = Option<String>)]
    vehicle_id: Option<VehicleId>,
    /// Only those that end after.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only those that begin before.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Where the page before ended.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: u32,
}
impl Read for ShiftParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let driver_id = f.named("driver_id");
        let vehicle_id = f.named("vehicle_id");
        let from = f.instant("from");
        let to = f.instant("to");
        let cursor = f.named("cursor");
        let limit = f.whole("limit", 1, 500);
        let (driver_id, vehicle_id, from, to) = (driver_id?, vehicle_id?, from?, to?);
        Some(Self { driver_id, vehicle_id, from, to, cursor: cursor?, limit: limit?.unwrap_or(50) })
    }
}

/// A shift to be planned. Neither a driver nor a vehicle can be in two at a time.
#[derive(Debug, ToSchema)]
#[schema(as = ShiftRequest)]
pub struct ShiftInput {
    /// Whose.
    #[schema(value_type = String)]
    driver_id: DriverId,
    /// The vehicle he is to take.
    #[schema(value_type = Option<String>)]
    vehicle_id: Option<VehicleId>,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// When it ends, at most 24 h later.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
    /// When he is to pause, within that.
    #[schema(rename = "break", value_type = Option<WindowShape>)]
    pause: Option<Window>,
}
impl Read for ShiftInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let driver_id = f.named("driver_id");
        let driver_id = f.required("driver_id", driver_id);
        let vehicle_id = f.named("vehicle_id");
        let from = f.instant("from");
        let from = f.required("from", from);
        let until = f.instant("until");
        let until = f.required("until", until);
        let pause = f.object("break");
        Some(Self { driver_id: driver_id?, vehicle_id: vehicle_id?, from: from?, until: until?, pause: pause? })
    }
}
impl From<ShiftInput> for NewShift {
    fn from(s: ShiftInput) -> Self {
        Self { driver: s.driver_id, vehicle: s.vehicle_id, time: Window { from: s.from, until: s.until }, pause: s.pause }
    }
}

/// What is to be different; what is absent stays, what is `null` is forgotten.
#[derive(Debug, ToSchema)]
#[schema(as = ShiftChange)]
pub struct ShiftChangeInput {
    /// Whose.
    #[schema(value_type = Option<String>)]
    driver_id: Option<DriverId>,
    /// The vehicle he is to take.
    #[schema(value_type = Option<String>)]
    vehicle_id: Option<Option<VehicleId>>,
    /// When it begins.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// When it ends.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// When he is to pause.
    #[schema(rename = "break", value_type = Option<WindowShape>)]
    pause: Option<Option<Window>>,
}
impl Read for ShiftChangeInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let driver_id = f.named("driver_id");
        let vehicle_id = f.change("vehicle_id", Fields::named);
        let from = f.instant("from");
        let until = f.instant("until");
        let pause = f.change("break", Fields::object);
        Some(Self { driver_id: driver_id?, vehicle_id: vehicle_id?, from: from?, until: until?, pause: pause? })
    }
}
impl From<ShiftChangeInput> for ShiftChange {
    fn from(s: ShiftChangeInput) -> Self {
        Self { driver: s.driver_id, vehicle: s.vehicle_id, from: s.from, until: s.until, pause: s.pause }
    }
}

fn versioned(shift: Shift) -> Versioned<ShiftShape> {
    Versioned(Version(shift.version), shift.into())
}

/// List shifts, the earliest first.
#[utoipa::path(get, path = "/api/v1/shifts", tag = "drivers", params(ShiftParams),
    responses((status = 200, body = List<ShiftShape>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(p): Params<ShiftParams>) -> Result<Json<List<ShiftShape>>> {
    let (after, limit) = (p.cursor.map(|c| (c.0, c.1)), size(p.limit));
    let filter = ShiftFilter { driver: p.driver_id, vehicle: p.vehicle_id, from: p.from, to: p.to };
    let mut found = web.drivers.shifts(filter, after, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| format!("{}.{}", last.time.from.as_millis(), last.id));
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Plan a shift.
#[utoipa::path(post, path = "/api/v1/shifts", tag = "drivers", request_body = ShiftInput,
    responses((status = 201, body = ShiftShape), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Body(input): Body<ShiftInput>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Versioned<ShiftShape>)> {
    let shift = web.drivers.add_shift(input.into(), who.actor()).await?;
    let location = format!("/api/v1/shifts/{}", shift.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], versioned(shift)))
}

/// One shift.
#[utoipa::path(get, path = "/api/v1/shifts/{id}", tag = "drivers", params(("id" = String, Path)),
    responses((status = 200, body = ShiftShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<ShiftId>) -> Result<Versioned<ShiftShape>> {
    Ok(versioned(web.drivers.shift(id).await?))
}

/// Change a shift.
#[utoipa::path(patch, path = "/api/v1/shifts/{id}", tag = "drivers", params(("id" = String, Path), MaybeIfMatch),
    request_body = ShiftChangeInput, responses((status = 200, body = ShiftShape), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<ShiftId>,
    MaybeIfMatch(version): MaybeIfMatch,
    Body(input): Body<ShiftChangeInput>,
) -> Result<Versioned<ShiftShape>> {
    Ok(versioned(web.drivers.change_shift(id, input.into(), version, who.actor()).await?))
}

/// Take a shift out of the plan.
#[utoipa::path(delete, path = "/api/v1/shifts/{id}", tag = "drivers", params(("id" = String, Path), MaybeIfMatch),
    responses((status = 204), (status = 404, body = Problem), (status = 412, body = Problem)))]
pub async fn delete(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<ShiftId>,
    MaybeIfMatch(version): MaybeIfMatch,
) -> Result<StatusCode> {
    web.drivers.delete_shift(id, version, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

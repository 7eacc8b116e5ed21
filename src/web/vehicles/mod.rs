//! Vehicles: the registered ones, what they do, where they are and were.

mod input;
mod place;

pub use input::{forced, on_duty};
pub use place::{__path_nearby, __path_track, nearby, track};

use super::Web;
use super::error::{Problem, Result};
use super::extract::{Body, Caller, Id, Params};
use super::if_match::MaybeIfMatch;
use super::shapes::{FixShape, List, PlaceShape};
use super::version::{Version, Versioned};
use crate::fleet::{Status, View};
use crate::model::{Availability, BookingId, Crew, Pause, Timestamp, Vehicle, VehicleId};
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use input::{DutyInput, ListParams, VehicleChange, VehicleInput};
use serde::Serialize;
use utoipa::ToSchema;

/// A vehicle and where it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Vehicle)]
pub struct VehicleShape {
    /// Its id, also in its MQTT topics.
    id: String,
    /// Class, like `van`.
    class: String,
    /// Weight it can carry, in kg.
    capacity_kg: Option<u32>,
    /// Volume it can carry, in cubic metres.
    capacity_m3: Option<f64>,
    /// Number of pieces it can carry.
    capacity_pieces: Option<u32>,
    /// What it can do, like `tail_lift`.
    skills: Vec<String>,
    /// Is somebody on duty with it?
    on_duty: bool,
    /// `free`, `en_route`, `loading`, `offline`, `off_duty` or `paused`.
    #[schema(value_type = words::VehicleStatus)]
    status: &'static str,
    /// Who is on duty with it, where that is known.
    driver: Option<CrewShape>,
    /// Is its device connected?
    online: bool,
    /// The booking it has.
    booking_id: Option<String>,
    /// Where it was last.
    last_fix: Option<FixShape>,
    /// How long ago that was, in seconds.
    fix_age_s: Option<i64>,
    /// Counts the changes of its data, from 1; goes into `If-Match`.
    version: u32,
}

/// Who is on duty with a vehicle.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Crew)]
pub struct CrewShape {
    /// The driver's id.
    id: String,
    /// What people call him.
    name: String,
    /// Why he is not to be given work: `break`, or `hours` when he has worked as long as he may.
    #[schema(value_type = Option<words::Pause>)]
    pause: Option<&'static str>,
}
impl From<&Crew> for CrewShape {
    fn from(crew: &Crew) -> Self {
        Self { id: crew.driver.to_string(), name: crew.name.clone(), pause: crew.pause.map(Pause::as_str) }
    }
}

/// The last reported position, when there is one.
fn last_fix(view: &View) -> Option<FixShape> {
    Some(FixShape {
        ts: view.fix_ts?,
        place: PlaceShape::from(view.place?),
        speed_kmh: view.speed_kmh,
        course: view.course,
        accuracy_m: view.accuracy_m,
        ignition: view.ignition,
        battery: view.battery,
        flags: super::shapes::flag_names(view.flags),
    })
}

impl VehicleShape {
    fn new(vehicle: Vehicle, view: Option<&View>, now: Timestamp) -> Self {
        let off_duty = if vehicle.on_duty { Availability::Free } else { Availability::OffDuty };
        Self {
            id: vehicle.id.to_string(),
            class: vehicle.class,
            capacity_kg: vehicle.capacity.kg,
            capacity_m3: vehicle.capacity.m3,
            capacity_pieces: vehicle.capacity.pieces,
            skills: vehicle.skills,
            on_duty: vehicle.on_duty,
            status: view.map_or(Status::of(off_duty, false), View::status).as_str(),
            driver: view.and_then(|v| v.crew.as_deref()).map(Into::into),
            online: view.is_some_and(|v| v.online),
            booking_id: view.and_then(|v| v.booking).map(|id| id.to_string()),
            last_fix: view.and_then(last_fix),
            fix_age_s: view.and_then(|v| v.fix_ts).map(|ts| now.since(ts).as_millis() / 1000),
            version: vehicle.version,
        }
    }
}

fn show(web: &Web, vehicle: Vehicle) -> VehicleShape {
    let view = web.fleet.get(&vehicle.id);
    VehicleShape::new(vehicle, view.as_ref(), web.clock.now())
}

fn versioned(web: &Web, vehicle: Vehicle) -> Versioned<VehicleShape> {
    Versioned(Version(vehicle.version), show(web, vehicle))
}

/// List vehicles by id.
#[utoipa::path(get, path = "/api/v1/vehicles", tag = "vehicles", params(ListParams),
    responses((status = 200, body = List<VehicleShape>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(params): Params<ListParams>) -> Result<Json<List<VehicleShape>>> {
    let limit = usize::try_from(params.limit).unwrap_or(usize::MAX);
    let mut after: Option<VehicleId> = params.cursor;
    let mut items = Vec::new();
    loop {
        let found = web.registry.vehicles(params.q.clone(), after.clone(), 500).await?;
        let last = found.len() < 500;
        for vehicle in found {
            if items.len() == limit {
                return Ok(Json(List { items, next: after.map(String::from) }));
            }
            after = Some(vehicle.id.clone());
            let shape = show(&web, vehicle);
            if params.status.as_deref().is_none_or(|s| s == shape.status) {
                items.push(shape);
            }
        }
        if last {
            return Ok(Json(List { items, next: None }));
        }
    }
}

/// Register a vehicle.
#[utoipa::path(post, path = "/api/v1/vehicles", tag = "vehicles", request_body = VehicleInput,
    responses((status = 201, body = VehicleShape), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Body(input): Body<VehicleInput>,
) -> Result<(StatusCode, Versioned<VehicleShape>)> {
    let vehicle = web.registry.add_vehicle(input.into(), who.actor()).await?;
    Ok((StatusCode::CREATED, versioned(&web, vehicle)))
}

/// One vehicle.
#[utoipa::path(get, path = "/api/v1/vehicles/{id}", tag = "vehicles", params(("id" = String, Path)),
    responses((status = 200, body = VehicleShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<VehicleId>) -> Result<Versioned<VehicleShape>> {
    let vehicle = web.registry.vehicle(&id).await?;
    Ok(versioned(&web, vehicle))
}

/// Change what is known of a vehicle.
#[utoipa::path(patch, path = "/api/v1/vehicles/{id}", tag = "vehicles", params(("id" = String, Path), MaybeIfMatch),
    request_body = VehicleChange, responses((status = 200, body = VehicleShape), (status = 404, body = Problem),
    (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<VehicleId>,
    MaybeIfMatch(version): MaybeIfMatch,
    Body(change): Body<VehicleChange>,
) -> Result<Versioned<VehicleShape>> {
    let vehicle = web.registry.change_vehicle(id, change.into(), version, who.actor()).await?;
    Ok(versioned(&web, vehicle))
}

/// What the fleet will show in a moment, when it was told of the change.
fn after_duty(view: View, on_duty: bool, booking: Option<BookingId>) -> View {
    let availability = match view.availability {
        _ if !on_duty => Availability::OffDuty,
        Availability::OffDuty => Availability::Free,
        other => other,
    };
    View { availability, booking, crew: view.crew.clone().filter(|_| on_duty), ..view }
}

/// Say whether somebody is on duty with a vehicle.
#[utoipa::path(post, path = "/api/v1/vehicles/{id}/duty", tag = "vehicles", params(("id" = String, Path)), request_body = DutyInput,
    responses((status = 200, body = VehicleShape), (status = 404, body = Problem)))]
pub async fn duty(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<VehicleId>,
    Body(input): Body<DutyInput>,
) -> Result<Json<VehicleShape>> {
    let vehicle =
        web.drivers.set_vehicle_duty(id, input.on_duty, input.force.filter(|force| *force).and(input.reason), who.actor()).await?;
    let job = web.bookings.active_of(&vehicle.id).await?.map(|booking| booking.id);
    let view = web.fleet.get(&vehicle.id).map(|view| after_duty(view, vehicle.on_duty, job));
    Ok(Json(VehicleShape::new(vehicle, view.as_ref(), web.clock.now())))
}

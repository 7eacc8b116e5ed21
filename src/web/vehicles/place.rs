//! Where vehicles are and were.

use crate::fleet::Near;
use crate::model::{Metres, Place, Span, Timestamp, VehicleId};
use crate::tracks::Cursor;
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Id, Params};
use crate::web::fields::{Fields, Read};
use crate::web::shapes::words;
use crate::web::shapes::{FixShape, List, PlaceShape};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Where to look, and for what.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NearbyParams {
    /// Latitude of the middle.
    lat: f64,
    /// Longitude of the middle.
    lon: f64,
    /// Metres around it; 5000 when absent.
    #[param(maximum = 200_000)]
    radius_m: Option<f64>,
    /// Vehicles at most; 10 when absent.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `true`: only those that could take a job now.
    available: Option<bool>,
    /// Only this class.
    class: Option<String>,
}
impl Read for NearbyParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let place = Place::read(f);
        let radius_m = f.number("radius_m", 0.0, 200_000.0);
        let limit = f.whole("limit", 1, 500);
        let available = f.flag("available");
        let class = f.text("class", 64);
        let (place, radius_m, limit, available, class) = (place?, radius_m?, limit?, available?, class?);
        Some(Self { lat: place.lat(), lon: place.lon(), radius_m, limit, available, class })
    }
}

/// A vehicle near a place.
#[derive(Debug, Serialize, ToSchema)]
pub struct NearbyVehicle {
    /// Its id.
    id: String,
    /// Class, like `van`.
    class: String,
    /// Where it is.
    #[serde(flatten)]
    place: PlaceShape,
    /// Great-circle metres from the middle.
    distance_m: f64,
    /// `free`, `en_route`, `loading`, `offline`, `off_duty` or `paused`.
    #[schema(value_type = words::VehicleStatus)]
    status: &'static str,
    /// Age of its position in seconds.
    fix_age_s: i64,
    /// km/h.
    speed_kmh: Option<f32>,
    /// Degrees clockwise from north.
    course: Option<f32>,
    /// The booking it has.
    booking_id: Option<String>,
}

/// Vehicles near a place, nearest first.
#[utoipa::path(get, path = "/api/v1/vehicles/nearby", tag = "vehicles", params(NearbyParams),
    responses((status = 200, body = List<NearbyVehicle>), (status = 422, body = Problem)))]
pub async fn nearby(State(web): State<Web>, Params(p): Params<NearbyParams>) -> Result<Json<List<NearbyVehicle>>> {
    let now = web.clock.now();
    let available_only = p.available == Some(true);
    let fix_max_age_s = web.settings.current().get().dispatch.fix_max_age_s;
    let found = web.fleet.nearby(&Near {
        place: Place::new(p.lat, p.lon).map_err(|e| Error::field("lat", e))?,
        radius: Metres(p.radius_m.unwrap_or(5_000.0)),
        limit: usize::try_from(p.limit.unwrap_or(10)).unwrap_or(10),
        available_only,
        class: p.class.as_deref(),
        max_fix_age: available_only.then(|| Span::from_secs(i64::try_from(fix_max_age_s).unwrap_or(i64::MAX))),
        now,
    });
    let items = found.into_iter().filter_map(|(view, distance)| {
        Some(NearbyVehicle {
            id: view.id.to_string(),
            class: view.class.to_string(),
            place: view.place?.into(),
            distance_m: (distance.0 * 10.0).round() / 10.0,
            status: view.status().as_str(),
            fix_age_s: now.since(view.fix_ts?).as_millis() / 1000,
            speed_kmh: view.speed_kmh,
            course: view.course,
            booking_id: view.booking.map(|id| id.to_string()),
        })
    });
    Ok(Json(List { items: items.collect(), next: None }))
}

/// Which part of a track.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrackParams {
    /// From then on; 24 h before `to` when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Until then; now when absent.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Where the page before ended.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
    /// Fixes at most; 1000 when absent.
    #[param(minimum = 1, maximum = 10_000)]
    limit: Option<u32>,
}
impl Read for TrackParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let from = f.instant("from");
        let to = f.instant("to");
        let cursor = f.named("cursor");
        let limit = f.whole("limit", 1, 10_000);
        if let (Some(Some(from)), Some(Some(to))) = (from, to)
            && from > to
        {
            f.fault("to", "must not be before `from`");
        }
        Some(Self { from: from?, to: to?, cursor: cursor?, limit: limit? })
    }
}

/// Where a vehicle was, in order of time.
#[utoipa::path(get, path = "/api/v1/vehicles/{id}/track", tag = "vehicles", params(("id" = String, Path), TrackParams),
    responses((status = 200, body = List<FixShape>), (status = 422, body = Problem)))]
pub async fn track(State(web): State<Web>, Id(id): Id<VehicleId>, Params(p): Params<TrackParams>) -> Result<Json<List<FixShape>>> {
    // A device's clock may run ahead a little: "now" takes such fixes in.
    let to = p.to.unwrap_or_else(|| web.clock.now() + Span::from_secs(3_600));
    let from = p.from.unwrap_or_else(|| to - Span::from_secs(86_400));
    let limit = usize::try_from(p.limit.unwrap_or(1_000)).unwrap_or(1_000);
    let page = web.tracks.read(&id, from, to, limit, p.cursor).await.map_err(Error::internal)?;
    Ok(Json(List { items: page.fixes.iter().map(Into::into).collect(), next: page.next.map(|c| c.to_string()) }))
}

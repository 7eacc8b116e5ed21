//! Demand and supply over HTTP.

use super::Web;
use super::days::DaysParams;
use super::error::{Error, Problem, Result};
use super::extract::Params;
use super::fields::{Fields, Read};
use super::shapes::{List, PlaceShape};
use crate::demand::{DayErrors, Picture, Staffing};
use crate::forecast::Area;
use crate::forecast::model::{Accuracy, Expected};
use crate::model::{Timestamp, VehicleId};
use crate::store::advice::Advice;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

const NONE_YET: &str = "there is no forecast yet: a schedule of kind forecast makes it, once there are two days of bookings to learn from";

/// Demand and supply by H3 cell: who waits, who is free, what was asked for in that hour and what to expect, and demand's factor on
/// prices.
#[utoipa::path(get, path = "/api/v1/demand", tag = "prices", params(DemandParams),
    responses((status = 200, body = Picture), (status = 422, body = Problem)))]
pub async fn picture(State(web): State<Web>, Params(params): Params<DemandParams>) -> Result<Json<Picture>> {
    let at = params.at.unwrap_or_else(|| web.clock.now());
    let resolution = params.resolution.and_then(|r| u8::try_from(r).ok());
    Ok(Json(web.demand.picture(at, resolution).await.map_err(Error::internal)?))
}

/// What will be asked for in an area.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Forecast)]
pub struct ForecastShape {
    /// `all`, or an H3 cell.
    area: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// How well it foretold hours of busy cells that it was not shown: hours looked at, requests in one, mean absolute error, and the
    /// share within the interval.
    accuracy: Option<Accuracy>,
    /// The next seven days by the hour: `from`, `mean`, and `p10`, `p50`, `p90`, of which the outer two hold four times out of five.
    hours: Vec<Expected>,
    /// The next 24 hours by the quarter of an hour.
    quarters: Vec<Expected>,
}

/// What will be asked for: in all, or in an H3 cell of the forecast or one that is two or four resolutions coarser.
#[utoipa::path(get, path = "/api/v1/demand/forecast", tag = "prices", params(ForecastParams),
    responses((status = 200, body = ForecastShape), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn forecast(State(web): State<Web>, Params(params): Params<ForecastParams>) -> Result<Json<ForecastShape>> {
    let forecast = web.demand.forecast().ok_or_else(|| Error::not_found(NONE_YET))?;
    let (area, now) = (params.area, web.clock.now());
    let told = forecast.model.hours(area, now).zip(forecast.model.quarters(area, now));
    let (hours, quarters) = told.ok_or_else(|| Error::not_found(format!("nobody ever asked for anything in {area}")))?;
    Ok(Json(ForecastShape { area: area.to_string(), made_at: forecast.made_at, accuracy: forecast.model.accuracy, hours, quarters }))
}

/// How forecasts went, by day in the depot's zone, the newest first; 400 days at most.
///
/// Each hour that has passed is compared with what was forecast of it last before it began: a nightly schedule forecasts up to a day ahead.
#[utoipa::path(get, path = "/api/v1/demand/forecast/accuracy", tag = "prices", params(DaysParams),
    responses((status = 200, body = List<DayErrors>), (status = 422, body = Problem)))]
pub async fn accuracy(State(web): State<Web>, Params(params): Params<DaysParams>) -> Result<Json<List<DayErrors>>> {
    let (from, to) = params.span()?;
    let items = web.demand.accuracy(from, to).await.map_err(Error::internal)?;
    Ok(Json(List { items, next: None }))
}

/// How many drivers the next seven days need by the forecast, how many are planned by shifts, and where they are short.
#[utoipa::path(get, path = "/api/v1/demand/staffing", tag = "prices",
    responses((status = 200, body = Staffing), (status = 404, body = Problem)))]
pub async fn staffing(State(web): State<Web>) -> Result<Json<Staffing>> {
    let staffing = web.demand.staffing().await.map_err(Error::internal)?;
    Ok(Json(staffing.ok_or_else(|| Error::not_found(NONE_YET))?))
}

/// Which advices.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AdviceParams {
    /// Only those of vehicles after this one by id.
    #[param(value_type = Option<String>)]
    cursor: Option<VehicleId>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: usize,
}
impl Read for AdviceParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (cursor, limit) = (f.named("cursor"), f.whole("limit", 1, 500));
        Some(Self { cursor: cursor?, limit: limit?.unwrap_or(50) as usize })
    }
}

/// Where an idle vehicle is advised to wait.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Advice)]
pub struct AdviceShape {
    /// Who.
    vehicle_id: String,
    /// Where it was then.
    from: PlaceShape,
    /// Where it had better wait.
    to: PlaceShape,
    /// The H3 cell of that place.
    cell: String,
    /// Requests expected in that cell and those around it within half an hour.
    expected: f64,
    /// Why, in words.
    reason: String,
    /// When the advice was made.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Until when it is good.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}
impl From<Advice> for AdviceShape {
    fn from(a: Advice) -> Self {
        let Advice { vehicle, cell, from, to, expected, reason, made_at, until, .. } = a;
        Self { vehicle_id: vehicle.to_string(), from: from.into(), to: to.into(), cell, expected, reason, made_at, until }
    }
}

/// Where idle vehicles are advised to wait now, by vehicle: none while `forecast.advise` is off.
#[utoipa::path(get, path = "/api/v1/demand/advice", tag = "prices", params(AdviceParams),
    responses((status = 200, body = List<AdviceShape>), (status = 422, body = Problem)))]
pub async fn advice(State(web): State<Web>, Params(params): Params<AdviceParams>) -> Result<Json<List<AdviceShape>>> {
    let mut found = web.demand.advices(params.cursor, params.limit + 1).await.map_err(Error::internal)?;
    let is_more = found.len() > params.limit;
    found.truncate(params.limit);
    let next = found.last().filter(|_| is_more).map(|advice| advice.vehicle.to_string());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Of when, in which cells.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DemandParams {
    /// Of this moment; now when it is absent.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// H3 resolution of the cells; that of the forecast when it is absent.
    #[param(minimum = 5, maximum = 9)]
    resolution: Option<u32>,
}
impl Read for DemandParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (at, resolution) = (f.instant("at"), f.whole("resolution", 5, 9));
        Some(Self { at: at?, resolution: resolution? })
    }
}

/// Of what area.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ForecastParams {
    /// `all`, or an H3 cell.
    #[param(value_type = Option<String>)]
    area: Area,
}
impl Read for ForecastParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let parse = |text: &str| if text == "all" { Some(Area::All) } else { text.parse().ok().map(Area::Cell) };
        let area = f.one_of("area", "all, or an H3 cell like 871f1d489ffffff", parse)?;
        Some(Self { area: area.unwrap_or(Area::All) })
    }
}

//! Drivers: who they are, duty with its breaks and hours, and their shifts.

mod input;
mod shapes;
pub mod shifts;
pub mod work;

use super::Web;
use super::error::{Error, Problem, Result};
use super::extract::{Body, Caller, Id, Params};
use super::if_match::MaybeIfMatch;
use super::shapes::{List, PageParams};
use super::version::{Version, Versioned};
use crate::auth::{Role, Who};
use crate::drivers::{DutyChange, Shown};
use crate::model::{DriverId, DutyId};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use input::{BreakInput, DriverChangeInput, DriverInput, DriverParams, DutyInput};
use shapes::{DriverShape, DutyShape};
use std::str::FromStr;

fn versioned(shown: Shown) -> Versioned<DriverShape> {
    Versioned(Version(shown.driver.version), shown.into())
}

/// The cursor of a page, where the page before ended.
fn cursor<T: FromStr>(text: Option<&str>) -> Result<Option<T>> {
    text.map(|text| text.parse().map_err(|_| Error::field("cursor", "must be the `next` of a page before"))).transpose()
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Who is only a driver may do this for himself alone.
async fn admit(web: &Web, who: &Who, id: DriverId) -> Result<()> {
    if who.role != Role::Driver {
        return Ok(());
    }
    match own(web, who).await? {
        Some(own) if own == id => Ok(()),
        _ => Err(Error::forbidden("a driver may do this for himself only")),
    }
}

/// The driver who asks. A token is not a person, so it is nobody's.
async fn own(web: &Web, who: &Who) -> Result<Option<DriverId>> {
    if who.by_token { Ok(None) } else { Ok(web.drivers.of_user(&who.name).await?) }
}

/// List drivers by id.
#[utoipa::path(get, path = "/api/v1/drivers", tag = "drivers", params(DriverParams),
    responses((status = 200, body = List<DriverShape>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(params): Params<DriverParams>) -> Result<Json<List<DriverShape>>> {
    let limit = size(params.limit);
    let mut found = web.drivers.list(params.filter(), params.cursor, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|shown| shown.driver.id.to_string());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Add a driver.
#[utoipa::path(post, path = "/api/v1/drivers", tag = "drivers", request_body = DriverInput,
    responses((status = 201, body = DriverShape), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Body(input): Body<DriverInput>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Versioned<DriverShape>)> {
    let shown = web.drivers.add(input.name.clone(), input.into(), who.actor()).await?;
    let location = format!("/api/v1/drivers/{}", shown.driver.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], versioned(shown)))
}

/// The driver who asks.
#[utoipa::path(get, path = "/api/v1/drivers/me", tag = "drivers",
    responses((status = 200, body = DriverShape), (status = 404, body = Problem)))]
pub async fn me(State(web): State<Web>, Caller(who): Caller) -> Result<Versioned<DriverShape>> {
    match own(&web, &who).await? {
        Some(id) => Ok(versioned(web.drivers.get(id).await?)),
        None => Err(Error::not_found("you are no driver; a driver's `user` says who he signs in as")),
    }
}

/// One driver.
#[utoipa::path(get, path = "/api/v1/drivers/{id}", tag = "drivers", params(("id" = String, Path)),
    responses((status = 200, body = DriverShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<DriverId>) -> Result<Versioned<DriverShape>> {
    Ok(versioned(web.drivers.get(id).await?))
}

/// Change a driver's data.
#[utoipa::path(patch, path = "/api/v1/drivers/{id}", tag = "drivers", params(("id" = String, Path), MaybeIfMatch),
    request_body = DriverChangeInput, responses((status = 200, body = DriverShape), (status = 404, body = Problem),
    (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<DriverId>,
    MaybeIfMatch(version): MaybeIfMatch,
    Body(input): Body<DriverChangeInput>,
) -> Result<Versioned<DriverShape>> {
    Ok(versioned(web.drivers.change(id, input.into(), version, who.actor()).await?))
}

/// Delete a driver with his shifts and duties.
///
/// Refused while he is on duty. Who has left is better made inactive, for his past duties are kept then.
#[utoipa::path(delete, path = "/api/v1/drivers/{id}", tag = "drivers", params(("id" = String, Path), MaybeIfMatch),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem)))]
pub async fn delete(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<DriverId>,
    MaybeIfMatch(version): MaybeIfMatch,
) -> Result<StatusCode> {
    web.drivers.delete(id, version, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Put a driver on or off duty.
///
/// One driver has one vehicle at a time, and the other way round. Off duty with a job takes `force` and a `reason`: the job waits
/// again then, or stays with the vehicle when its load is on board.
#[utoipa::path(post, path = "/api/v1/drivers/{id}/duty", tag = "drivers", params(("id" = String, Path)), request_body = DutyInput,
    responses((status = 200, body = DriverShape), (status = 404, body = Problem), (status = 409, body = Problem),
    (status = 422, body = Problem)))]
pub async fn duty(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<DriverId>,
    Body(input): Body<DutyInput>,
) -> Result<Versioned<DriverShape>> {
    admit(&web, &who, id).await?;
    let forced = input.force.filter(|force| *force).and(input.reason);
    if forced.is_some() && who.role == Role::Driver {
        return Err(Error::forbidden("the dispatcher alone may force this"));
    }
    let change = if input.on_duty { DutyChange::Start(input.vehicle_id) } else { DutyChange::End { forced } };
    Ok(versioned(web.drivers.set_duty(id, change, who.actor()).await?))
}

/// Begin or end a driver's break.
#[utoipa::path(post, path = "/api/v1/drivers/{id}/break", tag = "drivers", params(("id" = String, Path)), request_body = BreakInput,
    responses((status = 200, body = DriverShape), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn pause(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<DriverId>,
    Body(input): Body<BreakInput>,
) -> Result<Versioned<DriverShape>> {
    admit(&web, &who, id).await?;
    Ok(versioned(web.drivers.set_break(id, input.on, who.actor()).await?))
}

/// A driver's duties, newest first.
#[utoipa::path(get, path = "/api/v1/drivers/{id}/duties", tag = "drivers", params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<DutyShape>), (status = 404, body = Problem)))]
pub async fn duties(State(web): State<Web>, Id(id): Id<DriverId>, Params(page): Params<PageParams>) -> Result<Json<List<DutyShape>>> {
    let (before, limit) = (cursor::<DutyId>(page.cursor.as_deref())?, size(page.limit));
    let mut found = web.drivers.duties(id, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|duty| duty.id.to_string());
    let now = web.clock.now();
    Ok(Json(List { items: found.iter().map(|duty| DutyShape::new(duty, now)).collect(), next }))
}

//! Zones over HTTP.

use super::shape::{Kept, tagged};
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Caller, Id, Params, Written};
use crate::web::if_match::MaybeIfMatch;
use crate::web::shapes::{List, PageParams};
use crate::web::version::Versioned;
use crate::zones::Zone;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// The zones, by id.
#[utoipa::path(get, path = "/api/v1/zones", tag = "prices", params(PageParams),
    responses((status = 200, body = List<Kept<Zone>>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(page): Params<PageParams>) -> Result<Json<List<Kept<Zone>>>> {
    let limit = page.limit as usize;
    let found = web.bookings.tariffs().documents::<Zone>(page.cursor.unwrap_or_default(), limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.document.id.clone());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Add a zone.
#[utoipa::path(post, path = "/api/v1/zones", tag = "prices", request_body = Zone,
    responses((status = 201, body = Kept<Zone>), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Written(document): Written<Zone>,
) -> Result<(StatusCode, Versioned<Kept<Zone>>)> {
    Ok((StatusCode::CREATED, tagged(web.bookings.tariffs().add(document, who.actor()).await?)))
}

/// One zone.
#[utoipa::path(get, path = "/api/v1/zones/{id}", tag = "prices", params(("id" = String, Path)),
    responses((status = 200, body = Kept<Zone>), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<String>) -> Result<Versioned<Kept<Zone>>> {
    Ok(tagged(web.bookings.tariffs().document(id).await?))
}

/// Put a zone in the place of the one that there is.
#[utoipa::path(put, path = "/api/v1/zones/{id}", tag = "prices", params(("id" = String, Path), MaybeIfMatch), request_body = Zone,
    responses((status = 200, body = Kept<Zone>), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn replace(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<String>,
    MaybeIfMatch(version): MaybeIfMatch,
    Written(document): Written<Zone>,
) -> Result<Versioned<Kept<Zone>>> {
    if document.id != id {
        return Err(Error::field("id", format!("must be {id}, as in the address")));
    }
    Ok(tagged(web.bookings.tariffs().replace(document, version, who.actor()).await?))
}

/// Delete a zone that no tariff in effect or to come, and no contract, names.
#[utoipa::path(delete, path = "/api/v1/zones/{id}", tag = "prices", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn delete(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<StatusCode> {
    web.bookings.tariffs().delete::<Zone>(id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

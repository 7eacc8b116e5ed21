//! Promo codes over HTTP.

use super::shape::{Kept, tagged};
use crate::pricing::Promo;
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Caller, Id, Params, Written};
use crate::web::if_match::MaybeIfMatch;
use crate::web::shapes::{List, PageParams};
use crate::web::version::Versioned;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// The promo codes.
#[utoipa::path(get, path = "/api/v1/promos", tag = "prices", params(PageParams),
    responses((status = 200, body = List<Kept<Promo>>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(page): Params<PageParams>) -> Result<Json<List<Kept<Promo>>>> {
    let limit = page.limit as usize;
    let found = web.bookings.tariffs().documents::<Promo>(page.cursor.unwrap_or_default(), limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.document.code.clone());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Add a promo code.
#[utoipa::path(post, path = "/api/v1/promos", tag = "prices", request_body = Promo,
    responses((status = 201, body = Kept<Promo>), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Written(document): Written<Promo>,
) -> Result<(StatusCode, Versioned<Kept<Promo>>)> {
    Ok((StatusCode::CREATED, tagged(web.bookings.tariffs().add(document, who.actor()).await?)))
}

/// One promo code.
#[utoipa::path(get, path = "/api/v1/promos/{id}", tag = "prices", params(("id" = String, Path)),
    responses((status = 200, body = Kept<Promo>), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<String>) -> Result<Versioned<Kept<Promo>>> {
    Ok(tagged(web.bookings.tariffs().document(id).await?))
}

/// Put a promo code in the place of the one that there is; its uses so far count on.
#[utoipa::path(put, path = "/api/v1/promos/{id}", tag = "prices", params(("id" = String, Path), MaybeIfMatch), request_body = Promo,
    responses((status = 200, body = Kept<Promo>), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn replace(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<String>,
    MaybeIfMatch(version): MaybeIfMatch,
    Written(document): Written<Promo>,
) -> Result<Versioned<Kept<Promo>>> {
    if document.code != id {
        return Err(Error::field("code", format!("must be {id}, as in the address")));
    }
    Ok(tagged(web.bookings.tariffs().replace(document, version, who.actor()).await?))
}

/// Delete a promo code; bookings that have it keep their price.
#[utoipa::path(delete, path = "/api/v1/promos/{id}", tag = "prices", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn delete(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<StatusCode> {
    web.bookings.tariffs().delete::<Promo>(id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

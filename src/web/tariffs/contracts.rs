//! Contracts over HTTP.

use super::shape::{Kept, tagged};
use crate::pricing::Contract;
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Caller, Id, Params, Written};
use crate::web::if_match::MaybeIfMatch;
use crate::web::reach::Reach;
use crate::web::shapes::{List, PageParams};
use crate::web::version::Versioned;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// Customers' contracts, by customer.
#[utoipa::path(get, path = "/api/v1/contracts", tag = "prices", params(PageParams),
    responses((status = 200, body = List<Kept<Contract>>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(page): Params<PageParams>) -> Result<Json<List<Kept<Contract>>>> {
    let limit = page.limit as usize;
    let found = web.bookings.tariffs().documents::<Contract>(page.cursor.unwrap_or_default(), limit).await?;
    let next = found.last().filter(|_| found.len() == limit).map(|last| last.document.customer.clone());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// Add the contract of a customer.
#[utoipa::path(post, path = "/api/v1/contracts", tag = "prices", request_body = Contract,
    responses((status = 201, body = Kept<Contract>), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Written(document): Written<Contract>,
) -> Result<(StatusCode, Versioned<Kept<Contract>>)> {
    Ok((StatusCode::CREATED, tagged(web.bookings.tariffs().add(document, who.actor()).await?)))
}

/// The contract of a customer.
#[utoipa::path(get, path = "/api/v1/contracts/{id}", tag = "prices", params(("id" = String, Path)),
    responses((status = 200, body = Kept<Contract>), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, reach: Reach, Id(id): Id<String>) -> Result<Versioned<Kept<Contract>>> {
    if reach.customer().is_some_and(|own| own != id) {
        return Err(Error::not_found(format!("there is no contract {id}")));
    }
    Ok(tagged(web.bookings.tariffs().document(id).await?))
}

/// Put a contract in the place of the one that the customer has.
#[utoipa::path(put, path = "/api/v1/contracts/{id}", tag = "prices", params(("id" = String, Path), MaybeIfMatch), request_body = Contract,
    responses((status = 200, body = Kept<Contract>), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn replace(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<String>,
    MaybeIfMatch(version): MaybeIfMatch,
    Written(document): Written<Contract>,
) -> Result<Versioned<Kept<Contract>>> {
    if document.customer != id {
        return Err(Error::field("customer", format!("must be {id}, as in the address")));
    }
    Ok(tagged(web.bookings.tariffs().replace(document, version, who.actor()).await?))
}

/// Delete the contract of a customer.
#[utoipa::path(delete, path = "/api/v1/contracts/{id}", tag = "prices", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn delete(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<StatusCode> {
    web.bookings.tariffs().delete::<Contract>(id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

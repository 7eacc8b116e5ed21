//! What trips cost, over HTTP: versions of the tariff here, beside them what they speak of.

pub mod contracts;
mod input;
pub mod promos;
mod shape;
pub mod zones;

use super::Web;
use super::error::{Error, Problem, Result};
use super::extract::{Caller, Id, Params, Written};
use super::shapes::{List, PageParams};
use crate::model::{Day, Window};
use crate::pricing::compare::Comparison;
use crate::tariffs::TariffInput;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use input::DryRunInput;
use shape::{TariffShape, TariffSummary};

/// Entries in each list of a dry run.
const LISTED: usize = 100;

/// The versions of the tariff in short, newest first; the last is the flat tariff of the settings, version 0.
#[utoipa::path(get, path = "/api/v1/tariffs", tag = "prices", params(PageParams),
    responses((status = 200, body = List<TariffSummary>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(page): Params<PageParams>) -> Result<Json<List<TariffSummary>>> {
    let before =
        page.cursor.as_deref().map(|cursor| cursor.parse().map_err(|_| Error::field("cursor", "must be the next of the page before")));
    let limit = page.limit as usize;
    let versions = web.bookings.tariffs().versions(before.transpose()?, limit).await?;
    let next = versions.last().filter(|v| versions.len() == limit && v.row.version > 0).map(|v| v.row.version.to_string());
    Ok(Json(List { items: versions.iter().map(TariffSummary::from).collect(), next }))
}

/// Publish a version of the tariff, in effect at once or from `starts_at` on.
///
/// What was quoted before keeps its price until the quote expires. A version never changes: what is to be different is the next one.
#[utoipa::path(post, path = "/api/v1/tariffs", tag = "prices", request_body = TariffInput,
    responses((status = 201, body = TariffShape), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Written(input): Written<TariffInput>,
) -> Result<(StatusCode, [(header::HeaderName, String); 1], Json<TariffShape>)> {
    let made = web.bookings.tariffs().publish(input.tariff, input.starts_at, who.actor()).await?;
    let location = format!("/api/v1/tariffs/{}", made.row.version);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made.into())))
}

/// A version of the tariff by its number, or `current` for the one in effect.
#[utoipa::path(get, path = "/api/v1/tariffs/{version}", tag = "prices", params(("version" = String, Path)),
    responses((status = 200, body = TariffShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(version): Id<String>) -> Result<Json<TariffShape>> {
    let number = match version.as_str() {
        "current" => None,
        text => {
            Some(text.parse().map_err(|_| Error::not_found(format!("there is no version {text} of the tariff: versions are numbers")))?)
        }
    };
    Ok(Json(web.bookings.tariffs().version(number).await?.into()))
}

/// Withdraw a version that has not begun.
#[utoipa::path(delete, path = "/api/v1/tariffs/{version}", tag = "prices", params(("version" = u32, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn withdraw(State(web): State<Web>, Caller(who): Caller, Id(version): Id<u32>) -> Result<StatusCode> {
    web.bookings.tariffs().withdraw(version, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the bookings of a time would cost by another tariff: who would pay more, who less. Nothing is changed.
///
/// Every booking with a pickup within it that was not called off, yesterday's unless it is said, by the tariff in effect and by this
/// one; promo codes and demand count in neither.
#[utoipa::path(post, path = "/api/v1/tariffs/dry-run", tag = "prices", request_body = DryRunInput,
    responses((status = 200, body = Comparison), (status = 422, body = Problem)))]
pub async fn dry_run(State(web): State<Web>, Written(input): Written<DryRunInput>) -> Result<Json<Comparison>> {
    let yesterday = Day::of(web.clock.now(), &web.config.depot.zone).previous().time();
    let time = Window { from: input.from.unwrap_or(yesterday.from), until: input.to.unwrap_or(yesterday.until) };
    if time.until <= time.from {
        return Err(Error::field("to", "must be after from"));
    }
    Ok(Json(web.bookings.tariffs().dry_run(input.tariff, time, LISTED).await?))
}

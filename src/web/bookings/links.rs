//! The tracking links of a booking.

use crate::links::{Link, NewLink};
use crate::model::{BookingId, Language, Timestamp};
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Body, Caller, Id};
use crate::web::fields::{Fields, Read};
use crate::web::reach::Reach;
use crate::web::shapes::List;
use crate::web::shapes::words;
use crate::web::track;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// A tracking link, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Link)]
pub struct LinkShape {
    /// Its id.
    id: String,
    /// What its page is written in; absent: as the reader's browser asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::Locale>)]
    language: Option<Language>,
    /// Who made it, like `user:ana`.
    created_by: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// From then on it shows nothing: when that was said, or 24 h after the booking came to its end. Absent while that is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// It shows nothing any more.
    expired: bool,
}
impl From<Link> for LinkShape {
    fn from(link: Link) -> Self {
        Self {
            id: link.id,
            language: link.language,
            created_by: link.made_by,
            created_at: link.made_at,
            expires_at: link.expires_at,
            expired: link.expired,
        }
    }
}

/// A link that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewLink)]
pub struct NewLinkShape {
    /// The link.
    #[serde(flatten)]
    link: LinkShape,
    /// Its address, with the secret, which is told this once.
    url: String,
}

/// A link to be made.
#[derive(Debug, ToSchema)]
#[schema(as = LinkRequest)]
#[expect(dead_code, reason = "only describes the fields of `LinkInput`")]
pub struct LinkRequest {
    /// What its page is written in: `en`, `de`, `es`, `fr`, `pt` or `ca`. Absent: as the reader's browser asks.
    #[schema(value_type = Option<words::Locale>)]
    language: Option<String>,
    /// From then on it shows nothing, whatever becomes of the booking.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// What is said of a link that is to be made.
#[derive(Debug)]
pub struct LinkInput(NewLink);
impl Read for LinkInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let names = Language::ALL.iter().map(|language| language.as_str()).collect::<Vec<_>>().join(", ");
        let language = f.one_of("language", &names, Language::parse);
        let expires_at = f.instant("expires_at");
        Some(Self(NewLink { language: language?, expires_at: expires_at? }))
    }
}

/// Make a tracking link; its address is in this answer only.
///
/// Whoever has it follows the booking without signing in, until 24 h after that came to its end. A booking has ten at most.
#[utoipa::path(post, path = "/api/v1/bookings/{id}/links", tag = "bookings", params(("id" = String, Path)), request_body = LinkRequest,
    responses((status = 201, body = NewLinkShape), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn make_link(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<BookingId>,
    headers: HeaderMap,
    Body(LinkInput(new)): Body<LinkInput>,
) -> Result<(StatusCode, Json<NewLinkShape>)> {
    let reach = Reach::of(&who);
    reach.pace(&web)?;
    reach.admit(web.bookings.get(id).await?)?;
    let (link, secret) = web.links.make(id, new, who.actor()).await?;
    Ok((StatusCode::CREATED, Json(NewLinkShape { link: link.into(), url: track::address(&web, &secret, &headers) })))
}

/// The tracking links of a booking, newest first.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/links", tag = "bookings", params(("id" = String, Path)),
    responses((status = 200, body = List<LinkShape>), (status = 404, body = Problem)))]
pub async fn links(State(web): State<Web>, reach: Reach, Id(id): Id<BookingId>) -> Result<Json<List<LinkShape>>> {
    reach.admit(web.bookings.get(id).await?)?;
    let links = web.links.of(id).await?;
    Ok(Json(List { items: links.into_iter().map(Into::into).collect(), next: None }))
}

/// Revoke a tracking link: at once it shows nothing.
#[utoipa::path(delete, path = "/api/v1/bookings/{id}/links/{link}", tag = "bookings",
    params(("id" = String, Path), ("link" = String, Path, description = "The link's id")),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn revoke_link(State(web): State<Web>, Caller(who): Caller, Path((id, link)): Path<(String, String)>) -> Result<StatusCode> {
    let id: BookingId = id.parse().map_err(|e| Error::not_found(format!("{id:?} {e}")))?;
    let reach = Reach::of(&who);
    reach.pace(&web)?;
    reach.admit(web.bookings.get(id).await?)?;
    web.links.revoke(id, link, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Photos and signatures of a delivery.

use crate::model::{BookingId, Timestamp};
use crate::store::attachments::Attachment;
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::Id;
use crate::web::reach::Reach;
use crate::web::shapes::{File, List};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use serde::Serialize;
use utoipa::ToSchema;

/// A photo or a signature.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Attachment)]
pub struct AttachmentShape {
    /// Its id; the step's proof has it as `signature` or in `photos`.
    id: String,
    /// Its media type.
    media_type: String,
    /// How many bytes it has.
    bytes: i64,
    /// When it came in.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}
impl From<Attachment> for AttachmentShape {
    fn from(a: Attachment) -> Self {
        Self { id: a.id, media_type: a.media, bytes: a.size, received_at: a.at }
    }
}

/// The photos and signatures of a booking, in the order in which they came.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/attachments", tag = "bookings", params(("id" = String, Path)),
    responses((status = 200, body = List<AttachmentShape>), (status = 404, body = Problem)))]
pub async fn attachments(State(web): State<Web>, reach: Reach, Id(id): Id<BookingId>) -> Result<Json<List<AttachmentShape>>> {
    reach.admit(web.bookings.get(id).await?)?;
    let found = web.bookings.attachments(id).await?;
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next: None }))
}

/// A photo or a signature of a booking.
#[utoipa::path(get, path = "/api/v1/bookings/{id}/attachments/{attachment}", tag = "bookings",
    params(("id" = String, Path), ("attachment" = String, Path)),
    responses((status = 200, body = File, content_type = "image/*"), (status = 404, body = Problem)))]
pub async fn attachment(
    State(web): State<Web>,
    reach: Reach,
    Path((id, attachment)): Path<(String, String)>,
) -> Result<([(HeaderName, String); 1], Vec<u8>)> {
    let missing = || Error::not_found("there is no such attachment");
    let id: BookingId = id.parse().map_err(|_| missing())?;
    reach.admit(web.bookings.get(id).await?)?;
    let (media, bytes) = web.bookings.attachment(id, attachment).await?.ok_or_else(missing)?;
    Ok(([(header::CONTENT_TYPE, media)], bytes))
}

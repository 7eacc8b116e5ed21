//! What rules say to those at the console.

use crate::model::{Event, Timestamp};
use crate::store::journal;
use crate::web::Web;
use crate::web::error::{Problem, Result};
use crate::web::extract::Params;
use crate::web::fields::{Fields, Read};
use crate::web::shapes::{List, PageParams};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// A message for those at the console.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StaffMessage)]
pub struct MessageShape {
    /// Its place in the journal.
    seq: i64,
    /// The delivery's id.
    id: String,
    /// When it was said.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What it is about; may be empty.
    subject: String,
    /// What it says.
    text: String,
    /// The booking that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_id: Option<String>,
}

impl From<&Event> for MessageShape {
    fn from(event: &Event) -> Self {
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let word = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        Self {
            seq: event.seq,
            id: word("delivery_id"),
            at: event.at,
            subject: word("subject"),
            text: word("text"),
            booking_id: event.booking.map(|id| id.to_string()),
        }
    }
}

/// Which messages.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageParams {
    /// Where the page before ended.
    cursor: Option<i64>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: u32,
}
impl Read for MessageParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let cursor = f.one_of("cursor", "those that a list gave", |text| text.parse().ok());
        let page = PageParams::read(f);
        Some(Self { cursor: cursor?, limit: page?.limit })
    }
}

/// What rules said to those at the console, newest first.
///
/// The live view carries each as it is said, to whoever subscribes with `"messages": true`.
#[utoipa::path(get, path = "/api/v1/messages", tag = "notifications", params(MessageParams),
    responses((status = 200, body = List<MessageShape>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(params): Params<MessageParams>) -> Result<Json<List<MessageShape>>> {
    let (before, limit) = (params.cursor.unwrap_or(i64::MAX), usize::try_from(params.limit).unwrap_or(50));
    let found = web.db.read(move |c| journal::staff_messages(c, before, limit + 1)).await?;
    let shown = &found[..found.len().min(limit)];
    let next = shown.last().filter(|_| found.len() > limit).map(|last| last.seq.to_string());
    Ok(Json(List { items: shown.iter().map(Into::into).collect(), next }))
}

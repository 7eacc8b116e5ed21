//! The queue of what is to be said, and what came of it.

use crate::model::{Attempt, Channel, Delivery, DeliveryId, DeliveryState, Timestamp};
use crate::store::deliveries::Filter;
use crate::web::Web;
use crate::web::error::{Error, Problem, Result};
use crate::web::extract::{Id, Params};
use crate::web::fields::{Fields, Read};
use crate::web::shapes::words;
use crate::web::shapes::{List, PageParams};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub struct AttemptShape {
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What the other side answered, of HTTP or SMTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// How long it took, in milliseconds.
    ms: u64,
    /// What was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}
impl From<Attempt> for AttemptShape {
    fn from(Attempt { at, status, ms, error }: Attempt) -> Self {
        Self { at, status, ms, error }
    }
}

/// Something said, or to be said, to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub struct DeliveryShape {
    /// The same in every attempt: `webhook-id`, `Message-ID`.
    #[schema(value_type = String)]
    id: DeliveryId,
    /// `mail`, `webhook`, `gateway`, `message` or `push`.
    #[schema(value_type = words::DeliveryChannel)]
    channel: Channel,
    /// `mail`, `webhook:<id>`, `gateway:<name>`, `message` or `push:<host>`.
    endpoint: String,
    /// To whom; missing where the endpoint says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_id: Option<String>,
    /// The journal entry that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_seq: Option<i64>,
    /// The rule that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_id: Option<String>,
    /// What it says in one line: the kind of the event, or the subject of the mail.
    subject: String,
    /// `waiting`, `sent`, `dead` or `withdrawn`: it was not true any more, like a reminder of what was called off.
    #[schema(value_type = words::DeliveryStatus)]
    state: DeliveryState,
    /// Attempts so far.
    attempts: u32,
    /// When it is tried next, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<Timestamp>,
    /// Why the last attempt failed, or why it was given up or withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// The last 20 attempts, oldest first.
    log: Vec<AttemptShape>,
    /// When it was put into the queue.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was taken or given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    done_at: Option<Timestamp>,
}
impl From<Delivery> for DeliveryShape {
    fn from(d: Delivery) -> Self {
        Self {
            id: d.id,
            channel: d.channel,
            endpoint: d.endpoint,
            recipient: Some(d.recipient).filter(|to| !to.is_empty()),
            booking_id: d.booking.map(|id| id.to_string()),
            event_seq: d.event,
            rule_id: d.rule,
            subject: d.subject,
            state: d.state,
            attempts: d.attempts,
            next_at: Some(d.next_at).filter(|_| d.state == DeliveryState::Waiting),
            last_error: d.last_error,
            log: d.log.into_iter().map(Into::into).collect(),
            created_at: d.created_at,
            done_at: d.done_at,
        }
    }
}

/// Which deliveries.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryParams {
    /// `waiting`, `sent`, `dead` or `withdrawn`.
    #[param(inline, value_type = Option<words::DeliveryStatus>)]
    state: Option<DeliveryState>,
    /// `mail`, `webhook`, `gateway`, `message` or `push`.
    #[param(inline, value_type = Option<words::DeliveryChannel>)]
    channel: Option<Channel>,
    /// Where the page before ended.
    cursor: Option<i64>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    limit: u32,
}
impl Read for DeliveryParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let state = f.one_of("state", "waiting, sent, dead, withdrawn", DeliveryState::parse);
        let channel = f.one_of("channel", "mail, webhook, gateway, message, push", Channel::parse);
        let cursor = f.one_of("cursor", "those that a list gave", |text| text.parse().ok());
        let page = PageParams::read(f);
        Some(Self { state: state?, channel: channel?, cursor: cursor?, limit: page?.limit })
    }
}

/// A page of deliveries, newest first.
pub(super) async fn page(web: &Web, params: DeliveryParams, endpoint: Option<String>) -> Result<Json<List<DeliveryShape>>> {
    let filter = Filter { state: params.state, channel: params.channel, endpoint };
    let limit = usize::try_from(params.limit).unwrap_or(50);
    let mut found = web.post.deliveries(filter, params.cursor.unwrap_or(i64::MAX), limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.number.to_string());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// What was said, or is to be said, to people and programs, newest first; `?state=dead` gives the dead letters with their reasons.
///
/// Deliveries are kept for `notify.keep_days` after they are done.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "notifications", params(DeliveryParams),
    responses((status = 200, body = List<DeliveryShape>), (status = 422, body = Problem)))]
pub async fn list(State(web): State<Web>, Params(params): Params<DeliveryParams>) -> Result<Json<List<DeliveryShape>>> {
    page(&web, params, None).await
}

/// Send one again that is done or a dead letter, under the id that it has.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/resend", tag = "notifications", params(("id" = String, Path)),
    responses((status = 202, body = DeliveryShape), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn resend(State(web): State<Web>, Id(id): Id<String>) -> Result<(StatusCode, Json<DeliveryShape>)> {
    let id: DeliveryId = id.parse().map_err(|_| Error::not_found("there is no such delivery"))?;
    Ok((StatusCode::ACCEPTED, Json(web.post.resend(id).await?.into())))
}

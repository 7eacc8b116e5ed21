//! Recurring bookings over HTTP.

mod input;

use super::Web;
use super::bookings::standing;
use super::error::{Problem, Result};
use super::extract::{Body, Caller, Id, IdempotencyKey, MergePatch, Params};
use super::fields::Fields;
use super::if_match::IfMatch;
use super::shapes::{List, PageParams, SiteShape, StopShape};
use super::version::{Version, Versioned};
use crate::bookings::Error;
use crate::bookings::recurrences::{Hour, Moment, RecurrenceRequest, Upcoming};
use crate::fields::merge;
use crate::model::{Look, Order, Outcome, Recurrence, RecurrenceId, Timestamp};
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use input::{NextParams, RecurrenceInput, RecurrencePatch, SkipInput};
use jiff::civil::Time;
use serde::Serialize;
use utoipa::ToSchema;

/// A recurring booking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recurrence)]
pub struct RecurrenceShape {
    /// Its id.
    id: String,
    /// What is ordered each time.
    order: TemplateShape,
    /// The days, as an RFC 5545 rule.
    rule: String,
    /// The rule counts from this local day on.
    #[schema(format = Date)]
    start_date: String,
    /// Local time of the pickup.
    start_time: String,
    /// IANA time zone.
    zone: String,
    /// Minutes within which the pickup is to happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_minutes: Option<u32>,
    /// On days whose clock jumps over the time: `earlier`, `later` or `skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::MissingHour>)]
    missing_hour: Option<&'static str>,
    /// On days whose clock shows the time twice: `first` or `second`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::RepeatedHour>)]
    repeated_hour: Option<&'static str>,
    /// No bookings are placed.
    paused: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// What came of it when its bookings were last to be placed; absent until they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_result: Option<LastResult>,
    /// Counts its changes, from 1.
    version: u32,
}

/// What came of placing a recurrence's bookings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecurrenceResult)]
pub struct LastResult {
    /// When they were to be placed.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `ok` or `failed`.
    #[schema(value_type = words::RecurrenceOutcome)]
    result: &'static str,
    /// How many were placed.
    placed: u32,
    /// Why it failed; it is tried again by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl From<&Look> for LastResult {
    fn from(look: &Look) -> Self {
        let Look { at, placed, fault } = look.clone();
        Self { at, result: if fault.is_none() { "ok" } else { "failed" }, placed, message: fault }
    }
}

/// What is ordered each time.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecurrenceOrder)]
pub struct TemplateShape {
    /// Where the load is picked up.
    pickup: SiteShape,
    /// Where it goes.
    dropoff: SiteShape,
    /// Stops on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stops: Vec<StopShape>,
    /// Only a vehicle of this class will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    vehicle_class: Option<String>,
    /// Weight in kg.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_kg: Option<u32>,
    /// Volume in cubic metres.
    #[serde(skip_serializing_if = "Option::is_none")]
    load_m3: Option<f64>,
    /// Number of pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pieces: Option<u32>,
    /// What the vehicle must be able to do.
    skills: Vec<String>,
    /// Who it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<String>,
    /// What the customer calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_reference: Option<String>,
    /// `low`, `normal`, `high` or `urgent`.
    #[schema(value_type = words::Priority)]
    priority: &'static str,
    /// Free words.
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
}

impl From<&Order> for TemplateShape {
    fn from(o: &Order) -> Self {
        Self {
            pickup: (&o.pickup).into(),
            dropoff: (&o.dropoff).into(),
            stops: o.stops.iter().map(Into::into).collect(),
            vehicle_class: o.vehicle_class.clone(),
            load_kg: o.load_kg,
            load_m3: o.load_m3,
            pieces: o.pieces,
            skills: o.skills.clone(),
            customer: o.customer.clone(),
            customer_reference: o.customer_reference.clone(),
            priority: o.priority.as_str(),
            notes: o.notes.clone(),
        }
    }
}

impl From<&Recurrence> for RecurrenceShape {
    fn from(r: &Recurrence) -> Self {
        let p = &r.pattern;
        Self {
            id: r.id.to_string(),
            order: (&r.order).into(),
            rule: p.rule.clone(),
            start_date: p.start_date.to_string(),
            start_time: clock_time(p.start_time),
            zone: p.zone.clone(),
            window_minutes: r.window_minutes,
            missing_hour: p.missing_hour.map(|c| c.as_str()),
            repeated_hour: p.repeated_hour.map(|c| c.as_str()),
            paused: r.paused,
            created_at: r.created_at,
            updated_at: r.updated_at,
            last_result: r.last.as_ref().map(Into::into),
            version: r.version,
        }
    }
}

/// A day on which a recurrence recurs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Occurrence {
    /// The local day.
    #[schema(format = Date)]
    date: String,
    /// When its pickup is due; absent where the day has no such time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Local time with its offset from UTC; without one where there is no `at`.
    local: String,
    /// The clocks are put forward or back before it.
    offset_changes: bool,
    /// `missing`: the day's clock jumps over the time; `repeated`: it shows it twice. It was moved as the recurrence says, and where that says
    /// nothing (`undecided`) it is to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<words::OccurrenceHour>)]
    hour: Option<&'static str>,
    /// What became, or will become, of it: `expected`, `placed`, `skipped`, `missed`, or `undecided` where nobody said what
    /// to do on a day whose clock misses or repeats the time.
    #[schema(value_type = words::OccurrenceOutcome)]
    outcome: &'static str,
    /// The booking that was placed.
    #[serde(skip_serializing_if = "Option::is_none")]
    booking_id: Option<String>,
}

impl From<&Upcoming> for Occurrence {
    fn from(u: &Upcoming) -> Self {
        let (at, coming) = match u.slot.moment {
            Moment::At(at) => (Some(at), "expected"),
            Moment::Skipped => (None, Outcome::Skipped.as_str()),
            Moment::Missing | Moment::Repeated => (None, Outcome::Undecided.as_str()),
        };
        Self {
            date: u.slot.date.to_string(),
            at,
            local: u.local.clone(),
            offset_changes: u.offset_changes,
            hour: u.slot.hour.map(|hour| match hour {
                Hour::Missing => "missing",
                Hour::Repeated => "repeated",
            }),
            outcome: u.outcome.map_or(coming, Outcome::as_str),
            booking_id: u.booking.map(|b| b.to_string()),
        }
    }
}

/// `08:30`, with seconds only where there are some.
fn clock_time(time: Time) -> String {
    time.strftime(if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" }).to_string()
}

type One = Versioned<RecurrenceShape>;

fn one(r: &Recurrence) -> One {
    Versioned(Version(r.version), r.into())
}

/// Make a recurring booking.
///
/// Its bookings are placed `bookings.recurring_ahead_days` ahead, one for each of its local days.
#[utoipa::path(post, path = "/api/v1/recurrences", tag = "recurrences", request_body = RecurrenceInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Up to 255 characters of the client's choice")),
    responses((status = 201, body = RecurrenceShape), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    IdempotencyKey(key): IdempotencyKey,
    Body(input): Body<RecurrenceRequest>,
) -> Result<(StatusCode, One)> {
    let made = web.bookings.recurrences().add(input, who.actor(), key).await?;
    Ok((StatusCode::CREATED, one(&made)))
}

/// List recurring bookings, oldest first.
#[utoipa::path(get, path = "/api/v1/recurrences", tag = "recurrences", params(PageParams),
    responses((status = 200, body = List<RecurrenceShape>)))]
pub async fn list(State(web): State<Web>, Params(page): Params<PageParams>) -> Result<Json<List<RecurrenceShape>>> {
    let page = web.bookings.recurrences().list(page.into()).await?;
    Ok(Json(List { items: page.items.iter().map(Into::into).collect(), next: page.next }))
}

/// One recurring booking.
#[utoipa::path(get, path = "/api/v1/recurrences/{id}", tag = "recurrences", params(("id" = String, Path)),
    responses((status = 200, body = RecurrenceShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<RecurrenceId>) -> Result<One> {
    Ok(one(&web.bookings.recurrences().get(id).await?))
}

/// Change a recurring booking.
///
/// Bookings that were placed stay as they are; the days that follow are placed by what is said now.
#[utoipa::path(patch, path = "/api/v1/recurrences/{id}", tag = "recurrences",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of the recurrence as it was read")),
    request_body(content = RecurrencePatch, content_type = "application/merge-patch+json"),
    responses((status = 200, body = RecurrenceShape), (status = 412, body = Problem), (status = 422, body = Problem), (status = 428, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<RecurrenceId>,
    wanted: IfMatch,
    MergePatch(patch): MergePatch,
) -> Result<One> {
    let recurrences = web.bookings.recurrences();
    let found = fitting(&web, &id, &wanted).await?;
    let mut members = input::document(&found);
    merge::merge(&mut members, patch);
    let request = Fields::of_json(members.into())?;
    Ok(one(&recurrences.change(id, found.version, request, who.actor()).await?))
}

/// Take a recurring booking away. Bookings that were placed stay.
#[utoipa::path(delete, path = "/api/v1/recurrences/{id}", tag = "recurrences",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of the recurrence as it was read")),
    responses((status = 204), (status = 412, body = Problem), (status = 428, body = Problem)))]
pub async fn remove(State(web): State<Web>, Caller(who): Caller, Id(id): Id<RecurrenceId>, wanted: IfMatch) -> Result<StatusCode> {
    let found = fitting(&web, &id, &wanted).await?;
    web.bookings.recurrences().remove(id, found.version, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stop placing bookings. The days of a pause are not made up for.
#[utoipa::path(post, path = "/api/v1/recurrences/{id}/pause", tag = "recurrences", params(("id" = String, Path)),
    responses((status = 200, body = RecurrenceShape), (status = 404, body = Problem)))]
pub async fn pause(State(web): State<Web>, Caller(who): Caller, Id(id): Id<RecurrenceId>) -> Result<One> {
    Ok(one(&web.bookings.recurrences().pause(id, true, who.actor()).await?))
}

/// Place bookings again.
#[utoipa::path(post, path = "/api/v1/recurrences/{id}/resume", tag = "recurrences", params(("id" = String, Path)),
    responses((status = 200, body = RecurrenceShape), (status = 404, body = Problem)))]
pub async fn resume(State(web): State<Web>, Caller(who): Caller, Id(id): Id<RecurrenceId>) -> Result<One> {
    Ok(one(&web.bookings.recurrences().pause(id, false, who.actor()).await?))
}

/// The next days on which it recurs, and what became of them already.
#[utoipa::path(get, path = "/api/v1/recurrences/{id}/next", tag = "recurrences", params(("id" = String, Path), NextParams),
    responses((status = 200, body = List<Occurrence>), (status = 404, body = Problem)))]
pub async fn next(State(web): State<Web>, Id(id): Id<RecurrenceId>, Params(p): Params<NextParams>) -> Result<Json<List<Occurrence>>> {
    let count = usize::try_from(p.count).unwrap_or(usize::MAX);
    let upcoming = web.bookings.recurrences().next(id, count).await?;
    Ok(Json(List { items: upcoming.iter().map(Into::into).collect(), next: None }))
}

/// Leave out one day, or take it in again.
///
/// A booking that was placed for it is called off; it is taken in again by reopening that.
#[utoipa::path(post, path = "/api/v1/recurrences/{id}/skip", tag = "recurrences", params(("id" = String, Path)),
    request_body = SkipInput, responses((status = 200, body = RecurrenceShape), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub async fn skip(State(web): State<Web>, Caller(who): Caller, Id(id): Id<RecurrenceId>, Body(input): Body<SkipInput>) -> Result<One> {
    let recurrences = web.bookings.recurrences();
    let r = match input.undo {
        Some(true) => recurrences.unskip(id, input.date, who.actor()).await?,
        _ => recurrences.skip(id, input.date, standing(&who), who.actor()).await?,
    };
    Ok(one(&r))
}

/// The recurrence, when it has the version that is meant.
async fn fitting(web: &Web, id: &RecurrenceId, wanted: &IfMatch) -> Result<Recurrence> {
    let found = web.bookings.recurrences().get(id.clone()).await?;
    if wanted.fits(Version(found.version)) { Ok(found) } else { Err(Error::StaleRecurrence(Box::new(found)).into()) }
}

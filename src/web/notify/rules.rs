//! Rules of notifications over HTTP.

use crate::model::{BookingId, Channel, Kind, Language, Limit, Quiet, QuietThen, Rule, RuleBody, Timestamp, Who};
use crate::notify::{ADDRESSES, RuleWish, Said};
use crate::web::Web;
use crate::web::error::{Error, FieldError, Problem, Result};
use crate::web::extract::{Body, Caller, Id};
use crate::web::fields::{Fields, Read};
use crate::web::if_match::MaybeIfMatch;
use crate::web::shapes::List;
use crate::web::shapes::needs::needs;
use crate::web::shapes::words;
use crate::web::version::{Version, Versioned};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Hours in which nobody is disturbed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuietHours)]
pub struct QuietShape {
    /// Like `22:00-06:30`, of the depot's zone.
    hours: String,
    /// `wait`: it is said when they are over (as usual); `drop`: it is not said.
    #[schema(value_type = words::QuietThen)]
    then: QuietThen,
}

/// How much one recipient is told at most.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationLimit)]
pub struct LimitShape {
    /// So many …
    count: u32,
    /// … in so many minutes.
    per_min: u32,
}

/// Who is told what, when something happens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationRule)]
pub struct RuleShape {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// `false`: paused.
    enabled: bool,
    /// Of which events: like `booking.assigned`, or all of a noun like `booking.*`.
    events: Vec<String>,
    /// `driver` (on duty with the vehicle), `customer` (the contact at the pickup, or else at the drop-off), `recipient` (the contact at
    /// the drop-off), `staff` (at the console) or `addresses`.
    #[schema(value_type = words::RuleAudience)]
    who: Who,
    /// With `addresses`: mail addresses or telephone numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    /// `message` (to the driver over MQTT, to staff at the console), `push` (to their browsers), `mail` or `gateway`.
    #[schema(value_type = words::RuleChannel)]
    channel: Channel,
    /// With `gateway`: its name in the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<String>,
    /// In which language placeholders speak: `en`, `de`, `es`, `fr`, `pt` or `ca`.
    #[schema(value_type = words::Locale)]
    language: Language,
    /// What it is about.
    subject: String,
    /// What is said.
    text: String,
    /// When nobody is disturbed.
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<QuietShape>,
    /// How much one recipient is told at most; more is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitShape>,
    /// With `mail`: minutes in which it is collected into one letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest_min: Option<u32>,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Counts its changes; goes with `If-Match`.
    version: u32,
}
impl From<Rule> for RuleShape {
    fn from(Rule { id, name, enabled, body, created_at, version, .. }: Rule) -> Self {
        let RuleBody { events, who, to, channel, gateway, language, subject, text, quiet, limit, digest_min } = body;
        let quiet = quiet.map(|Quiet { hours, then }| QuietShape { hours, then });
        let limit = limit.map(|Limit { count, per_min }| LimitShape { count, per_min });
        Self {
            id,
            name,
            enabled,
            events,
            who,
            to,
            channel,
            gateway,
            language,
            subject,
            text,
            quiet,
            limit,
            digest_min,
            created_at,
            version,
        }
    }
}

fn versioned(rule: Rule) -> Versioned<RuleShape> {
    Versioned(Version(rule.version), rule.into())
}

impl Read for Quiet {
    fn read(f: &mut Fields) -> Option<Self> {
        let hours = f.text("hours", 20);
        let hours = f.required("hours", hours);
        let then = f.one_of("then", "wait, drop", QuietThen::parse);
        Some(Self { hours: hours?, then: then?.unwrap_or(QuietThen::Wait) })
    }
}
impl Read for Limit {
    fn read(f: &mut Fields) -> Option<Self> {
        let count = f.whole("count", 1, 1_000);
        let count = f.required("count", count);
        let per_min = f.whole("per_min", 1, 10_080);
        let per_min = f.required("per_min", per_min);
        Some(Self { count: count?, per_min: per_min? })
    }
}

/// A rule to be made, or what is to be different: what is absent stays, or is as usual; `null` takes what need not be there away.
///
/// Texts may hold placeholders: `{booking.reference}`, `{booking.status}`, `{booking.customer}`, `{booking.customer_reference}`,
/// `{booking.pickup}`, `{booking.dropoff}`, `{booking.pickup_time}`, `{booking.price}`, `{booking.notes}`, `{booking.reason}`,
/// `{vehicle}`, `{driver}`, `{driver.phone}`, `{eta}`, `{late}` (minutes), `{event}`, `{time}`, `{depot}`; `{{` and `}}` are braces.
#[derive(Debug, ToSchema)]
#[schema(as = NotificationRuleRequest)]
pub struct RuleInput {
    /// What people call it.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// `false`: paused.
    enabled: Option<bool>,
    /// Events like `booking.assigned`, or all of a noun like `booking.*`.
    #[schema(max_items = 64)]
    events: Option<Vec<String>>,
    /// `driver`, `customer`, `recipient`, `staff` or `addresses`.
    #[schema(value_type = Option<words::RuleAudience>)]
    who: Option<Who>,
    /// With `addresses`: 1 to 20 mail addresses or telephone numbers.
    to: Option<Option<Vec<String>>>,
    /// `message`, `push` (both to `driver` and `staff` alone), `mail` or `gateway`.
    #[schema(value_type = Option<words::RuleChannel>)]
    channel: Option<Channel>,
    /// With `gateway`: its name in the settings.
    gateway: Option<Option<String>>,
    /// `en` (as usual), `de`, `es`, `fr`, `pt` or `ca`.
    #[schema(value_type = Option<words::Locale>)]
    language: Option<Language>,
    /// What it is about; mail needs it.
    #[schema(max_length = 200)]
    subject: Option<Option<String>>,
    /// What is said.
    #[schema(max_length = 4000)]
    text: Option<String>,
    /// When nobody is disturbed.
    #[schema(value_type = Option<QuietShape>)]
    quiet: Option<Option<Quiet>>,
    /// How much one recipient is told at most.
    #[schema(value_type = Option<LimitShape>)]
    limit: Option<Option<Limit>>,
    /// With `mail`: 1 to 1440 minutes in which it is collected into one letter.
    digest_min: Option<Option<u32>>,
}
needs! {
    /// A rule to be made.
    NewNotificationRuleRequest = RuleInput, ["events", "who", "channel", "text"]
}
impl Read for RuleInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let (name, enabled, events) = (f.line("name", 100), f.flag("enabled"), f.texts("events", 64));
        let who = f.one_of("who", "driver, customer, recipient, staff, addresses", Who::parse);
        let to = f.change("to", |f, name| f.texts(name, ADDRESSES));
        let channel = f.one_of("channel", "message, push, mail, gateway", Channel::parse);
        let gateway = f.change("gateway", |f, name| f.text(name, 64));
        let language = f.one_of("language", "en, de, es, fr, pt, ca", Language::parse);
        let subject = f.change("subject", |f, name| f.text(name, 200));
        let text = f.text("text", 4_000);
        let quiet = f.change("quiet", |f, name| f.object(name));
        let limit = f.change("limit", |f, name| f.object(name));
        let digest_min = f.change("digest_min", |f, name| f.whole(name, 1, 1_440));
        Some(Self {
            name: name?,
            enabled: enabled?,
            events: events?,
            who: who?,
            to: to?,
            channel: channel?,
            gateway: gateway?,
            language: language?,
            subject: subject?,
            text: text?,
            quiet: quiet?,
            limit: limit?,
            digest_min: digest_min?,
        })
    }
}
impl RuleInput {
    fn made(self) -> Result<RuleWish> {
        let missing = |field: &str| FieldError { field: field.to_owned(), message: "is missing".to_owned() };
        let absent = [
            (self.events.is_none(), "events"),
            (self.who.is_none(), "who"),
            (self.channel.is_none(), "channel"),
            (self.text.is_none(), "text"),
        ];
        let (Some(events), Some(who), Some(channel), Some(text)) = (self.events, self.who, self.channel, self.text) else {
            return Err(Error::invalid(absent.iter().filter(|(is, _)| *is).map(|(_, field)| missing(field)).collect()));
        };
        let body = RuleBody {
            events,
            who,
            to: self.to.flatten().unwrap_or_default(),
            channel,
            gateway: self.gateway.flatten(),
            language: self.language.unwrap_or_default(),
            subject: self.subject.flatten().unwrap_or_default(),
            text,
            quiet: self.quiet.flatten(),
            limit: self.limit.flatten(),
            digest_min: self.digest_min.flatten(),
        };
        let name = self.name.unwrap_or_else(|| format!("{}: {}", body.who.as_str(), body.events.join(", ")));
        Ok(RuleWish { name, enabled: self.enabled.unwrap_or(true), body })
    }

    fn over(self, was: &Rule) -> RuleWish {
        let body = was.body.clone();
        let body = RuleBody {
            events: self.events.unwrap_or(body.events),
            who: self.who.unwrap_or(body.who),
            to: self.to.map_or(body.to, Option::unwrap_or_default),
            channel: self.channel.unwrap_or(body.channel),
            gateway: self.gateway.unwrap_or(body.gateway),
            language: self.language.unwrap_or(body.language),
            subject: self.subject.map_or(body.subject, Option::unwrap_or_default),
            text: self.text.unwrap_or(body.text),
            quiet: self.quiet.unwrap_or(body.quiet),
            limit: self.limit.unwrap_or(body.limit),
            digest_min: self.digest_min.unwrap_or(body.digest_min),
        };
        RuleWish { name: self.name.unwrap_or_else(|| was.name.clone()), enabled: self.enabled.unwrap_or(was.enabled), body }
    }
}

/// A rule to be looked at, and over what.
#[derive(Debug, ToSchema)]
#[schema(as = NotificationPreviewRequest)]
pub struct PreviewInput {
    /// The rule, kept or not.
    rule: RuleInput,
    /// The booking.
    #[schema(value_type = String)]
    booking_id: BookingId,
    /// The event; the rule's first when absent.
    #[schema(value_type = Option<String>)]
    event: Option<Kind>,
}
impl Read for PreviewInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let rule = f.object("rule");
        let rule = f.required("rule", rule);
        let booking_id = f.named("booking_id");
        let booking_id = f.required("booking_id", booking_id);
        let event = f.one_of("event", "the events under `webhooks` in /openapi.json", Kind::parse);
        Some(Self { rule: rule?, booking_id: booking_id?, event: event? })
    }
}

/// What a rule would say.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationPreview)]
pub struct SaidShape {
    /// To whom; empty when nobody's address is known.
    to: Vec<String>,
    /// What it is about.
    subject: String,
    /// What is said.
    text: String,
    /// When; `null`: not at all, because of the quiet hours.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
}
impl From<Said> for SaidShape {
    fn from(Said { to, subject, text, at }: Said) -> Self {
        Self { to, subject, text, at }
    }
}

/// Every rule of notifications, by name.
#[utoipa::path(get, path = "/api/v1/notifications/rules", tag = "notifications", responses((status = 200, body = List<RuleShape>)))]
pub async fn list(State(web): State<Web>) -> Result<Json<List<RuleShape>>> {
    let items = web.post.rules().await?.into_iter().map(Into::into).collect();
    Ok(Json(List { items, next: None }))
}

/// Add a rule, which looks at what happens from now on.
#[utoipa::path(post, path = "/api/v1/notifications/rules", tag = "notifications", request_body = NewNotificationRuleRequest,
    responses((status = 201, body = RuleShape), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Body(input): Body<RuleInput>,
) -> Result<(StatusCode, Versioned<RuleShape>)> {
    Ok((StatusCode::CREATED, versioned(web.post.add_rule(input.made()?, who.actor()).await?)))
}

/// One rule.
#[utoipa::path(get, path = "/api/v1/notifications/rules/{id}", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = RuleShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<String>) -> Result<Versioned<RuleShape>> {
    Ok(versioned(web.post.rule(&id).await?))
}

/// Change, pause or resume a rule.
#[utoipa::path(patch, path = "/api/v1/notifications/rules/{id}", tag = "notifications", request_body = RuleInput,
    params(("id" = String, Path), MaybeIfMatch),
    responses((status = 200, body = RuleShape), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<String>,
    MaybeIfMatch(version): MaybeIfMatch,
    Body(input): Body<RuleInput>,
) -> Result<Versioned<RuleShape>> {
    Ok(versioned(web.post.change_rule(&id, move |was| input.over(was), version, who.actor()).await?))
}

/// Take a rule away, with what it collected; what waits to be said is said.
#[utoipa::path(delete, path = "/api/v1/notifications/rules/{id}", tag = "notifications", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<StatusCode> {
    web.post.remove_rule(&id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a rule would say of a booking, to whom and when; nothing is sent.
#[utoipa::path(post, path = "/api/v1/notifications/rules/preview", tag = "notifications", request_body = PreviewInput,
    responses((status = 200, body = SaidShape), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn preview(State(web): State<Web>, Body(input): Body<PreviewInput>) -> Result<Json<SaidShape>> {
    let body = input.rule.made()?.body;
    Ok(Json(web.post.preview(body, input.booking_id, input.event).await?.into()))
}

//! Schedules over HTTP.

use super::Web;
use super::error::{Error, FieldError, Problem, Result};
use super::extract::{Body, Caller, Id, Params};
use super::fields::{Fields, Read};
use super::if_match::MaybeIfMatch;
use super::shapes::{List, PageParams};
use super::version::{Version, Versioned};
use crate::model::{
    MailAddress, MailedReport, Missed, ReportName, ReportPeriod, Run, RunResult, RunTrigger, Schedule, ScheduleKind, Timestamp,
};
use crate::schedules::slots::{Local, Rule};
use crate::schedules::{self, Wish};
use crate::web::shapes::needs::needs;
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Slots told ahead.
const AHEAD: usize = 5;

/// A slot as people read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Slot)]
pub struct SlotShape {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Local time with its offset from UTC.
    local: String,
    /// The clocks are put forward or back before it.
    offset_changes: bool,
}
impl From<Local> for SlotShape {
    fn from(l: Local) -> Self {
        Self { at: l.at, local: l.text, offset_changes: l.offset_changes }
    }
}

/// A row of the run log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduleRun)]
pub struct RunShape {
    /// Numbers the runs.
    id: i64,
    /// The time it was for.
    #[schema(value_type = String, format = DateTime)]
    slot: Timestamp,
    /// From 1.
    attempt: u32,
    /// `cron`, `missed`, `retry` or `manual`.
    #[schema(value_type = words::RunTrigger)]
    trigger: RunTrigger,
    /// `running`, `ok`, `failed` or `missed`.
    #[schema(value_type = words::RunResult)]
    result: RunResult,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<Timestamp>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_s: Option<f64>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}
impl From<Run> for RunShape {
    fn from(r: Run) -> Self {
        let duration_s = r.finished_at.map(|end| end.since(r.started_at).as_secs_f64());
        let Run { id, slot, attempt, trigger, result, started_at, finished_at, message, .. } = r;
        Self { id, slot, attempt, trigger, result, started_at, finished_at, duration_s, message }
    }
}

/// A report that goes out by mail: a table of the last whole period before each slot, in the mail and as CSV with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailedReport)]
pub struct ReportShape {
    /// `operations` (as usual), `drivers`, `customers`, `unserved` or `devices`, as under `/api/v1/reports`.
    #[schema(value_type = words::ReportName)]
    name: ReportName,
    /// `day` (as usual), `week` (Monday to Sunday) or `month`, of the depot's zone.
    #[schema(value_type = words::ReportPeriod)]
    period: ReportPeriod,
    /// Who gets it: 1 to 20 mail addresses.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 20)]
    mail_to: Vec<MailAddress>,
}
impl From<MailedReport> for ReportShape {
    fn from(MailedReport { name, period, mail_to }: MailedReport) -> Self {
        Self { name, period, mail_to }
    }
}

/// What is wanted of it.
#[derive(Debug, ToSchema)]
#[schema(as = MailedReportRequest)]
pub struct ReportInput {
    /// `operations` (as usual), `drivers`, `customers`, `unserved` or `devices`.
    #[schema(value_type = Option<words::ReportName>)]
    name: Option<ReportName>,
    /// `day` (as usual), `week` or `month`.
    #[schema(value_type = Option<words::ReportPeriod>)]
    period: Option<ReportPeriod>,
    /// 1 to 20 mail addresses.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 20)]
    mail_to: Vec<MailAddress>,
}
impl Read for ReportInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let name = f.one_of("name", "operations, drivers, customers, unserved, devices", ReportName::parse);
        let period = f.one_of("period", "day, week, month", ReportPeriod::parse);
        let mail_to = f.all_named("mail_to", MailedReport::MOST);
        let mail_to = f.required("mail_to", mail_to);
        Some(Self { name: name?, period: period?, mail_to: mail_to? })
    }
}
impl From<ReportInput> for MailedReport {
    fn from(ReportInput { name, period, mail_to }: ReportInput) -> Self {
        Self { name: name.unwrap_or(ReportName::Operations), period: period.unwrap_or(ReportPeriod::Day), mail_to }
    }
}

/// A cron rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Schedule)]
pub struct ScheduleShape {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// `release`, `dispatch`, `backup`, `retention`, `reminders`, `report`, `plan_tomorrow`, `sync` or `forecast`.
    #[schema(value_type = words::ScheduleKind)]
    kind: ScheduleKind,
    /// Five fields (minute hour day month weekday) or six (second first).
    cron: String,
    /// The same in plain words.
    words: String,
    /// IANA zone in which it is meant.
    zone: String,
    /// `false`: paused.
    enabled: bool,
    /// `skip`: missed slots are only noted; `run_once`: they are made up for once.
    #[schema(value_type = words::Missed)]
    missed: Missed,
    /// Attempts for each slot.
    attempts: u32,
    /// Seconds before the second attempt; twice as long before each further one.
    backoff_s: u32,
    /// Of kind `report`: the report that goes out by mail. Missing: the day's figures are made and kept, and go to nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ReportShape>,
    /// The next slots, none while paused.
    next: Vec<SlotShape>,
    /// The newest run.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<RunShape>,
    /// Counts its changes; goes with `If-Match`.
    version: u32,
}

fn versioned(s: Schedule, last: Option<Run>, now: Timestamp) -> Versioned<ScheduleShape> {
    Versioned(Version(s.version), shape(s, last, now))
}

fn shape(s: Schedule, last: Option<Run>, now: Timestamp) -> ScheduleShape {
    let rule = Rule::parse(&s.cron, &s.zone).ok();
    let next = rule.as_ref().filter(|_| s.enabled).map_or(Vec::new(), |rule| rule.preview(now, AHEAD));
    let words = rule.map_or(String::new(), |rule| rule.words());
    let Schedule { id, name, kind, cron, zone, enabled, missed, attempts, backoff_s, report, version, .. } = s;
    let (next, last_run, report) = (next.into_iter().map(Into::into).collect(), last.map(Into::into), report.map(Into::into));
    ScheduleShape { id, name, kind, cron, words, zone, enabled, missed, attempts, backoff_s, report, next, last_run, version }
}

/// A schedule to be made, or what is to be different: what is absent stays, or is as usual.
#[derive(Debug, ToSchema)]
#[schema(as = ScheduleRequest)]
pub struct ScheduleInput {
    /// What people call it.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// `release`, `dispatch`, `backup`, `retention`, `reminders`, `report`, `plan_tomorrow`, `sync` or `forecast`.
    #[schema(value_type = Option<words::ScheduleKind>)]
    kind: Option<ScheduleKind>,
    /// Five fields (minute hour day month weekday) or six (second first).
    cron: Option<String>,
    /// IANA zone; the depot's when absent.
    zone: Option<String>,
    /// `false`: paused.
    enabled: Option<bool>,
    /// `skip` or `run_once` (as usual).
    #[schema(value_type = Option<words::Missed>)]
    missed: Option<Missed>,
    /// 1 to 10; usually 3.
    attempts: Option<u32>,
    /// 0 to 86400; usually 60.
    backoff_s: Option<u32>,
    /// With kind `report`: which report goes to whom by mail; `null` ends that. The depot needs a mail server for it.
    #[schema(value_type = Option<ReportInput>)]
    report: Option<Option<MailedReport>>,
}
needs! {
    /// A schedule to be made.
    NewScheduleRequest = ScheduleInput, ["name", "kind", "cron"]
}
impl Read for ScheduleInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let (name, cron, zone) = (f.text("name", 100), f.text("cron", 100), f.text("zone", 64));
        let kinds = ScheduleKind::ALL.iter().map(|k| k.as_str()).collect::<Vec<_>>().join(", ");
        let kind = f.one_of("kind", &kinds, ScheduleKind::parse);
        let missed = f.one_of("missed", "skip, run_once", Missed::parse);
        let (enabled, attempts, backoff_s) = (f.flag("enabled"), f.whole("attempts", 1, 10), f.whole("backoff_s", 0, 86_400));
        let report = f.change("report", |f, name| Some(f.object::<ReportInput>(name)?.map(MailedReport::from)));
        Some(Self {
            name: name?,
            kind: kind?,
            cron: cron?,
            zone: zone?,
            enabled: enabled?,
            missed: missed?,
            attempts: attempts?,
            backoff_s: backoff_s?,
            report: report?,
        })
    }
}
impl ScheduleInput {
    fn made(self) -> Result<Wish> {
        let missing = |field: &str| FieldError { field: field.to_owned(), message: "is required".to_owned() };
        match (self.name, self.kind, self.cron) {
            (Some(name), Some(kind), Some(cron)) => Ok(Wish {
                name,
                kind,
                cron,
                zone: self.zone,
                enabled: self.enabled.unwrap_or(true),
                missed: self.missed.unwrap_or(Missed::RunOnce),
                attempts: self.attempts.unwrap_or(3),
                backoff_s: self.backoff_s.unwrap_or(60),
                report: self.report.flatten(),
            }),
            (name, kind, cron) => {
                let absent = [(name.is_none(), "name"), (kind.is_none(), "kind"), (cron.is_none(), "cron")];
                Err(Error::invalid(absent.iter().filter(|(is, _)| *is).map(|(_, field)| missing(field)).collect()))
            }
        }
    }

    fn over(self, was: Schedule) -> Wish {
        // One that does something else from now on sends no report.
        let stays = self.kind.is_none_or(|kind| kind == was.kind);
        Wish {
            report: self.report.unwrap_or(was.report.filter(|_| stays)),
            name: self.name.unwrap_or(was.name),
            kind: self.kind.unwrap_or(was.kind),
            cron: self.cron.unwrap_or(was.cron),
            zone: Some(self.zone.unwrap_or(was.zone)),
            enabled: self.enabled.unwrap_or(was.enabled),
            missed: self.missed.unwrap_or(was.missed),
            attempts: self.attempts.unwrap_or(was.attempts),
            backoff_s: self.backoff_s.unwrap_or(was.backoff_s),
        }
    }
}

/// A rule to be looked at.
#[derive(Debug, ToSchema)]
#[schema(as = SchedulePreviewRequest)]
pub struct PreviewInput {
    /// Five or six fields.
    cron: String,
    /// IANA zone; the depot's when absent.
    zone: Option<String>,
}
impl Read for PreviewInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let cron = f.text("cron", 100);
        let cron = f.required("cron", cron);
        let zone = f.text("zone", 64);
        Some(Self { cron: cron?, zone: zone? })
    }
}

/// What a rule means.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SchedulePreview)]
pub struct PreviewShape {
    /// In plain words.
    words: String,
    /// The next slots.
    next: Vec<SlotShape>,
}

/// Every schedule, by name.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "schedules", responses((status = 200, body = List<ScheduleShape>)))]
pub async fn list(State(web): State<Web>) -> Result<Json<List<ScheduleShape>>> {
    let (all, now) = (web.schedules.all().await?, web.clock.now());
    Ok(Json(List { items: all.into_iter().map(|(s, last)| shape(s, last, now)).collect(), next: None }))
}

/// Add a schedule.
#[utoipa::path(post, path = "/api/v1/schedules", tag = "schedules", request_body = NewScheduleRequest,
    responses((status = 201, body = ScheduleShape), (status = 422, body = Problem)))]
pub async fn create(
    State(web): State<Web>,
    Caller(who): Caller,
    Body(input): Body<ScheduleInput>,
) -> Result<(StatusCode, Versioned<ScheduleShape>)> {
    let schedule = web.schedules.add(input.made()?, who.actor()).await?;
    Ok((StatusCode::CREATED, versioned(schedule, None, web.clock.now())))
}

/// One schedule.
#[utoipa::path(get, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = String, Path)),
    responses((status = 200, body = ScheduleShape), (status = 404, body = Problem)))]
pub async fn read(State(web): State<Web>, Id(id): Id<String>) -> Result<Versioned<ScheduleShape>> {
    let (schedule, last) = web.schedules.get(&id).await?;
    Ok(versioned(schedule, last, web.clock.now()))
}

/// Change, pause or resume a schedule.
#[utoipa::path(patch, path = "/api/v1/schedules/{id}", tag = "schedules", request_body = ScheduleInput,
    params(("id" = String, Path), MaybeIfMatch),
    responses((status = 200, body = ScheduleShape), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
pub async fn change(
    State(web): State<Web>,
    Caller(who): Caller,
    Id(id): Id<String>,
    MaybeIfMatch(version): MaybeIfMatch,
    Body(input): Body<ScheduleInput>,
) -> Result<Versioned<ScheduleShape>> {
    let (was, last) = web.schedules.get(&id).await?;
    let next = web.schedules.change(&id, input.over(was), version, who.actor()).await?;
    Ok(versioned(next, last, web.clock.now()))
}

/// Take a schedule and its run log away.
#[utoipa::path(delete, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<StatusCode> {
    web.schedules.remove(&id, who.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Run a schedule now; what came of it is in its runs.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/run", tag = "schedules", params(("id" = String, Path)),
    responses((status = 202, body = RunShape), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn run(State(web): State<Web>, Caller(who): Caller, Id(id): Id<String>) -> Result<(StatusCode, Json<RunShape>)> {
    let run = web.schedules.run_now(&id, who.actor()).await?;
    web.wake_schedules.notify_one();
    Ok((StatusCode::ACCEPTED, Json(run.into())))
}

/// The runs of a schedule, newest first.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/runs", tag = "schedules", params(("id" = String, Path), PageParams),
    responses((status = 200, body = List<RunShape>), (status = 404, body = Problem)))]
pub async fn runs(State(web): State<Web>, Id(id): Id<String>, Params(p): Params<PageParams>) -> Result<Json<List<RunShape>>> {
    let before = p.cursor.as_deref().map_or(Ok(i64::MAX), str::parse);
    let before = before.map_err(|_| Error::field("cursor", "is not one that a list gave"))?;
    let limit = usize::try_from(p.limit).unwrap_or(50);
    let mut found = web.schedules.runs(&id, before, limit + 1).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|run| run.id.to_string());
    Ok(Json(List { items: found.into_iter().map(Into::into).collect(), next }))
}

/// What a rule means, before it is kept.
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules", request_body = PreviewInput,
    responses((status = 200, body = PreviewShape), (status = 422, body = Problem)))]
pub async fn preview(State(web): State<Web>, Body(input): Body<PreviewInput>) -> Result<Json<PreviewShape>> {
    let rule = web.schedules.rule(&input.cron, input.zone.as_deref()).map_err(|wrong| schedules::Error::Invalid(vec![wrong]))?;
    let next = rule.preview(web.clock.now(), AHEAD).into_iter().map(Into::into).collect();
    Ok(Json(PreviewShape { words: rule.words(), next }))
}

//! What happened, in figures, over HTTP.

use super::Web;
use super::error::{Error, FieldError, Problem, Result};
use super::extract::Params;
use super::fields::{Fields, Read};
use super::shapes::{List, PageParams};
use crate::analytics::{Insight, Point, Question, Ranked, Step, Summary, figures};
use crate::model::{Day, Dimension, Span, Timestamp, Window};
use crate::web::shapes::words;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// What a time is broken down by.
const BY: [Dimension; 5] = [Dimension::Vehicle, Dimension::Driver, Dimension::Customer, Dimension::Class, Dimension::Cell];

/// A time in sum, and the time before it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Compared {
    #[serde(flatten)]
    summary: Summary,
    /// The same length of time just before, when `compare` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Summary>,
}

/// What happened in a time, in sum.
///
/// A booking belongs to the hour of its pickup, hours on duty to those they lay in. `from` and `to` are taken to the hours they lie in.
#[utoipa::path(get, path = "/api/v1/analytics/summary", tag = "reports", params(TimeParams, OfParams, CompareParams),
    responses((status = 200, body = Compared), (status = 422, body = Problem)))]
pub async fn summary(State(web): State<Web>, Params(params): Params<SummaryParams>) -> Result<Json<Compared>> {
    let time = params.time.or_today(&web)?;
    let of = params.of.split()?;
    let ask = async |time| web.rollups.summary(Question { time, of: of.clone() }).await.map_err(Error::internal);
    let before = Window { from: time.from - time.until.since(time.from), until: time.from };
    let (summary, before) = (ask(time).await?, if params.compare { Some(ask(before).await?) } else { None });
    Ok(Json(Compared { summary, before }))
}

/// What happened in a time, step by step.
///
/// Steps are hours, days or weeks of the depot's zone; those in which nothing happened are there too.
#[utoipa::path(get, path = "/api/v1/analytics/timeseries", tag = "reports", params(TimeParams, OfParams, StepParams),
    responses((status = 200, body = List<Point>), (status = 422, body = Problem)))]
pub async fn timeseries(State(web): State<Web>, Params(params): Params<SeriesParams>) -> Result<Json<List<Point>>> {
    let time = params.time.or_today(&web)?;
    let question = Question { time, of: params.of.split()? };
    let two_days = time.until.since(time.from) <= Span::from_secs(2 * 86_400);
    let step = params.step.unwrap_or(if two_days { Step::Hour } else { Step::Day });
    let points = web.rollups.series(question, step).await.map_err(Error::internal)?;
    let too_many = || invalid("step", format!("makes more than {} steps of this time: take a longer one", figures::MOST_POINTS));
    Ok(Json(List { items: points.ok_or_else(too_many)?, next: None }))
}

/// What happened in a time, by vehicle, driver, customer, class or H3 cell of the pickup (resolution 7): most bookings first.
#[utoipa::path(get, path = "/api/v1/analytics/breakdown", tag = "reports", params(TimeParams, ByParams, PageParams),
    responses((status = 200, body = List<Ranked>), (status = 422, body = Problem)))]
pub async fn breakdown(State(web): State<Web>, Params(params): Params<BreakdownParams>) -> Result<Json<List<Ranked>>> {
    let time = params.time.or_today(&web)?;
    let mut items = web.rollups.ranked(params.by, time).await.map_err(Error::internal)?;
    let BreakdownParams { skip, limit, .. } = params;
    let next = (items.len() > skip + limit).then(|| (skip + limit).to_string());
    items.drain(..skip.min(items.len()));
    items.truncate(limit);
    Ok(Json(List { items, next }))
}

/// What stands out in a time, each with what it rests on; nothing when chance explains all of it.
#[utoipa::path(get, path = "/api/v1/analytics/insights", tag = "reports", params(TimeParams),
    responses((status = 200, body = List<Insight>), (status = 422, body = Problem)))]
pub async fn insights(State(web): State<Web>, Params(time): Params<TimeParams>) -> Result<Json<List<Insight>>> {
    let time = time.or_today(&web)?;
    let items = web.reports.insights(time, web.clock.now()).await.map_err(Error::internal)?;
    Ok(Json(List { items, next: None }))
}

/// Which time.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TimeParams {
    /// Its first moment; today's in the depot's zone when it is absent.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// The first moment after it; that of tomorrow.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}
impl Read for TimeParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (from, to) = (f.instant("from"), f.instant("to"));
        Some(Self { from: from?, to: to? })
    }
}
impl TimeParams {
    pub(super) fn or_today(&self, web: &Web) -> Result<Window> {
        let today = Day::of(web.clock.now(), &web.config.depot.zone).time();
        let terms = web.rollups.terms();
        let (from, until) = (terms.hour(self.from.unwrap_or(today.from)), self.to.unwrap_or(today.until));
        if until <= from {
            return Err(invalid("to", "must be after from"));
        }
        Ok(Window { from, until })
    }
}

/// One of those that figures are kept of.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OfParams {
    /// Only those of one: `vehicle`, `driver`, `customer`, `class` or `cell`, a colon, and which, like `vehicle:van-1`.
    #[param(value_type = Option<String>)]
    of: Option<String>,
}
impl OfParams {
    fn split(&self) -> Result<Option<(Dimension, String)>> {
        let Some(text) = &self.of else { return Ok(None) };
        let known = text.split_once(':').and_then(|(by, key)| Some((parse_by(by)?, key.to_owned())));
        known
            .map(Some)
            .ok_or_else(|| invalid("of", "must be vehicle, driver, customer, class or cell, a colon, and which one, like vehicle:van-1"))
    }
}

fn parse_by(name: &str) -> Option<Dimension> {
    Dimension::parse(name).filter(|dimension| BY.contains(dimension))
}

impl Read for OfParams {
    fn read(f: &mut Fields) -> Option<Self> {
        Some(Self { of: f.text("of", 200)? })
    }
}

/// Whether to compare.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter")]
pub struct CompareParams {
    /// Also the same length of time just before?
    compare: Option<bool>,
}

/// What a sum is asked of.
#[derive(Debug)]
pub struct SummaryParams {
    time: TimeParams,
    of: OfParams,
    compare: bool,
}
impl Read for SummaryParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (time, of, compare) = (TimeParams::read(f), OfParams::read(f), f.flag("compare"));
        Some(Self { time: time?, of: of?, compare: compare?.unwrap_or(false) })
    }
}

/// How long the steps are.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter")]
pub struct StepParams {
    /// `hour`, `day` or `week`; by default hours for two days at most, else days.
    #[param(inline, value_type = Option<words::SeriesStep>)]
    step: Option<String>,
}

/// What a series is asked of.
#[derive(Debug)]
pub struct SeriesParams {
    time: TimeParams,
    of: OfParams,
    step: Option<Step>,
}
impl Read for SeriesParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (time, of, step) = (TimeParams::read(f), OfParams::read(f), f.one_of("step", "hour, day, week", Step::parse));
        Some(Self { time: time?, of: of?, step: step? })
    }
}

/// What a time is broken down by.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter")]
pub struct ByParams {
    /// `vehicle`, `driver`, `customer`, `class` or `cell`.
    #[param(inline, value_type = words::FigureDimension)]
    by: String,
}

/// What a breakdown is asked of.
#[derive(Debug)]
pub struct BreakdownParams {
    time: TimeParams,
    by: Dimension,
    skip: usize,
    limit: usize,
}
impl Read for BreakdownParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (time, page) = (TimeParams::read(f), PageParams::read(f));
        let by = f.one_of("by", "vehicle, driver, customer, class, cell", parse_by);
        let by = f.required("by", by);
        let page = page?;
        let skip = page.cursor.map_or(Some(0), |cursor| cursor.parse().ok());
        if skip.is_none() {
            f.fault("cursor", "must be the next of the page before");
        }
        Some(Self { time: time?, by: by?, skip: skip?, limit: usize::try_from(page.limit).ok()? })
    }
}

fn invalid(field: &str, message: impl ToString) -> Error {
    Error::invalid(vec![FieldError { field: field.to_owned(), message: message.to_string() }])
}

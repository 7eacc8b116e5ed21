//! Plans of days to come, and reports of days that were, over HTTP.

use super::Web;
use super::error::{Error, FieldError, Problem, Result};
use super::extract::{Id, Params};
use super::fields::{Fields, Read};
use super::shapes::{File, List};
use crate::analytics::daily::{Daily, Report};
use crate::dispatch::day::{DayPlan, DaySummary, Days};
use crate::model::{Day, Span};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use jiff::civil::Date;
use utoipa::IntoParams;

/// The plan of a day.
///
/// Schedules of kind `plan_tomorrow` make it; `tomorrow` stands for the day after today in the depot's zone.
#[utoipa::path(get, path = "/api/v1/dispatch/days/{day}", tag = "dispatch", params(("day" = String, Path)),
    responses((status = 200, body = DayPlan), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn plan(State(web): State<Web>, Id(day): Id<String>) -> Result<Json<DayPlan>> {
    let day = match day.as_str() {
        "tomorrow" => Day::of(web.clock.now(), &web.config.depot.zone).next().to_string(),
        text => date(text).ok_or_else(|| invalid("day", "must be a date like 2026-10-25, or tomorrow"))?,
    };
    let none = || Error::status(StatusCode::NOT_FOUND).detail(format!("no plan of {day} was made: run a schedule of kind plan_tomorrow"));
    Days::new(web.db.clone()).get(day.clone()).await.map_err(Error::internal)?.map(Json).ok_or_else(none)
}

/// The plans that were made, in short, the last day first; 400 at most.
#[utoipa::path(get, path = "/api/v1/dispatch/days", tag = "dispatch", params(DaysParams),
    responses((status = 200, body = List<DaySummary>), (status = 422, body = Problem)))]
pub async fn plans(State(web): State<Web>, Params(params): Params<DaysParams>) -> Result<Json<List<DaySummary>>> {
    let (from, to) = params.span()?;
    let items = Days::new(web.db.clone()).list(from, to).await.map_err(Error::internal)?;
    Ok(Json(List { items, next: None }))
}

/// Which days.
#[derive(Debug, Default, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DaysParams {
    /// The first day, like `2026-10-01`.
    from: Option<String>,
    /// The last day.
    to: Option<String>,
}
impl Read for DaysParams {
    fn read(f: &mut Fields) -> Option<Self> {
        Some(Self { from: f.text("from", 10)?, to: f.text("to", 10)? })
    }
}
impl DaysParams {
    pub(super) fn span(self) -> Result<(String, String)> {
        let wrong = |field: &'static str, text: &Option<String>| {
            let wrong = text.as_deref().is_some_and(|text| date(text).is_none());
            wrong.then(|| FieldError { field: field.to_owned(), message: "must be a date like 2026-10-25".to_owned() })
        };
        let errors: Vec<_> = [wrong("from", &self.from), wrong("to", &self.to)].into_iter().flatten().collect();
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        Ok((self.from.unwrap_or_default(), self.to.unwrap_or_else(|| "9999-12-31".to_owned())))
    }
    async fn reports(self, web: &Web) -> Result<Vec<Report>> {
        let (from, to) = self.span()?;
        Daily::new(web.db.clone(), Span::default()).list(from, to).await.map_err(Error::internal)
    }
}

/// The daily reports, newest first; 400 at most.
#[utoipa::path(get, path = "/api/v1/reports/daily", tag = "reports", params(DaysParams),
    responses((status = 200, body = List<Report>), (status = 422, body = Problem)))]
pub async fn reports(State(web): State<Web>, Params(params): Params<DaysParams>) -> Result<Json<List<Report>>> {
    Ok(Json(List { items: params.reports(&web).await?, next: None }))
}

/// The daily reports as a CSV file, newest first.
#[utoipa::path(get, path = "/api/v1/reports/daily.csv", tag = "reports", params(DaysParams),
    responses((status = 200, body = File, content_type = "text/csv"), (status = 422, body = Problem)))]
pub async fn reports_csv(State(web): State<Web>, Params(params): Params<DaysParams>) -> Result<impl IntoResponse> {
    let text = csv_of(&params.reports(&web).await?).map_err(Error::internal)?;
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, "attachment; filename=\"daily.csv\"")];
    Ok((headers, text))
}

fn csv_of(reports: &[Report]) -> std::io::Result<Vec<u8>> {
    let mut sheet = csv::Writer::from_writer(Vec::new());
    sheet.write_record([
        "day",
        "zone",
        "made_at",
        "bookings",
        "delivered",
        "cancelled",
        "failed",
        "expired",
        "open",
        "assign_mean_s",
        "wait_mean_s",
        "wait_p95_s",
        "on_time_ratio",
        "loaded_m",
        "vehicles",
        "revenue",
    ])?;
    for r in reports {
        let counts = [r.bookings, r.delivered, r.cancelled, r.failed, r.expired, r.open].map(|n| n.to_string());
        let decimal = |x: Option<f64>, digits: usize| x.map_or(String::new(), |x| format!("{x:.digits$}"));
        let means = [decimal(r.assign_mean_s, 1), decimal(r.wait_mean_s, 1), decimal(r.wait_p95_s, 1), decimal(r.on_time_ratio, 4)];
        let revenue: Vec<_> = r.revenue_minor.iter().map(|(currency, amount)| format!("{amount} {currency}")).collect();
        let head = [r.day.clone(), r.zone.clone(), r.made_at.to_string()];
        let tail = [r.loaded_m.to_string(), r.vehicles.to_string(), revenue.join(" + ")];
        sheet.write_record(head.iter().chain(&counts).chain(&means).chain(&tail))?;
    }
    sheet.into_inner().map_err(|e| e.into_error())
}

fn date(text: &str) -> Option<String> {
    text.parse::<Date>().ok().map(|date| date.to_string()).filter(|date| date == text)
}

fn invalid(field: &str, message: &str) -> Error {
    Error::invalid(vec![FieldError { field: field.to_owned(), message: message.to_owned() }])
}

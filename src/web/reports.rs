//! Reports over HTTP: as JSON for a page, or as CSV.

use super::Web;
use super::analytics::TimeParams;
use super::error::{Error, FieldError, Problem, Result};
use super::extract::{Id, Params};
use super::fields::{Fields, Read};
use crate::analytics::reports::{Name, Table};
use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;

/// A report: `operations`, `drivers`, `customers`, `unserved` or `devices`; the name with `.csv` gives a CSV file.
///
/// `operations` has a row for each day of the depot's zone, `drivers` hours and ways of each, `unserved` where and when bookings failed
/// or expired. Money is in minor units. A report holds 10,000 rows at most and says so when there were more.
#[utoipa::path(get, path = "/api/v1/reports/{name}", tag = "reports", params(("name" = String, Path), TimeParams, StatementParams),
    responses((status = 200, body = Table), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn report(State(web): State<Web>, Id(file): Id<String>, Params(params): Params<ReportParams>) -> Result<Response> {
    let (name, is_csv) = file.strip_suffix(".csv").map_or((file.as_str(), false), |name| (name, true));
    let names = Name::ALL.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let name = Name::parse(name).ok_or_else(|| Error::not_found(format!("there is no report {name}: there are daily, {names}")))?;
    let time = params.time.or_today(&web)?;
    let made = web.reports.make(name, time, params.customer, web.clock.now()).await.map_err(Error::internal)?;
    let too_long = || FieldError { field: "to".to_owned(), message: "makes too many days: take a shorter time".to_owned() };
    let table = made.ok_or_else(|| Error::invalid(vec![too_long()]))?;
    if !is_csv {
        return Ok(Json(table).into_response());
    }
    let disposition = format!("attachment; filename=\"{}.csv\"", name.as_str());
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, table.csv().map_err(Error::internal)?).into_response())
}

/// Whose statement.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter")]
pub struct StatementParams {
    /// With `customers`: every booking of this one instead.
    customer: Option<String>,
}

/// What a report is asked of.
#[derive(Debug)]
pub struct ReportParams {
    time: TimeParams,
    customer: Option<String>,
}
impl Read for ReportParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let (time, customer) = (TimeParams::read(f), f.text("customer", 200));
        Some(Self { time: time?, customer: customer? })
    }
}

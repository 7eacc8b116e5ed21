//! Counts what the HTTP side does, and writes all counts as Prometheus text.

use super::Web;
use crate::clock::Clock;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// What tells one kind of request from another; the route's pattern, so that there are few.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    method: String,
    route: String,
    status: u16,
}

/// Counts of the HTTP side.
#[derive(Clone, Debug)]
pub struct HttpCounts {
    requests: Family<Kind, Counter>,
    seconds: Histogram,
    clock: Clock,
}

impl HttpCounts {
    /// All zero.
    pub fn new(clock: Clock) -> Self {
        Self { requests: Family::default(), seconds: Histogram::new(exponential_buckets(0.000_5, 4.0, 8)), clock }
    }
}

/// Counts each request.
pub async fn count(State(counts): State<HttpCounts>, request: Request, next: Next) -> Response {
    let start = counts.clock.monotonic();
    let method = request.method().as_str();
    let method = if matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE") { method } else { "other" }.to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |p| p.as_str().to_owned());
    let response = next.run(request).await;
    counts.requests.get_or_create(&Kind { method, route, status: response.status().as_u16() }).inc();
    counts.seconds.observe(counts.clock.monotonic().duration_since(start).as_secs_f64());
    response
}

/// Takes the numbers of one room at the time of a scrape.
#[derive(Debug)]
pub struct Sheet(Registry);

impl Sheet {
    /// The answer to a scrape: what `fill` writes.
    pub fn answer(fill: impl FnOnce(&mut Self)) -> Response {
        let mut sheet = Self(Registry::default());
        fill(&mut sheet);
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &sheet.0) {
            Ok(()) => ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response(),
            Err(error) => super::error::Error::internal(error).into_response(),
        }
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl TryInto<i64>) {
        self.0.register(format!("depotd_{name}"), help, ConstGauge::new(value.try_into().unwrap_or(i64::MAX)));
    }
    /// A number that only grows; its name gets the ending `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: impl TryInto<u64>) {
        self.0.register(format!("depotd_{name}"), help, ConstCounter::new(value.try_into().unwrap_or(u64::MAX)));
    }
    /// Numbers that only grow, one for each value of `label`.
    pub fn counters<'a>(&mut self, name: &str, help: &str, label: &str, values: impl IntoIterator<Item = (&'a str, u64)>) {
        let family = Family::<Vec<(String, String)>, Counter>::default();
        for (value, count) in values {
            family.get_or_create(&vec![(label.to_owned(), value.to_owned())]).inc_by(count);
        }
        self.0.register(format!("depotd_{name}"), help, family);
    }
    /// Numbers that go up and down, one for each value of `label`.
    pub fn gauges<V: Into<String>>(&mut self, name: &str, help: &str, label: &str, values: impl IntoIterator<Item = (V, i64)>) {
        let family = Family::<Vec<(String, String)>, Gauge>::default();
        for (value, number) in values {
            family.get_or_create(&vec![(label.to_owned(), value.into())]).set(number);
        }
        self.0.register(format!("depotd_{name}"), help, family);
    }
    /// Time spent since the start.
    pub fn time(&mut self, name: &str, help: &str, spent: Duration) {
        self.0.register_with_unit(format!("depotd_{name}"), help, Unit::Seconds, ConstCounter::new(spent.as_secs_f64()));
    }
    /// A time measured last.
    pub fn last_time(&mut self, name: &str, help: &str, took: Duration) {
        self.0.register_with_unit(format!("depotd_{name}"), help, Unit::Seconds, ConstGauge::new(took.as_secs_f64()));
    }
}

/// `GET /metrics`.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, description = "Prometheus text", body = String)))]
pub async fn scrape(State(web): State<Web>) -> Response {
    Sheet::answer(|sheet| {
        sheet.0.register("depotd_http_requests", "Requests by route and status", web.counts.requests.clone());
        sheet.0.register_with_unit("depotd_http_request_duration", "Time to an answer", Unit::Seconds, web.counts.seconds.clone());
        super::gauges::fill(&web, sheet);
    })
}

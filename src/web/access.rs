//! Who may use which route. What is not in [`GATES`] is refused.

use super::Web;
use super::cookies;
use super::error::{Error, Result};
use super::extract::Caller;
use super::server::Peer;
use crate::auth::{self, What, Who};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What a route asks of whoever uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing.
    Open,
    /// To sit on this machine, or the right to do this.
    LocalOr(What),
    /// The right to do this.
    Needs(What),
    /// The right to do this, or to do it with the bookings of one's own customer: a handler that shows any asks `reach::Reach`.
    OwnOr(What),
    /// To be one of the depot's own people and signed in at a page: no program.
    Ours,
    /// Credentials that the handler asks for itself, in its own way: those of devices, and of Socket.IO clients.
    Itself,
}

use Gate::{Itself, LocalOr, Needs, Open, Ours, OwnOr};

/// Every route.
pub const GATES: &[(&str, &str, Gate)] = &[
    ("POST", "/api/v1/quotes", OwnOr(What::WriteBookings)),
    ("GET", "/api/v1/bookings", OwnOr(What::ReadBookings)),
    ("POST", "/api/v1/bookings", OwnOr(What::WriteBookings)),
    ("GET", "/api/v1/bookings.csv", Needs(What::ReadBookings)),
    ("POST", "/api/v1/bookings/import", Needs(What::WriteBookings)),
    ("GET", "/api/v1/bookings/{id}", OwnOr(What::ReadBookings)),
    ("PATCH", "/api/v1/bookings/{id}", Needs(What::WriteBookings)),
    ("GET", "/api/v1/bookings/{id}/events", Needs(What::ReadBookings)),
    ("GET", "/api/v1/bookings/{id}/dispatch", Needs(What::ReadBookings)),
    ("POST", "/api/v1/bookings/{id}/assign", Needs(What::Assign)),
    ("POST", "/api/v1/bookings/{id}/unassign", Needs(What::Assign)),
    ("POST", "/api/v1/bookings/{id}/lock", Needs(What::Assign)),
    ("GET", "/api/v1/bookings/{id}/offers", Needs(What::ReadBookings)),
    ("POST", "/api/v1/bookings/{id}/answer", Needs(What::Assign)),
    ("POST", "/api/v1/bookings/{id}/cancel", OwnOr(What::WriteBookings)),
    ("POST", "/api/v1/bookings/{id}/fail", Needs(What::WriteBookings)),
    ("POST", "/api/v1/bookings/{id}/reopen", Needs(What::WriteBookings)),
    ("POST", "/api/v1/bookings/{id}/steps", Needs(What::WriteBookings)),
    ("GET", "/api/v1/bookings/{id}/attachments", OwnOr(What::ReadBookings)),
    ("GET", "/api/v1/bookings/{id}/attachments/{attachment}", OwnOr(What::ReadBookings)),
    ("GET", "/api/v1/bookings/{id}/links", OwnOr(What::ReadBookings)),
    ("POST", "/api/v1/bookings/{id}/links", OwnOr(What::WriteBookings)),
    ("DELETE", "/api/v1/bookings/{id}/links/{link}", OwnOr(What::WriteBookings)),
    ("GET", "/api/v1/recurrences", Needs(What::ReadBookings)),
    ("POST", "/api/v1/recurrences", Needs(What::WriteBookings)),
    ("GET", "/api/v1/recurrences/{id}", Needs(What::ReadBookings)),
    ("PATCH", "/api/v1/recurrences/{id}", Needs(What::WriteBookings)),
    ("DELETE", "/api/v1/recurrences/{id}", Needs(What::WriteBookings)),
    ("POST", "/api/v1/recurrences/{id}/pause", Needs(What::WriteBookings)),
    ("POST", "/api/v1/recurrences/{id}/resume", Needs(What::WriteBookings)),
    ("GET", "/api/v1/recurrences/{id}/next", Needs(What::ReadBookings)),
    ("POST", "/api/v1/recurrences/{id}/skip", Needs(What::WriteBookings)),
    ("GET", "/api/v1/dispatch/days", Needs(What::ReadBookings)),
    ("GET", "/api/v1/dispatch/days/{day}", Needs(What::ReadBookings)),
    ("GET", "/api/v1/reports/{name}", Needs(What::ReadBookings)),
    ("GET", "/api/v1/reports/daily", Needs(What::ReadBookings)),
    ("GET", "/api/v1/reports/daily.csv", Needs(What::ReadBookings)),
    ("GET", "/api/v1/demand", Needs(What::ReadPositions)),
    ("GET", "/api/v1/demand/advice", Needs(What::ReadPositions)),
    ("GET", "/api/v1/demand/forecast", Needs(What::ReadBookings)),
    ("GET", "/api/v1/demand/forecast/accuracy", Needs(What::ReadBookings)),
    ("GET", "/api/v1/demand/staffing", Needs(What::ReadDrivers)),
    ("GET", "/api/v1/analytics/summary", Needs(What::ReadBookings)),
    ("GET", "/api/v1/analytics/timeseries", Needs(What::ReadBookings)),
    ("GET", "/api/v1/analytics/breakdown", Needs(What::ReadBookings)),
    ("GET", "/api/v1/analytics/insights", Needs(What::ReadBookings)),
    ("GET", "/api/v1/vehicles", Needs(What::ReadPositions)),
    ("POST", "/api/v1/vehicles", Needs(What::Administer)),
    ("GET", "/api/v1/vehicles/nearby", Needs(What::ReadPositions)),
    ("GET", "/api/v1/vehicles/{id}", Needs(What::ReadPositions)),
    ("PATCH", "/api/v1/vehicles/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/vehicles/{id}/track", Needs(What::ReadPositions)),
    ("POST", "/api/v1/vehicles/{id}/duty", Needs(What::Assign)),
    ("GET", "/api/v1/drivers", Needs(What::ReadDrivers)),
    ("POST", "/api/v1/drivers", Needs(What::Administer)),
    ("GET", "/api/v1/drivers/me", Needs(What::Duty)),
    ("GET", "/api/v1/drivers/me/work", Needs(What::Duty)),
    ("GET", "/api/v1/drivers/me/vehicles", Needs(What::Duty)),
    ("POST", "/api/v1/drivers/me/answers", Needs(What::Duty)),
    ("POST", "/api/v1/drivers/me/steps", Needs(What::Duty)),
    ("PUT", "/api/v1/drivers/me/attachments/{id}", Needs(What::Duty)),
    ("POST", "/api/v1/drivers/me/fixes", Needs(What::Duty)),
    ("GET", "/api/v1/drivers/{id}", Needs(What::ReadDrivers)),
    ("PATCH", "/api/v1/drivers/{id}", Needs(What::Administer)),
    ("DELETE", "/api/v1/drivers/{id}", Needs(What::Administer)),
    ("POST", "/api/v1/drivers/{id}/duty", Needs(What::Duty)),
    ("POST", "/api/v1/drivers/{id}/break", Needs(What::Duty)),
    ("GET", "/api/v1/drivers/{id}/duties", Needs(What::ReadDrivers)),
    ("GET", "/api/v1/shifts", Needs(What::ReadDrivers)),
    ("POST", "/api/v1/shifts", Needs(What::Assign)),
    ("GET", "/api/v1/shifts/{id}", Needs(What::ReadDrivers)),
    ("PATCH", "/api/v1/shifts/{id}", Needs(What::Assign)),
    ("DELETE", "/api/v1/shifts/{id}", Needs(What::Assign)),
    ("GET", "/api/v1/devices", Needs(What::Administer)),
    ("POST", "/api/v1/devices", Needs(What::Administer)),
    ("GET", "/api/v1/devices/{id}", Needs(What::Administer)),
    ("POST", "/api/v1/devices/{id}/rotate", Needs(What::Administer)),
    ("DELETE", "/api/v1/devices/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/schedules", Needs(What::ReadBookings)),
    ("POST", "/api/v1/schedules", Needs(What::Administer)),
    ("POST", "/api/v1/schedules/preview", Needs(What::ReadBookings)),
    ("GET", "/api/v1/schedules/{id}", Needs(What::ReadBookings)),
    ("PATCH", "/api/v1/schedules/{id}", Needs(What::Administer)),
    ("DELETE", "/api/v1/schedules/{id}", Needs(What::Administer)),
    ("POST", "/api/v1/schedules/{id}/run", Needs(What::Administer)),
    ("GET", "/api/v1/schedules/{id}/runs", Needs(What::ReadBookings)),
    ("GET", "/api/v1/webhooks", Needs(What::Administer)),
    ("POST", "/api/v1/webhooks", Needs(What::Administer)),
    ("GET", "/api/v1/webhooks/{id}", Needs(What::Administer)),
    ("PATCH", "/api/v1/webhooks/{id}", Needs(What::Administer)),
    ("DELETE", "/api/v1/webhooks/{id}", Needs(What::Administer)),
    ("POST", "/api/v1/webhooks/{id}/rotate", Needs(What::Administer)),
    ("POST", "/api/v1/webhooks/{id}/test", Needs(What::Administer)),
    ("GET", "/api/v1/webhooks/{id}/deliveries", Needs(What::Administer)),
    ("GET", "/api/v1/messages", Needs(What::ReadBookings)),
    ("GET", "/api/v1/notifications/channels", Needs(What::ReadBookings)),
    ("GET", "/api/v1/notifications/rules", Needs(What::ReadBookings)),
    ("POST", "/api/v1/notifications/rules", Needs(What::Administer)),
    ("POST", "/api/v1/notifications/rules/preview", Needs(What::Administer)),
    ("GET", "/api/v1/notifications/rules/{id}", Needs(What::ReadBookings)),
    ("PATCH", "/api/v1/notifications/rules/{id}", Needs(What::Administer)),
    ("DELETE", "/api/v1/notifications/rules/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/push/key", Ours),
    ("PUT", "/api/v1/push/subscriptions", Ours),
    ("DELETE", "/api/v1/push/subscriptions", Ours),
    ("GET", "/api/v1/deliveries", Needs(What::Administer)),
    ("POST", "/api/v1/deliveries/{id}/resend", Needs(What::Administer)),
    ("GET", "/api/v1/settings", Needs(What::ReadBookings)),
    ("PUT", "/api/v1/settings/{id}/override", Needs(What::Administer)),
    ("DELETE", "/api/v1/settings/{id}/override", Needs(What::Administer)),
    ("GET", "/api/v1/sync", Needs(What::ReadBookings)),
    ("GET", "/api/v1/sync/orders", Needs(What::ReadBookings)),
    ("GET", "/api/v1/sync/receipts", Needs(What::ReadBookings)),
    ("POST", "/api/v1/sync/{id}/pause", Needs(What::Administer)),
    ("POST", "/api/v1/sync/{id}/resume", Needs(What::Administer)),
    ("POST", "/api/v1/sync/{id}/flush", Needs(What::Administer)),
    ("POST", "/api/v1/sync/{id}/verify", Needs(What::Administer)),
    ("GET", "/api/v1/tariffs", Needs(What::ReadBookings)),
    ("POST", "/api/v1/tariffs", Needs(What::Administer)),
    ("POST", "/api/v1/tariffs/dry-run", Needs(What::Administer)),
    ("GET", "/api/v1/tariffs/{version}", Needs(What::ReadBookings)),
    ("DELETE", "/api/v1/tariffs/{version}", Needs(What::Administer)),
    ("GET", "/api/v1/zones", Needs(What::ReadBookings)),
    ("POST", "/api/v1/zones", Needs(What::Administer)),
    ("GET", "/api/v1/zones/{id}", Needs(What::ReadBookings)),
    ("PUT", "/api/v1/zones/{id}", Needs(What::Administer)),
    ("DELETE", "/api/v1/zones/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/contracts", Needs(What::ReadBookings)),
    ("POST", "/api/v1/contracts", Needs(What::Administer)),
    ("GET", "/api/v1/contracts/{id}", OwnOr(What::ReadBookings)),
    ("PUT", "/api/v1/contracts/{id}", Needs(What::Administer)),
    ("DELETE", "/api/v1/contracts/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/promos", Needs(What::ReadBookings)),
    ("POST", "/api/v1/promos", Needs(What::Administer)),
    ("GET", "/api/v1/promos/{id}", Needs(What::ReadBookings)),
    ("PUT", "/api/v1/promos/{id}", Needs(What::Administer)),
    ("DELETE", "/api/v1/promos/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/users", Needs(What::Administer)),
    ("POST", "/api/v1/users", Needs(What::Administer)),
    ("PATCH", "/api/v1/users/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/tokens", Needs(What::Administer)),
    ("POST", "/api/v1/tokens", Needs(What::Administer)),
    ("DELETE", "/api/v1/tokens/{id}", Needs(What::Administer)),
    ("GET", "/api/v1/session", Open),
    ("POST", "/api/v1/session", Open),
    ("DELETE", "/api/v1/session", Open),
    ("POST", "/api/v1/setup", Open),
    ("GET", "/api/v1/live", Needs(What::ReadPositions)),
    ("GET", "/api/v1/basemap", OwnOr(What::ReadPositions)),
    ("GET", "/api/v1/system/cursors", Needs(What::Administer)),
    ("GET", "/api/v1/system/refusals", Needs(What::Administer)),
    ("GET", "/track/{link}", Open),
    ("GET", "/socket.io/", Itself),
    ("POST", "/socket.io/", Itself),
    ("GET", "/ingest/osmand", Itself),
    ("POST", "/ingest/osmand", Itself),
    ("POST", "/ingest/owntracks", Itself),
    ("GET", "/healthz", Open),
    ("GET", "/readyz", Open),
    ("GET", "/metrics", LocalOr(What::Administer)),
    ("GET", "/openapi.json", Open),
    ("GET", "/asyncapi.yaml", Open),
];

/// Lets a request through, or says why not.
pub async fn enforce(State(web): State<Web>, mut request: Request, next: Next) -> Response {
    match admit(&web, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(refused) => refused,
    }
}

/// Bytes that somebody unknown may send.
const STRANGER: usize = 8 * 1024;

/// Bytes that a device may send before it has said who it is, or after: what a Socket.IO client may.
const DEVICE: usize = super::sockets::MESSAGE;

fn limit(request: &mut Request, bytes: usize) {
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = axum::body::Body::new(http_body_util::Limited::new(body, bytes));
}

async fn admit(web: &Web, request: &mut Request) -> std::result::Result<(), Response> {
    let Some(path) = request.extensions().get::<MatchedPath>().cloned() else { return Ok(()) };
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let on_path = GATES.iter().filter(|(_, p, _)| *p == path.as_str());
    let Some((_, _, gate)) = on_path.clone().find(|(m, _, _)| *m == method.as_str()) else {
        let allowed: Vec<_> = on_path.map(|(m, _, _)| *m).collect();
        return Err(wrong_method(&allowed));
    };
    if matches!(gate, Itself) {
        limit(request, DEVICE);
        return Ok(());
    }
    let who = web.recognise(request.headers()).await.map_err(IntoResponse::into_response)?;
    let peer = request.extensions().get::<Peer>().copied();
    let local = !web.config.http.behind_https && peer.is_some_and(|p| p.0.ip().is_loopback()) && !forwarded(request.headers());
    check(*gate, who.as_ref(), local).map_err(IntoResponse::into_response)?;
    if matches!(gate, Open) {
        limit(request, STRANGER);
    }
    if !request.headers().contains_key(header::AUTHORIZATION) {
        let came = cookies::came(request.headers(), web.config.http.behind_https);
        cookies::refuse_forgery(&method, came, has_cookie(request.headers())).map_err(IntoResponse::into_response)?;
    }
    if let Some(who) = who {
        request.extensions_mut().insert(Caller(who));
    }
    Ok(())
}

fn check(gate: Gate, who: Option<&Who>, local: bool) -> Result<()> {
    match (gate, who) {
        (Open | Itself, _) => Ok(()),
        (LocalOr(_), _) if local => Ok(()),
        (LocalOr(what) | Needs(what) | OwnOr(what), Some(who)) if auth::allow(who, what) => Ok(()),
        (OwnOr(_), Some(who)) if auth::allow(who, What::OwnBookings) => Ok(()),
        (Ours, Some(who)) if who.role.is_ours() && !who.by_token => Ok(()),
        (Ours, Some(who)) if who.by_token => Err(Error::forbidden("this is for people who are signed in at a page, not for tokens")),
        (LocalOr(_) | Needs(_) | OwnOr(_) | Ours, Some(who)) => Err(Error::forbidden(format!("a {} may not do this", who.role.as_str()))),
        (LocalOr(_) | Needs(_) | OwnOr(_) | Ours, None) => {
            Err(Error::unauthenticated("sign in, or send a token as `Authorization: Bearer dpt_…`"))
        }
    }
}

fn wrong_method(allowed: &[&str]) -> Response {
    if allowed.is_empty() {
        return Error::forbidden("this route has no rule that opens it").into_response();
    }
    let list = allowed.join(", ");
    let mut response = Error::status(StatusCode::METHOD_NOT_ALLOWED).detail(format!("allowed here: {list}")).into_response();
    if let Ok(value) = HeaderValue::from_str(&list) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// Headers by which a proxy shows: whoever came through one sits elsewhere, though the proxy sits here.
const BY_PROXY: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

fn forwarded(headers: &HeaderMap) -> bool {
    BY_PROXY.iter().any(|name| headers.contains_key(*name))
}

fn has_cookie(headers: &HeaderMap) -> bool {
    cookies::read(headers, false).is_some() || cookies::read(headers, true).is_some()
}

impl Web {
    /// Who sends these headers: by token, or by session cookie. A token that is none is refused, a dead cookie is nobody.
    pub async fn recognise(&self, headers: &HeaderMap) -> Result<Option<Who>> {
        if let Some(value) = headers.get(header::AUTHORIZATION) {
            let token = value.to_str().ok().and_then(|v| v.strip_prefix("Bearer ")).map(str::trim);
            let token = token.ok_or_else(|| Error::unauthenticated("only `Authorization: Bearer` is known here"))?;
            return match self.auth.bearer(token).await {
                Ok(Some(who)) => Ok(Some(who)),
                Ok(None) => Err(Error::unauthenticated("the token is unknown, expired or revoked")),
                Err(error) => Err(Error::internal(error)),
            };
        }
        match cookies::read(headers, self.config.http.behind_https) {
            Some(secret) => self.auth.session(secret).await.map_err(Error::internal),
            None => Ok(None),
        }
    }
}

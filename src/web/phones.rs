//! Phones that report over HTTP: OsmAnd and Traccar Client, OwnTracks. Each is a device with its credentials, sent as HTTP Basic.

use super::Web;
use super::error::{Error, Problem, Result};
use super::extract::AnyBody;
use super::fields::form_pairs;
use super::server::Peer;
use crate::auth::{DeviceIdentity, Refused};
use crate::ingest::{Message, Source, Tally, Way};
use crate::ops::allowance::Rate;
use crate::telemetry::Format;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use std::net::IpAddr;
use utoipa::ToSchema;

/// How often a phone may report: one that was without a line sends what it kept one by one.
pub const RATE: Rate = Rate { per_second: 20.0, burst: 200.0 };

/// A payload in bytes at most: one position.
const PAYLOAD: usize = 16 * 1024;

/// User name and password of `Authorization: Basic`.
pub fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let both = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = both.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

impl Web {
    /// The device of these credentials, asked from `peer`.
    pub async fn device(&self, user: &str, password: &str, peer: IpAddr) -> Result<DeviceIdentity> {
        self.auth.device_from(user, password.as_bytes(), peer).await.map_err(|refused| match refused {
            Refused::Unknown | Refused::BadSecret | Refused::Revoked => {
                Error::unauthenticated("there is no such device, its password is another, or it was revoked").by_basic()
            }
            Refused::TooMany => Error::too_many(refused, 60),
            Refused::Unavailable(_) => Error::unavailable(refused),
        })
    }

    /// The phone that sends this, when it is one of `format` and has not sent too much lately.
    async fn phone(&self, headers: &HeaderMap, peer: IpAddr, format: Format) -> Result<DeviceIdentity> {
        let sent = basic(headers).ok_or_else(|| {
            Error::unauthenticated("send the device's id and its password as HTTP Basic; `depotd device add` gives both").by_basic()
        })?;
        let device = self.device(&sent.0, &sent.1, peer).await?;
        if device.format != format {
            let (id, own) = (&device.device, device.format);
            return Err(Error::forbidden(format!("device {id} sends {own}, and here is {format}: add one with `--format {format}`")));
        }
        let taken = self.phones_pace.take(device.device.clone(), self.clock.monotonic());
        taken.map_err(|wait| Error::too_often(wait, "what is on the way is kept by the phone"))?;
        Ok(device)
    }

    async fn take(&self, device: &DeviceIdentity, way: Way, (topic, payload): (&str, &[u8])) -> Result<Tally> {
        if payload.len() > PAYLOAD {
            return Err(Error::status(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("a position has at most {PAYLOAD} bytes")));
        }
        let source = Source { device: Some(&device.device), vehicle: &device.vehicle, format: device.format };
        let message = Message { source, topic, payload, received: self.clock.now() };
        let tally = self.ingest.store(way, &message).await.map_err(Error::unavailable)?;
        self.presence.heard(&device.vehicle, message.received);
        match tally.refused.first() {
            Some(refusal) => Err(Error::status(StatusCode::BAD_REQUEST).detail(&refusal.reason)),
            None => Ok(tally),
        }
    }
}

/// Who the payload says that it is of: the device, or its vehicle.
fn check_name(device: &DeviceIdentity, named: &str, what: &str) -> Result<()> {
    if named == device.device.as_str() || named == device.vehicle.as_str() {
        return Ok(());
    }
    let (id, vehicle) = (&device.device, &device.vehicle);
    Err(Error::forbidden(format!("{what} is {named:.64}, and these credentials are of device {id} in vehicle {vehicle}")))
}

/// A position as OsmAnd and Traccar Client report it; any other key is kept with the fix.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes what telemetry reads")]
pub struct OsmandReport {
    /// The device's id, or its vehicle's.
    id: String,
    /// Latitude, north positive.
    lat: f64,
    /// Longitude, east positive.
    lon: f64,
    /// Epoch seconds or milliseconds, RFC 3339, or `yyyy-MM-dd HH:mm:ss` in the depot's zone; now when absent.
    timestamp: Option<String>,
    /// Knots.
    speed: Option<f64>,
    /// Degrees clockwise from north.
    bearing: Option<f64>,
    /// Radius in metres within which the phone believes itself to be.
    accuracy: Option<f64>,
    /// Battery charge in percent.
    batt: Option<f64>,
}

/// Report a position as OsmAnd and Traccar Client do: by query.
///
/// HTTP Basic with the device's id and password; `id` (or `deviceid`) is that id, or its vehicle's. Besides `lat` and `lon`, or
/// `location=lat,lon`: `timestamp` (epoch seconds or milliseconds, RFC 3339, or `yyyy-MM-dd HH:mm:ss` in the depot's zone; now when
/// absent), `speed` in knots, `bearing` or `heading`, `accuracy`, `batt`, `ignition`, `alarm`. Any other key is kept with the fix.
#[utoipa::path(get, path = "/ingest/osmand", tag = "ingest", security(("device" = [])),
    params(("id" = String, Query), ("lat" = Option<f64>, Query), ("lon" = Option<f64>, Query), ("timestamp" = Option<String>, Query)),
    responses((status = 200, description = "It is on the disk"), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 429, body = Problem)))]
pub async fn osmand_query(web: State<Web>, peer: Extension<Peer>, headers: HeaderMap, query: RawQuery) -> Result<StatusCode> {
    osmand(web, peer, headers, query, AnyBody(Bytes::new())).await
}

/// Report a position as OsmAnd and Traccar Client do: by query, form or, from Traccar Client 9 on, JSON.
#[utoipa::path(post, path = "/ingest/osmand", tag = "ingest", security(("device" = [])),
    request_body(content = OsmandReport, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "It is on the disk"), (status = 400, body = Problem), (status = 401, body = Problem),
    (status = 403, body = Problem), (status = 413, body = Problem), (status = 429, body = Problem)))]
pub async fn osmand(
    State(web): State<Web>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    AnyBody(body): AnyBody,
) -> Result<StatusCode> {
    let device = web.phone(&headers, peer.ip(), Format::OsmAnd).await?;
    let zone = web.settings.current().get().depot.zone.clone();
    let document = document(&query.unwrap_or_default(), &body, &zone)?;
    if let Some(id) = ["id", "deviceid", "device_id"].into_iter().find_map(|name| document.get(name)?.as_str()) {
        check_name(&device, id, "id")?;
    }
    let payload = serde_json::to_vec(&document).map_err(Error::internal)?;
    web.take(&device, Way::Osmand, ("/ingest/osmand", &payload)).await?;
    Ok(StatusCode::OK)
}

/// A JSON body as it is; else the pairs of query and form as one object, a key that comes again as a list.
fn document(query: &str, body: &[u8], zone: &str) -> Result<Map<String, Value>> {
    if body.trim_ascii_start().first() == Some(&b'{') {
        let wrong = |e| Error::status(StatusCode::BAD_REQUEST).detail(format!("the body is not JSON: {e}"));
        return serde_json::from_slice(body).map_err(wrong);
    }
    let form = String::from_utf8_lossy(body);
    let mut document = Map::new();
    for (name, value) in form_pairs(query).chain(form_pairs(form.trim())) {
        let value = Value::String(if name == "timestamp" { with_zone(value, zone) } else { value });
        match document.entry(name).or_insert(Value::Null) {
            absent @ Value::Null => *absent = value,
            Value::Array(list) => list.push(value),
            once => *once = Value::Array(vec![once.take(), value]),
        }
    }
    Ok(document)
}

/// `2014-06-04 09:10:11` is a time in the depot's zone; of the hour that comes twice in autumn, the first is meant.
fn with_zone(text: String, zone: &str) -> String {
    let local = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", &text).ok();
    local.and_then(|local| local.in_tz(zone).ok()).map_or(text, |time| time.timestamp().to_string())
}

/// Report as OwnTracks does over HTTP.
///
/// HTTP Basic with the device's id and password. The user that the app names (in `topic`, `X-Limit-U` or `u`) is that id, or its
/// vehicle's. What is no `location` is passed over. The answer is an empty list of commands.
#[utoipa::path(post, path = "/ingest/owntracks", tag = "ingest", security(("device" = [])),
    request_body = Object,
    responses((status = 200, description = "It is on the disk", body = Vec<Object>), (status = 400, body = Problem),
    (status = 401, body = Problem), (status = 403, body = Problem), (status = 413, body = Problem), (status = 429, body = Problem)))]
pub async fn owntracks(
    State(web): State<Web>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    AnyBody(body): AnyBody,
) -> Result<Json<Vec<Value>>> {
    let device = web.phone(&headers, peer.ip(), Format::OwnTracks).await?;
    let topic = topic(&headers, &query.unwrap_or_default(), &body);
    if let Some(user) = topic.as_ref().and_then(|topic| topic.strip_prefix("owntracks/")?.split('/').next()) {
        check_name(&device, user, "the user")?;
    }
    web.take(&device, Way::OwnTracks, (topic.as_deref().unwrap_or("/ingest/owntracks"), &body)).await?;
    Ok(Json(Vec::new()))
}

/// The topic that the message would have over MQTT, as far as it says: in itself, in its headers, in the query.
fn topic(headers: &HeaderMap, query: &str, body: &[u8]) -> Option<String> {
    let inside = || serde_json::from_slice::<Value>(body).ok()?.get("topic")?.as_str().map(str::to_owned);
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
    let pair = |wanted: &str| form_pairs(query).find(|(name, _)| name == wanted).map(|(_, value)| value);
    inside().or_else(|| {
        let user = header("x-limit-u").or_else(|| pair("u"))?;
        let device = header("x-limit-d").or_else(|| pair("d")).unwrap_or_default();
        Some(format!("owntracks/{user}/{device}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_a_document_with_its_time_in_the_depots_zone() {
        let query = "id=7&timestamp=2014-06-04+09%3A10%3A11&cell=1&cell=2&lat=1.5";
        let read = document(query, b"lon=2\r\n", "Europe/Lisbon").unwrap();
        let wanted = serde_json::json!({"id": "7", "timestamp": "2014-06-04T08:10:11Z", "cell": ["1", "2"], "lat": "1.5", "lon": "2"});
        assert_eq!(Value::Object(read), wanted);
        assert!(document("", b" {nonsense", "UTC").is_err());
        // Summer time ends at 02:00, which is 01:00 again: of the two the first, which is an hour ahead of UTC.
        assert_eq!(with_zone("2014-10-26 01:30:00".into(), "Europe/Lisbon"), "2014-10-26T00:30:00Z");
    }
}

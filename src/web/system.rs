//! How the depot is doing: for probes, for administrators, for tests that wait until all is settled.

use super::Web;
use super::error::{Error, Result};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderName, header};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The depot takes bookings and fixes.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses((status = 200, body = String), (status = 503)))]
pub async fn readyz(State(web): State<Web>) -> Result<&'static str> {
    match &*web.health.borrow() {
        Ok(()) => Ok("ready\n"),
        Err(why) => Err(Error::unavailable(why)),
    }
}

/// How far the fix log is.
#[derive(Debug, Serialize, ToSchema)]
pub struct TracksProgress {
    /// Fixes taken.
    appended: u64,
    /// Of these, on the disk.
    durable: u64,
}

/// How far everybody has read the journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JournalCursors)]
pub struct Cursors {
    /// The journal's last entry.
    journal_head: i64,
    /// Each follower's place.
    cursors: BTreeMap<&'static str, i64>,
    /// The fix log.
    tracks: TracksProgress,
}

/// How far each follower of the journal is.
#[utoipa::path(get, path = "/api/v1/system/cursors", tag = "operation", responses((status = 200, body = Cursors)))]
pub async fn cursors(State(web): State<Web>) -> Json<Cursors> {
    let mut cursors: BTreeMap<_, _> = web.followers.iter().map(|f| (f.name, (f.cursor)())).collect();
    cursors.insert("live", *web.live_cursor.borrow());
    let stats = web.tracks.stats();
    let tracks = TracksProgress { appended: stats.appended, durable: stats.durable };
    Json(Cursors { journal_head: *web.db.head().borrow(), cursors, tracks })
}

/// Something that the MQTT guard refused.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes what the guard tells")]
pub struct Refusal {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: crate::model::Timestamp,
    /// Why, in a word, as `depotd_mqtt_refused_total` in `/metrics` has it.
    reason: String,
    /// Whom, and from which address.
    who: String,
    /// What of it.
    detail: String,
}

/// What the MQTT guard refused lately.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes what the guard tells")]
pub struct Refusals {
    /// The last hundred, the newest first.
    items: Vec<Refusal>,
}

/// What the MQTT guard refused lately, and why.
#[utoipa::path(get, path = "/api/v1/system/refusals", tag = "operation", responses((status = 200, body = Refusals)))]
pub async fn refusals(State(web): State<Web>) -> Json<Value> {
    Json((web.refusals)())
}

/// The streets under the map, as a GeoJSON FeatureCollection; without streets when the depot has none.
#[utoipa::path(get, path = "/api/v1/basemap", tag = "live", responses((status = 200, body = Object, content_type = "application/geo+json")))]
pub async fn basemap(State(web): State<Web>) -> ([(HeaderName, &'static str); 2], Bytes) {
    const EMPTY: &[u8] = br#"{"type":"FeatureCollection","features":[]}"#;
    let kind = [(header::CONTENT_TYPE, "application/geo+json"), (header::CACHE_CONTROL, "private, max-age=3600")];
    (kind, web.basemap.clone().unwrap_or(Bytes::from_static(EMPTY)))
}

//! Travel times and late warnings, over real HTTP and MQTT: a road service that is well, slow, wrong, down or flapping.

mod common;
mod road_service;

use common::mqtt::Mqtt;
use common::{Depot, until};
use depotd::clock::Clock;
use depotd::model::{Span, Timestamp};
use road_service::{Mode, PACE, RoadService};
use serde_json::{Value, json};

const DOCK: (f64, f64) = (42.5063, 1.5218);
const NO_RIVER: Mode = Mode::Well { river: 90.0 };

fn now() -> Timestamp {
    Clock::system().now()
}

fn time(value: &Value) -> Timestamp {
    Timestamp::parse(value.as_str().unwrap_or_else(|| panic!("{value} is no time"))).unwrap()
}

/// A metric's value.
async fn metric(depot: &Depot, name: &str) -> u64 {
    let text = depot.http().get("/metrics").await.text;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("depotd_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// Vehicles that can take work, so many kilometres north of the dock.
async fn vans(depot: &Depot, north_km: &[f64]) -> Vec<Mqtt> {
    let mut vans = Vec::new();
    for (n, north) in north_km.iter().enumerate() {
        let mut van = depot.mqtt(&depot.new_device(&format!("KA-{n}"))).await;
        van.fix(&now().to_string(), DOCK.0 + north / 111.195, DOCK.1).await;
        vans.push(van);
    }
    depot.settle().await;
    vans
}

async fn book(depot: &Depot) -> String {
    let order = json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": {"lat": 42.5321, "lon": 1.5810}});
    depot.http().post("/api/v1/bookings", order).await.ok()["id"].as_str().unwrap().to_owned()
}

/// Books, waits until a vehicle has it, calls it off again; what the round said.
async fn dispatch_once(depot: &Depot) -> Value {
    let (http, id) = (depot.http(), book(depot).await);
    let path = format!("/api/v1/bookings/{id}");
    let assigned = until("a vehicle to have it", async || (http.get(&path).await.ok()["status"] == "assigned").then_some(()));
    assigned.await;
    let record = http.get(&format!("{path}/dispatch")).await.ok()["items"][0].clone();
    http.post(&format!("{path}/cancel"), json!({"reason": "test"})).await.ok();
    depot.settle().await;
    record
}

async fn road_depot(service: &RoadService, more: &[&str]) -> Depot {
    let url = service.setting();
    // However much is booked, vehicles are not scarce: no booking waits for a nearer one.
    let gather = ["DISPATCH__GATHER_MS=20", "DISPATCH__GATHER_MOST_MS=20", "DISPATCH__SCARCE_SHARE=100"];
    let breaker = ["ETA__BREAKER_FAILURES=2", "ETA__BREAKER_OPEN_S=1", "ETA__BREAKER_OPEN_MOST_S=2"];
    Depot::start_with(&[&[url.as_str()], &gather[..], &breaker, more].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatch_goes_on_whatever_the_road_service_does() {
    let service = RoadService::start(NO_RIVER).await;
    // Without a cache, so that every round asks.
    let depot = road_depot(&service, &["ETA__CACHE_S=0", "ETA__ROAD_TIMEOUT_MS=1000", "ETA__ROUND_SHARE=0.5"]).await;
    let _vans = vans(&depot, &[3.0, 5.0]).await;
    let record = dispatch_once(&depot).await;
    assert_eq!((&record["eta_source"], &record["chosen"]), (&"road".into(), &"KA-0".into()), "{record}");
    let told = record["candidates"][0]["eta_s"].as_f64().unwrap();
    assert!((told - 3_000.0 / PACE).abs() < 5.0, "{told} s: what the service says");

    let nonsense = [
        r#"{"code":"Ok","durations":[[-5],[-5]],"distances":[[4000],[4000]]}"#,
        r#"{"code":"Ok","durations":[[1],[1]],"distances":[[4000],[4000]]}"#,
        "<html>captive portal</html>",
    ];
    let faults = [Mode::Slow, Mode::Down].into_iter().chain(nonsense.map(Mode::Wrong));
    for (mode, opened) in faults.zip(1..) {
        service.turn(mode);
        let mut sources = Vec::new();
        until("the breaker to open", async || {
            sources.push(dispatch_once(&depot).await["eta_source"].clone());
            (metric(&depot, "eta_breaker_opened_total").await >= opened).then_some(())
        })
        .await;
        assert!(sources.iter().all(|source| source == "great_circle"), "{mode:?}: {sources:?}");
        let asked = service.asked();
        assert_eq!(dispatch_once(&depot).await["eta_source"], "great_circle", "{mode:?}");
        assert!(service.asked() <= asked + 1, "{mode:?}: left alone but for a trial");
        service.turn(NO_RIVER);
        until("travel times from the road again", async || (dispatch_once(&depot).await["eta_source"] == "road").then_some(())).await;
        assert_eq!(metric(&depot, r#"eta_breaker{state="closed"}"#).await, 1, "{mode:?}");
    }
    for (reason, least) in [("slow", 1), ("unreachable", 1), ("wrong", 2)] {
        let failed = metric(&depot, &format!(r#"eta_road_failed_total{{reason="{reason}"}}"#)).await;
        assert!(failed >= least, "{failed} {reason}");
    }
    assert_eq!(metric(&depot, "dispatch_failed_total").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_by_road_gets_it_and_ways_are_remembered() {
    // The river runs between the dock and the vehicle to its north.
    let service = RoadService::start(Mode::Well { river: DOCK.0 + 0.005 }).await;
    let depot = road_depot(&service, &[]).await;
    let _vans = vans(&depot, &[2.0, -4.0]).await;
    let first = dispatch_once(&depot).await;
    assert_eq!((&first["chosen"], &first["eta_source"]), (&"KA-1".into(), &"road".into()), "{first}");
    service.turn(Mode::Down);
    let second = dispatch_once(&depot).await;
    assert_eq!((&second["chosen"], &second["eta_source"]), (&"KA-1".into(), &"cache".into()), "{second}");
    assert!(metric(&depot, r#"eta_answers_total{source="cache"}"#).await >= 2);
    assert!(metric(&depot, "eta_cache_ways").await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_takes_the_road_and_never_waits_for_one_that_does_not_answer() {
    let service = RoadService::start(NO_RIVER).await;
    let depot =
        road_depot(&service, &["ETA__CACHE_S=0", "ETA__ROAD_TIMEOUT_MS=1000", "ETA__ROUND_SHARE=0.5", "DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    let (north, south) = (json!({"lat": DOCK.0 + 0.05, "lon": DOCK.1}), json!({"lat": DOCK.0 - 0.05, "lon": DOCK.1}));
    let trip = json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": south, "stops": [north]});
    let seconds = 0.15 * 111_195.0 / PACE;
    let by_road = |told: &Value| (told["duration_s"].as_f64().unwrap() - seconds).abs() < 5.0;
    let quote = http.post("/api/v1/quotes", trip.clone()).await.ok();
    assert!(quote["eta_source"] == "road" && by_road(&quote), "{quote}");
    let mut booking = trip.clone();
    let unquoted = http.post("/api/v1/bookings", booking.clone()).await.ok();
    assert!(by_road(&unquoted) && unquoted["price"] == quote["price"], "{unquoted}");

    for mode in [Mode::Slow, Mode::Down, Mode::Wrong("<html>captive portal</html>")] {
        service.turn(mode);
        let estimated = http.post("/api/v1/quotes", trip.clone()).await.ok();
        assert!(estimated["eta_source"] == "great_circle" && !by_road(&estimated), "{mode:?}: {estimated}");
    }
    booking["quote_id"] = quote["id"].clone();
    let quoted = http.post("/api/v1/bookings", booking).await.ok();
    assert!(by_road(&quoted) && quoted["price"] == quote["price"], "what was quoted holds: {quoted}");
    // The last leg leads from a place to itself, which no road says anything about: the least trusted source is told.
    service.turn(NO_RIVER);
    until("the road again", async || (http.post("/api/v1/quotes", trip.clone()).await.ok()["eta_source"] == "road").then_some(())).await;
    let mut there = trip;
    there["dropoff"] = there["stops"][0].clone();
    assert_eq!(http.post("/api/v1/quotes", there).await.ok()["eta_source"], "great_circle");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_booking_is_released_in_time_for_the_road() {
    let service = RoadService::start(Mode::Down).await;
    let depot = road_depot(&service, &[]).await;
    // 4 km away: 12 min as the crow flies, 25 min around by the bridge.
    let _vans = vans(&depot, &[4.0]).await;
    let mut order = json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": {"lat": 42.5321, "lon": 1.5810}});
    order["pickup_at"] = json!(now() + Span::from_secs(1_500));
    let made = depot.http().post("/api/v1/bookings", order).await.ok();
    let path = format!("/api/v1/bookings/{}", made["id"].as_str().unwrap());
    depot.settle().await;
    assert_eq!(depot.http().get(&path).await.ok()["status"], "scheduled", "nobody need set out yet, as far as is known");
    service.turn(Mode::Well { river: DOCK.0 + 0.005 });
    until("its release", async || (depot.http().get(&path).await.ok()["status"] == "assigned").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_under_way_shows_when_it_will_be_done_and_warns_once() {
    let mut depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false", "ETA__LIVE_S=1"]).await;
    let credential = depot.new_device("KA-0");
    let mut van = depot.mqtt(&credential).await;
    van.fix(&now().to_string(), DOCK.0 + 0.2, DOCK.1).await;
    let until_s = now() + Span::from_secs(600);
    let mut order = json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": {"lat": 42.5321, "lon": 1.5810}});
    order["pickup_window"] = json!({"from": now(), "until": until_s});
    order["stops"] = json!([{"lat": 42.52, "lon": 1.55}]);
    let id = depot.http().post("/api/v1/bookings", order).await.ok()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/bookings/{id}");
    assert_eq!(depot.http().get(&path).await.ok()["eta"], Value::Null, "nobody has it yet");
    depot.http().post(&format!("{path}/assign"), json!({"vehicle_id": "KA-0"})).await.ok();

    // 22 km as the crow flies, at 25 km/h with a detour of 1.3: 70 min, an hour too late.
    let eta = eta_where(&depot, &path, |eta| eta["late_s"].as_i64() > Some(3_000)).await;
    assert_eq!(eta["source"], "great_circle", "{eta}");
    assert!(time(&eta["pickup_at"]) > until_s && time(&eta["dropoff_at"]) > time(&eta["pickup_at"]) + Span::from_secs(240), "{eta}");
    let listed = depot.http().get("/api/v1/bookings").await.ok();
    assert_eq!(listed["items"][0]["eta"]["source"], "great_circle");
    let late = event(&depot, &path, "late").await;
    assert_eq!((&late["against"], &late["source"]), (&"pickup_window".into(), &"great_circle".into()), "{late}");
    assert!(late["late_s"].as_i64() > Some(3_000) && time(&late["eta"]) > time(&late["due"]), "{late}");
    assert_eq!(metric(&depot, "jobs_late").await, 1);

    let stopped = now();
    depot.restart().await;
    eta_where(&depot, &path, |eta| time(&eta["computed_at"]) > stopped).await;
    assert_eq!(kinds(&depot, &path).await, ["placed", "assigned", "late"], "told once, restart or not");

    let mut van = depot.mqtt(&credential).await;
    van.fix(&now().to_string(), DOCK.0 + 0.005, DOCK.1).await;
    eta_where(&depot, &path, |eta| eta["late_s"].is_null()).await;
    event(&depot, &path, "on_time").await;
    for step in ["arrived", "picked_up"] {
        depot.http().post(&format!("{path}/steps"), json!({"step": step})).await.ok();
        let eta = eta_where(&depot, &path, |eta| eta["pickup_at"].is_null()).await;
        assert!(time(&eta["dropoff_at"]) > now(), "{eta}");
    }
    depot.http().post(&format!("{path}/steps"), json!({"step": "delivered"})).await.ok();
    until("the job to be done with", async || depot.http().get(&path).await.ok()["eta"].is_null().then_some(())).await;
    let told = kinds(&depot, &path).await;
    assert_eq!(told, ["placed", "assigned", "late", "on_time", "arrived", "picked_up", "delivered"]);
}

async fn eta_where(depot: &Depot, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    until("the booking's ETA", async || {
        let eta = depot.http().get(path).await.ok()["eta"].clone();
        (eta.is_object() && holds(&eta)).then_some(eta)
    })
    .await
}

async fn events(depot: &Depot, path: &str) -> Vec<Value> {
    depot.http().get(&format!("{path}/events")).await.ok()["items"].as_array().unwrap().clone()
}

async fn kinds(depot: &Depot, path: &str) -> Vec<String> {
    events(depot, path).await.iter().map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
}

async fn event(depot: &Depot, path: &str, kind: &str) -> Value {
    let found = async || events(depot, path).await.into_iter().find(|e| e["kind"] == kind);
    until(kind, found).await["data"].clone()
}

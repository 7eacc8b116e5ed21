//! Start, stop, and what stays.

mod common;

use common::Depot;
use common::mqtt::Credential;
use serde_json::json;

fn now() -> String {
    depotd::clock::Clock::system().now().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_graceful_and_a_restart_keeps_everything() {
    let mut depot = Depot::start().await;
    let device = depot.new_device("KA-1");
    let mut van = depot.mqtt(&device).await;
    van.fix(&now(), 42.5, 1.5).await;
    let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}, "customer": "Ana"});
    let booking = depot.http().post("/api/v1/bookings", trip).await.ok();
    depot.settle().await;
    let run = depot.data_dir().join("run.json");
    assert!(run.exists());
    let status = depot.stop().await;
    assert_eq!(status.code(), Some(0), "{}", depot.log());
    assert!(!run.exists());
    depot.launch().await;
    let http = depot.http();
    let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
    assert_eq!(http.get(&path).await.ok()["customer"], "Ana");
    let van = http.get("/api/v1/vehicles/KA-1").await.ok();
    assert_eq!((&van["last_fix"]["lat"], &van["online"]), (&42.5.into(), &false.into()), "{van}");
    let track = http.get("/api/v1/vehicles/KA-1/track").await.ok();
    assert_eq!(track["items"].as_array().unwrap().len(), 1, "{track}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_same_data_is_refused() {
    let depot = Depot::start().await;
    let (status, said) = depot.second_server();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains(&depot.pid().to_string()), "{said}");
    depot.http().get("/api/v1/bookings").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_prints_a_link_that_makes_the_first_user_once() {
    let depot = Depot::start().await;
    let log = depot.log();
    let token = log.split("#setup=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a set-up link").to_owned();
    let nobody = depot.http_as("");
    assert_eq!(nobody.get("/api/v1/session").await.ok()["setup_needed"], true);
    let body = |token: &str, password: &str| json!({"token": token, "name": "ana", "password": password});
    assert_eq!(nobody.post("/api/v1/setup", body(&token, "short")).await.problem(422)["errors"][0]["field"], "password");
    nobody.post("/api/v1/setup", body("wrong", "correct horse battery")).await.problem(401);
    let made = nobody.post("/api/v1/setup", body(&token, "correct horse battery")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let cookie = made.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
    nobody.post("/api/v1/setup", body(&token, "correct horse battery")).await.problem(401);
    assert_eq!(nobody.get("/api/v1/session").await.ok()["setup_needed"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vehicle_that_was_online_is_said_to_be_offline_after_a_crash() {
    let mut depot = Depot::start().await;
    let device = depot.new_device("KA-1");
    let board = Credential::of_token(&depot.new_token("viewer"));
    let _van = depot.mqtt(&device).await;
    let (_, online) = depot.mqtt(&board).await.first_of("v/KA-1/status").await;
    assert_eq!(online["online"], true);
    depot.kill9().await;
    let (topic, offline) = depot.mqtt(&board).await.first_of("v/+/status").await;
    assert_eq!((&*topic, &offline["online"]), ("v/KA-1/status", &false.into()), "{offline}");
}

/// Alters tracks.db from outside.
fn vandalise(depot: &Depot, sql: &str) {
    rusqlite::Connection::open(depot.data_dir().join("tracks.db")).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_log_that_cannot_be_written_ends_the_server_and_acknowledges_nothing() {
    let mut depot = Depot::start().await;
    let device = depot.new_device("KA-1");
    let mut van = depot.mqtt(&device).await;
    van.fix(&now(), 42.5, 1.5).await;
    vandalise(&depot, "alter table chunk rename to gone");
    van.send("v/KA-1/gps", &json!({"ts": now(), "lat": 42.6, "lon": 1.5})).await;
    let status = depot.ended().await;
    let log = depot.log();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("task mqtt ended: the fix log ended: tracks.db: no such table: chunk"), "{log}");
    assert_eq!(van.acked_so_far(), 1, "what is not on disk is not acknowledged");
    vandalise(&depot, "alter table gone rename to chunk");
    depot.launch().await;
    let track = depot.http().get("/api/v1/vehicles/KA-1/track").await.ok();
    assert_eq!(track["items"].as_array().unwrap().len(), 1, "{track}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_address_turns_a_listener_off() {
    let depot = Depot::start_with(&["MQTT__LISTEN="]).await;
    assert!(!depot.listens("mqtt") && depot.listens("mqtts"));
    let depot = Depot::start_with(&["MQTT__LISTEN=", "MQTT__TLS_LISTEN="]).await;
    assert!(!depot.listens("mqtt") && !depot.listens("mqtts"));
    assert_eq!(depot.http_as("").get("/readyz").await.text, "ready\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_and_metrics_answer() {
    let depot = Depot::start().await;
    let nobody = depot.http_as("");
    assert_eq!(nobody.get("/healthz").await.text, "ok\n");
    assert_eq!(nobody.get("/readyz").await.text, "ready\n");
    let device = depot.new_device("KA-1");
    depot.mqtt(&device).await.fix(&now(), 42.5, 1.5).await;
    let metrics = nobody.get("/metrics").await.text;
    for line in ["depotd_fixes_durable_total 1", "depotd_mqtt_fixes_total 1", "depotd_http_requests_total{"] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

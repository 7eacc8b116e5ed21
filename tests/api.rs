//! The API's manners: problems, headers, roles.

mod common;

use common::http::Answer;
use common::{Depot, until};
use depotd::auth::What;
use depotd::clock::Clock;
use depotd::web::access::{GATES, Gate};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_a_problem_document() {
    let depot = Depot::start_with(&["HTTP__MAX_BODY_BYTES=2000"]).await;
    let http = depot.http();
    let bad = json!({"pickup": {"lat": 91, "lon": "x"}, "load_kg": -3, "pickup_at": "tomorrow", "notes": "a\u{0}b", "colour": "red"});
    let problem = http.post("/api/v1/bookings", bad).await.problem(422);
    assert_eq!(fields(&problem), ["pickup.lat", "pickup.lon", "dropoff", "pickup_at", "load_kg", "notes", "colour"], "{problem}");
    let send = |kind: &str, body: String| Answer::of(http.request(Method::POST, "/api/v1/quotes").header("content-type", kind).body(body));
    send("application/json", "{\"pickup\":".into()).await.problem(400);
    send("text/plain", "{}".into()).await.problem(415);
    send("application/json", format!("{{\"notes\":\"{}\"}}", "x".repeat(3_000))).await.problem(413);
    http.get("/api/v1/nothing").await.problem(404);
    let wrong = http.delete("/api/v1/bookings").await;
    assert_eq!(wrong.headers["allow"], "GET, POST");
    wrong.problem(405);
    depot.http_as("").get("/api/v1/bookings").await.problem(401);
    depot.http_as("dpt_x_y").get("/api/v1/session").await.problem(401);
    http.get("/api/v1/live").await.problem(426);
    let healthy = depot.http_as("").get("/api/v1/session").await;
    assert_eq!(healthy.headers["x-content-type-options"], "nosniff");
    assert_eq!(healthy.headers["cache-control"], "no-store");
    let policy = healthy.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
}

/// What a role meets at a route: a refusal, or anything else.
async fn admitted(depot: &Depot, token: &str, method: &str, path: &str) -> StatusCode {
    let path = path.replace("{id}", "00000000-0000-7000-8000-000000000000");
    let request = depot.http_as(token).request(method.parse().unwrap(), &path).header("x-forwarded-for", "10.0.0.9");
    Answer::of(request).await.status
}

/// Every kind of caller: its role and scope, and what it may do. Drivers see what is their own, which no route offers.
const CALLERS: &[(&str, &str, &[What])] = &[
    (
        "admin",
        "",
        &[What::ReadBookings, What::WriteBookings, What::Assign, What::ReadDrivers, What::Duty, What::ReadPositions, What::Administer],
    ),
    ("dispatcher", "", &[What::ReadBookings, What::WriteBookings, What::Assign, What::ReadDrivers, What::Duty, What::ReadPositions]),
    ("viewer", "", &[What::ReadBookings, What::ReadDrivers, What::ReadPositions]),
    ("driver", "", &[What::Duty]),
    ("customer", "", &[What::OwnBookings]),
    ("integration", "positions:read", &[What::ReadPositions]),
    ("integration", "bookings:write", &[What::WriteBookings]),
    ("integration", "admin", &[]),
    ("admin", "bookings:read", &[What::ReadBookings]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_walked_with_every_role() {
    let depot = Depot::start().await;
    let mut callers = vec![("nobody", String::new(), &[][..])];
    for (role, scope, may) in CALLERS {
        let customer = (*role == "customer").then_some("acme");
        let new = json!({"role": role, "scopes": scope.split_whitespace().collect::<Vec<_>>(), "customer": customer});
        let made = depot.http().post("/api/v1/tokens", new).await.ok();
        callers.push((role, made["token"].as_str().unwrap().to_owned(), may));
    }
    // Socket.IO asks for credentials with its first packet, not with a status: tests/sockets.rs.
    for (method, path, gate) in GATES.iter().filter(|(_, path, _)| *path != "/socket.io/") {
        for (role, token, may) in &callers {
            let status = admitted(&depot, token, method, path).await;
            let opened = match gate {
                Gate::Open => true,
                // Whoever has no device's credentials is a stranger there.
                Gate::Itself => false,
                // A token is no person at a page: tests/push.rs signs in.
                Gate::Ours => false,
                Gate::Needs(what) | Gate::LocalOr(what) => may.contains(what),
                Gate::OwnOr(what) => may.contains(what) || may.contains(&What::OwnBookings),
            };
            let refused = if token.is_empty() || *gate == Gate::Itself { 401 } else { 403 };
            assert_eq!(status.as_u16() != refused, opened, "{role} ({may:?}) at {method} {path}: {status}");
            assert!(!status.is_server_error() || *path == "/readyz", "{role} at {method} {path}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_added_inspected_rotated_and_revoked() {
    let depot = Depot::start().await;
    let http = depot.http();
    let added = http.post("/api/v1/devices", json!({"id": "tracker-1", "vehicle": "KA-1"})).await.ok();
    assert_eq!(added["topics"]["publish"][0], "v/KA-1/gps", "{added}");
    http.post("/api/v1/devices", json!({"id": "tracker-1"})).await.problem(409);
    let mut van = depot.mqtt(&common::mqtt::Credential::from_json(&added)).await;
    van.send("v/KA-1/gps", &json!({"ts": "yesterday"})).await;
    van.acked().await;
    let shown = http.get("/api/v1/devices/tracker-1").await.ok();
    assert!(shown["rejected"]["items"][0]["reason"].is_string(), "{shown}");
    assert_eq!(shown["online"], true);
    let rotated = http.post("/api/v1/devices/tracker-1/rotate", json!({})).await.ok();
    assert_ne!(rotated["password"], added["password"]);
    assert_eq!(http.delete("/api/v1/devices/tracker-1").await.status, 204);
    let gone = until("the device to be shown the door", async || {
        (http.get("/api/v1/devices/tracker-1").await.ok()["online"] == false).then_some(())
    });
    gone.await;
    assert_eq!(http.get("/api/v1/devices").await.ok()["items"][0]["revoked"], true);
    http.get("/api/v1/devices/nobody").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_round_is_planned_again() {
    let depot = Depot::start().await;
    assert!(depot.fails(&["dispatch", "reproduce"]).contains("no round is kept yet"));
    let credential = depot.new_device("van-1");
    depot.http().post("/api/v1/vehicles/van-1/duty", json!({"on_duty": true})).await.ok();
    let mut van = depot.mqtt(&credential).await;
    van.fix(&Clock::system().now().to_string(), 42.5, 1.5).await;
    van.acked().await;
    let place = |lon: f64| json!({"lat": 42.5, "lon": lon});
    let booking = depot.http().post("/api/v1/bookings", json!({"pickup": place(1.501), "dropoff": place(1.6)})).await.ok();
    let id = booking["id"].as_str().unwrap();
    let record = until("the booking to be assigned", async || {
        let rounds = depot.http().get(&format!("/api/v1/bookings/{id}/dispatch")).await.ok();
        rounds["items"].as_array().unwrap().iter().find(|r| r["chosen"] == "van-1").cloned()
    })
    .await;
    let round = record["round"].as_i64().unwrap();
    let again = depot.command(&["dispatch", "reproduce", &round.to_string()]);
    assert_eq!(
        (&again["round"], &again["same"], &again["bookings"], &again["vehicles"]),
        (&json!(round), &json!(true), &json!(1), &json!(1))
    );
    assert_eq!(again["policy"], record["policy"]);
    assert_eq!(depot.command(&["dispatch", "reproduce"])["round"].as_i64(), Some(round), "the newest");
    assert!(depot.fails(&["dispatch", "reproduce", "7"]).contains("round 7 is not kept"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served_as_openapi() {
    let depot = Depot::start().await;
    let document = depot.http_as("").get("/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/bookings/{id}/dispatch"]["get"].is_object());
    assert_eq!(depot.http().get("/api/v1/basemap").await.ok()["type"], "FeatureCollection");
    assert!(depot.http().get("/api/v1/system/refusals").await.ok()["items"].is_array());
}

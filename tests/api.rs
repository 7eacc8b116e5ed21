//! The API's manners: problems, headers, roles, the live view.

mod common;

use common::http::Answer;
use common::{Depot, until};
use depotd::auth::What;
use depotd::web::access::{GATES, Gate};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

fn now() -> String {
    depotd::clock::Clock::system().now().to_string()
}

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

/// Every kind of caller: its role and scope, and what it may do. Drivers and customers see what is their own, which no route offers.
const CALLERS: &[(&str, &str, &[What])] = &[
    ("admin", "", &What::ALL),
    ("dispatcher", "", &[What::ReadBookings, What::WriteBookings, What::Assign, What::ReadDrivers, What::Duty, What::ReadPositions]),
    ("viewer", "", &[What::ReadBookings, What::ReadDrivers, What::ReadPositions]),
    ("driver", "", &[What::Duty]),
    ("customer", "", &[]),
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
        let made =
            depot.http().post("/api/v1/tokens", json!({"role": role, "scopes": scope.split_whitespace().collect::<Vec<_>>()})).await.ok();
        callers.push((role, made["token"].as_str().unwrap().to_owned(), may));
    }
    for (method, path, gate) in GATES {
        for (role, token, may) in &callers {
            let status = admitted(&depot, token, method, path).await;
            let opened = match gate {
                Gate::Open => true,
                Gate::Needs(what) | Gate::LocalOr(what) => may.contains(what),
            };
            let refused = if token.is_empty() { 401 } else { 403 };
            assert_eq!(status.as_u16() != refused, opened, "{role} ({may:?}) at {method} {path}: {status}");
            assert!(!status.is_server_error() || *path == "/readyz", "{role} at {method} {path}: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_for_the_consoles_own_pages() {
    let depot = Depot::start().await;
    let admin = depot.http();
    let secret = "correct horse battery";
    admin.post("/api/v1/users", json!({"name": "bo", "role": "viewer", "password": secret})).await.ok();
    let weak = admin.post("/api/v1/users", json!({"name": "al", "role": "king", "password": "short"})).await.problem(422);
    assert!(fields(&weak).contains(&"role"), "{weak}");
    let nobody = depot.http_as("");
    nobody.post("/api/v1/session", json!({"name": "bo", "password": "not that one"})).await.problem(401);
    let opened = nobody.post("/api/v1/session", json!({"name": "bo", "password": secret})).await;
    assert_eq!(opened.status, 200, "{}", opened.text);
    let cookie = opened.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let with_cookie = |method: Method, path: &str| nobody.request(method, path).header("cookie", &cookie);
    let me = Answer::of(with_cookie(Method::GET, "/api/v1/session")).await.ok();
    assert_eq!(me["user"], json!({"name": "bo", "role": "viewer"}));
    Answer::of(with_cookie(Method::GET, "/api/v1/bookings")).await.ok();
    Answer::of(with_cookie(Method::GET, "/api/v1/users")).await.problem(403);
    Answer::of(with_cookie(Method::DELETE, "/api/v1/session")).await.problem(403);
    Answer::of(with_cookie(Method::DELETE, "/api/v1/session").header("origin", "http://evil")).await.problem(403);
    let own = format!("http://{}", depot.address("http"));
    let closed = Answer::of(with_cookie(Method::DELETE, "/api/v1/session").header("origin", own)).await;
    assert_eq!(closed.status, 204, "{}", closed.text);
    Answer::of(with_cookie(Method::GET, "/api/v1/bookings")).await.problem(401);
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

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn live(depot: &Depot, token: &str, origin: Option<&str>) -> tungstenite::Result<Socket> {
    let mut request = format!("ws://{}/api/v1/live", depot.address("http")).into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    Ok(tokio_tungstenite::connect_async(request).await?.0)
}

async fn frame(socket: &mut Socket, fits: impl Fn(&Value) -> bool) -> Value {
    let wait = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if fits(&frame) {
                    return frame;
                }
            }
        }
        panic!("the live view closed");
    };
    tokio::time::timeout(common::PATIENCE, wait).await.expect("a frame")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_view_shows_a_vehicle_move_and_a_booking_appear() {
    let depot = Depot::start().await;
    let device = depot.new_device("KA-1");
    let mut van = depot.mqtt(&device).await;
    van.fix(&now(), 42.5, 1.5).await;
    depot.settle().await;
    let mut socket = live(&depot, &depot.new_token("viewer"), None).await.unwrap();
    let first = frame(&mut socket, |f| f["t"] == "snapshot").await;
    assert_eq!(first["vehicles"][0][1], "KA-1", "{first}");
    assert_eq!((&first["vehicles"][0][3], &first["vehicles"][0][4]), (&4_250_000.into(), &150_000.into()), "{first}");
    let select = json!({"subscribe": {"vehicles": "all", "bookings": true, "select": "KA-1"}});
    socket.send(Message::text(select.to_string())).await.unwrap();
    van.fix(&now(), 42.51, 1.5).await;
    frame(&mut socket, |f| f["v"][0][1] == 4_251_000).await;
    let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}});
    let booking = depot.http().post("/api/v1/bookings", trip).await.ok();
    let told = frame(&mut socket, |f| f["b"][0]["id"] == booking["id"]).await;
    assert_eq!(told["b"][0]["ref"], booking["ref"]);
    assert!(live(&depot, &depot.new_token("viewer"), Some("http://evil")).await.is_err());
    assert!(live(&depot, "dpt_a_b", None).await.is_err());
    socket.send(Message::text("nonsense")).await.unwrap();
    let closed = async {
        while let Some(Ok(m)) = socket.next().await {
            if m.is_close() {
                return;
            }
        }
    };
    tokio::time::timeout(common::PATIENCE, closed).await.expect("nonsense ends it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_round_is_planned_again() {
    let depot = Depot::start().await;
    assert!(depot.fails(&["dispatch", "reproduce"]).contains("no round is kept yet"));
    let credential = depot.new_device("van-1");
    depot.http().post("/api/v1/vehicles/van-1/duty", json!({"on_duty": true})).await.ok();
    let mut van = depot.mqtt(&credential).await;
    van.fix(&now(), 42.5, 1.5).await;
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

//! The live view's socket: what it shows to whom, and when it closes.

mod common;

use common::http::Answer;
use common::{Depot, PASSWORD};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest};

fn now() -> String {
    depotd::clock::Clock::system().now().to_string()
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn open(depot: &Depot, headers: &[(&'static str, &str)]) -> tungstenite::Result<Socket> {
    let mut request = format!("ws://{}/api/v1/live", depot.address("http")).into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Ok(tokio_tungstenite::connect_async(request).await?.0)
}

async fn live(depot: &Depot, token: &str) -> tungstenite::Result<Socket> {
    open(depot, &[("authorization", &format!("Bearer {token}"))]).await
}

/// The next frame that fits, and those before it.
async fn frames_until(socket: &mut Socket, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let wait = async {
        let mut frames = Vec::new();
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                frames.push(serde_json::from_str(&text).unwrap());
                if frames.last().is_some_and(&fits) {
                    return frames;
                }
            }
        }
        panic!("the live view closed");
    };
    tokio::time::timeout(common::PATIENCE, wait).await.expect("a frame")
}

async fn frame(socket: &mut Socket, fits: impl Fn(&Value) -> bool) -> Value {
    frames_until(socket, fits).await.pop().unwrap()
}

/// Why the depot closes the socket.
async fn goodbye(socket: &mut Socket) -> (u16, String) {
    let wait = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(frame)) = message {
                return (frame.code.into(), frame.reason.to_string());
            }
        }
        panic!("the live view closed without a word");
    };
    tokio::time::timeout(common::PATIENCE, wait).await.expect("a close frame")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_view_shows_a_vehicle_move_and_a_booking_appear() {
    let depot = Depot::start().await;
    let device = depot.new_device("KA-1");
    let mut van = depot.mqtt(&device).await;
    van.fix(&now(), 42.5, 1.5).await;
    depot.settle().await;
    let mut socket = live(&depot, &depot.new_token("viewer")).await.unwrap();
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
    let viewer = format!("Bearer {}", depot.new_token("viewer"));
    for origin in ["http://evil", &format!("https://{}", depot.address("http"))] {
        assert!(open(&depot, &[("authorization", &viewer), ("origin", origin)]).await.is_err(), "{origin}");
    }
    assert!(live(&depot, "dpt_a_b").await.is_err());
    socket.send(Message::text("nonsense")).await.unwrap();
    assert_eq!(goodbye(&mut socket).await, (1007, "not a subscription".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_live_view_closes_when_its_user_signs_out_or_is_disabled() {
    let depot = Depot::start().await;
    let nobody = depot.http_as("");
    let origin = format!("http://{}", depot.address("http"));
    for name in ["ana", "ben"] {
        depot.new_user(name, "viewer").await;
        let cookie = nobody.sign_in(name, PASSWORD).await.cookie();
        let mut socket = open(&depot, &[("cookie", &cookie), ("origin", &origin)]).await.unwrap();
        frame(&mut socket, |f| f["t"] == "snapshot").await;
        if name == "ana" {
            let out = nobody.request(Method::DELETE, "/api/v1/session").header("cookie", &cookie).header("origin", &origin);
            assert_eq!(Answer::of(out).await.status, 204);
        } else {
            depot.http().patch(&format!("/api/v1/users/{name}"), json!({"disabled": true})).await.ok();
        }
        assert_eq!(goodbye(&mut socket).await, (1008, "signed out, or allowed something else now".into()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_positions_alone_sees_no_booking_live() {
    let depot = Depot::start().await;
    let mut van = depot.mqtt(&depot.new_device("KA-1")).await;
    van.fix(&now(), 42.5, 1.5).await;
    let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}});
    depot.http().post("/api/v1/bookings", trip.clone()).await.ok();
    depot.settle().await;
    let token = depot.http().post("/api/v1/tokens", json!({"role": "integration", "scopes": ["positions:read"]})).await.ok();
    let mut socket = live(&depot, token["token"].as_str().unwrap()).await.unwrap();
    socket.send(Message::text(json!({"subscribe": {"bookings": true}}).to_string())).await.unwrap();
    depot.http().post("/api/v1/bookings", trip).await.ok();
    depot.settle().await;
    van.fix(&now(), 42.52, 1.5).await;
    let frames = frames_until(&mut socket, |f| f["v"][0][1] == 4_252_000).await;
    assert_eq!(frames[0]["t"], "snapshot");
    for frame in &frames {
        let bookings = frame["bookings"].as_array().or(frame["b"].as_array());
        assert!(bookings.is_none_or(Vec::is_empty), "{frame}");
    }
}

/// The frames of a stream until one fits.
async fn streamed(mut response: reqwest::Response, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (mut text, mut frames) = (String::new(), Vec::new());
    let wait = async {
        while let Some(chunk) = response.chunk().await.unwrap() {
            text += std::str::from_utf8(&chunk).unwrap();
            while let Some((event, rest)) = text.split_once("\n\n") {
                frames.extend(event.strip_prefix("data: ").map(|data| serde_json::from_str::<Value>(data).unwrap()));
                text = rest.to_owned();
                if frames.last().is_some_and(&fits) {
                    return std::mem::take(&mut frames);
                }
            }
        }
        panic!("the stream ended after {frames:?}");
    };
    tokio::time::timeout(common::PATIENCE, wait).await.expect("such a frame")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_comes_as_a_stream_of_events() {
    let mut depot = Depot::start().await;
    let (van, other) = (depot.new_device("KA-1"), depot.new_device("KA-2"));
    let (mut van, mut other) = (depot.mqtt(&van).await, depot.mqtt(&other).await);
    let ask = async |token: &str, query: &str| {
        let request = depot.http_as(token).request(Method::GET, &format!("/api/v1/live{query}")).header("accept", "text/event-stream");
        request.send().await.unwrap()
    };
    let viewer = depot.new_token("viewer");
    let stream = ask(&viewer, "?subscribe=%7B%22vehicles%22%3A%5B%22KA-1%22%5D%2C%22bookings%22%3Atrue%7D").await;
    other.fix(&now(), 42.6, 1.6).await;
    van.fix(&now(), 42.5, 1.5).await;
    let rows = |frame: &Value, of: &str| frame[of].as_array().cloned().unwrap_or_default();
    let frames = streamed(stream, |frame| rows(frame, "v").iter().any(|row| row[1] == 4_250_000)).await;
    assert_eq!(frames[0]["t"], "snapshot", "{frames:?}");
    let mut shown = frames.iter().flat_map(|frame| [rows(frame, "vehicles"), rows(frame, "new")]).flatten();
    assert!(shown.all(|row| row[1] == "KA-1"), "{frames:?}");
    let wrong = Answer::of(depot.http_as(&viewer).request(Method::GET, "/api/v1/live?subscribe=x").header("accept", "text/event-stream"));
    assert_eq!(wrong.await.problem(422)["errors"][0]["field"], "subscribe");
    assert_eq!(ask("dpt_a_b", "").await.status(), 401);
    let blind = depot.command(&["token", "create", "--role", "integration", "--scope", "bookings:read"]);
    assert_eq!(ask(blind["token"].as_str().unwrap(), "").await.status(), 403);
    let made = depot.command(&["token", "create", "--role", "viewer"]);
    let revoked = ask(made["token"].as_str().unwrap(), "").await;
    depot.command(&["token", "revoke", made["id"].as_str().unwrap()]);
    let whole = tokio::time::timeout(common::PATIENCE, revoked.text()).await.expect("the stream to end").unwrap();
    assert!(whole.starts_with("data: {\"t\":\"snapshot\""), "{whole}");
    let last = ask(&viewer, "").await;
    let (status, rest) = tokio::join!(depot.stop(), last.text());
    assert!(status.success() && rest.is_ok(), "{status} {rest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_cannot_take_every_place_at_the_live_view() {
    let depot = Depot::start().await;
    let (greedy, other) = (depot.new_token("viewer"), depot.new_token("viewer"));
    let mut sockets = Vec::new();
    for _ in 0..32 {
        let mut socket = live(&depot, &greedy).await.unwrap();
        frame(&mut socket, |f| f["t"] == "snapshot").await;
        sockets.push(socket);
    }
    let mut refused = live(&depot, &greedy).await.unwrap();
    assert_eq!(goodbye(&mut refused).await, (1013, "too many live clients of one user".into()));
    frame(&mut live(&depot, &other).await.unwrap(), |f| f["t"] == "snapshot").await;
    let metrics = depot.http().get("/metrics").await.text;
    assert!(metrics.contains("depotd_live_refused_total 1\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_today_come_live_to_who_may_see_bookings() {
    let depot = Depot::start().await;
    let mut socket = live(&depot, &depot.new_token("viewer")).await.unwrap();
    let positions = depot.http().post("/api/v1/tokens", json!({"role": "integration", "scopes": ["positions:read"]})).await.ok();
    let mut blind = live(&depot, positions["token"].as_str().unwrap()).await.unwrap();
    let wish = json!({"subscribe": {"vehicles": "all", "figures": true}}).to_string();
    for socket in [&mut socket, &mut blind] {
        socket.send(Message::text(wish.clone())).await.unwrap();
    }
    let figures = |count: u64| move |f: &Value| f["t"] == "figures" && f["summary"]["figures"]["bookings"] == count;
    frame(&mut socket, figures(0)).await;
    let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}});
    depot.http().post("/api/v1/bookings", trip.clone()).await.ok();
    frame(&mut socket, figures(1)).await;
    let mut van = depot.mqtt(&depot.new_device("KA-1")).await;
    van.fix(&now(), 42.5, 1.5).await;
    let seen = frames_until(&mut blind, |f| f["v"][0].is_array()).await;
    assert!(seen.iter().all(|f| f["t"] != "figures"), "{seen:?}");
}

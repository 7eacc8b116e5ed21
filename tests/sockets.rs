//! Socket.IO, spoken by the official clients: drivers report and get their commands, others follow.

#[path = "sockets/client.rs"]
mod client;
mod common;

use client::{Client, Make, With};
use common::http::raw;
use common::mqtt::Credential;
use common::{Depot, PASSWORD, until};
use reqwest::header;
use serde_json::{Value, json};

const DOCK: (f64, f64) = (42.5063, 1.5218);
const LINES: [(Make, &str); 4] =
    [(Make::Node, "websocket"), (Make::Node, "polling"), (Make::Python, "websocket"), (Make::Python, "polling")];

fn now() -> String {
    depotd::clock::Clock::system().now().to_string()
}

fn fix(lat: f64) -> Value {
    json!({"ts": now(), "lat": lat, "lon": DOCK.1, "speed_kmh": 30})
}

fn auth(device: &Credential) -> Value {
    json!({"device": device.username, "password": device.password})
}

fn customer(depot: &Depot, name: &str) -> String {
    depot.command(&["token", "create", "--role", "customer", "--customer", name])["token"].as_str().unwrap().to_owned()
}

async fn book(depot: &Depot, token: &str) -> String {
    let trip = json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": {"lat": 42.5321, "lon": 1.5810}});
    depot.http_as(token).post("/api/v1/bookings", trip).await.ok()["id"].as_str().unwrap().to_owned()
}

/// The depot's place of a vehicle in a frame, by its number.
fn row_of(frame: &Value, idx: &Value) -> Option<Value> {
    frame["v"].as_array()?.iter().find(|row| row[0] == *idx).cloned()
}

async fn follow(client: &mut Client, wants: Value) -> Value {
    client.ok("subscribe", wants).await;
    client.event("snapshot").await
}

/// A driver, a customer, one who watches the area and a stranger, over one kind of line.
async fn track(make: Make, transport: &'static str) {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let (van, acme) = (depot.new_device("KA-1"), customer(&depot, "acme"));
    let mut driver = Client::connected(&depot, With::auth(make, transport, auth(&van))).await;
    assert_eq!(driver.ok("online", json!({})).await["vehicle"], "KA-1");
    let said = driver.ok("fix", fix(DOCK.0)).await;
    assert_eq!((&said["stored"], &said["repeated"]), (&1.into(), &0.into()), "{said}");
    let booking = book(&depot, &acme).await;
    depot.http().post(&format!("/api/v1/bookings/{booking}/assign"), json!({"vehicle_id": "KA-1"})).await.ok();
    let job = driver.event("command").await;
    assert_eq!((&job["type"], &job["booking_id"]), (&"job".into(), &booking.as_str().into()), "{job}");
    depot.settle().await;

    let of_vehicle = With::auth(make, transport, json!({ "token": acme }));
    let mut owner = Client::connected(&depot, of_vehicle).await;
    let seen = follow(&mut owner, json!({"bookings": [booking], "vehicles": ["KA-1"]})).await;
    assert_eq!((&seen["vehicles"][0][1], &seen["bookings"][0]["id"]), (&"KA-1".into(), &booking.as_str().into()), "{seen}");
    let viewer = depot.new_token("viewer");
    let cell = h3o::LatLng::new(43.5, 3.0).unwrap().to_cell(h3o::Resolution::Six).to_string();
    let here = h3o::LatLng::new(DOCK.0, DOCK.1).unwrap().to_cell(h3o::Resolution::Six).to_string();
    assert_ne!(here, cell, "the other cell is elsewhere");
    let mut area = Client::connected(&depot, With::auth(make, transport, json!({ "token": viewer }))).await;
    follow(&mut area, json!({"cells": [here], "bookings": false})).await;
    let mut elsewhere = Client::connected(&depot, With::auth(make, transport, json!({ "token": viewer }))).await;
    follow(&mut elsewhere, json!({"cells": [cell], "bookings": false})).await;
    let mut other = Client::connected(&depot, With::auth(make, transport, json!({"token": customer(&depot, "other")}))).await;
    let nothing = follow(&mut other, json!({"vehicles": ["KA-1"]})).await;
    assert_eq!((&nothing["vehicles"], &nothing["bookings"]), (&json!([]), &json!([])), "{nothing}");
    let mut stranger = Client::start(&depot, With::auth(make, transport, json!({"token": "dpt_x_y"})));
    assert_eq!(stranger.event("refused").await, "the token is unknown, expired or revoked");

    let idx = seen["vehicles"][0][0].clone();
    let sent = depotd::clock::Clock::system().now().as_millis();
    driver.ok("fix", fix(DOCK.0 + 0.001)).await;
    let lat = 4_250_730;
    for (name, client) in [("the customer", &mut owner), ("the area", &mut area)] {
        let frame = client.until(|said| said["is"] == "delta" && row_of(&said["data"], &idx).is_some_and(|row| row[1] == lat)).await;
        println!("{make:?} {transport}: {name} sees it {} ms after it was sent", frame["at"].as_i64().unwrap() - sent);
    }
    for step in ["arrived", "picked_up", "delivered"] {
        assert_eq!(driver.ok("step", json!({"booking_id": booking, "step": step})).await["status"], step);
    }
    let gone = owner.until(|said| said["is"] == "delta" && said["data"]["gone"] == json!([idx])).await;
    assert!(row_of(&gone["data"], &idx).is_none(), "nothing of it is told after that: {gone}");
    driver.ok("fix", fix(DOCK.0 + 0.002)).await;
    area.until(|said| said["is"] == "delta" && row_of(&said["data"], &idx).is_some_and(|row| row[1] == 4_250_830)).await;
    let positions = |said: &Value| said["data"]["v"].as_array().is_some_and(|rows| !rows.is_empty());
    assert!(!other.kept().iter().any(positions) && !elsewhere.kept().iter().any(positions));
    assert!(!owner.kept().iter().any(|said| row_of(&said["data"], &idx).is_some_and(|row| row[1] == 4_250_830)));
    let delivered = |said: &Value| said["data"]["b"].as_array().is_some_and(|told| told.iter().any(|b| b["status"] == "delivered"));
    assert!(delivered(&gone) || owner.kept().iter().any(delivered), "its end is told to its customer: {:?}", owner.kept());
    let mut again = Client::connected(&depot, With::auth(make, transport, json!({ "token": acme }))).await;
    assert_eq!(follow(&mut again, json!({"bookings": [booking]})).await["bookings"], json!([]));
    assert_eq!(again.event("delta").await["b"][0]["status"], "delivered", "who comes back hears how it ended");
    let stranger = other.ok("subscribe", json!({"bookings": [booking]})).await;
    assert_eq!(stranger["unknown"], json!([booking]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tracked_with_nodes_client_over_websocket() {
    track(LINES[0].0, LINES[0].1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tracked_with_nodes_client_by_polling() {
    track(LINES[1].0, LINES[1].1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tracked_with_pythons_client_over_websocket() {
    track(LINES[2].0, LINES[2].1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_tracked_with_pythons_client_by_polling() {
    track(LINES[3].0, LINES[3].1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_replayed_until_one_of_the_lines_acknowledges_them() {
    let mut depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let van = depot.new_device("KA-1");
    let tracker = Credential::from_json(&depot.command(&["device", "add", "KA-1-tracker", "--vehicle", "KA-1"]));
    let admin = depot.new_token("admin");
    let booking = book(&depot, &admin).await;
    depot.http().post(&format!("/api/v1/bookings/{booking}/assign"), json!({"vehicle_id": "KA-1"})).await.ok();
    let deaf = || With { calls_back: false, ..With::auth(Make::Node, "both", auth(&van)) };
    let mut app = Client::connected(&depot, deaf()).await;
    let job = app.event("command").await;
    drop(app);
    depot.restart().await;
    let mut app = Client::connected(&depot, deaf()).await;
    assert_eq!(app.event("command").await, job, "it comes again until it is acknowledged");
    assert!(app.refused("ack", json!({})).await.contains("`seq` is missing"));
    app.ok("ack", json!({"seq": job["seq"]})).await;
    // The other line begins where the vehicle is, not where the line was.
    let mut mqtt = depot.mqtt(&tracker).await;
    until("the cursor to be kept", async || {
        drop(Client::connected(&depot, deaf()).await);
        let mut third = Client::connected(&depot, deaf()).await;
        third.ok("online", json!({})).await;
        third.kept().iter().all(|said| said["is"] != "command").then_some(())
    })
    .await;
    mqtt.subscribe_commands().await;
    depot.http().post(&format!("/api/v1/bookings/{booking}/cancel"), json!({"reason": "no"})).await.ok();
    let (here, there) = (app.event("command").await, mqtt.message("job_cancelled").await);
    assert_eq!(here, there, "each line gets each command");
    let metrics = depot.http().get("/metrics").await.text;
    assert!(metrics.contains("depotd_socketio_commands_acknowledged_total 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_signs_in_goes_on_duty_and_answers_an_offer() {
    let depot = Depot::start_with(&["DISPATCH__OFFERS=one"]).await;
    depot.http().post("/api/v1/vehicles", json!({"id": "KA-1", "class": "van"})).await.ok();
    depot.new_user("ana", "driver").await;
    depot.http().post("/api/v1/drivers", json!({"name": "Ana", "user": "ana"})).await.ok();
    let cookie = depot.http_as("").sign_in("ana", PASSWORD).await.cookie();
    let with = |origin: &str| With { headers: json!({"cookie": cookie, "origin": origin}), ..With::auth(Make::Node, "both", json!({})) };
    let mut foreign = Client::start(&depot, with("http://evil.example"));
    assert_eq!(foreign.event("refused").await, "the console's session is for the console's own pages");
    let mut nobody = Client::start(&depot, With::auth(Make::Node, "both", json!({})));
    assert!(nobody.event("refused").await.as_str().unwrap().contains("say who you are"));
    let mut ana = Client::connected(&depot, with(&format!("http://{}", depot.address("http")))).await;
    assert!(ana.refused("fix", fix(DOCK.0)).await.contains("not on duty"));
    assert!(ana.refused("online", json!({"vehicle_id": "KA-9"})).await.contains("there is no vehicle KA-9"));
    assert_eq!(ana.ok("online", json!({"vehicle_id": "KA-1"})).await["vehicle"], "KA-1");
    ana.ok("fix", json!([fix(DOCK.0)])).await;
    assert!(ana.refused("subscribe", json!({"vehicles": "all"})).await.contains("a driver may not follow"));
    let booking = book(&depot, &depot.new_token("admin")).await;
    let offer = ana.until(|said| said["data"]["type"] == "offer").await["data"].take();
    assert_eq!(offer["booking_id"], booking.as_str());
    assert_eq!(ana.ok("answer", json!({"booking_id": booking, "accept": true})).await["status"], "assigned");
    ana.until(|said| said["data"]["type"] == "job").await;
    assert!(ana.refused("step", json!({"booking_id": booking, "step": "fly"})).await.contains("step must be"));
    assert_eq!(ana.ok("step", json!({"booking_id": booking, "step": "arrived"})).await["status"], "arrived");
    assert!(ana.refused("online", json!({"on_duty": false})).await.contains("KA-1"), "with a job he stays");
    let seen = depot.http().get("/api/v1/vehicles/KA-1").await.ok();
    assert_eq!(seen["online"], true, "{seen}");
    let request = depot.http_as("").request(reqwest::Method::DELETE, "/api/v1/session");
    request.header(header::COOKIE, &cookie).header("sec-fetch-site", "same-origin").send().await.unwrap();
    assert_eq!(ana.event("goodbye").await["reason"], "signed out, or allowed something else now");
    until("the vehicle to be offline", async || (depot.http().get("/api/v1/vehicles/KA-1").await.ok()["online"] == false).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_who_loses_the_right_is_sent_away() {
    let mut depot = Depot::start().await;
    let van = depot.new_device("KA-1");
    let mut app = Client::connected(&depot, With::auth(Make::Node, "websocket", auth(&van))).await;
    let said = app.ask("fix", json!([fix(DOCK.0), {"lat": 1}, "?"])).await;
    assert_eq!((&said["ok"], &said["stored"], &said["errors"][0]["index"]), (&false.into(), &1.into(), &1.into()), "{said}");
    assert_eq!((&said["errors"][0]["reason"], &said["error"]), (&"`ts` is missing".into(), &"2 of 3 fixes can not be read".into()));
    assert!(app.refused("fly", json!({})).await.contains("there is no event fly"));
    assert!(app.refused("subscribe", json!({})).await.contains("a device hears its own commands only"));
    assert!(app.refused("online", json!({"vehicle_id": "KA-2"})).await.contains("rides in KA-1"));
    let mut wrong = Client::start(&depot, With::auth(Make::Python, "polling", json!({"device": "KA-1", "password": "guess"})));
    assert_eq!(wrong.event("refused").await, "the password is wrong");
    let made = depot.command(&["token", "create", "--role", "viewer"]);
    let mut viewer = Client::connected(&depot, With::token(made["token"].as_str().unwrap())).await;
    let faults = viewer.ask("subscribe", json!({"cells": ["x"], "bookings": 5, "colour": "red"})).await;
    let fields: Vec<_> = faults["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["cells", "bookings", "colour"], "{faults}");
    follow(&mut viewer, json!({"vehicles": "all"})).await;
    for _ in 0..120 {
        viewer.say("unsubscribe", &json!({}));
    }
    viewer.until(|said| said["data"]["error"].as_str().is_some_and(|error| error.contains("too many messages"))).await;
    depot.command(&["token", "revoke", made["id"].as_str().unwrap()]);
    assert_eq!(viewer.event("goodbye").await["reason"], "signed out, or allowed something else now");
    viewer.event("gone").await;
    depot.command(&["device", "rotate", "KA-1"]);
    assert_eq!(app.event("goodbye").await["reason"], "signed out, or allowed something else now");
    let metrics = depot.http().get("/metrics").await.text;
    for line in ["depotd_socketio_turned_away_total 1", "depotd_ingest_refused_total{way=\"socketio\"} 2"] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    let (mut polls, mut talks) = (
        Client::connected(&depot, With::auth(Make::Python, "polling", json!({"token": depot.new_token("viewer")}))).await,
        Client::connected(&depot, With::token(&depot.new_token("viewer"))).await,
    );
    assert!(depot.stop().await.success());
    for client in [&mut polls, &mut talks] {
        assert_eq!(client.event("goodbye").await["reason"], "the depot is going down");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_begins_to_say_something_by_polling_and_stops_is_cut_off() {
    let depot = Depot::start_with(&["HTTP__REQUEST_TIMEOUT_S=1"]).await;
    let opened = depot.http_as("").get("/socket.io/?EIO=4&transport=polling").await;
    let sid = opened.text.split("\"sid\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let address = depot.address("http");
    let post = format!("POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 100000\r\n\r\n4");
    let ended = tokio::time::timeout(common::PATIENCE, raw(&address, &post)).await.expect("an end");
    assert!(ended >= 400, "{ended}");
}

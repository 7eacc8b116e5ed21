//! Real messages over MQTT and Socket.IO are as `asyncapi.yaml` says, and every command that the code has is in it.

use super::client::{Client, Make, With};
use super::common::mqtt::{Credential, Mqtt};
use super::common::{Depot, until};
use super::tools::{Workshop, modules};
use rumqttc::QoS;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What was said, by the names that the description has for it.
#[derive(Default)]
pub struct Heard(Vec<(String, Value)>);

impl Heard {
    fn note(&mut self, name: &str, body: &Value) {
        self.0.push((name.to_owned(), body.clone()));
    }

    /// Reads a vehicle's commands until one is of that type.
    async fn command(&mut self, cab: &mut Mqtt, kind: &str) -> Value {
        loop {
            let (_, body) = cab.next().await;
            let name = if body["type"].as_str().unwrap().starts_with("step_") { "stepAnswer" } else { "command" };
            self.note(name, &body);
            if body["type"] == kind {
                return body;
            }
        }
    }

    /// Reads what a program hears until an event is of that type.
    async fn event(&mut self, program: &mut Mqtt, kind: &str) {
        loop {
            let (topic, body) = program.next().await;
            let name = match topic.rsplit('/').next().unwrap() {
                "gps" => "fixes",
                "status" => "status",
                _ => "event",
            };
            self.note(name, &body);
            if name == "event" {
                assert_eq!(topic, format!("events/{}", body["type"].as_str().unwrap().replace('.', "/")));
            }
            if body["type"] == kind {
                return;
            }
        }
    }

    /// Says something over Socket.IO and notes it with the answer.
    async fn ask(&mut self, client: &mut Client, event: &str, body: Value) -> Value {
        self.note(if event == "fix" { "fixes" } else { event }, &body);
        let said = client.ask(event, body).await;
        self.note("said", &said);
        said
    }

    /// Waits for a frame over Socket.IO.
    async fn frame(&mut self, client: &mut Client, event: &str, name: &str) {
        let body = client.event(event).await;
        self.note(name, &body);
    }
}

async fn book(depot: &Depot) -> String {
    let trip = json!({"pickup": {"lat": 42.5063, "lon": 1.5218}, "dropoff": {"lat": 42.4633, "lon": 1.491}});
    depot.http().post("/api/v1/bookings", trip).await.ok()["id"].as_str().unwrap().to_owned()
}

/// A driver who is asked, accepts, drives, and loses a job; a program hears it all.
pub async fn drive(depot: &Depot, heard: &mut Heard) {
    let van = depot.new_device("KA-1");
    let api = depot.http();
    let driver = api.post("/api/v1/drivers", json!({"name": "Ana"})).await.ok();
    let duty = format!("/api/v1/drivers/{}/duty", driver["id"].as_str().unwrap());
    let rule = json!({"events": ["booking.assigned"], "who": "driver", "channel": "message", "text": "{booking.reference}"});
    api.post("/api/v1/notifications/rules", rule).await.ok();
    let mut program = depot.mqtt(&Credential::of_token(&depot.new_token("viewer"))).await;
    for filter in ["events/#", "v/+/gps", "v/+/status"] {
        program.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    }
    let mut cab = depot.mqtt(&van).await;
    cab.subscribe_commands().await;
    let (_, status) = program.next().await;
    heard.note("status", &status);
    api.post(&duty, json!({"on": true, "vehicle_id": "KA-1"})).await.ok();
    heard.event(&mut program, "duty.started").await;
    let now = depotd::clock::Clock::system().now().to_string();
    cab.fix(&now, 42.5063, 1.5218).await;
    let booking = book(depot).await;
    heard.command(&mut cab, "offer").await;
    cab.step(&booking, "accept", &now).await;
    heard.command(&mut cab, "job").await;
    heard.command(&mut cab, "message").await;
    let path = format!("/api/v1/bookings/{booking}");
    let etag = api.get(&path).await.headers["etag"].clone();
    let change = api.request(reqwest::Method::PATCH, &path).header("if-match", etag).json(&json!({"notes": "ring twice"}));
    assert!(change.send().await.unwrap().status().is_success());
    assert_eq!(heard.command(&mut cab, "job").await["changed"], true);
    cab.step(&booking, "delivered", &now).await;
    heard.command(&mut cab, "step_rejected").await;
    for step in ["arrived", "picked_up", "delivered"] {
        cab.step(&booking, step, &now).await;
        heard.command(&mut cab, "step_ack").await;
    }
    heard.event(&mut program, "booking.delivered").await;
    for (answer, end) in [(None, "offer_withdrawn"), (Some("accept"), "job_cancelled")] {
        let booking = book(depot).await;
        heard.command(&mut cab, "offer").await;
        if let Some(answer) = answer {
            cab.step(&booking, answer, &now).await;
            heard.command(&mut cab, "job").await;
        }
        api.post(&format!("/api/v1/bookings/{booking}/cancel"), json!({"reason": "no"})).await.ok();
        heard.command(&mut cab, end).await;
        heard.event(&mut program, "booking.cancelled").await;
    }
    api.post(&duty, json!({"on": false})).await.ok();
    heard.event(&mut program, "duty.ended").await;
}

/// An app in the cab and a page that follows it.
async fn follow(depot: &Depot, heard: &mut Heard) {
    let van = depot.new_device("KA-2");
    let auth = json!({"device": van.username, "password": van.password});
    let mut app = Client::connected(depot, With::auth(Make::Node, "websocket", auth)).await;
    let made = depot.command(&["token", "create", "--role", "viewer"]);
    let mut page = Client::connected(depot, With::token(made["token"].as_str().unwrap())).await;
    let wants = json!({"vehicles": "all", "bookings": true, "select": "KA-2", "figures": true});
    heard.ask(&mut page, "subscribe", wants).await;
    heard.frame(&mut page, "snapshot", "snapshot").await;
    heard.frame(&mut page, "figures", "figures").await;
    heard.ask(&mut app, "online", json!({})).await;
    let now = depotd::clock::Clock::system().now().to_string();
    heard.ask(&mut app, "fix", json!([{"ts": now, "lat": 42.5063, "lon": 1.5218, "speed_kmh": 30, "course": 48}])).await;
    let refused = app.ask("fix", json!([{"lat": 1}])).await;
    heard.note("said", &refused);
    heard.frame(&mut page, "sel", "selected").await;
    let booking = book(depot).await;
    heard.frame(&mut app, "command", "command").await;
    heard.ask(&mut app, "answer", json!({"booking_id": booking, "accept": true})).await;
    let job = app.until(|said| said["data"]["type"] == "job").await["data"].take();
    heard.note("command", &job);
    heard.ask(&mut app, "step", json!({"booking_id": booking, "step": "arrived", "proof": {"note": "at the ramp"}})).await;
    heard.ask(&mut app, "ack", json!({"seq": job["seq"]})).await;
    let delta = page.until(|said| said["is"] == "delta" && said["data"]["b"] != json!([])).await["data"].take();
    heard.note("delta", &delta);
    heard.ask(&mut page, "subscribe", json!({"bookings": ["01a22917-1dc8-7f15-8462-fe18776f9f30"]})).await;
    heard.ask(&mut page, "subscribe", json!({"cells": ["86396018fffffff"], "bookings": false})).await;
    heard.ask(&mut page, "unsubscribe", json!({})).await;
    depot.command(&["token", "revoke", made["id"].as_str().unwrap()]);
    heard.frame(&mut page, "goodbye", "goodbye").await;
}

/// The types of commands and answers that the sources make, by their text.
fn made() -> BTreeSet<String> {
    let sources = [include_str!("../../src/cab/commands.rs"), include_str!("../../src/cab/reports.rs")];
    let kinds = sources.iter().flat_map(|source| source.split(r#""type":"#).skip(1));
    kinds.map(|rest| rest.trim_start().trim_start_matches('"').split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_as_they_are_described() {
    let depot = Depot::start_with(&["DISPATCH__OFFERS=one"]).await;
    let mut heard = Heard::default();
    drive(&depot, &mut heard).await;
    follow(&depot, &mut heard).await;
    let names: BTreeSet<&str> = heard.0.iter().map(|(name, _)| name.as_str()).collect();
    let shop = Workshop::with(&depot, &["messages.py"]).await;
    let lines: Vec<_> = heard.0.iter().map(|(name, body)| json!({"name": name, "body": body}).to_string()).collect();
    std::fs::write(shop.path("messages"), lines.join("\n")).unwrap();
    let specification = modules().join("@asyncapi/specs/schemas/3.0.0-without-$id.json");
    let described = shop.python("python", &["messages.py", specification.to_str().unwrap(), "messages"]).await;
    let described: BTreeSet<String> = serde_json::from_str(&described).unwrap();
    assert_eq!(described, made());
    let text = std::fs::read_to_string(shop.path("asyncapi.yaml")).unwrap();
    let all = text.split("\n  messages:\n").nth(1).unwrap().split("\n  schemas:\n").next().unwrap();
    let all =
        all.lines().filter_map(|line| line.strip_prefix("    ").filter(|rest| !rest.starts_with(' '))).filter_map(|l| l.split(':').next());
    assert_eq!(names, all.collect(), "each message of the description was said");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_hears_what_its_scopes_let_it_see() {
    let depot = Depot::start().await;
    let token = |scopes: &[&str]| {
        let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
        let args: Vec<_> = ["token", "create", "--role", "integration"].into_iter().chain(scopes).collect();
        Credential::of_token(depot.command(&args)["token"].as_str().unwrap())
    };
    let mut bookings = depot.mqtt(&token(&["bookings:read"])).await;
    for filter in ["events/booking/#", "events/#", "events/vehicle/#", "v/+/gps"] {
        bookings.client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
    }
    let refused = || async { depot.http().get("/api/v1/system/refusals").await.ok()["items"].as_array().unwrap().clone() };
    until("what is not its own to be refused", async || (refused().await.len() == 3).then_some(())).await;
    depot.http().post("/api/v1/vehicles", json!({"id": "KA-1"})).await.ok();
    let booking = book(&depot).await;
    let (topic, event) = bookings.next().await;
    assert_eq!((topic.as_str(), &event["data"]["booking_id"]), ("events/booking/placed", &booking.as_str().into()), "{event}");
    assert_eq!(event["data"]["detail"]["pickup"]["lat"], 42.5063);
    bookings.send("events/booking/placed", &json!({})).await;
    until("what it says to be refused", async || (refused().await.len() == 4).then_some(())).await;
}

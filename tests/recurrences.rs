//! Recurring bookings over real HTTP: asked, placed ahead, changed, paused, skipped, and the same after a restart.

mod common;

use common::http::{Answer, Api};
use common::{Depot, until};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/recurrences";

fn today() -> String {
    depotd::clock::Clock::system().now().to_string()[..10].to_owned()
}

fn daily(time: &str, zone: &str) -> Value {
    let order = json!({"pickup": {"lat": 38.70, "lon": -9.14}, "dropoff": {"lat": 38.75, "lon": -9.20}, "customer": "Ana"});
    json!({"order": order, "rule": "FREQ=DAILY", "start_date": today(), "start_time": time, "zone": zone})
}

fn fields(problem: &Value) -> Vec<&str> {
    problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect()
}

async fn change(http: &Api, method: Method, path: &str, tag: Option<&str>, body: Value) -> Answer {
    let request = http.request(method, path).json(&body);
    Answer::of(match tag {
        Some(tag) => request.header("if-match", tag),
        None => request,
    })
    .await
}

async fn bookings(http: &Api) -> Vec<Value> {
    http.get("/api/v1/bookings?limit=500").await.ok()["items"].as_array().unwrap().clone()
}

async fn placed(http: &Api, count: usize) -> Vec<Value> {
    until("the bookings to be placed", async || {
        let all = bookings(http).await;
        (all.len() == count).then_some(all)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_an_unclear_hour_is_asked_about() {
    let depot = Depot::start().await;
    let http = depot.http();
    let mut wrong = daily("25:00", "Europe/Lisbon");
    wrong["order"]["pickup_at"] = "2030-01-01T00:00:00Z".into();
    wrong["window_minutes"] = 0.into();
    wrong["colour"] = "red".into();
    assert_eq!(fields(&http.post(PATH, wrong).await.problem(422)), ["order.pickup_at", "start_time", "window_minutes", "colour"]);
    let mut wrong = daily("08:00", "Mars/Base");
    assert_eq!(fields(&http.post(PATH, wrong.clone()).await.problem(422)), ["zone"]);
    wrong["zone"] = "UTC".into();
    wrong["rule"] = "FREQ=HOURLY".into();
    assert_eq!(fields(&http.post(PATH, wrong).await.problem(422)), ["rule"]);
    let night = daily("01:30", "Europe/Lisbon");
    let asked = http.post(PATH, night.clone()).await.problem(422);
    assert_eq!(fields(&asked), ["missing_hour", "repeated_hour"]);
    assert!(asked["errors"][0]["message"].as_str().unwrap().contains("-03-"), "the days are named: {asked}");
    let mut decided = night;
    decided["missing_hour"] = "later".into();
    decided["repeated_hour"] = "second".into();
    let made = http.post(PATH, decided.clone()).await;
    assert_eq!((made.status.as_u16(), made.headers["etag"].to_str().unwrap()), (201, "\"1\""));
    let made = made.ok();
    assert_eq!((&made["start_time"], &made["missing_hour"], &made["order"]["customer"]), (&"01:30".into(), &"later".into(), &"Ana".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn its_bookings_are_placed_ahead_and_only_once() {
    let mut depot = Depot::start_with(&["BOOKINGS__RECURRING_AHEAD_DAYS=3", "DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    let made = http.post(PATH, daily("23:59:59", "UTC")).await.ok();
    let path = format!("{PATH}/{}", made["id"].as_str().unwrap());
    placed(&http, 3).await;
    let result = http.get(&path).await.ok()["last_result"].clone();
    assert_eq!((&result["result"], &result["placed"]), (&"ok".into(), &3.into()), "{result}");
    depot.restart().await;
    let http = depot.http();
    change(&http, Method::PATCH, &path, None, json!({"start_time": "23:59:58"})).await.problem(428);
    let changed = change(&http, Method::PATCH, &path, Some("\"1\""), json!({"start_time": "23:59:58", "order": {"notes": "gate 2"}})).await;
    assert_eq!(changed.headers["etag"], "\"2\"");
    assert_eq!(changed.ok()["order"]["notes"], "gate 2");
    let stale = change(&http, Method::PATCH, &path, Some("\"1\""), json!({"paused": true})).await.problem(412);
    assert_eq!(stale["current"]["version"], 2);
    depot.settle().await;
    let next = http.get(&format!("{path}/next?count=5")).await.ok();
    let outcomes: Vec<_> = next["items"].as_array().unwrap().iter().map(|o| o["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["placed", "placed", "placed", "expected", "expected"], "{next}");
    let second = next["items"][1].clone();
    http.post(&format!("{path}/skip"), json!({"date": second["date"]})).await.ok();
    let booking = http.get(&format!("/api/v1/bookings/{}", second["booking_id"].as_str().unwrap())).await.ok();
    assert_eq!((&booking["status"], &booking["recurrence_id"]), (&"cancelled".into(), &made["id"]));
    assert_eq!(second["local"].as_str().unwrap()[10..], *"T23:59:58+00:00", "{second}");
    let far = next["items"][4]["date"].clone();
    http.post(&format!("{path}/skip"), json!({"date": far})).await.ok();
    assert_eq!(http.get(&format!("{path}/next?count=5")).await.ok()["items"][4]["outcome"], "skipped");
    http.post(&format!("{path}/skip"), json!({"date": far, "undo": true})).await.ok();
    http.post(&format!("{path}/skip"), json!({"date": "2001-01-01"})).await.problem(422);
    assert_eq!(http.post(&format!("{path}/pause"), json!({})).await.ok()["paused"], true);
    assert_eq!(http.post(&format!("{path}/resume"), json!({})).await.ok()["paused"], false);
    change(&http, Method::DELETE, &path, Some("\"1\""), json!({})).await.problem(412);
    assert_eq!(change(&http, Method::DELETE, &path, Some("*"), json!({})).await.status, 204);
    http.get(&path).await.problem(404);
    let left = bookings(&http).await;
    assert!(left.len() == 3 && left.iter().all(|b| b["recurrence_id"] == made["id"]), "what was placed stays: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_the_same_key_makes_one() {
    let depot = Depot::start().await;
    let http = depot.http();
    let make = async |body: &Value| Answer::of(http.request(Method::POST, PATH).header("idempotency-key", "k").json(body)).await;
    let first = make(&daily("08:30", "UTC")).await.ok();
    assert_eq!(make(&daily("08:30", "UTC")).await.ok()["id"], first["id"]);
    assert_eq!(fields(&make(&daily("08:31", "UTC")).await.problem(422)), ["Idempotency-Key"]);
    let all = http.get(PATH).await.ok();
    assert_eq!(all["items"].as_array().unwrap().len(), 1, "{all}");
}

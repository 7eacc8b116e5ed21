//! Settings that change while depotd runs: over HTTP, by a command beside the running server, and by time alone. The shipped
//! config.toml stands where the tests run, so every value that nothing else sets is from a file.

mod common;

use common::http::{Answer, Api};
use common::{Depot, until};
use depotd::clock::Clock;
use depotd::model::Span;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

const DOCK: (f64, f64) = (42.5063, 1.5218);

fn trip() -> Value {
    json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": {"lat": 42.5321, "lon": 1.5810}})
}

fn after(millis: i64) -> String {
    (Clock::system().now() + Span::from_millis(millis)).to_string()
}

async fn put(http: &Api, key: &str, body: Value) -> Answer {
    Answer::of(http.request(Method::PUT, &format!("/api/v1/settings/{key}/override")).json(&body)).await
}

async fn set(http: &Api, key: &str, value: Value) -> Value {
    put(http, key, json!({"value": value, "reason": "a strike"})).await.ok()
}

async fn end(http: &Api, key: &str) -> Answer {
    http.delete(&format!("/api/v1/settings/{key}/override")).await
}

async fn setting(http: &Api, key: &str) -> Value {
    let all = http.get("/api/v1/settings").await.ok();
    let found = all["items"].as_array().unwrap().iter().find(|item| item["key"] == key);
    found.unwrap_or_else(|| panic!("no {key} in {all}")).clone()
}

async fn price(http: &Api) -> i64 {
    http.post("/api/v1/quotes", trip()).await.ok()["price"]["amount_minor"].as_i64().unwrap()
}

fn audited(depot: &Depot) -> Vec<(String, String)> {
    let rows = depot.command(&["audit", "list"]);
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = rows.as_array().unwrap().iter().rev().map(|row| (text(row, "action"), text(row, "object")));
    rows.filter(|(action, _)| action.starts_with("settings.")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_makes_the_very_next_quote_dearer_and_ends_by_itself() {
    let depot = Depot::start().await;
    let http = depot.http();
    let quote = http.post("/api/v1/quotes", trip()).await.ok();
    let usual = quote["price"]["amount_minor"].as_i64().unwrap();
    let body = json!({"value": 1_500, "until": after(2_500), "reason": "fuel"});
    let told = put(&http, "tariff.base_minor", body.clone()).await.ok();
    assert_eq!(
        (&told["value"], &told["origin"], &told["base_value"], &told["live"]),
        (&json!(1_500), &json!("override"), &json!(500), &json!(true))
    );
    assert_eq!((&told["override"]["until"], &told["override"]["reason"]), (&body["until"], &json!("fuel")));
    assert!(told["override"]["actor"].as_str().unwrap().starts_with("token:"), "{told}");
    assert_eq!(price(&http).await, usual + 1_000);
    // What was quoted before holds.
    let mut order = trip();
    order["quote_id"] = quote["id"].clone();
    assert_eq!(http.post("/api/v1/bookings", order).await.ok()["price"], quote["price"]);
    assert_eq!(http.post("/api/v1/bookings", trip()).await.ok()["price"]["amount_minor"], usual + 1_000);

    until("the override to end by itself", async || (price(&http).await == usual).then_some(())).await;
    let told = setting(&http, "tariff.base_minor").await;
    assert_eq!((&told["value"], &told["origin"], &told["override"]), (&json!(500), &json!("file"), &Value::Null));
    let key = "tariff.base_minor".to_owned();
    assert_eq!(audited(&depot), [("settings.override".to_owned(), key.clone()), ("settings.override_expired".to_owned(), key)]);
    depot.command(&["audit", "verify"]);
    depot.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_round_has_other_weights_says_so_and_can_be_made_again() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50", "DISPATCH__GATHER_MOST_MS=50", "DISPATCH__RETRY_S=3600"]).await;
    let http = depot.http();
    let mut vans = Vec::new();
    for name in ["KA-1", "KA-2"] {
        let mut van = depot.mqtt(&depot.new_device(name)).await;
        van.fix(&after(0), DOCK.0 + 0.002, DOCK.1).await;
        vans.push(van);
    }
    depot.settle().await;
    let dispatched = async || {
        let id = http.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/bookings/{id}/dispatch");
        until("the round's record", async || {
            let rounds = http.get(&path).await.ok();
            let given = rounds["items"].as_array().unwrap().iter().find(|round| round["chosen"].is_string());
            given.cloned()
        })
        .await
    };
    let told = dispatched().await;
    assert_eq!((&told["weights"]["fairness_s"], &told["weights"]["until"]), (&json!(5.0), &json!(2.2)), "{told}");
    set(&http, "dispatch.fairness_s", json!(42)).await;
    set(&http, "dispatch.until_weight", json!(1.5)).await;
    let told = dispatched().await;
    assert_eq!((&told["weights"]["fairness_s"], &told["weights"]["until"]), (&json!(42.0), &json!(1.5)), "{told}");
    let round = told["round"].to_string();
    end(&http, "dispatch.fairness_s").await.ok();
    let again = depot.command(&["dispatch", "reproduce", &round]);
    assert_eq!((&again["same"], again["round"].to_string()), (&json!(true), round), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dispatch_stops_and_goes_on_when_it_is_told_to_and_hours_run_out_when_they_are_cut() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50", "DISPATCH__GATHER_MOST_MS=50", "DISPATCH__RETRY_S=3600"]).await;
    let http = depot.http();
    let mut van = depot.mqtt(&depot.new_device("KA-1")).await;
    van.fix(&after(0), DOCK.0 + 0.002, DOCK.1).await;
    let driver = http.post("/api/v1/drivers", json!({"name": "Ana"})).await.ok()["id"].as_str().unwrap().to_owned();
    http.post(&format!("/api/v1/drivers/{driver}/duty"), json!({"on": true, "vehicle_id": "KA-1"})).await.ok();
    set(&http, "dispatch.automatic", json!(false)).await;
    let id = http.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap().to_owned();
    depot.settle().await;
    let status = async || http.get(&format!("/api/v1/bookings/{id}")).await.ok()["status"].as_str().unwrap().to_owned();
    assert_eq!(status().await, "waiting");
    set(&http, "drivers.max_day_s", json!(1)).await;
    until("his hours to be over", async || (http.get("/api/v1/vehicles/KA-1").await.ok()["driver"]["pause"] == "hours").then_some(()))
        .await;
    end(&http, "drivers.max_day_s").await.ok();
    until("him to have hours again", async || http.get("/api/v1/vehicles/KA-1").await.ok()["driver"]["pause"].is_null().then_some(()))
        .await;
    end(&http, "dispatch.automatic").await.ok();
    until("the booking to be assigned", async || (status().await == "assigned").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_outlives_a_kill_and_its_time_runs_while_nothing_does() {
    let mut depot = Depot::start().await;
    let usual = price(&depot.http()).await;
    set(&depot.http(), "tariff.base_minor", json!(2_500)).await;
    depot.kill9().await;
    assert_eq!(price(&depot.http()).await, usual + 2_000);
    assert_eq!(setting(&depot.http(), "tariff.base_minor").await["override"]["reason"], "a strike");
    let over = after(500);
    put(&depot.http(), "tariff.base_minor", json!({"value": 2_500, "until": over, "reason": "short"})).await.ok();
    assert!(depot.stop().await.success());
    until("its time to be over", async || (Clock::system().now().to_string() > over).then_some(())).await;
    depot.launch().await;
    assert_eq!(price(&depot.http()).await, usual, "the first quote after the start");
    until("the end to be written down", async || {
        audited(&depot).iter().any(|(action, _)| action == "settings.override_expired").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_who_may_not_is_refused() {
    let depot = Depot::start_with(&["ETA__ROAD_URL=http://user:hunter2@127.0.0.1:9"]).await;
    let http = depot.http();
    let fields = |problem: Value| -> Vec<String> {
        problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect()
    };
    let long_ago = json!({"value": -1, "until": "2020-01-01T00:00:00Z", "reason": "x"});
    assert_eq!(fields(put(&http, "tariff.base_minor", long_ago).await.problem(422)), ["until", "value"]);
    assert_eq!(
        fields(put(&http, "tariff.base_minor", json!({"until": 5, "by": "me"})).await.problem(422)),
        ["value", "until", "reason", "by"]
    );
    let too_long = json!({"value": 1, "until": after(8 * 86_400_000), "reason": "x"});
    assert_eq!(fields(put(&http, "tariff.base_minor", too_long).await.problem(422)), ["until"]);
    let crossed = put(&http, "dispatch.gather_ms", json!({"value": 99_999, "reason": "x"})).await.problem(422);
    assert!(crossed["errors"][0]["message"].as_str().unwrap().contains("dispatch.gather_most_ms"), "{crossed}");
    let fixed = put(&http, "http.listen", json!({"value": "0.0.0.0:1", "reason": "x"})).await.problem(409);
    assert!(fixed["detail"].as_str().unwrap().contains("restart"), "{fixed}");
    for key in ["tariff.nope", "eta.road_url", "upstream.sinks", "nonsense"] {
        put(&http, key, json!({"value": 1, "reason": "x"})).await.problem(404);
    }
    end(&http, "tariff.base_minor").await.problem(404);
    assert_eq!(audited(&depot), []);

    let all = http.get("/api/v1/settings").await;
    assert!(!all.text.contains("hunter2") && !all.text.contains("data_dir"), "{}", all.text);
    let fixed = setting(&http, "eta.road_timeout_ms").await;
    assert_eq!((&fixed["live"], &fixed["origin"], fixed["about"].is_string()), (&json!(false), &json!("file"), true));
    assert_eq!(setting(&http, "http.listen").await["origin"], "flag");
    for (role, reads) in [("dispatcher", true), ("viewer", true), ("integration", false)] {
        let scopes = if reads { json!([]) } else { json!(["positions:read"]) };
        let token = http.post("/api/v1/tokens", json!({"role": role, "scopes": scopes})).await.ok();
        let other = depot.http_as(token["token"].as_str().unwrap());
        assert_eq!(other.get("/api/v1/settings").await.status.is_success(), reads, "{role}");
        put(&other, "tariff.base_minor", json!({"value": 1, "reason": "x"})).await.problem(403);
        end(&other, "tariff.base_minor").await.problem(403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_acts_on_a_running_server_and_on_one_that_stands_still() {
    let mut depot = Depot::start_with(&["TARIFF__BASE_MINOR=600"]).await;
    let usual = price(&depot.http()).await;
    // The command has another environment than the server, and tells what the server works with.
    let shown = |depot: &Depot| {
        let all = depot.command(&["config", "show"]);
        let found = all["items"].as_array().unwrap().iter().find(|item| item["key"] == "tariff.base_minor");
        found.unwrap_or_else(|| panic!("{all}")).clone()
    };
    let told = shown(&depot);
    assert_eq!((&told["value"], &told["origin"], &told["live"]), (&json!(600), &json!("env"), &json!(true)), "{told}");

    let set = ["config", "override", "tariff.base_minor", "900", "--for", "4h", "--reason", "fuel"];
    let told = depot.command(&set);
    assert_eq!((&told["value"], &told["origin"], &told["override"]["actor"]), (&json!(900), &json!("override"), &json!("user:operator")));
    let seen = async || (price(&depot.http()).await == usual + 300).then_some(());
    common::until_within(Duration::from_secs(5), "the server to see it", seen).await;
    depot.settle().await;
    assert_eq!(setting(&depot.http(), "tariff.base_minor").await["override"]["reason"], "fuel");
    depot.command(&["config", "override", "tariff.base_minor", "--clear"]);
    until("the server to see the end", async || (price(&depot.http()).await == usual).then_some(())).await;

    let wrong = depot.fails(&["config", "override", "dispatch.offers", "sometimes", "--reason", "x"]);
    assert!(wrong.contains("sometimes") && wrong.contains("best"), "{wrong}");
    assert!(depot.fails(&["config", "override", "http.listen", "1", "--reason", "x"]).contains("restart"));
    assert!(depot.fails(&["config", "override", "tariff.base_minor", "1"]).contains("--reason"));
    assert!(depot.fails(&["config", "override", "tariff.base_minor", "1", "--reason", "x", "--for", "8d"]).contains("7 days"));

    assert!(depot.stop().await.success());
    depot.command(&set);
    depot.launch().await;
    assert_eq!(price(&depot.http()).await, usual + 300);
}

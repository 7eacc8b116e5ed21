//! What a depot answers is as `openapi.json` says, and has nothing that it does not say.

use super::common::Depot;
use super::messages::{Heard, drive};
use super::tools::Workshop;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A depot in which there is something of most things.
async fn furnished() -> Depot {
    let depot = Depot::start_with(&["DISPATCH__OFFERS=one", "NOTIFY__ALLOW_ADDRESSES=[\"127.0.0.1\"]"]).await;
    drive(&depot, &mut Heard::default()).await;
    depot.new_user("eve", "viewer").await;
    let square = json!([[[1.5, 42.5], [1.6, 42.5], [1.6, 42.6], [1.5, 42.5]]]);
    let trip = json!({"pickup": {"lat": 42.5063, "lon": 1.5218}, "dropoff": {"lat": 42.4633, "lon": 1.491}});
    let today = depotd::clock::Clock::system().now().to_string()[..10].to_owned();
    let made = [
        ("webhooks", json!({"url": "http://127.0.0.1:9/", "events": ["duty.*"]})),
        ("zones", json!({"id": "centre", "name": "Centre", "area": {"type": "Polygon", "coordinates": square}})),
        ("contracts", json!({"customer": "Bakery Pons", "label": "Pons", "discount_bp": 500})),
        ("promos", json!({"code": "WINTER", "percent_bp": 500})),
        ("recurrences", json!({"order": trip, "rule": "FREQ=DAILY", "start_date": today, "start_time": "08:00", "zone": "UTC"})),
    ];
    let mut refused = Vec::new();
    for (noun, body) in made {
        let answer = depot.http().post(&format!("/api/v1/{noun}"), body).await;
        if !answer.status.is_success() {
            refused.push((noun, answer.text));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
    let list = depot.http().get("/api/v1/bookings?status=delivered").await.ok();
    let path = format!("/api/v1/bookings/{}/links", list["items"][0]["id"].as_str().unwrap());
    depot.http().post(&path, json!({})).await.ok();
    depot.settle().await;
    depot
}

/// `path` with something that is there in place of its parameters: the first of the list that it is below.
fn filled(path: &str, answers: &BTreeMap<String, Value>) -> Option<String> {
    let Some((list, rest)) = path.split_once("/{") else { return Some(path.to_owned()) };
    let (name, rest) = rest.split_once('}')?;
    let first = answers.get(list)?["items"].as_array()?.first()?;
    let id = [name, "id", "key", "date", "customer", "code"].into_iter().find_map(|key| match first.get(key)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })?;
    (!rest.contains('{')).then(|| format!("{list}/{id}{rest}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_they_are_described() {
    let depot = furnished().await;
    let shop = Workshop::with(&depot, &["answers.py"]).await;
    let described: Value = serde_json::from_str(&std::fs::read_to_string(shop.path("openapi.json")).unwrap()).unwrap();
    let is_json = |item: &Value| item.pointer("/get/responses/200/content/application~1json").is_some();
    let paths: &Map<String, Value> = described["paths"].as_object().unwrap();
    let (mut answers, mut lines, mut good) = (BTreeMap::new(), Vec::new(), 0);
    for path in paths.iter().filter(|(path, item)| path.starts_with("/api/") && is_json(item)).map(|(path, _)| path) {
        let query = match path.as_str() {
            // What has been through the most is what the paths below it show.
            "/api/v1/bookings" => "?status=delivered",
            "/api/v1/analytics/breakdown" => "?by=vehicle",
            "/api/v1/vehicles/nearby" => "?lat=42.5&lon=1.5",
            _ => "",
        };
        let Some(asked) = filled(path, &answers) else { continue };
        let answer = depot.http().get(&format!("{asked}{query}")).await;
        good += usize::from(answer.status == 200);
        lines.push(json!({"path": path, "status": answer.status.as_u16(), "body": answer.body}).to_string());
        answers.insert(path.clone(), answer.body);
    }
    std::fs::write(shop.path("answers"), lines.join("\n")).unwrap();
    shop.python("python", &["answers.py", "answers"]).await;
    assert!(good >= 50, "{good} of {} had something to say", lines.len());
}

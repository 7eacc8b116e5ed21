//! Webhooks of a depot in its own process: every event that one wants to hear of comes, under one id, in the order of its booking, or
//! is a dead letter with its reason.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::hook::{Call, Hook, Manner, hmac};
use common::port::Closed;
use common::{Depot, until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

const INSIDE: &str = "NOTIFY__ALLOW_ADDRESSES=[\"127.0.0.0/8\"]";

async fn depot(more: &[&str]) -> Depot {
    let all: Vec<&str> = [INSIDE, "NOTIFY__RETRY_S=1", "NOTIFY__RETRY_MOST_S=2"].iter().chain(more).copied().collect();
    Depot::start_with(&all).await
}

async fn add(depot: &Depot, wish: Value) -> Value {
    depot.http().post("/api/v1/webhooks", wish).await.ok()
}

async fn book(depot: &Depot) -> String {
    let place = |lon: f64| json!({"lat": 42.5, "lon": lon});
    depot.http().post("/api/v1/bookings", json!({"pickup": place(1.5), "dropoff": place(1.6)})).await.ok()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn cancel(depot: &Depot, booking: &str) {
    depot.http().post(&format!("/api/v1/bookings/{booking}/cancel"), json!({"reason": "test"})).await.ok();
}

/// Waits until nothing waits to be sent; gives the deliveries of a state.
async fn drained(depot: &Depot, state: &str) -> Vec<Value> {
    depot.settle().await;
    let api = depot.http();
    until("the queue to be empty", async || {
        api.get("/api/v1/deliveries?state=waiting").await.ok()["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    api.get(&format!("/api/v1/deliveries?state={state}&limit=500")).await.ok()["items"].as_array().unwrap().clone()
}

fn signed(call: &Call, secret: &Value) -> bool {
    let key = STANDARD.decode(secret.as_str().unwrap().strip_prefix("whsec_").unwrap()).unwrap();
    let tag = hmac(&key, format!("{}.{}.{}", call.id, call.timestamp, call.body).as_bytes());
    call.signature.split(' ').any(|one| one == format!("v1,{}", STANDARD.encode(&tag)))
}

/// Every id is taken once, and each booking's events come in the order of the journal.
fn in_order(calls: &[Call]) -> BTreeMap<String, Vec<String>> {
    let ids: HashSet<_> = calls.iter().map(|call| &call.id).collect();
    assert_eq!(ids.len(), calls.len());
    let mut of: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last: HashMap<String, i64> = HashMap::new();
    for call in calls {
        let ((kind, booking), seq) = (call.what(), call.json()["data"]["seq"].as_i64().unwrap());
        let before = last.insert(booking.clone(), seq).unwrap_or(0);
        assert!(before < seq, "{booking}: {seq} came after {before}");
        of.entry(booking).or_default().push(kind);
    }
    of
}

#[tokio::test]
async fn what_happens_is_told_signed_and_after_a_filter() {
    let (hook, depot) = (Hook::start().await, depot(&[]).await);
    let before = book(&depot).await;
    let all = add(&depot, json!({"url": hook.url(), "events": ["booking.*"]})).await;
    let few =
        add(&depot, json!({"name": "Ends", "url": format!("{}/ends", hook.url()), "events": ["booking.cancelled", "driver.changed"]}))
            .await;
    assert_eq!((all["name"].as_str(), all["state"].as_str()), (Some(format!("127.0.0.1:{}", hook.port).as_str()), Some("on")));
    let booking = book(&depot).await;
    cancel(&depot, &booking).await;
    let sent = drained(&depot, "sent").await;
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert!(hook.calls().iter().all(|call| call.what().1 != before), "what was before it is not told");
    let told = hook.taken();
    let (mine, theirs): (Vec<_>, Vec<_>) = told.iter().partition(|call| signed(call, &all["secret"]));
    assert_eq!(mine.iter().map(|call| call.what().0).collect::<Vec<_>>(), ["booking.placed", "booking.cancelled"]);
    assert!(theirs.len() == 1 && signed(theirs[0], &few["secret"]) && theirs[0].what().0 == "booking.cancelled");
    assert_eq!(mine[0].headers["content-type"], "application/json");
    let body = mine[0].json();
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z') && body["data"]["detail"]["status"] == "waiting", "{body}");
    let mut forged = mine[0].clone();
    forged.body = forged.body.replace("booking.placed", "booking.failed");
    assert!(!signed(&forged, &all["secret"]));
    // Its secret is shown nowhere again, nor is it in the database as it is.
    let api = depot.http();
    let secret = all["secret"].as_str().unwrap();
    let id = all["id"].as_str().unwrap();
    for path in ["/api/v1/webhooks".to_owned(), format!("/api/v1/webhooks/{id}"), "/api/v1/deliveries".to_owned()] {
        assert!(!api.get(&path).await.text.contains("whsec_"), "{path}");
    }
    let kept = std::fs::read(depot.data_dir().join("ops.db")).unwrap();
    let bytes = STANDARD.decode(&secret[6..]).unwrap();
    assert!(!kept.windows(secret.len() - 6).any(|part| part == &secret.as_bytes()[6..]) && !kept.windows(32).any(|part| part == bytes));
    let of_one = api.get(&format!("/api/v1/webhooks/{id}/deliveries?limit=1")).await.ok();
    assert_eq!(of_one["items"][0]["subject"], "booking.cancelled");
    let rest = api.get(&format!("/api/v1/webhooks/{id}/deliveries?limit=1&cursor={}", of_one["next"].as_str().unwrap())).await.ok();
    assert_eq!(
        (&rest["items"][0]["subject"], &rest["items"][0]["log"][0]["status"], &rest["next"]),
        (&json!("booking.placed"), &json!(200), &Value::Null)
    );
}

#[tokio::test]
async fn a_receiver_that_is_down_slow_or_broken_gets_everything_once_it_is_well() {
    let (closed, depot) = (Closed::new(), depot(&[]).await);
    add(&depot, json!({"url": format!("http://127.0.0.1:{}/", closed.port()), "events": ["booking.*"]})).await;
    let mut bookings = vec![book(&depot).await, book(&depot).await];
    cancel(&depot, &bookings[0]).await;
    let failing = async || depot.http().get("/api/v1/webhooks").await.ok()["items"][0]["failing_since"].as_str().map(str::to_owned);
    until("the first failure", failing).await;
    let hook = Hook::start_at(closed.open());
    hook.be([Manner::Status(500), Manner::Slow, Manner::Status(302), Manner::Status(429)]);
    for _ in 0..10 {
        bookings.push(book(&depot).await);
    }
    for booking in &bookings[1..] {
        cancel(&depot, booking).await;
    }
    let sent = drained(&depot, "sent").await;
    assert_eq!(sent.len(), 24);
    let of = in_order(&hook.taken());
    assert_eq!(of.len(), 12);
    assert!(of.values().all(|kinds| *kinds == ["booking.placed", "booking.cancelled"]), "{of:?}");
    assert_eq!(failing().await, None);
    // What was tried again came under the id that it had.
    let ids: HashSet<_> = hook.calls().iter().map(|call| call.id.clone()).collect();
    assert_eq!(ids.len(), 24);
    assert!(
        sent.iter().any(|one| one["log"]
            .as_array()
            .unwrap()
            .iter()
            .any(|tried| tried["error"].as_str().is_some_and(|e| e.contains("redirects"))))
    );
}

#[tokio::test]
async fn killed_again_and_again_it_loses_nothing_and_repeats_under_the_same_id() {
    let (hook, mut depot) = (Hook::start().await, depot(&[]).await);
    add(&depot, json!({"url": hook.url(), "events": ["booking.*"]})).await;
    let mut bookings = Vec::new();
    for round in 0..3 {
        for _ in 0..8 {
            let booking = book(&depot).await;
            cancel(&depot, &booking).await;
            bookings.push(booking);
        }
        until("some to come", async || (hook.calls().len() > round * 10).then_some(())).await;
        depot.kill9().await;
    }
    drained(&depot, "sent").await;
    let of = in_order(&hook.taken());
    assert_eq!(of.keys().collect::<HashSet<_>>(), bookings.iter().collect());
    assert!(of.values().all(|kinds| *kinds == ["booking.placed", "booking.cancelled"]), "{of:?}");
}

#[tokio::test]
async fn a_new_secret_signs_beside_the_old_one_for_a_while() {
    let (hook, depot) = (Hook::start().await, depot(&[]).await);
    let made = add(&depot, json!({"url": hook.url()})).await;
    let path = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
    let api = depot.http();
    let rotated = api.post(&format!("{path}/rotate"), json!({})).await.ok();
    assert!(rotated["old_secret_until"].as_str().is_some() && rotated["secret"] != made["secret"]);
    let trial = api.post(&format!("{path}/test"), json!({})).await.ok();
    until("the trial", async || hook.taken().into_iter().next()).await;
    let call = hook.taken().remove(0);
    assert!(signed(&call, &made["secret"]) && signed(&call, &rotated["secret"]));
    assert_eq!((trial["id"].as_str(), call.what().0.as_str()), (Some(call.id.as_str()), "webhook.test"));
    let last = api.post(&format!("{path}/rotate"), json!({})).await.ok();
    api.post(&format!("{path}/test"), json!({})).await.ok();
    let call = until("another trial", async || hook.taken().into_iter().nth(1)).await;
    assert!(signed(&call, &last["secret"]) && signed(&call, &rotated["secret"]) && !signed(&call, &made["secret"]));
}

#[tokio::test]
async fn one_that_is_gone_is_told_no_more_until_somebody_says_so() {
    let (hook, depot) = (Hook::start().await, depot(&[]).await);
    let made = add(&depot, json!({"url": hook.url(), "events": ["booking.placed"]})).await;
    let (path, api) = (format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap()), depot.http());
    hook.be([Manner::Status(410)]);
    book(&depot).await;
    let off = until("it to be disabled", async || Some(api.get(&path).await.ok()).filter(|hook| hook["state"] == "disabled")).await;
    assert!(off["reason"].as_str().unwrap().contains("410"), "{off}");
    let dead = drained(&depot, "dead").await;
    assert!(dead.len() == 1 && dead[0]["last_error"].as_str().unwrap().contains("410 Gone: said"), "{dead:?}");
    book(&depot).await;
    depot.settle().await;
    assert_eq!(hook.calls().len(), 1);
    api.post(&format!("{path}/test"), json!({})).await.problem(409);
    assert_eq!(api.patch(&path, json!({"enabled": true})).await.ok()["state"], "on");
    let resend = format!("/api/v1/deliveries/{}/resend", dead[0]["id"].as_str().unwrap());
    assert_eq!(api.post(&resend, json!({})).await.status, 202);
    let again = until("it again", async || hook.taken().into_iter().next()).await;
    assert_eq!(again.id, dead[0]["id"].as_str().unwrap());
    assert_eq!(api.patch(&path, json!({"enabled": false})).await.ok()["state"], "paused");
    book(&depot).await;
    depot.settle().await;
    assert_eq!((hook.calls().len(), drained(&depot, "sent").await.len()), (2, 1));
    assert_eq!(api.delete(&path).await.status, 204);
    api.post(&resend, json!({})).await.problem(409);
    api.get(&path).await.problem(404);
    api.post("/api/v1/deliveries/00000000-0000-7000-8000-000000000000/resend", json!({})).await.problem(404);
}

#[tokio::test]
async fn nothing_inside_is_reached_unless_the_settings_say_so() {
    let (hook, depot) = (Hook::start().await, Depot::start_with(&["NOTIFY__RETRY_S=1", "NOTIFY__ALLOW_HOSTS=[\"hooks.test\"]"]).await);
    let api = depot.http();
    let inside = [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f000001/",
        "https://2130706433/",
        "http://example.com/",
        "https://user:pass@example.com/",
        "file:///etc/passwd",
        "nonsense",
    ];
    for url in inside {
        let told = api.post("/api/v1/webhooks", json!({"url": url})).await.problem(422);
        assert_eq!(told["errors"][0]["field"], "url", "{url}: {told}");
    }
    let told = api.post("/api/v1/webhooks", json!({"url": "https://example.com/", "events": ["access.changed"]})).await.problem(422);
    assert_eq!(told["errors"][0]["field"], "events");
    api.post("/api/v1/webhooks", json!({})).await.problem(422);
    // A name is looked at when it is called.
    let made = add(&depot, json!({"url": format!("https://localhost:{}/", hook.port)})).await;
    api.post(&format!("/api/v1/webhooks/{}/test", made["id"].as_str().unwrap()), json!({})).await.ok();
    let why =
        until("the refusal", async || api.get("/api/v1/deliveries").await.ok()["items"][0]["last_error"].as_str().map(str::to_owned)).await;
    assert!(why.contains("not an address of the public internet"), "{why}");
    assert!(hook.calls().is_empty());
    for role in ["dispatcher", "viewer"] {
        let other = depot.http_as(&depot.new_token(role));
        other.get("/api/v1/webhooks").await.problem(403);
        other.get("/api/v1/deliveries?state=dead").await.problem(403);
    }
    let described = api.get("/openapi.json").await.ok();
    assert!(described["webhooks"]["booking.delivered"]["post"]["requestBody"].is_object(), "{}", described["webhooks"]);
}

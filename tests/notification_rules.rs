//! Rules of notifications of a depot in its own process: to a driver over MQTT, to customers by mail, to a gateway.

mod common;

use common::hook::{Hook, Manner};
use common::smtp::Smtp;
use common::{Depot, until};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

const RULES: &str = "/api/v1/notifications/rules";

async fn book(depot: &Depot, contact: Value) -> String {
    let site = |lon: f64, contact: &Value| json!({"lat": 42.5, "lon": lon, "address": "Rua 1", "contact": contact});
    let order = json!({"pickup": site(1.5, &contact), "dropoff": {"lat": 42.5, "lon": 1.6}, "customer": "Ana & Co"});
    depot.http().post("/api/v1/bookings", order).await.ok()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_driver_hears_of_it_over_mqtt_and_the_console_in_the_journal() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let api = depot.http();
    let credential = depot.new_device("van-1");
    let mut van = depot.mqtt(&credential).await;
    van.subscribe_commands().await;
    let wish = json!({"events": ["booking.assigned"], "who": "driver", "channel": "message", "subject": "New job", "text": "{booking.reference}: {booking.pickup} for {booking.customer}"});
    let rule = api.post(RULES, wish).await.ok();
    let staff = json!({"events": ["booking.assigned"], "who": "staff", "channel": "message", "text": "{vehicle} has {booking.reference}"});
    api.post(RULES, staff).await.ok();
    let booking = book(&depot, Value::Null).await;
    api.post(&format!("/api/v1/bookings/{booking}/assign"), json!({"vehicle_id": "van-1"})).await.ok();
    let message = van.message("message").await;
    assert_eq!((message["text"].as_str(), message["subject"].as_str()), (Some("B-1001: Rua 1 for Ana & Co"), Some("New job")));
    assert_eq!(message["booking_id"], booking.as_str());
    depot.settle().await;
    let told = until("both", async || {
        let events = api.get(&format!("/api/v1/bookings/{booking}/events")).await.ok();
        let sent: Vec<_> = events["items"].as_array().unwrap().iter().filter(|event| event["kind"] == "sent").cloned().collect();
        Some(sent).filter(|sent| sent.len() == 2)
    })
    .await;
    let (to_van, to_staff): (Vec<_>, Vec<_>) = told.iter().partition(|event| event["vehicle_id"] == "van-1");
    assert_eq!((&to_van[0]["data"]["rule_id"], &to_staff[0]["data"]["text"]), (&rule["id"], &json!("van-1 has B-1001")));
    let path = format!("{RULES}/{}", rule["id"].as_str().unwrap());
    let paused = api.patch(&path, json!({"enabled": false, "limit": {"count": 1, "per_min": 5}})).await.ok();
    assert_eq!((&paused["enabled"], &paused["version"], &paused["limit"]["per_min"]), (&json!(false), &json!(2), &json!(5)));
    assert_eq!(api.patch(&path, json!({"limit": null})).await.ok().get("limit"), None);
    assert_eq!(api.get(RULES).await.ok()["items"].as_array().unwrap().len(), 2);
    assert_eq!(api.delete(&path).await.status, 204);
    api.get(&path).await.problem(404);
}

#[tokio::test]
async fn a_customer_gets_the_mail_that_the_preview_showed() {
    let smtp = Smtp::start().await;
    let settings = smtp.settings();
    let mut all: Vec<&str> = settings.iter().map(String::as_str).collect();
    all.push("DEPOT__NAME=North");
    let depot = Depot::start_with(&all).await;
    let api = depot.http();
    let wish = json!({"name": "Off", "events": ["booking.cancelled"], "who": "customer", "channel": "mail", "language": "fr",
        "subject": "{booking.reference} {booking.status}", "text": "{depot}: {booking.reason}. {{ {booking.pickup} }}"});
    let booking = book(&depot, json!({"email": "ana@example.com"})).await;
    let seen = api.post(&format!("{RULES}/preview"), json!({"rule": wish, "booking_id": booking})).await.ok();
    assert_eq!((&seen["to"], &seen["text"]), (&json!(["ana@example.com"]), &json!("North: inconnu. { Rua 1 }")));
    assert_eq!(seen["subject"], "B-1001 en attente");
    api.post(&format!("{RULES}/preview"), json!({"rule": wish, "booking_id": "01a22917-8c54-7bf5-8ce1-77b2fd10d020"})).await.problem(404);
    api.post(RULES, wish.clone()).await.ok();
    api.post(&format!("/api/v1/bookings/{booking}/cancel"), json!({"reason": "neige"})).await.ok();
    let letter = until("the letter", async || smtp.letters().into_iter().next()).await;
    assert_eq!((letter.to.as_str(), letter.header("Subject")), ("ana@example.com", "B-1001 =?utf-8?b?YW5udWzDqWU=?="));
    assert!(letter.data.contains("North: neige. { Rua 1 }"), "{}", letter.data);
    let mut wrong = wish;
    (wrong["text"], wrong["subject"]) = (json!("{booking.password}"), json!("{"));
    let told = api.post(RULES, wrong).await.problem(422);
    let fields: Vec<_> = told["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["subject", "text"]);
    assert!(told["errors"][1]["message"].as_str().unwrap().contains("{booking.reference}"), "{told}");
    let told = api.post(RULES, json!({"quiet": {"hours": 5, "then": "sleep"}, "limit": {"count": 0}})).await.problem(422);
    let fields: Vec<_> = told["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["quiet.hours", "quiet.then", "limit.count", "limit.per_min"]);
    let told = api.post(RULES, json!({})).await.problem(422);
    assert_eq!(told["errors"].as_array().unwrap().len(), 4, "{told}");
    depot.http_as(&depot.new_token("viewer")).post(RULES, json!({})).await.problem(403);
}

#[tokio::test]
async fn a_gateway_gets_the_request_of_its_template() {
    let (hook, dir) = (Hook::start().await, tempfile::tempdir().unwrap());
    let headers = dir.path().join("headers");
    std::fs::write(&headers, "Authorization: Bearer hunter2\nX-Depot: north\n").unwrap();
    let gateway = format!(
        "NOTIFY__GATEWAYS=[{{name = \"sms\", url = \"{}?to={{to}}\", headers_file = \"{}\", body = '{{\"to\": \"{{to}}\", \"text\": \"{{text}}\", \"ref\": \"{{id}}\"}}'}}]",
        hook.url(),
        headers.display()
    );
    let depot = Depot::start_with(&[&gateway, "NOTIFY__ALLOW_ADDRESSES=[\"127.0.0.1\"]", "NOTIFY__RETRY_S=1"]).await;
    let api = depot.http();
    let wish = json!({"events": ["booking.placed"], "who": "customer", "channel": "gateway", "gateway": "sms", "text": "Hello \"{booking.customer}\""});
    api.post(RULES, wish).await.ok();
    hook.be([Manner::Status(503)]);
    book(&depot, json!({"phone": "+351 1"})).await;
    let call = until("the request", async || hook.calls().into_iter().find(|call| call.status == 200)).await;
    let body = call.json();
    assert_eq!((&body["to"], &body["text"]), (&json!("+351 1"), &json!("Hello \"Ana & Co\"")));
    assert!(call.headers["authorization"] == "Bearer hunter2" && call.headers["x-depot"] == "north", "{:?}", call.headers);
    assert_eq!(call.headers["idempotency-key"], body["ref"].as_str().unwrap());
    let calls = hook.calls();
    assert!(calls.len() == 2 && calls[0].json()["ref"] == body["ref"], "tried again under the same id");
    hook.be([Manner::Status(422)]);
    book(&depot, json!({"phone": "000"})).await;
    let dead = until("the dead letter", async || {
        api.get("/api/v1/deliveries?state=dead&channel=gateway").await.ok()["items"].as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!((&dead["recipient"], &dead["endpoint"], &dead["attempts"]), (&json!("000"), &json!("gateway:sms"), &json!(1)));
    assert!(dead["last_error"].as_str().unwrap().contains("422"), "{dead}");
    assert!(!api.get("/api/v1/settings").await.text.contains("hunter2") && !depot.log().contains("hunter2"));
}

#[tokio::test]
async fn those_at_the_console_hear_it_live_and_may_read_it_later() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let (api, viewer) = (depot.http(), depot.new_token("viewer"));
    let staff =
        |event: &str| json!({"events": [event], "who": "staff", "channel": "message", "subject": "Look", "text": "{event} {vehicle}"});
    api.post(RULES, staff("booking.placed")).await.ok();
    api.post(RULES, staff("vehicle.changed")).await.ok();
    let mut request = format!("ws://{}/api/v1/live", depot.address("http")).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {viewer}").parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    socket.send(Message::text(json!({"subscribe": {"messages": true}}).to_string())).await.unwrap();
    // Its answer to the subscription is there before anything is said.
    let mut next = async |wanted: &str| {
        let wait = async {
            loop {
                let told: Value = serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap_or_default();
                if told["t"] == wanted {
                    return told;
                }
            }
        };
        tokio::time::timeout(common::PATIENCE, wait).await.unwrap()
    };
    next("snapshot").await;
    let booking = book(&depot, Value::Null).await;
    let live = next("message").await["message"].clone();
    assert_eq!((&live["booking_id"], &live["text"]), (&json!(booking), &json!("booking.placed not known")));
    depot.new_device("van-1");
    let live = next("message").await["message"].clone();
    assert_eq!((&live["text"], live.get("booking_id")), (&json!("vehicle.changed van-1"), None));
    let console = depot.http_as(&viewer);
    let page = console.get("/api/v1/messages?limit=1").await.ok();
    assert_eq!(page["items"], json!([live]));
    let rest = console.get(&format!("/api/v1/messages?cursor={}", page["next"].as_str().unwrap())).await.ok();
    assert_eq!((&rest["items"][0]["booking_id"], &rest["next"]), (&json!(booking), &Value::Null));
    assert_eq!(console.get("/api/v1/notifications/channels").await.ok(), json!({"mail": false, "gateways": []}));
    let pin = json!({"events": ["booking.assigned"], "who": "driver", "channel": "message", "text": "{booking.pin}"});
    assert_eq!(api.post(RULES, pin).await.problem(422)["errors"][0]["field"], "text");
}

#[tokio::test]
async fn what_the_bookings_of_one_customer_send_out_has_a_bound() {
    let smtp = Smtp::start().await;
    let settings = smtp.settings();
    let mut all: Vec<&str> = settings.iter().map(String::as_str).collect();
    all.push("NOTIFY__CUSTOMER_DAY=3");
    let depot = Depot::start_with(&all).await;
    let wish = json!({"events": ["booking.placed"], "who": "recipient", "channel": "mail", "subject": "s", "text": "t"});
    depot.http().post(RULES, wish).await.ok();
    let book_for = async |customer: &str, n: usize| {
        let contact = json!({"email": format!("r{n}@example.com")});
        let order =
            json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.5, "lon": 1.6, "contact": contact}, "customer": customer});
        depot.http().post("/api/v1/bookings", order).await.ok();
    };
    for n in 0..5 {
        book_for("acme", n).await;
    }
    book_for("bolt", 9).await;
    until("the other's", async || smtp.letters().iter().any(|letter| letter.to == "r9@example.com").then_some(())).await;
    depot.settle().await;
    assert_eq!(depot.http().get("/api/v1/deliveries").await.ok()["items"].as_array().unwrap().len(), 4);
    let injected = json!({"pickup": {"lat": 42.5, "lon": 1.5, "contact": {"email": "a@b.example\r\nRCPT TO:<x@y>"}}, "dropoff": {"lat": 42.5, "lon": 1.6}});
    assert_eq!(depot.http().post("/api/v1/bookings", injected).await.problem(422)["errors"][0]["field"], "pickup.contact.email");
}

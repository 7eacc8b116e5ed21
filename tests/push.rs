//! Web Push of a depot in its own process: what drivers and staff are told though their page is closed comes sealed for their browser
//! and signed by the depot, is tried again, and ends when the browser is gone.

mod common;

use common::hook::{Call, Hook};
use common::push::{Browser, Person, SUBSCRIPTIONS, claims};
use common::{Depot, until};
use reqwest::Method;
use serde_json::{Value, json};

const INSIDE: &str = "NOTIFY__ALLOW_ADDRESSES=[\"127.0.0.0/8\"]";

async fn depot(more: &[&str]) -> Depot {
    let all: Vec<&str> = [INSIDE, "NOTIFY__RETRY_S=1", "NOTIFY__RETRY_MOST_S=2"].iter().chain(more).copied().collect();
    Depot::start_with(&all).await
}

fn origin(service: &Hook) -> String {
    format!("http://127.0.0.1:{}", service.port)
}

async fn push_to_staff(depot: &Depot, events: Value) -> Value {
    let wish = json!({"events": events, "who": "staff", "channel": "push", "subject": "{booking.reference}", "text": "{event}"});
    depot.http().post("/api/v1/notifications/rules", wish).await.ok()
}

async fn book(depot: &Depot) -> String {
    let trip = json!({"pickup": {"lat": 42.501, "lon": 1.5, "address": "Rua 1"}, "dropoff": {"lat": 42.6, "lon": 1.6, "address": "Rua 2"}});
    depot.http().post("/api/v1/bookings", trip).await.ok()["id"].as_str().unwrap().to_owned()
}

async fn cancel(depot: &Depot, booking: &str) {
    depot.http().post(&format!("/api/v1/bookings/{booking}/cancel"), json!({"reason": "snow"})).await.ok();
}

/// The nth request that the push service answered with `status`.
async fn nth(service: &Hook, status: u16, n: usize) -> Call {
    until("a push", async || service.calls().into_iter().filter(|call| call.status == status).nth(n)).await
}

async fn deliveries(depot: &Depot, state: &str) -> Vec<Value> {
    let path = format!("/api/v1/deliveries?channel=push&state={state}");
    depot.http().get(&path).await.ok()["items"].as_array().unwrap().clone()
}

fn topic(call: &Call) -> String {
    let topic = call.headers["topic"].to_str().unwrap().to_owned();
    assert!(topic.len() == 32 && topic.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{topic}");
    topic
}

#[tokio::test]
async fn a_rule_is_pushed_to_staff_sealed_signed_and_tried_again() {
    let service = Hook::start().await;
    service.always(Some(201));
    let depot = depot(&["NOTIFY__PUSH_CONTACT=mailto:depot@example.com"]).await;
    let (dora, vera) = (Person::new(&depot, "dora", "dispatcher").await, Person::new(&depot, "vera", "viewer").await);
    let (hers, other) = (Browser::new("dora"), Browser::new("vera"));
    dora.subscribe(hers.subscription(&origin(&service))).await.ok();
    vera.subscribe(other.subscription(&origin(&service))).await.ok();
    push_to_staff(&depot, json!(["booking.placed", "booking.cancelled"])).await;
    let booking = book(&depot).await;
    nth(&service, 201, 1).await;
    let calls = service.calls();
    let call = calls.iter().find(|call| hers.got(call)).unwrap();
    assert!(calls.iter().any(|call| other.got(call)), "{calls:?}");
    let said = hers.read(call);
    assert_eq!(
        (&said["title"], &said["text"], &said["url"]),
        (&json!("B-1001"), &json!("booking.placed"), &json!(format!("/bookings/{booking}")))
    );
    assert_eq!(said["tag"], topic(call));
    assert_eq!((&call.headers["urgency"], call.headers["ttl"].to_str().unwrap().parse::<u32>()), (&"normal".parse().unwrap(), Ok(86_400)));
    assert!(!call.body.contains("B-1001"));
    let key = dora.push_key().await;
    let claimed = claims(call, &key);
    assert_eq!((&claimed["aud"], &claimed["sub"]), (&json!(origin(&service)), &json!("mailto:depot@example.com")));
    let left = claimed["exp"].as_i64().unwrap() - depotd::clock::Clock::system().now().as_millis() / 1_000;
    assert!((1..=86_400).contains(&left), "{left}");
    // What fails is tried again under its topic, which is that of what was said of the booking before.
    service.be([500, 429].map(common::hook::Manner::Status));
    cancel(&depot, &booking).await;
    nth(&service, 201, 3).await;
    let tried: Vec<_> = service.calls().into_iter().skip(2).collect();
    assert_eq!(tried.len(), 4, "{tried:?}");
    assert!(tried.iter().all(|again| topic(again) == topic(call)));
    let sent = until("what is sent", async || Some(deliveries(&depot, "sent").await).filter(|sent| sent.len() == 4)).await;
    assert_eq!(sent.iter().map(|one| one["attempts"].as_u64().unwrap()).sum::<u64>(), 6, "{sent:?}");
    assert!(sent.iter().all(|one| one["endpoint"] == format!("push:127.0.0.1:{}", service.port)), "{sent:?}");
    assert!(sent.iter().any(|one| one["recipient"].as_str().unwrap().starts_with("dora:")), "{sent:?}");
    let shown = depot.http().get("/api/v1/deliveries").await.text;
    assert!(!shown.contains("/send/") && !depot.log().contains("/send/"), "the address is a secret");
}

#[tokio::test]
async fn a_driver_hears_of_an_offer_at_once_and_of_what_becomes_of_it() {
    let service = Hook::start().await;
    service.always(Some(201));
    let depot = depot(&["DISPATCH__OFFERS=one", "DISPATCH__OFFER_TIMEOUT_S=60"]).await;
    let (device, _) = (depot.new_device("van-1"), depot.new_device("van-2"));
    let ben = Person::on_duty(&depot, "ben", "van-1").await;
    let phone = Browser::new("ben");
    ben.subscribe(phone.subscription(&origin(&service))).await.ok();
    let mut van = depot.mqtt(&device).await;
    van.fix(&depotd::clock::Clock::system().now().to_string(), 42.5, 1.5).await;
    van.acked().await;
    let booking = book(&depot).await;
    let offer = nth(&service, 201, 0).await;
    let said = phone.read(&offer);
    assert_eq!((&said["title"], &said["url"]), (&json!("Offer B-1001"), &json!("/driver")));
    assert!(said["text"].as_str().unwrap().starts_with("Rua 1 → Rua 2. Answer until "), "{said}");
    assert_eq!(offer.headers["urgency"], "high");
    let ttl: u32 = offer.headers["ttl"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&ttl), "it lives as long as the offer: {ttl}");
    // What he does himself he is not told.
    ben.call(Method::POST, "/api/v1/drivers/me/answers", json!({"booking_id": booking, "accept": true})).await.ok();
    cancel(&depot, &booking).await;
    let off = nth(&service, 201, 1).await;
    let said = phone.read(&off);
    assert_eq!((&said["title"], &said["text"]), (&json!("Job B-1001 is no longer yours"), &json!("snow")));
    assert_eq!((topic(&off), off.headers["ttl"].to_str().unwrap()), (topic(&offer), "86400"));
    // Who signs out is told nothing more, nor is a driver whose vehicle it is not.
    let eve = Person::on_duty(&depot, "eve", "van-2").await;
    eve.subscribe(Browser::new("eve").subscription(&origin(&service))).await.ok();
    ben.call(Method::DELETE, "/api/v1/session", Value::Null).await;
    let booking = book(&depot).await;
    let by_hand = json!({"vehicle_id": "van-1", "override": true, "reason": "it is the one"});
    depot.http().post(&format!("/api/v1/bookings/{booking}/assign"), by_hand).await.ok();
    depot.settle().await;
    assert_eq!(deliveries(&depot, "waiting").await, Vec::<Value>::new());
    assert_eq!(service.calls().len(), 2);
}

#[tokio::test]
async fn a_browser_that_is_gone_is_forgotten_and_the_delivery_says_why() {
    let service = Hook::start().await;
    let depot = depot(&[]).await;
    let dora = Person::new(&depot, "dora", "dispatcher").await;
    let again = Person::sign_in(&depot, "dora").await;
    let (gone, here) = (Browser::new("gone"), Browser::new("here"));
    dora.subscribe(gone.subscription(&origin(&service))).await.ok();
    push_to_staff(&depot, json!(["booking.placed"])).await;
    service.always(Some(410));
    book(&depot).await;
    let dead = until("the dead letter", async || deliveries(&depot, "dead").await.into_iter().next()).await;
    assert_eq!((&dead["attempts"], &dead["log"][0]["status"]), (&json!(1), &json!(410)));
    assert!(dead["last_error"].as_str().unwrap().contains("410"), "{dead}");
    let id = dead["id"].as_str().unwrap();
    let told = depot.http().post(&format!("/api/v1/deliveries/{id}/resend"), json!({})).await.problem(409);
    assert!(told["detail"].as_str().unwrap().contains("not subscribed any more"), "{told}");
    service.always(Some(201));
    again.subscribe(here.subscription(&origin(&service))).await.ok();
    book(&depot).await;
    let call = nth(&service, 201, 0).await;
    assert_eq!((here.got(&call), here.read(&call)["title"].as_str()), (true, Some("B-1002")));
    depot.settle().await;
    assert_eq!(service.calls().len(), 2, "nobody tells who is gone");
}

#[tokio::test]
async fn killed_before_it_was_said_it_says_it_after_the_start() {
    let service = Hook::start().await;
    service.always(Some(500));
    let mut depot = depot(&[]).await;
    let dora = Person::new(&depot, "dora", "dispatcher").await;
    let browser = Browser::new("dora");
    let key = dora.push_key().await;
    dora.subscribe(browser.subscription(&origin(&service))).await.ok();
    push_to_staff(&depot, json!(["booking.placed"])).await;
    book(&depot).await;
    let failed = nth(&service, 500, 0).await;
    depot.kill9().await;
    service.always(Some(201));
    let call = nth(&service, 201, 0).await;
    assert_eq!((topic(&call), browser.read(&call)), (topic(&failed), browser.read(&failed)));
    assert_eq!(claims(&call, &key).get("sub"), None, "nobody said where its people are reached");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(depot.data_dir().join("push.key")).unwrap().permissions());
    assert_eq!(mode & 0o077, 0);
}

#[tokio::test]
async fn only_the_depots_own_people_subscribe_and_only_to_the_public_internet() {
    let depot = Depot::start().await;
    let dora = Person::new(&depot, "dora", "dispatcher").await;
    let good = Browser::new("x").subscription("https://push.example.com");
    let refused = async |subscription: Value| {
        let told = dora.subscribe(subscription).await.problem(422);
        told["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for inside in [
        "http://push.example.com/a",
        "https://127.0.0.1/a",
        "https://10.0.0.1/a",
        "https://[::1]/a",
        "https://ana:x@push.example.com",
        "file:///etc/passwd",
        "a",
    ] {
        assert_eq!(refused(json!({"endpoint": inside, "keys": good["keys"]})).await, ["endpoint"], "{inside}");
    }
    assert_eq!(
        refused(json!({"endpoint": good["endpoint"], "keys": {"p256dh": "AAAA", "auth": good["keys"]["auth"]}})).await,
        ["keys.p256dh"]
    );
    assert_eq!(refused(json!({"endpoint": good["endpoint"], "keys": {"p256dh": good["keys"]["p256dh"]}})).await, ["keys.auth"]);
    assert_eq!(refused(json!({})).await, ["endpoint", "keys"]);
    // Nobody, a program, a customer, and a page of somebody else.
    let put = async |api: &common::http::Api| common::http::Answer::of(api.request(Method::PUT, SUBSCRIPTIONS).json(&good)).await;
    put(&depot.http_as("")).await.problem(401);
    put(&depot.http()).await.problem(403);
    depot.http().get("/api/v1/push/key").await.problem(403);
    let made = json!({"name": "eve", "role": "customer", "customer": "acme", "password": common::PASSWORD});
    depot.http().post("/api/v1/users", made).await.ok();
    Person::sign_in(&depot, "eve").await.subscribe(good.clone()).await.problem(403);
    let told = json!({"events": ["booking.placed"], "who": "customer", "channel": "push", "text": "x"});
    let told = depot.http().post("/api/v1/notifications/rules", told).await.problem(422);
    assert_eq!(told["errors"][0]["field"], "who");
}

#[tokio::test]
async fn a_user_has_ten_browsers_the_newest_and_none_once_he_may_not_sign_in() {
    let service = Hook::start().await;
    service.always(Some(201));
    let depot = depot(&[]).await;
    let mut people = vec![Person::new(&depot, "dora", "dispatcher").await];
    for _ in 0..11 {
        people.push(Person::sign_in(&depot, "dora").await);
    }
    let browsers: Vec<Browser> = (0..12).map(|n| Browser::new(&n.to_string())).collect();
    for (person, browser) in people.iter().zip(&browsers) {
        person.subscribe(browser.subscription(&origin(&service))).await.ok();
    }
    // One browser is one, whoever's session it is; and who wants nothing more is told nothing more.
    people[11].subscribe(browsers[10].subscription(&origin(&service))).await.ok();
    people[2].call(Method::DELETE, SUBSCRIPTIONS, Value::Null).await.ok();
    push_to_staff(&depot, json!(["booking.placed"])).await;
    book(&depot).await;
    nth(&service, 201, 7).await;
    depot.settle().await;
    let calls = service.calls();
    let told: Vec<usize> = (0..12).filter(|n| calls.iter().any(|call| browsers[*n].got(call))).collect();
    assert_eq!((told, calls.len()), (vec![3, 4, 5, 6, 7, 8, 9, 10], 8));
    depot.http().patch("/api/v1/users/dora", json!({"disabled": true})).await.ok();
    book(&depot).await;
    depot.settle().await;
    assert_eq!(deliveries(&depot, "waiting").await, Vec::<Value>::new());
    assert_eq!(service.calls().len(), 8);
}

//! Tracking links: what whoever has one sees of a booking, and for how long.

mod common;

use common::http::{Answer, Api};
use common::mqtt::Mqtt;
use common::{Depot, until};
use depotd::clock::Clock;
use depotd::model::{Place, Span, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PICKUP: (f64, f64) = (42.50, 1.50);
const DROPOFF: (f64, f64) = (42.60, 1.60);
/// What nobody may learn by a link.
const PRIVATE: [&str; 12] =
    ["acme", "PO-77", "Ada", "Ben", "376", "example.org", "Rose Lane", "ring twice", "van-1", "tracker", "Carla", "EUR"];

fn now() -> Timestamp {
    Clock::system().now()
}

fn order() -> Value {
    let end = |(lat, lon): (f64, f64), name: &str| {
        let contact = json!({"name": name, "phone": "+376 800 111", "email": "someone@example.org"});
        json!({"lat": lat, "lon": lon, "address": "Rose Lane 5", "contact": contact})
    };
    json!({"pickup": end(PICKUP, "Ada"), "dropoff": end(DROPOFF, "Ben"), "customer": "acme", "customer_reference": "PO-77",
           "notes": "ring twice"})
}

/// A depot that gives nothing away by itself.
async fn depot() -> Depot {
    Depot::start_with(&["DISPATCH__AUTOMATIC=false", "DEPOT__NAME=Casa <Nord>", "DEPOT__ZONE=Europe/Andorra"]).await
}

async fn book(depot: &Depot) -> String {
    let booking = depot.http().post("/api/v1/bookings", order()).await.ok();
    format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap())
}

/// A link of that booking: its id, and the path of its address.
async fn link(api: &Api, booking: &str, wanted: Value) -> (String, String) {
    let made = api.post(&format!("{booking}/links"), wanted).await.ok();
    let url = made["url"].as_str().unwrap();
    (made["id"].as_str().unwrap().to_owned(), url[url.find("/track/").unwrap()..].to_owned())
}

async fn page(depot: &Depot, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = headers.iter().fold(depot.http_as("").request(Method::GET, path), |r, (name, value)| r.header(*name, *value));
    Answer::of(request).await
}

async fn seen(depot: &Depot, path: &str) -> Value {
    page(depot, path, &[("accept", "application/json")]).await.ok()
}

/// A vehicle with a driver whose name is nobody's business.
async fn vehicle(depot: &Depot) -> Mqtt {
    let http = depot.http();
    let credential = depot.new_device("van-1");
    let driver = http.post("/api/v1/drivers", json!({"name": "Carla"})).await.ok();
    let id = driver["id"].as_str().unwrap();
    http.post(&format!("/api/v1/drivers/{id}/duty"), json!({"on": true, "vehicle_id": "van-1"})).await.ok();
    depot.mqtt(&credential).await
}

async fn drive(depot: &Depot, van: &mut Mqtt, (lat, lon): (f64, f64)) {
    van.fix(&now().to_string(), lat, lon).await;
    van.acked().await;
    depot.settle().await;
}

async fn step(depot: &Depot, booking: &str, step: &str, more: Value) {
    let mut body = json!({"step": step});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    depot.http().post(&format!("{booking}/steps"), body).await.ok();
}

/// The names of all members, however deep.
fn names(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            into.insert(name.clone());
            names(member, into);
        }),
        Value::Array(items) => items.iter().for_each(|item| names(item, into)),
        _ => {}
    }
}

/// Looks at the link in both ways; nothing private is in them, and no member that is not known to be harmless.
async fn redacted(depot: &Depot, path: &str) -> Value {
    const HARMLESS: &str = "reference status status_text pickup dropoff place lat lon within_m eta at earliest latest source vehicle \
                            coarse age_s delivered_at proof signature photos updated_at expires_at depot name zone";
    let (shown, html) = (seen(depot, path).await, page(depot, path, &[]).await);
    let mut found = BTreeSet::new();
    names(&shown, &mut found);
    let strange: Vec<_> = found.iter().filter(|name| !HARMLESS.split_whitespace().any(|known| known == *name)).collect();
    assert!(strange.is_empty(), "{strange:?} in {shown}");
    for text in [shown.to_string(), html.text] {
        let told: Vec<_> = PRIVATE.iter().filter(|word| text.contains(**word)).collect();
        assert!(told.is_empty(), "{told:?} in {text}");
        assert!(text.contains("Casa"), "{text}");
    }
    shown
}

fn metres_from(shown: &Value, (lat, lon): (f64, f64)) -> f64 {
    let place = |lat: &Value, lon: &Value| Place::new(lat.as_f64().unwrap(), lon.as_f64().unwrap()).unwrap();
    place(&shown["lat"], &shown["lon"]).distance(Place::new(lat, lon).unwrap()).0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_followed_without_learning_more_than_one_should() {
    let depot = depot().await;
    let booking = book(&depot).await;
    let (_, path) = link(&depot.http(), &booking, json!({})).await;
    let mut van = vehicle(&depot).await;
    drive(&depot, &mut van, (42.49, 1.49)).await;
    let waiting = redacted(&depot, &path).await;
    assert_eq!((&waiting["status"], &waiting["vehicle"]), (&json!("waiting"), &Value::Null), "it has no vehicle yet");
    assert!(metres_from(&waiting["pickup"]["place"], PICKUP) > 1.0, "where it comes from is not exact");
    assert_eq!(waiting["dropoff"], json!({"lat": DROPOFF.0, "lon": DROPOFF.1}));

    depot.http().post(&format!("{booking}/assign"), json!({"vehicle_id": "van-1"})).await.ok();
    let assigned = redacted(&depot, &path).await;
    assert_eq!((&assigned["status"], &assigned["vehicle"]), (&json!("assigned"), &Value::Null), "it has not moved since");
    drive(&depot, &mut van, (42.495, 1.495)).await;
    let coarse = redacted(&depot, &path).await["vehicle"].clone();
    let off = metres_from(&coarse["place"], (42.495, 1.495));
    assert!(coarse["coarse"] == true && off > 1.0 && off <= coarse["within_m"].as_f64().unwrap(), "{coarse}");
    drive(&depot, &mut van, (42.4951, 1.4951)).await;
    assert_eq!(redacted(&depot, &path).await["vehicle"]["place"], coarse["place"], "a little further is the same to see");

    drive(&depot, &mut van, (42.595, 1.595)).await;
    assert_eq!(redacted(&depot, &path).await["vehicle"]["coarse"], true, "the load is not on board");
    step(&depot, &booking, "picked_up", json!({})).await;
    let near = redacted(&depot, &path).await;
    assert_eq!(near["vehicle"]["place"], json!({"lat": 42.595, "lon": 1.595}));
    assert_eq!((&near["vehicle"]["coarse"], &near["vehicle"]["within_m"]), (&json!(false), &Value::Null));
    let eta = until("an estimate", async || seen(&depot, &path).await["eta"]["at"].as_str().map(str::to_owned)).await;
    assert!(Timestamp::parse(&eta).unwrap() < now() + Span::from_secs(3_600), "{eta}");

    let proof = json!({"proof": {"name": "Ben", "signature": "data:image/png;base64,xyz", "photos": ["https://example.org/1.jpg"]}});
    step(&depot, &booking, "delivered", proof).await;
    drive(&depot, &mut van, (42.61, 1.61)).await;
    let delivered = redacted(&depot, &path).await;
    assert_eq!((&delivered["status"], &delivered["vehicle"], &delivered["eta"]), (&json!("delivered"), &Value::Null, &Value::Null));
    assert_eq!((&delivered["proof"]["signature"], &delivered["proof"]["photos"]), (&json!(true), &json!(1)));
    let end = Timestamp::parse(delivered["delivered_at"].as_str().unwrap()).unwrap() + Span::from_secs(86_400);
    assert_eq!(delivered["expires_at"], end.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_its_time_with_its_booking_or_when_it_is_revoked() {
    let depot = depot().await;
    let (http, booking) = (depot.http(), book(&depot).await);
    let past = json!({"expires_at": now() - Span::from_secs(1)});
    assert_eq!(http.post(&format!("{booking}/links"), past).await.problem(422)["errors"][0]["field"], "expires_at");
    assert_eq!(http.post(&format!("{booking}/links"), json!({"language": "it"})).await.problem(422)["errors"][0]["field"], "language");
    let (_, brief) = link(&http, &booking, json!({"expires_at": now() + Span::from_millis(500)})).await;
    let (id, path) = link(&http, &booking, json!({"language": "de"})).await;
    until("a link's time to be over", async || (page(&depot, &brief, &[]).await.status == 404).then_some(())).await;
    assert_eq!(page(&depot, &path, &[]).await.status, 200);
    let listed = http.get(&format!("{booking}/links")).await.ok();
    let told: Vec<_> = listed["items"].as_array().unwrap().iter().map(|l| (&l["language"], &l["expired"])).collect();
    assert_eq!(told, [(&json!("de"), &json!(false)), (&Value::Null, &json!(true))]);
    let secret = path.strip_prefix("/track/").unwrap();
    assert!(!listed.to_string().contains(secret) && !http.get(&format!("{booking}/events")).await.text.contains(secret));

    assert_eq!(http.delete(&format!("{booking}/links/{id}")).await.status, 204);
    http.delete(&format!("{booking}/links/{id}")).await.problem(404);
    let dead = page(&depot, &path, &[]).await;
    assert_eq!(dead.status, 404);
    let unknown = page(&depot, "/track/AAAAAAAAAAAAAAAAAAAAAA", &[]).await;
    assert_eq!((dead.text, dead.headers.get("etag")), (unknown.text, unknown.headers.get("etag")), "nobody learns that it was one");
    page(&depot, &path, &[("accept", "application/json")]).await.problem(404);

    let (_, path) = link(&http, &booking, json!({})).await;
    vehicle(&depot).await;
    http.post(&format!("{booking}/assign"), json!({"vehicle_id": "van-1"})).await.ok();
    let long_ago = now() - Span::from_secs(86_401);
    step(&depot, &booking, "picked_up", json!({"at": long_ago})).await;
    assert_eq!(page(&depot, &path, &[]).await.status, 200);
    step(&depot, &booking, "delivered", json!({"at": long_ago})).await;
    assert_eq!(page(&depot, &path, &[]).await.status, 404, "a day after the delivery it is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_makes_links_of_what_is_its_own() {
    let depot = depot().await;
    let booking = book(&depot).await;
    let program = async |customer: &str| {
        let made = depot.http().post("/api/v1/tokens", json!({"role": "customer", "customer": customer})).await.ok();
        depot.http_as(made["token"].as_str().unwrap())
    };
    let (acme, bolt) = (program("acme").await, program("bolt").await);
    let (id, path) = link(&acme, &booking, json!({})).await;
    assert_eq!(acme.get(&format!("{booking}/links")).await.ok()["items"][0]["id"], id.as_str());
    bolt.post(&format!("{booking}/links"), json!({})).await.problem(404);
    bolt.get(&format!("{booking}/links")).await.problem(404);
    bolt.delete(&format!("{booking}/links/{id}")).await.problem(404);
    let other = depot.http().post("/api/v1/bookings", json!({"pickup": {"lat": 1, "lon": 1}, "dropoff": {"lat": 1, "lon": 2}})).await.ok();
    let other = format!("/api/v1/bookings/{}", other["id"].as_str().unwrap());
    acme.post(&format!("{other}/links"), json!({})).await.problem(404);
    depot.http().delete(&format!("{other}/links/{id}")).await.problem(404);
    let viewer = depot.http_as(&depot.new_token("viewer"));
    assert_eq!(viewer.get(&format!("{booking}/links")).await.ok()["items"].as_array().unwrap().len(), 1);
    viewer.post(&format!("{booking}/links"), json!({})).await.problem(403);
    assert_eq!(seen(&depot, &path).await["reference"], depot.http().get(&booking).await.ok()["ref"], "it is of that booking");
    for _ in 1..10 {
        link(&acme, &booking, json!({})).await;
    }
    acme.post(&format!("{booking}/links"), json!({})).await.problem(409);
    assert_eq!(acme.delete(&format!("{booking}/links/{id}")).await.status, 204);
    let events = depot.http().get(&format!("{booking}/events?limit=100")).await.ok();
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds[1], kinds.len(), kinds[11]), ("link_made", 12, "link_revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_sealed_and_speaks_the_readers_language() {
    let depot = Depot::start_with(&["HTTP__PUBLIC_URL=https://track.example.com/north"]).await;
    let booking = book(&depot).await;
    let made = depot.http().post(&format!("{booking}/links"), json!({})).await.ok();
    let url = made["url"].as_str().unwrap();
    let path = url.strip_prefix("https://track.example.com/north").unwrap();
    let secret = path.strip_prefix("/track/").unwrap();
    assert!(secret.len() == 22 && secret.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{secret}");

    let answer = page(&depot, path, &[("accept", "text/html,*/*"), ("accept-language", "it, ca;q=0.8, en;q=0.2")]).await;
    let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex, nofollow"),
        ("content-type", "text/html; charset=utf-8"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(name), value);
    }
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains('*'), "{policy}");
    assert!(!answer.text.contains(" style=") && !answer.text.contains(" onclick=") && !answer.text.contains("<script>"), "{}", answer.text);
    assert!(answer.text.contains(r#"<html lang="ca""#) && answer.text.contains("Estem buscant un vehicle"), "{}", answer.text);
    assert!(!answer.text.contains(secret), "the page does not hold its own secret");

    let tag = header("etag");
    let again = page(&depot, path, &[("accept-language", "ca"), ("if-none-match", &tag)]).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));
    assert_eq!(page(&depot, path, &[("accept-language", "en"), ("if-none-match", &tag)]).await.status, 200);

    let (_, german) = link(&depot.http(), &booking, json!({"language": "de"})).await;
    let said = async |path: &str| {
        page(&depot, path, &[("accept-language", "fr"), ("accept", "application/json")]).await.ok()["status_text"].clone()
    };
    assert_eq!(said(&german).await, "Ein Fahrzeug wird gesucht", "the link's language wins over the browser's");
    assert_eq!(said(&format!("{german}?lang=pt")).await, "Estamos à procura de um veículo", "what the reader chooses wins over that");
    assert_eq!(said(path).await, "Nous cherchons un véhicule");
    let file = page(&depot, &format!("{path}.json"), &[("accept", "text/html")]).await;
    assert_eq!((&file.headers["content-type"], &file.body["status"]), (&"application/json".parse().unwrap(), &json!("waiting")));
    assert!(page(&depot, "/track/%FF?lang=es", &[]).await.text.contains("Este enlace no muestra nada"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_is_held_off_and_counted() {
    let depot = depot().await;
    let booking = book(&depot).await;
    let (_, path) = link(&depot.http(), &booking, json!({})).await;
    let guesser = depot.http_as("").at_address("127.0.0.2".parse().unwrap());
    let mut guesses = 0;
    let refused = loop {
        let answer = guesser.get(&format!("/track/{guesses:022}")).await;
        if answer.status != 404 {
            break answer;
        }
        guesses += 1;
        assert!(guesses < 100, "nobody minds");
    };
    assert_eq!(refused.status, 429);
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(guesser.get(&path).await.status, 429, "also for what is a link");
    assert_eq!(page(&depot, &path, &[]).await.status, 200, "others see it");

    let (_, other) = link(&depot.http(), &booking, json!({})).await;
    let mut looks = 1;
    let held = loop {
        let answer = page(&depot, &path, &[("accept", "application/json")]).await;
        if answer.status != 200 {
            break answer;
        }
        looks += 1;
        assert!(looks < 1_000, "nobody minds");
    };
    held.problem(429);
    assert!(looks >= 60, "{looks}");
    assert_eq!(page(&depot, &other, &[]).await.status, 200, "it is that link which is held off, not who asks");
    let metrics = depot.http_as("").get("/metrics").await.text;
    let count = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(&format!("depotd_tracking_{name}_total "))).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!((count("guesses"), count("refused")), (guesses, 3));
    assert_eq!(count("looks"), guesses + 2 + looks + 2);
}

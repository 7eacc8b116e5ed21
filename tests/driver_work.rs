//! A driver's work on the phone: offers, steps that were made without a line, and the proof of a delivery.

mod common;

use common::http::{Answer, Api};
use common::{Depot, PASSWORD};
use depotd::model::{Span, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a parcel at a door";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a name, written by hand";

/// A driver's phone, signed in.
struct Phone {
    api: Api,
    cookie: String,
}

impl Phone {
    async fn of(depot: &Depot, user: &str, vehicle: &str) -> (Self, String) {
        depot.new_user(user, "driver").await;
        let driver = depot.http().post("/api/v1/drivers", json!({"name": user, "user": user})).await.ok();
        let api = depot.http_as("");
        let cookie = api.sign_in(user, PASSWORD).await.cookie();
        let id = driver["id"].as_str().unwrap().to_owned();
        let phone = Self { api, cookie };
        phone.post(&format!("/api/v1/drivers/{id}/duty"), json!({"on_duty": true, "vehicle_id": vehicle})).await.ok();
        (phone, id)
    }
    async fn get(&self, path: &str) -> Answer {
        Answer::of(self.api.request(Method::GET, path).header("cookie", &self.cookie)).await
    }
    async fn post(&self, path: &str, body: Value) -> Answer {
        let request = self.api.request(Method::POST, path).header("cookie", &self.cookie);
        Answer::of(request.header("sec-fetch-site", "same-origin").json(&body)).await
    }
    async fn attach(&self, id: Uuid, media: &str, bytes: &'static [u8]) -> Answer {
        let path = format!("/api/v1/drivers/me/attachments/{id}");
        let request = self.api.request(Method::PUT, &path).header("cookie", &self.cookie).header("sec-fetch-site", "same-origin");
        Answer::of(request.header("content-type", media.to_owned()).body(bytes)).await
    }
    async fn steps(&self, steps: Value) -> Vec<Value> {
        let told = self.post("/api/v1/drivers/me/steps", json!({ "steps": steps })).await.ok();
        told["items"].as_array().unwrap().clone()
    }
    async fn work(&self) -> Value {
        self.get("/api/v1/drivers/me/work").await.ok()
    }
}

async fn job(depot: &Depot, vehicle: &str) -> String {
    let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}, "customer": "acme"});
    let id = depot.http().post("/api/v1/bookings", trip).await.ok()["id"].as_str().unwrap().to_owned();
    let by_hand = json!({"vehicle_id": vehicle, "override": true, "reason": "it is the one"});
    depot.http().post(&format!("/api/v1/bookings/{id}/assign"), by_hand).await.ok();
    id
}

fn step(id: Uuid, booking: &str, step: &str, at: &str, proof: Value) -> Value {
    json!({"id": id, "booking_id": booking, "step": step, "at": at, "proof": proof})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_made_without_a_line_arrives_whole_and_once() {
    let mut depot = Depot::start().await;
    for vehicle in ["van-1", "van-2"] {
        depot.new_device(vehicle);
    }
    let asked = json!({"signature": "required", "photo": "required"});
    let tariff = json!({"name": "T", "currency": "EUR", "rates": {"base_minor": 100}, "proof": asked});
    depot.http().post("/api/v1/tariffs", json!({ "tariff": tariff })).await.ok();
    let (phone, driver) = Phone::of(&depot, "ana", "van-1").await;
    let free = phone.get("/api/v1/drivers/me/vehicles").await.ok();
    assert_eq!(free["items"], json!([{"id": "van-2", "class": "van"}]), "van-1 is his");
    let (stranger, _) = Phone::of(&depot, "ben", "van-2").await;
    assert_eq!(phone.work().await["jobs"], json!([]));
    let booking = job(&depot, "van-1").await;
    let work = phone.work().await;
    assert_eq!(
        (&work["jobs"][0]["id"], &work["vehicle_id"], &work["proof"]["photo"]),
        (&json!(booking), &json!("van-1"), &json!("required"))
    );

    // What the phone kept while there was no line, sent in two parts, the first twice: its answer was lost.
    let assigned = Timestamp::parse(work["jobs"][0]["assigned_at"].as_str().unwrap()).unwrap();
    let [arrived, picked_up, delivered, photo, signature] = [(); 5].map(|()| Uuid::now_v7());
    let at = |s| (assigned + Span::from_millis(s)).to_string();
    let first =
        json!([step(arrived, &booking, "arrived", &at(1), Value::Null), step(picked_up, &booking, "picked_up", &at(2), Value::Null),]);
    for _ in 0..2 {
        let told = phone.steps(first.clone()).await;
        assert!(told.iter().all(|t| t["ok"] == true), "{told:?}");
    }
    let bare = step(delivered, &booking, "delivered", &at(3), json!({"note": "at the door"}));
    let told = phone.steps(json!([bare])).await;
    let lacking: Vec<_> = told[0]["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(lacking, ["proof.signature", "proof.photos"], "{told:?}");
    let whole = step(delivered, &booking, "delivered", &at(3), json!({"signature": signature, "photos": [photo], "note": "at the door"}));
    let told = phone.steps(json!([whole])).await;
    assert_eq!(told[0]["errors"][0]["field"], "proof.photos[0]", "nothing was sent yet: {told:?}");
    for _ in 0..2 {
        assert_eq!(phone.attach(photo, "image/jpeg", JPEG).await.status, 204);
    }
    phone.attach(photo, "image/jpeg", PNG).await.problem(422);
    phone.attach(Uuid::now_v7(), "image/svg+xml", b"<svg/>").await.problem(422);
    // It hears why although it is still sending, each time: else it would take it for a broken line.
    for _ in 0..20 {
        phone.attach(Uuid::now_v7(), "image/jpeg", &[0xff; 3 << 20]).await.problem(413);
    }
    phone.attach(signature, "image/png", PNG).await;
    depot.kill9().await;
    let phone = Phone { api: depot.http_as(""), cookie: phone.cookie };
    let stranger = Phone { api: depot.http_as(""), cookie: stranger.cookie };
    let told = stranger.steps(json!([step(Uuid::now_v7(), &booking, "failed", &at(3), json!({"reason": "mischief"}))])).await;
    assert_eq!((&told[0]["ok"], told[0]["error"].as_str()), (&json!(false), Some("there is no such booking")), "another's job");
    // Off duty he may still tell how the job ended; a clock that is fast does no harm.
    let fast = (assigned + Span::from_secs(3_600)).to_string();
    let whole = step(delivered, &booking, "delivered", &fast, whole["proof"].clone());
    for _ in 0..2 {
        let told = phone.steps(json!([whole])).await;
        assert_eq!((&told[0]["ok"], &told[0]["status"]), (&json!(true), &json!("delivered")), "{told:?}");
    }
    phone.post(&format!("/api/v1/drivers/{driver}/duty"), json!({"on_duty": false})).await.ok();
    assert_eq!(phone.work().await["vehicle_id"], Value::Null);

    let http = depot.http();
    let path = format!("/api/v1/bookings/{booking}");
    let events = http.get(&format!("{path}/events")).await.ok();
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["placed", "assigned", "arrived", "picked_up", "delivered"], "each once");
    let told = http.get(&path).await.ok();
    assert_eq!((&told["arrived_at"], &told["picked_up_at"]), (&json!(at(1)), &json!(at(2))), "by the phone's clock");
    let kept = http.get(&format!("{path}/attachments")).await.ok();
    assert_eq!(kept["items"].as_array().unwrap().len(), 2, "{kept}");
    let customer = http.post("/api/v1/tokens", json!({"role": "customer", "customer": "acme"})).await.ok();
    let other = http.post("/api/v1/tokens", json!({"role": "customer", "customer": "bolt"})).await.ok();
    let photo_at = format!("{path}/attachments/{photo}");
    let shown = depot.http_as(customer["token"].as_str().unwrap()).request(Method::GET, &photo_at).send().await.unwrap();
    assert_eq!(shown.headers()["content-type"], "image/jpeg");
    assert_eq!(shown.bytes().await.unwrap(), JPEG);
    depot.http_as(other["token"].as_str().unwrap()).get(&photo_at).await.problem(404);
    http.get(&format!("{path}/attachments/{}", Uuid::now_v7())).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_answers_offers_on_the_phone() {
    let depot = Depot::start_with(&["DISPATCH__OFFERS=one"]).await;
    let device = depot.new_device("van-1");
    let (phone, _) = Phone::of(&depot, "ana", "van-1").await;
    let mut van = depot.mqtt(&device).await;
    van.fix(&depotd::clock::Clock::system().now().to_string(), 42.5, 1.5).await;
    van.acked().await;
    let trip = json!({"pickup": {"lat": 42.501, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}});
    let booking = depot.http().post("/api/v1/bookings", trip).await.ok()["id"].clone();
    let offer = common::until("an offer", async || phone.work().await["offers"].as_array().unwrap().first().cloned()).await;
    assert_eq!(offer["booking"]["id"], booking);
    let unknown = json!({"booking_id": Uuid::now_v7(), "accept": true});
    phone.post("/api/v1/drivers/me/answers", unknown).await.problem(404);
    let taken = phone.post("/api/v1/drivers/me/answers", json!({"booking_id": booking, "accept": true})).await.ok();
    assert_eq!(taken["status"], "assigned");
    assert_eq!(phone.work().await["jobs"][0]["id"], booking);
    // Who is no driver has no work.
    depot.http().get("/api/v1/drivers/me/work").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_that_the_tariff_asks_for_is_known_to_who_waits_and_not_to_the_driver() {
    let depot = Depot::start().await;
    depot.new_device("van-1");
    let http = depot.http();
    let tariff = json!({"name": "T", "currency": "EUR", "rates": {"base_minor": 100}, "proof": {"pin": "required"}});
    http.post("/api/v1/tariffs", json!({ "tariff": tariff })).await.ok();
    let (phone, _) = Phone::of(&depot, "ana", "van-1").await;
    let booking = job(&depot, "van-1").await;
    let path = format!("/api/v1/bookings/{booking}");
    let work = phone.work().await;
    let pin = http.get(&path).await.ok()["pin"].as_str().unwrap().to_owned();
    assert_eq!((&work["proof"]["pin"], work["jobs"][0].get("pin")), (&json!("required"), None), "not told the driver");
    let link = http.post(&format!("{path}/links"), json!({})).await.ok();
    let link = link["url"].as_str().unwrap().rsplit("/track/").next().unwrap().to_owned();
    let seen = async || depot.http_as("").get(&format!("/track/{link}.json")).await.ok();
    assert_eq!(seen().await.get("pin"), None, "before there is somebody to tell it");
    let at = work["jobs"][0]["assigned_at"].as_str().unwrap().to_owned();
    for name in ["arrived", "picked_up"] {
        phone.steps(json!([step(Uuid::now_v7(), &booking, name, &at, Value::Null)])).await;
    }
    assert_eq!(seen().await["pin"], json!(pin));
    let page = Answer::of(depot.http_as("").request(Method::GET, &format!("/track/{link}?lang=de")).header("accept", "text/html")).await;
    assert!(page.text.contains(&format!("diese PIN: <strong>{pin}</strong>")), "{}", page.text);
    let deliver = async |proof: Value| phone.steps(json!([step(Uuid::now_v7(), &booking, "delivered", &at, proof)])).await.remove(0);
    assert_eq!(deliver(json!({"note": "x"})).await["errors"][0]["field"], "proof.pin");
    let wrong = if pin == "0000" { "0001" } else { "0000" };
    let told = deliver(json!({"pin": wrong})).await;
    assert_eq!(
        (&told["errors"][0]["field"], &told["errors"][0]["message"]),
        (&json!("proof.pin"), &json!("is not the one of this delivery"))
    );
    // What is no text, or no list, is none of them.
    let odd = deliver(json!({"pin": [pin], "photos": "x", "note": "a\u{0}b", "signature": {}, "barcode": "x".repeat(201)})).await;
    let fields: Vec<_> = odd["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["proof.signature", "proof.barcode", "proof.pin", "proof.note", "proof.photos"], "{odd}");
    // A clock that is millennia behind does not put the delivery before the pickup.
    let (id, long_ago) = (Uuid::now_v7(), "0001-01-01T00:00:00Z");
    let told = phone.steps(json!([step(id, &booking, "delivered", long_ago, json!({ "pin": pin }))])).await.remove(0);
    assert_eq!(told["status"], "delivered");
    let kept = http.get(&path).await.ok();
    assert_eq!(kept["delivered_at"], kept["picked_up_at"]);
    let again = phone.steps(json!([step(id, &booking, "failed", &at, json!({"reason": "x"}))])).await.remove(0);
    assert_eq!(again["ok"], false, "one id, one step: {again}");
    assert_eq!((http.get(&path).await.ok().get("pin"), seen().await.get("pin")), (None, None), "when it is of no use any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_step_adds_nothing_to_what_was_delivered() {
    let depot = Depot::start().await;
    depot.new_device("van-1");
    let (phone, ana) = Phone::of(&depot, "ana", "van-1").await;
    let booking = job(&depot, "van-1").await;
    let at = phone.work().await["jobs"][0]["assigned_at"].as_str().unwrap().to_owned();
    for name in ["arrived", "picked_up", "delivered"] {
        let told = phone.steps(json!([step(Uuid::now_v7(), &booking, name, &at, Value::Null)])).await;
        assert_eq!(told[0]["ok"], true, "{told:?}");
    }
    phone.post(&format!("/api/v1/drivers/{ana}/duty"), json!({"on_duty": false})).await.ok();
    let (ben, _) = Phone::of(&depot, "ben", "van-1").await;
    for who in [&phone, &ben] {
        let photo = Uuid::now_v7();
        assert_eq!(who.attach(photo, "image/jpeg", JPEG).await.status, 204);
        who.steps(json!([step(Uuid::now_v7(), &booking, "delivered", &at, json!({"photos": [photo]}))])).await;
    }
    let kept = depot.http().get(&format!("/api/v1/bookings/{booking}/attachments")).await.ok();
    assert_eq!(kept["items"], json!([]));
    let told = ben.steps(json!([step(Uuid::now_v7(), &booking, "delivered", &at, Value::Null)])).await;
    assert_eq!(told[0]["error"], "there is no such booking", "he came after it was done");
}

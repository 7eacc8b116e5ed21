//! A booking's whole life, from a quote to the delivery, over real HTTP and real MQTT.

mod common;

use common::{Depot, until};
use reqwest::Method;
use serde_json::{Value, json};

const DOCK: (f64, f64) = (42.5063, 1.5218);

fn trip() -> Value {
    json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1, "address": "dock 3"}, "dropoff": {"lat": 42.5321, "lon": 1.5810}})
}

fn now() -> String {
    depotd::clock::Clock::system().now().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn quote_to_delivered() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50"]).await;
    let http = depot.http();
    let device = depot.new_device("KA-104");
    let mut van = depot.mqtt(&device).await;
    van.subscribe_commands().await;
    van.fix(&now(), DOCK.0 + 0.002, DOCK.1).await;
    depot.settle().await;
    let nearby = http.get(&format!("/api/v1/vehicles/nearby?lat={}&lon={}&radius_m=1000&available=true", DOCK.0, DOCK.1)).await.ok();
    assert_eq!(nearby["items"][0]["id"], "KA-104", "{nearby}");

    let quote = http.post("/api/v1/quotes", trip()).await.ok();
    assert!(quote["price"]["amount_minor"].as_i64() > Some(0) && quote["distance_m"].as_i64() > Some(5_000), "{quote}");
    let mut order = trip();
    order["quote_id"] = quote["id"].clone();
    order["customer"] = "Ana".into();
    let placed = http.post("/api/v1/bookings", order).await;
    assert_eq!(placed.status, 201, "{}", placed.text);
    let booking = placed.ok();
    assert_eq!((&booking["price"], &booking["status"]), (&quote["price"], &"waiting".into()), "{booking}");
    let id = booking["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/bookings/{id}");

    let job = van.message("job").await;
    assert_eq!(job["booking_id"].as_str().or(job["booking"]["id"].as_str()), Some(id.as_str()), "{job}");
    let assigned = http.get(&path).await.ok();
    assert_eq!((&assigned["status"], &assigned["vehicle_id"]), (&"assigned".into(), &"KA-104".into()));
    let rounds = http.get(&format!("{path}/dispatch")).await.ok();
    assert_eq!(rounds["items"][0]["chosen"], "KA-104", "{rounds}");
    assert!(rounds["items"][0]["sentence"].is_string());

    van.step(&id, "arrived", &now()).await;
    van.message("step_ack").await;
    let loaded = http.post(&format!("{path}/steps"), json!({"step": "picked_up"})).await.ok();
    assert_eq!(loaded["status"], "picked_up");
    http.post(&format!("{path}/cancel"), json!({"reason": "too late"})).await.problem(409);
    van.step(&id, "delivered", &now()).await;
    van.message("step_ack").await;
    let done = http.get(&path).await.ok();
    assert_eq!(done["status"], "delivered", "{done}");
    assert!(done["delivered_at"].is_string() && done["picked_up_at"].is_string());

    let events = http.get(&format!("{path}/events")).await.ok();
    let kinds: Vec<_> = events["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["placed", "assigned", "arrived", "picked_up", "delivered"], "{events}");
    depot.settle().await;
    let van = http.get("/api/v1/vehicles/KA-104").await.ok();
    assert_eq!((&van["status"], &van["booking_id"]), (&"free".into(), &Value::Null), "{van}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_the_same_key_is_the_same_booking() {
    let depot = Depot::start().await;
    let http = depot.http();
    let place = async |body: &Value| {
        let request = http.request(Method::POST, "/api/v1/bookings").header("idempotency-key", "k-1").json(body);
        common::http::Answer::of(request).await
    };
    let first = place(&trip()).await;
    let second = place(&trip()).await;
    assert_eq!((first.status, second.status), (201.try_into().unwrap(), 201.try_into().unwrap()));
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(first.ok()["id"], second.ok()["id"]);
    let mut other = trip();
    other["notes"] = "fragile".into();
    assert_eq!(place(&other).await.problem(422)["errors"][0]["field"], "Idempotency-Key");
    assert_eq!(http.get("/api/v1/bookings").await.ok()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_filtered_and_searched() {
    let depot = Depot::start().await;
    let http = depot.http();
    for n in 0..7 {
        let mut order = trip();
        order["customer"] = format!("customer {n}").into();
        http.post("/api/v1/bookings", order).await.ok();
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = http.get(&format!("/api/v1/bookings?limit=3{cursor}")).await.ok();
        seen.extend(page["items"].as_array().unwrap().iter().map(|b| b["customer"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let newest_first: Vec<_> = (0..7).rev().map(|n| format!("customer {n}")).collect();
    assert_eq!(seen, newest_first);
    let found = http.get("/api/v1/bookings?q=customer%203").await.ok();
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    let id = found["items"][0]["id"].as_str().unwrap().to_owned();
    http.post(&format!("/api/v1/bookings/{id}/cancel"), json!({"reason": "no load"})).await.ok();
    let cancelled = http.get("/api/v1/bookings?status=cancelled,failed").await.ok();
    assert_eq!(cancelled["items"][0]["cancel_reason"], "no load", "{cancelled}");
    assert_eq!(cancelled["items"].as_array().unwrap().len(), 1);
    assert_eq!(http.get("/api/v1/bookings?status=waiting&limit=500").await.ok()["items"].as_array().unwrap().len(), 6);
    let wrong = http.get("/api/v1/bookings?status=lost&limit=0&color=red").await.problem(422);
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 3, "{wrong}");
    http.get("/api/v1/bookings?cursor=nonsense").await.problem(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_given_by_hand_and_to_one_vehicle_only() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    http.post("/api/v1/vehicles", json!({"id": "A", "class": "van"})).await.ok();
    let first = http.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap().to_owned();
    let second = http.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap().to_owned();
    let assign = async |id: &str, vehicle: &str| http.post(&format!("/api/v1/bookings/{id}/assign"), json!({"vehicle_id": vehicle})).await;
    assert_eq!(assign(&first, "nobody").await.problem(422)["errors"][0]["field"], "vehicle_id");
    let given = assign(&first, "A").await.ok();
    assert_eq!((&given["status"], &given["warnings"][0]["kind"]), (&"assigned".into(), &"offline".into()), "{given}");
    let words = given["warnings"][0]["message"].as_str().unwrap();
    assert!(words.starts_with("A has never been heard of"), "{words}");
    assert_eq!(http.get(&format!("/api/v1/bookings/{first}")).await.ok()["warnings"], Value::Null);
    assign(&second, "A").await.problem(409);
    let shown = until("the vehicle to have the job", async || {
        let van = http.get("/api/v1/vehicles/A").await.ok();
        (van["booking_id"] == first.as_str()).then_some(van)
    });
    shown.await;
    let off = json!({"on_duty": false, "force": true, "reason": "a flat tyre"});
    let van = http.post("/api/v1/vehicles/A/duty", off).await.ok();
    assert_eq!((&van["booking_id"], &van["status"]), (&Value::Null, &"off_duty".into()), "{van}");
    let path = format!("/api/v1/bookings/{first}");
    assert_eq!(http.get(&format!("{path}/offers")).await.ok()["items"], json!([]), "nobody was asked");
    let held = async || http.get(&format!("{path}/dispatch")).await.ok()["held"].clone();
    assert_eq!(held().await, Value::Null);
    http.post(&format!("{path}/lock"), json!({"locked": true})).await.ok();
    assert!(held().await.as_str().unwrap().contains("because it is locked"));
    http.get("/api/v1/bookings/0190b3a0-0000-7000-8000-000000000000").await.problem(404);
    http.get("/api/v1/bookings/nonsense").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_order_reads_back_as_it_was_sent() {
    let depot = Depot::start().await;
    let http = depot.http();
    let day = |hour: i64| (depotd::clock::Clock::system().now() + depotd::model::Span::from_secs(hour * 3_600)).to_string();
    let mut order = trip();
    order["pickup"]["contact"] = json!({"name": "Berta", "phone": "+376 800 100", "email": "berta@example.org"});
    order["stops"] =
        json!([{"lat": 42.52, "lon": 1.55, "address": "Mill 4", "kind": "dropoff", "notes": "two pallets"}, {"lat": 42.53, "lon": 1.56}]);
    order["pickup_window"] = json!({"from": day(2), "until": day(3)});
    order["dropoff_window"] = json!({"from": day(3), "until": day(5)});
    order["load_m3"] = 2.5.into();
    order["pieces"] = 4.into();
    order["customer_reference"] = "PO-7711".into();
    order["priority"] = "high".into();
    let quote = http.post("/api/v1/quotes", order.clone()).await.ok();
    let direct = http.post("/api/v1/quotes", trip()).await.ok();
    assert!(quote["distance_m"].as_i64() > direct["distance_m"].as_i64(), "{quote}");
    let mut with_quote = order.clone();
    with_quote["quote_id"] = quote["id"].clone();
    let booking = http.post("/api/v1/bookings", with_quote).await.ok();
    let read = http.get(&format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap())).await.ok();
    assert_eq!((&booking, &read["price"]), (&read, &quote["price"]));
    order["stops"][1]["kind"] = "visit".into();
    for (name, value) in order.as_object().unwrap() {
        assert_eq!(&read[name], value, "{name}");
    }
    let found = http.get("/api/v1/bookings?q=po-7711").await.ok();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_faulty_field_of_an_order_is_named() {
    let depot = Depot::start().await;
    let http = depot.http();
    let mut order = trip();
    order["pickup"]["contact"] = json!({"phone": "call me", "email": "nobody", "fax": "1"});
    order["stops"] = json!([{"lat": 42.52, "lon": 1.55}, {"lat": 99, "kind": "party"}, 7]);
    order["pickup_at"] = now().into();
    order["pickup_window"] = json!({"from": now(), "until": now()});
    order["dropoff_window"] = json!({"from": "noon"});
    order["load_m3"] = (-1).into();
    order["pieces"] = 1.5.into();
    order["priority"] = "asap".into();
    for path in ["/api/v1/quotes", "/api/v1/bookings"] {
        let problem = http.post(path, order.clone()).await.problem(422);
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
        let expected = [
            "pickup.contact.phone",
            "pickup.contact.email",
            "pickup.contact.fax",
            "stops[1].lat",
            "stops[1].lon",
            "stops[1].kind",
            "stops[2]",
            "pickup_window",
            "dropoff_window.from",
            "dropoff_window.until",
            "load_m3",
            "pieces",
            "priority",
        ];
        assert_eq!(fields, expected, "{problem}");
    }
    order["stops"] = Value::Array(vec![json!({"lat": 42.52, "lon": 1.55}); 21]);
    let problem = http.post("/api/v1/bookings", order).await.problem(422);
    assert!(problem["errors"].to_string().contains("at most 20"), "{problem}");
}

async fn patch(http: &common::http::Api, path: &str, tag: Option<&str>, body: Value) -> common::http::Answer {
    let request = http.request(Method::PATCH, path).header("content-type", "application/merge-patch+json").body(body.to_string());
    common::http::Answer::of(match tag {
        Some(tag) => request.header("if-match", tag),
        None => request,
    })
    .await
}

fn tag(answer: &common::http::Answer) -> String {
    answer.headers["etag"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_booking_is_changed_by_who_has_seen_its_version() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    let placed = http.post("/api/v1/bookings", trip()).await;
    let first = tag(&placed);
    let booking = placed.ok();
    let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
    assert_eq!((first.as_str(), tag(&http.get(&path).await).as_str()), ("\"1\"", "\"1\""));
    patch(&http, &path, None, json!({"notes": "x"})).await.problem(428);
    let changed = patch(&http, &path, Some(&first), json!({"notes": "ring twice", "pickup": {"address": null}, "load_kg": 40})).await;
    assert_eq!(tag(&changed), "\"2\"");
    let changed = changed.ok();
    assert_eq!((&changed["notes"], &changed["pickup"]["address"], &changed["version"]), (&"ring twice".into(), &Value::Null, &2.into()));
    let stale = patch(&http, &path, Some(&first), json!({"notes": "x"})).await;
    assert_eq!(tag(&stale), "\"2\"");
    let mut shown = changed.clone();
    shown.as_object_mut().unwrap().remove("bill");
    assert_eq!(stale.problem(412)["current"], shown);
    let wrong = patch(&http, &path, Some("*"), json!({"pieces": -1, "colour": "red"})).await.problem(422);
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2, "{wrong}");
    let tomorrow = (depotd::clock::Clock::system().now() + depotd::model::Span::from_secs(86_400)).to_string();
    let later = patch(&http, &path, Some("\"2\""), json!({"pickup_at": tomorrow})).await.ok();
    assert_eq!((&later["status"], &later["pickup_at"]), (&"scheduled".into(), &tomorrow.into()));
    let events = http.get(&format!("{path}/events")).await.ok();
    assert_eq!(events["items"][2]["kind"], "changed", "{events}");
    assert_eq!(events["items"][2]["data"]["changed"], json!(["pickup_at", "expires_at"]), "{events}");
    http.post(&format!("{path}/cancel"), json!({"reason": "no load"})).await.ok();
    patch(&http, &path, Some("*"), json!({"notes": "late"})).await.problem(409);
    http.post(&format!("{path}/reopen"), json!({"notes": "x"})).await.problem(422);
    let again = http.post(&format!("{path}/reopen"), json!({"pickup_at": null, "reason": "found it"})).await.ok();
    assert_eq!((&again["status"], &again["cancel_reason"]), (&"waiting".into(), &Value::Null), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_is_told_what_changed() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    let mut van = depot.mqtt(&depot.new_device("KA-7")).await;
    van.subscribe_commands().await;
    let booking = http.post("/api/v1/bookings", trip()).await.ok();
    let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
    assert_eq!(http.post(&format!("{path}/assign"), json!({"vehicle_id": "KA-7"})).await.ok()["warnings"], Value::Null);
    assert_eq!(van.message("job").await["changed"], Value::Null);
    patch(&http, &path, Some("*"), json!({"priority": "high"})).await.ok();
    patch(&http, &path, Some("*"), json!({"dropoff": {"address": "gate 2"}})).await.ok();
    let told = van.message("job").await;
    assert_eq!((&told["changed"], &told["booking"]["dropoff"]["address"]), (&true.into(), &"gate 2".into()), "{told}");
    assert_eq!(told["booking"]["changed"], json!(["dropoff"]));
    let refused = patch(&http, &path, Some("*"), json!({"vehicle_class": "truck"})).await.problem(409);
    assert_eq!(refused["errors"][0]["field"], "vehicle_class", "{refused}");
    let failed = http.post(&format!("{path}/fail"), json!({"reason": "nobody there"})).await.ok();
    assert_eq!((&failed["status"], &failed["cancel_reason"]), (&"failed".into(), &"nobody there".into()));
    assert!(failed["failed_at"].is_string() && failed["ended_at"] == failed["failed_at"], "{failed}");
    assert_eq!(van.message("job_cancelled").await["reason"], "nobody there");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_assign_takes_a_job_from_a_driver() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    let scoped = http.post("/api/v1/tokens", json!({"role": "integration", "scopes": ["bookings:write"]})).await.ok();
    let shop = depot.http_as(scoped["token"].as_str().unwrap());
    http.post("/api/v1/vehicles", json!({"id": "A", "class": "van"})).await.ok();
    let place = async || format!("/api/v1/bookings/{}", shop.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap());
    let (free, taken) = (place().await, place().await);
    http.post(&format!("{taken}/assign"), json!({"vehicle_id": "A"})).await.ok();
    let cancel = async |by: &common::http::Api, path: &str| by.post(&format!("{path}/cancel"), json!({"reason": "no"})).await;
    cancel(&shop, &free).await.ok();
    cancel(&shop, &taken).await.problem(403);
    cancel(&http, &taken).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_in_time_expires() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50", "DISPATCH__RETRY_S=1"]).await;
    let http = depot.http();
    let mut order = trip();
    order["expires_at"] = (depotd::clock::Clock::system().now() + depotd::model::Span::from_secs(1)).to_string().into();
    let booking = http.post("/api/v1/bookings", order).await.ok();
    let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
    let expired = until("it to expire", async || {
        let booking = http.get(&path).await.ok();
        (booking["status"] == "expired").then_some(booking)
    });
    let expired = expired.await;
    assert!(expired["cancel_reason"].is_string() && expired["ended_at"].is_string() && expired["failed_at"].is_null(), "{expired}");
    let events = http.get(&format!("{path}/events")).await.ok();
    assert_eq!(events["items"].as_array().unwrap().last().unwrap()["kind"], "expired", "{events}");
}

//! What trips cost: versions of the tariff, what they speak of, and that a quote keeps its price.

mod common;

use common::Depot;
use common::http::{Answer, Api};
use reqwest::Method;
use serde_json::{Value, json};

fn flat(base_minor: i64) -> Value {
    json!({"name": "Flat", "currency": "EUR", "rates": {"base_minor": base_minor, "per_km_minor": 100}})
}

fn trip() -> Value {
    json!({"pickup": {"lat": 42.50, "lon": 1.50}, "dropoff": {"lat": 42.51, "lon": 1.51}})
}

fn with(mut document: Value, more: Value) -> Value {
    document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    document
}

async fn put(http: &Api, path: &str, document: &Value, tag: &str) -> Answer {
    Answer::of(http.request(Method::PUT, path).header("if-match", tag).json(document)).await
}

fn sum(lines: &Value) -> i64 {
    lines.as_array().unwrap().iter().map(|line| line["amount_minor"].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quote_keeps_its_price_when_the_tariff_changes() {
    let mut depot = Depot::start().await;
    let http = depot.http();
    let current = http.get("/api/v1/tariffs/current").await.ok();
    assert_eq!((&current["version"], &current["state"]), (&0.into(), &"in_effect".into()), "{current}");
    let first = http.post("/api/v1/tariffs", json!({"tariff": flat(1_000)})).await.ok();
    assert_eq!((&first["version"], &first["state"]), (&1.into(), &"in_effect".into()));
    let quote = http.post("/api/v1/quotes", trip()).await.ok();
    assert_eq!((&quote["tariff_version"], sum(&quote["breakdown"])), (&1.into(), quote["price"]["amount_minor"].as_i64().unwrap()));
    http.post("/api/v1/tariffs", json!({"tariff": flat(5_000)})).await.ok();
    depot.kill9().await;
    let http = depot.http();
    let dearer = http.post("/api/v1/quotes", trip()).await.ok();
    assert_eq!(dearer["price"]["amount_minor"].as_i64(), quote["price"]["amount_minor"].as_i64().map(|p| p + 4_000));
    let booked = http.post("/api/v1/bookings", with(trip(), json!({"quote_id": quote["id"]}))).await.ok();
    assert_eq!(booked["price"], quote["price"]);
    let path = format!("/api/v1/bookings/{}", booked["id"].as_str().unwrap());
    let bill = http.get(&path).await.ok()["bill"].clone();
    assert_eq!((&bill["tariff_version"], &bill["lines"]), (&1.into(), &quote["breakdown"]), "{bill}");
    let versions = http.get("/api/v1/tariffs").await.ok();
    let states: Vec<_> =
        versions["items"].as_array().unwrap().iter().map(|v| (v["version"].as_i64().unwrap(), v["state"].as_str().unwrap())).collect();
    assert_eq!(states, [(2, "in_effect"), (1, "past"), (0, "past")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_begins_at_its_time_and_may_be_withdrawn_before() {
    let depot = Depot::start().await;
    let http = depot.http();
    let coming = http.post("/api/v1/tariffs", json!({"tariff": flat(1), "starts_at": "2099-01-01T00:00:00Z"})).await.ok();
    assert_eq!(coming["state"], "coming");
    assert_eq!(http.get("/api/v1/tariffs/current").await.ok()["version"], 0);
    let path = "/api/v1/tariffs/1";
    assert_eq!(http.delete(path).await.status, 204);
    http.delete(path).await.problem(409);
    assert_eq!(http.get(path).await.ok()["state"], "withdrawn");
    http.get("/api/v1/tariffs/9").await.problem(404);
    let past = http.post("/api/v1/tariffs", json!({"tariff": flat(1), "starts_at": "2020-01-01T00:00:00Z"})).await.problem(422);
    assert_eq!(past["errors"][0]["field"], "starts_at");
    let wrong = with(flat(-1), json!({"zones": {"nowhere": {"base_minor": 3}}, "rounding": {"to_minor": 0, "mode": "up"}}));
    let told = http.post("/api/v1/tariffs", json!({"tariff": wrong})).await.problem(422);
    let fields: Vec<_> = told["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["tariff.rates.base_minor", "tariff.rounding.to_minor"]);
    let unknown = with(flat(1), json!({"zones": {"nowhere": {"base_minor": 3}}}));
    assert_eq!(http.post("/api/v1/tariffs", json!({"tariff": unknown})).await.problem(422)["errors"][0]["field"], "zones");
    let viewer = depot.http_as(&depot.new_token("viewer"));
    assert_eq!(viewer.post("/api/v1/tariffs", json!({"tariff": flat(1)})).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn zones_contracts_and_codes_make_the_price() {
    let depot = Depot::start().await;
    let http = depot.http();
    let ring = json!([[1.49, 42.49], [1.505, 42.49], [1.505, 42.505], [1.49, 42.505], [1.49, 42.49]]);
    let zone = json!({"id": "centre", "name": "Centre", "area": {"type": "Polygon", "coordinates": [ring]}});
    http.post("/api/v1/zones", zone.clone()).await.ok();
    http.post("/api/v1/zones", zone.clone()).await.problem(409);
    let open = json!({"id": "open", "name": "Open", "area": {"type": "Polygon", "coordinates": [[[1, 42], [2, 42], [2, 43], [1, 43]]]}});
    assert!(http.post("/api/v1/zones", open).await.problem(422)["errors"][0]["message"].as_str().unwrap().contains("closed"));
    let tariff = with(flat(1_000), json!({"zones": {"centre": {"base_minor": 1_500}}}));
    http.post("/api/v1/tariffs", json!({"tariff": tariff})).await.ok();
    let price = async |more: Value| http.post("/api/v1/quotes", with(trip(), more)).await.ok()["price"]["amount_minor"].as_i64().unwrap();
    let usual = price(json!({})).await;
    assert_eq!(http.get("/api/v1/tariffs/current").await.ok()["tariff"]["zones"]["centre"]["base_minor"], 1_500);
    assert!(usual > 1_500);
    assert!(http.delete("/api/v1/zones/centre").await.problem(409)["detail"].as_str().unwrap().contains("version 1"));
    let moved = with(zone.clone(), json!({"name": "Old town"}));
    put(&http, "/api/v1/zones/centre", &moved, "\"7\"").await.problem(412);
    assert_eq!(put(&http, "/api/v1/zones/centre", &moved, "\"1\"").await.ok()["version"], 2);

    http.post("/api/v1/contracts", json!({"customer": "Acme & Co", "label": "Framework", "discount_bp": 1_000})).await.ok();
    let agreed = price(json!({"customer": "Acme & Co"})).await;
    assert_eq!(agreed, usual - (usual + 5) / 10);

    http.post("/api/v1/promos", json!({"code": "ONCE", "amount_minor": 100, "limit_total": 1})).await.ok();
    assert_eq!(price(json!({"promo_code": "once"})).await, usual - 100);
    let unknown = http.post("/api/v1/quotes", with(trip(), json!({"promo_code": "NOPE"}))).await.problem(422);
    assert_eq!(unknown["errors"][0]["field"], "promo_code");
    let two = [
        http.post("/api/v1/quotes", with(trip(), json!({"promo_code": "ONCE"}))).await.ok(),
        http.post("/api/v1/quotes", with(trip(), json!({"promo_code": "ONCE"}))).await.ok(),
    ];
    let first = http.post("/api/v1/bookings", with(trip(), json!({"quote_id": two[0]["id"]}))).await.ok();
    assert_eq!(first["price"]["amount_minor"], usual - 100);
    let second = http.post("/api/v1/bookings", with(trip(), json!({"quote_id": two[1]["id"]}))).await.problem(422);
    assert!(second["errors"][0]["message"].as_str().unwrap().contains("ONCE"), "{second}");
    http.post("/api/v1/bookings", with(trip(), json!({"promo_code": "ONCE"}))).await.problem(422);
    let cancel = format!("/api/v1/bookings/{}/cancel", first["id"].as_str().unwrap());
    http.post(&cancel, json!({"reason": "changed their mind"})).await.ok();
    assert_eq!(http.post("/api/v1/bookings", with(trip(), json!({"promo_code": "ONCE"}))).await.ok()["price"]["amount_minor"], usual - 100);
    let reopened = http.post(&cancel.replace("/cancel", "/reopen"), json!({})).await.problem(422);
    assert_eq!(reopened["errors"][0]["field"], "promo_code", "others had all its uses: {reopened}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_who_would_pay_what() {
    let depot = Depot::start().await;
    let http = depot.http();
    http.post("/api/v1/tariffs", json!({"tariff": flat(1_000)})).await.ok();
    http.post("/api/v1/bookings", with(trip(), json!({"vehicle_class": "van", "customer": "Ana"}))).await.ok();
    http.post("/api/v1/bookings", trip()).await.ok();
    let dearer_vans = with(flat(1_000), json!({"classes": {"van": {"rates": {"base_minor": 1_700}}}}));
    let day = json!({"tariff": dearer_vans, "from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"});
    let run = http.post("/api/v1/tariffs/dry-run", day).await.ok();
    assert_eq!((&run["all"]["bookings"], &run["all"]["up"]), (&2.into(), &1.into()), "{run}");
    let change = &run["changes"][0];
    assert_eq!((&change["customer"], change["new_minor"].as_i64().unwrap() - change["old_minor"].as_i64().unwrap()), (&"Ana".into(), 700));
    assert_eq!(http.get("/api/v1/tariffs/current").await.ok()["version"], 1, "nothing was published");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_goes_by_the_clock_is_quoted_for_its_time() {
    let depot = Depot::start().await;
    let http = depot.http();
    let night = json!({"surcharges": {"always": {"label": "All day", "percent_bp": 1_000}}});
    http.post("/api/v1/tariffs", json!({"tariff": with(flat(1_000), night)})).await.ok();
    let later = depotd::clock::Clock::system().now() + depotd::model::Span::from_secs(86_400);
    let later = json!({"pickup_at": later});
    let now = http.post("/api/v1/quotes", trip()).await.ok();
    let kinds: Vec<_> = now["breakdown"].as_array().unwrap().iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["base", "distance", "time", "surcharge"]);
    let wrong = http.post("/api/v1/bookings", with(with(trip(), later.clone()), json!({"quote_id": now["id"]}))).await.problem(422);
    assert!(wrong["errors"][0]["message"].as_str().unwrap().contains("another time"), "{wrong}");
    let quote = http.post("/api/v1/quotes", with(trip(), later.clone())).await.ok();
    let booked = http.post("/api/v1/bookings", with(with(trip(), later), json!({"quote_id": quote["id"]}))).await.ok();
    assert_eq!(booked["price"], quote["price"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_at_the_pickup_is_paid_once_it_is_over() {
    let depot = Depot::start().await;
    let http = depot.http();
    depot.new_device("van-1");
    let tariff = with(
        flat(1_000),
        json!({
            "rates": {"base_minor": 1_000, "waiting": {"free_minutes": 1, "per_minute_minor": 600}},
            "tax": {"label": "VAT", "rate_bp": 2_000, "included": false}
        }),
    );
    http.post("/api/v1/tariffs", json!({ "tariff": tariff })).await.ok();
    let acme = json!({"customer": "acme", "label": "Framework", "discount_bp": 1_000});
    http.post("/api/v1/contracts", acme.clone()).await.ok();
    // The second's contract ends before its load is there: what was agreed stands, and the waiting costs what it costs without.
    for (changes, lines) in [
        (false, vec![("base", 1_000), ("waiting", 500), ("contract", -150), ("tax", 270)]),
        (true, vec![("base", 1_000), ("waiting", 500), ("contract", -100), ("tax", 180), ("tax", 100)]),
    ] {
        let placed = http.post("/api/v1/bookings", with(trip(), json!({"customer": "acme"}))).await.ok();
        assert_eq!(placed["price"]["amount_minor"], 1_080);
        let path = format!("/api/v1/bookings/{}", placed["id"].as_str().unwrap());
        let vehicle = json!({"vehicle_id": "van-1", "override": true, "reason": "it stands there"});
        http.post(&format!("{path}/assign"), vehicle).await.ok();
        if changes {
            Answer::of(http.request(Method::DELETE, "/api/v1/contracts/acme").header("if-match", "\"1\"")).await;
        }
        let came = depotd::model::Timestamp::parse(placed["created_at"].as_str().unwrap()).unwrap();
        let after = |s| (came + depotd::model::Span::from_secs(s)).to_string();
        http.post(&format!("{path}/steps"), json!({"step": "arrived", "at": after(0)})).await.ok();
        let load = json!({"step": "picked_up", "at": after(110)});
        http.post(&format!("{path}/steps"), load.clone()).await.ok();
        http.post(&format!("{path}/steps"), load).await.ok();
        let booking = http.get(&path).await.ok();
        let bill = booking["bill"]["lines"].as_array().unwrap().iter();
        let bill = bill.map(|l| (l["kind"].as_str().unwrap(), l["amount_minor"].as_i64().unwrap())).filter(|(_, minor)| *minor != 0);
        let bill: Vec<_> = bill.collect();
        assert_eq!(bill, lines, "{booking}");
        assert_eq!(booking["price"]["amount_minor"], lines.iter().map(|(_, minor)| minor).sum::<i64>());
        let events = http.get(&format!("{path}/events")).await.ok();
        let told = events["items"].as_array().unwrap().iter().find(|e| e["kind"] == "picked_up").unwrap();
        assert_eq!(told["data"]["price"], booking["price"], "{told}");
        http.post(&format!("{path}/steps"), json!({"step": "delivered"})).await.ok();
    }
}

//! Customers: they quote, place, see and cancel what is theirs, and nothing else.

mod common;

use common::Depot;
use common::http::Api;
use reqwest::Method;
use serde_json::{Value, json};

fn trip(customer: Option<&str>) -> Value {
    json!({"pickup": {"lat": 42.50, "lon": 1.50}, "dropoff": {"lat": 42.51, "lon": 1.51}, "customer": customer})
}

async fn program_of(depot: &Depot, customer: &str) -> Api {
    let made = depot.http().post("/api/v1/tokens", json!({"role": "customer", "customer": customer})).await.ok();
    depot.http_as(made["token"].as_str().unwrap())
}

fn path(booking: &Value) -> String {
    format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sees_and_books_what_is_its_own() {
    let depot = Depot::start().await;
    let (staff, acme, bolt) = (depot.http(), program_of(&depot, "acme").await, program_of(&depot, "bolt").await);
    staff.post("/api/v1/contracts", json!({"customer": "acme", "label": "Framework", "discount_bp": 1_000})).await.ok();

    let quote = acme.post("/api/v1/quotes", trip(None)).await.ok();
    assert!(quote["breakdown"].to_string().contains("Framework"), "its contract counts: {quote}");
    let booking =
        acme.post("/api/v1/bookings", json!({"quote_id": quote["id"], "pickup": quote_end(1), "dropoff": quote_end(2)})).await.ok();
    assert_eq!((&booking["customer"], &booking["price"]), (&json!("acme"), &quote["price"]));
    let stolen = json!({"quote_id": quote["id"], "pickup": quote_end(1), "dropoff": quote_end(2)});
    assert_eq!(bolt.post("/api/v1/bookings", stolen).await.problem(422)["errors"][0]["field"], "quote_id");

    let other = staff.post("/api/v1/bookings", trip(Some("bolt"))).await.ok();
    let nobodys = staff.post("/api/v1/bookings", trip(None)).await.ok();
    for theirs in [&other, &nobodys] {
        acme.get(&path(theirs)).await.problem(404);
        acme.post(&format!("{}/cancel", path(theirs)), json!({"reason": "mischief"})).await.problem(404);
        assert_eq!(staff.get(&path(theirs)).await.ok()["status"], theirs["status"]);
    }
    let listed = acme.get("/api/v1/bookings?q=b").await.ok();
    let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|b| &b["id"]).collect();
    assert_eq!(ids, [&booking["id"]]);

    for (order, field) in [(trip(Some("bolt")), "customer"), (json!({"priority": "urgent"}), "priority")] {
        let mut wanted = trip(None);
        wanted.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
        for route in ["/api/v1/quotes", "/api/v1/bookings"] {
            assert_eq!(acme.post(route, wanted.clone()).await.problem(422)["errors"][0]["field"], field);
        }
    }
    assert_eq!(acme.get("/api/v1/contracts/acme").await.ok()["label"], "Framework");
    bolt.get("/api/v1/contracts/acme").await.problem(404);
    for route in ["/api/v1/contracts", "/api/v1/vehicles", "/api/v1/bookings.csv", "/api/v1/analytics/summary", "/api/v1/live"] {
        acme.get(route).await.problem(403);
    }
    let cancelled = acme.post(&format!("{}/cancel", path(&booking)), json!({"reason": "changed our mind"})).await.ok();
    assert_eq!(cancelled["status"], "cancelled");
}

fn quote_end(end: u32) -> Value {
    json!({"lat": 42.5 + f64::from(end - 1) / 100.0, "lon": 1.5 + f64::from(end - 1) / 100.0})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customers_person_signs_in_and_belongs_to_it() {
    let depot = Depot::start().await;
    let staff = depot.http();
    let add = async |user: Value| staff.post("/api/v1/users", user).await;
    assert_eq!(add(json!({"name": "eve", "role": "customer"})).await.problem(422)["errors"][0]["field"], "customer");
    assert_eq!(add(json!({"name": "eve", "role": "viewer", "customer": "acme"})).await.problem(422)["errors"][0]["field"], "customer");
    staff.post("/api/v1/tokens", json!({"role": "customer"})).await.problem(422);
    let made = add(json!({"name": "eve", "role": "customer", "customer": "acme"})).await.ok();
    let nobody = depot.http_as("");
    let cookie = nobody.sign_in("eve", made["password"].as_str().unwrap()).await.cookie();
    let asked = async |path: &str| common::http::Answer::of(nobody.request(Method::GET, path).header("cookie", &cookie)).await;
    assert_eq!(asked("/api/v1/session").await.ok()["user"], json!({"name": "eve", "role": "customer", "customer": "acme"}));
    staff.post("/api/v1/bookings", trip(Some("acme"))).await.ok();
    staff.post("/api/v1/bookings", trip(Some("bolt"))).await.ok();
    assert_eq!(asked("/api/v1/bookings").await.ok()["items"].as_array().unwrap().len(), 1);
    asked("/api/v1/drivers").await.problem(403);
    let viewer = staff.patch("/api/v1/users/eve", json!({"role": "viewer"})).await.ok();
    assert_eq!((&viewer["role"], viewer.get("customer")), (&json!("viewer"), None));
    assert_eq!(asked("/api/v1/session").await.ok()["user"], Value::Null, "a change signs out");
    let listed = depot.command(&["user", "list"]);
    assert_eq!(listed.as_array().unwrap().iter().find(|u| u["name"] == "eve").unwrap()["customer"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_asks_without_end_has_to_wait_and_nobody_else() {
    let depot = Depot::start().await;
    let (acme, bolt) = (program_of(&depot, "acme").await, program_of(&depot, "bolt").await);
    let mut refused = None;
    for _ in 0..500 {
        let answer = acme.post("/api/v1/quotes", trip(None)).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        answer.ok();
    }
    let refused = refused.expect("an end of patience");
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    bolt.post("/api/v1/quotes", trip(None)).await.ok();
    depot.http().post("/api/v1/quotes", trip(Some("acme"))).await.ok();
}

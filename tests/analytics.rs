//! What happened, in figures: as it happens, after a crash, after all was made again.

mod common;

use common::{Depot, until};
use depotd::clock::Clock;
use depotd::model::Span;
use serde_json::{Value, json};

async fn deliver(depot: &Depot, vehicle: &str, customer: &str) -> Value {
    let http = depot.http();
    let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.55, "lon": 1.55}, "customer": customer});
    let booking = http.post("/api/v1/bookings", trip).await.ok();
    let path = format!("/api/v1/bookings/{}", booking["id"].as_str().unwrap());
    depot.settle().await;
    if http.get(&path).await.ok()["vehicle_id"].is_null() {
        http.post(&format!("{path}/assign"), json!({"vehicle_id": vehicle})).await.ok();
    }
    for step in ["arrived", "picked_up", "delivered"] {
        http.post(&format!("{path}/steps"), json!({"step": step})).await.ok();
    }
    http.get(&path).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_follow_what_happens_and_survive_a_crash_and_a_rebuild() {
    let mut depot = Depot::start().await;
    let device = depot.new_device("KA-1");
    let mut van = depot.mqtt(&device).await;
    depot.http().post("/api/v1/vehicles/KA-1/duty", json!({"on_duty": true})).await.ok();
    let now = Clock::system().now();
    van.fix(&(now - Span::from_secs(1)).to_string(), 42.49, 1.49).await;
    let first = deliver(&depot, "KA-1", "Ana").await;
    let lost = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}, "skills": ["crane"], "customer": "=Bo"});
    let lost = depot.http().post("/api/v1/bookings", lost).await.ok();
    let cancel = format!("/api/v1/bookings/{}/cancel", lost["id"].as_str().unwrap());
    depot.http().post(&cancel, json!({"reason": "called off"})).await.ok();
    depot.settle().await;

    let told = async |depot: &Depot| {
        let told = depot.http().get("/api/v1/analytics/summary?compare=true").await.ok();
        assert_eq!((&told["behind"], &told["before"]["figures"]["bookings"]), (&0.into(), &0.into()), "{told}");
        told["figures"].clone()
    };
    let figures = told(&depot).await;
    for (name, count) in [("bookings", 2), ("delivered", 1), ("cancelled", 1), ("open", 0), ("pickups", 1), ("late", 0)] {
        assert_eq!(figures[name], count, "{name} in {figures}");
    }
    assert_eq!(figures["revenue"], json!([first["price"]]), "{figures}");
    assert_eq!((&figures["surged"], &figures["surge_mean"], &figures["surge"]), (&0.into(), &1.0.into(), &json!([])), "{figures}");
    assert_eq!((&figures["served_ratio"], &figures["on_time_ratio"]), (&1.0.into(), &1.0.into()));

    depot.kill9().await;
    deliver(&depot, "KA-1", "Ana").await;
    depot.settle().await;
    assert_eq!(told(&depot).await["delivered"], 2);
    depot.command(&["analytics", "rebuild"]);
    let made_again = until("the figures to be made again", async || {
        let told = depot.http().get("/api/v1/analytics/summary").await.ok();
        (told["behind"] == 0 && told["figures"]["delivered"] == 2).then(|| told["figures"].clone())
    });
    let again = made_again.await;
    assert_eq!(
        (&again["delivered"], &again["cancelled"], &again["loaded_m"]),
        (&2.into(), &1.into(), &(2 * first["distance_m"].as_i64().unwrap()).into())
    );

    let http = depot.http();
    let by = http.get("/api/v1/analytics/breakdown?by=customer&limit=1").await.ok();
    assert_eq!((&by["items"][0]["key"], &by["items"][0]["figures"]["bookings"]), (&"Ana".into(), &2.into()), "{by}");
    let next = by["next"].as_str().unwrap();
    let rest = http.get(&format!("/api/v1/analytics/breakdown?by=customer&limit=1&cursor={next}")).await.ok();
    assert_eq!((&rest["items"][0]["key"], &rest["next"]), (&"=Bo".into(), &Value::Null), "{rest}");
    let series = http.get("/api/v1/analytics/timeseries?of=vehicle:KA-1").await.ok();
    let hours = series["items"].as_array().unwrap();
    assert!((23..=25).contains(&hours.len()), "{} hours", hours.len());
    assert_eq!(hours.iter().map(|p| p["figures"]["delivered"].as_i64().unwrap()).sum::<i64>(), 2);
    let none = http.get("/api/v1/analytics/insights").await.ok();
    assert_eq!(none["items"], json!([]), "nothing stands out in three bookings");
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_tables_and_csv_files() {
    let depot = Depot::start().await;
    depot.new_device("KA-1");
    depot.http().post("/api/v1/vehicles/KA-1/duty", json!({"on_duty": true})).await.ok();
    deliver(&depot, "KA-1", "=Ana").await;
    depot.settle().await;
    let http = depot.http();
    for name in ["operations", "drivers", "customers", "unserved", "devices"] {
        let table = http.get(&format!("/api/v1/reports/{name}")).await.ok();
        let columns = table["columns"].as_array().unwrap().len();
        assert!(table["rows"].as_array().unwrap().iter().all(|row| row.as_array().unwrap().len() == columns), "{table}");
        let file = http.get(&format!("/api/v1/reports/{name}.csv")).await;
        assert!(file.headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        assert_eq!(file.text.lines().count(), table["rows"].as_array().unwrap().len() + 1, "{}", file.text);
    }
    let statement = http.get("/api/v1/reports/customers.csv?customer=%3DAna").await;
    assert!(statement.text.lines().nth(1).unwrap().contains("delivered"), "{}", statement.text);
    let customers = http.get("/api/v1/reports/customers.csv").await;
    assert!(customers.text.contains("'=Ana"), "a formula: {}", customers.text);
    http.get("/api/v1/reports/nonsense").await.problem(404);
    let wrong = http.get("/api/v1/analytics/summary?from=2026-05-30T10:00:00Z&to=2026-05-30T09:00:00Z").await.problem(422);
    assert_eq!(wrong["errors"][0]["field"], "to");
    let long = http.get("/api/v1/analytics/timeseries?from=2020-01-01T00:00:00Z&step=hour").await.problem(422);
    assert_eq!(long["errors"][0]["field"], "step");
    http.get("/api/v1/analytics/breakdown").await.problem(422);
    http.get("/api/v1/analytics/breakdown?by=colour").await.problem(422);
}

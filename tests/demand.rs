//! Demand over HTTP and MQTT: nothing is known at first; then idle vehicles are advised where to wait.

mod common;

use common::{Depot, until};
use depotd::clock::Clock;
use depotd::forecast::{Calendar, History, Model};
use depotd::model::{BookingId, Currency, Fare, Money, Order, Origin, Place, Site, Span, Status, Timestamp};
use depotd::store::{self, Db, bookings, forecast};
use h3o::Resolution;
use reqwest::Method;
use serde_json::{Value, json};

/// Where six times an hour somebody asked for something.
const BUSY: (f64, f64) = (42.5, 1.5);

/// Keeps a forecast that two weeks taught, and a booking of yesterday.
async fn foresee(db: &Db, now: Timestamp) {
    let (mut history, from) = (History::new(Resolution::Seven), now - Span::from_secs(14 * 86_400));
    let place = Place::new(BUSY.0, BUSY.1).unwrap();
    assert!((0..14 * 144).all(|tenth| history.add(from + Span::from_secs(tenth * 600), place, 1)));
    let model = Model::train(&history, &Calendar::new("UTC", Vec::new()).unwrap(), (from, now), |_, _| {}).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let yesterday = now - Span::from_secs(86_400);
    let order = Order { pickup_at: Some(yesterday), expires_at: Some(yesterday), ..Order::new(Site::at(place), Site::at(place)) };
    let fare = Fare { price: Money { amount_minor: 900, currency: Currency::new("EUR").unwrap() }, distance_m: 1, duration_s: 60 };
    let write = move |tx: &rusqlite::Transaction<'_>| {
        let id = BookingId::generate(yesterday, [7; 10]);
        let new = bookings::New { id, status: Status::Expired, order: &order, fare, origin: Origin::Depot, recurrence: None };
        bookings::insert(tx, &new, yesterday)?;
        forecast::put(tx, now, &text)
    };
    db.write::<_, store::Error>(write).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_vehicle_is_advised_as_soon_as_that_is_wanted() {
    let mut depot = Depot::start().await;
    let http = depot.http();
    for path in ["advice", "forecast/accuracy"] {
        assert_eq!(http.get(&format!("/api/v1/demand/{path}")).await.ok(), json!({"items": [], "next": null}), "{path}");
    }
    assert_eq!(http.get("/api/v1/demand/advice?limit=501").await.problem(422)["errors"][0]["field"], "limit");
    assert_eq!(http.get("/api/v1/demand/advice?cursor=no%20such").await.problem(422)["errors"][0]["field"], "cursor");
    let wrong = http.get("/api/v1/demand/forecast/accuracy?from=yesterday").await.problem(422);
    assert_eq!(wrong["errors"][0]["field"], "from");

    let device = depot.new_device("KA-1");
    http.post("/api/v1/vehicles/KA-1/duty", json!({"on_duty": true})).await.ok();
    assert!(depot.stop().await.success());
    let now = Clock::system().now();
    foresee(&Db::open(&depot.data_dir()).unwrap(), now).await;
    depot.launch().await;
    let mut van = depot.mqtt(&device).await;
    van.subscribe_commands().await;
    van.fix(&Clock::system().now().to_string(), 42.54, 1.5).await;
    depot.settle().await;
    let http = depot.http();
    for (key, value) in [("advise_after_s", json!(0)), ("advise", json!(true))] {
        let body = json!({"value": value, "reason": "market day"});
        let sent = http.request(Method::PUT, &format!("/api/v1/settings/forecast.{key}/override")).json(&body).send().await.unwrap();
        assert!(sent.status().is_success(), "{key}");
    }
    let advice = van.message("advice").await;
    assert_eq!(advice["place"], json!({"lat": BUSY.0, "lon": BUSY.1}), "{advice}");
    let told = http.get("/api/v1/demand/advice").await.ok();
    let [told] = told["items"].as_array().unwrap().as_slice() else { panic!("{told}") };
    for name in ["cell", "reason", "until"] {
        assert_eq!(told[name], advice[name], "{name}");
    }
    assert_eq!((&told["vehicle_id"], &told["to"], &told["from"]["lat"]), (&"KA-1".into(), &advice["place"], &42.54.into()));
    assert!(told["reason"].as_str().unwrap().contains("nobody waits"), "{told}");

    // When it has work, the advice is over; the next look says so, which a change of settings makes.
    let trip = json!({"pickup": {"lat": BUSY.0, "lon": BUSY.1}, "dropoff": {"lat": 42.51, "lon": 1.5}});
    http.post("/api/v1/bookings", trip).await.ok();
    assert_eq!(van.message("job").await["booking"]["vehicle_id"], "KA-1");
    depot.settle().await;
    let body = json!({"value": 1, "reason": "market day"});
    http.request(Method::PUT, "/api/v1/settings/forecast.advise_after_s/override").json(&body).send().await.unwrap();
    let over = until("the advice to be over", async || {
        let told = http.get("/api/v1/demand/advice").await.ok();
        (told["items"] == Value::Array(Vec::new())).then_some(())
    });
    over.await;
}

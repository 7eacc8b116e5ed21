//! Drivers, their duty, breaks, hours and shifts, over real HTTP.

mod common;

use common::http::{Answer, Api};
use common::{Depot, until};
use reqwest::Method;
use serde_json::{Value, json};

const DOCK: (f64, f64) = (42.5063, 1.5218);

fn trip() -> Value {
    json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": {"lat": 42.5321, "lon": 1.5810}})
}

fn now() -> String {
    depotd::clock::Clock::system().now().to_string()
}

async fn hire(http: &Api, body: Value) -> String {
    http.post("/api/v1/drivers", body).await.ok()["id"].as_str().unwrap().to_owned()
}

async fn duty(http: &Api, driver: &str, body: Value) -> Answer {
    http.post(&format!("/api/v1/drivers/{driver}/duty"), body).await
}

/// A vehicle that reports from the dock, off duty.
async fn vehicle(depot: &Depot, id: &str) -> common::mqtt::Mqtt {
    let mut van = depot.mqtt(&depot.new_device(id)).await;
    van.fix(&now(), DOCK.0 + 0.002, DOCK.1).await;
    depot.http().post(&format!("/api/v1/vehicles/{id}/duty"), json!({"on_duty": false})).await.ok();
    depot.settle().await;
    van
}

/// Waits until the latest round says of the booking that this vehicle is left out for `reason`; the sentence about it.
async fn left_out(http: &Api, booking: &str, vehicle: &str, reason: &str) -> Value {
    let path = format!("/api/v1/bookings/{booking}/dispatch");
    until(&format!("{vehicle} to be left out: {reason}"), async || {
        let rounds = http.get(&path).await.ok();
        let excluded = rounds["items"][0]["excluded"].as_array()?.clone();
        excluded.into_iter().find(|e| e["vehicle_id"] == vehicle && e["reason"] == reason).map(|e| e["detail"].clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_are_added_found_changed_and_deleted() {
    let depot = Depot::start().await;
    let http = depot.http();
    let wrong = json!({"email": "nobody", "max_day_s": 0, "skills": "adr", "colour": "red"});
    let problem = http.post("/api/v1/drivers", wrong).await.problem(422);
    let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["email", "skills", "max_day_s", "colour"], "{problem}");
    http.post("/api/v1/drivers", json!({"phone": "1"})).await.problem(422);
    let made = http.post("/api/v1/drivers", json!({"name": "Ana Sousa", "phone": "+351 1", "skills": ["adr"], "max_day_s": 3600})).await;
    assert_eq!(
        (made.status.as_u16(), &made.headers["etag"], &made.headers["location"]),
        (201, &"\"1\"".parse().unwrap(), &"/api/v1/drivers/D-1001".parse().unwrap())
    );
    let ana = made.ok();
    assert_eq!(
        (&ana["status"], &ana["hours"]["max_day_s"], &ana["hours"]["left_s"]),
        (&"off_duty".into(), &3600.into(), &3600.into()),
        "{ana}"
    );
    for name in ["Ben", "Cid"] {
        hire(&http, json!({"name": name})).await;
    }
    let page = http.get("/api/v1/drivers?limit=2").await.ok();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (2, &"D-1002".into()), "{page}");
    let rest = http.get("/api/v1/drivers?limit=2&cursor=D-1002").await.ok();
    assert_eq!((&rest["items"][0]["name"], &rest["next"]), (&"Cid".into(), &Value::Null));
    for (query, found) in [("q=sous", 1), ("q=D-1002", 1), ("q=351", 1), ("active=false", 0), ("on_duty=false", 3)] {
        let list = http.get(&format!("/api/v1/drivers?{query}")).await.ok();
        assert_eq!(list["items"].as_array().unwrap().len(), found, "{query}");
    }
    let path = "/api/v1/drivers/D-1001";
    let change =
        async |version: &str, body: Value| Answer::of(http.request(Method::PATCH, path).header("if-match", version).json(&body)).await;
    let changed = change("\"1\"", json!({"phone": null, "max_day_s": null, "active": false})).await;
    assert_eq!(changed.headers["etag"], "\"2\"");
    let changed = changed.ok();
    assert_eq!((&changed["phone"], &changed["max_day_s"], &changed["hours"]["max_day_s"]), (&Value::Null, &Value::Null, &36_000.into()));
    change("\"1\"", json!({"name": "Anna"})).await.problem(412);
    change("new", json!({"name": "Anna"})).await.problem(422);
    change("\"2\"", json!({"user": "nobody"})).await.problem(422);
    Answer::of(http.request(Method::DELETE, path).header("if-match", "\"1\"")).await.problem(412);
    assert_eq!(http.delete(path).await.status, 204);
    http.get(path).await.problem(404);
    http.get("/api/v1/drivers/ana").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn duty_gives_the_vehicle_its_driver_and_his_skills() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50", "DISPATCH__RETRY_S=1"]).await;
    let http = depot.http();
    let _van = vehicle(&depot, "KA-1").await;
    let (ana, ben) = (hire(&http, json!({"name": "Ana", "skills": ["adr"]})).await, hire(&http, json!({"name": "Ben"})).await);
    let mut order = trip();
    order["skills"] = json!(["adr"]);
    let booking = http.post("/api/v1/bookings", order).await.ok()["id"].as_str().unwrap().to_owned();
    left_out(&http, &booking, "KA-1", "off_duty").await;
    duty(&http, &ben, json!({"on": true, "vehicle_id": "KA-1"})).await.ok();
    duty(&http, &ben, json!({"on": true, "on_duty": false})).await.problem(422);
    left_out(&http, &booking, "KA-1", "skills").await;
    let problem = duty(&http, &ana, json!({"on_duty": true, "vehicle_id": "KA-1"})).await.problem(409);
    assert_eq!(problem["detail"], "Ben is on duty with KA-1");
    duty(&http, &ana, json!({"on_duty": true})).await.problem(422);
    duty(&http, &ana, json!({"on": true, "vehicle_id": "KA-9"})).await.problem(422);
    duty(&http, &ben, json!({"on": false})).await.ok();
    let on = duty(&http, &ana, json!({"on": true, "vehicle_id": "KA-1"})).await.ok();
    assert_eq!((&on["status"], &on["duty"]["vehicle_id"]), (&"on_duty".into(), &"KA-1".into()), "{on}");
    let path = format!("/api/v1/bookings/{booking}");
    until("the booking to be assigned", async || (http.get(&path).await.ok()["status"] == "assigned").then_some(())).await;
    depot.settle().await;
    let van = http.get("/api/v1/vehicles/KA-1").await.ok();
    assert_eq!(van["driver"], json!({"id": ana, "name": "Ana", "pause": null}), "{van}");
    http.delete(&format!("/api/v1/drivers/{ana}")).await.problem(409);

    // With a job nobody leaves without a reason; with one, the job waits again.
    let problem = duty(&http, &ana, json!({"on": false})).await.problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("B-1001"), "{problem}");
    duty(&http, &ana, json!({"on": false, "force": true})).await.problem(422);
    let off = duty(&http, &ana, json!({"on": false, "force": true, "reason": "ill"})).await.ok();
    assert_eq!((&off["status"], &off["duty"]), (&"off_duty".into(), &Value::Null), "{off}");
    assert_eq!(http.get(&path).await.ok()["status"], "waiting");
    left_out(&http, &booking, "KA-1", "off_duty").await;
    let duties = http.get(&format!("/api/v1/drivers/{ana}/duties?limit=1")).await.ok();
    assert!(duties["items"][0]["until"].is_string() && duties["next"].is_null(), "{duties}");
    // The vehicle's own switch ends its driver's duty too.
    duty(&http, &ben, json!({"on": true, "vehicle_id": "KA-1"})).await.ok();
    http.post("/api/v1/vehicles/KA-1/duty", json!({"on_duty": false})).await.ok();
    assert_eq!(http.get(&format!("/api/v1/drivers/{ben}")).await.ok()["status"], "off_duty");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_break_and_spent_hours_keep_work_away() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50", "DISPATCH__RETRY_S=1"]).await;
    let http = depot.http();
    let _vans = (vehicle(&depot, "KA-1").await, vehicle(&depot, "KA-2").await);
    let (ana, ben) = (hire(&http, json!({"name": "Ana"})).await, hire(&http, json!({"name": "Ben", "max_day_s": 1})).await);
    let pause = async |on: bool| http.post(&format!("/api/v1/drivers/{ana}/break"), json!({"on": on})).await;
    pause(true).await.problem(409);
    duty(&http, &ana, json!({"on": true, "vehicle_id": "KA-1"})).await.ok();
    duty(&http, &ben, json!({"on": true, "vehicle_id": "KA-2"})).await.ok();
    assert_eq!(pause(true).await.ok()["status"], "break");
    // Nobody says that Ben's second is over: the dispatcher finds out.
    until("Ben's hours to be over", async || (http.get("/api/v1/vehicles/KA-2").await.ok()["driver"]["pause"] == "hours").then_some(()))
        .await;
    depot.settle().await;
    for id in ["KA-1", "KA-2"] {
        assert_eq!(http.get(&format!("/api/v1/vehicles/{id}")).await.ok()["status"], "paused");
    }
    let nearby = http.get(&format!("/api/v1/vehicles/nearby?lat={}&lon={}&available=true", DOCK.0, DOCK.1)).await.ok();
    assert_eq!(nearby["items"], json!([]), "{nearby}");
    let booking = http.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(left_out(&http, &booking, "KA-1", "break").await, "its driver is on a break");
    assert_eq!(left_out(&http, &booking, "KA-2", "hours").await, "its driver has worked as long as he may");
    assert_eq!(http.get(&format!("/api/v1/drivers/{ben}")).await.ok()["status"], "hours");
    let by_hand = http.post(&format!("/api/v1/bookings/{booking}/assign"), json!({"vehicle_id": "KA-2"})).await.problem(409);
    assert!(by_hand["detail"].as_str().unwrap().contains("its driver has worked as long as he may"), "{by_hand}");
    pause(false).await.ok();
    let path = format!("/api/v1/bookings/{booking}");
    until("Ana to get it", async || (http.get(&path).await.ok()["vehicle_id"] == "KA-1").then_some(())).await;
    duty(&http, &ben, json!({"on": false})).await.ok();
    let problem = duty(&http, &ben, json!({"on": true, "vehicle_id": "KA-2"})).await.problem(409);
    assert_eq!(problem["detail"], "Ben has worked 0:00 h today; 0:00 h a day is the most");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_break_keeps_work_away_by_itself() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50", "DISPATCH__RETRY_S=1"]).await;
    let http = depot.http();
    let _van = vehicle(&depot, "KA-1").await;
    let ana = hire(&http, json!({"name": "Ana"})).await;
    duty(&http, &ana, json!({"on": true, "vehicle_id": "KA-1"})).await.ok();
    let now = depotd::clock::Clock::system().now();
    let at = |s: i64| (now + depotd::model::Span::from_secs(s)).to_string();
    let pause = json!({"from": at(1), "until": at(1_800)});
    let shift = json!({"driver_id": ana, "vehicle_id": "KA-1", "from": at(-60), "until": at(3_600), "break": pause});
    let shift = http.post("/api/v1/shifts", shift).await.ok()["id"].as_str().unwrap().to_owned();
    let paused = async || http.get("/api/v1/vehicles/KA-1").await.ok()["driver"]["pause"] == "break";
    until("the planned break to begin", async || paused().await.then_some(())).await;
    let booking = http.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(left_out(&http, &booking, "KA-1", "break").await, "its driver is on a break");
    http.patch(&format!("/api/v1/shifts/{shift}"), json!({"break": null})).await.ok();
    let path = format!("/api/v1/bookings/{booking}");
    until("Ana to get it", async || (http.get(&path).await.ok()["vehicle_id"] == "KA-1").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn capacities_are_edited_and_count() {
    let depot = Depot::start_with(&["DISPATCH__GATHER_MS=50", "DISPATCH__RETRY_S=1"]).await;
    let http = depot.http();
    let _van = vehicle(&depot, "KA-1").await;
    http.post("/api/v1/vehicles/KA-1/duty", json!({"on_duty": true})).await.ok();
    let path = "/api/v1/vehicles/KA-1";
    let read = http.get(path).await;
    let version = read.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(version, format!("\"{}\"", read.body["version"]));
    let change = async |body: Value| Answer::of(http.request(Method::PATCH, path).header("if-match", &version).json(&body)).await;
    let changed = change(json!({"capacity_kg": 900, "capacity_m3": 4.5, "capacity_pieces": 6, "class": "van"})).await.ok();
    assert_eq!((&changed["capacity_m3"], &changed["capacity_pieces"]), (&4.5.into(), &6.into()), "{changed}");
    change(json!({"capacity_kg": 1})).await.problem(412);
    let mut order = trip();
    (order["load_m3"], order["pieces"]) = (4.0.into(), 7.into());
    let booking = http.post("/api/v1/bookings", order).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(left_out(&http, &booking, "KA-1", "capacity").await, "it takes 6 pieces at most");
    http.patch(path, json!({"capacity_pieces": null})).await.ok();
    let path = format!("/api/v1/bookings/{booking}");
    until("the booking to be assigned", async || (http.get(&path).await.ok()["vehicle_id"] == "KA-1").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_sets_his_own_duty_only() {
    let depot = Depot::start().await;
    let admin = depot.http();
    let _van = vehicle(&depot, "KA-1").await;
    let secret = "correct horse battery";
    admin.post("/api/v1/users", json!({"name": "ana", "role": "driver", "password": secret})).await.ok();
    let (ana, ben) = (hire(&admin, json!({"name": "Ana", "user": "ana"})).await, hire(&admin, json!({"name": "Ben"})).await);
    let twice = admin.patch(&format!("/api/v1/drivers/{ben}"), json!({"user": "ana"})).await.problem(422);
    assert_eq!(twice["errors"][0]["field"], "user");
    let nobody = depot.http_as("");
    let opened = nobody.post("/api/v1/session", json!({"name": "ana", "password": secret})).await;
    let cookie = opened.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let origin = format!("http://{}", depot.address("http"));
    let ask = async |method: Method, path: &str, body: Value| {
        Answer::of(nobody.request(method, path).header("cookie", &cookie).header("origin", &origin).json(&body)).await
    };
    assert_eq!(ask(Method::GET, "/api/v1/drivers/me", json!({})).await.ok()["id"], ana.as_str());
    let own = format!("/api/v1/drivers/{ana}");
    assert_eq!(ask(Method::POST, &format!("{own}/duty"), json!({"on": true, "vehicle_id": "KA-1"})).await.ok()["status"], "on_duty");
    assert_eq!(ask(Method::POST, &format!("{own}/break"), json!({"on": true})).await.ok()["status"], "break");
    ask(Method::POST, &format!("{own}/duty"), json!({"on": false, "force": true, "reason": "tired"})).await.problem(403);
    assert_eq!(ask(Method::POST, &format!("{own}/duty"), json!({"on": false})).await.ok()["status"], "off_duty");
    ask(Method::POST, &format!("/api/v1/drivers/{ben}/duty"), json!({"on": true, "vehicle_id": "KA-1"})).await.problem(403);
    for path in ["/api/v1/drivers".to_owned(), own, "/api/v1/bookings".to_owned(), "/api/v1/vehicles".to_owned()] {
        ask(Method::GET, &path, json!({})).await.problem(403);
    }
    // A token with the same role is nobody's.
    let token = depot.http_as(&depot.new_token("driver"));
    token.post(&format!("/api/v1/drivers/{ana}/duty"), json!({"on": false})).await.problem(403);
    token.get("/api/v1/drivers/me").await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn shifts_are_planned() {
    let depot = Depot::start().await;
    let http = depot.http_as(&depot.new_token("dispatcher"));
    let _van = vehicle(&depot, "KA-1").await;
    let ana = hire(&depot.http(), json!({"name": "Ana"})).await;
    let shift = |from: u8, until: u8| {
        let at = |hour: u8| format!("2030-05-01T{hour:02}:00:00Z");
        let pause = json!({"from": at(from + 1), "until": at(from + 2)});
        json!({"driver_id": ana, "vehicle_id": "KA-1", "from": at(from), "until": at(until), "break": pause})
    };
    let made = http.post("/api/v1/shifts", shift(6, 12)).await;
    assert_eq!((made.status.as_u16(), &made.headers["etag"]), (201, &"\"1\"".parse().unwrap()));
    let made = made.ok();
    assert_eq!(made["break"]["from"], "2030-05-01T07:00:00.000Z", "{made}");
    let problem = http.post("/api/v1/shifts", shift(10, 14)).await.problem(409);
    assert_eq!(problem["detail"], "Ana has shift S-1001 from 2030-05-01T06:00:00.000Z until 2030-05-01T12:00:00.000Z");
    http.post("/api/v1/shifts", shift(12, 18)).await.ok();
    http.post("/api/v1/shifts", json!({"driver_id": "D-9999", "from": "2030-05-01T00:00:00Z", "until": "2030-05-01T01:00:00Z"}))
        .await
        .problem(422);
    let path = format!("/api/v1/shifts/{}", made["id"].as_str().unwrap());
    let shorter = json!({"until": "2030-05-01T11:00:00Z", "break": null});
    let change = async |version: &str| Answer::of(http.request(Method::PATCH, &path).header("if-match", version).json(&shorter)).await;
    assert_eq!(change("\"1\"").await.ok()["break"], Value::Null);
    change("\"1\"").await.problem(412);
    let page = http.get("/api/v1/shifts?from=2030-05-01T10:30:00Z&limit=1").await.ok();
    assert_eq!(page["items"][0]["id"], made["id"]);
    let rest = http.get(&format!("/api/v1/shifts?from=2030-05-01T10:30:00Z&limit=1&cursor={}", page["next"].as_str().unwrap())).await.ok();
    assert_eq!((&rest["items"][0]["from"], &rest["next"]), (&"2030-05-01T12:00:00.000Z".into(), &Value::Null), "{rest}");
    let none = http.get(&format!("/api/v1/shifts?driver_id={ana}&to=2030-05-01T06:00:00Z")).await.ok();
    assert_eq!(none["items"], json!([]));
    assert_eq!(http.delete(&path).await.status, 204);
    http.get(&path).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_down_vehicle_has_not_loaded_goes_to_another() {
    let depot = Depot::start().await;
    let http = depot.http();
    let mut broken = vehicle(&depot, "van-1").await;
    broken.subscribe_commands().await;
    http.post("/api/v1/vehicles/van-1/duty", json!({"on_duty": true})).await.ok();
    let booking = http.post("/api/v1/bookings", trip()).await.ok()["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/bookings/{booking}");
    let driven_by = async |name: &str| {
        until(&format!("{name} to have it"), async || (http.get(&path).await.ok()["vehicle_id"] == name).then_some(())).await;
    };
    driven_by("van-1").await;
    broken.send("v/van-1/step", &json!({"step": "broken_down", "proof": {"reason": "the gearbox"}})).await;
    assert_eq!(broken.message("step_ack").await["step"], "broken_down");
    let off = http.get("/api/v1/vehicles/van-1").await.ok();
    assert_eq!(off["status"], "off_duty", "{off}");
    let mut other = vehicle(&depot, "van-2").await;
    other.fix(&now(), DOCK.0, DOCK.1).await;
    http.post("/api/v1/vehicles/van-2/duty", json!({"on_duty": true})).await.ok();
    driven_by("van-2").await;
    let events = http.get(&format!("{path}/events")).await.ok();
    let taken = events["items"].as_array().unwrap().iter().find(|e| e["kind"] == "unassigned").unwrap();
    assert!(taken["data"].to_string().contains("the gearbox"), "{taken}");
}

//! Fixes over HTTP: a driver's own, and those of phones; the payloads are real ones.

mod common;

use common::http::{Answer, Api};
use common::{Depot, PASSWORD, until};
use reqwest::{Method, header};
use serde_json::{Value, json};

fn now() -> String {
    depotd::clock::Clock::system().now().to_string()
}

/// A device of `format`: its id, and its password.
fn phone(depot: &Depot, id: &str, format: &str) -> (String, String) {
    let made = depot.command(&["device", "add", id, "--format", format]);
    (id.to_owned(), made["password"].as_str().unwrap().to_owned())
}

/// What the depot says to a phone.
async fn send(depot: &Depot, (id, password): &(String, String), method: Method, path: &str, body: Option<String>) -> Answer {
    let request = depot.http_as("").request(method, path).basic_auth(id, Some(password));
    Answer::of(if let Some(body) = body { request.body(body) } else { request }).await
}

async fn track(depot: &Depot, vehicle: &str) -> Vec<Value> {
    let path = format!("/api/v1/vehicles/{vehicle}/track?from=2000-01-01T00:00:00Z&to=2090-01-01T00:00:00Z&limit=1000");
    depot.http().get(&path).await.ok()["items"].as_array().unwrap().clone()
}

fn close(found: &Value, wanted: f64) -> bool {
    found.as_f64().is_some_and(|found| (found - wanted).abs() < 0.05)
}

/// The payloads with what was read off them, of one protocol.
fn vectors(protocol: &str) -> Vec<Value> {
    let text = include_str!("payloads/owntracks_osmand.ndjson");
    let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    all.filter(|vector| vector["protocol"] == protocol).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_payloads_of_osmand_and_traccar_client_are_read() {
    let depot = Depot::start_with(&["DEPOT__ZONE=UTC"]).await;
    for (n, vector) in vectors("osmand").iter().enumerate() {
        let (payload, derived) = (&vector["payload"], &vector["derived"]);
        let id = derived["device_id"].as_str().unwrap_or("nameless");
        // The same id comes in several vectors: each has a depot's vehicle of its own.
        let phone = {
            let made = depot.command(&["device", "add", &format!("phone-{n}"), "--vehicle", &format!("{id}-{n}"), "--format", "osmand"]);
            (format!("phone-{n}"), made["password"].as_str().unwrap().to_owned())
        };
        let vehicle = format!("{id}-{n}");
        let rename = |text: &str| text.replace(&format!("id={id}"), &format!("id={vehicle}"));
        let path = payload["uri"].as_str().unwrap().replacen('/', "/ingest/osmand", 1);
        let body =
            payload["body"].as_str().map(|body| body.replace(&format!(r#""device_id":"{id}""#), &format!(r#""device_id":"{vehicle}""#)));
        let answer = send(&depot, &phone, payload["method"].as_str().unwrap().parse().unwrap(), &rename(&path), body).await;
        if derived["device_id"].is_null() {
            let problem = answer.problem(400);
            assert_eq!(problem["detail"], "`id` is missing", "{vector}");
            continue;
        }
        assert_eq!(answer.status, 200, "{} for {vector}", answer.text);
        let track = track(&depot, &vehicle).await;
        if derived["lat"].is_null() {
            assert_eq!(track.len(), 0, "{vector}");
            continue;
        }
        let fix = &track[0];
        assert!(
            close(&fix["lat"], derived["lat"].as_f64().unwrap()) && close(&fix["lon"], derived["lon"].as_f64().unwrap()),
            "{fix} {vector}"
        );
        if let Some(ts) = derived["ts"].as_f64() {
            let found: jiff::Timestamp = fix["ts"].as_str().unwrap().parse().unwrap();
            assert!((found.as_millisecond() as f64 / 1000.0 - ts).abs() < 0.002, "{fix} {vector}");
        }
        if let Some(knots) = derived["speed_raw_knots"].as_f64() {
            assert!(close(&fix["speed_kmh"], knots * 1.852), "{fix} {vector}");
        }
        if let Some(mps) = derived["speed_ms"].as_f64() {
            assert!(close(&fix["speed_kmh"], mps * 3.6), "{fix} {vector}");
        }
        match derived["course"].as_f64() {
            Some(course) => assert!(close(&fix["course"], course), "{fix} {vector}"),
            None => assert!(fix["course"].is_null(), "{fix} {vector}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_payloads_of_owntracks_are_read() {
    let depot = Depot::start().await;
    for (n, vector) in vectors("owntracks").iter().enumerate() {
        let phone = phone(&depot, &format!("app-{n}"), "owntracks");
        let (mut body, derived): (Value, _) =
            (serde_json::from_str(vector["payload"]["body"].as_str().unwrap()).unwrap(), &vector["derived"]);
        if body["topic"].is_string() {
            let stranger = send(&depot, &phone, Method::POST, "/ingest/owntracks", Some(body.to_string())).await;
            stranger.problem(403);
            body["topic"] = format!("owntracks/app-{n}/x").into();
        }
        let answer = send(&depot, &phone, Method::POST, "/ingest/owntracks", Some(body.to_string())).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "[]"), "{vector}");
        let track = track(&depot, &phone.0).await;
        assert_eq!(track.len(), 1, "{vector}");
        for (name, wanted) in
            [("lat", "lat"), ("lon", "lon"), ("speed_kmh", "speed_kmh"), ("course", "course"), ("accuracy_m", "accuracy_m")]
        {
            match derived[wanted].as_f64() {
                Some(wanted) => assert!(close(&track[0][name], wanted), "{name}: {} {vector}", track[0]),
                None => assert!(track[0][name].is_null(), "{name}: {} {vector}", track[0]),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_let_in_with_its_own_credentials_to_its_own_path() {
    let depot = Depot::start_with(&["MQTT__MAX_FAILURES_PER_MINUTE=6"]).await;
    let (app, car) = (phone(&depot, "app", "owntracks"), phone(&depot, "car", "osmand"));
    let nobody = Answer::of(depot.http_as("").request(Method::POST, "/ingest/owntracks")).await;
    assert_eq!(nobody.headers[header::WWW_AUTHENTICATE], "Basic realm=\"depotd\", charset=\"UTF-8\"");
    nobody.problem(401);
    send(&depot, &("app".into(), "guess".into()), Method::POST, "/ingest/owntracks", None).await.problem(401);
    send(&depot, &("nobody".into(), "guess".into()), Method::POST, "/ingest/owntracks", None).await.problem(401);
    let wrong = send(&depot, &car, Method::POST, "/ingest/owntracks", None).await.problem(403);
    assert!(wrong["detail"].as_str().unwrap().contains("--format owntracks"), "{wrong}");
    let other = send(&depot, &car, Method::GET, "/ingest/osmand?id=app&lat=1&lon=2", None).await.problem(403);
    assert!(other["detail"].as_str().unwrap().contains("id is app"), "{other}");
    let bad = send(&depot, &car, Method::GET, "/ingest/osmand?id=car&lat=91&lon=2", None).await.problem(400);
    assert!(bad["detail"].as_str().unwrap().contains("`lat`"), "{bad}");
    let shown = depot.http().get("/api/v1/devices/car").await.ok();
    assert_eq!(shown["rejected"]["items"][0]["topic"], "/ingest/osmand", "{shown}");
    send(&depot, &car, Method::POST, "/ingest/osmand", Some("x".repeat(20_000))).await.problem(413);
    for quiet in ["", r#"{"_type":"waypoint","desc":"x"}"#, r#"{"_type":"lwt","tst":1498932340}"#] {
        let answer = send(&depot, &app, Method::POST, "/ingest/owntracks", Some(quiet.to_owned())).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "[]"), "{quiet}");
    }
    let here = json!({"_type": "location", "lat": 42.5, "lon": 1.5, "tst": 1_795_985_730});
    let request = depot.http_as("").request(Method::POST, "/ingest/owntracks?u=app&d=x").basic_auth(&app.0, Some(&app.1)).json(&here);
    assert_eq!(Answer::of(request).await.ok(), json!([]));
    let request = depot.http_as("").request(Method::POST, "/ingest/owntracks").basic_auth(&app.0, Some(&app.1)).json(&here);
    Answer::of(request.header("X-Limit-U", "other").header("X-Limit-D", "x")).await.problem(403);
    let seen = depot.http().get("/api/v1/vehicles/app").await.ok();
    assert_eq!(seen["online"], true, "whoever reports is there: {seen}");
    depot.command(&["device", "revoke", "app"]);
    send(&depot, &app, Method::POST, "/ingest/owntracks", Some(here.to_string())).await.problem(401);
    for _ in 0..5 {
        send(&depot, &("car".into(), "guess".into()), Method::POST, "/ingest/osmand", None).await;
    }
    send(&depot, &("car".into(), "guess".into()), Method::POST, "/ingest/osmand", None).await.problem(429);
    assert_eq!(send(&depot, &car, Method::GET, "/ingest/osmand?id=car&lat=1&lon=2", None).await.status, 200, "who is known is let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_sends_too_much_must_wait() {
    let depot = Depot::start().await;
    let car = phone(&depot, "car", "osmand");
    let (api, mut refused) = (depot.http_as(""), None);
    // Each answer waits for a commit, so that many have to wait side by side.
    for round in 0..40 {
        let path = |n| format!("/ingest/osmand?id=car&lat={}&lon=2&timestamp={}", f64::from(n) * 1e-4, 1_795_985_730 + round * 60 + n);
        let answers = (0..60).map(|n| Answer::of(api.request(Method::GET, &path(n)).basic_auth(&car.0, Some(&car.1))));
        refused = futures_util::future::join_all(answers).await.into_iter().find(|answer| answer.status == 429);
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.expect("an end to its patience");
    assert!(refused.headers[header::RETRY_AFTER].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    refused.problem(429);
}

/// A driver who signs in: his cookie, and who he is.
async fn driver(depot: &Depot, name: &str) -> (String, String) {
    depot.new_user(name, "driver").await;
    let made = depot.http().post("/api/v1/drivers", json!({"name": name, "user": name})).await.ok();
    let cookie = depot.http_as("").sign_in(name, PASSWORD).await.cookie();
    (cookie, made["id"].as_str().unwrap().to_owned())
}

async fn by_cookie(api: &Api, cookie: &str, method: Method, path: &str, body: Value) -> Answer {
    let request = api.request(method, path).header(header::COOKIE, cookie).header("sec-fetch-site", "same-origin");
    Answer::of(request.json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_driver_reports_for_the_vehicle_that_he_is_on_duty_with() {
    let mut depot = Depot::start().await;
    depot.http().post("/api/v1/vehicles", json!({"id": "KA-1", "class": "van"})).await.ok();
    let (cookie, id) = driver(&depot, "ana").await;
    let (api, path) = (depot.http_as(""), "/api/v1/drivers/me/fixes");
    let fix = json!({"ts": now(), "lat": 42.5, "lon": 1.5, "speed_kmh": 31});
    by_cookie(&api, &cookie, Method::POST, path, fix.clone()).await.problem(409);
    let go = json!({"on_duty": true, "vehicle_id": "KA-1"});
    by_cookie(&api, &cookie, Method::POST, &format!("/api/v1/drivers/{id}/duty"), go).await.ok();
    let taken = by_cookie(&api, &cookie, Method::POST, path, fix.clone()).await.ok();
    assert_eq!(taken, json!({"stored": 1, "repeated": 0, "refused": []}));
    depot.kill9().await;
    let api = depot.http_as("");
    assert_eq!(track(&depot, "KA-1").await.len(), 1, "what was told as stored is on the disk");
    let batch = json!([{"ts": now(), "lat": 42.51, "lon": 1.5}, {"ts": "noon", "lat": 1, "lon": 2}, {"lat": 1, "lon": 2}, "?"]);
    let taken = by_cookie(&api, &cookie, Method::POST, path, batch.clone()).await.ok();
    assert_eq!((&taken["stored"], &taken["repeated"]), (&1.into(), &0.into()), "{taken}");
    let told: Vec<_> = taken["refused"].as_array().unwrap().iter().map(|r| r["index"].as_u64().unwrap()).collect();
    assert_eq!(told, [1, 2, 3], "{taken}");
    assert_eq!(taken["refused"][1]["reason"], "`ts` is missing");
    let again = by_cookie(&api, &cookie, Method::POST, path, batch).await.ok();
    assert_eq!((&again["stored"], &again["repeated"]), (&0.into(), &1.into()), "{again}");
    let problem = by_cookie(&api, &cookie, Method::POST, path, json!({"lat": 1})).await.problem(422);
    assert_eq!(problem["errors"][0]["message"], "`ts` is missing", "{problem}");
    assert_eq!(track(&depot, "KA-1").await.len(), 2);
    depot.http().post(path, fix).await.problem(404);
    until("the vehicle to be there", async || {
        let seen = depot.http().get("/api/v1/vehicles/KA-1").await.ok();
        (seen["online"] == true && seen["status"] == "free").then_some(())
    })
    .await;
    let metrics = depot.http().get("/metrics").await.text;
    assert!(
        metrics.contains("depotd_ingest_fixes_total{way=\"http\"} 1") && metrics.contains("depotd_ingest_refused_total{way=\"http\"} 7"),
        "{metrics}"
    );
}

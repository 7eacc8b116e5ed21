//! Schedules and backups of a depot in its own process.

mod common;

use common::{Depot, until};
use depotd::clock::Clock;
use depotd::model::{Day, Span};
use serde_json::{Value, json};

async fn run_of(depot: &Depot, id: &str) -> Value {
    until("the run to end", async || {
        let runs = depot.http().get(&format!("/api/v1/schedules/{id}/runs")).await.ok();
        let run = runs["items"][0].clone();
        (run["result"] != "running" && !run.is_null()).then_some(run)
    })
    .await
}

#[tokio::test]
async fn a_schedule_from_its_preview_to_its_run_and_its_end() {
    let depot = Depot::start_with(&["DEPOT__ZONE=Europe/Lisbon"]).await;
    let api = depot.http();
    let built_in = api.get("/api/v1/schedules").await.ok();
    let names: Vec<_> = built_in["items"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Daily report", "Forecast", "Nightly backup", "Nightly retention", "Plan of tomorrow", "Reminders"]);
    let seen = api.post("/api/v1/schedules/preview", json!({"cron": "30 6 * * 1-5"})).await.ok();
    assert_eq!(seen["next"].as_array().unwrap().len(), 5);
    assert!(seen["words"].as_str().unwrap().contains("06:30"), "{seen}");
    assert!(seen["next"][0]["local"].as_str().unwrap().contains("T06:30:00+0"), "{seen}");
    let wrong = api.post("/api/v1/schedules", json!({"cron": "99 * * * *", "kind": "tea", "zone": "Mars/Base"})).await;
    assert_eq!(wrong.problem(422)["errors"][0]["field"], "kind");
    let wrong = api.post("/api/v1/schedules", json!({"name": "x", "cron": "99 * * * *", "kind": "release"})).await;
    assert_eq!(wrong.problem(422)["errors"][0]["field"], "cron");
    let made = api.post("/api/v1/schedules", json!({"name": "Morning round", "cron": "0 6 * * *", "kind": "dispatch"})).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!((made["zone"].as_str(), made["next"].as_array().unwrap().len()), (Some("Europe/Lisbon"), 5));
    assert_eq!(api.post(&format!("/api/v1/schedules/{id}/run"), json!({})).await.status, 202);
    let run = run_of(&depot, id).await;
    assert_eq!((run["result"].as_str(), run["trigger"].as_str()), (Some("ok"), Some("manual")), "{run}");
    assert!(run["duration_s"].is_number() && run["message"].as_str().unwrap().contains("bookings"), "{run}");
    let paused = api.patch(&format!("/api/v1/schedules/{id}"), json!({"enabled": false})).await.ok();
    assert_eq!((paused["next"].as_array().unwrap().len(), &paused["version"]), (0, &json!(2)));
    assert_eq!(api.delete(&format!("/api/v1/schedules/{id}")).await.status, 204);
    api.get(&format!("/api/v1/schedules/{id}")).await.problem(404);
}

#[tokio::test]
async fn a_backup_of_a_running_depot_can_be_verified_and_restored() {
    let mut depot = Depot::start().await;
    let placed = |notes: &str| {
        let place = |lon: f64| json!({"lat": 42.5, "lon": lon});
        json!({"pickup": place(1.5), "dropoff": place(1.6), "notes": notes})
    };
    let before = depot.http().post("/api/v1/bookings", placed("before")).await.ok();
    depot.http().post("/api/v1/schedules/nightly-backup/run", json!({})).await;
    let run = run_of(&depot, "nightly-backup").await;
    assert_eq!(run["result"], "ok", "{run}");
    let made = depot.command(&["backup", "create"]);
    let name = made["name"].as_str().unwrap();
    assert_eq!(depot.command(&["backup", "list"])["items"].as_array().unwrap().len(), 2);
    assert_eq!(depot.command(&["backup", "verify", name])["files"].as_array().unwrap().len(), 4);
    let after = depot.http().post("/api/v1/bookings", placed("after")).await.ok();
    assert!(depot.fails(&["restore", name]).contains("stop the depot first"));
    depot.stop().await;
    // A backup with one byte turned is told and nothing is touched.
    let copy = depot.data_dir().join("backups").join(name);
    let bad = depot.data_dir().join("backups/bad");
    std::fs::create_dir(&bad).unwrap();
    for file in std::fs::read_dir(&copy).unwrap().flatten() {
        std::fs::copy(file.path(), bad.join(file.file_name())).unwrap();
    }
    let mut bytes = std::fs::read(bad.join("ops.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(bad.join("ops.db"), bytes).unwrap();
    assert!(depot.fails(&["restore", bad.to_str().unwrap()]).contains("SHA-256"));
    let kept = depot.command(&["restore", name])["kept"].as_str().unwrap().to_owned();
    assert!(std::path::Path::new(&kept).join("ops.db").exists());
    depot.launch().await;
    let api = depot.http();
    assert_eq!(api.get(&format!("/api/v1/bookings/{}", before["id"].as_str().unwrap())).await.ok()["notes"], "before");
    api.get(&format!("/api/v1/bookings/{}", after["id"].as_str().unwrap())).await.problem(404);
}

#[tokio::test]
async fn tomorrow_is_planned_pickups_are_reminded_of_and_yesterday_is_reported() {
    let depot = Depot::start_with(&["BOOKINGS__REMIND_BEFORE_S=[172800, 86400]"]).await;
    let api = depot.http();
    let ran = async |id: &str| {
        assert_eq!(api.post(&format!("/api/v1/schedules/{id}/run"), json!({})).await.status, 202);
        let run = run_of(&depot, id).await;
        assert_eq!(run["result"], "ok", "{run}");
        run["message"].as_str().unwrap().to_owned()
    };
    let told = api.get("/api/v1/dispatch/days/tomorrow").await.problem(404);
    assert!(told["detail"].as_str().unwrap().contains("plan_tomorrow"), "{told}");
    api.get("/api/v1/dispatch/days/2026-13-01").await.problem(422);
    depot.new_device("van-1");
    let tomorrow = Day::of(Clock::system().now(), "UTC").next();
    let at = |hours: i64| (tomorrow.time().from + Span::from_secs((12 + hours) * 3_600)).to_string();
    let book = async |pickup_at: String, class: &str| {
        let place = |lon: f64| json!({"lat": 42.5, "lon": lon});
        let order = json!({"pickup": place(1.5), "dropoff": place(1.6), "pickup_at": pickup_at, "vehicle_class": class});
        api.post("/api/v1/bookings", order).await.ok()["ref"].as_str().unwrap().to_owned()
    };
    let (van, truck, later) = (book(at(0), "van").await, book(at(1), "truck").await, book(at(36), "van").await);
    assert!(ran("plan-of-tomorrow").await.contains("1 of 2 bookings"));
    let plan = api.get("/api/v1/dispatch/days/tomorrow").await.ok();
    assert_eq!((&plan["day"], &plan["basis"], &plan["vehicles"]), (&json!(tomorrow.to_string()), &json!("fleet"), &json!(1)));
    assert_eq!((&plan["served"][0]["ref"], &plan["served"][0]["vehicle_id"]), (&json!(van), &json!("van-1")));
    assert_eq!((&plan["unserved"][0]["ref"], &plan["unserved"][0]["lack"]), (&json!(truck), &json!("none_fits")));
    let days = api.get("/api/v1/dispatch/days").await.ok();
    let summary = json!({"day": plan["day"], "made_at": plan["made_at"], "served": 1, "unserved": 1, "vehicles": 1});
    assert_eq!(days["items"], json!([summary]));
    assert_eq!(
        api.get(&format!("/api/v1/dispatch/days?to={}", plan["made_at"].as_str().unwrap().get(..10).unwrap())).await.ok()["items"],
        json!([])
    );
    assert!(ran("reminders").await.starts_with("0 "), "all were booked within the offsets: {later}");
    assert!(ran("daily-report").await.contains("0 bookings"));
    let reports = api.get("/api/v1/reports/daily").await.ok();
    assert_eq!((&reports["items"][0]["bookings"], reports["items"].as_array().unwrap().len()), (&json!(0), 1));
    api.get("/api/v1/reports/daily?from=yesterday").await.problem(422);
    let sheet = depot.http().request(reqwest::Method::GET, "/api/v1/reports/daily.csv").send().await.unwrap().text().await.unwrap();
    assert!(sheet.starts_with("day,zone,made_at,bookings,") && sheet.lines().count() == 2, "{sheet}");
}

#[tokio::test]
async fn head_office_is_told_by_the_clock_and_who_has_none_is_told_so() {
    let sink = "UPSTREAM__SINKS=[{name = \"office\", url = \"http://127.0.0.1:9\"}]";
    let (lone, linked) = (Depot::start().await, Depot::start_with(&["UPSTREAM__DEPOT=lyon", sink, "UPSTREAM__RETRY_MS=60000"]).await);
    let runs = async |depot: &Depot| {
        let wish = json!({"name": "Tell head office", "cron": "0 6 * * *", "kind": "sync", "attempts": 1});
        let made = depot.http().post("/api/v1/schedules", wish).await.ok();
        let id = made["id"].as_str().unwrap();
        assert_eq!(depot.http().post(&format!("/api/v1/schedules/{id}/run"), json!({})).await.status, 202);
        let run = run_of(depot, id).await;
        (run["result"].as_str().unwrap().to_owned(), run["message"].as_str().unwrap().to_owned())
    };
    let (result, message) = runs(&lone).await;
    assert!(result == "failed" && message.contains("name no sink"), "{result}: {message}");
    let failures = async || linked.http().get("/api/v1/sync").await.ok()["sinks"][0]["failures"].as_u64().unwrap();
    until("the first attempt", async || (failures().await == 1).then_some(())).await;
    let (result, message) = runs(&linked).await;
    assert!(result == "ok" && message.starts_with("1 sinks were asked"), "{result}: {message}");
    // Left to itself the line would be tried again after a minute.
    until("another attempt", async || (failures().await == 2).then_some(())).await;
}

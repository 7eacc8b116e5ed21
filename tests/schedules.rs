//! Schedules and backups of a depot in its own process.

mod common;

use common::{Depot, until};
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
    assert_eq!(names, ["Nightly backup", "Nightly retention"]);
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
    assert_eq!(depot.command(&["backup", "verify", name])["files"].as_array().unwrap().len(), 2);
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

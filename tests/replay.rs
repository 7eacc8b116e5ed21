//! `depotd replay` from outside: its figures, its faults, and the front it must hold on a real evening.

mod common;
#[path = "../benches/replay/days.rs"]
mod days;

use common::Depot;
use depotd::sim::traces::Trip;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn replay(dir: &Path, arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_depotd");
    Command::new(program).current_dir(dir).arg("replay").args(arguments).output().unwrap()
}

fn json(dir: &Path, arguments: &[&str]) -> Value {
    let output = replay(dir, &[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fault(dir: &Path, arguments: &[&str]) -> String {
    let output = replay(dir, arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Forty trips a minute apart from noon UTC on, along one street.
fn street(dir: &Path) -> PathBuf {
    let mut text = "trip_id,pickup_ts,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon\n".to_owned();
    for n in 0..40 {
        let (here, there) = (38.70 + 0.001 * f64::from(n % 7), 38.71 + 0.001 * f64::from(n % 5));
        text += &format!("t{n},{},{here},-9.1,{there},-9.1\n", 1_700_049_600 + 60 * n);
    }
    let file = dir.join("street.csv");
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
fn a_day_is_told_in_figures_that_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let file = street(dir.path());
    let ask = ["--bookings", file.to_str().unwrap(), "--drivers", "12", "--seed", "7"];
    let told = json(dir.path(), &ask);
    assert_eq!((told["policy"].as_str(), told["drivers"].as_u64(), told["seed"].as_u64()), (Some("default"), Some(12), Some(7)));
    assert_eq!(told["served"].as_u64().unwrap() + told["lost"].as_u64().unwrap(), 40);
    for key in ["served_ratio", "wait_mean_s", "wait_p50_s", "wait_p95_s", "empty_km_per_trip", "utilisation", "plan_ms_p50", "plan_ms_p99"]
    {
        assert!(told[key].as_f64().is_some_and(|x| x >= 0.0), "{key}: {told}");
    }
    let figures = |mut told: Value| {
        told.as_object_mut().unwrap().retain(|key, _| !key.starts_with("plan_ms"));
        told
    };
    assert_eq!(figures(told), figures(json(dir.path(), &ask)));
    let table = String::from_utf8(replay(dir.path(), &ask).stdout).unwrap();
    assert!(table.starts_with("40 bookings asked from 2023-11-15T12:00:00.000Z") && table.contains("empty km a trip"), "{table}");
}

#[test]
fn a_part_of_the_day_and_several_policies() {
    let dir = tempfile::tempdir().unwrap();
    let file = street(dir.path());
    let ask = ["--bookings", file.to_str().unwrap(), "--drivers", "3", "--compare", "nearest,batch,default"];
    let part = ["--from", "2023-11-15T13:10", "--to", "2023-11-15T12:20:00Z", "--zone", "Europe/Berlin"];
    let told = json(dir.path(), &[&ask[..], &part[..]].concat());
    let policies = told["policies"].as_array().unwrap();
    assert_eq!(policies.iter().map(|p| p["policy"].as_str().unwrap()).collect::<Vec<_>>(), ["nearest", "batch", "default"]);
    assert!(policies.iter().all(|p| p["served"].as_u64().unwrap() + p["lost"].as_u64().unwrap() == 10), "{told}");
}

#[test]
fn faults_are_told_plainly() {
    let dir = tempfile::tempdir().unwrap();
    let file = street(dir.path());
    let file = file.to_str().unwrap();
    let with = |more: &[&str]| fault(dir.path(), &[&["--bookings", file, "--drivers", "3"], more].concat());
    assert!(with(&["--policy", "clever"]).contains("there is no policy \"clever\"; known are"));
    assert!(with(&["--from", "noon"]).contains("\"noon\" is not a time like"));
    assert!(with(&["--from", "2023-10-29T02:30", "--zone", "Europe/Berlin"]).contains("happens twice or never in Europe/Berlin"));
    assert!(with(&["--from", "2023-10-29T02:30", "--zone", "Mars"]).contains("is not an IANA time zone"));
    assert!(with(&["--from", "2030-01-01T00:00:00Z"]).contains("none of 40 bookings is within the time asked for"));
    assert!(fault(dir.path(), &["--drivers", "3"]).contains("holds no depot's history"));
    std::fs::write(dir.path().join("bad.csv"), "trip_id,pickup_ts,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon\na,1,2,3,4,500\n").unwrap();
    assert!(fault(dir.path(), &["--drivers", "3", "--bookings", "bad.csv"]).contains("bad.csv, line 2: longitude"));
}

const DOCK: (f64, f64) = (42.5063, 1.5218);

#[tokio::test(flavor = "multi_thread")]
async fn the_depots_own_day_is_played_with_those_who_were_on_duty() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    for (van, north) in [("KA-1", 0.0), ("KA-2", 0.02)] {
        let now = depotd::clock::Clock::system().now().to_string();
        depot.mqtt(&depot.new_device(van)).await.fix(&now, DOCK.0 + north, DOCK.1).await;
        http.post(&format!("/api/v1/vehicles/{van}/duty"), json!({"on_duty": false})).await.ok();
    }
    let order = async |skills: Value| {
        let way = json!({"pickup": {"lat": DOCK.0, "lon": DOCK.1}, "dropoff": {"lat": 42.5321, "lon": 1.5810}, "skills": skills});
        http.post("/api/v1/bookings", way).await.ok();
    };
    order(json!([])).await;
    order(json!(["adr"])).await;
    depot.settle().await;
    let replayed = || depot.command(&["replay"]);
    let counts = |told: &Value| ["served", "lost", "vehicles", "drivers", "placed"].map(|key| told[key].as_u64().unwrap());
    assert_eq!(counts(&replayed()), [1, 1, 2, 2, 2], "a depot without drivers has its vehicles all day, and no adr");

    let hire = async |body: Value| http.post("/api/v1/drivers", body).await.ok()["id"].as_str().unwrap().to_owned();
    let (ana, ben) = (hire(json!({"name": "Ana", "skills": ["adr"]})).await, hire(json!({"name": "Ben"})).await);
    assert!(depot.fails(&["replay"]).contains("nobody was on duty with a vehicle from "));
    let duty = async |driver: &str, body: Value| drop(http.post(&format!("/api/v1/drivers/{driver}/duty"), body).await.ok());
    let pause = async |on: bool| drop(http.post(&format!("/api/v1/drivers/{ben}/break"), json!({"on": on})).await.ok());
    duty(&ben, json!({"on": true, "vehicle_id": "KA-2"})).await;
    pause(true).await;
    assert_eq!(counts(&replayed()), [0, 2, 1, 1, 1], "Ben is on a break");
    pause(false).await;
    let far = replayed();
    assert_eq!(counts(&far), [1, 1, 1, 1, 1], "Ben is back, and no adr");
    // 2.2 km, and a third more by road, at 25 km/h: the vehicle starts where it was.
    let within = |told: &Value, key: &str, least: f64, most: f64| (least..most).contains(&told[key].as_f64().unwrap());
    assert!(within(&far, "empty_km_per_trip", 2.85, 2.93) && within(&far, "wait_mean_s", 410.0, 440.0), "{far}");

    let faster = ["config", "override", "dispatch.speed_kmh", "50", "--reason", "a dry day"];
    depot.command(&faster);
    let near = replayed();
    assert_eq!((&near["settings"], &far["settings"]["overridden"]), (&json!({"overridden": 1, "from_head_office": 0}), &0.into()));
    assert!(within(&near, "wait_mean_s", 205.0, 235.0), "{near}");
    duty(&ana, json!({"on": true, "vehicle_id": "KA-1"})).await;
    assert_eq!(counts(&replayed()), [2, 0, 2, 2, 2], "Ana brings what she can do to KA-1");
    duty(&ana, json!({"on": false})).await;
    order(json!(["adr"])).await;
    depot.settle().await;
    let told = replay(&depot.data_dir(), &["--data-dir", "."]);
    let told = String::from_utf8(told.stdout).unwrap();
    let head = ", 2 vehicles with 2 drivers on duty, settings in effect: 1 overridden\nThe vehicles start where they were.\n";
    assert!(told.starts_with("3 bookings asked from ") && told.contains(head), "{told}");
    let instead = depot.command(&["replay", "--drivers", "5"]);
    assert_eq!(counts(&instead), [1, 2, 5, 5, 2], "five all day, none of whom has adr");
}

/// The front that dispatch must hold on a real Friday evening; deterministic, so no timing is asserted.
#[test]
fn an_evening_in_san_francisco() {
    let Some(file) = days::find(days::SF_TRIPS) else { return };
    let dir = tempfile::tempdir().unwrap();
    for (drivers, served, mean_s, empty_km) in [("300", 0.948, 175.0, 0.78), ("400", 0.978, 120.0, 0.66)] {
        let evening = ["--from", "2008-05-30T16:00", "--to", "2008-05-30T20:00", "--zone", "America/Los_Angeles"];
        let told = json(dir.path(), &[&["--bookings", file.to_str().unwrap(), "--drivers", drivers], &evening[..]].concat());
        let figure = |key: &str| told[key].as_f64().unwrap();
        assert!(figure("served_ratio") >= served && figure("wait_mean_s") <= mean_s && figure("empty_km_per_trip") <= empty_km, "{told}");
    }
}

/// The default policy was made for that evening, and is no worse than plain batches on days that it was not made for.
#[test]
fn other_days_and_cities_without_tuning() {
    let hours = |trips: Vec<Trip>, midnight: i64, from: i64, to: i64| {
        let time = midnight + from * 3_600..midnight + to * 3_600;
        let asked: Vec<Trip> = trips.into_iter().filter(|trip| time.contains(&trip.pickup_ts)).collect();
        assert!(asked.len() > 400, "{}", asked.len());
        asked
    };
    let morning = days::porto().map(|trips| hours(trips, days::PORTO_MIDNIGHT, 7, 9));
    let saturday = days::midnight_of_may(24);
    let evening = days::san_francisco(saturday, 1).map(|trips| hours(trips, saturday, 16, 20));
    for (trips, drivers) in [(&morning, 60), (&morning, 80), (&evening, 300)] {
        let Some(trips) = trips else { continue };
        let play = |policy| days::play(trips, drivers, policy, 1);
        let (batch, default) = (play("batch"), play("default"));
        assert!(default.served_ratio >= batch.served_ratio - 0.002, "{drivers} drivers: {default:?}, {batch:?}");
        assert!(default.empty_km_per_trip < batch.empty_km_per_trip, "{drivers} drivers: {default:?}, {batch:?}");
        assert!(default.wait_mean_s < batch.wait_mean_s, "{drivers} drivers: {default:?}, {batch:?}");
    }
}

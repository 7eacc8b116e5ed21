//! A recorded day of real cabs over the real wire: what was acknowledged survives a kill, and everyone is found where they are.
//!
//! The recording is not part of the repository: `DEPOTD_TEST_DATA` names its directory (`../shared/data` without it), and where it is
//! missing an invented drive takes its place. `DEPOTD_SLOW=1` plays the whole file with all its cabs.

mod common;

use common::Depot;
use depotd::clock::Clock;
use depotd::model::{Place, Timestamp, VehicleId};
use depotd::sim::depot::{Depot as Client, Target};
use depotd::sim::recorded::{self, Options, Stored};
use depotd::sim::rng::Rng;
use depotd::sim::traces::{Sample, Traces};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

const SPEED: f64 = 60.0;

fn day() -> Traces {
    let data = std::env::var_os("DEPOTD_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let file = data.join("sf_fleet_traces/traces_20080530_1600_2200.csv.gz");
    let traces = if file.exists() {
        Traces::open(&file).unwrap()
    } else {
        eprintln!("SKIPPED the recording: {} is not there; set DEPOTD_TEST_DATA. An invented drive takes its place.", file.display());
        invented()
    };
    let is_slow = std::env::var_os("DEPOTD_SLOW").is_some_and(|v| v == "1");
    if is_slow { traces } else { traces.slice(8 * 60, 60) }
}

/// Cabs that wander about a city, now and then silent.
fn invented() -> Traces {
    let mut traces = Traces::default();
    for cab in 0_u32..60 {
        let mut rng = Rng::new(11, cab.into());
        let rounded = |degrees: f64| (degrees * 1e5).round() / 1e5;
        let (mut ts, mut lat, mut lon) = (1_000_000, rounded(rng.between(37.70, 37.80)), rounded(rng.between(-122.48, -122.38)));
        let samples = traces.vehicles.entry(VehicleId::new(&format!("cab{cab}")).unwrap()).or_default();
        for _ in 0..40 {
            samples.push(Sample { ts, place: Place::new(lat, lon).unwrap(), occupied: Some(rng.chance(0.5)) });
            ts += if rng.chance(0.05) { 120 } else { 15 };
            lat = rounded(lat + rng.between(-0.002, 0.002));
            lon = rounded(lon + rng.between(-0.002, 0.002));
        }
    }
    traces
}

fn target(depot: &Depot) -> Target {
    Target { http: format!("http://{}", depot.address("http")), mqtt: depot.address("mqtt").parse().unwrap() }
}

/// A fix as both sides can name it.
#[expect(clippy::cast_possible_truncation, reason = "degrees times 100,000 fit")]
fn key(ts: Timestamp, lat: f64, lon: f64) -> (i64, i64, i64) {
    (ts.as_millis(), (lat * 1e5).round() as i64, (lon * 1e5).round() as i64)
}

async fn pages(depot: &Depot, path: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = depot.http().get(&format!("{path}{cursor}")).await.ok();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn place(item: &Value) -> Place {
    Place::new(item["lat"].as_f64().unwrap(), item["lon"].as_f64().unwrap()).unwrap()
}

async fn everything_acknowledged_is_kept(depot: &Depot, from: Timestamp, stored: &[Stored]) {
    let mut by_vehicle = BTreeMap::<_, Vec<_>>::new();
    for fix in stored {
        by_vehicle.entry(&fix.vehicle).or_default().push(key(fix.ts, fix.place.lat(), fix.place.lon()));
    }
    let to = Clock::system().now();
    for (vehicle, promised) in by_vehicle {
        let track = pages(depot, &format!("/api/v1/vehicles/{vehicle}/track?from={from}&to={to}&limit=500")).await;
        let at = |item: &Value| Timestamp::parse(item["ts"].as_str().unwrap()).unwrap();
        assert!(track.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])), "{vehicle} is not in time order");
        let kept: HashSet<_> = track.iter().map(|item| key(at(item), place(item).lat(), place(item).lon())).collect();
        let lost: Vec<_> = promised.iter().filter(|fix| !kept.contains(fix)).collect();
        assert!(lost.is_empty(), "{vehicle} lost {} of {} fixes: {lost:?}", lost.len(), promised.len());
    }
}

async fn nearby_agrees_with_a_naive_scan(depot: &Depot, seed: u64) {
    let vehicles = pages(depot, "/api/v1/vehicles?limit=500").await;
    let known: Vec<_> = vehicles.iter().filter(|v| v["last_fix"].is_object()).map(|v| place(&v["last_fix"])).collect();
    assert!(known.len() > 20, "{} vehicles were seen", known.len());
    let mut rng = Rng::new(seed, 3);
    for _ in 0..12 {
        let near = known[rng.index(known.len())];
        let here = Place::new(near.lat() + rng.between(-0.01, 0.01), near.lon() + rng.between(-0.01, 0.01)).unwrap();
        let radius = rng.between(200.0, 6_000.0).round();
        let mut naive: Vec<_> = known.iter().map(|p| here.distance(*p).0).filter(|d| *d <= radius).collect();
        naive.sort_by(f64::total_cmp);
        naive.truncate(10);
        let path = format!("/api/v1/vehicles/nearby?lat={}&lon={}&radius_m={radius}&limit=10", here.lat(), here.lon());
        let answer = depot.http().get(&path).await.ok();
        let found: Vec<_> = answer["items"].as_array().unwrap().iter().map(|item| item["distance_m"].as_f64().unwrap()).collect();
        assert_eq!(found.len(), naive.len(), "within {radius} m of {here:?}");
        assert!(found.iter().zip(&naive).all(|(a, b)| (a - b).abs() < 2.0), "{found:?} {naive:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_cabs_survives_a_kill() {
    let traces = day();
    let total = traces.len();
    let mut depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let (moved, at) = watch::channel(target(&depot));
    let (observer, mut observed) = mpsc::unbounded_channel();
    let client = Client::new(at, &depot.new_token("admin"));
    let from = Clock::system().now();
    let options = Options { traces, trips: None, speed: SPEED, original_times: false, observer: Some(observer) };
    let mut replaying = JoinSet::new();
    replaying.spawn(recorded::run(client, options, Clock::system()));

    let mut stored = Vec::new();
    while stored.len() < total / 2 {
        let next = tokio::time::timeout(Duration::from_secs(120), observed.recv()).await;
        stored.push(next.expect("fixes go on being acknowledged").expect("the replay goes on"));
    }
    depot.kill9().await;
    everything_acknowledged_is_kept(&depot, from, &stored).await;
    moved.send(target(&depot)).unwrap();

    while let Some(fix) = tokio::time::timeout(Duration::from_secs(120), observed.recv()).await.expect("the replay ends") {
        stored.push(fix);
    }
    let sent = replaying.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((sent, stored.len()), (total, total));
    depot.settle().await;
    everything_acknowledged_is_kept(&depot, from, &stored).await;
    nearby_agrees_with_a_naive_scan(&depot, 5).await;
}

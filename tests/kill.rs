//! `kill -9` under load: what was acknowledged is there afterwards.

mod common;

use common::http::Answer;
use common::mqtt::{Credential, Mqtt};
use common::{Depot, until};
use depotd::model::{Span, Timestamp};
use reqwest::Method;
use rumqttc::QoS;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::JoinSet;

const VEHICLES: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost() {
    rounds(2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: many rounds"]
async fn nothing_acknowledged_is_lost_again_and_again() {
    rounds(20).await;
}

async fn rounds(count: i64) {
    let mut depot = Depot::start().await;
    let devices: Vec<_> = (0..VEHICLES).map(|n| depot.new_device(&format!("van-{n}"))).collect();
    let start = depotd::clock::Clock::system().now() - Span::from_secs(3_600);
    for round in 0..count {
        let first = start + Span::from_secs(round * 100);
        one(&mut depot, &devices, first).await;
    }
}

/// The time of a vehicle's n-th fix in a round: each has its own.
fn time(first: Timestamp, n: usize) -> Timestamp {
    first + Span::from_millis(i64::try_from(n).unwrap())
}

/// Reports until the connection breaks; gives the vehicle and how many reports were acknowledged.
async fn report(van: Mqtt, first: Timestamp, total: Arc<AtomicUsize>) -> (String, usize) {
    let topic = format!("v/{}/gps", van.vehicle);
    for n in 0..90_000 {
        let fix = json!({"ts": time(first, n), "lat": 42.5, "lon": 1.5 + 1e-7 * f64::from(u32::try_from(n).unwrap())});
        if van.client.publish(&topic, QoS::AtLeastOnce, false, fix.to_string()).await.is_err() {
            break;
        }
        total.fetch_max(van.acked_so_far(), Ordering::Relaxed);
    }
    (van.vehicle.clone(), van.acked_so_far())
}

/// Places bookings until there is no answer; gives those that were answered with 201.
async fn book(http: common::http::Api, total: Arc<AtomicUsize>) -> Vec<String> {
    let mut placed = Vec::new();
    let trip = json!({"pickup": {"lat": 42.5, "lon": 1.5}, "dropoff": {"lat": 42.6, "lon": 1.6}});
    while let Ok(answer) = Answer::try_of(http.request(Method::POST, "/api/v1/bookings").json(&trip)).await {
        assert_eq!(answer.status, 201, "{}", answer.text);
        placed.push(answer.body["id"].as_str().unwrap().to_owned());
        total.fetch_add(1, Ordering::Relaxed);
    }
    placed
}

async fn one(depot: &mut Depot, devices: &[Credential], first: Timestamp) {
    let (acked, booked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (mut vans, mut desks) = (JoinSet::new(), JoinSet::new());
    for device in devices {
        vans.spawn(report(depot.mqtt(device).await, first, acked.clone()));
    }
    for _ in 0..2 {
        desks.spawn(book(depot.http(), booked.clone()));
    }
    until("some load", async || (acked.load(Ordering::Relaxed) > 200 && booked.load(Ordering::Relaxed) > 10).then_some(())).await;
    depot.kill9().await;

    let http = depot.http();
    for (vehicle, acked) in vans.join_all().await {
        let kept = track(&http, &vehicle, first).await;
        let lost: Vec<_> = (0..acked).map(|n| time(first, n).to_string()).filter(|ts| !kept.contains(ts)).collect();
        assert!(lost.is_empty(), "{vehicle}: {} of {acked} acknowledged fixes are lost, the first {}", lost.len(), lost[0]);
    }
    for id in desks.join_all().await.concat() {
        http.get(&format!("/api/v1/bookings/{id}")).await.ok();
        let events = http.get(&format!("/api/v1/bookings/{id}/events")).await.ok();
        assert_eq!(events["items"][0]["kind"], "placed", "{id}: {events}");
    }
}

async fn track(http: &common::http::Api, vehicle: &str, first: Timestamp) -> HashSet<String> {
    let mut kept = HashSet::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/vehicles/{vehicle}/track?from={first}&to={}&limit=10000{cursor}", first + Span::from_secs(90));
        let page = http.get(&path).await.ok();
        kept.extend(page["items"].as_array().unwrap().iter().map(|f| f["ts"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return kept,
        }
    }
}

//! Bookings in from a CSV file and out to one, over real HTTP.

mod common;

use common::Depot;
use common::http::{Answer, Api};
use reqwest::Method;
use serde_json::Value;

const HEADER: &str = "pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,customer,notes,pickup_contact_phone,skills,pickup_at,pickup_until\n";

fn later(hours: i64) -> String {
    (depotd::clock::Clock::system().now() + depotd::model::Span::from_secs(hours * 3_600)).to_string()
}

fn good(customer: &str) -> String {
    format!("42.50,1.50,42.55,1.55,{customer},\"two, pallets\",+376 800 100,tail_lift;cold,{},{}\n", later(2), later(3))
}

async fn import(http: &Api, query: &str, key: Option<&str>, text: String) -> Answer {
    let request = http.request(Method::POST, &format!("/api/v1/bookings/import{query}")).header("content-type", "text/csv").body(text);
    Answer::of(match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    })
    .await
}

async fn count(http: &Api) -> usize {
    http.get("/api/v1/bookings?limit=500").await.ok()["items"].as_array().unwrap().len()
}

/// Line and column of every fault.
fn places(bad: &Value) -> Vec<(i64, &str)> {
    bad.as_array().unwrap().iter().map(|b| (b["line"].as_i64().unwrap(), b["column"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_line_is_told_and_nothing_is_placed() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    let now = later(0);
    let bad = format!(
        "99,1.5,42.55,1.55,x,,call me,,,\n42.5,1.5,42.5,1.5,same place,,,,,\n42.5,1.5\n42.5,1.5,42.6,1.6,,,,,{now},{}\n42.5,1.5,42.6,1.6,,,,,,{}\n",
        later(-1),
        later(1)
    );
    let text = format!("{HEADER}{}{bad}{}", good("Ana"), good("Ben"));
    let expected = [
        (3, "pickup_lat"),
        (3, "pickup_contact_phone"),
        (4, "dropoff_lat"),
        (5, ""),
        (6, "pickup_until"),
        (6, "pickup_until"),
        (7, "pickup_at"),
    ];
    let dry = import(&http, "?dry_run=true", None, text.clone()).await.ok();
    assert_eq!(places(&dry["bad"]), expected, "{dry}");
    assert_eq!((dry["placed"].as_array().unwrap().len(), &dry["placed"][0]["id"]), (2, &Value::Null), "{dry}");
    let refused = import(&http, "", None, text.clone()).await.problem(422);
    assert_eq!(places(&refused["bad"]), expected);
    assert_eq!(count(&http).await, 0);
    let partial = import(&http, "?partial=true", None, text).await.ok();
    assert_eq!((partial["placed"][0]["line"].as_i64(), partial["placed"][1]["line"].as_i64()), (Some(2), Some(8)), "{partial}");
    assert_eq!(count(&http).await, 2);
    let wrong = import(&http, "?dry_run=true", None, "pickup_lat,pickup_lat,colour\n1,2,3\n".into()).await.ok();
    let columns: Vec<_> = places(&wrong["bad"]).into_iter().map(|(_, column)| column).collect();
    assert_eq!(columns, ["pickup_lat", "colour", "pickup_lon", "dropoff_lat", "dropoff_lon"], "{wrong}");
    let crowded = import(&http, "?dry_run=true", None, ",".repeat(100_000)).await.ok();
    assert_eq!(places(&crowded["bad"]), [(1, "")]);
    assert!(crowded["bad"][0]["message"].as_str().unwrap().starts_with("names 100001 columns"), "{crowded}");
    let commas = "pickup_lat;pickup_lon;dropoff_lat;dropoff_lon;load_m3\n42,5;1.5;42.6;1.6;12,5\n".into();
    let told = import(&http, "?dry_run=true", None, commas).await.ok();
    assert_eq!(places(&told["bad"]), [(2, "pickup_lat"), (2, "load_m3")], "{told}");
    assert_eq!(told["bad"][1]["message"], "has a decimal comma; use a point: 12.5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_placed_whole_and_once_for_its_key() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false", "BOOKINGS__IMPORT_MAX_LINES=3"]).await;
    let http = depot.http();
    let text = format!("\u{feff}{HEADER}{}{}", good("Ana"), good("Ben"));
    let first = import(&http, "", Some("monday"), text.clone()).await.ok();
    let again = import(&http, "", Some("monday"), text.clone()).await.ok();
    assert_eq!(count(&http).await, 2);
    for line in 0..2 {
        assert_eq!((&first["placed"][line]["id"], &again["placed"][line]["replayed"]), (&again["placed"][line]["id"], &true.into()));
    }
    let other = format!("{HEADER}{}", good("Cleo"));
    assert_eq!(import(&http, "", Some("monday"), other).await.problem(422)["errors"][0]["field"], "Idempotency-Key");
    let booking = http.get(&format!("/api/v1/bookings/{}", first["placed"][0]["id"].as_str().unwrap())).await.ok();
    assert_eq!((&booking["notes"], &booking["skills"]), (&"two, pallets".into(), &serde_json::json!(["tail_lift", "cold"])));
    assert!(booking["pickup_window"]["until"].is_string() && booking["pickup"]["contact"]["phone"] == "+376 800 100", "{booking}");
    import(&http, "", None, format!("{HEADER}{}", good("x").repeat(4))).await.problem(413);
    let json = http.request(Method::POST, "/api/v1/bookings/import").json(&serde_json::json!({}));
    Answer::of(json).await.problem(415);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_out_is_filtered_complete_and_harmless() {
    let depot = Depot::start_with(&["DISPATCH__AUTOMATIC=false"]).await;
    let http = depot.http();
    let rows: String = (0..620).map(|n| good(&format!("'=cmd{n}"))).collect();
    import(&http, "", None, format!("{HEADER}{rows}")).await.ok();
    let out = http.get("/api/v1/bookings.csv").await;
    assert!(out.headers["content-type"].to_str().unwrap().starts_with("text/csv"), "{:?}", out.headers);
    let mut reader = csv::Reader::from_reader(out.text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 620, "over more than a page");
    assert_eq!((&records[0][column("ref")], &records[619][column("ref")]), ("B-1620", "B-1001"));
    assert_eq!(&records[619][column("customer")], "'=cmd0");
    assert_eq!(&records[619][column("pickup_contact_phone")], "'+376 800 100");
    assert_eq!((&records[619][column("skills")], &records[619][column("pickup_lat")]), ("tail_lift;cold", "42.5"));
    let some = http.get("/api/v1/bookings.csv?q=cmd61&status=scheduled").await;
    assert_eq!(some.text.lines().count(), 1 + 11);
    http.get("/api/v1/bookings.csv?status=lost").await.problem(422);
    depot.http_as(&depot.new_token("driver")).get("/api/v1/bookings.csv").await.problem(403);
}

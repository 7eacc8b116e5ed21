//! A depot restored from a backup learns again what head office was told since; a new box takes a dead one's place.

mod common;
mod upstream_support;

use common::http::Api;
use common::{Depot, until};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use upstream_support::office::{HeadOffice, TOKEN};
use upstream_support::postgres::Postgres;
use upstream_support::proxy::Proxy;

/// Settings of a depot with a line to `addr`; their place as an argument.
fn settings(dir: &Path, addr: SocketAddr, credentials: bool) -> String {
    std::fs::write(dir.join("token"), TOKEN).unwrap();
    let text = format!(
        "[upstream]\ndepot = \"d\"\nretry_ms = 20\nretry_most_s = 1\nlive_s = 1\n[[upstream.sinks]]\nname = \"office\"\nurl = \"http://{addr}\"\n\
         secret_file = \"{}\"\ncredentials = {credentials}\n",
        dir.join("token").display()
    );
    std::fs::write(dir.join("depot.toml"), text).unwrap();
    format!("--config={}", dir.join("depot.toml").display())
}

async fn place(api: &Api, note: &str) -> Value {
    let order = json!({"pickup": {"lat": 42.5063, "lon": 1.5218}, "dropoff": {"lat": 42.4633, "lon": 1.4910}, "notes": note});
    api.post("/api/v1/bookings", order).await.ok()
}

fn id(booking: &Value) -> &str {
    booking["id"].as_str().unwrap()
}

async fn booking(api: &Api, id: &str) -> Value {
    api.get(&format!("/api/v1/bookings/{id}")).await.ok()
}

/// Waits until the line is up and nothing waits.
async fn sent(depot: &Depot) {
    let http = depot.http();
    depot.settle().await;
    http.post("/api/v1/sync/office/flush", json!({})).await.ok();
    until("everything to be sent", async || {
        let last = http.get("/api/v1/sync").await.ok();
        let lanes = last["sinks"][0]["lanes"].as_array()?;
        let done = |lane: &Value| lane["lane"] == "live" || (lane["backlog"] == 0 && !lanes.is_empty());
        (last["sinks"][0]["mode"] == "live" && lanes.len() == 4 && lanes.iter().all(done)).then_some(())
    })
    .await;
}

fn equal(depot: &Depot, config: &str) {
    let said = depot.command(&["sync", "verify", config]);
    let found = &said["items"][0]["verified"];
    assert!(found["records"].as_u64() > Some(0) && found["rows"].as_u64() > Some(0), "{said}");
}

/// What head office's view tells of bookings: id, then number and status.
async fn known(office: &HeadOffice) -> Vec<(String, String)> {
    let rows = office.client.query("select id, ref || ' ' || status from depotd.bookings order by id", &[]).await.unwrap();
    rows.iter().map(|r| (r.get(0), r.get(1))).collect()
}

async fn here(api: &Api) -> Vec<(String, String)> {
    let list = api.get("/api/v1/bookings?limit=500").await.ok();
    let text = |b: &Value, name: &str| b[name].as_str().unwrap().to_owned();
    let row = |b: &Value| (text(b, "id"), format!("{} {}", text(b, "ref"), text(b, "status")));
    let mut all: Vec<_> = list["items"].as_array().unwrap().iter().map(row).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_booking_is_lost_when_a_depot_goes_back_to_a_backup() {
    let (postgres, dir) = (Postgres::start(), tempfile::tempdir().unwrap());
    let office = HeadOffice::start(&postgres, "d").await;
    let proxy = Proxy::start(office.addr, 1, Vec::new()).await;
    proxy.mend();
    let config = settings(dir.path(), proxy.addr(), false);
    let mut depot = Depot::start_with(&[&config]).await;
    let api = depot.http();
    let (kept, called_off) = (place(&api, "kept").await, place(&api, "called off later").await);
    let both = place(&api, "changed on both sides").await;
    let backup = depot.command(&["backup", "create"])["name"].as_str().unwrap().to_owned();
    // This is what the backup does not know.
    let late = place(&api, "placed after the backup").await;
    let later = place(&api, "another").await;
    api.post(&format!("/api/v1/bookings/{}/cancel", id(&called_off)), json!({"reason": "sold out"})).await.ok();
    api.post(&format!("/api/v1/bookings/{}/cancel", id(&both)), json!({"reason": "there"})).await.ok();
    sent(&depot).await;
    let placed = office.number("select count(*) from depotd.event where kind = 'booking.placed'").await;
    assert_eq!(placed, 5);

    // The depot goes back, and works without a line for a while.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    proxy.retarget(nobody);
    assert!(depot.stop().await.success());
    depot.command(&["restore", &backup]);
    depot.launch().await;
    let api = depot.http();
    assert_eq!(here(&api).await.len(), 3);
    let taken = place(&api, "got a number a second time").await;
    assert_eq!(taken["ref"], late["ref"]);
    api.post(&format!("/api/v1/bookings/{}/cancel", id(&both)), json!({"reason": "here"})).await.ok();

    proxy.retarget(office.addr);
    sent(&depot).await;
    let found = here(&api).await;
    let status = |b: &Value| found.iter().find(|(known, _)| known == id(b)).and_then(|(_, told)| told.split(' ').nth(1));
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!([&kept, &late, &later, &taken].map(status), [Some("waiting"); 4]);
    assert_eq!([&called_off, &both].map(status), [Some("cancelled"); 2]);
    assert_eq!(booking(&api, id(&taken)).await["ref"], taken["ref"], "what the customer was told last stays");
    assert_eq!(booking(&api, id(&later)).await["ref"], later["ref"]);
    let again = booking(&api, id(&late)).await;
    assert_ne!(again["ref"], late["ref"]);
    assert_eq!(again["notes"], "placed after the backup");
    let outcome = async |b: &Value| {
        let events = api.get(&format!("/api/v1/bookings/{}/events", id(b))).await.ok();
        let events = events["items"].as_array().unwrap().clone();
        let told: Vec<Value> = events.iter().filter(|e| e["kind"] == "relearned").map(|e| e["data"]["relearned"].clone()).collect();
        told
    };
    let outcomes = |told: &[Value]| told.iter().map(|t| t["outcome"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(outcomes(&outcome(&kept).await), Vec::<String>::new());
    assert_eq!(outcomes(&outcome(&later).await), ["put_back"]);
    assert_eq!(outcomes(&outcome(&called_off).await), ["put_back"]);
    assert_eq!(outcomes(&outcome(&late).await), ["renumbered"]);
    // Its own stays, and what head office had is beside it.
    let told = outcome(&both).await;
    assert_eq!((outcomes(&told), &told[0]["head_office"]["reason"]), (vec!["own_kept".to_owned()], &"there".into()));

    assert_eq!(known(&office).await, found);
    let placed = office.number("select count(*) from depotd.event where kind = 'booking.placed'").await;
    assert_eq!(placed, 6, "what was taken back is still told, and nothing twice");
    assert_eq!(office.number("select count(distinct epoch) from depotd.event").await, 2);
    equal(&depot, &config);
    // Asked once: a restart changes nothing.
    let head = api.get("/api/v1/system/cursors").await.ok()["journal_head"].clone();
    depot.restart().await;
    sent(&depot).await;
    assert_eq!(depot.http().get("/api/v1/system/cursors").await.ok()["journal_head"], head);
    depot.command(&["audit", "verify"]);
}

/// Builds the depot of `config` in `data`; whether it was done, and what was said.
fn rebuild(data: &Path, config: &str) -> (bool, Value, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_depotd"))
        .args(["restore", "--from-upstream", "--json", config])
        .env("DEPOTD_DEPOT__DATA_DIR", data)
        .output()
        .unwrap();
    let said = serde_json::from_slice(&out.stdout).unwrap_or(Value::Null);
    (out.status.success(), said, String::from_utf8_lossy(&out.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_box_takes_the_place_of_a_dead_one() {
    let (postgres, dir) = (Postgres::start(), tempfile::tempdir().unwrap());
    let office = HeadOffice::start(&postgres, "d").await;
    let config = settings(dir.path(), office.addr, true);
    let mut depot = Depot::start_with(&[&config]).await;
    let van = depot.new_device("van-1");
    let api = depot.http();
    let (first, second) = (place(&api, "é \" \\ 1").await, place(&api, "2").await);
    api.post(&format!("/api/v1/bookings/{}/cancel", id(&second)), json!({"reason": "changed plans"})).await.ok();
    sent(&depot).await;
    let (bookings, story) = (here(&api).await, api.get(&format!("/api/v1/bookings/{}/events", id(&second))).await.ok());
    let events = office.number("select count(*) from depotd.event").await;
    let rows = "select count(*) from depotd.row";
    let before = office.number(rows).await;

    // The box is gone, with all that was on it.
    depot.signal("KILL");
    depot.ended().await;
    let data = depot.data_dir();
    std::fs::remove_dir_all(&data).unwrap();

    // The plug is pulled in the middle: nothing is there that could be taken for a depot.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let half = settings(dir.path(), mute.local_addr().unwrap(), true);
    let mut child = Command::new(env!("CARGO_BIN_EXE_depotd"))
        .args(["restore", "--from-upstream", &half])
        .env("DEPOTD_DEPOT__DATA_DIR", &data)
        .spawn()
        .unwrap();
    until("it to begin", async || data.join("restore.unfinished/ops.db").exists().then_some(())).await;
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!data.join("ops.db").exists());
    let (status, said) = depot.second_server();
    assert!(!status.success() && said.contains("cut short"), "{said}");

    let config = settings(dir.path(), office.addr, true);
    let (done, said, why) = rebuild(&data, &config);
    assert!(done, "{why}");
    assert_eq!(
        (said["rows"].as_u64() > Some(4), &said["without_secret"], &said["broken_audit_entry"]),
        (true, &json!([]), &Value::Null),
        "{said}"
    );
    let (done, _, why) = rebuild(&data, &config);
    assert!(!done && why.contains("holds a depot already"), "{why}");
    depot.command(&["audit", "verify"]);
    depot.launch().await;
    let api = depot.http();
    assert_eq!(here(&api).await, bookings);
    assert_eq!(booking(&api, id(&first)).await["notes"], "é \" \\ 1");
    assert_eq!(api.get(&format!("/api/v1/bookings/{}/events", id(&second))).await.ok(), story);
    sent(&depot).await;
    assert_eq!(office.number("select count(*) from depotd.event").await, events, "nothing is told a second time");
    assert_eq!(office.number(rows).await, before);
    equal(&depot, &config);

    // Work goes on: the van knows its old secret, gets the job, and head office hears of it.
    let mut mqtt = depot.mqtt(&van).await;
    api.post("/api/v1/vehicles/van-1/duty", json!({"on_duty": true})).await.ok();
    let now = api.get("/api/v1/sync").await.ok()["sinks"][0]["since"].clone();
    mqtt.fix(now.as_str().unwrap(), 42.5077, 1.5218).await;
    let third = place(&api, "3").await;
    assert_eq!(third["ref"], "B-1003");
    until("a job for the van", async || {
        let given = [booking(&api, id(&first)).await, booking(&api, id(&third)).await];
        given.iter().any(|b| b["status"] == "assigned").then_some(())
    })
    .await;
    sent(&depot).await;
    assert_eq!(known(&office).await, here(&api).await);
    assert_eq!(office.number("select count(*) - count(distinct journal_seq) from depotd.event").await, 0);
    equal(&depot, &config);
}

/// Waits until the depot says that it is the depot no more.
async fn superseded(depot: &Depot) {
    let http = depot.http();
    until("a fault that says that another box took its place", async || {
        let sink = http.get("/api/v1/sync").await.ok()["sinks"][0].clone();
        let fault = sink["fault"].as_str().unwrap_or_default().to_owned();
        (sink["mode"] == "offline" && fault.contains("rebuilt or restored elsewhere")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_boxes_the_one_that_was_restored_last_is_the_depot() {
    let (postgres, dir) = (Postgres::start(), tempfile::tempdir().unwrap());
    let office = HeadOffice::start(&postgres, "d").await;
    let config = settings(dir.path(), office.addr, true);
    let mut old = Depot::start_with(&[&config]).await;
    place(&old.http(), "both know it").await;
    let backup = old.command(&["backup", "create"])["name"].as_str().unwrap().to_owned();
    sent(&old).await;
    let data = dir.path().join("new");
    let (done, _, why) = rebuild(&data, &config);
    assert!(done, "{why}");
    // The old box was not dead: it tells something while nobody has heard of the new one yet.
    let late = place(&old.http(), "told late").await;
    sent(&old).await;

    let new = Depot::start_on(&data, &[&config]).await;
    sent(&new).await;
    assert_eq!(booking(&new.http(), id(&late)).await["notes"], "told late", "the new one learned of it");
    place(&new.http(), "the new one's").await;
    sent(&new).await;
    let record = here(&new.http()).await;
    assert_eq!((record.len(), known(&office).await), (3, record.clone()));

    // In the middle of its connection, and at each one after it.
    place(&old.http(), "the old one's").await;
    superseded(&old).await;
    old.restart().await;
    superseded(&old).await;
    assert!(old.fails(&["sync", "verify", &config]).contains("rebuilt or restored elsewhere"));
    assert_eq!(known(&office).await, record);
    sent(&new).await;
    equal(&new, &config);

    // Somebody wants the old box back.
    assert!(old.stop().await.success());
    old.command(&["restore", &backup]);
    old.launch().await;
    sent(&old).await;
    assert_eq!(here(&old.http()).await, record);
    equal(&old, &config);
    place(&new.http(), "too late").await;
    superseded(&new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_credentials_a_new_box_says_who_needs_new_secrets() {
    let (postgres, dir) = (Postgres::start(), tempfile::tempdir().unwrap());
    let office = HeadOffice::start(&postgres, "d").await;
    let config = settings(dir.path(), office.addr, false);
    let depot = Depot::start_with(&[&config]).await;
    depot.new_device("van-1");
    depot.new_device("van-2");
    depot.command(&["device", "revoke", "van-2"]);
    depot.new_user("ana", "dispatcher").await;
    sent(&depot).await;
    drop(depot);
    let data = dir.path().join("new");
    let (done, said, why) = rebuild(&data, &config);
    assert!(done, "{why}");
    let named: Vec<&str> = said["without_secret"].as_array().unwrap().iter().map(|n| n.as_str().unwrap()).collect();
    assert!(named.contains(&"user ana") && named.contains(&"device van-1") && named.len() == 3, "{named:?}");
    let (done, _, why) = rebuild(&dir.path().join("other"), &settings(dir.path(), "127.0.0.1:1".parse().unwrap(), false));
    assert!(!done && why.contains("sink office"), "{why}");
}

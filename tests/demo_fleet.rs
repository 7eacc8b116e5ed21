//! The demo as a person starts it: one link, a fleet that delivers, nothing left behind.

mod common;

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(120);

struct Demo(Child);

impl Demo {
    fn start(args: &[&str]) -> (Self, BufReader<ChildStdout>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_depotd"));
        command.arg("demo").args(args).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        (Self(child), out)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It is gone already when the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn sign_in(client: &reqwest::Client, http: &str, url: &str) -> String {
    let (_, key) = url.split_once("/#login=").expect("the link carries a key");
    let answer = client.post(format!("{http}/api/v1/session")).json(&json!({"key": key})).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_fleet_delivers_and_leaves_nothing() {
    let (mut demo, mut out) = Demo::start(&["--vehicles", "8", "--speed", "120", "--port", "0", "--seed", "3", "--json"]);
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    assert!(Path::new(&text("data_dir")).exists());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let cookie = sign_in(&client, &text("http"), &text("url")).await;
    let get = async |path: &str| -> Value {
        let request = client.get(format!("{}/api/v1{path}", text("http"))).header("cookie", &cookie);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    };
    let delivered = async || get("/bookings?status=delivered").await["items"].as_array().unwrap().first().cloned();
    let booking = common::until_within(PATIENCE, "a delivery", delivered).await;
    for step in ["assigned_at", "arrived_at", "picked_up_at", "delivered_at", "vehicle_id"] {
        assert!(booking[step].is_string(), "{step} in {booking}");
    }
    let vehicle = get(&format!("/vehicles/{}", booking["vehicle_id"].as_str().unwrap())).await;
    assert!(vehicle["last_fix"].is_object(), "{vehicle}");
    let map = get("/basemap").await;
    assert_eq!(map["attribution"], "© OpenStreetMap contributors");

    let pid = demo.0.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = tokio::task::spawn_blocking(move || demo.0.wait().map(|status| (status, demo))).await.unwrap().unwrap();
    assert!(ended.0.success(), "it ended with {}", ended.0);
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
    assert_eq!(rest, "", "one line is printed, not more");
    assert!(!Path::new(&text("data_dir")).exists(), "the data is gone");
}

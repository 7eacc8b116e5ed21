//! `docs/recipes.md` is true: its commands are run against a depot, and say what it says they do.
#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

mod common;
#[path = "recipes/shell.rs"]
mod shell;

use common::Depot;
use common::mqtt::Credential;
use common::port::Closed;
use depotd::mqtt::access;
use rumqttc::QoS;
use serde_json::{Value, json};
use shell::{Block, Shell, blocks};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The document as this depot has it: its addresses in place of the usual ones.
fn document(depot: &Depot) -> String {
    let port = |name: &str| depot.address(name).rsplit(':').next().unwrap().to_owned();
    // Nobody listens there before the document's own receiver does.
    let receiver = Closed::new().port().to_string();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md")).unwrap();
    let ports = [("8080", port("http")), ("8883", port("mqtts")), ("1883", port("mqtt")), ("9000", receiver)];
    ports.iter().fold(text, |text, (usual, here)| {
        assert!(text.contains(usual), "{usual} is not in the document any more");
        text.replace(usual, here)
    })
}

/// A directory as the document takes it for granted: `depotd` can be run, and its data is in `./depotd-data`.
fn desk(depot: &Depot) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(depot.data_dir(), dir.path().join("depotd-data")).unwrap();
    dir
}

#[test]
fn nothing_in_the_document_goes_unread() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md")).unwrap();
    let first = |block: &Block| block.info.split(' ').next().unwrap().to_owned();
    let kinds: BTreeSet<_> = blocks(&text).iter().map(first).collect();
    assert_eq!(kinds, ["json", "python", "sh", "text", "toml"].map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_the_document_says() {
    let depot = Depot::start_with(&["NOTIFY__ALLOW_ADDRESSES=[\"127.0.0.1\"]", "NOTIFY__RETRY_S=1"]).await;
    let (desk, bin) = (desk(&depot), Path::new(env!("CARGO_BIN_EXE_depotd")).parent().unwrap().to_owned());
    let (text, data) = (document(&depot), depot.data_dir());
    let run = move || {
        let mut shell = Shell::start(desk.path(), &bin, &[("DEPOTD_DEPOT__DATA_DIR", &data)]);
        let (mut said, mut heard) = (None, BTreeMap::<String, usize>::new());
        for block in blocks(&text) {
            match block.info.split(' ').collect::<Vec<_>>()[..] {
                ["sh"] => {
                    assert_eq!(said, None, "line {}: the block before says something that is not shown", block.line);
                    said = Some(shell.run(&block)).filter(|lines| !lines.is_empty());
                }
                ["sh", name, "&"] => shell.leave(&block, name),
                ["text"] => {
                    let lines = said.take().unwrap_or_default();
                    let shown: Vec<_> = block.text.lines().collect();
                    let same = lines.len() == shown.len() && shown.iter().zip(&lines).all(|(shown, line)| shell::fits(shown, line));
                    assert!(same, "line {}: {shown:#?} is shown, {lines:#?} is said", block.line);
                }
                ["text", name] => {
                    let from = heard.get(name).copied().unwrap_or_default();
                    heard.insert(name.to_owned(), shell.hear(name, from, &block));
                }
                ["python", name] => std::fs::write(desk.path().join(name), &block.text).unwrap(),
                ["toml"] => assert_eq!(block.text, "[notify]\nallow_addresses = [\"127.0.0.1\"]", "as this depot was started"),
                ["json", "flow.json"] => {}
                ref other => panic!("line {}: nobody knows what to do with {other:?}", block.line),
            }
        }
        assert!(heard.len() >= 5, "{heard:?}");
        assert_eq!(said, None, "the last block says something that is not shown");
    };
    tokio::task::spawn_blocking(run).await.unwrap();
}

/// What the flow's nodes need to be, as Node-RED has them.
const NODES: [(&str, &[&str]); 8] = [
    ("tab", &["label"]),
    ("tls-config", &["cert", "key", "ca", "verifyservercert"]),
    ("mqtt-broker", &["broker", "port", "tls", "usetls", "protocolVersion"]),
    ("mqtt in", &["topic", "qos", "datatype", "broker", "wires"]),
    ("function", &["func", "outputs", "wires"]),
    ("switch", &["property", "rules", "outputs", "wires"]),
    ("http request", &["method", "ret", "url", "wires"]),
    ("debug", &["active", "complete"]),
];

/// Plays the flow over one message as Node-RED would: the requests that it makes.
fn play(flow: &[Value], start: &Value, message: &Value, requests: &mut Vec<(String, Value)>) {
    let node = |id: &Value| flow.iter().find(|node| node["id"] == *id).unwrap_or_else(|| panic!("there is no node {id}"));
    let pass = |wires: &Value, message: &Value, requests: &mut Vec<(String, Value)>| {
        wires.as_array().unwrap().iter().for_each(|next| play(flow, node(next), message, requests));
    };
    match start["type"].as_str().unwrap() {
        "mqtt in" => pass(&start["wires"][0], message, requests),
        "function" => {
            let script = format!("console.log(JSON.stringify(new Function('msg', {})({message}) ?? null))", start["func"]);
            let out = std::process::Command::new("node").args(["-e", &script]).output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            let message: Value = serde_json::from_slice(&out.stdout).unwrap();
            if !message.is_null() {
                pass(&start["wires"][0], &message, requests);
            }
        }
        "switch" => {
            let property = format!("/{}", start["property"].as_str().unwrap().replace('.', "/"));
            for (rule, wires) in start["rules"].as_array().unwrap().iter().zip(start["wires"].as_array().unwrap()) {
                assert_eq!((&rule["t"], &rule["vt"]), (&"eq".into(), &"str".into()));
                if message.pointer(&property) == Some(&rule["v"]) {
                    pass(wires, message, requests);
                }
            }
        }
        "http request" => requests.push((start["url"].as_str().unwrap().to_owned(), message["payload"].clone())),
        "debug" => {}
        other => panic!("nobody knows what {other} does"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flow_for_node_red_acts_upon_what_the_depot_says() {
    let depot = Depot::start().await;
    let text = document(&depot);
    let block = blocks(&text).into_iter().find(|block| block.info == "json flow.json").expect("the flow");
    let flow: Vec<Value> = serde_json::from_str(&block.text).unwrap();
    for node in &flow {
        let (_, needs) = NODES.iter().find(|(kind, _)| node["type"] == *kind).unwrap_or_else(|| panic!("{node} is of no known type"));
        assert!(needs.iter().all(|need| node.get(need).is_some()), "{node} lacks some of {needs:?}");
        let named =
            |name: &str, kind: &str| node.get(name).is_none_or(|id| flow.iter().any(|other| other["id"] == *id && other["type"] == kind));
        assert!(named("z", "tab") && named("broker", "mqtt-broker") || node["type"] == "mqtt-broker", "{node}");
        assert!(named("tls", "tls-config"), "{node}");
        let wires = node["wires"].as_array().map_or(0, Vec::len);
        assert!(node.get("outputs").is_none_or(|outputs| *outputs == wires), "{node}");
    }
    let broker = flow.iter().find(|node| node["type"] == "mqtt-broker").unwrap();
    assert_eq!(broker["port"], depot.address("mqtts").rsplit(':').next().unwrap());
    let made = depot.command(&["token", "create", "--role", "integration", "--scope", "positions:read", "--scope", "bookings:read"]);
    let mut program = depot.mqtt(&Credential::of_token(made["token"].as_str().unwrap())).await;
    let sources: Vec<&Value> = flow.iter().filter(|node| node["type"] == "mqtt in").collect();
    for source in &sources {
        program.client.subscribe(source["topic"].as_str().unwrap(), QoS::AtLeastOnce).await.unwrap();
    }
    let mut van = depot.mqtt(&depot.new_device("van-1")).await;
    // Retained, and asked for last: the other subscriptions are there when it comes.
    assert_eq!(program.first_of("v/+/status").await.1["online"], true);
    van.subscribe_commands().await;
    let now = depotd::clock::Clock::system().now().to_string();
    van.fix(&now, 42.5150, 1.5400).await;
    let trip = json!({"pickup": {"lat": 42.5063, "lon": 1.5218}, "dropoff": {"lat": 42.4633, "lon": 1.491}});
    depot.http().post("/api/v1/bookings", trip).await.ok();
    let booking = van.message("job").await["booking_id"].as_str().unwrap().to_owned();
    van.fix(&(depotd::clock::Clock::system().now().to_string()), 42.5064, 1.5219).await;
    for step in ["arrived", "picked_up", "delivered"] {
        van.step(&booking, step, &now).await;
    }
    let (mut requests, mut topics) = (Vec::new(), BTreeSet::new());
    while !topics.contains("events/booking/delivered") {
        let (topic, payload) = program.next().await;
        let source = sources.iter().find(|source| access::matches(source["topic"].as_str().unwrap(), &topic));
        if let Some(source) = source {
            play(&flow, source, &json!({"topic": topic, "payload": payload}), &mut requests);
        }
        topics.insert(topic);
    }
    let [(gate, open), (act, event)] = &requests[..] else { panic!("{requests:?}") };
    assert!(gate.ends_with("/gate") && act.ends_with("/delivered"), "{requests:?}");
    assert_eq!((open, &event["data"]["booking_id"]), (&json!({"open": "van-1"}), &booking.as_str().into()));
}

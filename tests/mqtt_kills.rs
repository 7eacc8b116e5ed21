//! What killed rumqttd's own server must not touch the guard: five reproduced cases.

mod mqtt_support;
use mqtt_support::*;
use tokio::io::AsyncWriteExt;

async fn is_well(depot: &Depot) {
    let (user, password) = depot.device("witness").await;
    let mut witness = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    assert_eq!(witness.subscribe(&["v/van-witness/status"], 0).await, [0]);
    let (topic, payload) = witness.read().await.unwrap().message();
    assert_eq!(topic, "v/van-witness/status", "the router lives");
    assert!(payload.contains(r#""online":true"#), "{payload}");
    witness.publish("v/van-witness/gps", &fix(1), 1, 1).await;
    assert_eq!(witness.read().await.unwrap().kind(), 4);
    assert_eq!(depot.guard.stats().panics, 0);
}

#[tokio::test]
async fn one_a_topic_that_starts_with_a_non_ascii_character() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    a.publish("äöü/gps", "x", 1, 1).await;
    assert_eq!(a.read().await.unwrap().kind(), 4);
    is_well(&depot).await;
}

#[tokio::test]
async fn two_a_persistent_shared_subscriber_that_drops() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let hello = Hello { clean: false, ..Hello::new(&user, &password) };
    let mut a = Client::enter(depot.addr, &hello).await;
    assert_eq!(a.subscribe(&["$share/group/v/van-a/cmd"], 1).await, [0x80]);
    drop(a);
    depot.until("it left", |d| d.guard.stats().sessions == 0).await;
    is_well(&depot).await;
}

#[tokio::test]
async fn three_client_ids_with_slashes_and_storms_past_the_limit() {
    let mut config = mqtt_support::depot::config();
    config.mqtt.max_connections = 4;
    let depot = Depot::with(config).await;
    let (user, password) = depot.device("a").await;
    for _ in 0..3 {
        let hello = Hello { client_id: "a/b", ..Hello::new(&user, &password) };
        Client::enter(depot.addr, &hello).await;
    }
    depot.until("they left", |d| d.guard.stats().connections == 0).await;
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(Client::open(depot.addr, 4).await);
    }
    depot.until("the rest was refused", |d| d.refused("too_many_connections") == 16).await;
    drop(crowd);
    depot.until("they left", |d| d.guard.stats().connections == 0).await;
    is_well(&depot).await;
}

#[tokio::test]
async fn four_a_v5_publish_with_a_user_property_towards_a_v4_subscriber() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    assert_eq!(a.subscribe(&["owntracks/+/+"], 1).await, [1]);
    let mut body = text("owntracks/dev-a/x");
    body.extend([7, 0x26, 0, 1, b'k', 0, 1, b'v']);
    body.extend(br#"{"_type":"lwt","tst":1}"#);
    a.send(&packet(0x30, &body)).await;
    let echo = a.read().await.unwrap();
    assert_eq!(echo.kind(), 3);
    let at = 2 + "owntracks/dev-a/x".len();
    assert_eq!(echo.body[at], 0, "no properties are passed on");
    is_well(&depot).await;
}

#[tokio::test]
async fn five_silent_connections_on_the_tls_port_stop_nobody() {
    let depot = Depot::start().await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(Client::open(depot.tls, 4).await);
    }
    let (user, password) = depot.device("a").await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut tls = tls::enter(&depot, version, &Hello::new(&user, &password)).await;
        let probe = Client { stream: tokio::net::TcpStream::connect(depot.addr).await.unwrap(), level: 4 };
        tls.write_all(&probe.publish_bytes("v/van-a/gps", &fix(1), 1, 1, 0)).await.unwrap();
        assert_eq!(read_packet(&mut tls).await.unwrap().kind(), 4);
    }
    is_well(&depot).await;
}

/// The v5 decoder behind the guard panics on packets that only a server sends.
#[tokio::test]
async fn six_packets_only_a_server_sends() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    for first in [0x20, 0x90, 0xB0, 0xD0, 0x00, 0xF0] {
        let mut a = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
        a.send(&[first, 3, 0, 0, 0]).await;
        a.closed().await;
    }
    is_well(&depot).await;
}

//! The promise of an acknowledgement: what is PUBACKed is durable.

mod mqtt_support;
use mqtt_support::*;
use std::time::Instant;

#[tokio::test]
async fn puback_comes_only_when_the_fix_is_durable_and_in_order() {
    let mut config = mqtt_support::depot::config();
    config.tracks.commit_window_ms = 60_000;
    let depot = Depot::with(config).await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    a.publish("v/van-a/gps", &fix(1), 1, 11).await;
    a.publish("v/van-a/gps", "{", 1, 12).await;
    a.publish("v/van-a/gps", &fix(2), 1, 13).await;
    a.ping().await;
    assert_eq!(depot.track("van-a").await, 0, "not committed yet, and nothing was acknowledged before the PINGRESP");
    depot.deps.tracks.hurry();
    let pkids = [a.read().await.unwrap().pkid(), a.read().await.unwrap().pkid(), a.read().await.unwrap().pkid()];
    assert_eq!(pkids, [11, 12, 13]);
    assert_eq!(depot.track("van-a").await, 2);
}

#[tokio::test]
async fn qos_2_is_kept_once_however_often_it_is_sent() {
    for level in [4, 5] {
        let depot = Depot::start().await;
        let (user, password) = depot.device("a").await;
        let mut a = Client::enter(depot.addr, &Hello { level, ..Hello::new(&user, &password) }).await;
        a.publish("v/van-a/gps", &fix(1), 2, 5).await;
        let pubrec = a.read().await.unwrap();
        assert_eq!((pubrec.kind(), pubrec.pkid()), (5, 5));
        assert_eq!(depot.track("van-a").await, 1, "PUBREC promises as much as PUBACK");
        let again = a.publish_bytes("v/van-a/gps", &fix(9), 2, 5, 8);
        a.send(&again).await;
        assert_eq!(a.read().await.unwrap().kind(), 5, "said again");
        a.send(&packet(0x62, &[0, 5])).await;
        let pubcomp = a.read().await.unwrap();
        assert_eq!((pubcomp.kind(), pubcomp.pkid()), (7, 5));
        a.publish("v/van-a/gps", &fix(2), 2, 5).await;
        assert_eq!(a.read().await.unwrap().kind(), 5, "the id is free again");
        assert_eq!(depot.track("van-a").await, 2);
    }
}

#[tokio::test]
async fn a_repeated_qos_1_fix_is_stored_once() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    for _ in 0..2 {
        let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
        let bytes = a.publish_bytes("v/van-a/gps", &fix(1), 1, 1, 8);
        a.send(&bytes).await;
        assert_eq!(a.read().await.unwrap().kind(), 4);
    }
    assert_eq!(depot.track("van-a").await, 1);
}

#[tokio::test]
async fn a_repetition_is_acknowledged_no_sooner_than_what_it_repeats() {
    let mut config = mqtt_support::depot::config();
    config.tracks.commit_window_ms = 60_000;
    let depot = Depot::with(config).await;
    let (user, password) = depot.device("a").await;
    let kept = Hello { clean: false, ..Hello::new(&user, &password) };
    for (qos, kind) in [(1, 4), (2, 5)] {
        let mut before = Client::enter(depot.addr, &kept).await;
        before.publish("v/van-a/gps", &fix(qos.into()), qos, 7).await;
        before.ping().await;
        drop(before);
        depot.until("it left", |d| d.guard.stats().sessions == 0).await;
        let mut after = Client::enter(depot.addr, &kept).await;
        let again = after.publish_bytes("v/van-a/gps", &fix(qos.into()), qos, 7, 8);
        after.send(&again).await;
        after.ping().await;
        depot.deps.tracks.hurry();
        assert_eq!(after.read().await.unwrap().kind(), kind);
        assert_eq!(depot.track("van-a").await, usize::from(qos));
        drop(after);
        depot.until("it left", |d| d.guard.stats().sessions == 0).await;
    }
}

#[tokio::test]
async fn a_fix_before_a_malformed_packet_is_kept() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    let mut bytes = a.publish_bytes("v/van-a/gps", &fix(1), 1, 1, 0);
    bytes.extend([0x36, 3, 0, 1, b'a']);
    a.send(&bytes).await;
    a.closed().await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    let again = a.publish_bytes("v/van-a/gps", &fix(1), 1, 1, 8);
    a.send(&again).await;
    assert_eq!(a.read().await.unwrap().kind(), 4);
    assert_eq!(depot.track("van-a").await, 1, "known as seen, so it must be there");
}

/// The announced Receive Maximum holds QoS 1 back without harm; a QoS 2 message beyond it ends the session.
#[tokio::test]
async fn more_in_flight_than_announced() {
    let mut config = mqtt_support::depot::config();
    (config.mqtt.max_inflight, config.tracks.commit_window_ms) = (4, 60_000);
    let depot = Depot::with(config).await;
    let (user, password) = depot.device("a").await;
    let hello = Hello { level: 5, ..Hello::new(&user, &password) };
    let (mut a, connack) = Client::hello(depot.addr, &hello).await;
    assert_eq!(connack.body[3..6], [0x21, 0, 4]);
    let burst = |a: &Client, qos| (1..=8).flat_map(|n| a.publish_bytes("v/van-a/gps", &fix(n.into()), qos, n, 0)).collect::<Vec<u8>>();
    let bytes = burst(&a, 1);
    a.send(&bytes).await;
    for pkid in 1..=8 {
        assert_eq!(a.read().await.unwrap().pkid(), pkid);
    }
    assert_eq!(depot.track("van-a").await, 8);
    let bytes = burst(&a, 2);
    a.send(&bytes).await;
    let told = a.closed().await;
    assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x93)));
    assert_eq!(depot.refused("receive_maximum"), 1);
}

#[tokio::test]
async fn what_is_not_a_position_is_refused_with_its_reason_and_the_device_goes_on() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    a.publish("v/van-a/gps", r#"{"ts":1,"lat":95,"lon":0}"#, 1, 1).await;
    assert_eq!(a.read().await.unwrap().kind(), 4);
    let rejected = depot.deps.inspector.of(&"dev-a".parse().unwrap());
    assert_eq!(rejected.len(), 1);
    assert_eq!(depot.refused("payload"), 1);
    a.publish("v/van-a/gps", &fix(1), 1, 2).await;
    assert_eq!(a.read().await.unwrap().pkid(), 2);
}

/// One device drains its buffer with 20 in flight, though the commit window is a second.
#[tokio::test]
async fn a_drain_with_a_small_window_is_not_held_up_by_the_commit_window() {
    const FIXES: u16 = 4_000;
    let mut config = mqtt_support::depot::config();
    config.tracks.commit_window_ms = 1_000;
    let depot = Depot::with(config).await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    #[expect(clippy::disallowed_methods, reason = "a measurement")]
    let start = Instant::now();
    let (mut sent, mut acked) = (0, 0);
    while acked < FIXES {
        while sent < FIXES && sent < acked + 20 {
            sent += 1;
            a.publish("v/van-a/gps", &fix(i64::from(sent)), 1, sent).await;
        }
        acked += 1;
        assert_eq!(a.read().await.unwrap().pkid(), acked);
    }
    let rate = f64::from(FIXES) / start.elapsed().as_secs_f64();
    println!("{rate:.0} fixes/s, {} commits", depot.deps.tracks.stats().commits);
    assert!(rate > 400.0, "{rate} fixes/s: the window of one second would give 20");
    assert_eq!(depot.track("van-a").await, usize::from(FIXES));
}

#[tokio::test]
async fn devices_with_one_in_flight_share_commits() {
    let mut config = mqtt_support::depot::config();
    config.tracks.commit_window_ms = 300;
    let depot = Depot::with(config).await;
    let mut clients = Vec::new();
    for i in 0..20 {
        let (user, password) = depot.device(&format!("n{i}")).await;
        clients.push(Client::enter(depot.addr, &Hello::new(&user, &password)).await);
    }
    for round in 0..3 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.publish(&format!("v/van-n{i}/gps"), &fix(round), 1, 1).await;
        }
        for client in &mut clients {
            assert_eq!(client.read().await.unwrap().kind(), 4);
        }
    }
    let stats = depot.deps.tracks.stats();
    assert!(stats.commits <= 6, "{stats:?}");
    assert_eq!(depot.guard.stats().hurried, 0);
}

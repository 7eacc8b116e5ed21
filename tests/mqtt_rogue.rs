//! Clients that mean harm, or do not know better.

mod mqtt_support;
use futures_util::future::join_all;
use mqtt_support::*;
use std::time::Duration;

/// A v5 PUBLISH body at QoS 0 without properties.
fn to(topic: &[u8]) -> Vec<u8> {
    let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    body.extend(topic);
    body.push(0);
    body
}

#[tokio::test]
async fn what_breaks_the_protocol_ends_the_session_with_the_reason() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let subscribe = |options: u8| [&[0, 1, 0], &*text("v/van-a/cmd"), &[options]].concat();
    let cases = [
        ("a topic alias that was not offered", packet(0x30, &[&*text("v/van-a/gps"), &[3, 35, 0, 1]].concat()), 0x94),
        ("no topic at all", packet(0x30, &to(b"")), 0x90),
        ("NUL in the topic", packet(0x30, &to(b"v/van-a/\0")), 0x90),
        ("a surrogate in the topic", packet(0x30, &to(b"v/\xed\xa0\x80/gps")), 0x90),
        ("a wildcard in the topic", packet(0x30, &to(b"v/+/gps")), 0x90),
        ("SUBSCRIBE with flags of PUBLISH", packet(0x80, &subscribe(1)), 0x81),
        ("SUBSCRIBE at QoS 3", packet(0x82, &subscribe(3)), 0x81),
        ("SUBSCRIBE with packet id 0", packet(0x82, &[&[0, 0, 0], &*text("v/van-a/cmd"), &[1]].concat()), 0x81),
        ("PUBREL without its flags", packet(0x60, &[0, 1]), 0x81),
        ("AUTH", packet(0xF0, &[0x18, 0]), 0x82),
        ("a second CONNECT", Hello { level: 5, ..Hello::new(&user, &password) }.bytes(), 0x82),
        ("a length beyond four bytes", vec![0x30, 0xFF, 0xFF, 0xFF, 0xFF], 0x81),
    ];
    for (what, bytes, code) in cases {
        let mut a = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
        a.send(&bytes).await;
        let told = a.closed().await;
        assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, code)), "{what}: {told:?}");
    }
    assert_eq!(depot.guard.stats().panics, 0);
}

#[tokio::test]
async fn packet_ids_out_of_the_blue_are_answered() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut v5 = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    v5.send(&packet(0x62, &[0, 9])).await;
    assert_eq!(v5.read().await.unwrap(), Packet { first: 0x70, body: vec![0, 9, 0x92] }, "PUBCOMP: there is no such packet id");
    v5.send(&packet(0x40, &[0, 9])).await;
    v5.send(&packet(0x70, &[0, 9])).await;
    v5.ping().await;
    let mut v4 = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    v4.send(&packet(0x62, &[0, 9])).await;
    assert_eq!(v4.read().await.unwrap(), Packet { first: 0x70, body: vec![0, 9] });
    let twice = [v4.publish_bytes("v/van-a/gps", &fix(1), 1, 5, 0), v4.publish_bytes("v/van-a/gps", &fix(2), 1, 5, 0)].concat();
    v4.send(&twice).await;
    assert_eq!([v4.read().await.unwrap().pkid(), v4.read().await.unwrap().pkid()], [5, 5], "an id used twice at once");
    assert_eq!(depot.track("van-a").await, 2);
}

/// A byte now and then does not buy time.
#[tokio::test]
async fn a_connect_that_drips_is_cut_off() {
    let mut config = mqtt_support::depot::config();
    config.mqtt.connect_timeout_s = 1;
    let depot = Depot::with(config).await;
    let (user, password) = depot.device("a").await;
    let hello = Hello::new(&user, &password).bytes();
    let mut slow = Client::open(depot.addr, 4).await;
    let dripped = async {
        for byte in hello.iter().take(hello.len() - 1) {
            slow.send(std::slice::from_ref(byte)).await;
            if let Ok(read) = tokio::time::timeout(Duration::from_millis(40), read_packet(&mut slow.stream)).await {
                return read;
            }
        }
        panic!("it was given all the time it wanted");
    };
    assert_eq!(dripped.await, None);
    assert_eq!(depot.refused("no_connect"), 1);
}

#[tokio::test]
async fn a_huge_connect_is_refused_before_it_is_read() {
    let depot = Depot::start().await;
    let mut greedy = Client::open(depot.addr, 4).await;
    greedy.send(&[0x10, 0xFF, 0xFF, 0xFF, 0x7F]).await;
    assert!(greedy.closed().await.is_empty());
    assert_eq!(depot.refused("packet_too_large"), 1);
}

#[tokio::test]
async fn guessing_in_parallel_gains_nothing_and_known_devices_come_in() {
    let mut config = mqtt_support::depot::config();
    config.mqtt.max_failures_per_minute = 3;
    let depot = Depot::with(config).await;
    let (known, new) = (depot.device("known").await, depot.device("new").await);
    let hello = |(user, password): &(String, String)| Hello { level: 5, ..Hello::new(user, password) }.bytes();
    let connect = async |bytes: Vec<u8>| {
        let mut client = Client::open(depot.addr, 5).await;
        client.send(&bytes).await;
        client.read().await.unwrap().body[1]
    };
    assert_eq!(connect(hello(&known)).await, 0);
    let codes = join_all((0..16).map(|n| connect(hello(&(known.0.clone(), format!("guess {n}")))))).await;
    assert!(codes.iter().all(|code| matches!(code, 0x86 | 0x9F)), "{codes:x?}");
    // Three, and those under way when the third was noted: two that hash, two that have just hashed.
    assert!((3..=7).contains(&depot.refused("credentials")), "{codes:x?}");
    assert_eq!(connect(hello(&known)).await, 0, "its secret was verified before: no guess");
    assert_eq!(connect(hello(&new)).await, 0x9F, "this one waits for the minute to end");
}

#[tokio::test]
async fn a_device_cannot_use_up_the_routers_memory_of_topics_and_filters() {
    let depot = Depot::start().await;
    let ((ua, pa), (ub, pb)) = (depot.device("a").await, depot.device("b").await);
    let token = depot.reader().await;
    let mut reader = Client::enter(depot.addr, &Hello::new("reader", &token)).await;
    assert_eq!(reader.subscribe(&["owntracks/+/+"], 0).await, [0]);
    let mut a = Client::enter(depot.addr, &Hello::new(&ua, &pa)).await;
    for n in 0..100 {
        a.publish(&format!("owntracks/dev-a/{n}"), r#"{"_type":"lwt","tst":1}"#, 0, 0).await;
    }
    a.ping().await;
    let mut b = Client::enter(depot.addr, &Hello::new(&ub, &pb)).await;
    b.publish("owntracks/dev-b/phone", r#"{"_type":"lwt","tst":1}"#, 0, 0).await;
    let mut copies = 0;
    while reader.read().await.unwrap().message().0 != "owntracks/dev-b/phone" {
        copies += 1;
    }
    assert_eq!(copies, 32, "as many topics as one owner may have");
    let mut granted = 0;
    for n in 0..100 {
        let filter = format!("owntracks/dev-a/{n}/cmd");
        granted += usize::from(a.subscribe(&[&filter], 0).await == [0]);
        a.send(&packet(0xA2, &[&[0, 2], &*text(&filter)].concat())).await;
        assert_eq!(a.read().await.unwrap().kind(), 11);
    }
    assert_eq!(granted, 32);
    assert_eq!(b.subscribe(&["owntracks/dev-b/phone/cmd"], 0).await, [0]);
}

/// A will may wait for as long as the session is kept: a day. Meanwhile it holds no connection and nobody up.
#[tokio::test]
async fn a_will_that_waits_holds_no_place() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let payload = fix(5);
    let hello = |delay: u8| Hello {
        level: 5,
        will: Some(("v/van-a/gps", &payload)),
        will_properties: vec![0x18, 0, 0, delay, u8::from(delay == 0)],
        properties: vec![0x11, 0, 1, 0, 0],
        ..Hello::new(&user, &password)
    };
    for _ in 0..2 {
        drop(Client::enter(depot.addr, &hello(14)).await);
        depot.until("its place is free", |d| d.guard.stats().connections == 0).await;
    }
    drop(Client::enter(depot.addr, &hello(0)).await);
    depot.until("the will that waits a second", |d| d.guard.stats().fixes == 1).await;
    drop(Client::enter(depot.addr, &hello(14)).await);
    depot.until("its place is free", |d| d.guard.stats().connections == 0).await;
    assert_eq!(depot.guard.stats().fixes, 1, "it came back before the others were due");
    tokio::time::timeout(Duration::from_secs(2), depot.stop()).await.expect("a will that waits does not hold up the stop");
}

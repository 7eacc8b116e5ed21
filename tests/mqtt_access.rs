//! Who may do what over MQTT, seen from outside.

mod mqtt_support;
use mqtt_support::*;

#[tokio::test]
async fn a_device_reads_and_writes_only_its_own_v4() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    let filters = ["v/van-a/cmd", "v/van-b/cmd", "#", "$SYS/#", "$share/g/v/van-a/cmd", "v/+/cmd", "v/van-a/status"];
    assert_eq!(a.subscribe(&filters, 1).await, [1, 0x80, 0x80, 0x80, 0x80, 0x80, 1]);
    a.publish("v/van-b/gps", &fix(1), 1, 1).await;
    loop {
        let packet = a.read().await.unwrap();
        if packet.kind() == 4 {
            break;
        }
        assert!(packet.message().0.starts_with("v/van-a/"), "its own retained status may come");
    }
    assert_eq!(depot.track("van-b").await, 0);
    assert_eq!(depot.track("van-a").await, 0);
    assert_eq!(depot.refused("publish_topic"), 1);
    assert_eq!(depot.refused("subscribe_filter"), 5);
    let last = depot.guard.refusals().pop().unwrap();
    assert!(last.who.contains("dev-a") && last.detail == "v/van-b/gps", "{last:?}");
}

#[tokio::test]
async fn refusals_have_reasons_in_v5() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    let filters = ["v/van-b/cmd", "#", "$SYS/#", "$share/g/x", "a/#/b", "v/van-a/cmd"];
    assert_eq!(a.subscribe(&filters, 2).await, [0x87, 0x87, 0x87, 0x9E, 0x8F, 1]);
    a.publish("v/van-b/gps", &fix(1), 1, 7).await;
    let puback = a.read().await.unwrap();
    assert_eq!((puback.kind(), puback.pkid(), puback.body[2]), (4, 7, 0x87));
    a.publish("v/van-a/gps", "not json", 1, 8).await;
    let puback = a.read().await.unwrap();
    assert_eq!((puback.kind(), puback.pkid(), puback.body[2]), (4, 8, 0x99));
    a.publish("v/van-b/gps", &fix(1), 2, 9).await;
    let pubrec = a.read().await.unwrap();
    assert_eq!((pubrec.kind(), pubrec.pkid(), pubrec.body[2]), (5, 9, 0x87));
}

#[tokio::test]
async fn owntracks_wildcards_leak_nobody() {
    let depot = Depot::start().await;
    let ((ua, pa), (ub, pb)) = (depot.device("a").await, depot.device("b").await);
    let mut a = Client::enter(depot.addr, &Hello::new(&ua, &pa)).await;
    assert_eq!(a.subscribe(&["owntracks/+/+", "owntracks/+/+/event"], 1).await, [1, 1]);
    let mut b = Client::enter(depot.addr, &Hello::new(&ub, &pb)).await;
    b.publish("owntracks/dev-b/phone", r#"{"_type":"location","lat":1,"lon":2,"tst":1800000000}"#, 1, 1).await;
    assert_eq!(b.read().await.unwrap().kind(), 4);
    a.publish("owntracks/dev-a/phone", r#"{"_type":"location","lat":1,"lon":2,"tst":1800000000}"#, 0, 0).await;
    assert_eq!(a.read().await.unwrap().message().0, "owntracks/dev-a/phone", "only its own comes back");
}

#[tokio::test]
async fn a_will_must_be_on_an_own_topic() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    for (level, code) in [(4, 5), (5, 0x87)] {
        let hello = Hello { level, will: Some(("v/van-b/gps", "x")), ..Hello::new(&user, &password) };
        assert_eq!(Client::hello(depot.addr, &hello).await.1.body[1], code);
        let hello = Hello { level, will: Some(("v/van-a/gps", "x")), ..Hello::new(&user, &password) };
        Client::enter(depot.addr, &hello).await;
    }
    assert_eq!(depot.refused("will"), 2);
}

#[tokio::test]
async fn a_will_is_published_when_the_connection_breaks_and_not_after_a_farewell() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let payload = fix(5);
    let hello = Hello { will: Some(("v/van-a/gps", &payload)), ..Hello::new(&user, &password) };
    let mut client = Client::enter(depot.addr, &hello).await;
    client.send(&[0xE0, 0]).await;
    assert!(client.closed().await.is_empty());
    let client = Client::enter(depot.addr, &hello).await;
    assert_eq!(depot.guard.stats().fixes, 0);
    drop(client);
    depot.until("the will", |d| d.guard.stats().fixes == 1).await;
}

#[tokio::test]
async fn a_client_holds_eight_filters_at_most() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    let filters: Vec<String> = (0..10).map(|i| format!("owntracks/dev-a/p{i}")).collect();
    let filters: Vec<&str> = filters.iter().map(String::as_str).collect();
    let codes = a.subscribe(&filters, 0).await;
    assert_eq!(codes, [0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x80]);
}

#[tokio::test]
async fn every_vehicle_is_said_to_be_offline_at_the_start() {
    const VEHICLES: usize = 300;
    let depot = Depot::with_vehicles(VEHICLES).await;
    let token = depot.reader().await;
    let mut board = Client::enter(depot.addr, &Hello::new("board", &token)).await;
    assert_eq!(board.subscribe(&["v/+/status"], 0).await, [0]);
    let mut offline = std::collections::HashSet::new();
    while offline.len() < VEHICLES {
        let packet = board.read().await.unwrap();
        let (topic, payload) = packet.message();
        assert!(packet.first & 1 == 1 && payload.contains(r#""online":false"#), "{topic} {payload}");
        offline.insert(topic);
    }
    let (user, password) = depot.device("1").await;
    let _van = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    let (topic, payload) = board.read().await.unwrap().message();
    assert!(topic == "v/van-1/status" && payload.contains(r#""online":true"#), "{topic} {payload}");
}

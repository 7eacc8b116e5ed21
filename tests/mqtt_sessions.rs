//! Connections: who gets in, who goes and with which word.

mod mqtt_support;
use depotd::auth::{NewToken, Role};
use depotd::model::Actor;
use mqtt_support::*;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[tokio::test]
async fn refused_with_the_right_code() {
    let depot = Depot::start().await;
    let (user, _) = depot.device("a").await;
    for (level, code) in [(4, 4), (5, 0x86)] {
        let (mut client, connack) = Client::hello(depot.addr, &Hello { level, ..Hello::new(&user, "wrong") }).await;
        assert_eq!(connack.body[1], code);
        assert!(client.closed().await.is_empty());
    }
    assert_eq!(depot.refused("credentials"), 2);
    let (_, connack) = Client::hello(depot.addr, &Hello { level: 6, ..Hello::new(&user, "x") }).await;
    assert_eq!(connack.body[1], 0x84);
    let (_, connack) = Client::hello(depot.addr, &Hello { level: 3, ..Hello::new(&user, "x") }).await;
    assert_eq!(connack.body[1], 1);
}

#[tokio::test]
async fn the_newest_session_of_a_device_wins() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let hello = Hello { level: 5, client_id: "one", ..Hello::new(&user, &password) };
    let mut first = Client::enter(depot.addr, &hello).await;
    let mut second = Client::enter(depot.addr, &Hello { client_id: "two", ..hello.clone() }).await;
    let told = first.closed().await;
    assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x8E)));
    second.ping().await;
    depot.until("only one is left", |d| d.guard.stats().sessions == 1).await;
    let view = depot.deps.fleet.get(&"van-a".parse().unwrap()).unwrap();
    assert!(view.online, "the old session's end is not the vehicle's");
}

#[tokio::test]
async fn a_client_id_is_bound_to_its_device_while_connected() {
    let depot = Depot::start().await;
    let ((ua, pa), (ub, pb)) = (depot.device("a").await, depot.device("b").await);
    let mut a = Client::enter(depot.addr, &Hello { client_id: "same", ..Hello::new(&ua, &pa) }).await;
    for (level, code) in [(4, 2), (5, 0x85)] {
        let hello = Hello { level, client_id: "same", ..Hello::new(&ub, &pb) };
        assert_eq!(Client::hello(depot.addr, &hello).await.1.body[1], code);
    }
    a.ping().await;
    a.send(&[0xE0, 0]).await;
    a.closed().await;
    Client::enter(depot.addr, &Hello { client_id: "same", ..Hello::new(&ub, &pb) }).await;
}

#[tokio::test]
async fn keep_alive_is_enforced_and_zero_means_never() {
    let depot = Depot::start().await;
    let ((ua, pa), (ub, pb)) = (depot.device("a").await, depot.device("b").await);
    let mut never = Client::enter(depot.addr, &Hello { keep_alive: 0, ..Hello::new(&ua, &pa) }).await;
    let mut silent = Client::enter(depot.addr, &Hello { level: 5, keep_alive: 1, ..Hello::new(&ub, &pb) }).await;
    let told = silent.closed().await;
    assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x8D)));
    assert_eq!(depot.refused("keep_alive"), 1);
    never.ping().await;
}

#[tokio::test]
async fn a_stop_says_so() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut client = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    #[expect(clippy::disallowed_methods, reason = "a test is its own app")]
    let reading = tokio::spawn(async move { client.closed().await });
    depot.stop().await;
    let told = reading.await.unwrap();
    assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x8B)));
}

#[tokio::test]
async fn too_large_or_malformed_ends_the_session_and_nothing_else() {
    let depot = Depot::start().await;
    let ((ua, pa), (ub, pb)) = (depot.device("a").await, depot.device("b").await);
    let mut other = Client::enter(depot.addr, &Hello::new(&ub, &pb)).await;
    let cases: [(&[u8], u8); 7] = [
        (&[0x30, 0xFF, 0xFF, 0x7F], 0x95),
        (&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1], 0x81),
        (&[0x20, 2, 0, 0], 0x82),
        (&[0xB0, 2, 0, 1], 0x82),
        (&[0x36, 3, 0, 1, b'a'], 0x81),
        (&[0x30, 5, 0, 2, b'a', b'+', 0], 0x90),
        (&[0x82, 3, 0, 1, 0], 0x81),
    ];
    for (bytes, code) in cases {
        let mut a = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&ua, &pa) }).await;
        a.send(bytes).await;
        let told = a.closed().await;
        assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, code)), "{bytes:?}");
    }
    other.ping().await;
    assert_eq!(depot.guard.stats().panics, 0);
}

#[tokio::test]
async fn a_session_is_resumed_truthfully() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let kept = Hello { clean: false, ..Hello::new(&user, &password) };
    let (mut client, connack) = Client::hello(depot.addr, &kept).await;
    assert_eq!(connack.body[0], 0, "nothing to resume");
    client.publish("v/van-a/gps", &fix(1), 2, 5).await;
    assert_eq!(client.read().await.unwrap().kind(), 5);
    drop(client);
    depot.until("it left", |d| d.guard.stats().sessions == 0).await;
    let (mut client, connack) = Client::hello(depot.addr, &kept).await;
    assert_eq!(connack.body[0], 1, "the QoS 2 state was kept");
    let again = client.publish_bytes("v/van-a/gps", &fix(2), 2, 5, 8);
    client.send(&again).await;
    assert_eq!(client.read().await.unwrap().kind(), 5);
    assert_eq!(depot.track("van-a").await, 1, "recognised as sent before");
    drop(client);
    depot.until("it left", |d| d.guard.stats().sessions == 0).await;
    let (client, connack) = Client::hello(depot.addr, &Hello { clean: true, ..kept.clone() }).await;
    assert_eq!(connack.body[0], 0);
    drop(client);
    for client_id in ["one", "two", "one"] {
        let (client, connack) = Client::hello(depot.addr, &Hello { client_id, ..kept.clone() }).await;
        assert_eq!(connack.body[0], 0, "a device has one session kept, however many client ids it uses");
        drop(client);
        depot.until("it left", |d| d.guard.stats().sessions == 0).await;
    }
}

#[tokio::test]
async fn nobody_holds_a_place_without_a_connect() {
    let mut config = mqtt_support::depot::config();
    config.mqtt.connect_timeout_s = 1;
    config.mqtt.max_connections_per_address = 3;
    let depot = Depot::with(config).await;
    let mut silent = [Client::open(depot.addr, 4).await, Client::open(depot.addr, 4).await, Client::open(depot.tls, 4).await];
    depot.until("all places are taken", |d| d.guard.stats().connections == 3).await;
    let mut one_more = Client::open(depot.addr, 4).await;
    assert!(one_more.closed().await.is_empty());
    assert_eq!(depot.refused("too_many_from_address"), 1);
    for client in &mut silent {
        assert!(client.closed().await.is_empty());
    }
    depot.until("the places are free", |d| d.guard.stats().connections == 0).await;
    let (user, password) = depot.device("a").await;
    Client::enter(depot.addr, &Hello::new(&user, &password)).await;
}

#[tokio::test]
async fn a_revoked_device_is_gone_within_a_second() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut client = Client::enter(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    let elsewhere = depotd::store::Db::open(depot.dir.path()).unwrap();
    let auth = depotd::auth::Auth::new(elsewhere, &depot.config.mqtt, depot.deps.clock.clone());
    auth.revoke_device(&user.parse().unwrap(), Actor::System).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(1), client.closed()).await.expect("within a second");
    assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x98)));
    let (_, connack) = Client::hello(depot.addr, &Hello { level: 5, ..Hello::new(&user, &password) }).await;
    assert_eq!(connack.body[1], 0x87);
    assert_eq!((depot.refused("kicked"), depot.refused("revoked")), (1, 1));
}

#[tokio::test]
async fn a_revoked_token_is_gone_within_a_second() {
    let depot = Depot::start().await;
    let (token, other) = (depot.reader().await, depot.reader().await);
    let hello = |id, token| Hello { level: 5, client_id: id, ..Hello::new("reader", token) };
    let mut boards = [Client::enter(depot.addr, &hello("one", &token)).await, Client::enter(depot.addr, &hello("two", &token)).await];
    let mut stays = Client::enter(depot.addr, &hello("three", &other)).await;
    let elsewhere = depotd::store::Db::open(depot.dir.path()).unwrap();
    let auth = depotd::auth::Auth::new(elsewhere, &depot.config.mqtt, depot.deps.clock.clone());
    auth.revoke_token(token.split('_').nth(1).unwrap(), Actor::System).await.unwrap();
    for board in &mut boards {
        let told = tokio::time::timeout(Duration::from_secs(1), board.closed()).await.expect("within a second");
        assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x98)));
    }
    assert_eq!(Client::hello(depot.addr, &hello("one", &token)).await.1.body[1], 0x86);
    stays.ping().await;
}

#[tokio::test]
async fn a_token_that_expires_takes_its_session_along() {
    let depot = Depot::start().await;
    let until = depot.deps.clock.now() + depotd::model::Span::from_secs(2);
    let new = NewToken {
        name: "short".into(),
        role: Role::Integration,
        scopes: vec!["positions:read".into()],
        customer: None,
        expires_at: Some(until),
    };
    let token = depot.deps.auth.add_token(new, Actor::System).await.unwrap().token;
    let hello = Hello { level: 5, ..Hello::new("reader", &token) };
    let told = Client::enter(depot.addr, &hello).await.closed().await;
    assert_eq!(told.last().map(|p| (p.first, p.body[0])), Some((0xE0, 0x98)));
    assert!(depot.deps.clock.now() >= until);
    assert_eq!(Client::hello(depot.addr, &hello).await.1.body[1], 0x86);
}

#[tokio::test]
async fn a_new_certificate_serves_new_handshakes_and_old_sessions_stay() {
    let depot = Depot::start().await;
    let ((ua, pa), (ub, pb)) = (depot.device("a").await, depot.device("b").await);
    let version = &rustls::version::TLS13;
    let mut old = tls::enter(&depot, version, &Hello::new(&ua, &pa)).await;
    let tls_dir = depot.dir.path().join("tls");
    std::fs::remove_file(tls_dir.join("leaf.json")).unwrap();
    depot.certificates.refresh(depot.deps.clock.now()).unwrap();
    let new = tls::enter(&depot, version, &Hello::new(&ub, &pb)).await;
    assert_ne!(tls::shown(&new), tls::shown(&old), "renewed");
    std::fs::write(tls_dir.join("leaf.pem"), "half a").unwrap();
    depot.certificates.refresh(depot.deps.clock.now()).unwrap_err();
    assert_eq!(tls::shown(&tls::handshake(&depot, version).await), tls::shown(&new), "what cannot be used changes nothing");
    old.write_all(&[0xC0, 0]).await.unwrap();
    assert_eq!(read_packet(&mut old).await.unwrap().kind(), 13);
}

#[tokio::test]
async fn an_empty_client_id_is_given_one() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let nameless = Hello { client_id: "", ..Hello::new(&user, &password) };
    Client::enter(depot.addr, &nameless).await.ping().await;
    assert_eq!(Client::hello(depot.addr, &Hello { clean: false, ..nameless.clone() }).await.1.body[1], 2);
    let (_, connack) = Client::hello(depot.addr, &Hello { level: 5, ..nameless }).await;
    assert!(connack.body.windows(7).any(|w| w[0] == 0x12 && &w[3..] == b"dev-"), "{connack:?}");
}

#[tokio::test]
async fn an_api_token_reads_positions_and_writes_nothing() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let token = depot.reader().await;
    let mut reader = Client::enter(depot.addr, &Hello { client_id: "board", ..Hello::new("reader", &token) }).await;
    assert_eq!(reader.subscribe(&["v/+/gps", "#", "v/+/cmd"], 1).await, [1, 0x80, 0x80]);
    let mut a = Client::enter(depot.addr, &Hello::new(&user, &password)).await;
    a.publish("v/van-a/gps", &fix(1), 1, 1).await;
    let copy = reader.read().await.unwrap();
    assert_eq!(copy.message(), ("v/van-a/gps".to_owned(), fix(1)));
    assert_eq!((copy.first >> 1) & 3, 1);
    reader.publish("v/van-a/gps", &fix(2), 1, 1).await;
    reader.puback(copy.pkid()).await;
    assert_eq!(reader.read().await.unwrap().kind(), 4);
    assert_eq!(depot.refused("publish_topic"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconnect_storm_is_cheap() {
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let hello = Hello::new(&user, &password);
    Client::enter(depot.addr, &hello).await;
    let storm = async {
        for _ in 0..500 {
            Client::enter(depot.addr, &hello).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), storm).await.expect("a verified secret is not hashed again");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// 100,000 cycles with `DEPOTD_SLOW=1`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connecting_and_leaving_leaks_nothing() {
    let cycles = if std::env::var_os("DEPOTD_SLOW").is_some() { 100_000 } else { 2_000 };
    let depot = Depot::start().await;
    let (user, password) = depot.device("a").await;
    let mut after_warm_up = 0;
    for cycle in 0..cycles {
        let id = format!("c{cycle}");
        let hello = Hello { client_id: &id, ..Hello::new(&user, &password) };
        let mut client = Client::enter(depot.addr, &hello).await;
        if cycle % 10 == 0 {
            client.subscribe(&["v/van-a/status", "v/van-a/cmd"], 0).await;
        }
        if cycle % 2 == 0 {
            client.send(&[0xE0, 0]).await;
        }
        drop(client);
        if cycle == cycles / 2 {
            after_warm_up = resident_kib();
        }
    }
    depot.until("all left", |d| d.guard.stats().connections == 0).await;
    let grown = resident_kib().saturating_sub(after_warm_up);
    assert!(grown < 4_096, "{grown} KiB more after the second half of {cycles} cycles");
    assert_eq!(depot.guard.stats().sessions_total, cycles);
}

/// Idle connections are cheap: both ends of them are in this process, so the bound is that of both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_costs_little() {
    const CONNECTIONS: usize = 400;
    let depot = Depot::start().await;
    let mut clients = Vec::with_capacity(CONNECTIONS);
    let mut before = 0;
    // Readers by one token: a session each, without hashing a password for each.
    let token = depot.reader().await;
    for i in 0..CONNECTIONS + 50 {
        let id = format!("n{i}");
        clients.push(Client::enter(depot.addr, &Hello { client_id: &id, ..Hello::new("reader", &token) }).await);
        if i == 49 {
            before = resident_kib();
        }
    }
    let each = (resident_kib() - before) * 1024 / CONNECTIONS as u64;
    println!("{each} bytes a connection");
    assert!(each < 14 * 1024, "{each} bytes a connection");
    tokio::time::timeout(Duration::from_secs(5), clients[0].ping()).await.unwrap();
}

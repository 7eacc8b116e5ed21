//! Signing in and out, and what strangers may not do: guess, forge, fill the disk, take every place.

mod common;

use common::http::{Answer, raw};
use common::{Depot, PASSWORD, until};
use reqwest::Method;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Another address of this machine.
fn address(n: u8) -> IpAddr {
    IpAddr::from([127, 0, 1, n])
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_for_the_consoles_own_pages() {
    let depot = Depot::start().await;
    let admin = depot.http();
    depot.new_user("bo", "viewer").await;
    let weak = admin.post("/api/v1/users", json!({"name": "al", "role": "king", "password": "short"})).await.problem(422);
    assert!(weak["errors"].as_array().unwrap().iter().any(|e| e["field"] == "role"), "{weak}");
    let nobody = depot.http_as("");
    nobody.sign_in("bo", "not that one").await.problem(401);
    let cookie = nobody.sign_in("bo", PASSWORD).await.cookie();
    let with_cookie = |method: Method, path: &str| nobody.request(method, path).header("cookie", &cookie);
    let me = Answer::of(with_cookie(Method::GET, "/api/v1/session")).await.ok();
    assert_eq!(me["user"], json!({"name": "bo", "role": "viewer"}));
    Answer::of(with_cookie(Method::GET, "/api/v1/bookings")).await.ok();
    Answer::of(with_cookie(Method::GET, "/api/v1/users")).await.problem(403);
    Answer::of(with_cookie(Method::DELETE, "/api/v1/session")).await.problem(403);
    let host = depot.address("http");
    for foreign in ["http://evil", &format!("https://{host}")] {
        Answer::of(with_cookie(Method::DELETE, "/api/v1/session").header("origin", foreign)).await.problem(403);
    }
    let closed = Answer::of(with_cookie(Method::DELETE, "/api/v1/session").header("origin", format!("http://{host}"))).await;
    assert_eq!(closed.status, 204, "{}", closed.text);
    Answer::of(with_cookie(Method::GET, "/api/v1/bookings")).await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_sign_nobody_in_and_set_nothing_up() {
    let depot = Depot::start_with(&["HTTP__HEADER_TIMEOUT_S=5"]).await;
    depot.new_user("bo", "viewer").await;
    let host = depot.address("http");
    let post = async |path: &str, headers: &str, body: &Value| {
        let body = body.to_string();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n{headers}");
        raw(&host, &format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await
    };
    let (own, other_scheme) = (format!("Origin: http://{host}\r\n"), format!("Origin: https://{host}\r\n"));
    let sign_in = json!({"name": "bo", "password": PASSWORD});
    let set_up = json!({"token": "x", "name": "bo", "password": PASSWORD});
    for (path, body, done) in [("/api/v1/session", &sign_in, 200), ("/api/v1/setup", &set_up, 401)] {
        for foreign in [&other_scheme, "Origin: http://evil\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
            assert_eq!(post(path, foreign, body).await, 403, "{path} {foreign}");
        }
        for ours in [&own, "", "Sec-Fetch-Site: same-origin\r\n"] {
            assert_eq!(post(path, ours, body).await, done, "{path} {ours}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_a_name_slow_down_the_guesser_and_not_its_owner() {
    let depot = Depot::start().await;
    depot.new_user("bo", "viewer").await;
    let nobody = depot.http_as("");
    let guesser = nobody.at_address(address(2));
    let slowed = until("the guesser to be slowed down", async || {
        let answer = guesser.sign_in("bo", "not that one").await;
        (answer.status == 429).then_some(answer)
    });
    let wait: u32 = slowed.await.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait} s");
    guesser.sign_in("bo", PASSWORD).await.problem(429);
    nobody.sign_in("bo", PASSWORD).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_guesses_through_a_known_proxy_slows_down_himself_and_not_all_behind_it() {
    let depot = Depot::start_with(&["HTTP__TRUSTED_PROXIES=[\"127.0.0.1\"]"]).await;
    depot.new_user("bo", "viewer").await;
    let proxy = depot.http_as("");
    let sign_in = async |client: &str, password: &str| {
        let request = proxy.request(Method::POST, "/api/v1/session").header("x-forwarded-for", format!("6.6.6.6, {client}"));
        Answer::of(request.json(&json!({"name": "bo", "password": password}))).await
    };
    until("the guesser to be slowed down", async || (sign_in("192.0.2.1", "not that one").await.status == 429).then_some(())).await;
    sign_in("192.0.2.2", PASSWORD).await.ok();
    sign_in("192.0.2.1", PASSWORD).await.problem(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_signs_in_is_turned_away_before_it_takes_all_cores() {
    let depot = Depot::start().await;
    let nobody = depot.http_as("");
    let mut crowd = JoinSet::new();
    for n in 1..=150 {
        let client = nobody.at_address(address(n));
        crowd.spawn(async move { client.sign_in("nobody", PASSWORD).await });
    }
    let answers = crowd.join_all().await;
    let away: Vec<_> = answers.iter().filter(|a| a.status == 503).collect();
    assert!(!away.is_empty() && answers.iter().all(|a| a.status == 401 || a.status == 503));
    assert!(away.iter().all(|a| a.headers["retry-after"] == "1"));
    let metrics = depot.http().get("/metrics").await.text;
    let counted = format!("depotd_sign_ins_turned_away_total {}\n", away.len());
    assert!(metrics.contains(&counted), "{counted} in\n{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_in_and_out_is_in_the_audit_record_and_failures_are_summed_up() {
    let mut depot = Depot::start().await;
    depot.new_user("bo", "viewer").await;
    let nobody = depot.http_as("");
    let fail = async |name: &str, n: u8| nobody.at_address(address(n)).sign_in(name, "not that one").await.problem(401);
    for n in 2..12 {
        fail("bo", n).await;
    }
    fail("my-password-in-the-wrong-field", 12).await;
    let cookie = nobody.sign_in("bo", PASSWORD).await.cookie();
    let origin = format!("http://{}", depot.address("http"));
    let out = nobody.request(Method::DELETE, "/api/v1/session").header("cookie", &cookie).header("origin", origin);
    assert_eq!(Answer::of(out).await.status, 204);
    let rows = |depot: &Depot| -> Vec<Value> {
        let mut rows = depot.command(&["audit", "list"]).as_array().unwrap().clone();
        rows.retain(|row| row["action"].as_str().unwrap().starts_with("session."));
        rows.reverse();
        rows
    };
    let seen = rows(&depot);
    let actions: Vec<_> = seen.iter().map(|row| (row["action"].as_str().unwrap(), row["actor"].as_str().unwrap())).collect();
    let (refused, opened, closed) = (("session.refuse", "system"), ("session.open", "user:bo"), ("session.close", "user:bo"));
    assert_eq!(actions, [refused, refused, opened, closed]);
    assert_eq!((&seen[0]["detail"]["failures"], &seen[0]["detail"]["users"]), (&1.into(), &json!({"bo": 1})));
    let rest = &seen[1]["detail"];
    assert_eq!((&rest["failures"], &rest["users"], &rest["networks"]["127.0.1.3"]), (&10.into(), &json!({"bo": 9}), &1.into()), "{rest}");
    assert_eq!(seen[2]["detail"]["network"], "127.0.0.1");
    fail("bo", 13).await;
    assert_eq!(rows(&depot).len(), 4, "another failure waits");
    assert!(depot.stop().await.success());
    assert_eq!(rows(&depot)[4]["detail"]["failures"], 1);
    assert_eq!(depot.command(&["audit", "verify"])["sound"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_session_is_dead_after_another_sign_in() {
    let depot = Depot::start().await;
    depot.new_user("bo", "viewer").await;
    let nobody = depot.http_as("");
    let old = nobody.sign_in("bo", PASSWORD).await.cookie();
    let elsewhere = nobody.sign_in("bo", PASSWORD).await.cookie();
    let again = nobody.request(Method::POST, "/api/v1/session").header("cookie", &old).header("sec-fetch-site", "same-origin");
    let new = Answer::of(again.json(&json!({"name": "bo", "password": PASSWORD}))).await.cookie();
    let shown = async |cookie: &str| Answer::of(nobody.request(Method::GET, "/api/v1/bookings").header("cookie", cookie)).await;
    shown(&old).await.problem(401);
    shown(&new).await.ok();
    shown(&elsewhere).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_may_send_little() {
    let depot = Depot::start().await;
    let nobody = depot.http_as("");
    let long = "x".repeat(8 * 1024);
    nobody.sign_in("bo", &long).await.problem(413);
    let host = depot.address("http");
    let chunk = format!("{:x}\r\n{long}\r\n", long.len());
    let head = format!("POST /api/v1/setup HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n");
    assert_eq!(raw(&host, &format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n")).await, 413);
    depot.http().post("/api/v1/quotes", json!({"notes": long})).await.problem(422);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_cannot_take_every_connection() {
    let depot = Depot::start_with(&["HTTP__MAX_CONNECTIONS_PER_ADDRESS=3"]).await;
    let server: SocketAddr = depot.address("http").parse().unwrap();
    let connect = async |n: u8| -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address(n), 0)).unwrap();
        socket.connect(server).await.unwrap()
    };
    let ask = async |stream: &mut TcpStream| {
        let mut answer = [0; 12];
        let sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: depot\r\n\r\n").await;
        let read = tokio::time::timeout(common::PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer or an end");
        sent.and(read).is_ok_and(|_| answer == *b"HTTP/1.1 200")
    };
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(2).await;
        assert!(ask(&mut stream).await);
        open.push(stream);
    }
    assert!(!ask(&mut connect(2).await).await, "a fourth is closed");
    assert!(ask(&mut connect(3).await).await, "another address is served");
    open.pop();
    until("the place to come back", async || ask(&mut connect(2).await).await.then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_for_this_machine_and_not_for_what_came_through_a_proxy_on_it() {
    let depot = Depot::start().await;
    let nobody = depot.http_as("");
    assert_eq!(nobody.get("/metrics").await.status, 200);
    for (name, value) in
        [("x-forwarded-for", "10.0.0.9"), ("forwarded", "for=10.0.0.9"), ("x-real-ip", "10.0.0.9"), ("via", "1.1 proxy"), ("via", "")]
    {
        Answer::of(nobody.request(Method::GET, "/metrics").header(name, value)).await.problem(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_sees_that_others_can_read_the_data() {
    let depot = Depot::start_with(&["HTTP__LISTEN=127.0.0.1:0", "MQTT__LISTEN=127.0.0.1:0", "MQTT__TLS_LISTEN="]).await;
    let data = depot.data_dir();
    let finding = |depot: &Depot| {
        let all = depot.diagnosis();
        all.as_array().unwrap().iter().find(|f| f["what"] == "permissions").unwrap().clone()
    };
    assert_eq!(finding(&depot)["ok"], true, "{}", finding(&depot));
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let open = finding(&depot);
    let says = open["says"].as_str().unwrap();
    assert!(open["ok"] == false && says.ends_with(&format!("`chmod -R go= {}`", data.display())), "{open}");
}

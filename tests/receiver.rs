//! `depotd receive` and what strangers, and depots that went wrong, send it: it says no, says why, and goes on serving the others.

mod common;
mod upstream_support;

use depotd::batch::{Batch, Span};
use depotd::clock::Clock;
use depotd::model::{Lane, Timestamp};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upstream_support::PATIENCE;
use upstream_support::office::{HeadOffice, TOKEN};
use upstream_support::postgres::Postgres;

const DAY_MS: i64 = 86_400_000;

fn span(depot: &str, lane: Lane, first: i64, last: i64) -> Span {
    Span { depot: depot.to_owned(), epoch: "e".to_owned(), epoch_from: 1, lane, first, last }
}

/// Posts `lines` as what `span` covers; says what came back.
async fn post(office: &HeadOffice, span: Span, lines: &str) -> (StatusCode, Value) {
    let batch = Batch::pack(span, lines.lines().count() as u64, 0, lines.as_bytes()).unwrap();
    let span = &batch.span;
    let request = reqwest::Client::new()
        .post(format!("http://{}/v1/depots/{}/batches", office.addr, span.depot))
        .bearer_auth(TOKEN)
        .header("content-encoding", "zstd")
        .header("depot-epoch", &span.epoch)
        .header("depot-epoch-from", span.epoch_from)
        .header("depot-lane", span.lane.as_str())
        .header("depot-first-seq", span.first)
        .header("depot-last-seq", span.last)
        .header("depot-records", batch.records)
        .body(batch.body.clone());
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap_or_default())
}

fn track(seq: i64, ts: i64) -> String {
    format!(
        "{{\"seq\":{seq},\"type\":\"track\",\"vehicle\":\"van\",\"ts_ms\":[{ts}],\"delay_ms\":[0],\"lat_e7\":[425000000],\"lon_e7\":[15000000]}}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fix_of_a_day_to_come_is_not_in_that_days_way() {
    let postgres = Postgres::start();
    let office = HeadOffice::start(&postgres, "d").await;
    let now = Clock::system().now().as_millis();
    let days = [-500, 0, 3, 500].map(|day| now + day * DAY_MS);
    let lines: String = (1..).zip(days).map(|(seq, ts)| track(seq, ts)).collect();
    assert_eq!(post(&office, span("d", Lane::History, 1, 4), &lines).await.0, StatusCode::OK);
    assert_eq!(office.number("select count(*) from depotd.fixes").await, 4);
    assert_eq!(office.number("select count(*) from depotd.fix").await, 1);
    // The day is there: somebody makes its partition.
    for ts in days.into_iter().skip(2) {
        let day = |ts: i64| depotd::batch::day_of(Timestamp::from_millis(ts));
        let (from, to) = (day(ts), day(ts + DAY_MS));
        let sql = format!(
            "create table depotd.fix_{} partition of depotd.fix for values from ('{from} 00:00+00') to ('{to} 00:00+00')",
            from.replace('-', "")
        );
        office.change(&sql).await;
    }
    // Nobody keeps in mind that a partition is there: it may be gone by now.
    let today = depotd::batch::day_of(Timestamp::from_millis(now)).replace('-', "");
    office.change(&format!("drop table depotd.fix_{today}")).await;
    assert_eq!(post(&office, span("d", Lane::History, 5, 5), &track(5, now)).await.0, StatusCode::OK);
}

fn gap(seq: i64) -> String {
    format!("{{\"seq\":{seq},\"type\":\"gap\",\"first\":{seq},\"last\":{seq},\"reason\":\"age\"}}\n")
}

fn row(seq: i64, key: &str, columns: &str) -> String {
    format!("{{\"seq\":{seq},\"type\":\"row\",\"table\":\"bookings\",\"key\":[\"{key}\"],\"row\":{columns}}}\n")
}

async fn get(office: &HeadOffice, path: &str) -> (StatusCode, String) {
    let answer = reqwest::Client::new().get(format!("http://{}{path}", office.addr)).bearer_auth(TOKEN).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// A batch whose body begins and does not end.
async fn begin(office: &HeadOffice, token: &str) -> TcpStream {
    let mut stream = TcpStream::connect(office.addr).await.unwrap();
    let head = format!(
        "POST /v1/depots/d/batches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-encoding: zstd\r\ncontent-length: 900000\r\n\r\nbegun"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn status(stream: &mut TcpStream) -> String {
    let mut line = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut line)).await.expect("no answer").unwrap();
    String::from_utf8_lossy(&line).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_sent_away_before_the_body_and_a_dead_line_gives_way() {
    let postgres = Postgres::start();
    let office = HeadOffice::start(&postgres, "d").await;
    assert_eq!(status(&mut begin(&office, "somebody's").await).await, "HTTP/1.1 401");
    let mut dead = begin(&office, TOKEN).await;
    // Until it is being read: a batch that is sent meanwhile ends it.
    let overtaken = async {
        let mut seq = 0;
        loop {
            seq += 1;
            assert_eq!(post(&office, span("d", Lane::Dispatch, seq, seq), &gap(seq)).await.0, StatusCode::OK);
            if let Ok(said) = tokio::time::timeout(std::time::Duration::from_millis(50), status(&mut dead)).await {
                return said;
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, overtaken).await.expect("it holds its place"), "HTTP/1.1 408");
    let large = vec![0_u8; 2 << 20];
    let request = reqwest::Client::new().post(format!("http://{}/v1/depots/d/batches", office.addr)).bearer_auth(TOKEN).body(large);
    assert_eq!(request.send().await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_cost_no_connection_to_the_database_and_a_new_token_counts_at_once() {
    let postgres = Postgres::start();
    let office = HeadOffice::start(&postgres, "d").await;
    assert_eq!(get(&office, "/v1/depots/d/cursors").await.0, StatusCode::OK);
    let began = "select max(backend_start)::text from pg_stat_activity where application_name = 'depotd' and datname = current_database()";
    let before: String = office.client.query_one(began, &[]).await.unwrap().get(0);
    for path in ["/v1/depots/a%00/cursors", "/v1/depots/%C3%A9/cursors", "/v1/depots/e/cursors"] {
        for _ in 0..3 {
            assert_eq!(get(&office, path).await.0, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    // What the database does not take is told, and costs no connection either.
    assert_eq!(get(&office, "/v1/depots/d/rows/a%00").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    office.change(&format!("insert into depotd.depot (id, token_hash) values ('e', '{}')", depotd::receive::token_hash(TOKEN))).await;
    assert_eq!(get(&office, "/v1/depots/e/cursors").await.0, StatusCode::OK);
    let after: String = office.client.query_one(began, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_never_be_stored_is_refused_with_its_cause() {
    let postgres = Postgres::start();
    let office = HeadOffice::start(&postgres, "d").await;
    let event = |data: &str| {
        format!(
            "{{\"seq\":1,\"type\":\"event\",\"journal_seq\":1,\"at\":\"2026-05-30T00:00:00Z\",\"kind\":\"command.applied\",\"actor\":\"system\",\"data\":{data}}}\n"
        )
    };
    let deep = event(&format!("{}{}", "[".repeat(50_000), "]".repeat(50_000)));
    let (status, said) = post(&office, span("d", Lane::Bookings, 1, 1), &deep).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
    assert!(said["detail"].as_str().unwrap().contains("stack depth"), "{said}");
    let refused = async |lane: Lane, span_of: Span, line: &str, why: &str| {
        let (status, said) = post(&office, Span { lane, ..span_of }, line).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{line}: {said}");
        assert!(said["detail"].as_str().unwrap().contains(why), "{line}: {said}");
    };
    let usual = || span("d", Lane::Bookings, 1, 1);
    refused(Lane::Bookings, Span { epoch_from: i64::MAX, ..usual() }, &gap(1), "2^62").await;
    refused(Lane::Bookings, Span { last: i64::MAX, ..usual() }, &gap(1), "2^62").await;
    for ts in [100_000_000_000_000_000, i64::MAX, i64::MIN] {
        refused(Lane::History, usual(), &track(1, ts), "years 1 to 9999").await;
    }
    refused(Lane::Bookings, usual(), &track(1, 1), "no record of lane bookings").await;
    refused(Lane::Bookings, usual(), &row(1, "k", "{\"a\":[0]}"), "null, a boolean, a number or a text").await;
    let many: String = (1..=100_001).map(gap).collect();
    refused(Lane::Dispatch, Span { last: 100_001, ..usual() }, &many, "100000 lines").await;

    let bare = reqwest::Client::new().get(format!("http://{}/v1/depots/d/receipts", office.addr)).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!((bare.status(), &bare.headers()["content-type"]), (StatusCode::BAD_REQUEST, &"application/problem+json".parse().unwrap()));
    assert!(bare.json::<Value>().await.unwrap()["detail"].as_str().unwrap().contains("epoch"));

    // What only looks bad is stored, many at once too.
    assert_eq!(post(&office, usual(), &event("{\"cmd_id\":\"a\\u0000\",\"b\":\"\\\\u0000\"}")).await.0, StatusCode::OK);
    assert_eq!(office.number("select count(*) from depotd.event where data->>'b' = '\\u0000'").await, 1);
    let many: String = (1..=100_000).map(gap).collect();
    assert_eq!(post(&office, span("d", Lane::Dispatch, 1, 100_000), &many).await.0, StatusCode::OK);
    assert_eq!(office.number("select count(*) from depotd.gap").await, 100_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_answer_to_an_order_stands_beside_it() {
    let postgres = Postgres::start();
    let office = HeadOffice::start(&postgres, "d").await;
    office.client.execute("select depotd.order_depot('d', 'one', '{}', 's')", &[]).await.unwrap();
    let answer = |seq: i64, outcome: &str, data: &str| {
        format!(
            "{{\"seq\":{seq},\"type\":\"event\",\"journal_seq\":{seq},\"at\":\"2026-05-30T00:00:00Z\",\"kind\":\"command.{outcome}\",\"actor\":\"system\",\"data\":{data}}}\n"
        )
    };
    let digest = depotd::batch::digest("{}");
    let lines = [
        answer(1, "rejected", "{\"cmd_id\":\"one\"}"),
        answer(2, "applied", "{\"cmd_id\":\"one\",\"n\":2}"),
        answer(3, "refused", &format!("{{\"digest\":\"{digest}\"}}")),
    ];
    assert_eq!(post(&office, span("d", Lane::Bookings, 1, 3), &lines.concat()).await.0, StatusCode::OK);
    assert_eq!(office.number("select count(*) from depotd.command where outcome = 'applied' and result->>'n' = '2'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_depots_nonsense_breaks_no_view() {
    let postgres = Postgres::start();
    let office = HeadOffice::start(&postgres, "d").await;
    let good = "{\"number\":7,\"price_minor\":-5,\"pickup_lat\":42.5,\"pickup_at\":1780000000000,\"picked_up_at\":1780000000000}";
    let long = "9".repeat(40);
    let nonsense = ["\"abc\"".to_owned(), "\"\"".to_owned(), "1e300".to_owned(), long, "9223372036854775807".to_owned(), "true".to_owned()];
    let names =
        ["number", "price_minor", "version", "pickup_lat", "dropoff_lon", "pickup_at", "pickup_until", "picked_up_at", "delivered_at"];
    let mut lines = row(1, "good", good);
    for (seq, value) in (2..).zip(&nonsense) {
        let columns = names.map(|name| format!("\"{name}\":{value}")).join(",");
        lines += &row(seq, &format!("bad{seq}"), &format!("{{{columns}}}"));
    }
    assert_eq!(post(&office, span("d", Lane::Bookings, 1, 7), &lines).await.0, StatusCode::OK);
    let rows = office.client.query("select * from depotd.bookings", &[]).await.unwrap();
    assert_eq!(rows.len(), 7);
    let sql = "select count(*) from depotd.bookings where number = 7 and price_minor = -5 and pickup_lat = 42.5
               and pickup_at = to_timestamp(1780000000)";
    assert_eq!(office.number(sql).await, 1);
    assert_eq!(office.number("select sum(picked_up)::bigint from depotd.on_time").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_the_record_are_short_and_complete() {
    let postgres = Postgres::start();
    let office = HeadOffice::start(&postgres, "d").await;
    let text = "x".repeat(1_500_000);
    let event = |seq: i64| {
        format!(
            "{{\"seq\":{seq},\"type\":\"event\",\"journal_seq\":{seq},\"at\":\"2026-05-30T00:00:00Z\",\"kind\":\"k\",\"actor\":\"system\",\"data\":[\"{text}\"]}}\n"
        )
    };
    let lines: String =
        (1..=5).map(event).chain((6..=10).map(|seq| row(seq, &format!("k{seq}"), &format!("{{\"a\":\"{text}\"}}")))).collect();
    assert_eq!(post(&office, span("d", Lane::Bookings, 1, 10), &lines).await.0, StatusCode::OK);
    let (mut seqs, mut after) = (Vec::new(), String::new());
    loop {
        let (status, text) = get(&office, &format!("/v1/depots/d/record{after}")).await;
        assert_eq!(status, StatusCode::OK);
        assert!(text.len() < 3_500_000, "a page of {} bytes", text.len());
        let page: Value = serde_json::from_str(&text).unwrap();
        for line in page["lines"].as_array().unwrap() {
            let line: Value = serde_json::from_str(line.as_str().unwrap()).unwrap();
            seqs.extend(line["seq"].as_i64().filter(|seq| *seq > 0));
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("?after={}", next.replace('"', "%22").replace('[', "%5B").replace(']', "%5D"));
    }
    // Rows come by their keys: k10 is before k6.
    assert_eq!(seqs, [1, 2, 3, 4, 5, 10, 6, 7, 8, 9]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_tls_is_told_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hears = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = [0; 8];
        stream.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked[4..], 80_877_103_u32.to_be_bytes(), "no request for TLS");
        stream.write_all(b"N").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let url = format!("postgres://bob:secret@db.example.com:{port}/depots?hostaddr=127.0.0.1");
    let tls = depotd::upstream::sink::tls::trusting(None).unwrap();
    let both = async { tokio::join!(hears, depotd::office::Office::open(&url, None, tls)) };
    let (heard, opened) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    assert!(opened.is_err_and(|error| error.to_string().contains("TLS")));
    assert_eq!(heard, b"");
}

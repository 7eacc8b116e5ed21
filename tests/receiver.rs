//! `depotd receive` and what strangers, and depots that went wrong, send it: it says no, says why, and goes on serving the others.

mod upstream_support;

use depotd::batch::{Batch, Span};
use depotd::clock::Clock;
use depotd::model::{Lane, Timestamp};
use reqwest::StatusCode;
use serde_json::Value;
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

//! Receipts and what a comparison names: records and rows that somebody changed in head office's PostgreSQL by hand.

mod common;
mod upstream_support;

use depotd::model::{Day, Lane, RowDifference, Verified};
use depotd::sim::rng::Rng;
use depotd::store;
use depotd::upstream::{Holdings, Outgoing, sink, verify};
use std::time::Duration;
use upstream_support::office::{HeadOffice, TOKEN};
use upstream_support::postgres::Postgres;
use upstream_support::{Truths, settings};

const LANES: [Lane; 4] = Lane::ALL;

/// A depot that told everything, and the settings of its line.
async fn told(postgres: &Postgres, dir: &std::path::Path) -> (Truths, HeadOffice, depotd::config::Upstream) {
    let office = HeadOffice::start(postgres, "d").await;
    std::fs::write(dir.join("token"), TOKEN).unwrap();
    let mut settings = settings("d", &format!("http://{}", office.addr));
    settings.sinks[0].secret_file = Some(dir.join("token"));
    settings.timeout_ms = 10_000;
    let (mut truths, mut rng) = (Truths::open(dir), Rng::new(7, 7));
    truths.live(&mut rng, 60).await;
    truths.drive(&mut rng, 60).await;
    let rounds = |tx: &rusqlite::Transaction<'_>| -> store::Result<()> {
        for n in 0..10 {
            tx.execute("insert into rounds (booking_id, at, record) values ('b', ?1, '{\"x\":\"\\u0000\"}')", [1_780_000_000_000_i64 + n])?;
        }
        Ok(())
    };
    truths.db.write(rounds).await.unwrap();
    truths.drain(&settings).await;
    (truths, office, settings)
}

async fn compared(truths: &Truths, settings: &depotd::config::Upstream) -> Verified {
    let outgoing = Outgoing {
        db: truths.db.clone(),
        tracks: truths.tracks.clone(),
        fleet: truths.fleet.clone(),
        clock: truths.clock.clone(),
        depot: "d".to_owned(),
        credentials: false,
        history: depotd::model::Span::from_secs(14 * 86_400),
    };
    let mut sink = sink::open(&settings.sinks[0], "d", Duration::from_secs(10), &truths.clock).unwrap();
    verify(&outgoing, &mut *sink, &LANES).await.unwrap()
}

/// Numbers that a comparison named: missing, unknown, changed.
fn named(found: &Verified, lane: Lane) -> [Vec<i64>; 3] {
    let of = |pick: fn(&depotd::model::Difference) -> &Vec<i64>| -> Vec<i64> {
        found.differences.iter().filter(|d| d.lane == lane).flat_map(pick).copied().collect()
    };
    [of(|d| &d.missing), of(|d| &d.unknown), of(|d| &d.changed)]
}

fn none() -> [Vec<i64>; 3] {
    [vec![], vec![], vec![]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_by_hand_is_named_and_nothing_else() {
    let (postgres, dir) = (Postgres::start(), tempfile::tempdir().unwrap());
    let (truths, office, settings) = told(&postgres, dir.path()).await;
    let found = compared(&truths, &settings).await;
    assert!(found.differences.is_empty() && found.row_differences.is_empty(), "{found:?}");
    assert!(found.records > 120 && found.rows > 5 && found.days >= 2, "{found:?}");
    // The same without a receiver.
    let mut direct = settings.clone();
    (direct.sinks[0].url, direct.sinks[0].secret_file) = (office.url.clone(), None);
    assert_eq!(compared(&truths, &direct).await.records, found.records);

    let second = |table: &str, column: &str| format!("(select {column} from depotd.{table} order by seq offset 1 limit 1)");
    let changed = office.number(&format!("select {}", second("event", "seq"))).await;
    assert_eq!(office.change(&format!("update depotd.event set data = '{{\"n\": 0}}' where seq = {changed}")).await, 1);
    let gone = office.number(&format!("select {}", second("audit", "seq"))).await;
    assert_eq!(office.change(&format!("delete from depotd.audit where seq = {gone}")).await, 1);
    let strange = "insert into depotd.audit select depot, epoch, 0, audit_seq, at, actor, action, object, detail, previous, hash
                   from depotd.audit order by seq limit 1";
    assert_eq!(office.change(strange).await, 1);
    let round = office.number(&format!("select {}", second("round", "seq"))).await;
    assert_eq!(office.change(&format!("update depotd.round set booking_id = 'c' where seq = {round}")).await, 1);
    let moved = office.number("select run_seq from depotd.fix order by run_seq limit 1").await;
    let sql = format!(
        "update depotd.fix set lat = lat + 0.0001 where run_seq = {moved} and ts = (select min(ts) from depotd.fix where run_seq = {moved})"
    );
    assert!(office.change(&sql).await >= 1);
    let user: String =
        office.client.query_one("select key from depotd.row where row is not null order by key limit 1", &[]).await.unwrap().get(0);
    let sql = format!("update depotd.row set row = replace(row::text, 'viewer', 'admin')::json where key = '{user}'");
    assert_eq!(office.change(&sql).await, 1);
    let lost: String = office.client.query_one("select max(key) from depotd.row where row is not null", &[]).await.unwrap().get(0);
    assert_eq!(office.change(&format!("delete from depotd.row where key = '{lost}'")).await, 1);
    assert_eq!(office.change("insert into depotd.row values ('d', 'users', '[\"nobody\"]', 'e', 1, '{\"name\":\"nobody\"}')").await, 1);

    for found in [compared(&truths, &settings).await, compared(&truths, &direct).await] {
        assert_eq!(named(&found, Lane::Bookings), [vec![gone], vec![0], vec![changed]], "{found:?}");
        assert_eq!(named(&found, Lane::Dispatch), [vec![], vec![], vec![round]], "{found:?}");
        assert_eq!(named(&found, Lane::History), [vec![], vec![], vec![moved]], "{found:?}");
        let unknown = vec!["[\"nobody\"]".to_owned()];
        let rows = RowDifference { table: "users".into(), missing: vec![lost.clone()], unknown, changed: vec![user.clone()] };
        assert_eq!(found.row_differences, [rows]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_retention_took_and_what_is_not_sent_yet_is_no_difference() {
    let (postgres, dir) = (Postgres::start(), tempfile::tempdir().unwrap());
    let (mut truths, _office, settings) = told(&postgres, dir.path()).await;
    let forget = |tx: &rusqlite::Transaction<'_>| -> store::Result<()> {
        tx.execute("delete from rounds where seq <= 4", [])?;
        Ok(())
    };
    truths.db.write(forget).await.unwrap();
    // Later changes, among them of rows that head office knows.
    truths.live(&mut Rng::new(8, 8), 40).await;
    let found = compared(&truths, &settings).await;
    assert_eq!((named(&found, Lane::Bookings), named(&found, Lane::Dispatch)), (none(), none()), "{found:?}");
    assert!(found.row_differences.is_empty(), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_counts_what_a_day_holds() {
    let dir = tempfile::tempdir().unwrap();
    let (mut truths, mut rng) = (Truths::open(dir.path()), Rng::new(3, 3));
    truths.live(&mut rng, 30).await;
    let holdings = Holdings { db: truths.db.clone(), tracks: truths.tracks.clone(), credentials: false };
    let today = Day::of(truths.clock.now(), "UTC");
    let receipts = async |from: &Day, to: &Day| holdings.receipts(&[Lane::Bookings], from, to).await.unwrap();
    let first = receipts(&today.previous(), &today.next()).await;
    let sum: u64 = first.iter().map(|r| r.receipt.records).sum();
    let late: i64 = truths
        .db
        .read(|c| -> store::Result<i64> { Ok(c.query_row("select count(*) from outbox where lane = 1", [], |r| r.get(0))?) })
        .await
        .unwrap();
    assert_eq!(sum.cast_signed(), 60 - late, "events and audit entries");
    assert!(receipts(&today.next().next(), &today.next().next()).await.is_empty());
    truths.live(&mut rng, 1).await;
    assert_ne!(receipts(&today.previous(), &today.next()).await, first);
}

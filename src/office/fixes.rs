//! The history and the latest places: many rows, so they go by COPY and by arrays.

use super::Result;
use super::values::instant;
use crate::batch::{Digest, Place, Span, Track, plain, plain_json, sum_of};
use crate::model::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::SystemTime;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{Json, ToSql, Type};
use tokio_postgres::{Client, Transaction};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// A day that is over longer has no partition of its own.
const OLDEST: i64 = 400;
/// A day that comes later has none: a device's clock may say anything.
const NEWEST: i64 = 2;

/// The days (since 1970, UTC) that have partitions of their own. It goes by PostgreSQL's clock: nobody who only sends says what day it is.
pub(super) struct Days(RangeInclusive<i64>);

/// A track with its number and its digest.
pub(super) struct Numbered {
    pub seq: i64,
    pub track: Track,
    pub digest: Digest,
}

/// The types of a fix's columns.
const COLUMNS: [Type; 15] = [
    Type::TEXT,
    Type::TEXT,
    Type::TIMESTAMPTZ,
    Type::TIMESTAMPTZ,
    Type::FLOAT8,
    Type::FLOAT8,
    Type::FLOAT4,
    Type::FLOAT4,
    Type::FLOAT4,
    Type::FLOAT4,
    Type::BOOL,
    Type::INT2,
    Type::JSON,
    Type::TEXT,
    Type::INT8,
];

fn date(day: i64) -> String {
    crate::batch::day_of(Timestamp::from_millis(day.saturating_mul(DAY_MS)))
}

/// The partition's name.
fn name(day: i64) -> String {
    format!("fix_{}", date(day).replace('-', ""))
}

fn day(fix: &Place) -> i64 {
    fix.ts.div_euclid(DAY_MS)
}

/// Sees to it that each day of `tracks` that is to have a partition has one. Each is made in a transaction of its own: it locks the
/// whole table, for a moment.
pub(super) async fn make_partitions(client: &mut Client, tracks: &[Numbered]) -> Result<Days> {
    let today: i64 = client.query_one("select floor(extract(epoch from now()) / 86400)::bigint", &[]).await?.get(0);
    let own = Days(today - OLDEST..=today + NEWEST);
    let days: BTreeSet<i64> = tracks.iter().flat_map(|n| &n.track.fixes).map(day).filter(|day| own.0.contains(day)).collect();
    let (days, names): (Vec<i64>, Vec<String>) = days.into_iter().map(|day| (day, name(day))).unzip();
    let sql = "select day from unnest($1::bigint[], $2::text[]) as wanted (day, name) where to_regclass('depotd.' || name) is null";
    for row in client.query(sql, &[&days, &names]).await? {
        make_partition(client, row.get(0)).await?;
    }
    Ok(own)
}

async fn make_partition(client: &mut Client, day: i64) -> Result<()> {
    let tx = client.transaction().await?;
    tx.execute("select pg_advisory_xact_lock(hashtextextended('depotd.fix', 0))", &[]).await?;
    let (name, from, to) = (name(day), date(day), date(day + 1));
    let sql = format!(
        "create table if not exists depotd.{name} partition of depotd.fix for values from ('{from} 00:00+00') to ('{to} 00:00+00')"
    );
    tx.batch_execute(&sql).await?;
    Ok(tx.commit().await?)
}

pub(super) async fn tracks(tx: &Transaction<'_>, span: &Span, own: &Days, tracks: &[Numbered]) -> Result<()> {
    let sql = "insert into depotd.run (depot, epoch, seq, vehicle, first_ts, last_ts, fixes, digest, sum)
               select $1, $2, seq, vehicle, first_ts, last_ts, fixes, digest, sum from
               unnest($3::bigint[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::integer[], $8::bytea[], $9::bigint[])
               as t (seq, vehicle, first_ts, last_ts, fixes, digest, sum)";
    let seqs: Vec<i64> = tracks.iter().map(|n| n.seq).collect();
    let vehicles: Vec<&str> = tracks.iter().map(|n| n.track.vehicle.as_str()).collect();
    let edge = |of: fn(&[Place]) -> Option<&Place>| -> Vec<SystemTime> {
        tracks.iter().map(|n| instant(of(&n.track.fixes).map_or(0, |fix| fix.ts))).collect()
    };
    let (first, last) = (edge(<[Place]>::first), edge(<[Place]>::last));
    let counts: Vec<i32> = tracks.iter().map(|n| i32::try_from(n.track.fixes.len()).unwrap_or(i32::MAX)).collect();
    let digests: Vec<&[u8]> = tracks.iter().map(|n| &n.digest.0[..]).collect();
    let sums: Vec<i64> = tracks.iter().map(|n| sum_of(&n.track)).collect();
    tx.execute(sql, &[&span.depot, &span.epoch, &seqs, &vehicles, &first, &last, &counts, &digests, &sums]).await?;

    let (within, stray): (Vec<_>, Vec<_>) =
        tracks.iter().flat_map(|n| n.track.fixes.iter().map(move |fix| (n, fix))).partition(|(_, fix)| own.0.contains(&day(fix)));
    copy(tx, "fix", span, &within).await?;
    copy(tx, "fix_stray", span, &stray).await
}

async fn copy(tx: &Transaction<'_>, table: &str, span: &Span, fixes: &[(&Numbered, &Place)]) -> Result<()> {
    if fixes.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "copy depotd.{table} (depot, vehicle, ts, received, lat, lon, speed_kmh, course, accuracy_m, battery, ignition, flags, extras, epoch, run_seq)
         from stdin (format binary)"
    );
    let writer = BinaryCopyInWriter::new(tx.copy_in(&sql).await?, &COLUMNS);
    tokio::pin!(writer);
    for (Numbered { seq, track, .. }, fix) in fixes {
        let vehicle = track.vehicle.as_str();
        let (ts, received, flags) = (instant(fix.ts), instant(fix.received), i16::from(fix.flags));
        let extras = fix.extras.as_deref().map(extras);
        let row: [&(dyn ToSql + Sync); 15] = [
            &span.depot,
            &vehicle,
            &ts,
            &received,
            &fix.lat,
            &fix.lon,
            &fix.speed_kmh,
            &fix.course,
            &fix.accuracy_m,
            &fix.battery,
            &fix.ignition,
            &flags,
            &extras,
            &span.epoch,
            seq,
        ];
        writer.as_mut().write(&row).await?;
    }
    writer.finish().await?;
    Ok(())
}

/// A format's attributes; what is no JSON is kept as text.
fn extras(text: &str) -> Json<serde_json::Value> {
    let text = plain_json(text);
    Json(serde_json::from_str(&text).unwrap_or_else(|_| plain(&text).into()))
}

pub(super) async fn positions(tx: &Transaction<'_>, depot: &str, positions: &[Place]) -> Result<()> {
    // The newest of each vehicle: one statement cannot change a row twice.
    let mut newest: BTreeMap<&str, &Place> = BTreeMap::new();
    for place in positions {
        let Some(vehicle) = &place.vehicle else { continue };
        let kept = newest.entry(vehicle.as_str()).or_insert(place);
        if kept.ts <= place.ts {
            *kept = place;
        }
    }
    let places: Vec<&Place> = newest.values().copied().collect();
    let vehicles: Vec<&str> = newest.keys().copied().collect();
    let time = |of: fn(&Place) -> i64| places.iter().map(|p| instant(of(p))).collect::<Vec<_>>();
    let real = |of: fn(&Place) -> Option<f32>| places.iter().map(|p| of(p)).collect::<Vec<_>>();
    let degrees = |of: fn(&Place) -> f64| places.iter().map(|p| of(p)).collect::<Vec<_>>();
    let (ts, received) = (time(|p| p.ts), time(|p| p.received));
    let (lat, lon) = (degrees(|p| p.lat), degrees(|p| p.lon));
    let (speed, course, accuracy, battery) = (real(|p| p.speed_kmh), real(|p| p.course), real(|p| p.accuracy_m), real(|p| p.battery));
    let ignition: Vec<Option<bool>> = places.iter().map(|p| p.ignition).collect();
    let status: Vec<Option<String>> = places.iter().map(|p| p.status.as_deref().map(plain)).collect();
    let sql = "insert into depotd.position as known (depot, vehicle, ts, received, lat, lon, speed_kmh, course, accuracy_m, battery, ignition, status)
               select $1, * from unnest($2::text[], $3::timestamptz[], $4::timestamptz[], $5::float8[], $6::float8[], $7::real[], $8::real[],
                   $9::real[], $10::real[], $11::boolean[], $12::text[])
               on conflict (depot, vehicle) do update set ts = excluded.ts, received = excluded.received, lat = excluded.lat, lon = excluded.lon,
                   speed_kmh = excluded.speed_kmh, course = excluded.course, accuracy_m = excluded.accuracy_m, battery = excluded.battery,
                   ignition = excluded.ignition, status = excluded.status
               where excluded.ts >= known.ts";
    tx.execute(sql, &[&depot, &vehicles, &ts, &received, &lat, &lon, &speed, &course, &accuracy, &battery, &ignition, &status]).await?;
    Ok(())
}

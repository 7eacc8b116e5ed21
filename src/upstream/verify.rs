//! Does the other side hold what the depot holds? Receipts are compared day by day and lane by lane, which costs the line little; of days
//! that differ, the digests of the records. Then the rows as they are now, table by table.

use super::holdings::{DayNumber, Holdings, day_name, day_of_name};
use super::outgoing::Outgoing;
use super::sink::{Days, Fault, Range, Sink};
use super::start::{Epoch, is_the_depot, through};
use crate::batch::{Receipt, Stored, StoredRow, Sum, hex};
use crate::model::{Day, Difference, Lane, RowDifference, Verified};
use crate::store::outbox;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A comparison takes no longer, whatever the other side answers.
const LIMIT: Duration = Duration::from_secs(900);
/// A digest in hexadecimal.
const DIGEST: usize = 64;
/// Records compared at once.
const PAGE: usize = 5_000;
/// Days asked for at once.
const DAYS: usize = 31;
/// Numbers and keys named of each kind of difference.
const NAMED: usize = 100;

/// What a day of a lane showed.
#[derive(Default)]
struct Named {
    missing: Vec<i64>,
    unknown: Vec<i64>,
    changed: Vec<i64>,
}

fn name<T>(list: &mut Vec<T>, what: T) {
    if list.len() < NAMED {
        list.push(what);
    }
}

pub(super) fn mute() -> Fault {
    Fault::new("this kind of sink cannot tell what it holds")
}

/// It answered what was not asked for.
fn strange(what: &str) -> Fault {
    Fault::new(format!("it answered with something else than it was asked for: {what}"))
}

/// Compares everything that `sink` acknowledged with what the depot has. What retention took from the depot in the meantime is not a
/// difference. What takes too long is a fault.
pub async fn verify(outgoing: &Outgoing, sink: &mut dyn Sink, lanes: &[Lane]) -> Result<Verified, Fault> {
    let found = tokio::time::timeout(LIMIT, verify_all(outgoing, sink, lanes)).await;
    found.unwrap_or_else(|_| Err(Fault::new(format!("it was not done within {LIMIT:?}"))))
}

async fn verify_all(outgoing: &Outgoing, sink: &mut dyn Sink, lanes: &[Lane]) -> Result<Verified, Fault> {
    let known = sink.known().await?.ok_or_else(mute)?;
    let holdings = outgoing.holdings();
    is_the_depot(&holdings.epochs(Lane::Bookings).await.map_err(Fault::new)?, &known)?;
    let at = outgoing.clock.now();
    let mut compared = BTreeSet::new();
    let mut found = Verified { at, days: 0, records: 0, rows: 0, differences: Vec::new(), row_differences: Vec::new() };
    for lane in lanes.iter().copied().filter(|lane| lane.is_durable()) {
        let epochs = holdings.epochs(lane).await.map_err(Fault::new)?;
        let acked = through(&epochs, &known, lane);
        let mut days: BTreeMap<DayNumber, Named> = BTreeMap::new();
        for (at, epoch) in epochs.iter().enumerate() {
            let end = epochs.get(at + 1).map_or(acked, |next| (next.from - 1).min(acked));
            if end >= epoch.from {
                found.records += compare(&holdings, sink, lane, epoch, end, &mut days).await?;
            }
        }
        compared.extend(days.keys().copied());
        for (day, Named { missing, unknown, changed }) in days {
            if !missing.is_empty() || !unknown.is_empty() || !changed.is_empty() {
                found.differences.push(Difference { lane, day: day_name(day), missing, unknown, changed });
            }
        }
        if lane == Lane::Bookings {
            (found.rows, found.row_differences) = rows(&holdings, sink, acked).await?;
        }
    }
    found.days = compared.len() as u64;
    Ok(found)
}

/// Compares an epoch up to number `end`; gives how many records the depot has there.
async fn compare(
    holdings: &Holdings,
    sink: &mut dyn Sink,
    lane: Lane,
    epoch: &Epoch,
    end: i64,
    days: &mut BTreeMap<DayNumber, Named>,
) -> Result<u64, Fault> {
    let theirs = receipts(sink, lane, epoch, end).await?;
    let ours = holdings.days(lane, epoch.from - 1, end, (i64::MIN, i64::MAX)).await.map_err(Fault::new)?;
    let all: BTreeSet<DayNumber> = ours.keys().chain(theirs.keys()).copied().collect();
    for day in all {
        let (own, other) = (ours.get(&day), theirs.get(&day));
        // What people decided is never forgotten here; the rest is.
        if own.is_none() && lane != Lane::Bookings {
            continue;
        }
        let named = days.entry(day).or_default();
        if own.zip(other).is_none_or(|(own, other)| own.count != other.records || own.hash() != other.hash) {
            compare_day(holdings, sink, lane, epoch, day, bounds(own, other, end), named).await?;
        }
    }
    Ok(ours.values().map(|sum| sum.count).sum())
}

/// The first and the last number that either has, as far as there are such numbers.
fn bounds(own: Option<&Sum>, other: Option<&Receipt>, end: i64) -> (i64, i64) {
    let firsts = [own.map(|sum| sum.first), other.map(|receipt| receipt.first)];
    let lasts = [own.map(|sum| sum.last), other.map(|receipt| receipt.last)];
    let (first, last) = (firsts.into_iter().flatten().min().unwrap_or(0), lasts.into_iter().flatten().max().unwrap_or(0));
    (first.clamp(0, end.max(0)), last.clamp(0, end.max(0)))
}

/// Names what differs on a day.
async fn compare_day(
    holdings: &Holdings,
    sink: &mut dyn Sink,
    lane: Lane,
    epoch: &Epoch,
    day: DayNumber,
    (first, last): (i64, i64),
    named: &mut Named,
) -> Result<(), Fault> {
    let ours = holdings.digests(lane, first - 1, last).await.map_err(Fault::new)?;
    let theirs = held(sink, &epoch.name, lane, first, last).await?;
    for (seq, (_, digest)) in ours.iter().filter(|(_, (of, _))| *of == day) {
        match theirs.get(seq) {
            None => name(&mut named.missing, *seq),
            Some(other) if other != digest => name(&mut named.changed, *seq),
            Some(_) => {}
        }
    }
    for seq in theirs.keys().filter(|seq| lane == Lane::Bookings && !ours.contains_key(seq)) {
        name(&mut named.unknown, *seq);
    }
    Ok(())
}

/// The other side's receipts by day. None where it gives no receipts: then every day is compared record by record.
async fn receipts(sink: &mut dyn Sink, lane: Lane, epoch: &Epoch, through: i64) -> Result<BTreeMap<DayNumber, Receipt>, Fault> {
    let (mut all, mut from) = (BTreeMap::new(), None);
    loop {
        let of = Days { epoch: epoch.name.clone(), lane, through, from: from.take() };
        let Some(page) = sink.receipts(of, DAYS).await? else { return Ok(all) };
        let full = page.len() >= DAYS;
        let last = page.last().map(|receipt| receipt.day.clone());
        for receipt in page {
            let Some(day) = day_of_name(&receipt.day) else { continue };
            if all.last_key_value().is_some_and(|(before, _)| day <= *before) {
                return Err(strange("its days do not grow"));
            }
            all.insert(day, receipt);
        }
        match last.filter(|_| full).and_then(|day| Day::parse(&day)) {
            Some(day) => from = Some(day.next().to_string()),
            None => return Ok(all),
        }
    }
}

async fn held(sink: &mut dyn Sink, epoch: &str, lane: Lane, from: i64, to: i64) -> Result<BTreeMap<i64, String>, Fault> {
    let mut all = BTreeMap::new();
    let mut from = from;
    loop {
        let range = Range { epoch: epoch.to_owned(), lane, from, to };
        let page = sink.stored(range, PAGE).await?.ok_or_else(mute)?;
        let full = page.len() >= PAGE;
        for Stored { seq, digest } in page {
            if !(from..=to).contains(&seq) || digest.len() > DIGEST {
                return Err(strange(&format!("number {seq}, not one of {from} to {to}")));
            }
            all.insert(seq, digest);
            from = seq.saturating_add(1);
        }
        if !full || from > to {
            return Ok(all);
        }
    }
}

/// Compares the rows as they are; how many there are, and what differs. Changes behind `acked` are still on their way.
async fn rows(holdings: &Holdings, sink: &mut dyn Sink, acked: i64) -> Result<(u64, Vec<RowDifference>), Fault> {
    let Some(theirs) = sink.table_receipts().await? else { return Ok((0, Vec::new())) };
    let (mut count, mut differences) = (0, Vec::new());
    for (table, _) in outbox::TABLES {
        let mut sum = Sum::default();
        for (_, digest, _) in holdings.rows(table, String::new(), None).await.map_err(Fault::new)? {
            sum.add(0, digest);
        }
        count += sum.count;
        let other = theirs.iter().find(|receipt| receipt.table == *table);
        let is_equal = match other {
            None => sum.count == 0,
            Some(other) => other.rows == sum.count && other.hash == sum.hash(),
        };
        if !is_equal {
            differences.extend(compare_rows(holdings, sink, table, acked).await?);
        }
    }
    Ok((count, differences))
}

/// Names the rows of a table that differ; `None` when only such differ as are on their way.
async fn compare_rows(holdings: &Holdings, sink: &mut dyn Sink, table: &'static str, acked: i64) -> Result<Option<RowDifference>, Fault> {
    let mut found = RowDifference { table: table.to_owned(), missing: Vec::new(), unknown: Vec::new(), changed: Vec::new() };
    let mut after = String::new();
    loop {
        let page = sink.stored_rows(table, after.clone(), PAGE).await?.ok_or_else(mute)?;
        let keys = || std::iter::once(after.as_str()).chain(page.iter().map(|row| row.key.as_str()));
        if keys().zip(keys().skip(1)).any(|(before, key)| key <= before) {
            return Err(strange(&format!("keys of {table} that do not grow")));
        }
        let upto = page.last().filter(|_| page.len() >= PAGE).map(|row| row.key.clone());
        let ours = holdings.rows(table, after, upto.clone()).await.map_err(Fault::new)?;
        let mut theirs: BTreeMap<String, String> = page.into_iter().map(|StoredRow { key, digest }| (key, digest)).collect();
        for (key, digest, changed_at) in ours {
            let other = theirs.remove(&key);
            match other {
                _ if changed_at > acked => {}
                None => name(&mut found.missing, key),
                Some(other) if other != hex(&digest.0) => name(&mut found.changed, key),
                Some(_) => {}
            }
        }
        for (key, _) in theirs {
            if last_change(holdings, table, key.clone()).await? <= acked {
                name(&mut found.unknown, key);
            }
        }
        match upto {
            Some(last) => after = last,
            None => break,
        }
    }
    let is_empty = found.missing.is_empty() && found.unknown.is_empty() && found.changed.is_empty();
    Ok((!is_empty).then_some(found))
}

async fn last_change(holdings: &Holdings, table: &'static str, key: String) -> Result<i64, Fault> {
    let key: Vec<serde_json::Value> = serde_json::from_str(&key).map_err(Fault::new)?;
    holdings.db.read(move |c| outbox::changed_at(c, table, &key)).await.map_err(Fault::new)
}

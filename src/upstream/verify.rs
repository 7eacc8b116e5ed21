//! Does the other side hold what the depot holds? Compared day by day and lane by lane, by digests of what records say.

use super::outgoing::Outgoing;
use super::sink::{Fault, Range, Sink};
use super::start::{Epoch, through};
use crate::batch::{Batch, Digest, Stored, TARGET_UNPACKED, day_of};
use crate::model::{Difference, Lane, Verified};
use std::collections::BTreeMap;

/// Records compared at once.
const PAGE: usize = 5_000;
/// Numbers named of each kind of difference.
const NAMED: usize = 100;

/// What a day of a lane showed.
#[derive(Default)]
struct Day {
    missing: Vec<i64>,
    unknown: Vec<i64>,
    changed: Vec<i64>,
}

fn name(list: &mut Vec<i64>, seq: i64) {
    if list.len() < NAMED {
        list.push(seq);
    }
}

/// Compares everything that `sink` acknowledged with what the depot has. What retention took from the depot in the meantime is not a
/// difference.
pub async fn verify(outgoing: &Outgoing, sink: &mut dyn Sink, lanes: &[Lane]) -> Result<Verified, Fault> {
    let Some(known) = sink.known().await? else { return Err(Fault::new("this kind of sink cannot tell what it holds")) };
    let mut found = Verified { at: outgoing.clock.now(), days: 0, records: 0, differences: Vec::new() };
    for lane in lanes.iter().copied().filter(|lane| lane.is_durable()) {
        let epochs = outgoing.epochs(lane).await.map_err(Fault::new)?;
        let acked = through(&epochs, &known, lane);
        let mut days: BTreeMap<String, Day> = BTreeMap::new();
        for (at, epoch) in epochs.iter().enumerate() {
            let end = epochs.get(at + 1).map_or(acked, |next| (next.from - 1).min(acked));
            found.records += compare(outgoing, sink, lane, &epochs, epoch, end, &mut days).await?;
        }
        found.days += days.len() as u64;
        for (day, Day { missing, unknown, changed }) in days {
            if !missing.is_empty() || !unknown.is_empty() || !changed.is_empty() {
                found.differences.push(Difference { lane, day, missing, unknown, changed });
            }
        }
    }
    Ok(found)
}

async fn compare(
    outgoing: &Outgoing,
    sink: &mut dyn Sink,
    lane: Lane,
    epochs: &[Epoch],
    epoch: &Epoch,
    end: i64,
    days: &mut BTreeMap<String, Day>,
) -> Result<u64, Fault> {
    let (mut after, mut compared) = (epoch.from - 1, 0);
    while after < end {
        let batch = outgoing.next(lane, after, epochs, TARGET_UNPACKED / 4).await.map_err(Fault::new)?;
        let last = batch.as_ref().map_or(end, |batch| batch.span.last.min(end));
        let ours = batch.as_ref().map_or_else(|| Ok(BTreeMap::new()), |batch| digests(batch, end))?;
        let theirs = held(sink, &epoch.name, lane, after + 1, last).await?;
        compared += ours.len() as u64;
        for (seq, (day, digest)) in &ours {
            let day = days.entry(day.clone()).or_default();
            match theirs.get(seq) {
                None => name(&mut day.missing, *seq),
                Some(other) if other != digest => name(&mut day.changed, *seq),
                Some(_) => {}
            }
        }
        // History is forgotten at the depot; what people decided is not.
        for seq in theirs.keys().filter(|seq| lane == Lane::Bookings && !ours.contains_key(seq)) {
            name(&mut days.entry("unknown".to_owned()).or_default().unknown, *seq);
        }
        after = last;
    }
    Ok(compared)
}

/// Numbers, days and digests (hex) of the records of `batch` up to `end` that are never changed.
fn digests(batch: &Batch, end: i64) -> Result<BTreeMap<i64, (String, String)>, Fault> {
    let text = batch.unpack().map_err(Fault::new)?;
    let lines = batch.records(&text).map_err(Fault::new)?;
    let ours = lines.iter().filter(|line| line.seq <= end).filter_map(|line| {
        let (at, Digest(bytes)) = Digest::of(line)?;
        Some((line.seq, (day_of(at), bytes.iter().map(|b| format!("{b:02x}")).collect())))
    });
    Ok(ours.collect())
}

async fn held(sink: &mut dyn Sink, epoch: &str, lane: Lane, from: i64, to: i64) -> Result<BTreeMap<i64, String>, Fault> {
    let mut all = BTreeMap::new();
    let mut from = from;
    loop {
        let range = Range { epoch: epoch.to_owned(), lane, from, to };
        let Some(page) = sink.stored(range, PAGE).await? else { return Err(Fault::new("this kind of sink cannot tell what it holds")) };
        let full = page.len() >= PAGE;
        all.extend(page.into_iter().map(|Stored { seq, digest }| (seq, digest)));
        match all.keys().next_back() {
            Some(last) if full => from = last + 1,
            _ => return Ok(all),
        }
    }
}

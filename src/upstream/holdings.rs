//! What the depot holds of each lane, as digests: by day for receipts, by number where days differ.

use super::outgoing::{Error, blocking, told};
use super::start::Epoch;
use crate::batch::{Digest, Line, Place, Receipt, Sum, day_of, hex};
use crate::model::{Day, Lane, Timestamp};
use crate::store::{Db, outbox};
use crate::tracks::{Run, Tracks};
use serde_json::Value;
use std::collections::BTreeMap;

/// Entries of the outbox read at once.
const ENTRIES: usize = 2_000;
const DAY_MS: i64 = 86_400_000;

/// Reads what the depot has.
#[derive(Clone)]
pub struct Holdings {
    /// Bookings, audit, rounds, rows.
    pub db: Db,
    /// History.
    pub tracks: Tracks,
    /// Are the hashes of secrets part of a row?
    pub credentials: bool,
}

/// Days since 1970, UTC.
pub(super) type DayNumber = i64;

pub(super) fn day_name(day: DayNumber) -> String {
    day_of(Timestamp::from_millis(day.saturating_mul(DAY_MS)))
}

fn day_number(at: Timestamp) -> DayNumber {
    at.as_millis().div_euclid(DAY_MS)
}

pub(super) fn day_of_name(name: &str) -> Option<DayNumber> {
    Some(day_number(Day::parse(name)?.time().from))
}

/// What a lane of an epoch held on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayReceipt {
    /// The lane.
    pub lane: Lane,
    /// The epoch of the numbers.
    pub epoch: String,
    /// The receipt.
    pub receipt: Receipt,
}

impl Holdings {
    /// The epochs that `lane` went through, oldest first.
    pub(super) async fn epochs(&self, lane: Lane) -> Result<Vec<Epoch>, Error> {
        if lane == Lane::History {
            let tracks = self.tracks.clone();
            let found = blocking(move || Ok(tracks.epochs()?)).await?;
            return Ok(found.into_iter().map(|e| Epoch { name: hex(&e.epoch), from: e.from_run }).collect());
        }
        let found = self.db.read(outbox::epochs).await?;
        Ok(found.into_iter().map(|e| Epoch { name: e.epoch, from: e.from_seq }).collect())
    }

    /// Receipts of `lanes` for the days from `from` to `to`, both included, by day.
    pub async fn receipts(&self, lanes: &[Lane], from: &Day, to: &Day) -> Result<Vec<DayReceipt>, Error> {
        let days = (day_number(from.time().from), day_number(to.time().from));
        let mut found = Vec::new();
        for lane in lanes.iter().copied().filter(|lane| lane.is_durable()) {
            let epochs = self.epochs(lane).await?;
            for (at, epoch) in epochs.iter().enumerate() {
                let end = epochs.get(at + 1).map_or(i64::MAX, |next| next.from - 1);
                for (day, sum) in self.days(lane, epoch.from - 1, end, days).await? {
                    found.push(DayReceipt { lane, epoch: epoch.name.clone(), receipt: sum.receipt(&day_name(day)) });
                }
            }
        }
        found.sort_by(|a, b| (&a.receipt.day, a.lane).cmp(&(&b.receipt.day, b.lane)));
        Ok(found)
    }

    /// What `lane` holds of each of `days`, of the numbers after `after` up to `upto`.
    pub(super) async fn days(
        &self,
        lane: Lane,
        after: i64,
        upto: i64,
        days: (DayNumber, DayNumber),
    ) -> Result<BTreeMap<DayNumber, Sum>, Error> {
        let add = |sums: &mut BTreeMap<DayNumber, Sum>, seq, day, digest| sums.entry(day).or_default().add(seq, digest);
        self.fold(lane, (after, upto), days, BTreeMap::new(), add).await
    }

    /// Days and digests by number.
    pub(super) async fn digests(&self, lane: Lane, after: i64, upto: i64) -> Result<BTreeMap<i64, (DayNumber, String)>, Error> {
        let add = |all: &mut BTreeMap<_, _>, seq, day, digest: Digest| drop(all.insert(seq, (day, digest.to_hex())));
        self.fold(lane, (after, upto), (i64::MIN, i64::MAX), BTreeMap::new(), add).await
    }

    async fn fold<T: Send + 'static>(
        &self,
        lane: Lane,
        (after, upto): (i64, i64),
        days: (DayNumber, DayNumber),
        mut state: T,
        add: impl Fn(&mut T, i64, DayNumber, Digest) + Copy + Send + 'static,
    ) -> Result<T, Error> {
        if lane == Lane::History {
            let tracks = self.tracks.clone();
            return blocking(move || {
                runs(&tracks, (after, upto), days, |seq, day, digest| add(&mut state, seq, day, digest))?;
                Ok(state)
            })
            .await;
        }
        let mut at = after;
        loop {
            let found = self.db.read(move |c| outbox::records_after(c, lane, at, ENTRIES)).await?;
            let read = found.len();
            for (seq, change) in found.into_iter().take_while(|(seq, _)| *seq <= upto) {
                at = seq;
                let Some((when, digest)) = told(change, true, |record| Ok(record.and_then(|record| Digest::of(&Line { seq, record }))))?
                else {
                    continue;
                };
                let day = day_number(when);
                if (days.0..=days.1).contains(&day) {
                    add(&mut state, seq, day, digest);
                }
            }
            if read < ENTRIES || at >= upto {
                return Ok(state);
            }
        }
    }

    /// Keys, digests and latest changes of the rows of `table` whose keys are behind `after` and not behind `upto`, in their order.
    pub(super) async fn rows(&self, table: &'static str, after: String, upto: Option<String>) -> Result<Vec<(String, Digest, i64)>, Error> {
        let credentials = self.credentials;
        let read = move |c: &rusqlite::Connection| {
            let mut found = Vec::new();
            outbox::rows_of(c, table, (&after, upto.as_deref()), |key, mut columns, seq| {
                outbox::redact(table, &mut columns, credentials);
                found.push((key.to_owned(), Digest::row(key, &Value::Object(columns).to_string()), seq));
            })?;
            Ok::<_, crate::store::Error>(found)
        };
        Ok(self.db.read(read).await?)
    }
}

/// Hands the digests of runs to `add`.
fn runs(
    tracks: &Tracks,
    (after, upto): (i64, i64),
    days: (DayNumber, DayNumber),
    mut add: impl FnMut(i64, DayNumber, Digest),
) -> Result<(), Error> {
    let mut fault = None;
    let mut places: Vec<Place> = Vec::new();
    let mut one = |run: &Run<'_>| -> Result<bool, Error> {
        if run.seq > upto {
            return Ok(false);
        }
        let day = day_number(run.quarter);
        // A quarter lies in one day, but for those at the edges of time.
        if !(days.0.saturating_sub(1)..=days.1.saturating_add(1)).contains(&day) {
            return Ok(true);
        }
        places.clear();
        for fix in run.fixes() {
            places.push(Place::from(&fix?));
        }
        if let Some(first) = places.first() {
            let day = day_number(Timestamp::from_millis(first.ts));
            if (days.0..=days.1).contains(&day) {
                add(run.seq, day, Digest::track(run.vehicle, places.iter()));
            }
        }
        Ok(true)
    };
    tracks.runs_after(after, |run| match one(&run) {
        Ok(more) => more,
        Err(error) => {
            fault = Some(error);
            false
        }
    })?;
    fault.map_or(Ok(()), Err)
}

//! What dispatch rounds said about a booking. A round that says nothing new counts up the record that it agrees with: in memory, and
//! on the disk when the booking's next record comes, when it waits no more, and once a minute for all. A crash loses the counts since.

use super::{Bookings, Error, Page, Paged, Result, find};
use crate::model::{BookingId, Span, Timestamp};
use crate::store;
use crate::store::rounds::{self, Held};
use rusqlite::Transaction;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts are written so often.
const WRITE: Span = Span::from_secs(60);

/// The last record about each booking that waits, and for how long it has held. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Counts(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    by_booking: HashMap<BookingId, Last>,
    wrote: Timestamp,
}

impl State {
    /// Is it time to write all, or was the clock set back?
    fn is_due(&self, now: Timestamp) -> bool {
        now.since(self.wrote) >= WRITE || now < self.wrote
    }
}

#[derive(Clone, Copy, Debug)]
struct Last {
    seq: i64,
    held: Held,
    /// Rounds that the disk knows of.
    written: u32,
}

impl Last {
    fn unwritten(&self) -> Option<(i64, Held)> {
        (self.held.rounds > self.written).then_some((self.seq, self.held))
    }
}

impl Counts {
    // A std lock, never held across an await.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is there nothing to write and nothing to forget?
    pub fn is_empty(&self) -> bool {
        self.lock().by_booking.is_empty()
    }

    /// The round at `now` says the same about `booking` as its last record; `false`: none is known.
    pub fn again(&self, booking: BookingId, now: Timestamp) -> bool {
        let mut state = self.lock();
        let Some(last) = state.by_booking.get_mut(&booking) else { return false };
        last.held = Held { rounds: last.held.rounds.saturating_add(1), until: now };
        true
    }

    /// `booking` has a new record, at `seq`.
    pub(super) fn begin(&self, booking: BookingId, seq: i64, now: Timestamp) {
        self.lock().by_booking.insert(booking, Last { seq, held: Held { rounds: 1, until: now }, written: 1 });
    }

    fn get(&self, booking: BookingId) -> Option<Last> {
        self.lock().by_booking.get(&booking).copied()
    }

    /// What is to be written at `now`: of the bookings that wait no more, and when the last time was a while ago, of all.
    fn due(&self, waiting: &HashSet<BookingId>, now: Timestamp) -> Vec<(i64, Held)> {
        let state = self.lock();
        let all = state.is_due(now);
        state.by_booking.iter().filter(|(booking, _)| all || !waiting.contains(booking)).filter_map(|(_, last)| last.unwritten()).collect()
    }

    /// What was due at `now` is on the disk; bookings that wait no more are forgotten.
    fn note(&self, written: &[(i64, Held)], waiting: &HashSet<BookingId>, now: Timestamp) {
        let written: HashMap<i64, u32> = written.iter().map(|(seq, held)| (*seq, held.rounds)).collect();
        let mut state = self.lock();
        if state.is_due(now) {
            state.wrote = now;
        }
        state.by_booking.retain(|booking, _| waiting.contains(booking));
        for last in state.by_booking.values_mut() {
            last.written = written.get(&last.seq).copied().unwrap_or(last.written);
        }
    }
}

impl Bookings {
    /// For how long the last records have held; the dispatcher counts them up.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Writes for how long records have held: at once those of bookings that are not `waiting` any more, once a minute all.
    pub async fn keep_counts(&self, waiting: &HashSet<BookingId>, now: Timestamp) -> Result<()> {
        let due = self.counts.due(waiting, now);
        if !due.is_empty() {
            let keep = due.clone();
            self.db.write(move |tx| keep.iter().try_for_each(|(seq, held)| rounds::hold(tx, *seq, *held))).await?;
        }
        self.counts.note(&due, waiting, now);
        Ok(())
    }

    /// Writes a new record about `booking`, and for how long the one before held; gives its place.
    pub(super) fn say(&self, tx: &Transaction<'_>, booking: BookingId, record: &str, now: Timestamp) -> Result<i64> {
        if let Some((seq, held)) = self.counts.get(booking).and_then(|last| last.unwritten()) {
            rounds::hold(tx, seq, held)?;
        }
        Ok(rounds::insert(tx, booking, now, record)?)
    }

    /// What dispatch rounds thought of the booking, newest first: JSON objects, each with the number of `rounds` that said it one after
    /// the other and `until` when; what is from before these were counted has neither.
    pub async fn rounds(&self, id: BookingId, page: Page) -> Result<Paged<Value>> {
        let (before, limit) = (page.after(i64::MAX)?, page.limit());
        // Before the disk is asked: what is written meanwhile is told all the same.
        let last = self.counts.get(id);
        let question = move |c: &rusqlite::Connection| {
            find(c, id)?;
            let mut said = rounds::for_booking(c, id, before, limit + 1)?;
            for each in &mut said {
                let now = last.filter(|last| last.seq == each.seq).map(|last| last.held);
                each.held = now.into_iter().chain(each.held).max_by_key(|held| held.rounds);
            }
            said.into_iter().map(|each| Ok((each.seq, shown(&each)?))).collect::<Result<Vec<_>>>()
        };
        Ok(Paged::cut(self.db.read(question).await?, limit))
    }
}

fn shown(said: &rounds::Said) -> Result<Value> {
    let corrupt = |e: serde_json::Error| Error::Store(store::Error::Corrupt(format!("the record {} is no JSON object: {e}", said.seq)));
    let mut record: Map<String, Value> = serde_json::from_str(&said.record).map_err(corrupt)?;
    if let Some(Held { rounds, until }) = said.held {
        record.extend([("rounds".to_owned(), json!(rounds)), ("until".to_owned(), json!(until))]);
    }
    Ok(record.into())
}

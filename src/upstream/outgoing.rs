//! From the depot's truths to batches: what comes after a number of a lane.

use super::holdings::Holdings;
use super::start::{Epoch, epoch_of};
use crate::batch::{self, AuditEntry, Batch, EventEntry, Gap, Line, MAX_BYTES, Place, Record, RoundEntry, RowState, Track};
use crate::clock::Clock;
use crate::fleet::{Fleet, Status, View};
use crate::model::{Lane, Span, Timestamp};
use crate::store::outbox::{self, Change};
use crate::store::{self, Db};
use crate::tracks::{self, Run, Tracks};
use serde_json::value::RawValue;

/// Entries of the outbox read at once.
const ENTRIES: usize = 500;
/// Vehicles told at once.
const VEHICLES: usize = 5_000;

/// Why no batch could be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// ops.db.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// tracks.db.
    #[error(transparent)]
    Tracks(#[from] tracks::Error),
    /// A record has no JSON, or zstd failed.
    #[error("a batch cannot be packed: {0}")]
    Pack(String),
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Pack(error.to_string())
    }
}

/// Reads the depot's lanes for one sink.
#[derive(Clone)]
pub struct Outgoing {
    /// Bookings, audit, rounds.
    pub db: Db,
    /// History.
    pub tracks: Tracks,
    /// Where everyone is.
    pub fleet: Fleet,
    /// The time.
    pub clock: Clock,
    /// The depot's id at head office.
    pub depot: String,
    /// Do hashes of secrets go along?
    pub credentials: bool,
    /// History older than this is not sent any more.
    pub history: Span,
}

/// Lines of a batch in the making.
struct Lines {
    text: Vec<u8>,
    records: u64,
    lost: u64,
    last: i64,
    /// The last number that may be in it: another epoch begins behind.
    until: i64,
    /// Numbers that nobody has any more, and how many records that were.
    hole: Option<(Gap, u64)>,
}

impl Lines {
    fn new(after: i64) -> Self {
        Self { text: Vec::new(), records: 0, lost: 0, last: after, until: i64::MAX, hole: None }
    }

    fn put(&mut self, seq: i64, record: Record<'_>) -> Result<(), Error> {
        self.close_hole()?;
        Line { seq, record }.write(&mut self.text)?;
        self.records += 1;
        self.last = seq;
        Ok(())
    }

    /// Numbers that nobody has any more; those side by side make one record.
    fn miss(&mut self, first: i64, last: i64, reason: &str) -> Result<(), Error> {
        self.miss_some(first, last, last.abs_diff(first) + 1, reason)
    }

    /// The same where other lanes' numbers lie between: only `records` of them were of this lane.
    fn miss_some(&mut self, first: i64, last: i64, records: u64, reason: &str) -> Result<(), Error> {
        match &mut self.hole {
            Some((hole, lost)) if hole.last + 1 == first && hole.reason == reason => (hole.last, *lost) = (last, *lost + records),
            _ => {
                self.close_hole()?;
                self.hole = Some((Gap { first, last, reason: reason.to_owned() }, records));
            }
        }
        Ok(())
    }

    fn close_hole(&mut self) -> Result<(), Error> {
        let Some((hole, lost)) = self.hole.take() else { return Ok(()) };
        let seq = hole.last;
        self.lost += lost;
        self.put(seq, Record::Gap(hole))
    }
}

impl Outgoing {
    /// The epochs that `lane` went through, oldest first.
    pub async fn epochs(&self, lane: Lane) -> Result<Vec<Epoch>, Error> {
        self.holdings().epochs(lane).await
    }

    /// The last number of `lane` that was given out.
    pub async fn head(&self, lane: Lane) -> Result<i64, Error> {
        match lane {
            Lane::History => Ok(self.tracks.last_run()),
            Lane::Live => Ok(self.fleet.rev().cast_signed()),
            Lane::Bookings | Lane::Dispatch => Ok(self.db.read(outbox::head).await?),
        }
    }

    /// How much of `lane` is behind `after`, and since when.
    pub async fn backlog(&self, lane: Lane, after: i64) -> Result<(u64, Option<Timestamp>), Error> {
        match lane {
            Lane::Live => Ok((0, None)),
            Lane::Bookings | Lane::Dispatch => Ok(self.db.read(move |c| outbox::backlog(c, lane, after)).await?),
            Lane::History => {
                let tracks = self.tracks.clone();
                let runs = blocking(move || Ok(tracks.runs_after(after, |_| false)?)).await?;
                Ok((runs.last.saturating_sub(after).max(0).cast_unsigned(), runs.oldest))
            }
        }
    }

    /// The records of `lane` after number `after`, about `target` bytes of them unpacked; `None` when there are none.
    pub async fn next(&self, lane: Lane, after: i64, epochs: &[Epoch], target: usize) -> Result<Option<Batch>, Error> {
        let mut target = target;
        loop {
            let lines = match lane {
                Lane::Live => self.places(after)?,
                Lane::History => {
                    let (tracks, epochs) = (self.tracks.clone(), epochs.to_vec());
                    let oldest = self.clock.now() - self.history;
                    blocking(move || runs(&tracks, after, &epochs, target, oldest)).await?
                }
                Lane::Bookings | Lane::Dispatch => {
                    let (epochs, credentials) = (epochs.to_vec(), self.credentials);
                    self.db.read(move |c| changes(c, lane, after, &epochs, target, credentials)).await?
                }
            };
            if lines.last == after {
                return Ok(None);
            }
            // Positions are counted in memory: those of now are of the epoch of now.
            let epoch = if lane.is_durable() { epoch_of(epochs, lines.last) } else { epochs.last() };
            let Some(epoch) = epoch else { return Ok(None) };
            let first = (after + 1).max(if lane.is_durable() { epoch.from } else { 0 });
            let (depot, epoch, epoch_from) = (self.depot.clone(), epoch.name.clone(), epoch.from);
            let span = batch::Span { depot, epoch, epoch_from, lane, first, last: lines.last };
            let (text, records, lost) = (lines.text, lines.records, lines.lost);
            let packed = blocking(move || Batch::pack(span, records, lost, &text).map_err(|e| Error::Pack(e.to_string()))).await?;
            if packed.body.len() <= MAX_BYTES || records == 1 {
                return Ok(Some(packed));
            }
            target /= 2;
        }
    }

    /// What the depot has of all that, to compare with.
    pub fn holdings(&self) -> Holdings {
        Holdings { db: self.db.clone(), tracks: self.tracks.clone(), credentials: self.credentials }
    }

    fn places(&self, after: i64) -> Result<Lines, Error> {
        let (upto, changed) = self.fleet.changed_since(after.cast_unsigned(), VEHICLES);
        let mut lines = Lines::new(after);
        for view in changed {
            let Some(place) = place(&view) else { continue };
            lines.put(0, Record::Position(place))?;
        }
        lines.last = upto.cast_signed();
        Ok(lines)
    }
}

pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Pack(e.to_string()))?
}

fn place(view: &View) -> Option<Place> {
    let at = view.place?;
    Some(Place {
        vehicle: Some(view.id.clone()),
        ts: view.fix_ts?.as_millis(),
        received: view.received?.as_millis(),
        lat: at.lat(),
        lon: at.lon(),
        speed_kmh: view.speed_kmh,
        course: view.course,
        accuracy_m: view.accuracy_m,
        battery: view.battery,
        ignition: view.ignition,
        flags: view.flags.bits(),
        extras: None,
        status: Some(Status::of(view.availability, view.online).as_str().to_owned()),
    })
}

fn changes(
    connection: &rusqlite::Connection,
    lane: Lane,
    after: i64,
    epochs: &[Epoch],
    target: usize,
    credentials: bool,
) -> Result<Lines, Error> {
    // One snapshot for all pages: a row that changes meanwhile is told once.
    let _snapshot = outbox::snapshot(connection)?;
    let mut lines = Lines::new(after);
    let mut at = after;
    loop {
        let entries = outbox::after(connection, lane, at, ENTRIES)?;
        let read = entries.len();
        for (seq, change) in entries {
            if at == after {
                lines.until = end_of_epoch(epochs, seq);
            }
            if seq > lines.until || lines.text.len() >= target {
                lines.close_hole()?;
                return Ok(lines);
            }
            put(&mut lines, seq, change, credentials)?;
            at = seq;
        }
        if read < ENTRIES {
            lines.close_hole()?;
            return Ok(lines);
        }
    }
}

/// The last number of the epoch that `seq` belongs to.
fn end_of_epoch(epochs: &[Epoch], seq: i64) -> i64 {
    epochs.iter().find(|epoch| epoch.from > seq).map_or(i64::MAX, |next| next.from - 1)
}

fn raw(text: &str) -> Result<&RawValue, serde_json::Error> {
    serde_json::from_str(text)
}

fn put(lines: &mut Lines, seq: i64, change: Change, credentials: bool) -> Result<(), Error> {
    let (from, records) = match &change {
        Change::Gone { first, records } => (first.unwrap_or(seq).max(lines.last + 1), *records),
        _ => (seq, 1),
    };
    told(change, credentials, |record| match record {
        Some(record) => lines.put(seq, record),
        None => lines.miss_some(from.min(seq), seq, records, "retention"),
    })
}

/// Hands `change` as the record that tells it to `tell`; `None` when it is gone.
pub(super) fn told<T>(change: Change, credentials: bool, tell: impl FnOnce(Option<Record<'_>>) -> Result<T, Error>) -> Result<T, Error> {
    match change {
        Change::Event(event) => tell(Some(Record::Event(EventEntry {
            journal_seq: event.seq,
            at: event.at,
            kind: event.kind.as_str().to_owned(),
            actor: event.actor.to_text(),
            booking_id: event.booking.map(|id| id.to_string()),
            vehicle_id: event.vehicle.map(|id| id.as_str().to_owned()),
            data: raw(&event.data)?,
        }))),
        Change::Audit { entry, previous, hash } => tell(Some(Record::Audit(AuditEntry {
            audit_seq: entry.seq,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            object: entry.object,
            detail: raw(&entry.detail)?,
            previous,
            hash,
        }))),
        Change::Round { round, booking, at, record } => {
            tell(Some(Record::Round(RoundEntry { round_seq: round, booking_id: booking, at, record: raw(&record)? })))
        }
        Change::Row { table, key, mut columns } => {
            if let Some(columns) = columns.as_mut() {
                outbox::redact(table, columns, credentials);
            }
            tell(Some(Record::Row(RowState { table: table.to_owned(), key, row: columns })))
        }
        Change::Gone { .. } => tell(None),
    }
}

/// Runs after `after`; what is older than `oldest` is told as a gap.
fn runs(tracks: &Tracks, after: i64, epochs: &[Epoch], target: usize, oldest: Timestamp) -> Result<Lines, Error> {
    let mut lines = Lines::new(after);
    let (mut at, mut fault) = (after, None);
    let read = tracks.runs_after(after, |run| match put_run(&mut lines, &mut at, &run, epochs, target, oldest) {
        Ok(more) => more,
        Err(error) => {
            fault = Some(error);
            false
        }
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    // All to the end is gone: there is no run to tell it by.
    if read.oldest.is_none() && read.through > at && lines.text.is_empty() && lines.hole.is_none() {
        lines.until = end_of_epoch(epochs, at + 1);
        lines.miss(at + 1, read.through.min(lines.until), "retention")?;
    }
    lines.close_hole()?;
    Ok(lines)
}

fn put_run(lines: &mut Lines, at: &mut i64, run: &Run<'_>, epochs: &[Epoch], target: usize, oldest: Timestamp) -> Result<bool, Error> {
    if lines.until == i64::MAX {
        lines.until = end_of_epoch(epochs, *at + 1);
    }
    if lines.text.len() >= target {
        return Ok(false);
    }
    if run.seq > *at + 1 {
        let last = (run.seq - 1).min(lines.until);
        lines.miss(*at + 1, last, "retention")?;
        *at = last;
    }
    if run.seq > lines.until {
        return Ok(false);
    }
    if run.quarter < oldest {
        lines.miss(run.seq, run.seq, "age")?;
    } else {
        let fixes = run.fixes().map(|fix| fix.map(|fix| Place::from(&fix))).collect::<Result<_, _>>()?;
        lines.put(run.seq, Record::Track(Track { vehicle: run.vehicle.clone(), fixes }))?;
    }
    *at = run.seq;
    Ok(true)
}

//! Placing many bookings at once, out of a file.

use super::error::Fault;
use super::{Bookings, Error, PlaceRequest, Result};
use crate::model::{Actor, BookingId};
use crate::store::{self, audit};
use rusqlite::Transaction;
use serde_json::json;

/// How a file is taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ImportMode {
    /// Only say what would happen.
    pub dry_run: bool,
    /// Place the good lines though others are bad; else all or nothing.
    pub partial: bool,
}

/// A line of the file that was understood.
#[derive(Clone, Debug)]
pub struct ImportLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// What it asks for.
    pub request: PlaceRequest,
}

/// A line that was placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Its number in the file.
    pub line: u64,
    /// The booking.
    pub id: BookingId,
    /// Its name for people.
    pub reference: String,
    /// An earlier import with the same key had placed it.
    pub replayed: bool,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// The bookings that were placed; of a dry run those that would be.
    pub placed: Vec<Imported>,
    /// What is wrong with which line.
    pub bad: Vec<(u64, Fault)>,
}

/// Why the transaction is taken back.
enum TakenBack {
    /// A dry run, or a bad line.
    Report(ImportReport),
    Failed(Error),
}

impl From<store::Error> for TakenBack {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Bookings {
    /// Places `lines` in one transaction. `bad` says what is wrong with the lines that were not understood; with any bad line
    /// nothing is placed, unless the mode is partial. With a `key`, a line that an earlier import with the same key placed is
    /// not placed again; if it asks for something else now, that is [`Error::KeyReused`].
    ///
    /// A dry run does the same and takes it back.
    pub async fn import(
        &self,
        lines: Vec<ImportLine>,
        bad: Vec<(u64, Fault)>,
        mode: ImportMode,
        actor: Actor,
        key: Option<String>,
    ) -> Result<ImportReport> {
        let now = self.clock.now();
        self.ask_ways(lines.iter().map(|line| &line.request.order), now).await;
        let mut ready = Vec::with_capacity(lines.len());
        for ImportLine { line, request } in lines {
            // No client can send a key with a control character, so these cannot meet a key for one booking.
            let key = key.as_ref().map(|key| format!("import\u{1}{key}\u{1}{line}"));
            let route = self.known_route(&request.order, now);
            ready.push((line, self.placing(request, route, actor.clone(), key, now)?));
        }
        let change = move |tx: &Transaction<'_>| {
            let mut report = ImportReport { placed: Vec::new(), bad };
            for (line, placing) in ready {
                match placing.run(tx) {
                    Ok(placed) => {
                        let (booking, replayed) = (placed.booking, placed.replayed);
                        report.placed.push(Imported { line, id: booking.id, reference: booking.reference, replayed });
                    }
                    Err(Error::Invalid(faults)) => report.bad.extend(faults.into_iter().map(|fault| (line, fault))),
                    Err(error) => return Err(TakenBack::Failed(error)),
                }
            }
            report.bad.sort_by_key(|(line, _)| *line);
            if mode.dry_run || (!mode.partial && !report.bad.is_empty()) {
                return Err(TakenBack::Report(report));
            }
            let fresh = report.placed.iter().filter(|placed| !placed.replayed).count();
            let detail = json!({"placed": fresh, "replayed": report.placed.len() - fresh, "bad": report.bad.len()}).to_string();
            audit::append(tx, now, &actor, "bookings.import", "bookings", &detail)?;
            Ok(report)
        };
        match self.db.write(change).await {
            Ok(report) => Ok(report),
            Err(TakenBack::Report(mut report)) => {
                if !mode.dry_run {
                    report.placed.clear();
                }
                Ok(report)
            }
            Err(TakenBack::Failed(error)) => Err(error),
        }
    }

    /// Notes in the audit record that `actor` takes out the bookings that fit `filter`, in words.
    pub async fn note_export(&self, filter: String, actor: Actor) -> Result<()> {
        let now = self.clock.now();
        let detail = json!({ "filter": filter }).to_string();
        let change = move |tx: &Transaction<'_>| Ok(audit::append(tx, now, &actor, "bookings.export", "bookings", &detail)?);
        self.db.write(change).await
    }
}

//! Receipts: what a lane held on a day, short enough to compare.

use super::record::{AuditEntry, EventEntry, Line, Place, Record, Track};
use crate::model::{Day, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// SHA-256 over what a record says: its meaning, not its bytes, so that another version of the format changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(pub [u8; 32]);

/// What a lane held on a day (UTC).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The day, like `2026-05-30`.
    pub day: String,
    /// How many records that are never changed: events, audit entries, tracks.
    pub records: u64,
    /// The first number.
    pub first: i64,
    /// The last number.
    pub last: i64,
    /// SHA-256 over all their digests in order, in hex.
    pub hash: String,
}

/// The day that an instant lies in, UTC.
pub fn day_of(at: Timestamp) -> String {
    Day::of(at, "UTC").to_string()
}

impl Digest {
    /// The digest of a record that is never changed, and the instant that says to which day it belongs.
    pub fn of(line: &Line<'_>) -> Option<(Timestamp, Self)> {
        match &line.record {
            Record::Event(event) => Some((event.at, Self::event(event))),
            Record::Audit(entry) => Some((entry.at, Self::audit(entry))),
            Record::Track(track) => {
                let first = track.fixes.first()?;
                Some((Timestamp::from_millis(first.ts), Self::track(track)))
            }
            Record::Row(_) | Record::Round(_) | Record::Position(_) | Record::Gap(_) => None,
        }
    }

    fn event(event: &EventEntry<'_>) -> Self {
        let at = event.at.as_millis().to_string();
        let seq = event.journal_seq.to_string();
        let (booking, vehicle) = (event.booking_id.as_deref().unwrap_or(""), event.vehicle_id.as_deref().unwrap_or(""));
        Self::over(&["event", &seq, &at, &event.kind, &event.actor, booking, vehicle, event.data.get()])
    }

    fn audit(entry: &AuditEntry<'_>) -> Self {
        Self::over(&["audit", &entry.audit_seq.to_string(), &entry.hash])
    }

    fn track(track: &Track) -> Self {
        let mut sha = Sha256::new();
        sha.update(track.vehicle.as_str());
        for Place { ts, lat, lon, .. } in &track.fixes {
            sha.update(ts.to_be_bytes());
            sha.update(e7(*lat).to_be_bytes());
            sha.update(e7(*lon).to_be_bytes());
        }
        Self(sha.finalize().into())
    }

    fn over(parts: &[&str]) -> Self {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update(part.len().to_be_bytes());
            sha.update(part);
        }
        Self(sha.finalize().into())
    }
}

/// Degrees in steps of 1e-7, as the fix log keeps them.
#[expect(clippy::cast_possible_truncation, reason = "at most 1.8e9, and `as` saturates")]
fn e7(degrees: f64) -> i64 {
    (degrees * 1e7).round() as i64
}

impl Receipt {
    /// The receipt of `records`, number and digest in order of number; `None` when there are none.
    pub fn over(day: &str, records: &[(i64, Digest)]) -> Option<Self> {
        let (first, last) = (records.first()?.0, records.last()?.0);
        let mut sha = Sha256::new();
        records.iter().for_each(|(_, digest)| sha.update(digest.0));
        let hash = sha.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Some(Self { day: day.to_owned(), records: records.len() as u64, first, last, hash })
    }
}

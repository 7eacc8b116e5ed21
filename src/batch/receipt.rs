//! Receipts: what a lane held on a day, and a table holds now, short enough to compare.

use super::record::{AuditEntry, EventEntry, Line, Place, Record, RoundEntry};
use super::track::{Track, e7};
use crate::model::{Day, Timestamp, VehicleId};
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
    /// How many records that are never changed: events, audit entries, rounds, tracks.
    pub records: u64,
    /// The first number.
    pub first: i64,
    /// The last number.
    pub last: i64,
    /// SHA-256 over all their digests in order of number, in hex.
    pub hash: String,
}

/// What a table of rows holds now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TableReceipt {
    /// Its name.
    pub table: String,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 over all their digests in order of their keys' bytes, in hex.
    pub hash: String,
}

/// A row that is kept: its key, a JSON array as text, and, in hex, its digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StoredRow {
    /// Its key.
    pub key: String,
    /// SHA-256 over key and columns.
    pub digest: String,
}

/// The day that an instant lies in, UTC.
pub fn day_of(at: Timestamp) -> String {
    Day::of(at, "UTC").to_string()
}

/// A text as PostgreSQL can hold it: without NUL.
pub fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The same for a JSON text. What only looks like an escaped NUL, behind an escaped backslash, stays.
pub fn plain_json(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let length = if escape.starts_with("\\u0000") { 6 } else { escape.chars().take(2).map(char::len_utf8).sum() };
        out.push_str(if length == 6 { "\\ufffd" } else { &escape[..length] });
        rest = &escape[length..];
    }
    out + rest
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl Digest {
    /// The digest of a record that is never changed, and the instant that says to which day it belongs.
    pub fn of(line: &Line<'_>) -> Option<(Timestamp, Self)> {
        match &line.record {
            Record::Event(event) => Some((event.at, Self::event(event))),
            Record::Audit(entry) => Some((entry.at, Self::audit(entry))),
            Record::Round(round) => Some((round.at, Self::round(round))),
            Record::Track(track) => Some((Timestamp::from_millis(track.fixes.first()?.ts), Self::of_track(track))),
            Record::Row(_) | Record::Position(_) | Record::Gap(_) | Record::Epoch(_) => None,
        }
    }

    fn event(event: &EventEntry<'_>) -> Self {
        let (at, seq) = (event.at.as_millis().to_string(), event.journal_seq.to_string());
        let (booking, vehicle) = (event.booking_id.as_deref().unwrap_or(""), event.vehicle_id.as_deref().unwrap_or(""));
        Self::over(&["event", &seq, &at, &event.kind, &event.actor, booking, vehicle, &plain_json(event.data.get())])
    }

    fn audit(entry: &AuditEntry<'_>) -> Self {
        let (at, seq) = (entry.at.as_millis().to_string(), entry.audit_seq.to_string());
        let AuditEntry { actor, action, object, previous, hash, .. } = entry;
        Self::over(&["audit", &seq, &at, actor, action, object, &plain_json(entry.detail.get()), previous, hash])
    }

    fn round(round: &RoundEntry<'_>) -> Self {
        let (at, seq) = (round.at.as_millis().to_string(), round.round_seq.to_string());
        Self::over(&["round", &seq, &at, &round.booking_id, &plain_json(round.record.get())])
    }

    fn of_track(track: &Track) -> Self {
        Self::track(&track.vehicle, track.fixes.iter())
    }

    /// The digest of the fixes that a track of `vehicle` holds.
    pub fn track<'a>(vehicle: &VehicleId, fixes: impl Iterator<Item = &'a Place>) -> Self {
        let mut sha = Sha256::new();
        sha.update(vehicle.as_str());
        for Place { ts, lat, lon, .. } in fixes {
            sha.update(ts.to_be_bytes());
            sha.update(e7(*lat).to_be_bytes());
            sha.update(e7(*lon).to_be_bytes());
        }
        Self(sha.finalize().into())
    }

    /// The digest of a row: its key and its columns as JSON texts.
    pub fn row(key: &str, columns: &str) -> Self {
        Self::over(&[&plain_json(key), &plain_json(columns)])
    }

    fn over(parts: &[&str]) -> Self {
        let mut sha = Sha256::new();
        for part in parts {
            let part = plain(part);
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part);
        }
        Self(sha.finalize().into())
    }

    /// In hex.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}

/// Whole numbers of a track's fixes added up, so that a fix that is changed or gone shows: times in milliseconds, and degrees in steps
/// of 1e-7 with weights of their own.
pub fn sum_of(track: &Track) -> i64 {
    let of = |p: &Place| p.ts.wrapping_add(e7(p.lat).wrapping_mul(31)).wrapping_add(e7(p.lon).wrapping_mul(961));
    track.fixes.iter().fold(0, |sum, place| sum.wrapping_add(of(place)))
}

/// Adds up digests, in order, to one hash.
#[derive(Clone, Default)]
pub struct Sum {
    sha: Sha256,
    /// How many.
    pub count: u64,
    /// The first number.
    pub first: i64,
    /// The last number.
    pub last: i64,
}

impl Sum {
    /// The next one, of number `seq`.
    pub fn add(&mut self, seq: i64, digest: Digest) {
        self.sha.update(digest.0);
        (self.count, self.last) = (self.count + 1, seq);
        self.first = if self.count == 1 { seq } else { self.first };
    }

    /// The hash in hex.
    pub fn hash(&self) -> String {
        hex(&self.sha.clone().finalize())
    }

    /// The receipt of `day`.
    pub fn receipt(&self, day: &str) -> Receipt {
        Receipt { day: day.to_owned(), records: self.count, first: self.first, last: self.last, hash: self.hash() }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_an_escaped_nul_is_replaced() {
        let same = [r#"{"a":"\\u0000 é"}"#, r#"["\\\\u0000"]"#, r#"["\n\u0001"]"#, "\\", ""];
        for text in same {
            assert_eq!(super::plain_json(text), text);
        }
        assert_eq!(super::plain_json(r#"["\u0000","\\\u0000","\é\u0000"]"#), r#"["\ufffd","\\\ufffd","\é\ufffd"]"#);
    }
}

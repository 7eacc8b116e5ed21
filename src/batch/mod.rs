//! What goes up the line to head office: numbered batches of records, one JSON document a line, packed with zstd.
//!
//! A batch says which numbers of its lane it covers, first to last. Numbers in between that no record has are covered too: they were
//! overtaken by a later change of the same row. The next batch begins behind the last, so a receiver that keeps the last
//! number with the data knows a repeat and a hole when it sees one: exactly once in effect, in order, lane by lane.

mod answers;
mod command;
mod receipt;
mod record;
mod row;
mod track;

pub use answers::{Agreed, Known, Order, Page, Stored};
pub use command::{Command, KINDS, MAX_COMMAND, NoKey, PublicKey, SigningKey, digest, is_cmd_id};
pub use receipt::{Digest, Receipt, StoredRow, Sum, TableReceipt, day_of, hex, plain, plain_json, sum_of};
pub use record::{AuditEntry, Column, EpochMark, EventEntry, Gap, Line, Place, Record, RoundEntry, RowState};
pub use track::Track;

use crate::model::Lane;
use bytes::Bytes;
use std::io::Read;

/// A packed batch is never larger.
pub const MAX_BYTES: usize = 960 * 1024;
/// An unpacked one never becomes larger than this on the receiver's side.
pub const MAX_UNPACKED: usize = 16 << 20;
/// A line is never longer: one record may be all of a batch.
pub const MAX_LINE: usize = 4 << 20;
/// A batch never holds more records.
pub const MAX_RECORDS: usize = 100_000;
/// Its tracks never hold more fixes.
const MAX_FIXES: usize = 600_000;
/// Numbers stay below, so that there is always a next one.
const END: i64 = 1 << 62;
/// Instants in milliseconds since 1970 that are taken: the years 1 to 9999.
const TIMES: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;
/// A batch is closed when its lines have become so long.
pub const TARGET_UNPACKED: usize = 4 << 20;
/// zstd's own default: the depot's processor is small, and so is what more would save.
const LEVEL: i32 = 3;

/// What a batch covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// The depot's id at head office.
    pub depot: String,
    /// The epoch of the numbers, made anew at each restore.
    pub epoch: String,
    /// The first number of that epoch.
    pub epoch_from: i64,
    /// Which lane.
    pub lane: Lane,
    /// The first number that it covers.
    pub first: i64,
    /// The last one.
    pub last: i64,
}

impl Span {
    /// One name for the batch, also when it is sent again: `depot/epoch/lane/first-last`.
    pub fn key(&self) -> String {
        format!("{}/{}/{}/{}-{}", self.depot, self.epoch, self.lane.as_str(), self.first, self.last)
    }

    /// Can there be such a span?
    pub fn check(&self) -> Result<(), Unreadable> {
        let wrong = |why: &str| Err(Unreadable::Span(why.to_owned()));
        if self.last < self.first || self.first < 0 || self.epoch_from < 1 || self.last.max(self.epoch_from) >= END {
            return wrong("the first numbers of the epoch and the batch and its last one must grow, from 1 on, and stay below 2^62");
        }
        if self.epoch.is_empty() || self.epoch.len() > 64 {
            return wrong("an epoch must have 1 to 64 letters");
        }
        Ok(())
    }
}

/// Is that an instant that is taken, in milliseconds since 1970? Calendars and databases end somewhere.
pub fn is_time(millis: i64) -> bool {
    TIMES.contains(&millis)
}

/// A batch, packed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// What it covers.
    pub span: Span,
    /// How many records it holds.
    pub records: u64,
    /// How many numbers it tells as lost. Only who packed it knows; 0 at the receiver.
    pub lost: u64,
    /// How long the records are unpacked. Only who packed it knows; 0 at the receiver.
    pub unpacked: usize,
    /// The records, one JSON document a line, packed with zstd.
    pub body: Bytes,
}

/// Why a batch cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Not zstd, or more than [`MAX_UNPACKED`].
    #[error("the batch is not zstd, or longer than {MAX_UNPACKED} bytes: {0}")]
    Packing(String),
    /// A line is no record.
    #[error("line {line}: {why}")]
    Line {
        /// Which, from 1 on.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The lines are not those that the span promises.
    #[error("{0}")]
    Span(String),
}

impl Batch {
    /// Packs `lines`, each ended by a line feed.
    pub fn pack(span: Span, records: u64, lost: u64, lines: &[u8]) -> std::io::Result<Self> {
        Ok(Self { span, records, lost, unpacked: lines.len(), body: zstd::bulk::compress(lines, LEVEL)?.into() })
    }

    /// How long the next batch of such records may become unpacked, so that packed it is not longer than `most` bytes.
    pub fn fitting(&self, most: usize) -> usize {
        let room = most - most / 8;
        (self.unpacked.saturating_mul(room) / self.body.len().max(1)).clamp(1, TARGET_UNPACKED)
    }

    /// The lines.
    pub fn unpack(&self) -> Result<String, Unreadable> {
        let wrong = |e: std::io::Error| Unreadable::Packing(e.to_string());
        let limit = u64::try_from(MAX_UNPACKED).unwrap_or(u64::MAX);
        let mut text = String::new();
        let decoder = zstd::stream::read::Decoder::new(&self.body[..]).map_err(wrong)?;
        decoder.take(limit + 1).read_to_string(&mut text).map_err(wrong)?;
        if text.len() > MAX_UNPACKED {
            return Err(Unreadable::Packing("too long".into()));
        }
        Ok(text)
    }

    /// The records of `lines`, which [`Batch::unpack`] gave: as many as it says, their numbers growing and within its span.
    pub fn records<'a>(&self, lines: &'a str) -> Result<Vec<Line<'a>>, Unreadable> {
        self.span.check()?;
        let (mut found, mut fixes): (Vec<Line<'_>>, usize) = (Vec::new(), 0);
        let mut before = self.span.first - 1;
        for (line, text) in (1..).zip(lines.lines()) {
            let wrong = |why: String| Unreadable::Line { line, why };
            if text.len() > MAX_LINE || found.len() >= MAX_RECORDS {
                return Err(wrong(format!("a line has {MAX_LINE} bytes at most, and a batch {MAX_RECORDS} lines")));
            }
            let read = Line::read(text).map_err(|e| wrong(e.to_string()))?;
            read.check(self.span.lane).map_err(wrong)?;
            fixes += if let Record::Track(track) = &read.record { track.fixes.len() } else { 0 };
            if fixes > MAX_FIXES {
                return Err(wrong(format!("a batch holds {MAX_FIXES} fixes at most")));
            }
            if self.span.lane.is_durable() {
                if read.seq <= before || read.seq > self.span.last {
                    return Err(wrong(format!("its number {} is not within {} to {}", read.seq, before + 1, self.span.last)));
                }
                before = read.seq;
            }
            found.push(read);
        }
        if found.len() as u64 != self.records {
            return Err(Unreadable::Span(format!("it holds {} records, not {}", found.len(), self.records)));
        }
        Ok(found)
    }

    /// What of it is behind number `through`, which it covers.
    pub fn behind(&self, through: i64) -> Result<Self, Unreadable> {
        let text = self.unpack()?;
        let lines = self.records(&text)?;
        let known = lines.iter().take_while(|line| line.seq <= through).count();
        let span = Span { first: through + 1, ..self.span.clone() };
        Self::of_lines(span, text.lines().skip(known))
    }

    /// Its two halves, one behind the other; `None` when one record is all that it holds.
    pub fn halves(&self) -> Result<Option<(Self, Self)>, Unreadable> {
        let text = self.unpack()?;
        let lines = self.records(&text)?;
        let half = lines.len() / 2;
        let Some(last) = half.checked_sub(1).and_then(|at| lines.get(at)) else { return Ok(None) };
        let span = Span { last: last.seq, ..self.span.clone() };
        Ok(Some((Self::of_lines(span, text.lines().take(half))?, self.behind(last.seq)?)))
    }

    fn of_lines<'a>(span: Span, lines: impl Iterator<Item = &'a str>) -> Result<Self, Unreadable> {
        let (mut text, mut records) = (String::new(), 0);
        for line in lines {
            text.push_str(line);
            text.push('\n');
            records += 1;
        }
        Self::pack(span, records, 0, text.as_bytes()).map_err(|e| Unreadable::Packing(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(seq: i64) -> String {
        format!("{{\"seq\":{seq},\"type\":\"gap\",\"first\":{seq},\"last\":{seq},\"reason\":\"retention\"}}\n")
    }

    #[test]
    fn parts_of_a_batch_cover_what_it_covers() {
        let whole = batch(&[5, 7, 9].map(gap).concat(), 3);
        let (first, second) = whole.halves().unwrap().unwrap();
        assert_eq!((first.span.first, first.span.last, first.records), (5, 5, 1));
        assert_eq!((second.span.first, second.span.last, second.records), (6, 9, 2));
        assert_eq!(second.unpack().unwrap(), [7, 9].map(gap).concat());
        assert!(first.halves().unwrap().is_none());
        let rest = whole.behind(8).unwrap();
        assert_eq!((rest.span.first, rest.records, rest.unpack().unwrap()), (9, 1, gap(9)));
    }

    fn batch(lines: &str, records: u64) -> Batch {
        let span = Span { depot: "d".into(), epoch: "e".into(), epoch_from: 1, lane: Lane::Bookings, first: 5, last: 9 };
        Batch::pack(span, records, 0, lines.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_outside_of_the_span_and_records_that_are_missing_are_refused() {
        let read = |lines: &str, records| {
            let batch = batch(lines, records);
            let text = batch.unpack().unwrap();
            batch.records(&text).map(|r| r.len()).map_err(|e| e.to_string())
        };
        assert_eq!(read(&(gap(5) + &gap(9)), 2), Ok(2));
        assert!(read(&gap(10), 1).unwrap_err().contains("number 10"));
        assert!(read(&(gap(6) + &gap(6)), 2).unwrap_err().contains("line 2"));
        assert!(read(&gap(5), 2).unwrap_err().contains("holds 1 records, not 2"));
        assert!(read("{\"seq\":5,\"type\":\"verse\"}\n", 1).unwrap_err().contains("verse"));
        let round = r#"{"seq":5,"type":"round","round_seq":1,"booking_id":"b","at":"2026-05-30T00:00:00Z","record":{}}"#;
        assert!(read(round, 1).unwrap_err().contains("no record of lane bookings"));
        let row = |key: &str, row: &str| format!("{{\"seq\":5,\"type\":\"row\",\"table\":\"t\",\"key\":{key},\"row\":{row}}}");
        assert_eq!(read(&row("[1,\"a\"]", "{\"a\":null,\"b\":1.5,\"c\":true}"), 1), Ok(1));
        for wrong in [row("[1,2,3,4,5]", "null"), row("[[1]]", "null"), row("[1]", "{\"a\":[]}"), row("[1]", "{\"a\":{}}")] {
            assert!(read(&wrong, 1).unwrap_err().starts_with("line 1: "), "{wrong}");
        }
        assert!(Batch { body: Bytes::from_static(b"no zstd"), ..batch("", 0) }.unpack().is_err());
    }
}

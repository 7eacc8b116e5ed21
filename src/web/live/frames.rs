//! What goes over the live socket, as the console reads it.

use crate::model::{BookingId, Status, Timestamp};
use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A vehicle as the live view knows it. Numbers are small on purpose: a frame holds thousands of rows.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// Stands for the vehicle in later frames.
    pub idx: u32,
    /// Its id.
    pub id: Arc<str>,
    /// Its class.
    pub class: Arc<str>,
    /// Latitude and longitude in 1e-5 degrees; `None` before the first fix.
    pub at: Option<(i32, i32)>,
    /// Degrees clockwise from north.
    pub course: Option<u16>,
    /// km/h.
    pub speed: Option<u16>,
    /// 0 free, 1 en route, 2 loading, 3 offline, 4 off duty, 5 paused.
    pub status: u8,
    /// Time of the fix.
    pub fix: Option<Timestamp>,
    /// The booking it has.
    pub booking: Option<BookingId>,
}

type FullRow<'a> = (u32, &'a str, &'a str, Option<i32>, Option<i32>, Option<u16>, Option<u16>, u8, Option<i64>, Option<BookingId>);
type DeltaRow = (u32, Option<i32>, Option<i32>, Option<u16>, Option<u16>, u8, Option<i64>);

impl Row {
    fn full(&self) -> FullRow<'_> {
        let (lat, lon) = self.at.unzip();
        let fix = self.fix.map(Timestamp::as_millis);
        (self.idx, &self.id, &self.class, lat, lon, self.course, self.speed, self.status, fix, self.booking)
    }
    fn delta(&self) -> DeltaRow {
        let (lat, lon) = self.at.unzip();
        (self.idx, lat, lon, self.course, self.speed, self.status, self.fix.map(Timestamp::as_millis))
    }
}

/// A booking that may still change, as JSON.
#[derive(Clone, Debug)]
pub struct Open {
    /// Where it stands.
    pub status: Status,
    /// Who it is for.
    pub customer: Option<Box<str>>,
    /// The booking as the API shows it.
    pub json: Arc<RawValue>,
}

/// How many vehicles are in each status, and bookings without one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    free: u32,
    en_route: u32,
    loading: u32,
    offline: u32,
    off_duty: u32,
    paused: u32,
    unassigned: u32,
}

impl Counts {
    /// Counts both.
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>, open: &BTreeMap<BookingId, Open>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            *match row.status {
                0 => &mut counts.free,
                1 => &mut counts.en_route,
                2 => &mut counts.loading,
                3 => &mut counts.offline,
                5 => &mut counts.paused,
                _ => &mut counts.off_duty,
            } += 1;
        }
        let waits = |o: &&Open| matches!(o.status, Status::Waiting | Status::Offered);
        counts.unassigned = u32::try_from(open.values().filter(waits).count()).unwrap_or(u32::MAX);
        counts
    }
}

/// One message to a client.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its `t`.
    pub kind: &'static str,
    /// The whole of it, JSON.
    pub text: Utf8Bytes,
}

/// Bookings in a snapshot at most.
const SNAPSHOT_BOOKINGS: usize = 2000;

/// All there is to see.
pub fn snapshot<'a>(seq: u64, now: Timestamp, rows: impl Iterator<Item = &'a Row>, open: impl Iterator<Item = &'a Open>) -> Frame {
    #[derive(Serialize)]
    struct Told<'a> {
        t: &'static str,
        seq: u64,
        now: i64,
        vehicles: Vec<FullRow<'a>>,
        bookings: Vec<&'a RawValue>,
    }
    let told = Told {
        t: "snapshot",
        seq,
        now: now.as_millis(),
        vehicles: rows.map(Row::full).collect(),
        bookings: open.take(SNAPSHOT_BOOKINGS).map(|o| &*o.json).collect(),
    };
    encode(told.t, &told)
}

/// What changed since the frame before.
#[derive(Debug, Default)]
pub struct Changes<'a> {
    /// Vehicles that moved or do something else.
    pub changed: Vec<&'a Row>,
    /// Vehicles that the client has not seen yet.
    pub new: Vec<&'a Row>,
    /// Numbers of vehicles that it sees no more.
    pub gone: Vec<u32>,
    /// Bookings that changed.
    pub bookings: Vec<&'a RawValue>,
    /// How many there are of which, for those who may know.
    pub counts: Option<Counts>,
}

/// Tells them.
pub fn delta((seq, now): (u64, Timestamp), changes: &Changes<'_>) -> Frame {
    #[derive(Serialize)]
    struct Told<'a> {
        t: &'static str,
        seq: u64,
        now: i64,
        v: Vec<DeltaRow>,
        new: Vec<(u32, &'a str, &'a str)>,
        #[serde(skip_serializing_if = "<[u32]>::is_empty")]
        gone: &'a [u32],
        b: &'a [&'a RawValue],
        #[serde(skip_serializing_if = "Option::is_none")]
        counts: Option<Counts>,
    }
    let told = Told {
        t: "delta",
        seq,
        now: now.as_millis(),
        v: changes.changed.iter().map(|row| row.delta()).collect(),
        new: changes.new.iter().map(|r| (r.idx, &*r.id, &*r.class)).collect(),
        gone: &changes.gone,
        b: &changes.bookings,
        counts: changes.counts,
    };
    encode(told.t, &told)
}

/// Today's figures.
pub fn figures(seq: u64, now: Timestamp, summary: &RawValue) -> Frame {
    #[derive(Serialize)]
    struct Told<'a> {
        t: &'static str,
        seq: u64,
        now: i64,
        summary: &'a RawValue,
    }
    encode("figures", &Told { t: "figures", seq, now: now.as_millis(), summary })
}

/// What is said to those at the console.
pub fn message(seq: u64, now: Timestamp, message: &RawValue) -> Frame {
    #[derive(Serialize)]
    struct Told<'a> {
        t: &'static str,
        seq: u64,
        now: i64,
        message: &'a RawValue,
    }
    encode("message", &Told { t: "message", seq, now: now.as_millis(), message })
}

/// The one vehicle that a client looks at.
pub fn selected(seq: u64, row: &Row) -> Frame {
    #[derive(Serialize)]
    struct Told {
        t: &'static str,
        seq: u64,
        v: DeltaRow,
    }
    encode("sel", &Told { t: "sel", seq, v: row.delta() })
}

fn encode(kind: &'static str, frame: &impl Serialize) -> Frame {
    Frame { kind, text: serde_json::to_string(frame).unwrap_or_default().into() }
}

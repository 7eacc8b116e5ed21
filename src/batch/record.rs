//! The records of a batch, one JSON document a line: `seq` and `type` first.

use super::is_time;
use super::row;
use super::track::Track;
use crate::model::{Fix, Lane, Timestamp, VehicleId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A value of a row's column.
pub type Column = Value;

/// A record and its number.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number in the lane; 0 in the live lane.
    pub seq: i64,
    /// What it says.
    pub record: Record<'a>,
}

/// What a line says.
#[derive(Debug)]
pub enum Record<'a> {
    /// Something happened.
    Event(EventEntry<'a>),
    /// Somebody did something.
    Audit(AuditEntry<'a>),
    /// A row is so now.
    Row(RowState),
    /// A dispatch round looked at a booking.
    Round(RoundEntry<'a>),
    /// A vehicle's fixes of a quarter of an hour, or a part of it.
    Track(Track),
    /// Where a vehicle is.
    Position(Place),
    /// Records were lost before they could be sent.
    Gap(Gap),
    /// What follows is of this epoch. Only in what upstream hands back, never in a batch.
    Epoch(EpochMark),
}

/// An entry of the journal.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventEntry<'a> {
    /// Its number in the journal.
    pub journal_seq: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, like `booking.assigned`.
    pub kind: String,
    /// Who made it happen, like `user:ana`.
    pub actor: String,
    /// The booking it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub booking_id: Option<String>,
    /// The vehicle it concerns.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vehicle_id: Option<String>,
    /// The rest.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// An entry of the audit record.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditEntry<'a> {
    /// Its number in the record.
    pub audit_seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What, like `device.revoke`.
    pub action: String,
    /// To what.
    pub object: String,
    /// One JSON object.
    #[serde(borrow)]
    pub detail: &'a RawValue,
    /// The hash of the entry before.
    pub previous: String,
    /// SHA-256 over that and this entry.
    pub hash: String,
}

/// A row as it is now.
#[derive(Debug, Serialize, Deserialize)]
pub struct RowState {
    /// Its table.
    pub table: String,
    /// Its key.
    #[serde(deserialize_with = "row::key")]
    pub key: Vec<Column>,
    /// Its columns; `null` when the row was deleted.
    #[serde(deserialize_with = "row::columns")]
    pub row: Option<Map<String, Column>>,
}

/// What a dispatch round said about a booking.
#[derive(Debug, Serialize, Deserialize)]
pub struct RoundEntry<'a> {
    /// Its number.
    pub round_seq: i64,
    /// Which booking.
    pub booking_id: String,
    /// When.
    pub at: Timestamp,
    /// Candidates, costs, exclusions.
    #[serde(borrow)]
    pub record: &'a RawValue,
}

/// Where a vehicle was, or is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Whose place it is; in a track the track says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vehicle: Option<VehicleId>,
    /// Fix time in milliseconds since 1970 UTC.
    pub ts: i64,
    /// When the depot received it, in milliseconds since 1970 UTC.
    pub received: i64,
    /// Latitude in degrees.
    pub lat: f64,
    /// Longitude in degrees.
    pub lon: f64,
    /// Speed in km/h.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub speed_kmh: Option<f32>,
    /// Course in degrees.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub course: Option<f32>,
    /// Accuracy in metres.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy_m: Option<f32>,
    /// Battery charge in percent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub battery: Option<f32>,
    /// Is the ignition on?
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ignition: Option<bool>,
    /// What the depot's filter found: 1 future, 2 old, 4 jump, 8 alarm, added up.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub flags: u8,
    /// Attributes of the device's format, one JSON object as text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub extras: Option<String>,
    /// What the vehicle is doing, like `free`; only of the latest place.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(flags: &u8) -> bool {
    *flags == 0
}

impl From<&Fix> for Place {
    fn from(fix: &Fix) -> Self {
        Self {
            vehicle: None,
            ts: fix.ts.as_millis(),
            received: fix.received.as_millis(),
            lat: fix.place.lat(),
            lon: fix.place.lon(),
            speed_kmh: fix.speed_kmh,
            course: fix.course,
            accuracy_m: fix.accuracy_m,
            battery: fix.battery,
            ignition: fix.ignition,
            flags: fix.flags.bits(),
            extras: fix.extras.as_deref().map(str::to_owned),
            status: None,
        }
    }
}

/// Records that are not there any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The first number of the hole.
    pub first: i64,
    /// The last one, which is the record's own number.
    pub last: i64,
    /// Why, like `retention`.
    pub reason: String,
}

/// An epoch of the depot's, and the numbers of it that count: a restore took back what is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochMark {
    /// Its name.
    pub epoch: String,
    /// Its first number.
    pub from: i64,
    /// The last number that is kept of it and counts.
    pub through: i64,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(default)]
    seq: i64,
    #[serde(rename = "type", borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct Framed<'a, T> {
    seq: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    rest: &'a T,
}

impl<'a> Line<'a> {
    /// Is it a record of `lane`, and at a time that is taken?
    pub(super) fn check(&self, lane: Lane) -> Result<(), String> {
        let (fits, time) = match &self.record {
            Record::Event(event) => (matches!(lane, Lane::Bookings | Lane::Dispatch), is_time(event.at.as_millis())),
            Record::Audit(entry) => (lane == Lane::Bookings, is_time(entry.at.as_millis())),
            Record::Row(_) => (lane == Lane::Bookings, true),
            Record::Round(round) => (lane == Lane::Dispatch, is_time(round.at.as_millis())),
            Record::Track(track) => (lane == Lane::History, track.fixes.iter().all(|fix| is_time(fix.ts) && is_time(fix.received))),
            Record::Position(place) => (lane == Lane::Live, is_time(place.ts) && is_time(place.received)),
            Record::Gap(_) => (true, true),
            Record::Epoch(_) => (false, true),
        };
        match (fits, time) {
            (false, _) => Err(format!("it is no record of lane {}", lane.as_str())),
            (true, false) => Err("it tells a time outside of the years 1 to 9999".to_owned()),
            (true, true) => Ok(()),
        }
    }

    /// Reads a line. Members that are not known are passed over: a newer depot may say more.
    pub fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        let head: Head<'_> = serde_json::from_str(text)?;
        let record = match &*head.kind {
            "event" => Record::Event(serde_json::from_str(text)?),
            "audit" => Record::Audit(serde_json::from_str(text)?),
            "row" => Record::Row(serde_json::from_str(text)?),
            "round" => Record::Round(serde_json::from_str(text)?),
            "track" => Record::Track(serde_json::from_str(text)?),
            "position" => Record::Position(serde_json::from_str(text)?),
            "gap" => Record::Gap(serde_json::from_str(text)?),
            "epoch" => Record::Epoch(serde_json::from_str(text)?),
            other => return Err(serde::de::Error::custom(format!("there is no record of type {other:?}"))),
        };
        Ok(Self { seq: head.seq, record })
    }

    /// Writes it with its line feed.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        match &self.record {
            Record::Event(rest) => put(out, self.seq, "event", rest),
            Record::Audit(rest) => put(out, self.seq, "audit", rest),
            Record::Row(rest) => put(out, self.seq, "row", rest),
            Record::Round(rest) => put(out, self.seq, "round", rest),
            Record::Track(rest) => put(out, self.seq, "track", rest),
            Record::Position(rest) => put(out, self.seq, "position", rest),
            Record::Gap(rest) => put(out, self.seq, "gap", rest),
            Record::Epoch(rest) => put(out, self.seq, "epoch", rest),
        }
    }
}

fn put<T: Serialize>(out: &mut Vec<u8>, seq: i64, kind: &'static str, rest: &T) -> Result<(), serde_json::Error> {
    serde_json::to_writer(&mut *out, &Framed { seq, kind, rest })?;
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_went() {
        let lines = [
            r#"{"seq":1,"type":"event","journal_seq":4,"at":"2026-05-30T00:00:00.000Z","kind":"booking.placed","actor":"user:ana","booking_id":"b","data":{"a": [1,  2]}}"#,
            r#"{"seq":2,"type":"audit","audit_seq":3,"at":"2026-05-30T00:00:00.000Z","actor":"system","action":"x","object":"y","detail":{},"previous":"","hash":"ab"}"#,
            r#"{"seq":3,"type":"row","table":"bookings","key":[7],"row":{"lat":42.123456789012344,"name":null}}"#,
            r#"{"seq":4,"type":"row","table":"shifts","key":[7],"row":null}"#,
            r#"{"seq":5,"type":"round","round_seq":9,"booking_id":"b","at":"2026-05-30T00:00:00.000Z","record":{"x":1}}"#,
            r#"{"seq":6,"type":"track","vehicle":"KA-1","ts_ms":[1780000000000,5000],"delay_ms":[40,-2],"lat_e7":[425000000,12],"lon_e7":[15000000,-7],"speed_kmh_e2":[3150,null],"flags":[8,0]}"#,
            r#"{"seq":0,"type":"position","vehicle":"KA-1","ts":1,"received":2,"lat":42.5,"lon":1.5,"status":"free"}"#,
            r#"{"seq":9,"type":"gap","first":7,"last":9,"reason":"retention"}"#,
            r#"{"seq":0,"type":"epoch","epoch":"a","from":1,"through":9}"#,
        ];
        for line in lines {
            let mut out = Vec::new();
            Line::read(line).unwrap().write(&mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap().trim_end(), line);
        }
    }
}

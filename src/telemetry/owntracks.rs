//! OwnTracks JSON. Only `_type: "location"` is a position; wills, waypoints, transitions and cards are sound but none.

use super::Rejected;
use super::json::{self, Extras, Key, Number, Truth};
use crate::model::{Fix, Flag, Flags, Timestamp, VehicleId};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Ends of topics that carry no positions, whatever their payload is (`cmd` and `info` may even be no JSON object).
const OTHER_TOPICS: [&str; 7] = ["event", "waypoint", "waypoints", "status", "cmd", "info", "dump"];

pub(super) fn decode(topic: &str, payload: &[u8], vehicle: &VehicleId, received: Timestamp, fixes: &mut Vec<Fix>) -> Result<(), Rejected> {
    let below_device = topic.strip_prefix("owntracks/").and_then(|t| t.splitn(3, '/').nth(2));
    if payload.is_empty() || below_device.is_some_and(|end| OTHER_TOPICS.contains(&end)) {
        return Ok(());
    }
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let parts = reader.deserialize_map(PartsVisitor).map_err(|e| json::json_fault(&e))?;
    reader.end().map_err(|e| json::json_fault(&e))?;
    match &parts.kind {
        None => Err(Rejected::Missing("_type")),
        Some(kind) if kind != "location" => Ok(()),
        Some(_) => {
            fixes.push(parts.fix(vehicle, received)?);
            Ok(())
        }
    }
}

#[derive(Default)]
struct Parts {
    kind: Option<String>,
    tst: Option<Lenient>,
    lat: Option<Lenient>,
    lon: Option<Lenient>,
    vel: Option<Lenient>,
    cog: Option<Lenient>,
    acc: Option<Lenient>,
    batt: Option<Lenient>,
    ign: Option<bool>,
    alarm: bool,
    extras: Extras,
}

/// A number, or something else: which types have which fields is known only when `_type` has been seen.
#[derive(Clone, Copy)]
struct Lenient(Option<f64>);

impl Lenient {
    fn of(value: &RawValue) -> Self {
        Self(serde_json::from_str::<Number>(value.get()).ok().map(|n| n.0))
    }
}

fn needed(value: Option<Lenient>, field: &'static str) -> Result<f64, Rejected> {
    value.ok_or(Rejected::Missing(field))?.0.ok_or(Rejected::Field { field, problem: "must be a number" })
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an OwnTracks object with `_type`")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
        let mut parts = Parts::default();
        while let Some(Key(key)) = map.next_key()? {
            if key == "_type" {
                parts.kind = map.next_value().map_err(|e| de::Error::custom(format_args!("`_type`: {e}")))?;
                continue;
            }
            let value: &RawValue = map.next_value()?;
            if value.get() != "null" {
                parts.put(&key, value);
            }
        }
        Ok(parts)
    }
}

impl Parts {
    fn put(&mut self, key: &str, value: &RawValue) {
        let number = match key {
            "tst" => &mut self.tst,
            "lat" => &mut self.lat,
            "lon" => &mut self.lon,
            "vel" => &mut self.vel,
            "cog" => &mut self.cog,
            "acc" => &mut self.acc,
            "batt" => &mut self.batt,
            _ => return self.put_other(key, value),
        };
        *number = Some(Lenient::of(value));
    }

    fn put_other(&mut self, key: &str, value: &RawValue) {
        match key {
            "ign" => self.ign = serde_json::from_str::<Truth>(value.get()).ok().map(|t| t.0).or(self.ign),
            "t" if value.get() == "\"i\"" => self.ign = self.ign.or(Some(true)),
            "t" if value.get() == "\"I\"" => self.ign = self.ign.or(Some(false)),
            "alarm" | "sos" | "panic" => self.alarm |= json::raises_alarm(value),
            // Who and where from is known already.
            "topic" | "_id" => return,
            _ => {}
        }
        self.extras.put(key, value);
    }

    fn fix(self, vehicle: &VehicleId, received: Timestamp) -> Result<Fix, Rejected> {
        let seconds = needed(self.tst, "tst")?;
        let wrong_time = Rejected::Field { field: "tst", problem: "must be a time in epoch seconds" };
        let ts = Timestamp::from_millis(json::whole(seconds * 1000.0).ok_or(wrong_time)?);
        let (lat, lon) = (needed(self.lat, "lat")?, needed(self.lon, "lon")?);
        let optional = |value: Option<Lenient>, most: f64| json::quantity(value.and_then(|v| v.0), most);
        Ok(Fix {
            vehicle: vehicle.clone(),
            ts: json::plausible(ts, "tst")?,
            received,
            place: json::place(lat, lon, ("lat", "lon"))?,
            speed_kmh: optional(self.vel, 1e4),
            course: optional(self.cog, 360.0),
            accuracy_m: optional(self.acc, 1e7),
            ignition: self.ign,
            battery: optional(self.batt, 100.0),
            flags: if self.alarm { Flags::default().with(Flag::Alarm) } else { Flags::default() },
            extras: self.extras.finish(),
        })
    }
}

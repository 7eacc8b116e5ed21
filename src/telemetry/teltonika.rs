//! Teltonika "Codec JSON": one record, bare or under `state.reported`. Numbers as keys are the unit's IO elements.

use super::Rejected;
use super::json::{self, Extras, Key, Number, Truth};
use crate::model::{Fix, Flag, Flags, Timestamp, VehicleId};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Priority of a record that was made because of an alarm ("panic").
const PANIC: f64 = 2.0;

pub(super) fn decode(payload: &[u8], vehicle: &VehicleId, received: Timestamp, fixes: &mut Vec<Fix>) -> Result<(), Rejected> {
    if payload.is_empty() {
        return Ok(());
    }
    let outer: Outer<'_> = serde_json::from_slice(payload).map_err(|e| json::json_fault(&e))?;
    let record = outer
        .state
        .map_or(Ok(None), |state| serde_json::from_str::<State<'_>>(state.get()).map(|s| s.reported).map_err(|e| json::json_fault(&e)))?;
    let parts: Parts = match record {
        Some(record) => serde_json::from_str(record.get()).map_err(|e| json::json_fault(&e))?,
        None if outer.is_answer => return Ok(()),
        None => serde_json::from_slice(payload).map_err(|e| json::json_fault(&e))?,
    };
    fixes.push(parts.fix(vehicle, received)?);
    Ok(())
}

#[derive(Deserialize)]
struct State<'a> {
    #[serde(borrow)]
    reported: Option<&'a RawValue>,
}

/// Only looks for `state`; and for the answer to a command, which is no position.
struct Outer<'a> {
    state: Option<&'a RawValue>,
    is_answer: bool,
}

struct OuterVisitor;

impl<'de> Visitor<'de> for OuterVisitor {
    type Value = Outer<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Codec JSON object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outer<'de>, A::Error> {
        let mut outer = Outer { state: None, is_answer: false };
        while let Some(Key(key)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            match &*key {
                "state" => outer.state = Some(value),
                "RSP" | "CMD" => outer.is_answer = true,
                _ => {}
            }
        }
        Ok(outer)
    }
}
impl<'de> Deserialize<'de> for Outer<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(OuterVisitor)
    }
}

#[derive(Default)]
struct Parts {
    ts: Option<f64>,
    place: Option<(f64, f64)>,
    speed_kmh: Option<f64>,
    course: Option<f64>,
    ignition: Option<bool>,
    battery: Option<f64>,
    alarm: bool,
    extras: Extras,
}

struct PartsVisitor;

impl<'de> Visitor<'de> for PartsVisitor {
    type Value = Parts;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record {ts, latlng, ...}")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts, A::Error> {
        let mut parts = Parts::default();
        while let Some(Key(key)) = map.next_key()? {
            let value: &RawValue = map.next_value()?;
            parts.put(&key, value).map_err(|e| de::Error::custom(format_args!("`{key}` {e}")))?;
        }
        Ok(parts)
    }
}
impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(PartsVisitor)
    }
}

impl Parts {
    fn put(&mut self, key: &str, value: &RawValue) -> Result<(), &'static str> {
        let number = || serde_json::from_str::<Number>(value.get()).map(|n| n.0).map_err(|_| "must be a number");
        match key {
            "ts" => self.ts = Some(number()?),
            "latlng" => self.place = Some(pair(value).ok_or("must be \"latitude,longitude\"")?),
            "sp" => self.speed_kmh = number().ok(),
            "ang" => self.course = number().ok(),
            _ => {
                match key {
                    "239" => self.ignition = serde_json::from_str::<Truth>(value.get()).ok().map(|t| t.0),
                    "113" => self.battery = number().ok(),
                    "236" | "alarm" => self.alarm |= json::raises_alarm(value),
                    "pr" => self.alarm |= number().is_ok_and(|n| n == PANIC),
                    _ => {}
                }
                self.extras.put(key, value);
            }
        }
        Ok(())
    }

    fn fix(self, vehicle: &VehicleId, received: Timestamp) -> Result<Fix, Rejected> {
        let wrong_time = Rejected::Field { field: "ts", problem: "must be a time in epoch milliseconds" };
        let ts = json::whole(self.ts.ok_or(Rejected::Missing("ts"))?).ok_or(wrong_time)?;
        let (lat, lon) = self.place.ok_or(Rejected::Missing("latlng"))?;
        Ok(Fix {
            vehicle: vehicle.clone(),
            ts: json::plausible(Timestamp::from_millis(ts), "ts")?,
            received,
            place: json::place(lat, lon, ("latlng", "latlng"))?,
            speed_kmh: json::quantity(self.speed_kmh, 1e4),
            course: json::quantity(self.course, 360.0),
            accuracy_m: None,
            ignition: self.ignition,
            battery: json::quantity(self.battery, 100.0),
            flags: if self.alarm { Flags::default().with(Flag::Alarm) } else { Flags::default() },
            extras: self.extras.finish(),
        })
    }
}

fn pair(value: &RawValue) -> Option<(f64, f64)> {
    let text: Cow<'_, str> = serde_json::from_str(value.get()).ok()?;
    let (lat, lon) = text.split_once(',')?;
    Some((lat.trim().parse().ok()?, lon.trim().parse().ok()?))
}

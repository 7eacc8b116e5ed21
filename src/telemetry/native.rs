//! The depot's own JSON: `{ts, lat, lon, speed_kmh?, course?, accuracy_m?, ignition?, battery?}`, or an array of such.

use super::json::{self, Extras, Key, Number, Time, Truth};
use super::{MAX_BATCH, Rejected};
use crate::model::{Fix, Flag, Flags, Timestamp, VehicleId};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

pub(super) fn decode(payload: &[u8], vehicle: &VehicleId, received: Timestamp, fixes: &mut Vec<Fix>) -> Result<(), Rejected> {
    let mut fault = None;
    let mut reader = serde_json::Deserializer::from_slice(payload);
    let message = Message { vehicle, received, fixes, fault: &mut fault };
    let read = reader.deserialize_any(message).and_then(|()| reader.end());
    match (fault, read) {
        (Some(fault), _) => Err(fault),
        (None, Err(e)) => Err(json::json_fault(&e)),
        (None, Ok(())) => Ok(()),
    }
}

pub(super) fn parts(payload: &[u8]) -> Result<Vec<&[u8]>, Rejected> {
    if payload.trim_ascii_start().first() != Some(&b'[') {
        return Ok(vec![payload]);
    }
    let parts: Vec<&RawValue> = serde_json::from_slice(payload).map_err(|e| json::json_fault(&e))?;
    if parts.len() > MAX_BATCH {
        return Err(Rejected::TooMany(MAX_BATCH));
    }
    Ok(parts.into_iter().map(|part| part.get().as_bytes()).collect())
}

/// One object or an array of them. A fault of meaning is left in `fault`, for serde's errors carry only text.
struct Message<'a> {
    vehicle: &'a VehicleId,
    received: Timestamp,
    fixes: &'a mut Vec<Fix>,
    fault: &'a mut Option<Rejected>,
}

impl<'de> Visitor<'de> for Message<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object {ts, lat, lon, ...} or an array of them")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        match Parts::read(map)?.fix(self.vehicle, self.received) {
            Ok(fix) => self.fixes.push(fix),
            Err(fault) => *self.fault = Some(fault),
        }
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(parts) = seq.next_element_seed(PartsSeed)? {
            number += 1;
            if number > MAX_BATCH {
                *self.fault = Some(Rejected::TooMany(MAX_BATCH));
            }
            if self.fault.is_some() {
                continue;
            }
            match parts.fix(self.vehicle, self.received) {
                Ok(fix) => self.fixes.push(fix),
                Err(fault) => *self.fault = Some(Rejected::InBatch { number, fault: Box::new(fault) }),
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Parts {
    ts: Option<Timestamp>,
    lat: Option<f64>,
    lon: Option<f64>,
    speed_kmh: Option<f64>,
    course: Option<f64>,
    accuracy_m: Option<f64>,
    battery: Option<f64>,
    ignition: Option<bool>,
    alarm: bool,
    extras: Extras,
}

/// Says which field serde stumbled over.
fn field<'de, A: MapAccess<'de>, T: serde::Deserialize<'de>>(map: &mut A, name: &str) -> Result<Option<T>, A::Error> {
    map.next_value().map_err(|e| de::Error::custom(format_args!("`{name}`: {e}")))
}

fn number<'de, A: MapAccess<'de>>(map: &mut A, name: &str) -> Result<Option<f64>, A::Error> {
    Ok(field::<A, Number>(map, name)?.map(|n| n.0))
}

impl Parts {
    fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut parts = Self::default();
        while let Some(Key(key)) = map.next_key()? {
            match &*key {
                "ts" => parts.ts = field::<_, Time>(&mut map, "ts")?.map(|t| t.0),
                "lat" => parts.lat = number(&mut map, "lat")?,
                "lon" => parts.lon = number(&mut map, "lon")?,
                "speed_kmh" => parts.speed_kmh = number(&mut map, "speed_kmh")?,
                "course" => parts.course = number(&mut map, "course")?,
                "accuracy_m" => parts.accuracy_m = number(&mut map, "accuracy_m")?,
                "battery" => parts.battery = number(&mut map, "battery")?,
                "ignition" => parts.ignition = field::<_, Truth>(&mut map, "ignition")?.map(|t| t.0),
                other => {
                    let value: &RawValue = map.next_value()?;
                    parts.alarm |= matches!(other, "alarm" | "sos" | "panic") && json::raises_alarm(value);
                    parts.extras.put(other, value);
                }
            }
        }
        Ok(parts)
    }

    fn fix(self, vehicle: &VehicleId, received: Timestamp) -> Result<Fix, Rejected> {
        let ts = json::plausible(self.ts.ok_or(Rejected::Missing("ts"))?, "ts")?;
        let lat = self.lat.ok_or(Rejected::Missing("lat"))?;
        let lon = self.lon.ok_or(Rejected::Missing("lon"))?;
        Ok(Fix {
            vehicle: vehicle.clone(),
            ts,
            received,
            place: json::place(lat, lon, ("lat", "lon"))?,
            speed_kmh: json::quantity(self.speed_kmh, 1e4),
            course: json::quantity(self.course, 360.0),
            accuracy_m: json::quantity(self.accuracy_m, 1e7),
            ignition: self.ignition,
            battery: json::quantity(self.battery, 100.0),
            flags: if self.alarm { Flags::default().with(Flag::Alarm) } else { Flags::default() },
            extras: self.extras.finish(),
        })
    }
}

struct PartsSeed;

impl<'de> DeserializeSeed<'de> for PartsSeed {
    type Value = Parts;
    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Parts, D::Error> {
        d.deserialize_map(self)
    }
}
impl<'de> Visitor<'de> for PartsSeed {
    type Value = Parts;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object {ts, lat, lon, ...}")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Parts, A::Error> {
        Parts::read(map)
    }
}

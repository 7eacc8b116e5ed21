//! A track as it travels: a column for each thing told of a fix, whole numbers, each the difference to the one before.
//!
//! `{"vehicle", "ts_ms": [1780000000000, 5000, …], "delay_ms": [40, 2, …], "lat_e7": […], "lon_e7": […]}`: fix time, receipt less fix
//! time, degrees in steps of 1e-7. The first number of a column is the difference to 0. Where a fix says nothing a column has `null`
//! and the next number is the difference to the last one there was; a column of which no fix says anything is left out.

use super::record::Place;
use crate::model::VehicleId;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

/// A vehicle's fixes of a quarter of an hour, or a part of it, in order of time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Columns")]
pub struct Track {
    /// Whose.
    pub vehicle: VehicleId,
    /// The fixes; at least one.
    pub fixes: Vec<Place>,
}

/// Optional numbers in hundredths of their unit: the column's name, and where a fix has it.
type Hundredths = (&'static str, fn(&Place) -> Option<f32>);
const HUNDREDTHS: [Hundredths; 4] =
    [("speed_kmh_e2", |p| p.speed_kmh), ("course_e2", |p| p.course), ("accuracy_m_e2", |p| p.accuracy_m), ("battery_e2", |p| p.battery)];

/// Degrees in steps of 1e-7, as the fix log keeps them.
#[expect(clippy::cast_possible_truncation, reason = "at most 1.8e9, and `as` saturates")]
pub(super) fn e7(degrees: f64) -> i64 {
    (degrees * 1e7).round() as i64
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates; a thing measured in hundredths never comes near")]
fn e2(value: f32) -> i64 {
    (f64::from(value) * 100.0).round() as i64
}

#[expect(clippy::cast_possible_truncation, reason = "back to the precision that it came from")]
fn from_e2(value: i64) -> f32 {
    (value as f64 / 100.0) as f32
}

/// Writes each number as the difference to the one before.
struct Differences<'a>(&'a [Place], fn(&Place) -> i64);

impl Serialize for Differences<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        to.collect_seq(self.0.iter().map(|place| {
            let value = self.1(place);
            value.wrapping_sub(std::mem::replace(&mut before, value))
        }))
    }
}

/// The same where a fix may say nothing.
struct Optional<'a>(&'a [Place], fn(&Place) -> Option<f32>);

impl Serialize for Optional<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        to.collect_seq(self.0.iter().map(|place| {
            let value = e2(self.1(place)?);
            Some(value.wrapping_sub(std::mem::replace(&mut before, value)))
        }))
    }
}

/// Writes what a column holds of each fix.
struct Each<'a, T>(&'a [Place], fn(&'a Place) -> T);

impl<T: Serialize> Serialize for Each<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(self.1))
    }
}

impl Serialize for Track {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let fixes = &self.fixes[..];
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("vehicle", &self.vehicle)?;
        map.serialize_entry("ts_ms", &Differences(fixes, |p| p.ts))?;
        map.serialize_entry("delay_ms", &Differences(fixes, |p| p.received.saturating_sub(p.ts)))?;
        map.serialize_entry("lat_e7", &Differences(fixes, |p| e7(p.lat)))?;
        map.serialize_entry("lon_e7", &Differences(fixes, |p| e7(p.lon)))?;
        for (name, of) in HUNDREDTHS {
            if fixes.iter().any(|place| of(place).is_some()) {
                map.serialize_entry(name, &Optional(fixes, of))?;
            }
        }
        if fixes.iter().any(|place| place.ignition.is_some()) {
            map.serialize_entry("ignition", &Each(fixes, |p| p.ignition))?;
        }
        if fixes.iter().any(|place| place.flags != 0) {
            map.serialize_entry("flags", &Each(fixes, |p| p.flags))?;
        }
        if fixes.iter().any(|place| place.extras.is_some()) {
            map.serialize_entry("extras", &Each(fixes, |p| p.extras.as_deref()))?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
struct Columns {
    vehicle: VehicleId,
    ts_ms: Vec<i64>,
    delay_ms: Vec<i64>,
    lat_e7: Vec<i64>,
    lon_e7: Vec<i64>,
    speed_kmh_e2: Option<Vec<Option<i64>>>,
    course_e2: Option<Vec<Option<i64>>>,
    accuracy_m_e2: Option<Vec<Option<i64>>>,
    battery_e2: Option<Vec<Option<i64>>>,
    ignition: Option<Vec<Option<bool>>>,
    flags: Option<Vec<u8>>,
    extras: Option<Vec<Option<String>>>,
}

fn add(sum: &mut i64, difference: i64) -> i64 {
    *sum = sum.wrapping_add(difference);
    *sum
}

/// The next fix's hundredths.
fn next(column: Option<&Vec<Option<i64>>>, at: usize, sum: &mut i64) -> Option<f32> {
    let difference = (*column?.get(at)?)?;
    Some(from_e2(add(sum, difference)))
}

impl Columns {
    /// The columns have a number for each fix, and there is one.
    fn check(&self) -> Result<(), String> {
        let count = self.ts_ms.len();
        if count == 0 {
            return Err("a track without fixes".to_owned());
        }
        let lengths = [
            ("delay_ms", Some(self.delay_ms.len())),
            ("lat_e7", Some(self.lat_e7.len())),
            ("lon_e7", Some(self.lon_e7.len())),
            ("speed_kmh_e2", self.speed_kmh_e2.as_ref().map(Vec::len)),
            ("course_e2", self.course_e2.as_ref().map(Vec::len)),
            ("accuracy_m_e2", self.accuracy_m_e2.as_ref().map(Vec::len)),
            ("battery_e2", self.battery_e2.as_ref().map(Vec::len)),
            ("ignition", self.ignition.as_ref().map(Vec::len)),
            ("flags", self.flags.as_ref().map(Vec::len)),
            ("extras", self.extras.as_ref().map(Vec::len)),
        ];
        match lengths.iter().find(|(_, length)| length.is_some_and(|length| length != count)) {
            Some((name, length)) => Err(format!("a track of {count} fixes has {} values of {name}", length.unwrap_or_default())),
            None => Ok(()),
        }
    }
}

impl TryFrom<Columns> for Track {
    type Error = String;

    fn try_from(mut columns: Columns) -> Result<Self, String> {
        columns.check()?;
        let ([mut ts, mut delay, mut lat, mut lon], mut sums) = ([0; 4], [0; 4]);
        let mut fixes = Vec::with_capacity(columns.ts_ms.len());
        for at in 0..columns.ts_ms.len() {
            let ts = add(&mut ts, columns.ts_ms[at]);
            let (lat, lon) = (add(&mut lat, columns.lat_e7[at]), add(&mut lon, columns.lon_e7[at]));
            if lat.unsigned_abs() > 900_000_000 || lon.unsigned_abs() > 1_800_000_000 {
                return Err(format!("a track leaves the globe at its fix {at}: {lat} {lon}"));
            }
            fixes.push(Place {
                vehicle: None,
                ts,
                received: ts.saturating_add(add(&mut delay, columns.delay_ms[at])),
                lat: lat as f64 / 1e7,
                lon: lon as f64 / 1e7,
                speed_kmh: next(columns.speed_kmh_e2.as_ref(), at, &mut sums[0]),
                course: next(columns.course_e2.as_ref(), at, &mut sums[1]),
                accuracy_m: next(columns.accuracy_m_e2.as_ref(), at, &mut sums[2]),
                battery: next(columns.battery_e2.as_ref(), at, &mut sums[3]),
                ignition: columns.ignition.as_ref().and_then(|column| column[at]),
                flags: columns.flags.as_ref().map_or(0, |column| column[at]),
                extras: columns.extras.as_mut().and_then(|column| column[at].take()),
                status: None,
            });
        }
        Ok(Self { vehicle: columns.vehicle, fixes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place() -> impl Strategy<Value = Place> {
        let hundredths = || prop::option::of((0..40_000_i64).prop_map(from_e2));
        let optional = (hundredths(), hundredths(), hundredths(), hundredths(), prop::option::of(any::<bool>()));
        let extras = prop::option::of("[a-z\"\\\\ é]{0,8}");
        (
            (
                -9_000_000_000_000..9_000_000_000_000_i64,
                -1_000_000..1_000_000_i64,
                -900_000_000..=900_000_000_i64,
                -1_800_000_000..=1_800_000_000_i64,
            ),
            optional,
            0..16_u8,
            extras,
        )
            .prop_map(|((ts, delay, lat, lon), (speed_kmh, course, accuracy_m, battery, ignition), flags, extras)| Place {
                vehicle: None,
                ts,
                received: ts + delay,
                lat: lat as f64 / 1e7,
                lon: lon as f64 / 1e7,
                speed_kmh,
                course,
                accuracy_m,
                battery,
                ignition,
                flags,
                extras,
                status: None,
            })
    }

    proptest! {
        #[test]
        fn a_track_comes_back_to_the_bit(fixes in prop::collection::vec(place(), 1..50)) {
            let track = Track { vehicle: VehicleId::new("van").unwrap(), fixes };
            let text = serde_json::to_string(&track).unwrap();
            prop_assert_eq!(serde_json::from_str::<Track>(&text).unwrap(), track);
        }
    }

    #[test]
    fn columns_of_different_length_and_places_off_the_globe_are_refused() {
        let refused = |text: &str| serde_json::from_str::<Track>(text).unwrap_err().to_string();
        let track = |rest: &str| format!(r#"{{"vehicle":"v","ts_ms":[1,2],"delay_ms":[0,0],"lat_e7":[1,1],{rest}}}"#);
        assert!(refused(&track(r#""lon_e7":[1]"#)).contains("2 fixes has 1 values of lon_e7"));
        assert!(refused(&track(r#""lon_e7":[1,1],"flags":[]"#)).contains("0 values of flags"));
        assert!(refused(&track(r#""lon_e7":[1800000000,1]"#)).contains("leaves the globe at its fix 1"));
        assert!(refused(r#"{"vehicle":"v","ts_ms":[],"delay_ms":[],"lat_e7":[],"lon_e7":[]}"#).contains("without fixes"));
    }
}

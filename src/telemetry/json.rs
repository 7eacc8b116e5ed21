//! What the JSON formats share: lenient numbers, times, and the keys that have no field.

use super::Rejected;
use crate::model::{Place, Timestamp};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A JSON number, or a string that holds one, as old units send it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number(pub f64);

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }
    fn visit_f64<E>(self, v: f64) -> Result<Number, E> {
        Ok(Number(v))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Number, E> {
        Ok(Number(v as f64))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Number, E> {
        Ok(Number(v as f64))
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<Number, E> {
        v.trim().parse().map(Number).map_err(|_| E::invalid_value(de::Unexpected::Str(v), &self))
    }
}
impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(NumberVisitor)
    }
}

/// A truth value as devices write it: `true`, `1`, `"on"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Truth(pub bool);

struct TruthVisitor;

impl Visitor<'_> for TruthVisitor {
    type Value = Truth;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }
    fn visit_bool<E>(self, v: bool) -> Result<Truth, E> {
        Ok(Truth(v))
    }
    fn visit_u64<E>(self, v: u64) -> Result<Truth, E> {
        Ok(Truth(v != 0))
    }
    fn visit_i64<E>(self, v: i64) -> Result<Truth, E> {
        Ok(Truth(v != 0))
    }
    fn visit_f64<E>(self, v: f64) -> Result<Truth, E> {
        Ok(Truth(v != 0.0))
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<Truth, E> {
        match v {
            "1" | "true" | "on" => Ok(Truth(true)),
            "0" | "false" | "off" | "" => Ok(Truth(false)),
            _ => Err(E::invalid_value(de::Unexpected::Str(v), &self)),
        }
    }
}
impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(TruthVisitor)
    }
}

/// RFC 3339 text or epoch milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub Timestamp);

struct TimeVisitor;

impl Visitor<'_> for TimeVisitor {
    type Value = Time;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time or epoch milliseconds")
    }
    fn visit_i64<E>(self, v: i64) -> Result<Time, E> {
        Ok(Time(Timestamp::from_millis(v)))
    }
    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Time, E> {
        let millis = i64::try_from(v).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(v), &self))?;
        Ok(Time(Timestamp::from_millis(millis)))
    }
    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Time, E> {
        whole(v).map(|ms| Time(Timestamp::from_millis(ms))).ok_or_else(|| E::invalid_value(de::Unexpected::Float(v), &self))
    }
    fn visit_str<E: de::Error>(self, v: &str) -> Result<Time, E> {
        quick_utc(v)
            .or_else(|| Timestamp::parse(v))
            .or_else(|| v.parse().ok().map(Timestamp::from_millis))
            .map(Time)
            .ok_or_else(|| E::invalid_value(de::Unexpected::Str(v), &self))
    }
}
impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(TimeVisitor)
    }
}

/// A whole number of a plausible size.
#[expect(clippy::cast_possible_truncation, reason = "checked to be far inside the range")]
pub(super) fn whole(value: f64) -> Option<i64> {
    (value.abs() < 1e15).then_some(value.round() as i64)
}

/// `2026-05-30T16:00:00[.123]Z`, the common shape, without a calendar library; `None`: let that one look.
pub(super) fn quick_utc(text: &str) -> Option<Timestamp> {
    let (&last, body) = text.as_bytes().split_last()?;
    let dashes = matches!(body.len(), 19 | 23) && last == b'Z' && body[4] == b'-' && body[7] == b'-' && body[10] == b'T';
    if !dashes || body[13] != b':' || body[16] != b':' {
        return None;
    }
    let number =
        |from: usize, to: usize| body[from..to].iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')));
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let millis = match body.get(19) {
        None => 0,
        Some(b'.') => number(20, 23)?,
        Some(_) => return None,
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days from the civil date, the year beginning in March.
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468;
    Some(Timestamp::from_millis(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis))
}

/// An object's key; borrowed from the payload unless it is written with escapes.
pub(super) struct Key<'de>(pub Cow<'de, str>);

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_borrowed_str<E>(self, v: &'de str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Borrowed(v)))
    }
    fn visit_str<E>(self, v: &str) -> Result<Key<'de>, E> {
        Ok(Key(Cow::Owned(v.to_owned())))
    }
}
impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(KeyVisitor)
    }
}

/// Keys without a field of their own, gathered as the text of one JSON object. Allocates nothing while there is none.
#[derive(Default)]
pub(super) struct Extras(String);

/// Bytes of extras at most; an attribute that does not fit is left out whole.
const MAX_EXTRAS: usize = 4096;

impl Extras {
    pub fn put(&mut self, key: &str, value: &RawValue) {
        let name = serde_json::to_string(key).unwrap_or_default();
        if self.0.len() + name.len() + value.get().len() + 3 > MAX_EXTRAS {
            return;
        }
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&name);
        self.0.push(':');
        self.0.push_str(value.get());
    }
    pub fn finish(mut self) -> Option<Box<str>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0.into_boxed_str())
    }
}

/// Does this value of an alarm's key say that there is one? (`false`, `0`, `null` and `""` do not.)
pub(super) fn raises_alarm(value: &RawValue) -> bool {
    !matches!(value.get(), "false" | "0" | "null" | "\"\"" | "\"0\"" | "\"false\"")
}

/// A place, with the payload's own names of its fields in the fault.
pub(super) fn place(lat: f64, lon: f64, names: (&'static str, &'static str)) -> Result<Place, Rejected> {
    Place::new(lat, lon).map_err(|fault| match fault {
        crate::model::PlaceError::Latitude => Rejected::Field { field: names.0, problem: "must be a latitude within -90 to 90 degrees" },
        crate::model::PlaceError::Longitude => {
            Rejected::Field { field: names.1, problem: "must be a longitude within -180 to 180 degrees" }
        }
    })
}

/// A quantity that cannot be negative; a unit that does not know it sends -1.
#[expect(clippy::cast_possible_truncation, reason = "the precision of a sensor fits")]
pub(super) fn quantity(value: Option<f64>, most: f64) -> Option<f32> {
    value.filter(|v| (0.0..=most).contains(v)).map(|v| v as f32)
}

/// Fix times from 1980, before which there was no GPS, to 2100.
pub(super) fn plausible(ts: Timestamp, field: &'static str) -> Result<Timestamp, Rejected> {
    const EARLIEST: i64 = 315_532_800_000;
    const LATEST: i64 = 4_102_444_800_000;
    if (EARLIEST..LATEST).contains(&ts.as_millis()) {
        Ok(ts)
    } else {
        Err(Rejected::Field { field, problem: "must be a time between 1980 and 2100 (check seconds against milliseconds)" })
    }
}

pub(super) fn json_fault(error: &serde_json::Error) -> Rejected {
    Rejected::Json(error.to_string())
}

//! Instants and spans in whole milliseconds.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::{Add, Mul, Sub};

/// An instant: milliseconds since 1970-01-01T00:00:00Z. On the wire RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }
    /// From whole seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }
    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
    /// The instant written as RFC 3339, when `text` is that (any offset).
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }
    /// Minutes since midnight in an IANA zone; UTC's when there is no such zone.
    pub fn minute_of_day(self, zone: &str) -> u16 {
        let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let local = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default().to_zoned(zone);
        u16::from(local.hour().cast_unsigned()) * 60 + u16::from(local.minute().cast_unsigned())
    }
    /// `seconds` earlier, its whole days by the clocks of an IANA zone: a day before nine is nine, also where the clocks were put
    /// forward or back between; UTC's clocks when there is no such zone.
    pub fn earlier_by_the_clock(self, seconds: u32, zone: &str) -> Self {
        let (days, rest) = (seconds / 86_400, Span::from_secs(i64::from(seconds % 86_400)));
        let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let local = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default().to_zoned(zone);
        match local.checked_sub(jiff::Span::new().days(i64::from(days))) {
            Ok(before) => Self(before.timestamp().as_millisecond()) - rest,
            Err(_) => self - Span::from_secs(i64::from(seconds)),
        }
    }
    /// How long ago `earlier` was, never negative.
    pub fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0).max(0))
    }
}
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("must be an RFC 3339 time, like 2026-05-30T16:00:00Z"))
    }
}

/// A length of time in milliseconds; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(i64);

impl Span {
    /// A span of so many milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }
    /// A span of so many seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }
    /// Milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0
    }
    /// Microseconds.
    pub const fn as_micros(self) -> i64 {
        self.0.saturating_mul(1000)
    }
    /// Seconds, with their fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
    /// The same as a [`std::time::Duration`], a negative span as zero.
    pub fn as_duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}
impl Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}
impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}
impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}
impl Mul<f64> for Span {
    type Output = Self;
    /// Rounded to the millisecond.
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, as the other operators do")]
    fn mul(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor).round() as i64)
    }
}
impl Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}
impl Sub for Timestamp {
    type Output = Span;
    fn sub(self, other: Self) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_offsets_and_writes_utc() {
        let t = Timestamp::parse("2008-05-30T16:00:00-07:00").unwrap();
        assert_eq!(t, Timestamp::from_secs(1_212_188_400));
        assert_eq!(t.to_string(), "2008-05-30T23:00:00.000Z");
    }
}

//! A day as a calendar shows it.

use super::{Timestamp, Window};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::fmt;

/// A day of a time zone: from midnight to midnight there, 23 to 25 hours long.
#[derive(Clone, PartialEq, Debug)]
pub struct Day {
    date: Date,
    zone: TimeZone,
}

impl Day {
    /// The day that it is at `at` in an IANA zone; UTC's when there is no such zone.
    pub fn of(at: Timestamp, zone: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        Self { date: at.to_zoned(zone.clone()).date(), zone }
    }

    /// The day of UTC that a text like `2026-10-25` names.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { date: text.parse().ok().filter(|_| text.len() == 10)?, zone: TimeZone::UTC })
    }

    /// The day after.
    pub fn next(&self) -> Self {
        Self { date: self.date.tomorrow().unwrap_or(self.date), zone: self.zone.clone() }
    }

    /// The day before.
    pub fn previous(&self) -> Self {
        Self { date: self.date.yesterday().unwrap_or(self.date), zone: self.zone.clone() }
    }

    /// The Monday of its week.
    pub fn monday(&self) -> Self {
        let back = i64::from(self.date.weekday().to_monday_zero_offset());
        Self { date: self.date.checked_sub(jiff::Span::new().days(back)).unwrap_or(self.date), zone: self.zone.clone() }
    }

    /// The first day of its month.
    pub fn first_of_month(&self) -> Self {
        Self { date: self.date.first_of_month(), zone: self.zone.clone() }
    }

    /// From its first moment until the first of the day after.
    pub fn time(&self) -> Window {
        Window { from: self.start(), until: self.next().start() }
    }

    fn start(&self) -> Timestamp {
        let start = self.zone.to_ambiguous_zoned(self.date.into()).compatible();
        Timestamp::from_millis(start.map_or(0, |start| start.timestamp().as_millisecond()))
    }
}

/// Like `2026-10-25`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_as_long_as_the_clocks_make_them() {
        let hours = |at: &str, zone: &str| {
            let Window { from, until } = Day::of(Timestamp::parse(at).unwrap(), zone).time();
            until.since(from).as_millis() / 3_600_000
        };
        assert_eq!(hours("2026-10-25T12:00:00Z", "Europe/Lisbon"), 25);
        assert_eq!(hours("2026-03-29T12:00:00Z", "Europe/Lisbon"), 23);
        // There was no midnight on this day: it began at one.
        assert_eq!(hours("2018-11-04T12:00:00Z", "America/Sao_Paulo"), 23);
        assert_eq!(hours("2026-10-25T12:00:00Z", "UTC"), 24);
    }

    #[test]
    fn a_day_follows_the_zone() {
        let at = Timestamp::parse("2026-01-01T02:00:00Z").unwrap();
        assert_eq!(Day::of(at, "America/Sao_Paulo").to_string(), "2025-12-31");
        assert_eq!(Day::of(at, "America/Sao_Paulo").next(), Day::of(at, "America/Sao_Paulo").next().next().previous());
        assert_eq!(Day::of(at, "UTC").previous().to_string(), "2025-12-31");
        assert_eq!(Day::parse("2026-01-01"), Some(Day::of(at, "UTC")));
        assert!(Day::parse("2026-01-32").is_none() && Day::parse("2026-01-01T10:00").is_none());
    }
}

//! Local time as demand knows it: hours of the week, quarters of the hour, and days that are like a Sunday.

use super::holiday::Holiday;
use crate::model::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// Hours of a week, Monday's first at 0.
pub(super) const WEEK: usize = 168;

/// A zone and the holidays that are kept there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Calendar {
    zone: TimeZone,
    holidays: Vec<Holiday>,
}

/// There is no such zone.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not an IANA time zone, like Europe/Lisbon")]
pub struct UnknownZone(String);

#[derive(Serialize, Deserialize)]
struct Written {
    zone: String,
    holidays: Vec<Holiday>,
}

impl TryFrom<Written> for Calendar {
    type Error = UnknownZone;
    fn try_from(written: Written) -> Result<Self, UnknownZone> {
        Self::new(&written.zone, written.holidays)
    }
}

impl From<Calendar> for Written {
    fn from(calendar: Calendar) -> Self {
        Self { zone: calendar.zone().to_owned(), holidays: calendar.holidays }
    }
}

/// A quarter hour on the clock of a place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Moment {
    /// The local day.
    pub date: Date,
    /// Is it a holiday?
    pub holiday: bool,
    /// Which day it is like: Monday is 0; a holiday is like a Sunday, 6.
    pub day: usize,
    /// Hour of the day, 0 to 23.
    pub hour: u8,
    /// Quarter of the hour, 0 to 3.
    pub quarter: u8,
}

impl Moment {
    /// Hour of the week that it is like, 0 to 167.
    pub fn slot(self) -> usize {
        self.day * 24 + usize::from(self.hour)
    }
}

impl Calendar {
    /// The calendar of an IANA zone.
    pub fn new(zone: &str, holidays: Vec<Holiday>) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(zone).map_err(|_| UnknownZone(zone.to_owned()))?;
        Ok(Self { zone, holidays })
    }

    /// Name of the zone.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// Is the local day one of the holidays?
    pub fn is_holiday(&self, date: Date) -> bool {
        self.holidays.iter().any(|holiday| holiday.is_on(date))
    }

    /// The instant on the local clock.
    pub(super) fn moment(&self, at: Timestamp) -> Moment {
        let local = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let local = self.zone.to_datetime(local);
        let holiday = self.is_holiday(local.date());
        let weekday = local.date().weekday().to_monday_zero_offset();
        let day = if holiday { 6 } else { usize::from(weekday.cast_unsigned()) };
        let (hour, minute) = (local.hour().cast_unsigned(), local.minute().cast_unsigned());
        Moment { date: local.date(), holiday, day, hour, quarter: minute / 15 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: &str, at: &str) -> Moment {
        let holidays = vec!["last monday of may".parse().unwrap()];
        Calendar::new(zone, holidays).unwrap().moment(Timestamp::parse(at).unwrap())
    }

    #[test]
    fn an_hour_of_the_week_is_the_zones() {
        let sunday_night = moment("America/New_York", "2014-06-02T03:59:59Z");
        assert_eq!((sunday_night.slot(), sunday_night.quarter, sunday_night.holiday), (167, 3, false));
        assert_eq!(moment("America/New_York", "2014-06-02T04:00:00Z").slot(), 0);
        let nepal = moment("Asia/Kathmandu", "2014-06-02T18:15:00Z");
        assert_eq!((nepal.slot(), nepal.quarter), (24, 0), "5:45 ahead of UTC");
    }

    #[test]
    fn a_holiday_is_like_a_sunday() {
        let monday = moment("America/New_York", "2014-05-26T12:00:00Z");
        assert_eq!((monday.holiday, monday.slot()), (true, 6 * 24 + 8));
        assert!(!moment("America/New_York", "2014-05-27T04:00:00Z").holiday);
    }

    #[test]
    fn an_hour_that_comes_twice_is_one_slot_and_one_that_never_comes_none() {
        let lisbon = |at| moment("Europe/Lisbon", at).slot();
        assert_eq!((lisbon("2026-10-25T00:30:00Z"), lisbon("2026-10-25T01:30:00Z")), (145, 145));
        assert_eq!((lisbon("2026-03-29T00:30:00Z"), lisbon("2026-03-29T01:30:00Z")), (144, 146));
    }

    #[test]
    fn is_kept_as_words() {
        let calendar = Calendar::new("Europe/Lisbon", vec!["12-25".parse().unwrap()]).unwrap();
        let text = serde_json::to_string(&calendar).unwrap();
        assert_eq!(text, r#"{"zone":"Europe/Lisbon","holidays":["12-25"]}"#);
        assert_eq!(serde_json::from_str::<Calendar>(&text).unwrap(), calendar);
        let fault = serde_json::from_str::<Calendar>(&text.replace("Europe", "Mars")).unwrap_err();
        assert!(fault.to_string().contains("\"Mars/Lisbon\" is not an IANA time zone"), "{fault}");
    }
}

//! Holidays as people write them: once, every year, on a weekday of a month, or around Easter.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A day that is like a Sunday. In words: `2026-06-24`, `12-25`, `last monday of may`, `4th thursday of november`, `easter`,
/// `easter-2`, `easter+1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holiday {
    /// One day.
    Once(Date),
    /// Every year, in this month on this day.
    Yearly(i8, i8),
    /// Every year, in this month the so-manieth of this weekday; -1 is the last.
    Nth(i8, Weekday, i8),
    /// Every year, so many days after Easter Sunday of the western churches.
    Easter(i16),
}

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS: [&str; 12] =
    ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const ORDINALS: [(&str, i8); 5] = [("1st", 1), ("2nd", 2), ("3rd", 3), ("4th", 4), ("last", -1)];
/// Days from Easter that a rule may be away: the furthest that any church keeps are well within.
const AROUND_EASTER: std::ops::RangeInclusive<i16> = -100..=100;

impl Holiday {
    /// Does it fall on the day?
    pub fn is_on(self, date: Date) -> bool {
        match self {
            Self::Once(day) => day == date,
            Self::Yearly(month, day) => (date.month(), date.day()) == (month, day),
            Self::Nth(month, weekday, nth) => {
                date.month() == month && date.weekday() == weekday && date.nth_weekday_of_month(nth, weekday).is_ok_and(|day| day == date)
            }
            Self::Easter(days) => easter(date.year()).and_then(|sunday| sunday.checked_add(Span::new().days(days)).ok()) == Some(date),
        }
    }
}

/// Easter Sunday of a year: the algorithm printed anonymously in Nature (1876), as in Meeus, "Astronomical Algorithms", chapter 8.
fn easter(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (golden, century, of_century) = (year % 19, year / 100, year % 100);
    let moon = century - century / 4 - (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + moon + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4) % 7;
    let correction = (golden + 11 * epact + 22 * weekday) / 451;
    let days = epact + weekday - 7 * correction;
    Date::new(i16::try_from(year).ok()?, 3, 22).ok()?.checked_add(days.days()).ok()
}

/// No holiday is written like this.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0:?} is not a holiday: write 2026-06-24, 12-25, last monday of may, 4th thursday of november, easter-2 or the like")]
pub struct NotAHoliday(String);

impl FromStr for Holiday {
    type Err = NotAHoliday;
    fn from_str(text: &str) -> Result<Self, NotAHoliday> {
        let words = text.trim().to_ascii_lowercase();
        let read = once(&words).or_else(|| yearly(&words)).or_else(|| nth(&words)).or_else(|| around_easter(&words));
        read.ok_or_else(|| NotAHoliday(text.to_owned()))
    }
}

fn once(words: &str) -> Option<Holiday> {
    words.parse().ok().map(Holiday::Once)
}

fn yearly(words: &str) -> Option<Holiday> {
    let (month, day) = words.split_once('-')?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // 2000 has a 29 February.
    Date::new(2000, month, day).ok().map(|_| Holiday::Yearly(month, day))
}

fn nth(words: &str) -> Option<Holiday> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let [ordinal, weekday, "of", month] = words[..] else { return None };
    let (_, nth) = ORDINALS.iter().find(|(word, _)| *word == ordinal)?;
    let weekday = WEEKDAYS.iter().position(|word| *word == weekday)?;
    let month = MONTHS.iter().position(|word| *word == month)?;
    let weekday = Weekday::from_monday_zero_offset(i8::try_from(weekday).ok()?).ok()?;
    Some(Holiday::Nth(i8::try_from(month + 1).ok()?, weekday, *nth))
}

fn around_easter(words: &str) -> Option<Holiday> {
    let days = words.strip_prefix("easter")?.trim();
    let days = if days.is_empty() { 0 } else { days.starts_with(['+', '-']).then(|| days.parse().ok())?? };
    AROUND_EASTER.contains(&days).then_some(Holiday::Easter(days))
}

impl fmt::Display for Holiday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Once(day) => write!(f, "{day}"),
            Self::Yearly(month, day) => write!(f, "{month:02}-{day:02}"),
            Self::Nth(month, weekday, nth) => {
                let ordinal = ORDINALS.iter().find(|(_, n)| *n == nth).map_or("", |(word, _)| word);
                let weekday = WEEKDAYS[usize::from(weekday.to_monday_zero_offset().cast_unsigned())];
                write!(f, "{ordinal} {weekday} of {}", MONTHS[usize::from(month.cast_unsigned()) - 1])
            }
            Self::Easter(0) => f.write_str("easter"),
            Self::Easter(days) => write!(f, "easter{days:+}"),
        }
    }
}

impl Serialize for Holiday {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Holiday {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(words: &str, year: i16) -> Vec<String> {
        let holiday: Holiday = words.parse().unwrap();
        let days = Date::constant(year, 1, 1).series(1.day()).take_while(|day| day.year() == year);
        days.filter(|day| holiday.is_on(*day)).map(|day| day.to_string()).collect()
    }

    #[test]
    fn fall_on_their_days() {
        for (words, day) in [
            ("2014-05-26", "2014-05-26"),
            ("12-25", "2014-12-25"),
            ("last monday of may", "2014-05-26"),
            ("1st Monday of September", "2014-09-01"),
            ("4th thursday of november", "2014-11-27"),
            ("easter", "2014-04-20"),
            ("easter-2", "2014-04-18"),
            ("easter+39", "2014-05-29"),
        ] {
            assert_eq!(days(words, 2014), [day], "{words}");
        }
        assert_eq!(days("2014-05-26", 2015), Vec::<String>::new());
        assert_eq!((days("02-29", 2015), days("02-29", 2016)), (vec![], vec!["2016-02-29".to_owned()]));
    }

    #[test]
    fn easter_is_where_the_almanacs_have_it() {
        for day in ["1818-03-22", "1943-04-25", "2000-04-23", "2008-03-23", "2019-04-21", "2026-04-05", "2038-04-25", "2285-03-22"] {
            let day: Date = day.parse().unwrap();
            assert_eq!(easter(day.year()), Some(day));
        }
    }

    #[test]
    fn are_written_as_they_are_read() {
        for words in ["2014-05-26", "02-29", "last monday of may", "4th thursday of november", "easter", "easter-2", "easter+1"] {
            assert_eq!(words.parse::<Holiday>().unwrap().to_string(), words);
        }
        for words in
            ["", "13-01", "02-30", "2014-02-30", "5th monday of may", "last monday in may", "last moonday of may", "easter2", "easter+101"]
        {
            let fault = words.parse::<Holiday>().unwrap_err();
            assert!(fault.to_string().starts_with(&format!("{words:?} is not a holiday: write")), "{fault}");
        }
    }
}

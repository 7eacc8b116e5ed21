//! Surcharges by the calendar: nights, weekends, holidays, in the depot's zone.
//!
//! A surcharge is decided by the pickup's time alone: a trip that lies across an edge is priced as it began. Times are read off the
//! wall clock, so that a night from 22:00 to 06:00 has seven hours when the clocks go forward and nine when they go back; both
//! passes through a repeated hour count. A span over midnight belongs to the day on which it begins: Saturday, 02:00 is Friday's
//! night.

use super::rates::MOST_MINOR;
use crate::fields::document::Faults;
use crate::model::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Minutes of a day.
const DAY: u16 = 1_440;
/// Dates of a list at most.
const DATES: usize = 500;

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    fn of(date: Date) -> Self {
        use jiff::civil::Weekday as W;
        match date.weekday() {
            W::Monday => Self::Monday,
            W::Tuesday => Self::Tuesday,
            W::Wednesday => Self::Wednesday,
            W::Thursday => Self::Thursday,
            W::Friday => Self::Friday,
            W::Saturday => Self::Saturday,
            W::Sunday => Self::Sunday,
        }
    }
}

/// What a trip costs more at some time. It applies when the pickup's day is one of those that it names, and the pickup's time is
/// within its span; one that names no day applies on every day, one without a span all day long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Surcharge {
    /// What customers read, like `Night`.
    pub label: String,
    /// On these days of the week.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<Weekday>,
    /// On these days too, like `2026-12-24`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<String>,
    /// And on the tariff's holidays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holidays: bool,
    /// From this local time on, like `22:00`; from midnight when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Until before this local time, like `06:00`; until midnight (`24:00`) when it is left out. Earlier than `from`: on the next day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// So much of what way, stops and load cost, in basis points: 2500 is 25 %. Either this or `amount_minor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_bp: Option<u32>,
    /// This amount, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
}

impl Surcharge {
    /// Does it apply to a pickup at `local`?
    pub(super) fn applies(&self, local: Local, holidays: &[String]) -> bool {
        let (Some(from), Some(until)) = (minute(self.from.as_deref(), 0), minute(self.until.as_deref(), DAY)) else { return false };
        let day = if from < until {
            (from..until).contains(&local.minute).then_some(local.date)
        } else if local.minute >= from {
            Some(local.date)
        } else if local.minute < until {
            local.date.yesterday().ok()
        } else {
            None
        };
        day.is_some_and(|day| self.is_on(day, holidays))
    }

    fn is_on(&self, day: Date, holidays: &[String]) -> bool {
        if self.weekdays.is_empty() && self.dates.is_empty() && !self.holidays {
            return true;
        }
        let lists = |dates: &[String]| dates.iter().any(|text| date(text) == Some(day));
        self.weekdays.contains(&Weekday::of(day)) || lists(&self.dates) || (self.holidays && lists(holidays))
    }

    /// Notes what is wrong with it.
    pub(super) fn check(&self, f: &mut Faults) {
        f.text("label", &self.label, 80);
        check_dates(f, "dates", &self.dates);
        let (from, until) = (minute(self.from.as_deref(), 0), minute(self.until.as_deref(), DAY));
        f.demand(from.is_some_and(|from| from < DAY), "from", "must be a time like 22:00");
        f.demand(until.is_some(), "until", "must be a time like 06:00");
        f.demand(from.is_none() || from != until, "until", "is the same as `from`: leave both out for the whole day");
        f.demand(self.percent_bp.is_some() != self.amount_minor.is_some(), "percent_bp", "either it or amount_minor must be given");
        f.range("percent_bp", self.percent_bp.unwrap_or(0), 0, 100_000);
        f.range("amount_minor", self.amount_minor.unwrap_or(0), 0, MOST_MINOR);
    }
}

/// Notes which of `dates` are none.
pub(super) fn check_dates(f: &mut Faults, field: &str, dates: &[String]) {
    f.each(field, dates, DATES, |f, text| f.demand(date(text).is_some(), "", "must be a date like 2026-12-24"));
}

/// The date that a text like `2026-12-24` names.
pub(super) fn date(text: &str) -> Option<Date> {
    text.parse().ok().filter(|_| text.len() == 10)
}

/// The minute of the day that a text like `22:00` names; `default` for none. `24:00` is the day's end.
fn minute(text: Option<&str>, default: u16) -> Option<u16> {
    let Some(text) = text else { return Some(default) };
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| digits.parse::<u16>().ok().filter(|_| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()));
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
}

/// What calendar and clock show at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// The day.
    pub(super) date: Date,
    /// Minutes since midnight, by the clock.
    pub(super) minute: u16,
}

impl Local {
    /// What they show at `at` in an IANA zone; UTC's when there is no such zone.
    pub(super) fn of(at: Timestamp, zone: &str) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let local = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_zoned(zone);
        let minute = u16::from(local.hour().cast_unsigned()) * 60 + u16::from(local.minute().cast_unsigned());
        Self { date: local.date(), minute }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Weekday::{Friday, Saturday, Sunday};

    fn night(weekdays: &[Weekday]) -> Surcharge {
        let (from, until) = (Some("22:00".into()), Some("06:00".into()));
        Surcharge { label: "Night".into(), weekdays: weekdays.to_vec(), from, until, percent_bp: Some(2_500), ..Surcharge::default() }
    }

    fn applies(surcharge: &Surcharge, at: &str) -> bool {
        let at = Timestamp::parse(at).unwrap();
        surcharge.applies(Local::of(at, "Europe/Lisbon"), &["2026-12-25".to_owned()])
    }

    /// Hours of the night that begins at noon of `day` (UTC) to which it applies.
    fn hours(surcharge: &Surcharge, day: &str) -> usize {
        let noon = Timestamp::parse(&format!("{day}T12:00:00Z")).unwrap();
        let at = |quarter: i64| Timestamp::from_millis(noon.as_millis() + quarter * 900_000);
        let quarters = (0..96).filter(|q| surcharge.applies(Local::of(at(*q), "Europe/Lisbon"), &[])).count();
        assert_eq!(quarters % 4, 0);
        quarters / 4
    }

    #[test]
    fn a_night_is_as_long_as_the_clocks_make_it() {
        // Lisbon's clocks go forward in the night to 2026-03-29, back in that to 2026-10-25.
        assert_eq!(hours(&night(&[]), "2026-03-27"), 8);
        assert_eq!(hours(&night(&[]), "2026-03-28"), 7);
        assert_eq!(hours(&night(&[]), "2026-10-24"), 9);
    }

    #[test]
    fn edges_are_exact_in_the_depots_zone() {
        // Lisbon is an hour ahead of UTC in June.
        let expected = [("20:59:59", false), ("21:00:00", true), ("04:59:59", true), ("05:00:00", false)];
        for (time, does) in expected {
            assert_eq!(applies(&night(&[]), &format!("2026-06-10T{time}Z")), does, "{time}");
        }
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let fridays = night(&[Friday]);
        // 2026-01-02 is a Friday.
        assert!(applies(&fridays, "2026-01-02T23:00:00Z") && applies(&fridays, "2026-01-03T02:00:00Z"));
        assert!(!applies(&fridays, "2026-01-02T02:00:00Z") && !applies(&fridays, "2026-01-03T23:00:00Z"));
    }

    #[test]
    fn days_add_up_and_no_day_means_every_day() {
        let base = Surcharge { label: "x".into(), amount_minor: Some(1), ..Surcharge::default() };
        assert!(applies(&base, "2026-01-06T12:00:00Z"));
        let free = Surcharge { weekdays: vec![Saturday, Sunday], dates: vec!["2026-12-24".into()], holidays: true, ..base };
        for (day, does) in [("2026-01-03", true), ("2026-01-04", true), ("2026-01-05", false), ("2026-12-24", true), ("2026-12-25", true)] {
            assert_eq!(applies(&free, &format!("{day}T12:00:00Z")), does, "{day}");
        }
    }

    #[test]
    fn times_are_read_strictly() {
        for (text, is) in [("00:00", Some(0)), ("22:30", Some(1_350)), ("24:00", Some(DAY)), ("24:01", None), ("7:00", None)] {
            assert_eq!(minute(Some(text), 9), is, "{text}");
        }
        for text in ["", "10", "10:60", "+1:00", "10:0", "ten", "10:00:00"] {
            assert_eq!(minute(Some(text), 9), None, "{text}");
        }
        assert!(date("2026-02-29").is_none() && date("2026-1-1").is_none() && date("2026-01-01T10:00").is_none());
    }
}

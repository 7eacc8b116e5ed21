//! When a recurrence recurs: the days of its rule, and the instants of its time of day in a zone. Pure.
//!
//! The rule (RFC 5545) is expanded in local time, with UTC standing in for the zone: with a zone the `rrule` crate loses and
//! repeats occurrences around a change of daylight saving time (its issue 115). What the clock does on each day is asked of
//! the time zone database afterwards.

use super::super::Fault;
use crate::model::{MissingHour, Pattern, RepeatedHour, Timestamp};
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{ToSpan, tz};
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

/// A rule in bytes at most.
const LONGEST: usize = 200;
/// What to say to whom does not know rules.
const LIKE: &str = "must be an RFC 5545 rule: every Tuesday is FREQ=WEEKLY;BYDAY=TU, every working day FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR, \
                    the first of each month FREQ=MONTHLY;BYMONTHDAY=1";

/// A pattern that was understood.
#[derive(Debug)]
pub struct Rule {
    set: RRuleSet,
    zone: TimeZone,
    pattern: Pattern,
}

/// When a day's booking is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// At this instant.
    At(Timestamp),
    /// Not on this day: its clock jumps over the time, and such days are skipped.
    Skipped,
    /// Its clock jumps over the time, and nobody said what to do then.
    Missing,
    /// Its clock shows the time twice, and nobody said what to do then.
    Repeated,
}

/// What the clock of a day does to the wanted time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hour {
    /// It jumps over it.
    Missing,
    /// It shows it twice.
    Repeated,
}

/// A day on which the rule recurs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot {
    /// The local day: there is one slot a day at most.
    pub date: Date,
    /// When it is due.
    pub moment: Moment,
    /// Where the day's clock does not show the wanted time once.
    pub hour: Option<Hour>,
    /// The same as an instant in any case, to sort by.
    pub about: Timestamp,
}

/// Days whose local time is not plain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Questions {
    /// The time does not exist, and there is no choice what to do then.
    pub missing: Vec<Date>,
    /// The time exists twice, and there is no choice which one is meant.
    pub repeated: Vec<Date>,
}

impl Rule {
    /// Understands `pattern`, or says what is wrong with it.
    pub fn read(pattern: &Pattern) -> Result<Self, Fault> {
        let zone = TimeZone::get(&pattern.zone);
        let zone = zone.map_err(|_| Fault::new("zone", "must be an IANA time zone, like Europe/Lisbon"))?;
        let wrong = |message: String| Fault::new("rule", message);
        let text = pattern.rule.strip_prefix("RRULE:").unwrap_or(&pattern.rule);
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"=;,+-".contains(&b);
        if text.len() > LONGEST {
            return Err(wrong(format!("must be an RFC 5545 rule of at most {LONGEST} bytes")));
        }
        if !text.bytes().all(fits) || !text.contains("FREQ=") {
            return Err(wrong(LIKE.into()));
        }
        let (text, until) = local_until(text, &zone).map_err(wrong)?;
        if until.is_some_and(|until| until < pattern.start_date.to_datetime(pattern.start_time)) {
            return Err(wrong(format!("UNTIL is before the start on {}, so there would be no day at all", pattern.start_date)));
        }
        let parts: RRule<Unvalidated> = text.parse().map_err(|e: rrule::RRuleError| wrong(e.to_string()))?;
        if !matches!(parts.get_freq(), Frequency::Daily | Frequency::Weekly | Frequency::Monthly | Frequency::Yearly) {
            return Err(wrong("FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY".into()));
        }
        if parts.get_interval() == 0 {
            return Err(wrong("INTERVAL must be at least 1".into()));
        }
        if !(parts.get_by_hour().is_empty() && parts.get_by_minute().is_empty() && parts.get_by_second().is_empty()) {
            return Err(wrong("must not say the time of day: start_time does".into()));
        }
        let start = pattern.start_date.to_datetime(pattern.start_time).strftime("%Y%m%dT%H%M%S");
        let set: RRuleSet = format!("DTSTART:{start}Z\nRRULE:{text}").parse().map_err(|e: rrule::RRuleError| wrong(e.to_string()))?;
        Ok(Self { set: set.limit(), zone, pattern: pattern.clone() })
    }

    /// The days of the rule, from its start on.
    fn dates(&self) -> impl Iterator<Item = Date> {
        let local = |secs| jiff::Timestamp::from_second(secs).ok().map(|t| tz::Offset::UTC.to_datetime(t).date());
        self.set.into_iter().map_while(move |at| local(at.timestamp()))
    }

    /// The slots whose time lies within `from` to `until`, both included, in order.
    pub fn slots(&self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Slot> {
        let (first, last) = (self.local_date(from, -1), self.local_date(until, 1));
        let near = self.dates().skip_while(move |date| *date < first).take_while(move |date| *date <= last);
        near.filter_map(|date| self.slot(date)).filter(move |slot| (from..=until).contains(&slot.about))
    }

    /// The first slot after `after`, while the calendar goes on.
    pub fn next(&self, after: Timestamp) -> Option<Slot> {
        let first = self.local_date(after, -1);
        self.dates().skip_while(move |date| *date < first).filter_map(|date| self.slot(date)).find(|slot| slot.about > after)
    }

    /// The local time of a slot, with its offset from UTC where it has an instant, and that offset.
    pub fn local(&self, slot: &Slot) -> (String, tz::Offset) {
        let offset = self.offset(slot.about);
        let text = match slot.moment {
            Moment::At(at) => {
                let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_zoned(self.zone.clone());
                at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
            }
            _ => slot.date.to_datetime(self.pattern.start_time).strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        };
        (text, offset)
    }

    /// The zone's offset from UTC at `at`.
    pub fn offset(&self, at: Timestamp) -> tz::Offset {
        self.zone.to_offset(jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default())
    }

    /// Is `date` one of the rule's days?
    pub fn has(&self, date: Date) -> Option<Slot> {
        self.dates().take_while(|day| *day <= date).find(|day| *day == date).and_then(|day| self.slot(day))
    }

    /// The days within `from` to `until` for which a choice is wanting.
    pub fn questions(&self, from: Timestamp, until: Timestamp) -> Questions {
        let mut asked = Questions::default();
        for slot in self.slots(from, until) {
            match slot.moment {
                Moment::Missing => asked.missing.push(slot.date),
                Moment::Repeated => asked.repeated.push(slot.date),
                Moment::At(_) | Moment::Skipped => {}
            }
        }
        asked
    }

    fn slot(&self, date: Date) -> Option<Slot> {
        let instant = |t: jiff::Timestamp| Timestamp::from_millis(t.as_millisecond());
        let wanted = self.zone.to_ambiguous_timestamp(date.to_datetime(self.pattern.start_time));
        let (missing, repeated) = (self.pattern.missing_hour, self.pattern.repeated_hour);
        let hour = match wanted.offset() {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => Some(Hour::Missing),
            AmbiguousOffset::Fold { .. } => Some(Hour::Repeated),
        };
        let chosen =
            match (wanted.offset(), missing, repeated) {
                (AmbiguousOffset::Unambiguous { .. }, ..) => wanted.compatible(),
                (AmbiguousOffset::Gap { .. }, Some(MissingHour::Earlier), _)
                | (AmbiguousOffset::Fold { .. }, _, Some(RepeatedHour::First)) => wanted.earlier(),
                (AmbiguousOffset::Gap { .. }, Some(MissingHour::Later), _)
                | (AmbiguousOffset::Fold { .. }, _, Some(RepeatedHour::Second)) => wanted.later(),
                (undecided, skip, _) => {
                    let moment = match undecided {
                        AmbiguousOffset::Fold { .. } => Moment::Repeated,
                        _ if skip.is_some() => Moment::Skipped,
                        _ => Moment::Missing,
                    };
                    return wanted.compatible().ok().map(|t| Slot { date, moment, hour, about: instant(t) });
                }
            };
        chosen.ok().map(|t| Slot { date, moment: Moment::At(instant(t)), hour, about: instant(t) })
    }

    /// The local day of `at`, `days` later; the calendar's end where it has none.
    fn local_date(&self, at: Timestamp, days: i64) -> Date {
        let edge = if days < 0 { Date::MIN } else { Date::MAX };
        let day = jiff::Timestamp::from_millisecond(at.as_millis()).map(|t| self.zone.to_datetime(t).date());
        day.and_then(|day| day.checked_add(days.days())).unwrap_or(edge)
    }
}

/// The rule with its `UNTIL` in local time, marked as UTC, which stands in for it; and that time.
fn local_until(text: &str, zone: &TimeZone) -> Result<(String, Option<DateTime>), String> {
    let mut last = None;
    let part = |part: &str| {
        let Some(until) = part.strip_prefix("UNTIL=") else { return Ok(part.to_owned()) };
        let wrong = |_| "UNTIL must be a day like 20261231 or an instant like 20261231T120000Z".to_owned();
        let end = match until.strip_suffix('Z') {
            Some(utc) => {
                let utc = DateTime::strptime("%Y%m%dT%H%M%S", utc).map_err(wrong)?;
                let instant = tz::Offset::UTC.to_timestamp(utc).map_err(wrong)?;
                zone.to_datetime(instant)
            }
            None if until.len() == 8 => Date::strptime("%Y%m%d", until).map_err(wrong)?.at(23, 59, 59, 0),
            None => DateTime::strptime("%Y%m%dT%H%M%S", until).map_err(wrong)?,
        };
        last = Some(end);
        Ok(format!("UNTIL={}Z", end.strftime("%Y%m%dT%H%M%S")))
    };
    let parts: Result<Vec<_>, String> = text.split(';').filter(|p| !p.is_empty()).map(part).collect();
    Ok((parts?.join(";"), last))
}

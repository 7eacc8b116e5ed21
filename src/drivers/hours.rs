//! How long a driver has worked: time on duty without the breaks, today and in the last seven days. Pure.
//!
//! Today is the day of the depot's zone, so it has 23 or 25 hours where the clocks change. Seven days are 168 hours back from
//! now, whatever the clocks do.

use crate::model::{Duty, Span, Timestamp, Window};
use jiff::tz::TimeZone;
use std::fmt;

/// Seven days.
pub const WEEK: Span = Span::from_secs(7 * 86_400);

/// A driver who may work no more is looked at again after this: midnight, or time of a week ago that no longer counts, gives hours
/// back.
pub const AGAIN: Span = Span::from_secs(60);

/// How long a driver may work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// In a day.
    pub day: Span,
    /// In any seven days.
    pub week: Span,
}

/// How long a driver has worked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hours {
    /// Since midnight.
    pub today: Span,
    /// In the last seven days.
    pub week: Span,
}

/// A limit that is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spent {
    /// The day's: time worked, and the limit.
    Day(Span, Span),
    /// The week's: time worked, and the limit.
    Week(Span, Span),
}

impl Hours {
    /// The limit that is reached, the day's first.
    pub fn spent(&self, limits: &Limits) -> Option<Spent> {
        if self.today >= limits.day {
            Some(Spent::Day(self.today, limits.day))
        } else if self.week >= limits.week {
            Some(Spent::Week(self.week, limits.week))
        } else {
            None
        }
    }

    /// How much longer he may work on at least; zero when a limit is reached. It may be more, for time of a week ago stops
    /// counting while he works.
    pub fn left(&self, limits: &Limits) -> Span {
        (limits.day - self.today).min(limits.week - self.week).max(Span::default())
    }
}

/// What a driver with these duties has worked at `now`; duties that ended more than a week ago need not be among them.
pub fn hours(now: Timestamp, duties: &[Duty], zone: &TimeZone) -> Hours {
    Hours { today: worked(duties, midnight(now, zone), now), week: worked(duties, now - WEEK, now) }
}

/// Time on duty without the breaks, from `from` to `until`.
pub fn worked(duties: &[Duty], from: Timestamp, until: Timestamp) -> Span {
    duties.iter().fold(Span::default(), |sum, duty| {
        let breaks = duty.breaks.iter().fold(Span::default(), |sum, b| sum + b.within(from, until));
        sum + duty.time.within(from, until) - breaks
    })
}

/// When within `time` a driver with these duties has reached a limit, in order and apart. Duties that ended more than a week before
/// `time` need not be among them.
pub fn spent_within(time: Window, duties: &[Duty], limits: &Limits, zone: &TimeZone) -> Vec<Window> {
    /// While he pauses, what is left does not get less, so its end is only the next time to look.
    const LEAST: Span = Span::from_secs(1);
    let mut spent: Vec<Window> = Vec::new();
    let mut from = time.from;
    while from < time.until {
        let hours = hours(from, duties, zone);
        let is_spent = hours.spent(limits).is_some();
        let until = time.until.min(from + if is_spent { AGAIN } else { hours.left(limits).max(LEAST) });
        match spent.last_mut().filter(|last| is_spent && last.until == from) {
            Some(last) => last.until = until,
            None if is_spent => spent.push(Window { from, until }),
            None => {}
        }
        from = until;
    }
    spent
}

/// The begin of the day of `now` in `zone`.
fn midnight(now: Timestamp, zone: &TimeZone) -> Timestamp {
    let begin = jiff::Timestamp::from_millisecond(now.as_millis()).and_then(|t| t.to_zoned(zone.clone()).start_of_day());
    begin.map_or(now, |begin| Timestamp::from_millis(begin.timestamp().as_millisecond()))
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |span: &Span| {
            let minutes = span.as_millis() / 60_000;
            format!("{}:{:02} h", minutes / 60, minutes % 60)
        };
        match self {
            Self::Day(worked, limit) => write!(f, "has worked {} today; {} a day is the most", clock(worked), clock(limit)),
            Self::Week(worked, limit) => {
                write!(f, "has worked {} in the last seven days; {} is the most", clock(worked), clock(limit))
            }
        }
    }
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;

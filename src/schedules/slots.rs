//! When a cron rule is due: pure, in local time of an IANA zone.
//!
//! The pattern is matched against local time as a calendar shows it, and each match is then placed on the time line, so that a
//! change of daylight saving neither loses nor doubles a slot:
//! - A rule with fixed hours, like `30 2 * * *`: an hour that does not exist is taken as much later as the clocks were put
//!   forward; of an hour that comes twice the first is taken.
//! - A rule that repeats through the hours, like `*/15 * * * *`: it goes on by the clock that runs, so hours that do not exist
//!   have no slots, and hours that come twice have them twice.

use crate::model::{Span, Timestamp};
use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// No zone's clocks are put forward or back by more than this.
const JUMP_S: i64 = 3 * 3_600;
/// Matches looked at before a rule is said to have no further slot.
const LOOKED_AT: usize = 100_000;
/// Slots whose distances tell how fast a rule is: those of a minute and more.
const LOOKED_FOR_PACE: usize = 70;
/// Missed slots counted one by one.
const COUNTED: u32 = 10_000;

/// A rule in its zone.
#[derive(Clone, Debug)]
pub struct Rule {
    cron: Cron,
    zone: TimeZone,
    repeats: bool,
}

/// A slot as people read it.
#[derive(Clone, PartialEq, Debug)]
pub struct Local {
    /// When.
    pub at: Timestamp,
    /// Local time with its offset from UTC, like `2026-10-25T02:30:00+01:00`.
    pub text: String,
    /// The offset is another one than that of the slot before.
    pub offset_changes: bool,
}

impl Rule {
    /// Reads a pattern of five fields (minute hour day month weekday) or six (with seconds first); the error says what is wrong.
    pub fn parse(cron: &str, zone: &str) -> Result<Self, Wrong> {
        let fields: Vec<&str> = cron.split_whitespace().collect();
        if !(5..=6).contains(&fields.len()) {
            let told = format!("must have five fields (minute hour day month weekday) or six (second first), not {}", fields.len());
            return Err(Wrong { field: "cron", message: told });
        }
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let wrong = |message: String| Wrong { field: "cron", message };
        let parsed = parser.parse(cron).map_err(|e| wrong(format!("is not a cron rule: {e}")))?;
        let zone = TimeZone::get(zone)
            .map_err(|_| Wrong { field: "zone", message: "must be an IANA time zone, like Europe/Lisbon".to_owned() })?;
        let hours = fields[fields.len() - 4];
        let rule = Self { cron: parsed, zone, repeats: hours.contains('*') || hours.contains('/') };
        if rule.next_after(Timestamp::from_secs(1_700_000_000)).is_none() {
            return Err(wrong("never comes, like 30 February".to_owned()));
        }
        Ok(rule)
    }

    /// Do its slots come closer together than `least`?
    pub fn is_faster_than(&self, least: Span) -> bool {
        let slots = std::iter::successors(self.next_after(Timestamp::from_secs(1_700_000_000)), |slot| self.next_after(*slot));
        let slots: Vec<Timestamp> = slots.take(LOOKED_FOR_PACE).collect();
        slots.windows(2).any(|pair| pair[1].since(pair[0]) < least)
    }

    /// The pattern in plain words.
    pub fn words(&self) -> String {
        self.cron.describe()
    }

    /// The first slot after `after`; `None`: there is none for centuries.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let at = jiff_of(after)?;
        let offset = self.zone.to_offset(at);
        // As far back as clocks may be put, for the same local times may come once more.
        let mut local = DateTime::from_timestamp(after.as_millis().div_euclid(1_000) + i64::from(offset.seconds()) - JUMP_S, 0)?;
        if !self.changes_around(at) {
            local += chrono::Duration::seconds(JUMP_S);
        }
        let mut best: Option<Timestamp> = None;
        for _ in 0..LOOKED_AT {
            let found = self.cron.find_next_occurrence(&local, false).ok()?;
            let slots = self.placed(found)?;
            let soonest = slots.into_iter().flatten().filter(|slot| *slot > after).min();
            best = best.into_iter().chain(soonest).min();
            let calm = soonest.and_then(jiff_of).is_some_and(|at| !self.changes_around(at));
            let beyond = best.is_some_and(|best| found.timestamp() - i64::from(offset.seconds()) > best.as_millis() / 1_000 + 2 * JUMP_S);
            if best.is_some() && (calm || beyond) {
                return best;
            }
            local = found;
        }
        best
    }

    /// The slots after `after` until `until`: the number of all but the last (of more than 10,000, 10,000), and the last.
    pub fn between(&self, after: Timestamp, until: Timestamp) -> Option<(u32, Timestamp)> {
        let next = |slot: &Timestamp| self.next_after(*slot).filter(|slot| *slot <= until);
        let mut last = next(&after)?;
        for others in 0..COUNTED {
            let Some(slot) = next(&last) else { return Some((others, last)) };
            last = slot;
        }
        // Too many to walk through: the last is looked for from the end, ever further back.
        let back = (0..40).map(|doublings| until - Span::from_secs(1 << doublings)).find_map(|from| next(&from.max(after)))?;
        Some((COUNTED, std::iter::successors(Some(back), next).last()?))
    }

    /// The next `count` slots after `after`, as people read them.
    pub fn preview(&self, after: Timestamp, count: usize) -> Vec<Local> {
        let mut offset = jiff_of(after).map(|at| self.zone.to_offset(at));
        let slots = std::iter::successors(self.next_after(after), |slot| self.next_after(*slot)).take(count);
        let local = |at: Timestamp| {
            let zoned = jiff_of(at)?.to_zoned(self.zone.clone());
            let offset_changes = offset.replace(zoned.offset()).is_some_and(|before| before != zoned.offset());
            Some(Local { at, text: zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(), offset_changes })
        };
        slots.filter_map(local).collect()
    }

    /// Are the clocks put forward or back around then?
    fn changes_around(&self, at: jiff::Timestamp) -> bool {
        let off = |by: i64| at.checked_add(jiff::SignedDuration::from_secs(by)).map(|at| self.zone.to_offset(at)).ok();
        off(-JUMP_S) != off(JUMP_S)
    }

    /// Where a local time lies on the time line: nowhere, once or twice.
    fn placed(&self, local: DateTime<Utc>) -> Option<[Option<Timestamp>; 2]> {
        let civil = jiff::Timestamp::from_second(local.timestamp()).ok()?.to_zoned(TimeZone::UTC).datetime();
        let ambiguous = self.zone.to_ambiguous_timestamp(civil);
        let at = |offset: jiff::tz::Offset| offset.to_timestamp(civil).ok().map(|t| Timestamp::from_millis(t.as_millisecond()));
        Some(match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => [at(offset), None],
            AmbiguousOffset::Gap { .. } if self.repeats => [None, None],
            AmbiguousOffset::Gap { before, .. } => [at(before), None],
            AmbiguousOffset::Fold { before, after } if self.repeats => [at(before), at(after)],
            AmbiguousOffset::Fold { before, .. } => [at(before), None],
        })
    }
}

/// What is wrong with a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// `cron` or `zone`.
    pub field: &'static str,
    /// What it must be.
    pub message: String,
}

fn jiff_of(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(cron: &str, zone: &str) -> Rule {
        Rule::parse(cron, zone).unwrap()
    }

    fn slots(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let from = Timestamp::parse(from).unwrap();
        rule(cron, zone).preview(from, count).into_iter().map(|l| l.text).collect()
    }

    #[test]
    fn a_fixed_hour_keeps_its_local_time_over_both_edges() {
        let spring = slots("30 8 * * *", "Europe/Lisbon", "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["2026-03-28T08:30:00+00:00", "2026-03-29T08:30:00+01:00", "2026-03-30T08:30:00+01:00"]);
        let autumn = slots("30 8 * * *", "Europe/Lisbon", "2026-10-24T00:00:00Z", 3);
        assert_eq!(autumn, ["2026-10-24T08:30:00+01:00", "2026-10-25T08:30:00+00:00", "2026-10-26T08:30:00+00:00"]);
    }

    #[test]
    fn an_hour_that_does_not_exist_is_taken_later_and_one_that_comes_twice_once() {
        let gap = slots("30 1 * * *", "Europe/Lisbon", "2026-03-28T02:00:00Z", 2);
        assert_eq!(gap, ["2026-03-29T02:30:00+01:00", "2026-03-30T01:30:00+01:00"]);
        let fold = slots("30 1 * * *", "Europe/Lisbon", "2026-10-24T02:00:00Z", 2);
        assert_eq!(fold, ["2026-10-25T01:30:00+01:00", "2026-10-26T01:30:00+00:00"]);
        // Sao Paulo put its clocks at midnight, until 2019.
        let gap = slots("0 0 * * *", "America/Sao_Paulo", "2018-11-03T04:00:00Z", 2);
        assert_eq!(gap, ["2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"]);
        let fold = slots("30 23 * * *", "America/Sao_Paulo", "2018-02-17T12:00:00Z", 2);
        assert_eq!(fold, ["2018-02-17T23:30:00-02:00", "2018-02-18T23:30:00-03:00"]);
        // Lord Howe puts them by half an hour.
        let gap = slots("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2);
        assert_eq!(gap, ["2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"]);
    }

    #[test]
    fn a_rule_through_the_hours_goes_by_the_clock_that_runs() {
        let fold = slots("0 * * * *", "Europe/Lisbon", "2026-10-24T23:30:00Z", 4);
        assert_eq!(
            fold,
            ["2026-10-25T01:00:00+01:00", "2026-10-25T01:00:00+00:00", "2026-10-25T02:00:00+00:00", "2026-10-25T03:00:00+00:00"]
        );
        let gap = slots("0 * * * *", "Europe/Lisbon", "2026-03-28T23:30:00Z", 3);
        assert_eq!(gap, ["2026-03-29T00:00:00+00:00", "2026-03-29T02:00:00+01:00", "2026-03-29T03:00:00+01:00"]);
    }

    #[test]
    fn what_is_no_rule_is_told() {
        let wrong = |cron: &str, zone: &str| Rule::parse(cron, zone).unwrap_err();
        assert_eq!(wrong("* * *", "UTC").field, "cron");
        assert!(wrong("61 * * * *", "UTC").message.contains("cron rule"));
        assert!(wrong("0 0 30 2 *", "UTC").message.contains("never comes"));
        assert_eq!(wrong("0 0 * * *", "Mars/Base").field, "zone");
    }

    #[test]
    fn what_passed_is_counted_and_its_last_slot_found_however_long_it_was() {
        let (minutely, from) = (rule("* * * * *", "Europe/Lisbon"), Timestamp::from_secs(1_700_000_000));
        let after = |s: i64| from + Span::from_secs(s);
        assert_eq!(minutely.between(from, after(39)), None);
        assert_eq!(minutely.between(from, after(40)), Some((0, after(40))), "22:13:20 and 40 s");
        assert_eq!(minutely.between(from, after(220)), Some((3, after(220))));
        assert_eq!(minutely.between(from, after(400 * 86_400)), Some((10_000, after(400 * 86_400 - 20))));
        assert_eq!(rule("* * * * * *", "UTC").between(from, after(90_000)), Some((10_000, after(90_000))));
    }

    #[test]
    fn the_southern_zones_put_their_clocks_at_midnight_or_by_half_an_hour() {
        // Santiago goes from 24:00 back to 23:00, and from 24:00 on to 01:00.
        let fold = slots("30 23 * * *", "America/Santiago", "2026-04-04T12:00:00Z", 2);
        assert_eq!(fold, ["2026-04-04T23:30:00-03:00", "2026-04-05T23:30:00-04:00"]);
        let gap = slots("15 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", 2);
        assert_eq!(gap, ["2026-09-06T01:15:00-03:00", "2026-09-07T00:15:00-03:00"]);
        let fold = slots("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2);
        assert_eq!(fold, ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]);
        let repeated = slots("*/15 * * * *", "Australia/Lord_Howe", "2026-04-04T14:25:00Z", 5);
        let times = ["01:30:00+11:00", "01:45:00+11:00", "01:30:00+10:30", "01:45:00+10:30", "02:00:00+10:30"];
        assert_eq!(repeated, times.map(|time| format!("2026-04-05T{time}")));
    }

    #[test]
    fn a_change_of_offset_is_flagged() {
        let from = Timestamp::parse("2026-10-24T00:00:00Z").unwrap();
        let flags: Vec<bool> = rule("30 8 * * *", "Europe/Lisbon").preview(from, 3).iter().map(|l| l.offset_changes).collect();
        assert_eq!(flags, [false, true, false]);
    }

    const ZONES: [&str; 6] = ["Europe/Lisbon", "America/Sao_Paulo", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        /// Over a year: a daily rule has one slot on each local day, whatever the clocks do, and they increase.
        #[test]
        fn a_daily_rule_has_a_slot_a_day(zone in 0..ZONES.len(), year in 2015..2030_i16, hour in 0..24_u8, minute in 0..60_u8) {
            let rule = rule(&format!("{minute} {hour} * * *"), ZONES[zone]);
            let start = jiff::civil::date(year, 1, 1).at(12, 0, 0, 0).to_zoned(rule.zone.clone()).unwrap();
            let mut at = Timestamp::from_millis(start.timestamp().as_millisecond());
            let mut days = std::collections::BTreeSet::new();
            for _ in 0..365 {
                let next = rule.next_after(at).unwrap();
                prop_assert!(next > at);
                let local = jiff_of(next).unwrap().to_zoned(rule.zone.clone());
                prop_assert!(days.insert(local.date()), "{} twice", local);
                at = next;
            }
            let (first, last) = (*days.first().unwrap(), *days.last().unwrap());
            prop_assert_eq!(first.until(last).unwrap().get_days(), 364, "a day was lost");
        }

        /// A rule by the minute has a slot in each real interval.
        #[test]
        fn a_rule_by_the_quarter_has_every_quarter(zone in 0..ZONES.len(), year in 2015..2030_i16, day in 0..364_i32) {
            let rule = rule("*/15 * * * *", ZONES[zone]);
            let start = jiff::civil::date(year, 1, 1).at(0, 7, 0, 0).to_zoned(rule.zone.clone()).unwrap().timestamp();
            let mut at = Timestamp::from_millis(start.as_millisecond() + i64::from(day) * 86_400_000);
            for _ in 0..200 {
                let next = rule.next_after(at).unwrap();
                prop_assert!(next > at && next.since(at).as_millis() <= 15 * 60_000, "{at} {next}");
                at = next;
            }
        }
    }
}

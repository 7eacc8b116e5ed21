//! The days that a training looks at: which hours of them were watched, and what was asked for in each.

use super::calendar::{Calendar, WEEK};
use super::history::{Quarter, within};
use super::profile::{Seen, Week};
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::ops::Range;

/// A local day.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Day {
    /// Which day of the week it is like; Monday is 0.
    pub like: usize,
    /// Is it a holiday?
    pub holiday: bool,
    /// How long each hour on the clock lasted within the frame, in hours: 1 mostly, 0 where it was skipped or is outside.
    pub hours: [f64; 24],
}

/// Requests of an hour of a day.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Sample {
    /// 24 for each day before, and the hour.
    at: u32,
    /// Requests.
    pub count: u32,
}

impl Sample {
    /// Index of the day.
    pub fn day(self) -> usize {
        self.at as usize / 24
    }
    /// Hour of the day.
    pub fn hour(self) -> usize {
        self.at as usize % 24
    }
}

/// The hours with requests, in order; the others had none.
pub(super) type Samples = Vec<Sample>;

/// A time of watching, day by day.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Frame {
    first: Quarter,
    /// Hour, as in [`Sample`], and quarter of the hour of each quarter hour since `first`.
    quarters: Vec<(u32, u8)>,
    /// The days, the first and the last maybe in part.
    pub days: Vec<Day>,
}

impl Frame {
    /// From `from` on and before `until`, to the quarter hour.
    pub fn new(calendar: &Calendar, from: Timestamp, until: Timestamp) -> Self {
        let (first, end) = (Quarter::of(from), Quarter::of(until));
        let (mut days, mut quarters, mut date) = (Vec::<Day>::new(), Vec::new(), None);
        let mut midnight = 0;
        for quarter in first.until(end) {
            let moment = calendar.moment(quarter.start());
            if date != Some(moment.date) {
                midnight = if date.is_some() { midnight + 24 } else { 0 };
                date = Some(moment.date);
                days.push(Day { like: moment.day, holiday: moment.holiday, hours: [0.0; 24] });
            }
            if let Some(day) = days.last_mut() {
                day.hours[usize::from(moment.hour)] += 0.25;
                quarters.push((midnight + u32::from(moment.hour), moment.quarter));
            }
        }
        Self { first, quarters, days }
    }

    /// A cell's quarter hours within the frame: the hour with its requests, and the quarter of the hour.
    pub fn place(&self, of: &BTreeMap<Quarter, u32>) -> impl Iterator<Item = (Sample, usize)> {
        let end = self.first.after(self.quarters.len());
        within(of, self.first, end).filter_map(|(quarter, count)| {
            let (at, part) = *self.quarters.get(quarter.since(self.first)?)?;
            Some((Sample { at, count }, usize::from(part)))
        })
    }

    /// A cell's hours.
    pub fn samples(&self, of: &BTreeMap<Quarter, u32>) -> Samples {
        let mut samples = Samples::new();
        for (sample, _) in self.place(of) {
            match samples.last_mut() {
                Some(last) if last.at == sample.at => last.count = last.count.saturating_add(sample.count),
                _ => samples.push(sample),
            }
        }
        samples.shrink_to_fit();
        samples
    }

    /// Adds an area's requests to those of all hours.
    pub fn add(&self, all: &mut Vec<u32>, samples: &[Sample]) {
        all.resize(24 * self.days.len(), 0);
        samples.iter().for_each(|sample| all[sample.at as usize] = all[sample.at as usize].saturating_add(sample.count));
    }

    /// The hours with requests out of all.
    pub fn samples_of(&self, all: &[u32]) -> Samples {
        (0..).zip(all).filter(|(_, count)| **count > 0).map(|(at, count)| Sample { at, count: *count }).collect()
    }
}

/// The days before one, weighted by their age; one of them may be left out.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Past<'a> {
    frame: &'a Frame,
    until: usize,
    weights: Vec<f64>,
    hours: Week,
}

/// What a holiday counts of a day: it tells of Sundays, but not as a Sunday does.
const OF_A_HOLIDAY: f64 = 0.5;

impl<'a> Past<'a> {
    /// A day counts half of one that is `half_life` weeks younger.
    pub fn new(frame: &'a Frame, until: usize, without: Option<usize>, half_life: f64) -> Self {
        let weight = |(day, at): (usize, &Day)| {
            let age = (until - 1 - day) as f64 / 7.0;
            let counts = if at.holiday { OF_A_HOLIDAY } else { 1.0 };
            if without == Some(day) { 0.0 } else { counts * 0.5_f64.powf(age / half_life) }
        };
        let weights: Vec<f64> = frame.days[..until].iter().enumerate().map(weight).collect();
        let mut hours = [0.0; WEEK];
        for (day, weight) in frame.days.iter().zip(&weights) {
            for (hour, lasted) in day.hours.iter().enumerate() {
                hours[day.like * 24 + hour] += weight * lasted;
            }
        }
        Self { frame, until, weights, hours }
    }

    /// The samples by hour of the week.
    pub fn seen(&self, samples: &[Sample]) -> Seen {
        let mut requests = [0.0; WEEK];
        for sample in of_days(samples, &(0..self.until)) {
            requests[self.frame.days[sample.day()].like * 24 + sample.hour()] += self.weights[sample.day()] * f64::from(sample.count);
        }
        Seen { requests, hours: self.hours }
    }
}

/// The samples of some days.
pub(super) fn of_days<'a>(samples: &'a [Sample], days: &Range<usize>) -> &'a [Sample] {
    let begin = samples.partition_point(|sample| sample.day() < days.start);
    let end = samples.partition_point(|sample| sample.day() < days.end);
    &samples[begin..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(zone: &str, from: &str, until: &str) -> Frame {
        let at = |text| Timestamp::parse(text).unwrap();
        Frame::new(&Calendar::new(zone, vec![]).unwrap(), at(from), at(until))
    }

    #[test]
    fn days_are_as_long_as_they_are() {
        // Saturday noon to Tuesday midnight in Lisbon; the clocks go forward on Sunday at 1, back in October at 2.
        let spring = frame("Europe/Lisbon", "2026-03-28T12:00:00Z", "2026-03-30T23:00:00Z");
        let lasted: Vec<f64> = spring.days.iter().map(|day| day.hours.iter().sum()).collect();
        assert_eq!((lasted, spring.days[1].hours[1], spring.days[1].like), (vec![12.0, 23.0, 24.0], 0.0, 6));
        let autumn = frame("Europe/Lisbon", "2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z");
        assert_eq!((autumn.days.len(), autumn.days[0].hours[1], autumn.days[0].hours.iter().sum::<f64>()), (1, 2.0, 25.0));
    }

    #[test]
    fn a_younger_day_counts_more_and_one_left_out_nothing() {
        let frame = frame("UTC", "2026-03-02T00:00:00Z", "2026-03-16T00:00:00Z");
        let samples: Samples = (0..14).map(|day| Sample { at: 24 * day + 5, count: 8 }).collect();
        let past = Past::new(&frame, 14, None, 1.0);
        let seen = past.seen(&samples);
        assert!((seen.hours[5] * 8.0 - seen.requests[5]).abs() < 1e-9 && seen.requests[6] == 0.0);
        assert!((seen.hours[6 * 24 + 5] - 1.5).abs() < 1e-9, "this Sunday and half of the last: {}", seen.hours[6 * 24 + 5]);
        let without = Past::new(&frame, 14, Some(13), 1.0).seen(&samples);
        assert!((without.hours[6 * 24 + 5] - 0.5).abs() < 1e-9);
        let before = Past::new(&frame, 7, None, 1.0).seen(&samples);
        assert!((before.requests[6 * 24 + 5] - 8.0).abs() < 1e-9);
    }
}

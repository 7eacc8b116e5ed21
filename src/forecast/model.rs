//! A trained forecast.

use super::areas::{self, Area, Watched};
use super::calendar::{Calendar, Moment, WEEK};
use super::frame::Frame;
use super::history::{History, QUARTER, Quarter};
use super::spread::{Held, Spread};
use crate::model::{Span, Timestamp};
use h3o::Resolution;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Quarter hours that [`Model::quarters`] tells: 24 h.
pub const QUARTERS: usize = 96;
/// Hours that [`Model::hours`] tells: 7 days.
pub const HOURS: usize = 168;

/// Weeks held out one after the other, the youngest first, each forecast from those before it.
const HOLDOUTS: usize = 6;
/// Weeks that a holdout is learned from at least; with fewer, single days are held out of all.
const LEARNED_FROM: usize = 3;
/// What a holdout counts of the one that is a week younger.
const OLDER: f64 = 0.8;
/// So many requests of an hour of the day are believed as much as four quarters alike.
const QUARTER_BELIEF: f64 = 40.0;

/// Why there is no forecast.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Untrained {
    /// There were fewer.
    #[error("a forecast needs two days of history")]
    Short,
    /// Not one.
    #[error("a forecast needs requests to learn from; there were none")]
    Empty,
}

/// How many requests to expect.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ExpectedRequests)]
pub struct Expected {
    /// Begin of the quarter hour or hour.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// On average.
    pub mean: f64,
    /// Low end of the 80 % interval.
    pub p10: u32,
    /// As likely more as less; the best single guess by absolute error.
    pub p50: u32,
    /// High end of the 80 % interval, itself within.
    pub p90: u32,
}

/// How well a model forecast hours of busy cells that it was not shown.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = ForecastQuality)]
pub struct Accuracy {
    /// Hours looked at.
    pub hours: usize,
    /// Requests in an hour, on average.
    pub requests: f64,
    /// Mean absolute error of `p50`.
    pub error: f64,
    /// Share of hours within the 80 % interval, which was laid so that it is about that.
    pub covered: f64,
}

/// What a history taught. It stays good for a week or two; a younger one is better.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Model {
    /// Local time, and which days are like Sundays.
    pub calendar: Calendar,
    /// Size of the finest cells.
    pub resolution: u8,
    /// What it learned from begins here,
    pub from: Timestamp,
    /// and ends here.
    pub until: Timestamp,
    /// Told by the holdouts; none where there was too little for any.
    pub accuracy: Option<Accuracy>,
    spread: Spread,
    /// Requests an hour, for each hour of the week.
    areas: BTreeMap<Area, Vec<f32>>,
    /// Parts of an hour that its quarters are: of weekdays, then of weekends.
    parts: Vec<f32>,
}

impl Model {
    /// Learns from the history of `from` on and before `until`, to the quarter hour. That nothing was asked for counts too, so
    /// `from` must not be before the depot began to take requests.
    ///
    /// `progress` is told how many of how many steps are done.
    pub fn train(
        history: &History,
        calendar: &Calendar,
        (from, until): (Timestamp, Timestamp),
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, Untrained> {
        if until - from < QUARTER * 192.0 {
            return Err(Untrained::Short);
        }
        let frame = Frame::new(calendar, from, until);
        let watched = areas::watched(history, &frame);
        if watched.is_empty() {
            return Err(Untrained::Empty);
        }
        let (spread, accuracy) = held_out(&watched, &frame, &mut progress);
        let weeks = areas::weeks(&watched, &frame, frame.days.len(), None, false);
        let told =
            watched.iter().zip(weeks).filter_map(|(watched, week)| Some((watched.area, week?.iter().map(|rate| single(*rate)).collect())));
        Ok(Self {
            calendar: calendar.clone(),
            resolution: history.resolution().into(),
            from,
            until,
            accuracy,
            spread,
            areas: told.collect(),
            parts: parts(history, &frame),
        })
    }

    /// What it knows of: everything, the cells, and coarser cells around them.
    pub fn areas(&self) -> impl Iterator<Item = Area> {
        self.areas.keys().copied()
    }

    /// The finest cells that it knows of.
    pub fn cells(&self) -> impl Iterator<Item = Area> {
        let finest = Resolution::try_from(self.resolution).ok();
        self.areas().filter(move |area| matches!(area, Area::Cell(cell) if Some(cell.resolution()) == finest))
    }

    /// Requests an hour, on average over a week. `None`: nobody ever asked there.
    pub fn mean(&self, area: Area) -> Option<f64> {
        let week = self.areas.get(&area)?;
        Some(week.iter().map(|rate| f64::from(*rate)).sum::<f64>() / WEEK as f64)
    }

    /// The hour that `at` is in, on the local clock. `None`: nobody ever asked there.
    pub fn hour(&self, area: Area, at: Timestamp) -> Option<Expected> {
        let week = self.areas.get(&area)?;
        let start = self.start_of_hour(at);
        Some(self.expected(start, rate(week, self.calendar.moment(start)), 1.0))
    }

    /// The quarter hour that `at` is in; four make the hour's mean.
    pub fn quarter(&self, area: Area, at: Timestamp) -> Option<Expected> {
        let week = self.areas.get(&area)?;
        let (start, moment) = (Quarter::of(at).start(), self.calendar.moment(at));
        Some(self.expected(start, rate(week, moment), self.parts.get(part(moment)).copied().unwrap_or(0.25).into()))
    }

    /// The next 7 days by hour, from the hour of `now` on.
    pub fn hours(&self, area: Area, now: Timestamp) -> Option<Vec<Expected>> {
        let start = self.start_of_hour(now);
        (0..HOURS).map(|n| self.hour(area, start + Span::from_secs(3_600) * n as f64)).collect()
    }

    /// The next 24 h by quarter hour, from the quarter hour of `now` on.
    pub fn quarters(&self, area: Area, now: Timestamp) -> Option<Vec<Expected>> {
        (0..QUARTERS).map(|n| self.quarter(area, now + QUARTER * n as f64)).collect()
    }

    fn start_of_hour(&self, at: Timestamp) -> Timestamp {
        Quarter::of(at).start() - QUARTER * f64::from(self.calendar.moment(at).quarter)
    }

    /// A part of an hour with so many requests. The part strays with its hour.
    fn expected(&self, from: Timestamp, hour: f64, part: f64) -> Expected {
        let mean = hour * part;
        let count = super::spread::Count::new(mean, self.spread.dispersion(hour));
        let (p10, p90) = count.within(self.spread.tail());
        Expected { from, mean, p10, p50: count.quantile(0.5), p90 }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "seven digits of a rate are plenty")]
fn single(rate: f64) -> f32 {
    rate as f32
}

fn rate(week: &[f32], moment: Moment) -> f64 {
    week.get(moment.slot()).copied().unwrap_or(0.0).into()
}

/// Which of the parts of hours a moment is.
fn part(moment: Moment) -> usize {
    usize::from(moment.day >= 5) * 96 + usize::from(moment.hour) * 4 + usize::from(moment.quarter)
}

/// How the requests of an hour are spread over its quarters, by hour of weekdays and of weekends.
fn parts(history: &History, frame: &Frame) -> Vec<f32> {
    let mut asked = [QUARTER_BELIEF / 4.0; 192];
    for (_, quarters) in history.cells() {
        for (sample, quarter) in frame.place(quarters) {
            let weekend = usize::from(frame.days[sample.day()].like >= 5);
            asked[weekend * 96 + sample.hour() * 4 + quarter] += f64::from(sample.count);
        }
    }
    asked.chunks(4).flat_map(|hour| hour.iter().map(|quarter| single(quarter / hour.iter().sum::<f64>()))).collect()
}

/// Learns how far counts stray from forecasts of weeks, or of days where there are few weeks, that were held out.
fn held_out(watched: &[Watched], frame: &Frame, progress: &mut impl FnMut(usize, usize)) -> (Spread, Option<Accuracy>) {
    let days = frame.days.len();
    let whole_weeks = HOLDOUTS.min((days / 7).saturating_sub(LEARNED_FROM));
    let steps = if whole_weeks > 0 { whole_weeks } else { days };
    let mut held = Vec::<Held>::new();
    for step in 0..steps {
        progress(step, steps);
        let weight = if whole_weeks > 0 { OLDER.powf(step as f64) } else { 1.0 };
        let (until, without, days) = if whole_weeks > 0 {
            let begin = days - 7 * (step + 1);
            (begin, None, begin..begin + 7)
        } else {
            (days, Some(step), step..step + 1)
        };
        let weeks = areas::weeks(watched, frame, until, without, true);
        areas::hold(watched, frame, &weeks, &days, weight, &mut held);
    }
    progress(steps, steps);
    let spread = Spread::fit(&held);
    (spread, accuracy(&spread, &held))
}

fn accuracy(spread: &Spread, held: &[Held]) -> Option<Accuracy> {
    let (mut error, mut covered, mut requests) = (0.0, 0.0, 0.0);
    for Held { mean, seen, .. } in held {
        let count = spread.count(*mean);
        let (low, high) = count.within(spread.tail());
        error += f64::from(seen.abs_diff(count.quantile(0.5)));
        covered += f64::from(u8::from((low..=high).contains(seen)));
        requests += f64::from(*seen);
    }
    let hours = held.len() as f64;
    (hours > 0.0).then(|| Accuracy { hours: held.len(), requests: requests / hours, error: error / hours, covered: covered / hours })
}

const _: () = assert!(HOURS == WEEK);

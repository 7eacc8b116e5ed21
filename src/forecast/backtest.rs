//! How good would it have been? Forecasts of the last weeks of a history, beside what came and beside simpler forecasts.
//!
//! The protocol: requests by cell and hour; cells with at least [`BUSY`] requests an hour before the test; errors are absolute,
//! averaged over all cells and hours, and divided by the error of the same hour of the week before within the training
//! (the mean absolute scaled error of Hyndman and Koehler, 2006, over all cells together). Each test week is forecast from its
//! begin, by a model that learned all that was before it, as a depot that trains every week would have.

use super::areas::{Area, BUSY};
use super::calendar::{Calendar, WEEK};
use super::history::{History, QUARTER, Quarter, within};
use super::model::{Expected, Model, Untrained};
use crate::clock::Clock;
use crate::model::{Span, Timestamp};
use serde::Serialize;

const HOUR: Span = Span::from_secs(3_600);
/// A first day that is watched from before this hour of the clock on, or a last one until after the second, is a whole day.
const WHOLE_DAY: (u8, u8) = (6, 18);

/// Why there is nothing to tell.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Failure {
    /// Too few days.
    #[error("it holds {days} whole days; {weeks} week(s) of training and one of test need {needed}")]
    Short {
        /// Whole days.
        days: usize,
        /// Weeks to train on.
        weeks: usize,
        /// Days that it should have.
        needed: usize,
    },
    /// Nothing to judge by.
    #[error("no cell has {BUSY} requests an hour or more in the training: take larger cells (a smaller --resolution)")]
    Quiet,
    /// The same every week, so no error is an error.
    #[error("every hour of the training is as it was the week before: there is no error to compare with")]
    Regular,
    /// See there.
    #[error(transparent)]
    Untrained(#[from] Untrained),
}

/// A time and its length.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Period {
    /// Begin.
    pub from: Timestamp,
    /// End.
    pub until: Timestamp,
    /// Hours.
    pub hours: usize,
}

/// The same by one model that is not trained again.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Once {
    /// See [`Report::mase`].
    pub mase: f64,
    /// See [`Report::coverage_80`].
    pub coverage_80: f64,
}

/// What came of a test. Errors are over that of the same hour last week in the training; lower is better.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    /// Ours: each week from its begin.
    pub mase: f64,
    /// Mean of the hour of the week, over the training.
    pub hour_of_week_mase: f64,
    /// The same times the level of the cell's last two weeks of training.
    pub scaled_hour_of_week_mase: f64,
    /// Mean of the hour of the week, over all that was before the test week.
    pub hour_of_week_retrained_mase: f64,
    /// The same hour a week ago.
    pub seasonal_naive_mase: f64,
    /// Share of cells and hours within our 80 % interval, its ends included.
    pub coverage_80: f64,
    /// Cells judged by.
    pub cells: usize,
    /// One model, trained before the first test week.
    pub trained_once: Once,
    /// Ours by day ahead, the first day first.
    pub by_day_mase: [f64; 7],
    /// Mean absolute error of ours, in requests an hour.
    pub mae: f64,
    /// Requests an hour in the cells during the test, on average.
    pub requests_per_hour: f64,
    /// What is learned from at first.
    pub train: Period,
    /// What is forecast.
    pub test: Period,
    /// H3 resolution of the cells.
    pub resolution: u8,
    /// Whose clock it is.
    pub zone: String,
    /// Seconds that the longest training took.
    pub train_s: f64,
}

/// A cell and its requests, hour by hour.
struct Row {
    area: Area,
    hours: Vec<f64>,
}

/// Forecasts the last weeks of the history: as many whole weeks as `train_weeks` leave of it, at its end.
///
/// `progress` is told how many of how many steps are done.
pub fn run(
    history: &History,
    calendar: &Calendar,
    train_weeks: usize,
    clock: &Clock,
    mut progress: impl FnMut(usize, usize),
) -> Result<Report, Failure> {
    let (train, test) = periods(history, calendar, train_weeks)?;
    let rows = rows(history, &train, &test);
    if rows.is_empty() {
        return Err(Failure::Quiet);
    }
    let scale = mean(rows.iter().flat_map(|row| (WEEK..train.hours).map(|t| (row.hours[t] - row.hours[t - WEEK]).abs())));
    if scale <= 0.0 {
        return Err(Failure::Regular);
    }
    let weeks = test.hours / WEEK;
    let (mut ours, mut once, mut train_s) = (Vec::new(), Vec::new(), 0.0_f64);
    let mut first = None;
    for week in 0..weeks {
        let begin = test.from + HOUR * (week * WEEK) as f64;
        let started = clock.monotonic();
        let model = Model::train(history, calendar, (train.from, begin), |done, steps| progress(week * steps + done, weeks * steps))?;
        train_s = train_s.max(clock.monotonic().duration_since(started).as_secs_f64());
        let first = first.get_or_insert_with(|| model.clone());
        for hour in 0..WEEK {
            let t = week * WEEK + hour;
            for row in &rows {
                let outcome = |model: &Model| {
                    Some(Outcome::of(model.hour(row.area, test.from + HOUR * t as f64)?, row.hours[train.hours + t], hour / 24))
                };
                ours.extend(outcome(&model));
                once.extend(outcome(first));
            }
        }
    }
    let errors = |of: &dyn Fn(&Row, usize) -> f64| {
        mean(rows.iter().flat_map(|row| (train.hours..train.hours + test.hours).map(|t| (row.hours[t] - of(row, t)).abs()))) / scale
    };
    let of_week = |t: usize| train.hours + (t - train.hours) / WEEK * WEEK;
    let mae = mean(ours.iter().map(|outcome| outcome.error));
    Ok(Report {
        mase: mae / scale,
        hour_of_week_mase: errors(&|row, t| mean(same_hours(row, t, 0..train.hours))),
        scaled_hour_of_week_mase: errors(&|row, t| mean(same_hours(row, t, 0..train.hours)) * level(row, train.hours)),
        hour_of_week_retrained_mase: errors(&|row, t| mean(same_hours(row, t, 0..of_week(t)))),
        seasonal_naive_mase: errors(&|row, t| row.hours[t - WEEK]),
        coverage_80: mean(ours.iter().map(Outcome::covered)),
        cells: rows.len(),
        trained_once: Once {
            mase: mean(once.iter().map(|outcome| outcome.error)) / scale,
            coverage_80: mean(once.iter().map(Outcome::covered)),
        },
        by_day_mase: std::array::from_fn(|day| mean(ours.iter().filter(|outcome| outcome.day == day).map(|outcome| outcome.error)) / scale),
        mae,
        requests_per_hour: mean(rows.iter().flat_map(|row| row.hours[train.hours..].iter().copied())),
        train,
        test,
        resolution: history.resolution().into(),
        zone: calendar.zone().to_owned(),
        train_s,
    })
}

/// A forecast hour of a cell.
struct Outcome {
    error: f64,
    within: bool,
    day: usize,
}

impl Outcome {
    fn of(expected: Expected, came: f64, day: usize) -> Self {
        let Expected { p10, p50, p90, .. } = expected;
        Self { error: (f64::from(p50) - came).abs(), within: (f64::from(p10)..=f64::from(p90)).contains(&came), day }
    }
    fn covered(&self) -> f64 {
        f64::from(u8::from(self.within))
    }
}

fn mean(of: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = of.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// The hours of `within` that are the same hour of the week as `t`.
fn same_hours(row: &Row, t: usize, within: std::ops::Range<usize>) -> impl Iterator<Item = f64> {
    row.hours[within].iter().skip(t % WEEK).step_by(WEEK).copied()
}

/// The last two weeks of training over what the hour of the week has them be.
fn level(row: &Row, train: usize) -> f64 {
    let recent = train.saturating_sub(2 * WEEK)..train;
    let usual: f64 = recent.clone().map(|t| mean(same_hours(row, t, 0..train))).sum();
    if usual > 0.0 { row.hours[recent].iter().sum::<f64>() / usual } else { 1.0 }
}

/// What is learned from and what is forecast.
fn periods(history: &History, calendar: &Calendar, weeks: usize) -> Result<(Period, Period), Failure> {
    let (from, until) = history.span().map(|span| whole_days(span, calendar)).ok_or(Untrained::Empty)?;
    let all = usize::try_from((until - from).as_millis() / HOUR.as_millis()).unwrap_or(0);
    // A week of training has no week before it to compare with.
    let needed = (7 * weeks).max(8) + 7;
    if all / 24 < needed {
        return Err(Failure::Short { days: all / 24, weeks, needed });
    }
    let test = (all / 24 - 7 * weeks) / 7 * WEEK;
    let test = test.min((all - 8 * 24) / WEEK * WEEK);
    let begin = until - HOUR * test as f64;
    let train = Period { from: begin - HOUR * (all - test) as f64, until: begin, hours: all - test };
    Ok((train, Period { from: begin, until, hours: test }))
}

/// From the full hour of the first request to that of the last; a day on whose edge nobody asked is whole.
fn whole_days((first, last): (Timestamp, Timestamp), calendar: &Calendar) -> (Timestamp, Timestamp) {
    let moment = |at: Timestamp| calendar.moment(at);
    let (mut from, mut until) = (Quarter::of(first).start(), Quarter::of(last - QUARTER).start());
    let (first, last) = (moment(from), moment(until));
    while moment(from - QUARTER).date == first.date && (first.hour < WHOLE_DAY.0 || moment(from).quarter > 0) {
        from = from - QUARTER;
    }
    while moment(until + QUARTER).date == last.date && (last.hour >= WHOLE_DAY.1 || moment(until + QUARTER).quarter > 0) {
        until = until + QUARTER;
    }
    (from, until + QUARTER)
}

fn rows(history: &History, train: &Period, test: &Period) -> Vec<Row> {
    let (first, end) = (Quarter::of(train.from), Quarter::of(test.until));
    let row = |(cell, quarters): (_, &_)| {
        let mut hours = vec![0.0; train.hours + test.hours];
        for (quarter, count) in within(quarters, first, end) {
            if let Some(hour) = quarter.since(first).and_then(|quarters| hours.get_mut(quarters / 4)) {
                *hour += f64::from(count);
            }
        }
        (hours[..train.hours].iter().sum::<f64>() >= BUSY * train.hours as f64).then_some(Row { area: Area::Cell(cell), hours })
    };
    history.cells().filter_map(row).collect()
}

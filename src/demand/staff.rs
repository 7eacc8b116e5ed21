//! How many drivers the days to come need, and how many are planned.

use super::Demand;
use crate::forecast::{Area, Expected};
use crate::model::{Dimension, Measure, Measures, Span, Timestamp, Window};
use crate::store::{self, rollups, shifts};
use rusqlite::Connection;
use serde::Serialize;
use utoipa::ToSchema;

/// How far back is looked for how long a job takes.
const BACK: Span = Span::from_secs(28 * 86_400);
/// So long a job is taken to last while nothing is known.
const USUAL_S: f64 = 1_800.0;
/// Fewer deliveries than this tell nothing about how long one takes.
const ENOUGH: i64 = 20;
/// Shifts looked at.
const MOST_SHIFTS: usize = 10_000;

/// An hour to come.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = StaffingHour)]
pub struct Hour {
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Bookings to expect, with the interval that holds four times out of five.
    pub expected: Expected,
    /// Drivers needed for them.
    pub needed: u32,
    /// Drivers planned by shifts, whoever pauses left out.
    pub planned: u32,
}

/// Hours one after the other in which drivers are lacking.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct Shortage {
    /// When the first begins.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// When the last ends.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    /// How many drivers are short, in the worst of these hours.
    pub short: u32,
}

/// The days to come.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Staffing {
    /// When the forecast was made.
    #[schema(value_type = String, format = DateTime)]
    pub forecast_made_at: Timestamp,
    /// Seconds that a vehicle is busy with a job, as the last four weeks say.
    pub job_s: f64,
    /// The share of their time that drivers are meant to have a job.
    pub utilisation: f64,
    /// Seven days by the hour.
    pub hours: Vec<Hour>,
    /// Where drivers are lacking; empty where no shift is planned at all.
    pub shortages: Vec<Shortage>,
}

impl Demand {
    /// How many drivers the next seven days need; `None`: there is no forecast yet.
    pub async fn staffing(&self) -> store::Result<Option<Staffing>> {
        let Some(forecast) = self.forecast() else { return Ok(None) };
        let now = self.0.clock.now();
        let utilisation = self.0.settings.get().forecast.utilisation;
        let Some(expected) = forecast.model.hours(Area::All, now) else { return Ok(None) };
        let time = Window { from: now, until: now + Span::from_secs(8 * 86_400) };
        let ask = move |c: &Connection| {
            let filter = shifts::Filter { from: Some(time.from), to: Some(time.until), ..shifts::Filter::default() };
            let planned = shifts::list(c, &filter, None, MOST_SHIFTS)?;
            let mut sums = Measures::default();
            for (_, amounts) in rollups::total(c, Dimension::All, Some(""), now - BACK, now)? {
                sums += amounts;
            }
            Ok::<_, store::Error>((planned, sums))
        };
        let (planned, sums) = self.0.db.read(ask).await?;
        let job_s =
            if sums[Measure::Delivered] < ENOUGH { USUAL_S } else { float(sums[Measure::BusySeconds]) / float(sums[Measure::Delivered]) };
        let hour = |expected: Expected| {
            let middle = expected.from + Span::from_secs(1_800);
            let within = |time: &Window| time.from <= middle && middle < time.until;
            let works = |shift: &&crate::model::Shift| within(&shift.time) && !shift.pause.as_ref().is_some_and(within);
            let planned = u32::try_from(planned.iter().filter(works).count()).unwrap_or(u32::MAX);
            Hour { from: expected.from, expected, needed: needed(expected.mean, job_s, utilisation), planned }
        };
        let hours: Vec<Hour> = expected.into_iter().map(hour).collect();
        let shortages = if planned.is_empty() { Vec::new() } else { shortages(&hours) };
        Ok(Some(Staffing { forecast_made_at: forecast.made_at, job_s, utilisation, hours, shortages }))
    }
}

/// Drivers for `bookings` in an hour.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "casts saturate")]
fn needed(bookings: f64, job_s: f64, utilisation: f64) -> u32 {
    (bookings * job_s / 3_600.0 / utilisation).ceil() as u32
}

fn shortages(hours: &[Hour]) -> Vec<Shortage> {
    let mut found: Vec<Shortage> = Vec::new();
    for hour in hours {
        let (short, to) = (hour.needed.saturating_sub(hour.planned), hour.from + Span::from_secs(3_600));
        match found.last_mut().filter(|last| last.to == hour.from) {
            _ if short == 0 => {}
            Some(last) => (last.to, last.short) = (to, last.short.max(short)),
            None => found.push(Shortage { from: hour.from, to, short }),
        }
    }
    found
}

#[expect(clippy::cast_precision_loss, reason = "sums far below 2^52")]
fn float(n: i64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_does_as_many_jobs_as_fit_into_his_share_of_an_hour() {
        assert_eq!(needed(12.0, 1_800.0, 0.75), 8);
        assert_eq!(needed(0.0, 1_800.0, 0.75), 0);
        assert_eq!(needed(0.1, 600.0, 1.0), 1);
    }

    #[test]
    fn hours_that_follow_each_other_are_one_shortage() {
        let hour = |n: i64, needed, planned| {
            let from = Timestamp::from_secs(n * 3_600);
            Hour { from, expected: Expected { from, mean: 1.0, p10: 0, p50: 1, p90: 2 }, needed, planned }
        };
        let hours = [hour(0, 3, 3), hour(1, 5, 3), hour(2, 9, 3), hour(3, 1, 3), hour(4, 4, 3)];
        let at = |n: i64| Timestamp::from_secs(n * 3_600);
        let expected = [Shortage { from: at(1), to: at(3), short: 6 }, Shortage { from: at(4), to: at(5), short: 1 }];
        assert_eq!(shortages(&hours), expected);
    }
}

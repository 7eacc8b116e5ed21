//! How well forecasts went: what they said of each hour, beside what came.
//!
//! Each training leaves what it says of the hours of the next seven days, for everything and for the busiest cells, in place of what the
//! one before said of them. An hour that has passed is counted ([`Demand::settle`]) with what was said last before it began, into the
//! sums of its day; so nothing is counted twice, and what passed while depotd was down is counted too.

use super::{Demand, Forecast};
use crate::forecast::{Area, BUSY};
use crate::model::{Day, Place, Span, Timestamp, Window};
use crate::store::{self, accuracy};
use accuracy::{Said, Sums, Whose};
use h3o::{LatLng, Resolution};
use rusqlite::Transaction;
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// Cells whose hours are looked at, at most: the busiest.
const MOST_CELLS: usize = 100;
/// Days told and kept at most.
const MOST_DAYS: usize = 400;
/// Hours counted in one transaction.
const HOURS: usize = 24;
const HOUR: Span = Span::from_secs(3_600);
const WEEK: Span = Span::from_secs(7 * 86_400);

/// How the hours of a day went.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ForecastErrors)]
pub struct Errors {
    /// Hours counted; those of a cell each.
    pub hours: u32,
    /// Requests that came in an hour, mean.
    pub requests: f64,
    /// How far that was from what was forecast, mean absolute error.
    pub error: f64,
    /// The same for the forecast that an hour goes as that of the week before; missing where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_week_error: Option<f64>,
    /// The share of the hours within the interval that is to hold four times out of five.
    pub covered: f64,
}

/// How forecasts went on a day.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = ForecastDay)]
pub struct DayErrors {
    /// Like `2026-10-25`, in the depot's zone.
    pub day: String,
    /// Of everything together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all: Option<Errors>,
    /// Of the busy cells, each by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cells: Option<Errors>,
}

impl Errors {
    fn of(sums: &Sums) -> Self {
        let mean = |sum: u32, of: u32| f64::from(sum) / f64::from(of.max(1));
        Self {
            hours: sums.hours,
            requests: mean(sums.requests, sums.hours),
            error: mean(sums.error, sums.hours),
            last_week_error: (sums.naive_hours > 0).then(|| mean(sums.naive_error, sums.naive_hours)),
            covered: mean(sums.covered, sums.hours),
        }
    }
}

impl Demand {
    /// How forecasts went on the days `from` to `to`, both included, newest first; 400 at most.
    pub async fn accuracy(&self, from: String, to: String) -> store::Result<Vec<DayErrors>> {
        let rows = self.0.db.read(move |c| accuracy::days(c, &from, &to, MOST_DAYS)).await?;
        let mut days: Vec<DayErrors> = Vec::new();
        for (day, whose, sums) in rows {
            if days.last().is_none_or(|last| last.day != day) {
                days.push(DayErrors { day, all: None, cells: None });
            }
            let Some(last) = days.last_mut() else { continue };
            *match whose {
                Whose::All => &mut last.all,
                Whose::Cells => &mut last.cells,
            } = Some(Errors::of(&sums));
        }
        Ok(days)
    }

    /// Counts the hours that have passed. Says how many.
    pub async fn settle(&self, now: Timestamp) -> store::Result<usize> {
        let mut counted = 0;
        while self.0.db.read(move |c| accuracy::is_due(c, now - HOUR)).await? {
            let zone = self.0.calendar.zone().to_owned();
            counted += self.0.db.write(move |tx: &Transaction<'_>| count(tx, &zone, now)).await?;
        }
        Ok(counted)
    }
}

/// What a forecast says of the hours after the present one, for everything and the busiest cells.
pub(super) fn said(forecast: &Forecast) -> Vec<Said> {
    let (model, now) = (&forecast.model, forecast.made_at);
    let mut cells: Vec<(f64, Area)> = model.cells().filter_map(|area| Some((model.mean(area)?, area))).collect();
    cells.retain(|(mean, _)| *mean >= BUSY);
    cells.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| one.cmp(other)));
    let areas = cells.into_iter().take(MOST_CELLS).map(|(_, area)| area);
    let of_area = |area: Area| {
        let hours = model.hours(area, now).unwrap_or_default();
        let cell = if let Area::Cell(cell) = area { cell.to_string() } else { String::new() };
        hours.into_iter().filter(|hour| hour.from > now).map(move |hour| Said {
            hour: hour.from,
            cell: cell.clone(),
            p10: hour.p10,
            p50: hour.p50,
            p90: hour.p90,
        })
    };
    std::iter::once(Area::All).chain(areas).flat_map(of_area).collect()
}

/// Counts the oldest hours that have passed, and forgets days of long ago.
fn count(tx: &Transaction<'_>, zone: &str, now: Timestamp) -> store::Result<usize> {
    let hours = accuracy::due(tx, now - HOUR, HOURS)?;
    let begin = store::forecast::begin(tx)?.unwrap_or(now);
    for hour in &hours {
        let said = accuracy::said(tx, *hour)?;
        let resolution = said.iter().find_map(|said| said.cell.parse::<h3o::CellIndex>().ok()).map(h3o::CellIndex::resolution);
        let came = requests(tx, *hour, resolution)?;
        let week_before = *hour - WEEK;
        let before = if week_before >= begin { Some(requests(tx, week_before, resolution)?) } else { None };
        let day = Day::of(*hour, zone).to_string();
        for said in said {
            let of = |counts: &HashMap<String, u32>| counts.get(&said.cell).copied().unwrap_or(0);
            let (came, before) = (of(&came), before.as_ref().map(of));
            let sums = Sums {
                hours: 1,
                requests: came,
                error: came.abs_diff(said.p50),
                naive_hours: u32::from(before.is_some()),
                naive_error: before.map_or(0, |before| came.abs_diff(before)),
                covered: u32::from((said.p10..=said.p90).contains(&came)),
            };
            accuracy::add(tx, &day, if said.cell.is_empty() { Whose::All } else { Whose::Cells }, &sums)?;
        }
        accuracy::forget_said(tx, *hour)?;
    }
    accuracy::purge(tx, MOST_DAYS)?;
    Ok(hours.len())
}

/// Pickups asked for in the hour from `hour` on: by cell, and under the empty name in all.
fn requests(tx: &Transaction<'_>, hour: Timestamp, resolution: Option<Resolution>) -> store::Result<HashMap<String, u32>> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    store::forecast::requests(tx, Window { from: hour, until: hour + HOUR }, |_, place| {
        *counts.entry(String::new()).or_default() += 1;
        if let Some(cell) = resolution.and_then(|resolution| cell_name(place, resolution)) {
            *counts.entry(cell).or_default() += 1;
        }
    })?;
    Ok(counts)
}

fn cell_name(place: Place, resolution: Resolution) -> Option<String> {
    Some(LatLng::new(place.lat(), place.lon()).ok()?.to_cell(resolution).to_string())
}

//! Demand and supply by H3 cell.

use super::Demand;
use crate::forecast::{Area, Expected};
use crate::model::{Availability, Place, Span, Timestamp, Window};
use crate::store;
use h3o::{CellIndex, LatLng, Resolution};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Fewer requests an hour than this are not worth a cell of their own.
const LITTLE: f64 = 0.05;
/// How far from now live figures are shown.
const NOW: Span = Span::from_secs(15 * 60);

/// Demand's factor for a class of vehicles.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Surged {
    /// The class; missing: for trips that ask for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The factor.
    pub factor: f64,
    /// Why, in words.
    pub reason: String,
}

/// One cell.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
#[schema(as = DemandCell)]
pub struct Cell {
    /// Its H3 index.
    pub cell: String,
    /// Its border as `[longitude, latitude]`, closed.
    pub polygon: Vec<[f64; 2]>,
    /// Bookings that wait for a vehicle there now.
    pub waiting: u32,
    /// Free vehicles there now.
    pub free: u32,
    /// Pickups that were asked for within the hour of `at`, as far as is known.
    pub requests: u32,
    /// How many to expect in that hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Expected>,
    /// Demand's factors there, where a tariff has prices follow demand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub surge: Vec<Surged>,
}

/// All cells in which something is.
#[derive(Clone, PartialEq, Debug, Serialize, ToSchema)]
pub struct Picture {
    /// Of which moment.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// H3 resolution of the cells.
    pub resolution: u8,
    /// When the forecast was made; missing while there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub forecast_made_at: Option<Timestamp>,
    /// The cells, the one with the most to do first.
    pub items: Vec<Cell>,
}

#[derive(Default)]
struct Counts {
    waiting: u32,
    free: u32,
    requests: u32,
}

impl Demand {
    /// Demand and supply at `at`: who waits and who is free when that is now, what was asked for, and what to expect. Without a
    /// resolution that of the forecast; in another one a cell has the sum of the means in it, or its share, and no interval.
    pub async fn picture(&self, at: Timestamp, resolution: Option<u8>) -> store::Result<Picture> {
        let own = self.0.settings.get().forecast.resolution;
        let resolution = Resolution::try_from(resolution.unwrap_or(own)).unwrap_or(Resolution::Seven);
        let mut counts: BTreeMap<CellIndex, Counts> = BTreeMap::new();
        let now = self.0.clock.now();
        if now.since(at).max(at.since(now)) <= NOW {
            for booking in self.waiting().await? {
                counts.entry(cell(booking.order.pickup.place, resolution)).or_default().waiting += 1;
            }
            for view in self.0.fleet.all() {
                if let Some(place) = view.place.filter(|_| view.online && view.availability == Availability::Free) {
                    counts.entry(cell(place, resolution)).or_default().free += 1;
                }
            }
        }
        let hour = Timestamp::from_millis(at.as_millis().div_euclid(3_600_000) * 3_600_000);
        let time = Window { from: hour, until: hour + Span::from_secs(3_600) };
        let requests = self.0.db.read(move |c| {
            let mut found = Vec::new();
            store::forecast::requests(c, time, |_, place| found.push(place))?;
            Ok::<_, store::Error>(found)
        });
        for place in requests.await? {
            counts.entry(cell(place, resolution)).or_default().requests += 1;
        }
        let forecast = self.forecast();
        let mut expected: BTreeMap<CellIndex, Expected> = BTreeMap::new();
        if let Some(forecast) = &forecast {
            for area in forecast.model.cells() {
                if let (Area::Cell(found), Some(hour)) = (area, forecast.model.hour(area, at)) {
                    spread(&mut expected, found, hour, resolution);
                }
            }
            expected.retain(|_, e| e.mean >= LITTLE);
            for cell in expected.keys() {
                counts.entry(*cell).or_default();
            }
        }
        let surges = self.0.bookings.tariffs().factors();
        for (_, surge) in &surges {
            for (cell, _) in surge.cells() {
                counts.entry(cell.parent(resolution).unwrap_or(cell)).or_default();
            }
        }
        let mut items: Vec<Cell> = counts
            .into_iter()
            .map(|(index, Counts { waiting, free, requests })| {
                let surged = |(class, surge): &(Option<String>, crate::pricing::surge::Surge)| {
                    let factor = surge.at(index);
                    Surged { class: class.clone(), factor: f64::from(factor.per_mille) / 1_000.0, reason: factor.reason }
                };
                Cell {
                    cell: index.to_string(),
                    polygon: border(index),
                    waiting,
                    free,
                    requests,
                    forecast: expected.get(&index).copied(),
                    surge: surges.iter().map(surged).collect(),
                }
            })
            .collect();
        let weight = |c: &Cell| f64::from(c.waiting + c.requests) + c.forecast.map_or(0.0, |f| f.mean);
        items.sort_by(|a, b| weight(b).total_cmp(&weight(a)).then_with(|| a.cell.cmp(&b.cell)));
        Ok(Picture { at, resolution: resolution.into(), forecast_made_at: forecast.map(|f| f.made_at), items })
    }
}

/// Adds what is expected in a cell of the forecast to the cells of the resolution that is asked for.
pub(super) fn spread(expected: &mut BTreeMap<CellIndex, Expected>, found: CellIndex, hour: Expected, resolution: Resolution) {
    if found.resolution() == resolution {
        expected.insert(found, hour);
        return;
    }
    let mean_alone = |mean| Expected { mean, p10: 0, p50: 0, p90: 0, ..hour };
    let mut add = |cell, mean| expected.entry(cell).or_insert(mean_alone(0.0)).mean += mean;
    match found.parent(resolution) {
        Some(parent) => add(parent, hour.mean),
        None => {
            let share = hour.mean / found.children_count(resolution) as f64;
            found.children(resolution).for_each(|child| add(child, share));
        }
    }
}

fn cell(place: Place, resolution: Resolution) -> CellIndex {
    let at = LatLng::new(place.lat(), place.lon()).unwrap_or_else(|_| unreachable!("a place is finite"));
    at.to_cell(resolution)
}

fn border(cell: CellIndex) -> Vec<[f64; 2]> {
    let mut border: Vec<_> = cell.boundary().iter().map(|at| [at.lng(), at.lat()]).collect();
    border.extend(border.first().copied());
    border
}

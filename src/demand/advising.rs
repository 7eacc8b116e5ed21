//! Advises idle vehicles where to wait, while `forecast.advise` is on.
//!
//! A vehicle that has been free and connected for a while gets an advice ([`super::advice`]) when it is another one than it has, and
//! not too soon after the last. It is an entry of the journal, which the vehicle is told of while the advice is good, and a row, so that
//! after a restart it is known who was sent where. It is over when the vehicle is there, has a job or is not at work, or after half an hour.

use super::Demand;
use super::advice::{AHEAD, Idle, Move, Spot, cell_of, moves};
use super::picture::spread;
use crate::config::Config;
use crate::eta::Travel;
use crate::fleet::View;
use crate::forecast::{Area, Expected};
use crate::model::{Actor, Availability, Kind, Place, Span, Timestamp, VehicleId, Window};
use crate::store::advice::{self, Advice};
use crate::store::{self, bookings, journal, offers, vehicles};
use h3o::{CellIndex, Resolution};
use rusqlite::{Connection, Transaction};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(60);
/// Of the quarters that are looked ahead.
const QUARTER: Span = Span::from_secs(900);
/// Cells are not smaller: half an hour has to tell something about one.
const FINEST: Resolution = Resolution::Seven;
/// From the pickups of so long it is learned where in a cell to wait.
const BACK: Span = Span::from_secs(28 * 86_400);
/// Vehicles looked at in one go, those that have been idle longest.
const MOST: usize = 300;

/// What is known of the time before from looking again and again.
#[derive(Default)]
pub(super) struct Memory {
    /// Since when vehicles are seen to be free and connected.
    free_since: HashMap<VehicleId, Timestamp>,
    /// Where in each cell to wait, as learned when the forecast was made.
    places: Option<(Timestamp, Arc<BTreeMap<CellIndex, Place>>)>,
}

impl Demand {
    /// Up to `limit` advices that are good now, of vehicles after `after` by id.
    pub async fn advices(&self, after: Option<VehicleId>, limit: usize) -> store::Result<Vec<Advice>> {
        let now = self.0.clock.now();
        self.0.db.read(move |c| advice::present(c, now, after.as_ref(), limit)).await
    }

    /// Advises again and again until cancelled, and at once when settings change.
    pub async fn run_advice(self, cancel: CancellationToken) {
        let mut settings = self.0.settings.changes();
        loop {
            if let Err(error) = self.advise(self.0.clock.now()).await {
                tracing::warn!(%error, "nobody was advised where to wait: {error}");
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
                Ok(()) = settings.changed() => {}
            }
        }
    }

    /// Ends the advices that are over, and makes those that are due; says how many.
    pub async fn advise(&self, now: Timestamp) -> store::Result<usize> {
        let config = self.0.settings.get();
        let views = self.0.fleet.all();
        let since = self.free_since(&views, now);
        let kept: HashMap<VehicleId, Advice> =
            self.0.db.read(advice::all).await?.into_iter().map(|advice| (advice.vehicle.clone(), advice)).collect();
        let kept = self.end_over(kept, &views, config.forecast.advise, now).await?;
        let Some(forecast) = self.forecast().filter(|_| config.forecast.advise) else { return Ok(0) };
        let resolution = Resolution::try_from(forecast.model.resolution).unwrap_or(FINEST).min(FINEST);
        let mut expected = BTreeMap::new();
        for area in forecast.model.cells() {
            let quarters = [now, now + QUARTER].map(|at| forecast.model.quarter(area, at));
            if let (Area::Cell(cell), [Some(first), Some(second)]) = (area, quarters) {
                spread(&mut expected, cell, Expected { mean: first.mean + second.mean, ..first }, resolution);
            }
        }
        let places = self.places(forecast.made_at, resolution, now).await?;
        let spot = |(cell, e): (CellIndex, Expected)| Some((cell, Spot { expected: e.mean, place: *places.get(&cell)? }));
        let spots: BTreeMap<CellIndex, Spot> = expected.into_iter().filter_map(spot).collect();
        let (idle, free) = parted(&views, &since, &kept, &config, now);
        let travel = Travel::new(config.dispatch.detour_factor, config.dispatch.speed_kmh);
        let found = tokio::task::spawn_blocking(move || moves(&spots, &free, &idle, travel)).await;
        let found = found.map_err(|e| store::Error::Corrupt(format!("the advice broke: {e}")))?;
        let is_news = |found: &Move| kept.get(&found.vehicle).is_none_or(|a| !a.is_present(now) || a.cell != found.cell.to_string());
        self.tell(found.into_iter().filter(is_news).collect(), now).await
    }

    /// Since when each vehicle is free and connected, as far as that was seen.
    fn free_since(&self, views: &[View], now: Timestamp) -> HashMap<VehicleId, Timestamp> {
        let mut memory = self.0.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut memory.free_since);
        let since = |view: &&View| (view.id.clone(), before.get(&view.id).copied().unwrap_or(now).min(now));
        memory.free_since = views.iter().filter(|view| is_free(view)).map(|view| since(&view)).collect();
        memory.free_since.clone()
    }

    /// Where in each cell to wait: at the pickup in the midst of those that were asked for.
    async fn places(&self, made_at: Timestamp, resolution: Resolution, now: Timestamp) -> store::Result<Arc<BTreeMap<CellIndex, Place>>> {
        let memory = || self.0.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, places)) = memory().places.as_ref().filter(|(at, _)| *at == made_at) {
            return Ok(Arc::clone(places));
        }
        let ask = move |c: &Connection| {
            let mut by_cell: BTreeMap<CellIndex, Vec<Place>> = BTreeMap::new();
            store::forecast::requests(c, Window { from: now - BACK, until: now }, |_, place| {
                by_cell.entry(cell_of(place, resolution)).or_default().push(place);
            })?;
            Ok::<_, store::Error>(by_cell.into_iter().filter_map(|(cell, places)| Some((cell, midst(&places)?))).collect())
        };
        let places: Arc<BTreeMap<CellIndex, Place>> = Arc::new(self.0.db.read(ask).await?);
        memory().places = Some((made_at, Arc::clone(&places)));
        Ok(places)
    }

    /// Ends the advices that are over; the others go on.
    async fn end_over(
        &self,
        mut kept: HashMap<VehicleId, Advice>,
        views: &[View],
        is_on: bool,
        now: Timestamp,
    ) -> store::Result<HashMap<VehicleId, Advice>> {
        let views: HashMap<&VehicleId, &View> = views.iter().map(|view| (&view.id, view)).collect();
        let is_over = |advice: &Advice| {
            let view = views.get(&advice.vehicle).filter(|view| view.availability == Availability::Free);
            view.is_none_or(|view| view.place.is_some_and(|place| is_there(place, advice))) || !is_on
        };
        let mut over = Vec::new();
        for advice in kept.values_mut().filter(|a| a.is_present(now)).filter(|a| is_over(a)) {
            advice.ended_at = Some(now);
            over.push((advice.vehicle.clone(), advice.seq));
        }
        if !over.is_empty() {
            let end = move |tx: &Transaction<'_>| over.iter().try_for_each(|(vehicle, seq)| advice::end(tx, vehicle, *seq, now));
            self.0.db.write(end).await?;
        }
        Ok(kept)
    }

    /// Writes the advices of those who are still free, and their entries; says how many.
    async fn tell(&self, found: Vec<Move>, now: Timestamp) -> store::Result<usize> {
        if found.is_empty() {
            return Ok(0);
        }
        let write = move |tx: &Transaction<'_>| {
            let mut told = 0;
            for found in &found {
                let is_working = vehicles::get(tx, &found.vehicle)?.is_some_and(|vehicle| vehicle.on_duty);
                let has_work = bookings::active_of(tx, &found.vehicle)?.is_some() || offers::open_of_vehicle(tx, &found.vehicle)?.is_some();
                if is_working && !has_work {
                    announce(tx, found, now)?;
                    told += 1;
                }
            }
            Ok::<_, store::Error>(told)
        };
        self.0.db.write(write).await
    }
}

fn announce(tx: &Transaction<'_>, found: &Move, now: Timestamp) -> store::Result<()> {
    let (until, reason, cell) = (now + AHEAD, found.reason(), found.cell.to_string());
    let data = json!({"place": found.to, "from": found.from, "cell": cell, "expected": found.expected, "reason": reason, "until": until});
    let data = data.to_string();
    let vehicle = Some(&found.vehicle);
    let event = journal::NewEvent { at: now, kind: Kind::VehicleAdvised, actor: &Actor::System, booking: None, vehicle, data: &data };
    let seq = journal::append(tx, &event)?;
    let Move { vehicle, from, to, expected, .. } = found.clone();
    advice::put(tx, &Advice { vehicle, seq, cell, from, to, expected, reason, made_at: now, until, ended_at: None })
}

/// Those who may be sent, and where the others stand who are free, or will.
fn parted(
    views: &[View],
    since: &HashMap<VehicleId, Timestamp>,
    kept: &HashMap<VehicleId, Advice>,
    config: &Config,
    now: Timestamp,
) -> (Vec<Idle>, Vec<Place>) {
    let seconds = |s: u64| Span::from_secs(i64::try_from(s).unwrap_or(i64::MAX / 2_000));
    let (after, again) = (seconds(config.forecast.advise_after_s), seconds(config.forecast.advise_again_s));
    let fresh = seconds(config.dispatch.fix_max_age_s);
    let may_go = |view: &View| {
        let is_idle = since.get(&view.id).is_some_and(|since| now.since(*since) >= after);
        let is_fresh = view.fix_ts.is_some_and(|at| now.since(at) <= fresh);
        is_idle && is_fresh && kept.get(&view.id).is_none_or(|advice| now.since(advice.made_at) >= again)
    };
    let mut free: Vec<(&View, Place)> = views.iter().filter(|v| is_free(v)).filter_map(|v| Some((v, v.place?))).collect();
    free.sort_by_key(|(view, _)| (since.get(&view.id).copied(), view.id.clone()));
    let (mut idle, mut stay) = (Vec::new(), Vec::new());
    for (view, place) in free {
        if idle.len() < MOST && may_go(view) {
            idle.push(Idle { vehicle: view.id.clone(), place });
        } else {
            stay.push(kept.get(&view.id).filter(|advice| advice.is_present(now)).map_or(place, |advice| advice.to));
        }
    }
    (idle, stay)
}

fn is_free(view: &View) -> bool {
    view.online && view.availability == Availability::Free
}

fn is_there(place: Place, advice: &Advice) -> bool {
    advice.cell.parse::<CellIndex>().is_ok_and(|cell| cell_of(place, cell.resolution()) == cell)
}

/// That of the places which is nearest to the mean of all.
fn midst(places: &[Place]) -> Option<Place> {
    let count = places.len() as f64;
    let (lat, lon) = places.iter().fold((0.0, 0.0), |(lat, lon), place| (lat + place.lat(), lon + place.lon()));
    let mean = Place::new(lat / count, lon / count).ok()?;
    places.iter().copied().min_by(|a, b| a.distance(mean).0.total_cmp(&b.distance(mean).0))
}

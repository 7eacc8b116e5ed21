//! Follows the journal and tells the fleet who is on duty and who has a job.
//!
//! An entry only says which vehicle to look at; what is told is read from the tables, so it does not matter how often or
//! how late an entry is seen. The cursor lives in memory: a start begins with the tables. A driver's hours run out without an
//! entry: his vehicle is looked at again when they may have.

use crate::clock::Clock;
use crate::drivers::{Drivers, Rules, crew};
use crate::fleet::Fleet;
use crate::model::{Availability, Booking, Crew, Kind, Status, Timestamp, Vehicle, VehicleId};
use crate::store::{self, Db, bookings, journal, vehicles};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// Entries or vehicles read at once.
const BATCH: usize = 500;

/// A vehicle with the job it has, and who is on duty with it until when at least.
struct Doing {
    vehicle: Vehicle,
    job: Option<Booking>,
    crew: Option<(Crew, Timestamp)>,
}

/// Projects bookings and duty into the fleet. Clones share one cursor.
#[derive(Clone)]
pub struct Follower(Arc<Inner>);

struct Inner {
    db: Db,
    fleet: Fleet,
    drivers: Drivers,
    clock: Clock,
    /// Held while the fleet is brought up to date, so that no older state wins.
    state: Mutex<State>,
    reached: watch::Sender<i64>,
}

#[derive(Default)]
struct State {
    /// `None` until the tables were read.
    cursor: Option<i64>,
    /// When to look at vehicles again whose drivers' hours run.
    again: BTreeMap<VehicleId, Timestamp>,
    /// How long drivers might work when the fleet was told.
    rules: Option<Arc<Rules>>,
}

impl Follower {
    /// A follower that has seen nothing yet.
    pub fn new(db: Db, fleet: Fleet, drivers: Drivers, clock: Clock) -> Self {
        Self(Arc::new(Inner { db, fleet, drivers, clock, state: Mutex::default(), reached: watch::Sender::new(-1) }))
    }

    /// The journal entry up to which the fleet is told.
    pub fn cursor(&self) -> i64 {
        *self.0.reached.borrow()
    }

    /// Brings the fleet up to the journal's head and the present time.
    pub async fn catch_up(&self) -> store::Result<()> {
        let mut state = self.0.state.lock().await;
        let now = self.0.clock.now();
        let rules = self.0.drivers.rules();
        let mut at = match state.cursor {
            Some(at) => at,
            None => self.load(&mut state, &rules, now).await?,
        };
        if state.rules.replace(Arc::clone(&rules)).is_some_and(|before| before != rules) {
            state.again.values_mut().for_each(|at| *at = now);
        }
        loop {
            state.cursor = Some(at);
            self.0.reached.send_replace(at);
            let due: BTreeSet<VehicleId> = state.again.iter().filter(|(_, at)| **at <= now).map(|(id, _)| id.clone()).collect();
            let rules = Arc::clone(&rules);
            let (upto, changed) = self.0.db.read(move |c| changed_after(c, at, due, &rules, now)).await?;
            let is_done = upto == at && changed.is_empty();
            changed.into_iter().for_each(|doing| self.tell(&mut state, doing));
            if is_done {
                return Ok(());
            }
            at = upto;
        }
    }

    /// Follows the journal until cancelled.
    pub async fn run(&self, cancel: &CancellationToken) -> store::Result<()> {
        let mut head = self.0.db.head();
        loop {
            head.borrow_and_update();
            self.catch_up().await?;
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                moved = head.changed() => moved.map_err(|_| store::Error::Closed)?,
            }
        }
    }

    /// Tells the fleet all there is; gives the journal's head of before.
    async fn load(&self, state: &mut State, rules: &Arc<Rules>, now: Timestamp) -> store::Result<i64> {
        let head = self.0.db.read(journal::head).await?;
        let mut last: Option<VehicleId> = None;
        loop {
            let (after, rules) = (last.take(), Arc::clone(rules));
            let page = self.0.db.read(move |c| page(c, after.as_ref(), &rules, now)).await?;
            let Some(end) = page.last().map(|doing| doing.vehicle.id.clone()) else { return Ok(head) };
            page.into_iter().for_each(|doing| self.tell(state, doing));
            last = Some(end);
        }
    }

    fn tell(&self, state: &mut State, Doing { vehicle, job, crew }: Doing) {
        let is_paused = crew.as_ref().is_some_and(|(crew, _)| crew.pause.is_some());
        let availability = match job.as_ref().map(|b| b.status) {
            Some(Status::Arrived) => Availability::Loading,
            Some(_) => Availability::EnRoute,
            None if !vehicle.on_duty => Availability::OffDuty,
            None if is_paused => Availability::Paused,
            None => Availability::Free,
        };
        match &crew {
            Some((_, until)) => state.again.insert(vehicle.id.clone(), *until),
            None => state.again.remove(&vehicle.id),
        };
        self.0.fleet.register(&vehicle, crew.map(|(crew, _)| crew));
        self.0.fleet.set_availability(&vehicle.id, availability, job.map(|b| b.id));
    }
}

fn doing(c: &Connection, vehicle: Vehicle, rules: &Rules, now: Timestamp) -> store::Result<Doing> {
    let (job, crew) = (bookings::active_of(c, &vehicle.id)?, crew::of_vehicle(c, &vehicle.id, rules, now)?);
    Ok(Doing { vehicle, job, crew })
}

fn page(c: &Connection, after: Option<&VehicleId>, rules: &Rules, now: Timestamp) -> store::Result<Vec<Doing>> {
    vehicles::list(c, None, after, BATCH)?.into_iter().map(|vehicle| doing(c, vehicle, rules, now)).collect()
}

/// The last entry of the next batch, and what the vehicles that it names, and those that are `due`, are doing now.
fn changed_after(c: &Connection, cursor: i64, due: BTreeSet<VehicleId>, rules: &Rules, now: Timestamp) -> store::Result<(i64, Vec<Doing>)> {
    let events = journal::after(c, cursor, BATCH)?;
    let upto = events.last().map_or(cursor, |e| e.seq);
    let concerns = |kind| !matches!(kind, Kind::DeviceChanged | Kind::DeviceRevoked | Kind::AccessChanged | Kind::SettingsChanged);
    let mut named = due;
    named.extend(events.into_iter().filter(|e| concerns(e.kind)).filter_map(|e| e.vehicle));
    let mut changed = Vec::with_capacity(named.len());
    for id in named {
        if let Some(vehicle) = vehicles::get(c, &id)? {
            changed.push(doing(c, vehicle, rules, now)?);
        }
    }
    Ok((upto, changed))
}

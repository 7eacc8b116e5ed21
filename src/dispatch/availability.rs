//! Follows the journal and tells the fleet who is on duty and who has a job.
//!
//! An entry only says which vehicle to look at; what is told is read from the tables, so it does not matter how often or
//! how late an entry is seen. The cursor lives in memory: a start begins with the tables.

use crate::fleet::Fleet;
use crate::model::{Availability, Booking, Kind, Status, Vehicle, VehicleId};
use crate::store::{self, Db, bookings, journal, vehicles};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// Entries or vehicles read at once.
const BATCH: usize = 500;

/// A vehicle with the job it has.
type Doing = (Vehicle, Option<Booking>);

/// Projects bookings and duty into the fleet. Clones share one cursor.
#[derive(Clone)]
pub struct Follower(Arc<Inner>);

struct Inner {
    db: Db,
    fleet: Fleet,
    /// `None` until the tables were read. Held while the fleet is brought up to date, so that no older state wins.
    cursor: Mutex<Option<i64>>,
    reached: watch::Sender<i64>,
}

impl Follower {
    /// A follower that has seen nothing yet.
    pub fn new(db: Db, fleet: Fleet) -> Self {
        Self(Arc::new(Inner { db, fleet, cursor: Mutex::new(None), reached: watch::Sender::new(-1) }))
    }

    /// The journal entry up to which the fleet is told.
    pub fn cursor(&self) -> i64 {
        *self.0.reached.borrow()
    }

    /// Brings the fleet up to the journal's head.
    pub async fn catch_up(&self) -> store::Result<()> {
        let mut cursor = self.0.cursor.lock().await;
        let mut at = match *cursor {
            Some(at) => at,
            None => self.load().await?,
        };
        loop {
            *cursor = Some(at);
            self.0.reached.send_replace(at);
            let (upto, changed) = self.0.db.read(move |c| changed_after(c, at)).await?;
            if upto == at {
                return Ok(());
            }
            changed.iter().for_each(|doing| self.tell(doing));
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
    async fn load(&self) -> store::Result<i64> {
        let head = self.0.db.read(journal::head).await?;
        let mut last: Option<VehicleId> = None;
        loop {
            let after = last.take();
            let page = self.0.db.read(move |c| page(c, after.as_ref())).await?;
            page.iter().for_each(|doing| self.tell(doing));
            match page.into_iter().next_back() {
                Some((vehicle, _)) => last = Some(vehicle.id),
                None => return Ok(head),
            }
        }
    }

    fn tell(&self, (vehicle, job): &Doing) {
        let availability = match job.as_ref().map(|b| b.status) {
            Some(Status::Arrived) => Availability::Loading,
            Some(_) => Availability::EnRoute,
            None if vehicle.on_duty => Availability::Free,
            None => Availability::OffDuty,
        };
        self.0.fleet.register(vehicle);
        self.0.fleet.set_availability(&vehicle.id, availability, job.as_ref().map(|b| b.id));
    }
}

fn page(c: &rusqlite::Connection, after: Option<&VehicleId>) -> store::Result<Vec<Doing>> {
    let with_job = |vehicle: Vehicle| Ok((bookings::active_of(c, &vehicle.id)?, vehicle)).map(|(job, vehicle)| (vehicle, job));
    vehicles::list(c, None, after, BATCH)?.into_iter().map(with_job).collect()
}

/// The last entry of the next batch, and what the vehicles that it names are doing now.
fn changed_after(c: &rusqlite::Connection, cursor: i64) -> store::Result<(i64, Vec<Doing>)> {
    let events = journal::after(c, cursor, BATCH)?;
    let upto = events.last().map_or(cursor, |e| e.seq);
    let concerns = |kind| !matches!(kind, Kind::DeviceChanged | Kind::DeviceRevoked | Kind::AccessChanged);
    let named: BTreeSet<VehicleId> = events.into_iter().filter(|e| concerns(e.kind)).filter_map(|e| e.vehicle).collect();
    let mut changed = Vec::with_capacity(named.len());
    for id in named {
        if let Some(vehicle) = vehicles::get(c, &id)? {
            changed.push((vehicle, bookings::active_of(c, &id)?));
        }
    }
    Ok((upto, changed))
}

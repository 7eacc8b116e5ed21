//! Follows the journal and learns speeds from the tracks of jobs that were delivered.
//!
//! What was learned and how far the journal was read are one transaction, so nothing is learned twice. The past counts too:
//! a new file begins at the journal's first entry, as far as tracks are still kept.

use crate::eta::Etas;
use crate::eta::speeds::{self, Drive, Part, Slot, Speeds};
use crate::model::{Booking, Event, Kind};
use crate::store::{self, Db, bookings, cursors, journal, speeds::Driven, vehicles};
use crate::tracks::Tracks;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The name of the cursor.
const NAME: &str = "speeds";
/// Entries read at once.
const BATCH: usize = 500;
/// Fixes of a job at most: those of a second each for five hours.
const TRACK: usize = 20_000;
/// Entries without anything to learn are read again after a start, so many at most: the cursor is not written for each.
const UNWRITTEN: i64 = 2_000;
/// After a failure.
const PAUSE: Duration = Duration::from_secs(30);

/// Learns. Clones share one cursor.
#[derive(Clone)]
pub struct Learner(Arc<Inner>);

struct Inner {
    etas: Etas,
    db: Db,
    tracks: Tracks,
    reached: watch::Sender<i64>,
}

impl Learner {
    /// Teaches `etas`, at first what was learned before.
    pub async fn open(etas: Etas, db: Db, tracks: Tracks) -> store::Result<Self> {
        let (kept, cursor) = db.read(|c| Ok::<_, store::Error>((store::speeds::all(c)?, cursors::get(c, NAME)?))).await?;
        let slot = |d: Driven| ((d.class, d.hour), Slot { straight_m: d.straight_m, driven_s: d.driven_s });
        let mut speeds = etas.speeds();
        speeds.restore(kept.into_iter().map(slot));
        etas.teach(speeds);
        Ok(Self(Arc::new(Inner { etas, db, tracks, reached: watch::Sender::new(cursor) })))
    }

    /// The journal entry up to which there is nothing more to learn.
    pub fn cursor(&self) -> i64 {
        *self.0.reached.borrow()
    }

    /// Learns until cancelled. What fails is tried again.
    pub async fn run(self, cancel: CancellationToken) {
        let mut head = self.0.db.head();
        loop {
            head.borrow_and_update();
            let caught_up = self.catch_up().await;
            if let Err(error) = &caught_up {
                tracing::warn!(%error, "no speeds were learned: {error}");
            }
            let next = async {
                match caught_up {
                    Ok(()) => head.changed().await.is_ok(),
                    Err(_) => {
                        tokio::time::sleep(PAUSE).await;
                        true
                    }
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                open = next => if !open { return },
            }
        }
    }

    /// Learns from all that the journal holds so far.
    pub async fn catch_up(&self) -> store::Result<()> {
        let mut written = self.0.db.read(|c| cursors::get(c, NAME)).await?;
        loop {
            let cursor = self.cursor();
            let (upto, done) = self.0.db.read(move |c| delivered_after(c, cursor)).await?;
            if upto == cursor {
                return Ok(());
            }
            let mut speeds = self.0.etas.speeds();
            let learned = self.learn(&mut speeds, done).await;
            if !learned.is_empty() || upto - written >= UNWRITTEN {
                written = upto;
                let keep = move |tx: &rusqlite::Transaction<'_>| {
                    learned.iter().try_for_each(|driven| store::speeds::put(tx, driven))?;
                    cursors::advance(tx, NAME, upto)
                };
                self.0.db.write(keep).await?;
                self.0.etas.teach(speeds);
            }
            self.0.reached.send_replace(upto);
        }
    }

    /// Learns from jobs done, once all their fixes are on the disk; gives what to keep.
    async fn learn(&self, speeds: &mut Speeds, jobs: Vec<(Booking, String)>) -> Vec<Driven> {
        if !jobs.is_empty() {
            let taken = self.0.tracks.stats().appended;
            // A log that ended is read as it is.
            drop(self.0.tracks.durable().wait_for(|durable| *durable >= taken).await);
        }
        let mut changed: BTreeMap<(String, u8), Slot> = BTreeMap::new();
        for (job, class) in jobs {
            for drive in self.drives(&job).await {
                let hour = self.0.etas.hour(drive.at);
                if let Some(slot) = speeds.learn(&class, hour, &drive) {
                    changed.insert((class.clone(), hour), slot);
                }
            }
        }
        let driven =
            |((class, hour), slot): ((String, u8), Slot)| Driven { class, hour, straight_m: slot.straight_m, driven_s: slot.driven_s };
        changed.into_iter().map(driven).collect()
    }

    async fn drives(&self, job: &Booking) -> Vec<Drive> {
        let (Some(vehicle), Some(assigned), Some(delivered)) = (&job.vehicle, job.assigned_at, job.delivered_at) else { return Vec::new() };
        match self.0.tracks.read(vehicle, assigned, delivered, TRACK, None).await {
            Ok(page) => speeds::drives(&page.fixes, &parts(job)),
            Err(error) => {
                tracing::warn!(%error, booking = %job.id, "nothing was learned from the way of {}: {error}", job.reference);
                Vec::new()
            }
        }
    }
}

/// The way to the pickup, and that over the stops to the drop-off.
fn parts(job: &Booking) -> Vec<Part> {
    let (Some(assigned), Some(loaded), Some(delivered)) = (job.assigned_at, job.picked_up_at, job.delivered_at) else { return Vec::new() };
    let there = job.arrived_at.unwrap_or(loaded);
    let halts: Vec<_> = job.order.places().collect();
    let Some((pickup, rest)) = halts.split_first() else { return Vec::new() };
    vec![Part { from: assigned, until: there, halts: vec![*pickup] }, Part { from: loaded, until: delivered, halts: rest.to_vec() }]
}

/// The last entry of the next batch, and the jobs that it says were delivered, with their vehicles' classes.
fn delivered_after(c: &rusqlite::Connection, cursor: i64) -> store::Result<(i64, Vec<(Booking, String)>)> {
    let events = journal::after(c, cursor, BATCH)?;
    let upto = events.last().map_or(cursor, |e| e.seq);
    let mut done = Vec::new();
    for Event { booking, vehicle, .. } in events.into_iter().filter(|e| e.kind == Kind::BookingDelivered) {
        let (Some(booking), Some(vehicle)) = (booking, vehicle) else { continue };
        if let (Some(job), Some(vehicle)) = (bookings::get(c, booking)?, vehicles::get(c, &vehicle)?) {
            done.push((job, vehicle.class));
        }
    }
    Ok((upto, done))
}

#[cfg(test)]
mod tests;

//! Tasks that keep the house: the mirror, what is too old, the probe.

use super::Rooms;
use crate::dispatch::live::{self, Live};
use crate::eta::Etas;
use crate::fleet::mirror::Mirror;
use crate::model::Timestamp;
use crate::ops::notify;
use crate::store;
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Between two looks for what is too old.
const HOUSEKEEPING: Duration = Duration::from_secs(600);
/// Between two looks for vehicles that were not heard any more.
const PRESENCE: Duration = Duration::from_secs(10);
/// Between two probes when systemd does not ask for more.
const PROBE: Duration = Duration::from_secs(30);
/// Entries of the outbox looked at in one transaction.
const ENTRIES: usize = 5_000;
/// Time that a probe may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(10);

/// Waits; `false` when the server stops instead.
async fn pause(time: Duration, cancel: &CancellationToken) -> bool {
    tokio::select! {
        () = cancel.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}

/// Writes the mirror every few seconds, and once more at the end.
pub async fn mirror(rooms: Rooms, mut mirror: Mirror, cancel: CancellationToken) -> Result<()> {
    let interval = Duration::from_secs(rooms.config.fleet.mirror_interval_s.max(1));
    loop {
        let on = pause(interval, &cancel).await;
        let (fleet, chunk) = (rooms.fleet.clone(), rooms.tracks.last_chunk());
        let write = tokio::task::spawn_blocking(move || (mirror.write(&fleet, chunk), mirror));
        let (written, back) = write.await?;
        mirror = back;
        // It can be rebuilt from the fix log, so a failure costs a longer start, not the service.
        if let Err(error) = written {
            tracing::error!("the mirror was not written: {error}");
        }
        if !on {
            return Ok(());
        }
    }
}

/// Notices who has not reported for long, of those that report by single requests.
pub async fn presence(rooms: Rooms, cancel: CancellationToken) -> Result<()> {
    while pause(PRESENCE, &cancel).await {
        rooms.presence.sweep(rooms.clock.now());
    }
    Ok(())
}

/// Foresees when the jobs under way will be done.
pub async fn jobs(rooms: Rooms, etas: Etas, cancel: CancellationToken) -> Result<()> {
    let deps = live::Deps { etas, bookings: rooms.bookings, db: rooms.db, fleet: rooms.fleet, tracks: rooms.tracks, clock: rooms.clock };
    Live::new(deps, rooms.settings.current()).run(cancel).await;
    Ok(())
}

/// Takes away what is too old.
pub async fn housekeeping(rooms: Rooms, cancel: CancellationToken) -> Result<()> {
    loop {
        let now = rooms.clock.now();
        match rooms.tracks.retain(now).await {
            Ok(done) => tracing::debug!(?done, "old fixes went"),
            Err(error) => tracing::error!("old fixes stay: {error}"),
        }
        if let Err(error) = purge(&rooms, now).await {
            tracing::error!("old rows stay: {error:#}");
        }
        if !pause(HOUSEKEEPING, &cancel).await {
            return Ok(());
        }
    }
}

pub(super) async fn purge(rooms: &Rooms, now: Timestamp) -> Result<()> {
    rooms.bookings.purge(now).await?;
    rooms.auth.purge(now).await?;
    rooms.drivers.purge(now).await?;
    rooms.links.purge(now).await?;
    rooms.post.purge().await?;
    while rooms.db.write(|tx| store::outbox_retention::join_gone(tx, ENTRIES)).await? {}
    if rooms.config.upstream.sinks.is_empty() {
        while rooms.db.write(|tx| store::outbox_retention::drop_ends(tx, ENTRIES)).await? {}
    }
    Ok(())
}

/// Proves again and again that the depot does its work; feeds systemd's watchdog only then.
pub async fn probe(rooms: Rooms, well: watch::Sender<Result<(), String>>, cancel: CancellationToken) -> Result<()> {
    let interval = notify::watchdog().map_or(PROBE, |limit| (limit / 3).min(PROBE));
    loop {
        let outcome = match tokio::time::timeout(PROBE_PATIENCE, probe_once(&rooms)).await {
            Ok(outcome) => outcome.map_err(|e| format!("{e:#}")),
            Err(_) => Err(format!("a probe took more than {PROBE_PATIENCE:?}")),
        };
        match &outcome {
            Ok(()) => notify::alive(),
            Err(why) => tracing::error!("the depot is not well: {why}"),
        }
        drop(well.send_replace(outcome));
        if !pause(interval, &cancel).await {
            return Ok(());
        }
    }
}

/// Writes to ops.db and reads it back, and sees everything that the fix log has taken so far reach the disk.
async fn probe_once(rooms: &Rooms) -> Result<()> {
    let stamp = rooms.clock.now().as_millis();
    rooms.db.write(move |tx| store::cursors::advance(tx, "probe", stamp)).await.context("write to ops.db")?;
    let back = rooms.db.read(|conn| store::cursors::get(conn, "probe")).await.context("read ops.db")?;
    anyhow::ensure!(back >= stamp, "ops.db lost what was written to it");
    let taken = rooms.tracks.stats().appended;
    let mut durable = rooms.tracks.durable();
    durable.wait_for(|n| *n >= taken).await.context("the fix log ended")?;
    Ok(())
}

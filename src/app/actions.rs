//! What each kind of schedule does. A new kind is a line here.

use super::Rooms;
use crate::backups;
use crate::dispatch::Dispatch;
use crate::model::ScheduleKind;
use crate::schedules::{Action, Actions};
use anyhow::Result;
use std::sync::Arc;

/// The actions over the open rooms.
pub fn all(rooms: &Rooms, dispatch: &Dispatch) -> Actions {
    let (released, round) = (dispatch.clone(), dispatch.clone());
    let (copied, old) = (rooms.clone(), rooms.clone());
    Actions::from([
        (ScheduleKind::Release, action(move || release(released.clone()))),
        (ScheduleKind::Dispatch, action(move || hold_round(round.clone()))),
        (ScheduleKind::Backup, action(move || backup(copied.clone()))),
        (ScheduleKind::Retention, action(move || retain(old.clone()))),
    ])
}

fn action<F>(act: impl Fn() -> F + Send + Sync + 'static) -> Action
where
    F: Future<Output = Result<String>> + Send + 'static,
{
    Arc::new(move || {
        let acting = act();
        Box::pin(async move { acting.await.map_err(|e| format!("{e:#}")) })
    })
}

async fn release(dispatch: Dispatch) -> Result<String> {
    let now = dispatch.now();
    Ok(format!("{} bookings were released", dispatch.release(now).await?))
}

async fn hold_round(dispatch: Dispatch) -> Result<String> {
    let report = dispatch.round("schedule").await?;
    Ok(format!("of {} bookings {} were given, {} offered, {} wait", report.waiting, report.assigned, report.asked, report.left))
}

async fn backup(rooms: Rooms) -> Result<String> {
    let (dir, keep, now) = (rooms.config.depot.data_dir.clone(), rooms.config.depot.keep_backups, rooms.clock.now());
    let made = tokio::task::spawn_blocking(move || backups::create(&dir, keep, now)).await??;
    Ok(format!("{} holds {} bytes", made.name, made.bytes()))
}

async fn retain(rooms: Rooms) -> Result<String> {
    let now = rooms.clock.now();
    let gone = rooms.tracks.retain(now).await?;
    super::tend::purge(&rooms, now).await?;
    let runs = rooms.schedules.purge().await?;
    Ok(format!("{gone:?}; {runs} old runs"))
}

//! What each kind of schedule does. A new kind is a line here.

use super::Rooms;
use super::letters;
use crate::analytics::Reports;
use crate::analytics::daily::Daily;
use crate::backups;
use crate::demand::{self, Demand};
use crate::dispatch::Dispatch;
use crate::dispatch::day::Days;
use crate::model::{Day, MailAddress, MailedReport, Place, Schedule, ScheduleKind, Span, Timestamp};
use crate::replay::ahead;
use crate::schedules::{Action, Actions};
use crate::tracks::Retained;
use anyhow::{Context, Result, ensure};
use std::sync::Arc;

/// The actions over the open rooms.
pub fn all(rooms: &Rooms, dispatch: &Dispatch, demand: &Demand, reports: &Reports) -> Actions {
    let reported = (rooms.clone(), reports.clone());
    Actions::from([
        (ScheduleKind::Release, action(dispatch, |dispatch, _, _| release(dispatch))),
        (ScheduleKind::Dispatch, action(dispatch, |dispatch, _, _| hold_round(dispatch))),
        (ScheduleKind::Backup, action(rooms, |rooms, _, _| backup(rooms))),
        (ScheduleKind::Retention, action(rooms, |rooms, _, _| retain(rooms))),
        (ScheduleKind::Reminders, action(rooms, |rooms, _, _| remind(rooms))),
        (ScheduleKind::Report, action(&reported, |(rooms, reports), schedule, slot| report(rooms, reports, schedule, slot))),
        (ScheduleKind::PlanTomorrow, action(rooms, |rooms, schedule, slot| plan_tomorrow(rooms, schedule.zone, slot))),
        (ScheduleKind::Forecast, action(demand, |demand, _, _| learn(demand))),
        (ScheduleKind::Sync, action(rooms, |rooms, _, _| sync(rooms))),
    ])
}

fn action<T, F>(over: &T, act: impl Fn(T, Schedule, Timestamp) -> F + Send + Sync + 'static) -> Action
where
    T: Clone + Send + Sync + 'static,
    F: Future<Output = Result<String>> + Send + 'static,
{
    let over = over.clone();
    Arc::new(move |schedule, slot| {
        let acting = act(over.clone(), schedule, slot);
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
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let Retained { rows, used_bytes, freed_bytes } = gone;
    Ok(format!("{rows} rows of fixes and {runs} old runs were deleted; {} MiB freed, {} MiB in use", mib(freed_bytes), mib(used_bytes)))
}

async fn remind(rooms: Rooms) -> Result<String> {
    Ok(format!("{} pickups were reminded of", rooms.bookings.remind_due(rooms.clock.now()).await?))
}

async fn report(rooms: Rooms, reports: Reports, schedule: Schedule, slot: Timestamp) -> Result<String> {
    if let Some(report) = schedule.report {
        return mail(rooms, reports, report, slot).await;
    }
    let zone = schedule.zone;
    let tolerance = Span::from_secs(i64::try_from(rooms.settings.current().get().dispatch.late_tolerance_s)?);
    let day = Day::of(slot, &zone).previous();
    let report = Daily::new(rooms.db.clone(), tolerance).make(day, &zone, rooms.clock.now()).await?;
    Ok(format!("{}: {} bookings, {} delivered, {} expired", report.day, report.bookings, report.delivered, report.expired))
}

async fn mail(rooms: Rooms, reports: Reports, report: MailedReport, slot: Timestamp) -> Result<String> {
    ensure!(rooms.config.mail.is_on(), "no mail can be sent: the settings name no mail server (smtp_url under [mail])");
    reports.rollups.catch_up().await?;
    let (first, last, time) = report.period.before(slot, reports.rollups.zone());
    let table = reports.make(report.name, time, None, rooms.clock.now()).await?;
    let table = table.with_context(|| format!("the report {} has too many days", report.name.as_str()))?;
    let letter = letters::of_report(&table, &rooms.config.depot.name, &first, &last)?;
    let said = format!("{}: {} rows go by mail to {}", letter.subject, table.rows.len(), joined(&report.mail_to));
    rooms.post.mail(letter, &report.mail_to).await?;
    Ok(said)
}

fn joined(addresses: &[MailAddress]) -> String {
    addresses.iter().map(MailAddress::as_str).collect::<Vec<_>>().join(", ")
}

async fn plan_tomorrow(rooms: Rooms, zone: String, slot: Timestamp) -> Result<String> {
    let (days, day, now) = (Days::new(rooms.db.clone()), Day::of(slot, &zone).next(), rooms.clock.now());
    let known = days.ahead(&day).await?;
    let depot = Place::new(rooms.config.depot.lat, rooms.config.depot.lon)?;
    let (planned, config) = (day.clone(), rooms.settings.current().get());
    let plan = tokio::task::spawn_blocking(move || {
        let place = |vehicle: &_| rooms.fleet.get(vehicle).and_then(|view| view.place).unwrap_or(depot);
        ahead::plan(&planned, &zone, &known, &config.dispatch, place, now)
    });
    let plan = plan.await?;
    days.keep(day, &plan).await?;
    let all = plan.served.len() + plan.unserved.len();
    Ok(format!("{}: {} of {all} bookings can be served by {} vehicles", plan.day, plan.served.len(), plan.vehicles))
}

async fn learn(demand: Demand) -> Result<String> {
    match demand.train().await {
        Ok(forecast) => {
            let cells = forecast.model.cells().count();
            let accuracy = forecast
                .model
                .accuracy
                .map_or_else(String::new, |a| format!("; off by {:.1} of {:.1} requests in an hour of a busy cell", a.error, a.requests));
            Ok(format!("learned from bookings since {} for {cells} cells{accuracy}", forecast.model.from))
        }
        // A young depot is no failure.
        Err(demand::Error::Untrained(why)) => Ok(format!("nothing was learned: {why}")),
        Err(error) => Err(error.into()),
    }
}

async fn sync(rooms: Rooms) -> Result<String> {
    let sinks = rooms.sync.status();
    ensure!(!sinks.is_empty(), "the settings name no sink: see [upstream] in config.toml");
    for sink in &sinks {
        rooms.sync.flush(&sink.name)?;
    }
    let queued: u64 = sinks.iter().flat_map(|sink| &sink.lanes).map(|lane| lane.backlog).sum();
    Ok(format!("{} sinks were asked to send now; {queued} records wait", sinks.len()))
}

//! Schedules and their runs.

use super::{Error, Result, journal::count, row};
use crate::model::{Missed, Run, RunResult, RunTrigger, Schedule, ScheduleKind, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// Adds a schedule.
pub fn insert(tx: &Transaction<'_>, s: &Schedule, now: Timestamp) -> Result<()> {
    let sql =
        "insert into schedules (id, name, kind, cron, zone, enabled, missed, attempts, backoff_s, dealt_until, created_at, updated_at,
               version, report) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13)";
    tx.prepare_cached(sql)?.execute(params![
        s.id,
        s.name,
        s.kind.as_str(),
        s.cron,
        s.zone,
        s.enabled,
        s.missed.as_str(),
        s.attempts,
        s.backoff_s,
        s.dealt_until.as_millis(),
        now.as_millis(),
        s.version,
        s.report.as_ref().map(row::json_text).transpose()?,
    ])?;
    Ok(())
}

/// Writes a schedule's rule, provided that the row still has `version`; `false` when it has not.
pub fn update(tx: &Transaction<'_>, s: &Schedule, version: u32, now: Timestamp) -> Result<bool> {
    let sql = "update schedules set name = ?3, kind = ?4, cron = ?5, zone = ?6, enabled = ?7, missed = ?8, attempts = ?9, backoff_s = ?10,
               dealt_until = ?11, updated_at = ?12, version = ?13, report = ?14 where id = ?1 and version = ?2";
    let rows = tx.prepare_cached(sql)?.execute(params![
        s.id,
        version,
        s.name,
        s.kind.as_str(),
        s.cron,
        s.zone,
        s.enabled,
        s.missed.as_str(),
        s.attempts,
        s.backoff_s,
        s.dealt_until.as_millis(),
        now.as_millis(),
        s.version,
        s.report.as_ref().map(row::json_text).transpose()?,
    ])?;
    Ok(rows == 1)
}

/// Slots up to `until` have been dealt with. Not a change of the rule, so the version stays.
pub fn deal(tx: &Transaction<'_>, id: &str, until: Timestamp) -> Result<()> {
    tx.prepare_cached("update schedules set dealt_until = max(dealt_until, ?2) where id = ?1")?.execute(params![id, until.as_millis()])?;
    Ok(())
}

/// The clock was ahead and was put right: slots from `from` on are still to be dealt with. One that had a run keeps it.
pub fn deal_again(tx: &Transaction<'_>, id: &str, from: Timestamp) -> Result<()> {
    tx.prepare_cached("update schedules set dealt_until = ?2 where id = ?1")?.execute(params![id, from.as_millis()])?;
    Ok(())
}

/// Takes a schedule away, with its runs; `false` when there is none.
pub fn delete(tx: &Transaction<'_>, id: &str) -> Result<bool> {
    Ok(tx.prepare_cached("delete from schedules where id = ?1")?.execute([id])? == 1)
}

/// The schedule of an id.
pub fn get(connection: &Connection, id: &str) -> Result<Option<Schedule>> {
    let mut statement = connection.prepare_cached("select * from schedules where id = ?1")?;
    statement.query_and_then([id], read)?.next().transpose()
}

/// Every schedule, by name.
pub fn all(connection: &Connection) -> Result<Vec<Schedule>> {
    connection.prepare_cached("select * from schedules order by name, id")?.query_and_then([], read)?.collect()
}

/// Writes a run and gives its number; `None` when that slot had that attempt already.
pub fn begin(tx: &Transaction<'_>, r: &Run) -> Result<Option<i64>> {
    let sql = "insert into schedule_runs (schedule_id, slot, attempt, trigger, result, started_at, finished_at, message)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) on conflict do nothing";
    let rows = tx.prepare_cached(sql)?.execute(params![
        r.schedule,
        r.slot.as_millis(),
        r.attempt,
        r.trigger.as_str(),
        r.result.as_str(),
        r.started_at.as_millis(),
        r.finished_at.map(Timestamp::as_millis),
        r.message,
    ])?;
    Ok((rows == 1).then(|| tx.last_insert_rowid()))
}

/// Says what came of a run that is at work.
pub fn end(tx: &Transaction<'_>, id: i64, result: RunResult, message: &str, now: Timestamp) -> Result<()> {
    let sql = "update schedule_runs set result = ?2, message = ?3, finished_at = ?4 where id = ?1 and result = 'running'";
    tx.prepare_cached(sql)?.execute(params![id, result.as_str(), message, now.as_millis()])?;
    Ok(())
}

/// Fails every run that is said to be at work; gives their number.
pub fn interrupt(tx: &Transaction<'_>, why: &str, now: Timestamp) -> Result<usize> {
    let sql = "update schedule_runs set result = 'failed', message = ?1, finished_at = ?2 where result = 'running'";
    Ok(tx.prepare_cached(sql)?.execute(params![why, now.as_millis()])?)
}

/// The newest run of a schedule.
pub fn last_run(connection: &Connection, schedule: &str) -> Result<Option<Run>> {
    Ok(runs(connection, schedule, i64::MAX, 1)?.pop().map(|(_, run)| run))
}

/// The newest run of a schedule that nobody asked for by hand.
pub fn last_by_clock(connection: &Connection, schedule: &str) -> Result<Option<Run>> {
    let sql = "select * from schedule_runs where schedule_id = ?1 and trigger <> 'manual' order by id desc limit 1";
    connection.prepare_cached(sql)?.query_and_then([schedule], read_run)?.next().transpose()
}

/// Up to `limit` runs of a schedule before number `before`, newest first, each with its number.
pub fn runs(connection: &Connection, schedule: &str, before: i64, limit: usize) -> Result<Vec<(i64, Run)>> {
    let sql = "select * from schedule_runs where schedule_id = ?1 and id < ?2 order by id desc limit ?3";
    let found =
        connection.prepare_cached(sql)?.query_and_then(params![schedule, before, count(limit)], read_run)?.collect::<Result<Vec<_>>>()?;
    Ok(found.into_iter().map(|run| (run.id, run)).collect())
}

/// Drops runs that began before `before`; gives their number.
pub fn purge(tx: &Transaction<'_>, before: Timestamp) -> Result<usize> {
    Ok(tx.execute("delete from schedule_runs where started_at < ?1 and result <> 'running'", [before.as_millis()])?)
}

/// Was the table ever filled?
pub fn is_fresh(connection: &Connection) -> Result<bool> {
    let found = connection.query_row("select 1 from meta where key = 'schedules'", [], |_| Ok(())).optional()?;
    Ok(found.is_none())
}

/// It was.
pub fn mark_filled(tx: &Transaction<'_>) -> Result<()> {
    tx.execute("insert into meta (key, value) values ('schedules', 'filled') on conflict do nothing", [])?;
    Ok(())
}

fn known<T>(found: Option<T>, what: &str, name: &str) -> Result<T> {
    found.ok_or_else(|| Error::Corrupt(format!("a schedule has the {what} {name:?}")))
}

fn read(r: &Row<'_>) -> Result<Schedule> {
    let (kind, missed): (String, String) = (r.get("kind")?, r.get("missed")?);
    Ok(Schedule {
        id: r.get("id")?,
        name: r.get("name")?,
        kind: known(ScheduleKind::parse(&kind), "kind", &kind)?,
        cron: r.get("cron")?,
        zone: r.get("zone")?,
        enabled: r.get("enabled")?,
        missed: known(Missed::parse(&missed), "policy", &missed)?,
        attempts: r.get("attempts")?,
        backoff_s: r.get("backoff_s")?,
        report: row::json_opt(r, "report")?,
        dealt_until: row::time(r, "dealt_until")?,
        version: r.get("version")?,
    })
}

fn read_run(r: &Row<'_>) -> Result<Run> {
    let (trigger, result): (String, String) = (r.get("trigger")?, r.get("result")?);
    Ok(Run {
        id: r.get("id")?,
        schedule: r.get("schedule_id")?,
        slot: row::time(r, "slot")?,
        attempt: r.get("attempt")?,
        trigger: known(RunTrigger::parse(&trigger), "trigger", &trigger)?,
        result: known(RunResult::parse(&result), "result", &result)?,
        started_at: row::time(r, "started_at")?,
        finished_at: row::time_opt(r, "finished_at")?,
        message: r.get("message")?,
    })
}

//! What is due, and claiming it.

use super::slots::Rule;
use super::{Result, Schedules};
use crate::model::{Missed, Run, RunResult, RunTrigger, Schedule, Span, Timestamp};
use crate::store::{self, schedules};
use rusqlite::Transaction;

/// A slot that is dealt with this late is in time; a later one was missed.
const IN_TIME: Span = Span::from_secs(60);

/// A run of `schedule` that begins now.
pub(super) fn started(schedule: &Schedule, slot: Timestamp, attempt: u32, trigger: RunTrigger, now: Timestamp) -> Run {
    Run {
        id: 0,
        schedule: schedule.id.clone(),
        slot,
        attempt,
        trigger,
        result: RunResult::Running,
        started_at: now,
        finished_at: None,
        message: None,
    }
}

impl Schedules {
    /// Claims what is due at `now`: the runs that are to begin, each written already. At most one for each schedule.
    pub(super) async fn claim(&self, now: Timestamp) -> Result<Vec<(Schedule, Run)>> {
        let due = move |c: &rusqlite::Connection| -> store::Result<Vec<Schedule>> {
            let mut due = Vec::new();
            for schedule in schedules::all(c)?.into_iter().filter(|s| s.enabled) {
                if is_ahead(&schedule, now)
                    || slots(&schedule, now).is_some()
                    || again(&schedule, schedules::last_by_clock(c, &schedule.id)?, now).is_some()
                {
                    due.push(schedule);
                }
            }
            Ok(due)
        };
        if self.db.read(due).await?.is_empty() {
            return Ok(Vec::new());
        }
        let change = move |tx: &Transaction<'_>| {
            let mut claimed = Vec::new();
            for schedule in due(tx)? {
                if let Some(run) = claim(tx, &schedule, now)? {
                    claimed.push((schedule, run));
                }
            }
            Ok(claimed)
        };
        self.db.write(change).await
    }

    /// Says what came of a run.
    pub(super) async fn finish(&self, run: i64, outcome: std::result::Result<String, String>) -> Result<()> {
        let now = self.clock.now();
        let (result, message) = match outcome {
            Ok(said) => (RunResult::Ok, said),
            Err(why) => (RunResult::Failed, why),
        };
        Ok(self.db.write(move |tx| schedules::end(tx, run, result, &message, now)).await?)
    }

    /// Fails what was at work when the process before ended; gives the number.
    pub(super) async fn interrupt(&self) -> Result<usize> {
        let now = self.clock.now();
        Ok(self.db.write(move |tx| schedules::interrupt(tx, "interrupted: the depot ended while it was at work", now)).await?)
    }
}

/// Was the clock ahead when slots were last dealt with? Left at that, nothing would be due until it is as late again.
fn is_ahead(schedule: &Schedule, now: Timestamp) -> bool {
    schedule.dealt_until > now + IN_TIME
}

/// The slots since those that were dealt with: how many were passed over, and the last.
fn slots(schedule: &Schedule, now: Timestamp) -> Option<(u32, Timestamp)> {
    Rule::parse(&schedule.cron, &schedule.zone).ok()?.between(schedule.dealt_until, now)
}

/// The next attempt of a slot whose run failed, once its time has come.
fn again(schedule: &Schedule, last: Option<Run>, now: Timestamp) -> Option<Run> {
    let failed = last.filter(|run| run.result == RunResult::Failed && run.attempt < schedule.attempts)?;
    let wait = (1..failed.attempt).fold(i64::from(schedule.backoff_s), |wait, _| wait.saturating_mul(2));
    let is_time = now >= failed.finished_at? + Span::from_secs(wait);
    is_time.then(|| started(schedule, failed.slot, failed.attempt + 1, RunTrigger::Retry, now))
}

fn claim(tx: &Transaction<'_>, schedule: &Schedule, now: Timestamp) -> Result<Option<Run>> {
    if is_ahead(schedule, now) {
        schedules::deal_again(tx, &schedule.id, now)?;
        return Ok(None);
    }
    let at_work = schedules::last_run(tx, &schedule.id)?.is_some_and(|run| run.result == RunResult::Running);
    let Some((passed, slot)) = slots(schedule, now) else {
        let next = again(schedule, schedules::last_by_clock(tx, &schedule.id)?, now).filter(|_| !at_work);
        return next.map_or(Ok(None), |run| begin(tx, run));
    };
    schedules::deal(tx, &schedule.id, slot)?;
    let in_time = now.since(slot) <= IN_TIME;
    if (in_time || schedule.missed == Missed::RunOnce) && !at_work {
        if in_time {
            note_passed(tx, schedule, slot, now)?;
        }
        let trigger = if in_time { RunTrigger::Cron } else { RunTrigger::Missed };
        return begin(tx, started(schedule, slot, 1, trigger, now));
    }
    let why = if at_work { "the run before was still at work".to_owned() } else { absent(passed) };
    note(tx, schedule, slot, why, now)?;
    Ok(None)
}

/// Slots that were missed before `slot`, which is in time.
fn note_passed(tx: &Transaction<'_>, schedule: &Schedule, slot: Timestamp, now: Timestamp) -> Result<()> {
    let Some((passed, last)) = slots(schedule, slot - Span::from_millis(1)).filter(|(_, last)| now.since(*last) > IN_TIME) else {
        return Ok(());
    };
    let made_up = if schedule.missed == Missed::RunOnce { "; the next run makes up for it" } else { "" };
    note(tx, schedule, last, absent(passed) + made_up, now)
}

fn absent(passed: u32) -> String {
    match passed {
        0 => "the depot was not there".to_owned(),
        1..10_000 => format!("the depot was not there for {} slots, of which this is the last", passed + 1),
        _ => "the depot was not there for more than 10,000 slots, of which this is the last".to_owned(),
    }
}

fn note(tx: &Transaction<'_>, schedule: &Schedule, slot: Timestamp, why: String, now: Timestamp) -> Result<()> {
    let missed = started(schedule, slot, 1, RunTrigger::Missed, now);
    schedules::begin(tx, &Run { result: RunResult::Missed, finished_at: Some(now), message: Some(why), ..missed })?;
    Ok(())
}

fn begin(tx: &Transaction<'_>, run: Run) -> Result<Option<Run>> {
    Ok(schedules::begin(tx, &run)?.map(|id| Run { id, ..run }))
}

//! What the depot does by the clock.

use super::{MailedReport, Timestamp};
use serde::{Deserialize, Serialize};

/// What a schedule does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Releases the scheduled bookings that are due.
    Release,
    /// Holds a dispatch round.
    Dispatch,
    /// Copies ops.db and tracks.db into the backups.
    Backup,
    /// Takes away what is older than the settings keep.
    Retention,
    /// Reminds of pickups to come.
    Reminders,
    /// Makes the report of the day before.
    Report,
    /// Plans the day after.
    PlanTomorrow,
    /// Sends upstream what waits.
    Sync,
    /// Learns what will be asked for.
    Forecast,
}
names!(ScheduleKind {
    Release = "release",
    Dispatch = "dispatch",
    Backup = "backup",
    Retention = "retention",
    Reminders = "reminders",
    Report = "report",
    PlanTomorrow = "plan_tomorrow",
    Sync = "sync",
    Forecast = "forecast",
});

/// What becomes of a slot that passed while the depot was not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Nothing; it is noted.
    Skip,
    /// It is made up for once, however many passed.
    RunOnce,
}
names!(Missed { Skip = "skip", RunOnce = "run_once" });

/// A cron rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it does.
    pub kind: ScheduleKind,
    /// When: five or six fields.
    pub cron: String,
    /// IANA zone in which that is meant.
    pub zone: String,
    /// `false`: paused.
    pub enabled: bool,
    /// What becomes of missed slots.
    pub missed: Missed,
    /// Attempts for each slot.
    pub attempts: u32,
    /// Seconds before the second attempt; twice as long before each further one.
    pub backoff_s: u32,
    /// Of kind [`ScheduleKind::Report`]: which report goes to whom by mail; `None` for the day's figures alone.
    pub report: Option<MailedReport>,
    /// Slots up to here have been dealt with.
    pub dealt_until: Timestamp,
    /// Counts its changes, from 1.
    pub version: u32,
}

/// What made a run happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunTrigger {
    /// Its slot came.
    Cron,
    /// Its slot had passed.
    Missed,
    /// The attempt before failed.
    Retry,
    /// Somebody asked for it.
    Manual,
}
names!(RunTrigger { Cron = "cron", Missed = "missed", Retry = "retry", Manual = "manual" });

/// What came of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// It is at work.
    Running,
    /// Done.
    Ok,
    /// Not done; the message says why.
    Failed,
    /// The depot was not there, and the schedule makes up for nothing.
    Missed,
}
names!(RunResult { Running = "running", Ok = "ok", Failed = "failed", Missed = "missed" });

/// A row of the run log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Numbers the runs.
    pub id: i64,
    /// Of which schedule.
    pub schedule: String,
    /// The time it was for.
    pub slot: Timestamp,
    /// From 1.
    pub attempt: u32,
    /// What made it happen.
    pub trigger: RunTrigger,
    /// What came of it.
    pub result: RunResult,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What it says.
    pub message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        assert!(ScheduleKind::ALL.iter().all(|k| ScheduleKind::parse(k.as_str()) == Some(*k)));
        assert!(Missed::ALL.iter().all(|m| Missed::parse(m.as_str()) == Some(*m)));
        assert!(RunTrigger::ALL.iter().all(|t| RunTrigger::parse(t.as_str()) == Some(*t)));
        assert!(RunResult::ALL.iter().all(|r| RunResult::parse(r.as_str()) == Some(*r)));
    }
}

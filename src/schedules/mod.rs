//! What the depot does by the clock: a table of cron rules, and the log of their runs.
//!
//! The table says what is due ([`slots`]); a ticker only makes somebody look. A slot is claimed by writing its run, which is
//! unique for (schedule, slot, attempt), so a restart, a clock that jumps or a change of daylight saving runs no slot twice. A
//! run whose process died is failed as `interrupted` at the next start, and tried again if its schedule says so.

mod due;
mod runner;
pub mod slots;

pub use runner::{Action, Actions, Runner, Stats};

use crate::clock::Clock;
use crate::config::Config;
use crate::model::{Actor, Kind, MailedReport, Missed, Run, RunResult, RunTrigger, Schedule, ScheduleKind, Span, Timestamp};
use crate::store::{self, Db, audit, journal, schedules};
use rusqlite::Transaction;
use serde_json::json;
use slots::{Rule, Wrong};

/// Schedules at most.
const MOST: usize = 200;
/// No rule may come more often: the ticker looks at the table every few seconds.
const FASTEST: Span = Span::from_secs(10);

/// Why a use case did not happen; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// These fields are not right.
    #[error("{} field(s) are not valid", .0.len())]
    Invalid(Vec<Wrong>),
    /// There is no such schedule.
    #[error("there is no such schedule")]
    Unknown,
    /// Somebody else changed it first; this is its version now.
    #[error("somebody else changed this schedule first: its version is {0} now")]
    Stale(u32),
    /// It is at work.
    #[error("it is at work already")]
    Running,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

type Result<T> = std::result::Result<T, Error>;

/// What somebody wants of a schedule.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What people call it.
    pub name: String,
    /// What it does.
    pub kind: ScheduleKind,
    /// When: five or six fields.
    pub cron: String,
    /// IANA zone in which that is meant; the depot's when absent.
    pub zone: Option<String>,
    /// `false`: paused.
    pub enabled: bool,
    /// What becomes of missed slots.
    pub missed: Missed,
    /// Attempts for each slot, 1 to 10.
    pub attempts: u32,
    /// Seconds before the second attempt.
    pub backoff_s: u32,
    /// Of kind `report`: which goes to whom by mail.
    pub report: Option<MailedReport>,
}

/// The schedules. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Schedules {
    db: Db,
    clock: Clock,
    zone: String,
    /// Is there a mail server?
    mail: bool,
}

impl Schedules {
    /// The schedules of `db`; rules are meant in the depot's zone unless they say another.
    pub fn new(db: Db, config: &Config, clock: Clock) -> Self {
        Self { db, clock, zone: config.depot.zone.clone(), mail: config.mail.is_on() }
    }

    /// Every schedule with its newest run, by name.
    pub async fn all(&self) -> Result<Vec<(Schedule, Option<Run>)>> {
        let question = |c: &rusqlite::Connection| {
            let all = schedules::all(c)?;
            all.into_iter().map(|s| Ok((schedules::last_run(c, &s.id)?, s)).map(|(run, s)| (s, run))).collect::<store::Result<Vec<_>>>()
        };
        Ok(self.db.read(question).await?)
    }

    /// The schedule of an id, with its newest run.
    pub async fn get(&self, id: &str) -> Result<(Schedule, Option<Run>)> {
        let id = id.to_owned();
        self.db.read(move |c| Ok((schedules::get(c, &id)?.ok_or(Error::Unknown)?, schedules::last_run(c, &id)?))).await
    }

    /// Up to `limit` runs of a schedule before number `before`, newest first.
    pub async fn runs(&self, id: &str, before: i64, limit: usize) -> Result<Vec<Run>> {
        let id = id.to_owned();
        let question = move |c: &rusqlite::Connection| {
            schedules::get(c, &id)?.ok_or(Error::Unknown)?;
            Ok(schedules::runs(c, &id, before, limit)?.into_iter().map(|(_, run)| run).collect())
        };
        self.db.read(question).await
    }

    /// The rule of a pattern, in the depot's zone unless another is given.
    pub fn rule(&self, cron: &str, zone: Option<&str>) -> std::result::Result<Rule, Wrong> {
        Rule::parse(cron, zone.unwrap_or(&self.zone))
    }

    /// Adds a schedule; its first slot is the next one from now.
    pub async fn add(&self, wish: Wish, actor: Actor) -> Result<Schedule> {
        let now = self.clock.now();
        let id = crate::auth::short_id().map_err(|e| store::Error::Corrupt(e.to_string()))?;
        let schedule = self.made(wish, &id, now)?;
        self.can_mail(schedule.report.as_ref())?;
        let change = move |tx: &Transaction<'_>| {
            if schedules::all(tx)?.len() >= MOST {
                return Err(Error::Invalid(vec![Wrong { field: "name", message: format!("is one too many: {MOST} schedules at most") }]));
            }
            schedules::insert(tx, &schedule, now)?;
            announce(tx, "add", &schedule, &actor, now)?;
            Ok(schedule)
        };
        self.db.write(change).await
    }

    /// Changes a schedule that still has `version` (any, when absent). A changed rule or an end of a pause begins with the next slot.
    pub async fn change(&self, id: &str, wish: Wish, version: Option<u32>, actor: Actor) -> Result<Schedule> {
        let now = self.clock.now();
        let mut next = self.made(wish, id, now)?;
        let can_mail = self.can_mail(next.report.as_ref());
        let change = move |tx: &Transaction<'_>| {
            let was = schedules::get(tx, &next.id)?.ok_or(Error::Unknown)?;
            if version.is_some_and(|version| version != was.version) {
                return Err(Error::Stale(was.version));
            }
            if next.report != was.report {
                can_mail?;
            }
            next.version = was.version + 1;
            if (&next.cron, &next.zone, next.enabled) == (&was.cron, &was.zone, was.enabled) {
                next.dealt_until = was.dealt_until;
            }
            schedules::update(tx, &next, was.version, now)?;
            announce(tx, "change", &next, &actor, now)?;
            Ok(next)
        };
        self.db.write(change).await
    }

    /// Takes a schedule and its log away.
    pub async fn remove(&self, id: &str, actor: Actor) -> Result<()> {
        let (now, id) = (self.clock.now(), id.to_owned());
        let change = move |tx: &Transaction<'_>| {
            let was = schedules::get(tx, &id)?.ok_or(Error::Unknown)?;
            schedules::delete(tx, &id)?;
            announce(tx, "remove", &was, &actor, now)
        };
        self.db.write(change).await
    }

    /// Asks for a run now, also of a paused schedule; the runner takes it at once.
    pub async fn run_now(&self, id: &str, actor: Actor) -> Result<Run> {
        let (now, id) = (self.clock.now(), id.to_owned());
        let change = move |tx: &Transaction<'_>| {
            let schedule = schedules::get(tx, &id)?.ok_or(Error::Unknown)?;
            if schedules::last_run(tx, &id)?.is_some_and(|run| run.result == RunResult::Running) {
                return Err(Error::Running);
            }
            let run = due::started(&schedule, now, 1, RunTrigger::Manual, now);
            let number = schedules::begin(tx, &run)?.ok_or(Error::Running)?;
            announce(tx, "run", &schedule, &actor, now)?;
            Ok(Run { id: number, ..run })
        };
        self.db.write(change).await
    }

    /// Fills an empty depot with what every depot needs: a backup and the end of what is too old each night, the report of the day
    /// before, reminders, and in the evening the plan of the day after.
    pub async fn fill(&self) -> Result<()> {
        let now = self.clock.now();
        let wish = |name: &str, kind, cron: &str| Wish {
            name: name.to_owned(),
            kind,
            cron: cron.to_owned(),
            zone: None,
            enabled: true,
            missed: Missed::RunOnce,
            attempts: 3,
            backoff_s: 300,
            report: None,
        };
        let first = [
            self.made(wish("Nightly backup", ScheduleKind::Backup, "30 2 * * *"), "nightly-backup", now)?,
            self.made(wish("Nightly retention", ScheduleKind::Retention, "15 3 * * *"), "nightly-retention", now)?,
            self.made(wish("Daily report", ScheduleKind::Report, "0 4 * * *"), "daily-report", now)?,
            self.made(wish("Reminders", ScheduleKind::Reminders, "*/5 * * * *"), "reminders", now)?,
            self.made(wish("Forecast", ScheduleKind::Forecast, "45 3 * * *"), "forecast", now)?,
            self.made(wish("Plan of tomorrow", ScheduleKind::PlanTomorrow, "0 18 * * *"), "plan-of-tomorrow", now)?,
        ];
        let change = move |tx: &Transaction<'_>| {
            if schedules::is_fresh(tx)? {
                schedules::mark_filled(tx)?;
                first.iter().try_for_each(|schedule| schedules::insert(tx, schedule, now))?;
            }
            Ok(())
        };
        self.db.write(change).await
    }

    fn made(&self, wish: Wish, id: &str, now: Timestamp) -> Result<Schedule> {
        let zone = wish.zone.unwrap_or_else(|| self.zone.clone());
        let rule = Rule::parse(&wish.cron, &zone).map_err(|wrong| Error::Invalid(vec![wrong]))?;
        if rule.is_faster_than(FASTEST) {
            let message = format!("comes more often than every {} s", FASTEST.as_secs_f64());
            return Err(Error::Invalid(vec![Wrong { field: "cron", message }]));
        }
        if let Some(message) = wish.report.as_ref().and_then(|report| Self::fault(wish.kind, report)) {
            return Err(Error::Invalid(vec![message]));
        }
        let Wish { name, kind, cron, enabled, missed, attempts, backoff_s, report, .. } = wish;
        let id = id.to_owned();
        Ok(Schedule { id, name, kind, cron, zone, enabled, missed, attempts, backoff_s, report, dealt_until: now, version: 1 })
    }

    /// What is wrong with sending this report.
    fn fault(kind: ScheduleKind, report: &MailedReport) -> Option<Wrong> {
        if kind != ScheduleKind::Report {
            return Some(Wrong { field: "report", message: "goes with the kind report only".to_owned() });
        }
        if !(1..=MailedReport::MOST).contains(&report.mail_to.len()) {
            return Some(Wrong { field: "report.mail_to", message: format!("must name 1 to {} mail addresses", MailedReport::MOST) });
        }
        None
    }

    /// Refuses to promise mail where there is no mail server.
    fn can_mail(&self, report: Option<&MailedReport>) -> Result<()> {
        let message = "no mail can be sent: the depot's settings name no mail server (smtp_url under [mail])";
        let wrong = || Error::Invalid(vec![Wrong { field: "report.mail_to", message: message.to_owned() }]);
        if report.is_some() && !self.mail { Err(wrong()) } else { Ok(()) }
    }
}

fn announce(tx: &Transaction<'_>, action: &str, s: &Schedule, actor: &Actor, at: Timestamp) -> Result<()> {
    let kind = Kind::ScheduleChanged;
    let data = json!({"action": action, "id": s.id, "name": s.name, "kind": s.kind, "cron": s.cron, "zone": s.zone, "enabled": s.enabled, "report": s.report});
    let data = data.to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: None, vehicle: None, data: &data })?;
    Ok(audit::append(tx, at, actor, kind.as_str(), &s.id, &data)?)
}

#[cfg(test)]
mod tests;

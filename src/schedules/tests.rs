use super::*;
use crate::model::Span;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const START: &str = "2026-10-24T12:00:00Z";

struct Depot {
    dir: tempfile::TempDir,
    clock: Clock,
    schedules: Schedules,
}

fn lisbon() -> Config {
    let mut config = Config::default();
    config.depot.zone = "Europe/Lisbon".into();
    config
}

fn depot() -> Depot {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(Timestamp::parse(START).unwrap()));
    let schedules = Schedules::new(Db::open(dir.path()).unwrap(), &lisbon(), clock.clone());
    Depot { dir, clock, schedules }
}

impl Depot {
    /// The process ends, and another one opens the files.
    fn restart(&mut self) {
        self.schedules = Schedules::new(Db::open(self.dir.path()).unwrap(), &lisbon(), self.clock.clone());
    }

    async fn add(&self, cron: &str, missed: Missed, attempts: u32) -> String {
        let (name, kind) = ("x".to_owned(), ScheduleKind::Release);
        let wish = Wish { name, kind, cron: cron.to_owned(), zone: None, enabled: true, missed, attempts, backoff_s: 60, report: None };
        self.schedules.add(wish, Actor::System).await.unwrap().id
    }

    /// What begins now: slot, attempt and trigger of each run.
    async fn claim(&self) -> Vec<Run> {
        self.schedules.claim(self.clock.now()).await.unwrap().into_iter().map(|(_, run)| run).collect()
    }

    async fn log(&self, id: &str) -> Vec<(String, u32, RunTrigger, RunResult)> {
        let runs = self.schedules.runs(id, i64::MAX, 100).await.unwrap();
        runs.into_iter().rev().map(|r| (r.slot.to_string(), r.attempt, r.trigger, r.result)).collect()
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(Span::from_secs(seconds));
    }
}

#[tokio::test]
async fn a_slot_runs_once_over_restarts_and_clocks_that_jump_back() {
    let mut d = depot();
    let id = d.add("30 1 * * *", Missed::RunOnce, 1).await;
    let mut slots = Vec::new();
    // Two days in steps of ten minutes, through the hour that comes twice; now and then the process ends or the clock goes back.
    for step in 0..288 {
        d.advance(600);
        if step % 7 == 0 {
            d.restart();
        }
        if step % 11 == 0 {
            d.advance(-1_800);
            for run in d.claim().await {
                slots.push(run.slot.to_string());
                d.schedules.finish(run.id, Ok(String::new())).await.unwrap();
            }
            d.advance(1_800);
        }
        for run in d.claim().await {
            slots.push(run.slot.to_string());
            d.schedules.finish(run.id, Ok(String::new())).await.unwrap();
        }
    }
    assert_eq!(slots, ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]);
    assert_eq!(d.log(&id).await.len(), 2);
}

#[tokio::test]
async fn what_was_missed_is_noted_or_made_up_for_once() {
    let d = depot();
    let (skip, once) = (d.add("0 * * * *", Missed::Skip, 1).await, d.add("0 * * * *", Missed::RunOnce, 1).await);
    d.advance(5 * 3_600 + 600);
    let claimed = d.claim().await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].schedule.as_str(), claimed[0].trigger), (once.as_str(), RunTrigger::Missed));
    let noted = d.schedules.runs(&skip, i64::MAX, 9).await.unwrap();
    assert_eq!((noted.len(), noted[0].result), (1, RunResult::Missed));
    assert_eq!(noted[0].message.as_deref(), Some("the depot was not there for 5 slots, of which this is the last"));
    assert!(d.claim().await.is_empty());
}

#[tokio::test]
async fn what_fails_or_is_interrupted_is_tried_again_and_no_more_than_said() {
    let mut d = depot();
    let id = d.add("0 14 * * *", Missed::RunOnce, 3).await;
    d.advance(3_600);
    let first = d.claim().await.remove(0);
    d.schedules.finish(first.id, Err("no disk".into())).await.unwrap();
    d.advance(59);
    assert!(d.claim().await.is_empty(), "before the pause is over");
    d.advance(1);
    assert_eq!(d.claim().await.remove(0).attempt, 2);
    // The plug is pulled while it is at work.
    d.restart();
    assert!(d.claim().await.is_empty());
    assert_eq!(d.schedules.interrupt().await.unwrap(), 1);
    d.advance(119);
    assert!(d.claim().await.is_empty(), "the second pause is twice as long");
    d.advance(1);
    let last = d.claim().await.remove(0);
    d.schedules.finish(last.id, Err("still no disk".into())).await.unwrap();
    d.advance(7_200);
    assert!(d.claim().await.is_empty(), "three attempts and no more");
    use RunResult::Failed;
    use RunTrigger::{Cron, Retry};
    let told: Vec<_> = d.log(&id).await.into_iter().map(|(_, attempt, trigger, result)| (attempt, trigger, result)).collect();
    assert_eq!(told, [(1, Cron, Failed), (2, Retry, Failed), (3, Retry, Failed)]);
}

#[tokio::test]
async fn two_who_look_at_once_begin_one_run() {
    let d = depot();
    d.add("0 14 * * *", Missed::RunOnce, 1).await;
    d.advance(3_600);
    let now = d.clock.now();
    let (one, other) = tokio::join!(d.schedules.claim(now), d.schedules.claim(now));
    assert_eq!(one.unwrap().len() + other.unwrap().len(), 1);
}

#[tokio::test]
async fn a_paused_schedule_has_no_slots_and_begins_anew() {
    let d = depot();
    let id = d.add("0 * * * *", Missed::RunOnce, 1).await;
    let (was, _) = d.schedules.get(&id).await.unwrap();
    let wish = |enabled| Wish {
        name: "x".into(),
        kind: was.kind,
        cron: was.cron.clone(),
        zone: None,
        enabled,
        missed: was.missed,
        attempts: 1,
        backoff_s: 0,
        report: None,
    };
    d.schedules.change(&id, wish(false), Some(1), Actor::System).await.unwrap();
    let stale = d.schedules.change(&id, wish(true), Some(1), Actor::System).await;
    assert!(matches!(stale, Err(Error::Stale(2))), "{stale:?}");
    d.advance(4 * 3_600);
    assert!(d.claim().await.is_empty());
    d.schedules.change(&id, wish(true), None, Actor::System).await.unwrap();
    assert!(d.claim().await.is_empty(), "what passed in the pause is not made up for");
    d.advance(3_600);
    assert_eq!(d.claim().await.len(), 1);
}

#[tokio::test]
async fn the_runner_runs_what_is_due_and_what_is_asked_for_and_says_what_came_of_it() {
    let d = depot();
    d.schedules.fill().await.unwrap();
    d.schedules.fill().await.unwrap();
    assert_eq!(d.schedules.all().await.unwrap().len(), 6, "filled once");
    for other in ["daily-report", "forecast", "reminders", "plan-of-tomorrow"] {
        d.schedules.remove(other, Actor::System).await.unwrap();
    }
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let backup: Action = Arc::new(move |_, _| {
        let nth = counted.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move { if nth == 0 { Err("no room".to_owned()) } else { Ok("done".to_owned()) } })
    });
    let tick = Arc::new(Notify::new());
    let runner = Runner::new(d.schedules.clone(), Actions::from([(ScheduleKind::Backup, backup)]), Arc::clone(&tick));
    let cancel = CancellationToken::new();
    let asked = d.schedules.run_now("nightly-backup", Actor::User("ana".into())).await.unwrap();
    assert!(matches!(d.schedules.run_now("nightly-backup", Actor::System).await, Err(Error::Running)));
    let work = async {
        let ended = async |id: &str, count: usize| loop {
            let log = d.schedules.runs(id, i64::MAX, 9).await.unwrap();
            if log.len() == count && log.iter().all(|run| run.result != RunResult::Running) {
                break log;
            }
            tick.notify_one();
            tokio::task::yield_now().await;
        };
        // Asked for before the runner began, so nobody can have begun it: told as interrupted.
        let log = ended("nightly-backup", 1).await;
        assert_eq!((log[0].id, log[0].result), (asked.id, RunResult::Failed));
        d.advance(1);
        d.schedules.run_now("nightly-backup", Actor::System).await.unwrap();
        let log = ended("nightly-backup", 2).await;
        assert_eq!((log[0].result, log[0].message.as_deref()), (RunResult::Failed, Some("no room")));
        d.advance(16 * 3_600);
        let log = ended("nightly-backup", 3).await;
        assert_eq!((log[0].result, log[0].message.as_deref()), (RunResult::Ok, Some("done")));
        let log = ended("nightly-retention", 1).await;
        assert_eq!(log[0].message.as_deref(), Some("this depot knows no retention"));
        cancel.cancel();
    };
    let both = async { tokio::join!(runner.clone().run(cancel.clone()), work) };
    tokio::time::timeout(std::time::Duration::from_secs(20), both).await.unwrap().0.unwrap();
    assert_eq!(runner.stats(), Stats { ok: 1, failed: 2 });
}

#[tokio::test]
async fn slots_missed_just_before_one_that_is_in_time_are_noted() {
    let d = depot();
    let id = d.add("* * * * *", Missed::Skip, 1).await;
    d.advance(3 * 60 + 15);
    assert_eq!(d.claim().await.remove(0).slot.to_string(), "2026-10-24T12:03:00.000Z");
    let noted = d.schedules.runs(&id, i64::MAX, 9).await.unwrap().pop().unwrap();
    assert_eq!((noted.slot.to_string().as_str(), noted.result), ("2026-10-24T12:02:00.000Z", RunResult::Missed));
    assert_eq!(noted.message.as_deref(), Some("the depot was not there for 2 slots, of which this is the last"));
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_silences_nothing() {
    const YEAR: i64 = 365 * 86_400;
    let d = depot();
    let id = d.add("0 * * * *", Missed::Skip, 1).await;
    d.advance(YEAR);
    let far = d.claim().await.remove(0);
    d.schedules.finish(far.id, Ok(String::new())).await.unwrap();
    d.advance(-YEAR);
    assert!(d.claim().await.is_empty());
    d.advance(3_610);
    assert_eq!(d.claim().await.remove(0).slot.to_string(), "2026-10-24T13:00:00.000Z");
    let results: Vec<_> = d.log(&id).await.into_iter().map(|(.., result)| result).collect();
    assert_eq!(results, [RunResult::Missed, RunResult::Ok, RunResult::Running]);
}

#[tokio::test]
async fn a_run_by_hand_does_not_end_the_tries_of_one_that_failed() {
    let d = depot();
    let id = d.add("0 14 * * *", Missed::RunOnce, 2).await;
    d.advance(3_600);
    let failed = d.claim().await.remove(0);
    d.schedules.finish(failed.id, Err("no disk".into())).await.unwrap();
    d.advance(1);
    let by_hand = d.schedules.run_now(&id, Actor::System).await.unwrap();
    d.schedules.finish(by_hand.id, Ok(String::new())).await.unwrap();
    d.advance(60);
    let again = d.claim().await.remove(0);
    assert_eq!((again.slot, again.attempt, again.trigger), (failed.slot, 2, RunTrigger::Retry));
}

#[tokio::test]
async fn a_rule_faster_than_the_ticker_is_refused() {
    let d = depot();
    let wish = |cron: &str| Wish {
        name: "x".into(),
        kind: ScheduleKind::Release,
        cron: cron.into(),
        zone: None,
        enabled: true,
        missed: Missed::Skip,
        attempts: 1,
        backoff_s: 60,
        report: None,
    };
    for fast in ["* * * * * *", "*/5 * * * * *", "0,57 * * * * *"] {
        let refused = d.schedules.add(wish(fast), Actor::System).await;
        assert!(matches!(&refused, Err(Error::Invalid(wrong)) if wrong[0].message.contains("every 10 s")), "{fast}: {refused:?}");
    }
    d.schedules.add(wish("*/10 * * * * *"), Actor::System).await.unwrap();
}

#[tokio::test]
async fn a_report_goes_by_mail_only_where_there_is_a_mail_server_and_somebody_to_get_it() {
    let d = depot();
    let report = |to: usize| MailedReport {
        name: crate::model::ReportName::Drivers,
        period: crate::model::ReportPeriod::Week,
        mail_to: (0..to).map(|n| format!("boss-{n}@example.com").parse().unwrap()).collect(),
    };
    let wish = |kind, to| Wish {
        name: "x".into(),
        kind,
        cron: "0 6 * * 1".into(),
        zone: None,
        enabled: true,
        missed: Missed::Skip,
        attempts: 1,
        backoff_s: 60,
        report: Some(report(to)),
    };
    let told = |refused: Result<Schedule>| match refused {
        Err(Error::Invalid(wrong)) => format!("{}: {}", wrong[0].field, wrong[0].message),
        other => panic!("{other:?}"),
    };
    assert!(told(d.schedules.add(wish(ScheduleKind::Report, 1), Actor::System).await).contains("[mail]"));
    let mut config = lisbon();
    config.mail.smtp_url = "smtp://mail.example.com".into();
    let schedules = Schedules::new(d.schedules.db.clone(), &config, d.clock.clone());
    assert!(told(schedules.add(wish(ScheduleKind::Backup, 1), Actor::System).await).starts_with("report: goes with"));
    for many in [0, 21] {
        assert!(
            told(schedules.add(wish(ScheduleKind::Report, many), Actor::System).await).starts_with("report.mail_to: must name 1 to 20")
        );
    }
    let made = schedules.add(wish(ScheduleKind::Report, 20), Actor::System).await.unwrap();
    assert_eq!(schedules.get(&made.id).await.unwrap().0.report, Some(report(20)));
}

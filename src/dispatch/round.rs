//! One round: look, plan, assign, and leave a record of it.

use super::asking;
use super::inputs::Inputs;
use super::plan::{self, Lately, Plan, Rules, Survey, Waiting};
use super::record::{EXCLUDED_TOLD, Record, Round};
use super::roads::Pairs;
use super::scene::{self, Jobs};
use super::{Dispatch, Error};
use crate::bookings::rounds::Counts;
use crate::bookings::{Assignment, Decision};
use crate::config::{self, Config};
use crate::model::{Booking, BookingId, Span, Timestamp, VehicleId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Bookings looked at in a round; the others, which came later, wait for the next.
pub(super) const MOST: usize = 2_000;

/// What a round did.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Report {
    /// Bookings that wanted a vehicle.
    pub waiting: usize,
    /// Bookings that got one.
    pub assigned: usize,
    /// Bookings whose drivers are asked.
    pub asked: usize,
    /// Assignments that came too late.
    pub lost: usize,
    /// Bookings that still want one.
    pub left: usize,
    /// Time of the whole round.
    pub took: Duration,
    /// Time of the plan.
    pub plan_took: Duration,
}

/// What was last told about each booking that got nobody, so that it is told again only when it changes.
#[derive(Default)]
pub(super) struct Told(Mutex<State>);

#[derive(Default)]
struct State {
    last_round: i64,
    last_purge: Option<Timestamp>,
    reasons: HashMap<BookingId, Vec<&'static str>>,
}

impl Told {
    /// A number for the round at `now`: its milliseconds, or one more than the last.
    fn number(&self, now: Timestamp) -> i64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.last_round = now.as_millis().max(state.last_round + 1);
        state.last_round
    }

    /// Is it an hour since this last said so?
    fn purge_is_due(&self, now: Timestamp) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = state.last_purge.is_none_or(|last| now.since(last) >= Span::from_secs(3_600));
        if due {
            state.last_purge = Some(now);
        }
        due
    }

    /// Keeps the records that say something new: all of those that got a vehicle, and of the others those whose reasons
    /// changed; one that says the same again is counted. Forgets bookings that no longer wait.
    fn news(&self, records: Vec<(BookingId, Record)>, waiting: &HashSet<BookingId>, counts: &Counts) -> Vec<(BookingId, Record)> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.reasons.retain(|booking, _| waiting.contains(booking));
        let is_new = |(booking, record): &(BookingId, Record)| {
            if record.chosen.is_some() || !record.asked.is_empty() {
                state.reasons.remove(booking);
                return true;
            }
            let mut reasons: Vec<&'static str> = record.excluded_total.keys().copied().collect();
            if !record.candidates.is_empty() {
                reasons.push("outbid");
            }
            if record.promised.is_some() {
                reasons.push("promised");
            }
            let same = state.reasons.insert(*booking, reasons.clone()) == Some(reasons);
            !(same && counts.again(*booking, record.at))
        };
        records.into_iter().filter(is_new).collect()
    }
}

/// What became of a round's decisions.
#[derive(Default)]
struct Settled {
    assigned: usize,
    asked: usize,
    lost: usize,
}

/// A planned round, with a record for each booking.
struct Planned {
    records: Vec<(BookingId, Record)>,
    inputs: Inputs,
    plan_took: Duration,
}

/// What else is known when a round begins.
struct Around {
    jobs: Jobs,
    lately: Lately,
    /// The settings in effect then: they hold for the whole round.
    config: Arc<Config>,
}

impl Dispatch {
    /// Holds a round now. `trigger` says in the records what made it happen.
    pub async fn round(&self, trigger: &'static str) -> Result<Report, Error> {
        let start = self.0.clock.monotonic();
        self.0.follower.catch_up().await?;
        let mut waiting = self.0.bookings.waiting(MOST).await?;
        waiting.retain(|booking| !booking.locked);
        let ids: HashSet<BookingId> = waiting.iter().map(|b| b.id).collect();
        self.0.bookings.keep_counts(&ids, self.0.clock.now()).await?;
        if waiting.is_empty() {
            return Ok(Report::default());
        }
        let config = self.settings();
        let jobs = Jobs::read(&self.0.bookings, &self.0.expected, &config.dispatch, self.0.clock.now()).await?;
        let lately = scene::lately(&self.0.bookings, self.0.clock.now()).await?;
        let planned = self.plan(trigger, waiting, Around { jobs, lately, config: Arc::clone(&config) }).await?;
        let news = self.0.told.news(planned.records, &ids, self.0.bookings.counts());
        let Settled { assigned, asked, lost } = self.settle(news, &planned.inputs, &config).await?;
        self.0.follower.catch_up().await?;
        let left = ids.len() - assigned - asked;
        let report = Report { waiting: ids.len(), assigned, asked, lost, left, took: start.elapsed(), plan_took: planned.plan_took };
        self.0.stats.round(&report);
        tracing::debug!(trigger, ?report, "dispatch: round");
        Ok(report)
    }

    /// Looks, asks how long the ways take and plans; off the async threads, for a large round takes a while.
    async fn plan(&self, trigger: &'static str, bookings: Vec<Booking>, around: Around) -> Result<Planned, Error> {
        let now = self.0.clock.now();
        let (travel, eta_source) = self.0.etas.travel(now);
        let rules = Arc::new(Rules { travel, ..Rules::from(&around.config.dispatch) });
        let (this, known, plain) = (self.clone(), Arc::clone(&rules), self.0.etas.is_plain());
        let Around { jobs, lately, config } = around;
        let look = move || {
            let waiting: Vec<Waiting> = bookings.iter().map(|b| scene::waiting(b, &jobs.answers)).collect();
            let seen = scene::vehicles(&this.0.fleet, &jobs, &waiting, &known, now);
            let pairs = (!plain).then(|| Pairs::nearest(&waiting, &seen, &known, now));
            (bookings, waiting, seen, pairs)
        };
        let (bookings, mut waiting, seen, pairs) = tokio::task::spawn_blocking(look).await?;
        if let Some(pairs) = pairs {
            let until = self.0.clock.monotonic() + self.0.etas.patience();
            pairs.ask(&self.0.etas, &mut waiting, now, until).await;
        }
        let this = self.clone();
        let planned = tokio::task::spawn_blocking(move || {
            let start = this.0.clock.monotonic();
            let plan = plan::assign(now, &waiting, &seen, &lately, &rules);
            let plan_took = start.elapsed();
            let references: HashMap<BookingId, String> = bookings.into_iter().map(|b| (b.id, b.reference)).collect();
            let number = this.0.told.number(now);
            let round = Round { number, at: now, trigger, rules: &rules, eta_source, seen: &seen, references: &references };
            let mut records = records(&plan, &waiting, &Survey::new(now, &seen, &rules), &round);
            ask(&plan, &config.dispatch, &mut records);
            let inputs = Inputs::of(number, now, &waiting, &seen, &lately, &rules, &plan);
            Planned { records, inputs, plan_took }
        });
        Ok(planned.await?)
    }

    /// Assigns or asks, each booking with its record, in one transaction.
    async fn settle(&self, records: Vec<(BookingId, Record)>, inputs: &Inputs, config: &Config) -> Result<Settled, Error> {
        let now = self.0.clock.now();
        let until = now + Span::from_secs(i64::try_from(config.dispatch.offer_timeout_s).unwrap_or(30));
        let mut settled = Vec::with_capacity(records.len());
        for (booking, record) in records {
            let decision = match &record.chosen {
                _ if !record.asked.is_empty() => Decision::Ask { vehicles: record.asked.clone(), until },
                Some(vehicle) => Decision::Give(vehicle.clone()),
                None => Decision::Leave,
            };
            settled.push(Assignment { booking, decision, record: Some(serde_json::to_string(&record)?) });
        }
        if settled.is_empty() {
            return Ok(Settled::default());
        }
        let meant: Vec<(BookingId, Decision)> = settled.iter().map(|a| (a.booking, a.decision.clone())).collect();
        let results = self.0.bookings.assign_all(settled, Some((inputs.round, inputs.to_bytes()?)), now).await?;
        let mut sum = Settled::default();
        for ((booking, decision), result) in meant.iter().zip(&results) {
            match (result, decision) {
                (Ok(_), Decision::Give(_)) => sum.assigned += 1,
                (Ok(_), Decision::Ask { .. }) => sum.asked += 1,
                (_, Decision::Leave) => {}
                (Err(why), _) => {
                    sum.lost += 1;
                    tracing::info!(%booking, ?decision, %why, "dispatch: what was decided about {booking} came too late");
                }
            }
        }
        Ok(sum)
    }

    /// Forgets what is kept for a while only, once an hour.
    pub(super) async fn forget_old(&self) -> Result<(), Error> {
        let now = self.0.clock.now();
        if self.0.told.purge_is_due(now) {
            self.0.bookings.purge(now).await?;
        }
        Ok(())
    }
}

/// Where the depot asks drivers, nobody gets a booking before having said yes.
fn ask(plan: &Plan, config: &config::Dispatch, records: &mut [(BookingId, Record)]) {
    let mut taken = plan.outcomes.iter().filter_map(|o| o.vehicle.clone()).collect();
    let asked: HashMap<BookingId, Vec<VehicleId>> =
        plan.outcomes.iter().map(|o| (o.booking, asking::whom(o, config, &mut taken))).collect();
    for (booking, record) in records {
        if let Some(vehicles) = asked.get(booking).filter(|vehicles| !vehicles.is_empty()) {
            record.ask(vehicles.clone());
        }
    }
}

fn records(plan: &Plan, waiting: &[Waiting], survey: &Survey<'_>, round: &Round<'_>) -> Vec<(BookingId, Record)> {
    let by_id: HashMap<BookingId, &Waiting> = waiting.iter().map(|w| (w.id, w)).collect();
    let record = |outcome: &plan::Outcome| {
        let waiting = by_id.get(&outcome.booking)?;
        let got = outcome.vehicle.is_some() || outcome.promised.is_some();
        let blocked = if got { None } else { survey.blocked(waiting) };
        Some((outcome.booking, round.record(outcome, waiting, &survey.exclusions(waiting, EXCLUDED_TOLD), blocked.as_ref())))
    };
    plan.outcomes.iter().filter_map(record).collect()
}

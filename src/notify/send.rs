//! Who empties the queue: takes what is due of each endpoint, a few at once, and writes down what came of it.

use super::retry::{Next, Outcome, Policy};
use super::{Inner, Post, gateway, hooks, outdated, push, webhook};
use crate::model::{Actor, Attempt, Channel, Delivery, Kind, Timestamp, Webhook};
use crate::patience::backoff::draw;
use crate::patience::breaker::{Breaker, Call, State, Verdict};
use crate::store::journal::{self, NewEvent};
use crate::store::{self, deliveries, webhooks};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rusqlite::Transaction;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks while something is due and may not be sent yet, and after the database failed.
const LOOK: Duration = Duration::from_secs(1);
/// The longest time without a look.
const IDLE: Duration = Duration::from_secs(60);
/// What is being sent when depotd stops has so long to end; what does not is sent again.
const GRACE: Duration = Duration::from_secs(5);
/// The status of one who wants nothing more.
const GONE: u16 = 410;
/// Bytes of an error that are kept.
const ERROR: usize = 500;

/// An endpoint as it is being served.
struct Lane {
    breaker: Breaker,
    at_work: HashSet<i64>,
}

/// The end of an attempt.
struct Ended {
    endpoint: String,
    number: i64,
    call: Call,
    verdict: Verdict,
}

type Open = FuturesUnordered<BoxFuture<'static, Ended>>;

/// Empties the queue until cancelled.
pub struct Sender {
    post: Post,
    policy: Policy,
    lanes: HashMap<String, Lane>,
}

impl Sender {
    /// The one who empties the queue of `post`; there is to be one only.
    pub fn new(post: Post) -> Self {
        let policy = Policy::new(&post.0.config);
        Self { post, policy, lanes: HashMap::new() }
    }

    /// Sends what is due until cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut open = Open::new();
        loop {
            let pause = match self.begin(&mut open).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "notifications stand still: {error}");
                    LOOK
                }
            };
            let post = self.post.clone();
            tokio::select! {
                () = cancel.cancelled() => break,
                Some(ended) = open.next() => self.settle(ended),
                () = post.0.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        // What does not end in time is sent again after the start, under the same id.
        drop(tokio::time::timeout(GRACE, async { while open.next().await.is_some() {} }).await);
    }

    /// Begins what may begin now; how long until there may be more.
    async fn begin(&mut self, open: &mut Open) -> store::Result<Duration> {
        let now = self.post.0.clock.now();
        let question = |c: &rusqlite::Connection| Ok::<_, store::Error>((deliveries::endpoints(c)?, webhooks::held(c)?));
        let (mut endpoints, held) = self.post.0.db.read(question).await?;
        endpoints.retain(|name| !held.iter().any(|id| *name == Webhook::endpoint_of(id)));
        self.lanes.retain(|name, lane| {
            !lane.at_work.is_empty() || endpoints.contains(name) || lane.breaker.state(self.post.0.clock.monotonic()) != State::Closed
        });
        let mut pause = IDLE;
        for endpoint in endpoints {
            pause = pause.min(self.begin_at(endpoint, now, open).await?);
        }
        Ok(pause)
    }

    async fn begin_at(&mut self, endpoint: String, now: Timestamp, open: &mut Open) -> store::Result<Duration> {
        let inner = Arc::clone(&self.post.0);
        let (name, limit) = (endpoint.clone(), inner.config.at_once * 2);
        let question = move |c: &rusqlite::Connection| {
            let (mut due, mut outdated) = (Vec::new(), Vec::new());
            for delivery in deliveries::due(c, &name, now, limit)? {
                match outdated::why(c, &delivery, now)? {
                    Some(why) => outdated.push((delivery.number, why)),
                    None => due.push(delivery),
                }
            }
            Ok::<_, store::Error>((due, outdated, deliveries::next_due(c, &name, now)?))
        };
        let (due, outdated, next) = inner.db.read(question).await?;
        let pause = next.map_or(IDLE, |at| Duration::from_millis(u64::try_from(at.since(now).as_millis()).unwrap_or(0)));
        if !outdated.is_empty() {
            self.withdraw(outdated, now).await?;
            inner.wake.notify_one();
        }
        let policy = self.policy;
        let lane =
            self.lanes.entry(endpoint).or_insert_with(|| Lane { breaker: Breaker::new(policy.breaker(), seed()), at_work: HashSet::new() });
        for delivery in due {
            if lane.at_work.contains(&delivery.number) {
                continue;
            }
            if lane.at_work.len() >= inner.config.at_once {
                break;
            }
            let Some(call) = lane.breaker.admit(inner.clock.monotonic()) else { return Ok(pause.min(LOOK)) };
            lane.at_work.insert(delivery.number);
            open.push(Box::pin(attempt(Arc::clone(&inner), policy, delivery, call)));
        }
        Ok(pause)
    }

    async fn withdraw(&self, outdated: Vec<(i64, String)>, now: Timestamp) -> store::Result<()> {
        let (inner, count) = (&self.post.0, u64::try_from(outdated.len()).unwrap_or(0));
        inner.db.write(move |tx| outdated.iter().try_for_each(|(number, why)| deliveries::withdraw(tx, *number, why, now))).await?;
        inner.counts.outdated.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }

    fn settle(&mut self, ended: Ended) {
        let Some(lane) = self.lanes.get_mut(&ended.endpoint) else { return };
        lane.at_work.remove(&ended.number);
        let before = lane.breaker.opened();
        lane.breaker.settle(ended.call, ended.verdict, self.post.0.clock.monotonic());
        let opened = lane.breaker.opened() - before;
        self.post.0.counts.opened.fetch_add(opened, Ordering::Relaxed);
        if opened > 0 {
            tracing::warn!(endpoint = ended.endpoint, "notifications: {} fails, and is left alone for a while", ended.endpoint);
        }
    }
}

fn seed() -> u64 {
    getrandom::u64().unwrap_or(7)
}

/// Says it, and writes down what came of that.
async fn attempt(inner: Arc<Inner>, policy: Policy, delivery: Delivery, call: Call) -> Ended {
    let began = inner.clock.monotonic();
    let outcome = say(&inner, &delivery).await;
    let took = inner.clock.monotonic().duration_since(began);
    let at = inner.clock.now();
    let error = outcome.error().map(|why| why.chars().filter(|c| !c.is_control()).take(ERROR).collect());
    let status = outcome.status().filter(|status| *status > 0);
    let attempt = Attempt { at, status, ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX), error };
    let next = policy.next(&outcome, delivery.attempts, delivery.queued_at, at, draw());
    log(&inner, &delivery, &next, &attempt);
    let ended = Ended { endpoint: delivery.endpoint.clone(), number: delivery.number, call, verdict: outcome.verdict() };
    let oldest = policy.oldest(at);
    loop {
        let (delivery, next, attempt) = (delivery.clone(), next.clone(), attempt.clone());
        match inner.db.write(move |tx| note(tx, &delivery, &next, &attempt, oldest)).await {
            Ok(given_up) => {
                inner.counts.dead.fetch_add(u64::try_from(given_up).unwrap_or(0), Ordering::Relaxed);
                return ended;
            }
            // It stays at work meanwhile, so it is not said once more.
            Err(error) => {
                tracing::error!(%error, "notifications: what came of a delivery cannot be written: {error}");
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

/// Writes down what came of an attempt; gives how many others were given up with it.
fn note(tx: &Transaction<'_>, delivery: &Delivery, next: &Next, attempt: &Attempt, oldest: Timestamp) -> store::Result<usize> {
    if let (Channel::Webhook, Some(id)) = (delivery.channel, delivery.endpoint.strip_prefix("webhook:")) {
        let failed = attempt.error.as_deref().map(|why| (why, attempt.status == Some(GONE)));
        hooks::heard(tx, id, failed, oldest, attempt.at)?;
    }
    if delivery.channel == Channel::Push && push::is_gone(attempt.status) {
        push::forget(tx, &delivery.recipient)?;
    }
    match next {
        Next::Done => {
            if delivery.channel == Channel::Message {
                say_in_journal(tx, delivery, attempt.at)?;
            }
            deliveries::sent(tx, delivery.number, attempt)?;
        }
        Next::At(at) => deliveries::put_off(tx, delivery.number, attempt, *at)?,
        Next::Dead(why) => {
            deliveries::bury(tx, delivery.number, attempt, why)?;
            if delivery.queued_at < oldest {
                return deliveries::give_up(tx, &delivery.endpoint, oldest, why, attempt.at);
            }
        }
    }
    Ok(0)
}

fn log(inner: &Inner, delivery: &Delivery, next: &Next, attempt: &Attempt) {
    let Delivery { id, endpoint, .. } = delivery;
    let why = attempt.error.as_deref().unwrap_or_default();
    let count = match next {
        Next::Done => &inner.counts.sent,
        Next::At(_) => {
            tracing::debug!(%id, endpoint, "notification {id} to {endpoint} failed: {why}");
            &inner.counts.failed
        }
        Next::Dead(_) => {
            tracing::warn!(%id, endpoint, "notification {id} to {endpoint} is a dead letter: {why}");
            &inner.counts.dead
        }
    };
    count.fetch_add(1, Ordering::Relaxed);
}

async fn say(inner: &Inner, delivery: &Delivery) -> Outcome {
    let message = delivery.message;
    let said = match inner.db.read(move |c| deliveries::message(c, message)).await {
        Ok(Some(said)) => said,
        Ok(None) => return Outcome::Refused { status: None, why: "what was to be said is gone".to_owned() },
        Err(error) => return Outcome::failed(error.to_string()),
    };
    match delivery.channel {
        Channel::Mail => match &inner.mailer {
            Some(mailer) => mailer.send(delivery, &said.body).await,
            None => Outcome::failed("the settings name no mail server (smtp_url under [mail])"),
        },
        Channel::Webhook => tell(inner, delivery, said.body).await,
        Channel::Gateway => {
            let gateway = inner.config.gateways.iter().find(|gateway| super::gateway_endpoint(&gateway.name) == delivery.endpoint);
            match gateway {
                Some(gateway) => gateway::send(&inner.http, gateway, delivery, &said.body).await,
                None => Outcome::failed("the settings name no such gateway (under [[notify.gateways]])"),
            }
        }
        Channel::Push => push::send(inner, delivery, &said.body).await,
        // The journal carries it, in the transaction that notes it as said.
        Channel::Message => Outcome::Sent(0),
    }
}

async fn tell(inner: &Inner, delivery: &Delivery, body: String) -> Outcome {
    let id = delivery.endpoint.strip_prefix("webhook:").unwrap_or_default().to_owned();
    match inner.db.read(move |c| webhooks::target(c, &id)).await {
        Ok(Some(target)) => webhook::send(&inner.http, &inner.seal, &target, delivery, body, inner.clock.now()).await,
        Ok(None) => Outcome::Refused { status: None, why: "the webhook was taken away".to_owned() },
        Err(error) => Outcome::failed(error.to_string()),
    }
}

/// Puts a message for a vehicle, or for the console, into the journal.
fn say_in_journal(tx: &Transaction<'_>, delivery: &Delivery, at: Timestamp) -> store::Result<()> {
    let said = deliveries::message(tx, delivery.message)?.map(|said| said.body).unwrap_or_default();
    let note: gateway::Note = serde_json::from_str(&said).map_err(|e| store::Error::Corrupt(format!("a message: {e}")))?;
    let vehicle = delivery.recipient.parse().ok();
    let data = json!({"subject": note.subject, "text": note.text, "delivery_id": delivery.id, "rule_id": delivery.rule}).to_string();
    let kind = Kind::MessageSent;
    let event = NewEvent { at, kind, actor: &Actor::System, booking: delivery.booking, vehicle: vehicle.as_ref(), data: &data };
    journal::append(tx, &event)?;
    Ok(())
}

//! Orders of head office: verified, carried out once, answered.
//!
//! What an order changes, its answer and how far the depot has read are one transaction, so whenever the plug is pulled an order was
//! either dealt with or comes again. The answer is an entry of the journal, `command.applied`, `.rejected` or `.expired`, and goes
//! up with lane `bookings`. What head office did not sign for this depot has no name that could be trusted: it is noted as
//! `command.refused`, so many times an hour at most, and otherwise only counted.

mod act;
mod heard;
mod refusals;

use crate::auth::{self, Auth};
use crate::batch::{Order, PublicKey};
use crate::bookings::Bookings;
use crate::clock::Clock;
use crate::config;
use crate::model::{Actor, Answered, Kind, Timestamp, Verdict};
use crate::settings::Settings;
use crate::store::{self, Db, audit, cursors, journal};
use act::{Act, Failed, Rejection, Rooms};
use heard::Heard;
use rusqlite::Transaction;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why orders could not be dealt with now; nothing of the one that failed was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A password could not be hashed.
    #[error(transparent)]
    Auth(#[from] auth::Error),
}

/// What has become of orders since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Carried out.
    pub applied: u64,
    /// Understood and not carried out.
    pub rejected: u64,
    /// Came too late.
    pub expired: u64,
    /// Not signed by head office for this depot.
    pub refused: u64,
    /// Came again, and had been answered.
    pub repeated: u64,
}

#[derive(Default)]
struct Counters {
    applied: AtomicU64,
    rejected: AtomicU64,
    expired: AtomicU64,
    refused: AtomicU64,
    repeated: AtomicU64,
}

/// Carries orders out. Cheap to clone.
#[derive(Clone)]
pub struct Orders(Arc<Inner>);

struct Inner {
    db: Db,
    bookings: Bookings,
    auth: Auth,
    settings: Settings,
    clock: Clock,
    depot: String,
    key: Option<PublicKey>,
    refusals: refusals::Refusals,
    counters: Counters,
}

/// What became of one order.
enum Dealt {
    /// It was written down, and so was how far we are.
    Written,
    /// There was nothing to write but how far we are.
    Passed,
}

/// The name under which is kept how far the orders of `sink` were read.
fn cursor_name(sink: &str) -> String {
    format!("orders/{sink}")
}

impl Orders {
    /// Takes orders as `config` says: for its depot, signed with its key. Without a key none is taken.
    pub fn new(db: Db, bookings: Bookings, auth: Auth, settings: Settings, config: &config::Upstream, clock: Clock) -> Self {
        let key = PublicKey::parse(&config.orders_key);
        let (depot, refusals, counters) = (config.depot.clone(), refusals::Refusals::default(), Counters::default());
        Self(Arc::new(Inner { db, bookings, auth, settings, clock, depot, key, refusals, counters }))
    }

    /// What has become of orders since the start.
    pub fn stats(&self) -> Stats {
        let c = &self.0.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            applied: read(&c.applied),
            rejected: read(&c.rejected),
            expired: read(&c.expired),
            refused: read(&c.refused),
            repeated: read(&c.repeated),
        }
    }

    /// The number of the last order of `sink` that was dealt with, 0 when there is none.
    pub async fn after(&self, sink: &str) -> Result<i64, store::Error> {
        let name = cursor_name(sink);
        self.0.db.read(move |c| cursors::get(c, &name)).await
    }

    /// Up to `limit` answers, newest first, from before `before` on; each with its number.
    pub async fn answered(&self, before: i64, limit: usize) -> Result<Vec<(i64, Answered)>, store::Error> {
        self.0.db.read(move |c| store::orders::list(c, before, limit)).await
    }

    /// Deals with `orders` of `sink`, one after the other. An error leaves those from the failed one on for the next time.
    pub async fn take(&self, sink: &str, orders: &[Order]) -> Result<(), Error> {
        let mut passed = None;
        for order in orders {
            match self.deal(sink, order).await? {
                Dealt::Written => passed = None,
                Dealt::Passed => passed = Some(order.seq),
            }
        }
        if let Some(seq) = passed {
            let name = cursor_name(sink);
            self.0.db.write(move |tx| cursors::advance(tx, &name, seq)).await?;
        }
        Ok(())
    }

    async fn deal(&self, sink: &str, order: &Order) -> Result<Dealt, Error> {
        let heard = match heard::hear(order, self.0.key.as_ref(), &self.0.depot) {
            Ok(heard) => heard,
            Err(why) => return self.refuse(sink, order, why).await,
        };
        let id = heard.cmd_id().to_owned();
        if let Some(known) = self.0.db.read(move |c| store::orders::find(c, &id)).await? {
            if known.digest != heard.digest {
                return self.refuse(sink, order, "another command had the same cmd_id").await;
            }
            count(&self.0.counters.repeated);
            return Ok(Dealt::Passed);
        }
        let act = heard.command.as_ref().map_err(Clone::clone).and_then(Act::read);
        let act = match act {
            Ok(Act::SetUser(user, _)) if user.password_hash.is_none() => Ok(Act::SetUser(user, self.0.auth.unknown_password().await?)),
            other => other,
        };
        let (this, seq, now) = (self.clone(), order.seq, self.0.clock.now());
        if let Ok(Act::Create(_, placed)) = &act {
            self.0.bookings.ask_ways([&**placed], now).await;
        }
        let from = Source { sink: sink.to_owned(), seq };
        let verdict = self.0.db.write(move |tx| this.carry_out(tx, &from, &heard, act, now)).await?;
        count(match verdict {
            Verdict::Applied => &self.0.counters.applied,
            Verdict::Rejected => &self.0.counters.rejected,
            Verdict::Expired => &self.0.counters.expired,
        });
        Ok(Dealt::Written)
    }

    /// Does what the order says and writes the answer, all in `tx`.
    fn carry_out(
        &self,
        tx: &Transaction<'_>,
        from: &Source,
        heard: &Heard,
        act: Result<Act, Rejection>,
        now: Timestamp,
    ) -> store::Result<Verdict> {
        let rooms = Rooms { bookings: &self.0.bookings, settings: &self.0.settings };
        let late = heard.command.as_ref().is_ok_and(|command| command.expires_at <= now);
        let done = match act {
            _ if late => Err(Rejection::new("expired", "it came after its expires_at")),
            Err(rejection) => Err(rejection),
            Ok(act) => match store::attempt(tx, || act.run(tx, &rooms, now))? {
                Ok(target) => Ok(target),
                Err(Failed::Rejected(rejection)) => Err(rejection),
                Err(Failed::Store(error)) if error.is_passing() => return Err(error),
                Err(Failed::Store(error)) => {
                    tracing::error!(%error, "order {} could not be carried out", heard.cmd_id());
                    Err(Rejection::new("failed", error.to_string()))
                }
            },
        };
        let verdict = match &done {
            Ok(_) => Verdict::Applied,
            Err(_) if late => Verdict::Expired,
            Err(_) => Verdict::Rejected,
        };
        let (target, rejection) = match done {
            Ok(target) => (target, None),
            Err(rejection) => (heard.target(), Some(rejection)),
        };
        let answered = Answered {
            cmd_id: heard.cmd_id().to_owned(),
            sink: from.sink.clone(),
            seq: from.seq,
            kind: heard.kind().to_owned(),
            target,
            digest: heard.digest.clone(),
            received_at: now,
            verdict,
            reason: rejection.as_ref().map(|r| r.reason.to_owned()),
            detail: rejection.as_ref().map(|r| r.detail.clone()),
        };
        answer(tx, &answered, rejection.as_ref())?;
        cursors::advance(tx, &cursor_name(&from.sink), from.seq)?;
        Ok(verdict)
    }

    /// Notes, where that is still allowed, that something came which head office did not sign for this depot.
    async fn refuse(&self, sink: &str, order: &Order, why: &'static str) -> Result<Dealt, Error> {
        count(&self.0.counters.refused);
        let Some(unnoted) = self.0.refusals.note(self.0.clock.monotonic()) else { return Ok(Dealt::Passed) };
        tracing::warn!(sink, seq = order.seq, "order {} of {sink} was refused: {why}", order.seq);
        let (now, name, seq) = (self.0.clock.now(), cursor_name(sink), order.seq);
        let digest = crate::batch::digest(&order.command);
        let data = json!({"sink": sink, "seq": seq, "digest": digest, "reason": why, "unnoted": unnoted}).to_string();
        let change = move |tx: &Transaction<'_>| {
            let (kind, actor) = (Kind::CommandRefused, &Actor::System);
            journal::append(tx, &journal::NewEvent { at: now, kind, actor, booking: None, vehicle: None, data: &data })?;
            audit::append(tx, now, actor, kind.as_str(), &digest, &data)?;
            cursors::advance(tx, &name, seq)
        };
        self.0.db.write(change).await.map_err(Error::Store)?;
        Ok(Dealt::Written)
    }
}

/// Where an order came from.
struct Source {
    sink: String,
    seq: i64,
}

/// Writes the answer: for head office the event, for people the audit entry and the row of the list.
fn answer(tx: &Transaction<'_>, answered: &Answered, rejection: Option<&Rejection>) -> store::Result<()> {
    let mut data = json!({"cmd_id": answered.cmd_id, "seq": answered.seq, "kind": answered.kind});
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            data[name] = value;
        }
    };
    put("target", json!(answered.target));
    put("reason", json!(answered.reason));
    put("detail", json!(answered.detail));
    put("errors", rejection.map_or(Value::Null, Rejection::told));
    let noted = data.to_string();
    if let Some(current) = act::current(tx, &answered.kind, answered.target.as_deref())? {
        data["current"] = current;
    }
    let (kind, actor, data) = (answered.verdict.event(), &Actor::HeadOffice, data.to_string());
    journal::append(tx, &journal::NewEvent { at: answered.received_at, kind, actor, booking: None, vehicle: None, data: &data })?;
    audit::append(tx, answered.received_at, actor, kind.as_str(), &answered.cmd_id, &noted)?;
    store::orders::insert(tx, answered)
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

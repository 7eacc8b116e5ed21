//! What is said to people and programs: a durable queue, who fills it, and who empties it.
//!
//! [`Follower`] reads the journal: what webhooks want to hear of an entry, and what rules say of it to people, is put into the queue in
//! one transaction with its cursor. Whoever else has something to say calls [`Post::put`] within its own transaction, so what was decided
//! to be said is said. [`Sender`] takes what is due, endpoint by endpoint, says it through its channel ([`mail`], `webhook`, [`gateway`], `push`),
//! and writes down what came of it ([`retry`]). Between the two a process may die: then it is said again under the same id, by which a
//! receiver can tell a repeat. What cannot be said ends as a dead letter with its reason, and stays until somebody sends it again or it
//! is too old.

pub mod catalogue;
mod error;
mod follow;
pub mod gateway;
mod hooks;
mod http;
pub mod mail;
mod outdated;
mod push;
mod queue;
mod reach;
pub mod retry;
mod rules;
mod said;
mod seal;
mod send;
mod tell;
pub mod template;
mod webhook;
mod words;

pub use error::Error;
pub use follow::{Follower, NAME as FOLLOWER};
pub use hooks::{TRIAL, Wish as WebhookWish};
pub use mail::Letter;
pub use push::Wish as PushWish;
pub use rules::{ADDRESSES, Wish as RuleWish};
pub use said::Said;
pub use send::Sender;

use crate::bookings::etas::Board;
use crate::clock::Clock;
use crate::config::{Config, Notify};
use crate::model::{Channel, DeliveryId, MailAddress, NewDelivery, Span, Timestamp, To};
use crate::ops::allowance::{Allowances, Rate};
use crate::store::deliveries::{self, Message};
use crate::store::{self, Db};
use http::Http;
use mail::Mailer;
use rusqlite::Transaction;
use seal::Seal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The endpoint of all mail: there is one mail server.
pub const MAIL: &str = "mail";
/// The endpoint of messages to drivers and to the console, which the journal carries.
pub const MESSAGE: &str = "message";
/// Rows that one transaction forgets.
const PURGE: usize = 1_000;

/// Counts since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Attempts that the other side took.
    pub sent: u64,
    /// Attempts that failed and are made again.
    pub failed: u64,
    /// Deliveries that became dead letters: refused, given up, or too many.
    pub dead: u64,
    /// Of these, those that found the queue full.
    pub overflowed: u64,
    /// Times that nobody's address was known.
    pub unreachable: u64,
    /// What quiet hours swallowed.
    pub quiet: u64,
    /// What a recipient was not told because he was told enough.
    pub limited: u64,
    /// What was not true any more before it could be said.
    pub outdated: u64,
    /// Times that an endpoint was left alone for a while.
    pub opened: u64,
}

#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    overflowed: AtomicU64,
    unreachable: AtomicU64,
    quiet: AtomicU64,
    limited: AtomicU64,
    outdated: AtomicU64,
    opened: AtomicU64,
}

/// What is to be said goes here. Cheap to clone.
#[derive(Clone)]
pub struct Post(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    config: Notify,
    zone: String,
    depot: String,
    board: Board,
    mailer: Option<Mailer>,
    http: Http,
    seal: Seal,
    vapid: push::Vapid,
    of_customers: Allowances<String>,
    wake: tokio::sync::Notify,
    counts: Counts,
}

impl Post {
    /// Over `db`, through the channels of the settings; `board` says when vehicles are foreseen. An error: a password or certificates that they name cannot be read.
    pub fn open(db: Db, config: &Config, board: Board, clock: Clock) -> Result<Self, mail::Unusable> {
        let mailer = config.mail.is_on().then(|| Mailer::new(&config.mail)).transpose()?;
        let (http, seal) = (Http::new(&config.notify).map_err(mail::Unusable::Http)?, Seal::new(&config.depot.data_dir));
        let vapid = push::Vapid::new(&config.depot.data_dir, push::contact(config));
        let (zone, depot) = (config.depot.zone.clone(), config.depot.name.clone());
        let (config, wake, counts) = (config.notify.clone(), tokio::sync::Notify::new(), Counts::default());
        let a_day = f64::from(config.customer_day);
        let of_customers = Allowances::new(Rate { per_second: a_day / 86_400.0, burst: a_day });
        Ok(Self(Arc::new(Inner { db, clock, config, zone, depot, board, mailer, http, seal, vapid, of_customers, wake, counts })))
    }

    /// Puts one message into the queue, for all of `to`; part of the caller's transaction. [`Post::wake`] is to follow its commit.
    pub fn put(&self, tx: &Transaction<'_>, message: &Message, to: &[To], now: Timestamp) -> store::Result<Vec<DeliveryId>> {
        let mut ids = Vec::with_capacity(to.len());
        let message = deliveries::put_message(tx, message, now)?;
        for to in to {
            let id = new_id(now)?;
            ids.push(id);
            let new = NewDelivery { id, message, to: to.clone() };
            if !deliveries::enqueue(tx, &new, self.0.config.queue, now)? {
                self.0.counts.overflowed.fetch_add(1, Ordering::Relaxed);
                self.0.counts.dead.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(ids)
    }

    /// Puts a letter into the queue, for each of `to`.
    pub async fn mail(&self, letter: Letter, to: &[MailAddress]) -> store::Result<()> {
        let (this, now) = (self.clone(), self.0.clock.now());
        let one = |address: &MailAddress| To {
            channel: Channel::Mail,
            endpoint: MAIL.to_owned(),
            recipient: address.to_string(),
            booking: None,
            event: None,
            rule: None,
            at: now,
        };
        let to: Vec<To> = to.iter().map(one).collect();
        let message = letter.message()?;
        self.0.db.write(move |tx| this.put(tx, &message, &to, now)).await?;
        self.wake();
        Ok(())
    }

    /// Is there a mail server?
    fn can_mail(&self) -> bool {
        self.0.mailer.is_some()
    }

    /// Something was put into the queue.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Forgets what was done so long ago that nobody asks any more; gives its number.
    pub async fn purge(&self) -> store::Result<usize> {
        let before = self.0.clock.now() - Span::from_secs(i64::from(self.0.config.keep_days) * 86_400);
        let mut gone = 0;
        loop {
            let some = self.0.db.write(move |tx| deliveries::purge(tx, before, PURGE)).await?;
            gone += some;
            if some < PURGE {
                return Ok(gone);
            }
        }
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let Counts { sent, failed, dead, overflowed, unreachable, quiet, limited, outdated, opened } = &self.0.counts;
        Stats {
            sent: read(sent),
            failed: read(failed),
            dead: read(dead),
            overflowed: read(overflowed),
            unreachable: read(unreachable),
            quiet: read(quiet),
            limited: read(limited),
            outdated: read(outdated),
            opened: read(opened),
        }
    }
}

/// The endpoint of a gateway.
fn gateway_endpoint(name: &str) -> String {
    format!("gateway:{name}")
}

fn new_id(now: Timestamp) -> store::Result<DeliveryId> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|e| store::Error::Corrupt(format!("no randomness for an id: {e}")))?;
    Ok(DeliveryId::generate(now, random))
}

#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod tests;

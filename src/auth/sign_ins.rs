//! Failed sign-ins in the audit record, summed up, so that a stranger cannot fill the disk with them.

use super::Auth;
use crate::model::{Actor, Span, Timestamp};
use crate::ops::network::Network;
use crate::store::{self, audit};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The first failure is written at once, those that follow within this time as one row.
const SUMMED: Span = Span::from_secs(600);
/// Users and networks that a row names at most; the others are in its count alone.
const NAMED: usize = 16;

#[derive(Default)]
pub(super) struct Failures(Mutex<Late>);

#[derive(Default)]
struct Late {
    told_at: Option<Timestamp>,
    sum: Option<Sum>,
}

#[derive(Debug)]
struct Sum {
    since: Timestamp,
    count: u64,
    users: BTreeMap<String, u64>,
    networks: BTreeMap<Network, u64>,
}

fn count<K: Ord>(named: &mut BTreeMap<K, u64>, key: K) {
    if named.len() < NAMED || named.contains_key(&key) {
        *named.entry(key).or_default() += 1;
    }
}

impl Failures {
    fn lock(&self) -> std::sync::MutexGuard<'_, Late> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one; is it time to write them down?
    fn add(&self, user: Option<&str>, from: Network, now: Timestamp) -> bool {
        let mut late = self.lock();
        let sum = late.sum.get_or_insert_with(|| Sum { since: now, count: 0, users: BTreeMap::new(), networks: BTreeMap::new() });
        sum.count += 1;
        if let Some(user) = user {
            count(&mut sum.users, user.to_owned());
        }
        count(&mut sum.networks, from);
        late.told_at.is_none_or(|at| now - at >= SUMMED)
    }

    fn take(&self, now: Timestamp) -> Option<Sum> {
        let mut late = self.lock();
        let sum = late.sum.take()?;
        late.told_at = Some(now);
        Some(sum)
    }
}

impl Auth {
    /// Notes a failed sign-in of `user`, when there is one of the name that was given: what else people type there by mistake, like
    /// their password, is nobody's business.
    pub(super) async fn sign_in_failed(&self, user: Option<&str>, from: Network) {
        if self.0.failures.add(user, from, self.now()) {
            self.tell_failures().await;
        }
    }

    /// Writes down the failed sign-ins that are not in the audit record yet.
    pub async fn tell_failures(&self) {
        let now = self.now();
        let Some(sum) = self.0.failures.take(now) else { return };
        let networks: BTreeMap<String, u64> = sum.networks.iter().map(|(n, count)| (n.to_string(), *count)).collect();
        let detail = json!({ "since": sum.since, "failures": sum.count, "users": sum.users, "networks": networks }).to_string();
        let write = move |tx: &rusqlite::Transaction<'_>| audit::append(tx, now, &Actor::System, "session.refuse", "sign-ins", &detail);
        if let Err(error) = self.0.db.write(write).await {
            let error: store::Error = error;
            tracing::error!(%error, ?sum, "failed sign-ins are not in the audit record");
        }
    }
}

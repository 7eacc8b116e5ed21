//! Follows the journal: what is to be said of an entry is in the queue exactly once, for it and the cursor are one transaction.

use super::Post;
use crate::store::{self, cursors, journal, rules, webhooks};
use rusqlite::Transaction;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The name of the cursor.
pub const NAME: &str = "notifications";
/// Entries that one transaction deals with.
const BATCH: usize = 200;
/// Between two batches of what happens now.
const GATHER: Duration = Duration::from_millis(20);
/// Between two looks for letters that are due, at least and at most.
const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(60);
/// After a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// The follower. Clones share one cursor.
#[derive(Clone)]
pub struct Follower {
    post: Post,
    reached: Arc<AtomicI64>,
}

impl Follower {
    /// The one who follows for `post`; there is to be one only.
    pub fn new(post: Post) -> Self {
        Self { post, reached: Arc::default() }
    }

    /// The entry up to which all that is to be said is in the queue.
    pub fn cursor(&self) -> i64 {
        self.reached.load(Ordering::Relaxed)
    }

    /// Follows until cancelled. What fails is tried again.
    pub async fn run(self, cancel: CancellationToken) {
        let mut head = self.post.0.db.head();
        loop {
            head.borrow_and_update();
            let done = self.catch_up().await;
            if let Err(error) = &done {
                tracing::error!(%error, "notifications: the journal is not followed: {error}");
            }
            let next = async {
                tokio::time::sleep(if done.is_ok() { GATHER } else { PAUSE }).await;
                done.is_err() || head.changed().await.is_ok()
            };
            let letters = self.letters_due().await;
            tokio::select! {
                () = cancel.cancelled() => return,
                open = next => if !open { return },
                () = tokio::time::sleep(letters) => {}
            }
        }
    }

    /// How long until letters are due that rules collect.
    async fn letters_due(&self) -> Duration {
        let now = self.post.0.clock.now();
        match self.post.0.db.read(rules::next_due).await {
            Ok(Some(at)) => at.since(now).as_duration().clamp(SOON, LATER),
            Ok(None) => LATER,
            Err(_) => PAUSE,
        }
    }

    /// Deals with all that the journal holds so far.
    pub async fn catch_up(&self) -> store::Result<()> {
        loop {
            let post = self.post.clone();
            let (upto, full) = self.post.0.db.write(move |tx| step(&post, tx)).await?;
            self.reached.store(upto, Ordering::Relaxed);
            self.post.wake();
            if !full {
                return Ok(());
            }
        }
    }
}

/// Deals with the next entries; gives the last, and whether there may be more.
pub(super) fn step(post: &Post, tx: &Transaction<'_>) -> store::Result<(i64, bool)> {
    let now = post.0.clock.now();
    post.send_collected(tx, now)?;
    let cursor = cursors::get(tx, NAME)?;
    let events = journal::after(tx, cursor, BATCH)?;
    let Some(last) = events.last().map(|event| event.seq) else { return Ok((cursor, false)) };
    let (hooks, rules) = (webhooks::all(tx)?, rules::all(tx)?);
    for event in &events {
        post.tell_webhooks(tx, event, &hooks, now)?;
        post.tell_people(tx, event, &rules, now)?;
        post.tell_drivers(tx, event, now)?;
    }
    cursors::advance(tx, NAME, last)?;
    Ok((last, events.len() == BATCH))
}

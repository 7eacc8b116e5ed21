//! The one thread that writes ops.db. Changes that wait together share one commit, each behind its own savepoint.

use super::{Error, Result, journal};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Changes that may wait; one more is refused as [`Error::Busy`].
const QUEUE: usize = 1_024;
/// Changes that share a commit at most.
const GROUP: usize = 256;
/// So often an idle writer looks whether another process has written.
const LOOK: Duration = Duration::from_millis(250);

type Reply = Box<dyn FnOnce(std::result::Result<(), String>) + Send>;
type Job = Box<dyn FnOnce(&Transaction<'_>) -> (bool, Reply) + Send>;

/// What the writer has done since it started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Transactions committed.
    pub commits: u64,
    /// Changes in them.
    pub changes: u64,
    /// Changes refused because the queue was full.
    pub refused: u64,
}

#[derive(Default)]
struct Counters {
    commits: AtomicU64,
    changes: AtomicU64,
    refused: AtomicU64,
}

pub(super) struct Writer {
    jobs: SyncSender<Job>,
    head: watch::Receiver<i64>,
    counters: Arc<Counters>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let (jobs, queue) = sync_channel(QUEUE);
        let (head, seen) = watch::channel(journal::head(&connection)?);
        let counters = Arc::new(Counters::default());
        let thread = Thread { connection, queue, head, counters: Arc::clone(&counters) };
        std::thread::Builder::new()
            .name("ops.db".into())
            .spawn(move || thread.run())
            .map_err(|e| Error::Corrupt(format!("no thread for the writer: {e}")))?;
        Ok(Self { jobs, head: seen, counters })
    }

    pub(super) fn head(&self) -> watch::Receiver<i64> {
        self.head.clone()
    }

    pub(super) fn stats(&self) -> Stats {
        let read = |c: &AtomicU64| c.load(Ordering::Relaxed);
        let c = &self.counters;
        Stats { commits: read(&c.commits), changes: read(&c.changes), refused: read(&c.refused) }
    }

    /// Queues `change`; the receiver gets its result once that is on disk.
    pub(super) fn submit<T, E>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> std::result::Result<T, E> + Send + 'static,
    ) -> Result<oneshot::Receiver<std::result::Result<T, E>>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        let job: Job = Box::new(move |tx| {
            let result = change(tx);
            let keep = result.is_ok();
            let reply: Reply = Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result,
                    Err(why) => result.and(Err(Error::Commit(why).into())),
                };
                // Whoever asked may be gone; the change stands.
                drop(answer.send(result));
            });
            (keep, reply)
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                Error::Busy
            }
            TrySendError::Disconnected(_) => Error::Closed,
        })?;
        Ok(receiver)
    }
}

struct Thread {
    connection: Connection,
    queue: Receiver<Job>,
    head: watch::Sender<i64>,
    counters: Arc<Counters>,
}

impl Thread {
    fn run(mut self) {
        loop {
            match self.queue.recv_timeout(LOOK) {
                Ok(first) => self.commit(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            match journal::head(&self.connection) {
                Ok(seq) => {
                    self.head.send_if_modified(|head| std::mem::replace(head, seq) != seq);
                }
                Err(error) => tracing::error!(%error, "the journal's head cannot be read"),
            }
        }
    }

    fn commit(&mut self, first: Job) {
        let mut replies = Vec::new();
        let outcome = self.transact(first, &mut replies).map_err(|e| e.to_string());
        match &outcome {
            Ok(()) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                self.counters.changes.fetch_add(replies.len().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
            }
            Err(error) => tracing::error!(%error, changes = replies.len(), "a commit to ops.db failed"),
        }
        // Followers may ask at once for what was announced, so the head moves before the answers go out.
        if let Ok(seq) = journal::head(&self.connection) {
            self.head.send_if_modified(|head| std::mem::replace(head, seq) != seq);
        }
        for reply in replies {
            reply(outcome.clone());
        }
    }

    fn transact(&mut self, first: Job, replies: &mut Vec<Reply>) -> rusqlite::Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let more = std::iter::from_fn(|| self.queue.try_recv().ok());
        for job in std::iter::once(first).chain(more).take(GROUP) {
            tx.execute_batch("savepoint change")?;
            let (keep, reply) = job(&tx);
            replies.push(reply);
            tx.execute_batch(if keep { "release change" } else { "rollback to change; release change" })?;
        }
        tx.commit()
    }
}

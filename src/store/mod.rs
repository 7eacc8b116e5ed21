//! ops.db: everything that people decide, in one SQLite file.
//!
//! [`Db`] owns the connections: one writer thread that commits in groups, and a few readers. Each noun has a file of SQL
//! that takes a connection or a transaction and knows nothing of threads.

pub mod accuracy;
pub mod advice;
pub mod attachments;
pub mod audit;
pub mod bookings;
pub mod cursors;
pub mod days;
pub mod deliveries;
pub mod devices;
pub mod drivers;
pub mod duty;
pub mod forecast;
pub mod idempotency;
pub mod journal;
pub mod keys;
pub mod lateness;
pub mod links;
mod migrate;
pub mod offers;
pub mod orders;
pub mod outbox;
pub mod outbox_retention;
pub mod outcomes;
pub mod pins;
pub mod quotes;
pub mod rebuild;
pub mod recurrences;
pub mod relearn;
pub mod reminders;
pub mod rollups;
pub mod rounds;
mod row;
pub mod rules;
pub mod schedules;
pub mod sessions;
pub mod settings;
pub mod shifts;
pub mod sinks;
pub mod snapshot;
pub mod speeds;
pub mod subscriptions;
pub mod surges;
pub mod tariffs;
pub mod tokens;
pub mod users;
pub mod vehicles;
pub mod webhooks;
mod writer;

use rusqlite::trace::{TraceEvent, TraceEventCodes};
use rusqlite::{Connection, Transaction};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// Logs of this target at level `trace` tell every statement before it runs.
pub const SQL_TRACE: &str = "depotd::sql";

/// Reader connections kept open.
const READERS: usize = 4;
/// Another process (a command) may hold the write lock this long before we give up.
const BUSY: Duration = Duration::from_secs(10);

/// Why the database did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite's own word.
    #[error("ops.db: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The commit failed; nothing of the group was stored.
    #[error("ops.db: the commit failed: {0}")]
    Commit(String),
    /// Too many writes wait already; nothing was done.
    #[error("ops.db: too many writes are waiting, try again")]
    Busy,
    /// The writer has ended.
    #[error("ops.db is closed")]
    Closed,
    /// The file was made by a newer depotd.
    #[error("{path} has schema {found}, this depotd knows up to {known}: install the newer depotd again, or restore a backup of before")]
    Newer {
        /// The file.
        path: String,
        /// Its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// A row holds what this program would never write.
    #[error("ops.db: {0}")]
    Corrupt(String),
}

impl Error {
    /// May the same change succeed later? A full disk or a locked file passes; a value that no row can hold does not.
    pub fn is_passing(&self) -> bool {
        use rusqlite::ErrorCode::{ConstraintViolation, TooBig, TypeMismatch};
        match self {
            Self::Sqlite(fault) => {
                fault.sqlite_error_code().is_some_and(|code| !matches!(code, ConstraintViolation | TooBig | TypeMismatch))
            }
            Self::Commit(_) | Self::Busy | Self::Closed => true,
            Self::Newer { .. } | Self::Corrupt(_) => false,
        }
    }
}

/// What a store function gives back.
pub type Result<T> = std::result::Result<T, Error>;

/// The database. Cheap to clone; the last one closes it.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    path: PathBuf,
    writer: writer::Writer,
    readers: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Db({})", self.0.path.display())
    }
}

impl Db {
    /// Opens `dir/ops.db`, making it and bringing its schema up to date. A file of a newer depotd is refused.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join("ops.db");
        let mut connection = connect(&path)?;
        migrate::run(&mut connection, &path)?;
        Ok(Self(Arc::new(Inner { writer: writer::Writer::start(connection)?, readers: Mutex::default(), path })))
    }

    /// The journal's newest entry; moves after its commit, also when another process wrote it (within half a second).
    pub fn head(&self) -> watch::Receiver<i64> {
        self.0.writer.head()
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> writer::Stats {
        self.0.writer.stats()
    }

    /// Runs `change` in a transaction and resolves when that is on disk. An error rolls back what it did.
    /// Several changes that wait at once share one commit.
    pub async fn write<T, E>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let answer = self.0.writer.submit(change)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// [`Db::write`] for threads and commands.
    pub fn write_blocking<T, E>(
        &self,
        change: impl FnOnce(&Transaction<'_>) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let answer = self.0.writer.submit(change)?;
        answer.blocking_recv().map_err(|_| Error::Closed)?
    }

    /// Runs `question` on a reader, off the async threads. It sees every commit that was acknowledged before.
    pub async fn read<T, E>(
        &self,
        question: impl FnOnce(&Connection) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let db = self.clone();
        tokio::task::spawn_blocking(move || db.read_blocking(question)).await.map_err(|_| Error::Closed)?
    }

    /// [`Db::read`] for threads and commands.
    pub fn read_blocking<T, E: From<Error>>(
        &self,
        question: impl FnOnce(&Connection) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let idle = self.readers().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.0.path)?,
        };
        let answer = question(&connection);
        let mut readers = self.readers();
        if readers.len() < READERS {
            readers.push(connection);
        }
        answer
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.0.readers.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Runs `change` within `tx`; an error takes back what it did, and leaves the rest of the transaction as it was.
pub fn attempt<T, E>(tx: &Transaction<'_>, change: impl FnOnce() -> std::result::Result<T, E>) -> Result<std::result::Result<T, E>> {
    tx.execute_batch("savepoint attempt")?;
    let result = change();
    tx.execute_batch(if result.is_ok() { "release attempt" } else { "rollback to attempt; release attempt" })?;
    Ok(result)
}

fn connect(path: &Path) -> Result<Connection> {
    let mut connection = Connection::open(path)?;
    if tracing::enabled!(target: SQL_TRACE, tracing::Level::TRACE) {
        let tell = |event: TraceEvent<'_>| {
            if let TraceEvent::Stmt(_, sql) = event {
                tracing::trace!(target: SQL_TRACE, "{sql}");
            }
        };
        connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(tell))?;
    }
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;")?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Actor, Kind, Timestamp};

    fn note(tx: &Transaction<'_>) -> Result<i64> {
        let event = journal::NewEvent {
            at: Timestamp::from_millis(1),
            kind: Kind::AccessChanged,
            actor: &Actor::System,
            booking: None,
            vehicle: None,
            data: "{}",
        };
        journal::append(tx, &event)
    }

    #[tokio::test]
    async fn a_failed_change_leaves_nothing_and_its_neighbours_stay() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let good = db.write(note);
        let bad = db.write(|tx| note(tx).and_then(|_| Err::<i64, _>(Error::Corrupt("on purpose".into()))));
        let (good, bad) = tokio::join!(good, bad);
        assert!(good.is_ok() && bad.is_err());
        let rows = db.read(|c| journal::after(c, 0, 10)).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(*db.head().borrow(), rows[0].seq);
    }

    #[tokio::test]
    async fn a_failed_attempt_takes_back_what_it_did_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let change = |tx: &Transaction<'_>| -> Result<bool> {
            note(tx)?;
            attempt(tx, || note(tx))??;
            let failed = attempt(tx, || note(tx).and_then(|_| Err::<i64, _>(Error::Corrupt("on purpose".into()))))?;
            note(tx)?;
            Ok(failed.is_err())
        };
        assert!(db.write(change).await.unwrap());
        assert_eq!(db.read(|c| journal::after(c, 0, 10)).await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn commits_of_another_process_move_the_head() {
        let dir = tempfile::tempdir().unwrap();
        let ours = Db::open(dir.path()).unwrap();
        let theirs = Db::open(dir.path()).unwrap();
        let mut head = ours.head();
        let seq = theirs.write(note).await.unwrap();
        head.wait_for(|&h| h == seq).await.unwrap();
    }

    #[test]
    fn a_newer_file_is_refused_with_advice() {
        let dir = tempfile::tempdir().unwrap();
        drop(Db::open(dir.path()).unwrap());
        connect(&dir.path().join("ops.db")).unwrap().execute_batch("pragma user_version = 999").unwrap();
        let error = Db::open(dir.path()).err().unwrap().to_string();
        assert!(error.contains("999") && error.contains("newer depotd"), "{error}");
    }
}

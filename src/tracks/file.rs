//! The file itself: its schema, how it is opened, and what can go wrong with it.

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};
use std::path::Path;

/// The file's name in the data directory.
pub(super) const NAME: &str = "tracks.db";
/// Small pages: a commit at a low rate rewrites whole pages, so they decide the wear (benches/commit.rs measures it).
pub(super) const PAGE_BYTES: i64 = 1024;
/// Bytes of write-ahead log that make a checkpoint: long enough for the pages that every commit touches to be written once.
const CHECKPOINT_BYTES: i64 = 8 << 20;
const SCHEMA: i64 = 2;

/// Why the fix log failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No space is left where the file is.
    #[error("the disk is full: tracks.db cannot grow")]
    DiskFull,
    /// The file was written by a newer depotd.
    #[error(
        "tracks.db has schema {found}, this depotd knows {known}: install the newer depotd again, or restore a backup made by this one"
    )]
    Newer {
        /// Schema number of the file.
        found: i64,
        /// Schema number that this program writes.
        known: i64,
    },
    /// The file is damaged, or no fix log.
    #[error("tracks.db is damaged: {0}")]
    Damaged(String),
    /// Anything else that SQLite reports.
    #[error("tracks.db: {0}")]
    Sqlite(String),
    /// A thread could not be started or has died.
    #[error("{0}")]
    Io(String),
    /// The log was closed.
    #[error("the fix log is closed")]
    Closed,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Sqlite(error.to_string()),
        }
    }
}
impl From<super::codec::Malformed> for Error {
    fn from(_: super::codec::Malformed) -> Self {
        Self::Damaged("a packed chunk cannot be read".into())
    }
}

pub(super) struct Opened {
    pub conn: Connection,
    pub epoch: [u8; 16],
    pub last_chunk: i64,
    pub last_run: i64,
}

/// `chunk`: as committed, many vehicles each, in order of arrival. `run`: chunks rewritten, one vehicle and one quarter of
/// an hour each, see `compact::key`. `batch`: which quarters the runs made of the chunks up to `upto` lie in.
const TABLES: &str = "
create table meta (id integer primary key check (id = 1), epoch blob not null check (length(epoch) = 16)) strict;
create table vehicle (vid integer primary key, id text not null unique) strict;
create table chunk (
  seq integer primary key, received integer not null, min_ts integer not null, max_ts integer not null,
  fixes integer not null, body blob not null) strict;
create table run (key integer primary key, upto integer not null, body blob not null) strict;
create table batch (upto integer primary key, quarters blob not null) strict;
";

/// Runs are numbered as they are written, for those who read history on; numbers are never given out again. `epoch`: which
/// numbers belong to which epoch of the file, each from its first on.
const NUMBERS: &str = "
alter table meta add column last_run integer not null default 0;
alter table run add column seq integer;
create unique index run_by_seq on run (seq) where seq is not null;
create table epoch (number integer primary key, epoch blob not null unique, from_run integer not null) strict;
insert into epoch (epoch, from_run) select epoch, 1 from meta;
";

/// Opens the writer's connection, creating the file when there is none.
pub(super) fn open(path: &Path) -> Result<Opened, Error> {
    let mut conn = Connection::open(path)?;
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    let found: i64 = conn.query_row("pragma user_version", [], |r| r.get(0))?;
    if found > SCHEMA {
        return Err(Error::Newer { found, known: SCHEMA });
    }
    if found == 0 {
        conn.pragma_update(None, "page_size", PAGE_BYTES)?;
        conn.pragma_update(None, "auto_vacuum", "incremental")?;
    }
    conn.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "cache_size", -2_048)?;
    conn.pragma_update(None, "journal_size_limit", CHECKPOINT_BYTES * 2)?;
    let page: i64 = conn.query_row("pragma page_size", [], |r| r.get(0))?;
    conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_BYTES / page.max(1))?;
    if found == 0 {
        let epoch = random_epoch()?;
        let tx = conn.transaction()?;
        tx.execute_batch(TABLES)?;
        tx.execute("insert into meta values (1, ?1)", [epoch])?;
        tx.execute_batch(NUMBERS)?;
        tx.pragma_update(None, "user_version", SCHEMA)?;
        tx.commit()?;
    } else {
        number_runs(&mut conn)?;
    }
    let epoch = conn.query_row("select epoch from meta", [], |r| r.get(0)).optional()?;
    let epoch = epoch.ok_or_else(|| Error::Damaged("it has no epoch".into()))?;
    let (last_chunk, last_run) = (last_chunk(&conn)?, last_run(&conn)?);
    Ok(Opened { conn, epoch, last_chunk, last_run })
}

/// Brings a file of the first schema up to date; the runs that it has stay without numbers.
fn number_runs(conn: &mut Connection) -> Result<(), Error> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if tx.query_row("pragma user_version", [], |r| r.get::<_, i64>(0))? < SCHEMA {
        tx.execute_batch(NUMBERS)?;
        tx.pragma_update(None, "user_version", SCHEMA)?;
    }
    Ok(tx.commit()?)
}

/// The number of the run written last; 0 when there was none.
pub(super) fn last_run(conn: &Connection) -> Result<i64, Error> {
    Ok(conn.query_row("select last_run from meta", [], |r| r.get(0))?)
}

fn random_epoch() -> Result<[u8; 16], Error> {
    let mut epoch = [0; 16];
    getrandom::fill(&mut epoch).map_err(|e| Error::Io(e.to_string()))?;
    Ok(epoch)
}

/// Gives a copy of tracks.db that is to be used an epoch of its own: its chunk numbers will be given out a second time.
pub fn renew_epoch(path: &Path) -> Result<(), Error> {
    let mut conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    number_runs(&mut conn)?;
    let (tx, epoch) = (conn.transaction()?, random_epoch()?);
    tx.execute("update meta set epoch = ?1", [epoch])?;
    tx.execute("insert into epoch (epoch, from_run) select epoch, last_run + 1 from meta", [])?;
    Ok(tx.commit()?)
}

/// Number of the last chunk, also when it has become a run; 0 when there was none. Neither table ever loses its newest row.
pub(super) fn last_chunk(conn: &Connection) -> Result<i64, Error> {
    let sql = "select max(ifnull((select max(seq) from chunk), 0), ifnull((select max(upto) from batch), 0))";
    Ok(conn.query_row(sql, [], |r| r.get(0))?)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(std::time::Duration::from_secs(5))?;
    conn.pragma_update(None, "cache_size", -1_024)?;
    Ok(conn)
}

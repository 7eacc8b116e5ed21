//! The line to head office as people see and steer it: what each sink is doing, pause and resume, "send everything now",
//! "compare". [`crate::upstream`] does the work and writes here what came of it.

use crate::clock::Clock;
use crate::config;
use crate::model::{Actor, LineMode, SinkStatus, Verified};
use crate::store::{self, Db, audit, sinks};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings name no such sink.
    #[error("there is no sink {0:?} in the settings")]
    Unknown(String),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What people want of a sink.
#[derive(Debug, Default)]
pub struct Wishes {
    flush: AtomicBool,
    verify: AtomicBool,
    /// Tells that there is something new: a wish, or a pause begun or ended.
    pub news: Notify,
}

impl Wishes {
    /// Is everything to be sent now? Asked once, it is taken as done.
    pub fn take_flush(&self) -> bool {
        self.flush.swap(false, Ordering::AcqRel)
    }

    /// Is the other side to be compared with? Asked once, it is taken as done.
    pub fn take_verify(&self) -> bool {
        self.verify.swap(false, Ordering::AcqRel)
    }
}

/// A handle to it. All clones share it.
#[derive(Clone)]
pub struct Sync(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    sinks: BTreeMap<String, Arc<Wishes>>,
    // A std mutex, held for a copy and never across an await.
    board: Mutex<BTreeMap<String, SinkStatus>>,
}

impl Sync {
    /// The sinks of the settings, none of them connected yet.
    pub fn new(db: Db, config: &config::Upstream, clock: Clock) -> Self {
        let now = clock.now();
        let named = || config.sinks.iter().filter_map(|sink| Some((sink, sink.kind()?)));
        let status = |name: &str, kind: config::SinkKind| SinkStatus {
            name: name.to_owned(),
            kind: kind.as_str(),
            mode: LineMode::Offline,
            since: now,
            paused_by: None,
            fault: None,
            failures: 0,
            next_attempt_at: None,
            lanes: Vec::new(),
            verified: None,
        };
        let board = named().map(|(sink, kind)| (sink.name.clone(), status(&sink.name, kind))).collect();
        let sinks = named().map(|(sink, _)| (sink.name.clone(), Arc::default())).collect();
        Self(Arc::new(Inner { db, clock, sinks, board: Mutex::new(board) }))
    }

    fn board(&self) -> MutexGuard<'_, BTreeMap<String, SinkStatus>> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every sink, by name.
    pub fn status(&self) -> Vec<SinkStatus> {
        self.board().values().cloned().collect()
    }

    /// Writes what `sink` is doing.
    pub fn note(&self, sink: &str, change: impl FnOnce(&mut SinkStatus)) {
        if let Some(status) = self.board().get_mut(sink) {
            change(status);
        }
    }

    /// Writes that `sink` is in `mode` now. A line that is up again keeps its fault until something was stored ([`Self::proved`]) or
    /// nothing waits any more: that it is up does not say that anybody takes anything.
    pub fn enter(&self, sink: &str, mode: LineMode) {
        let now = self.0.clock.now();
        self.note(sink, |status| {
            if status.mode != mode {
                (status.mode, status.since) = (mode, now);
            }
            if mode == LineMode::CatchingUp {
                status.next_attempt_at = None;
            }
        });
        if mode == LineMode::Live {
            self.proved(sink);
        }
    }

    /// Writes that the line to `sink` does its work: something was stored, or nothing waits.
    pub fn proved(&self, sink: &str) {
        self.note(sink, |status| (status.fault, status.failures, status.next_attempt_at) = (None, 0, None));
    }

    /// Keeps what a comparison of `sink` found.
    pub fn keep_verified(&self, sink: &str, found: Result<Verified, String>) {
        self.note(sink, |status| status.verified = Some(found));
    }

    /// What people want of `sink`.
    pub fn wishes(&self, sink: &str) -> Result<Arc<Wishes>, Error> {
        self.0.sinks.get(sink).cloned().ok_or_else(|| Error::Unknown(sink.to_owned()))
    }

    /// Who paused `sink`, when it is paused.
    pub async fn paused_by(&self, sink: &str) -> Result<Option<String>, Error> {
        let name = sink.to_owned();
        Ok(self.0.db.read(move |c| sinks::paused_by(c, &name)).await?)
    }

    /// Pauses `sink`, or lets it go on; stays so over a restart, and is audited.
    pub async fn pause(&self, sink: &str, paused: bool, actor: &Actor) -> Result<(), Error> {
        let wishes = self.wishes(sink)?;
        let (name, actor, now) = (sink.to_owned(), actor.clone(), self.0.clock.now());
        self.0
            .db
            .write(move |tx| -> store::Result<()> {
                if sinks::pause(tx, &name, paused, now, &actor)? {
                    audit::append(tx, now, &actor, if paused { "sync.pause" } else { "sync.resume" }, &name, "{}")?;
                }
                Ok(())
            })
            .await?;
        wishes.news.notify_one();
        Ok(())
    }

    /// Sends everything now because `actor` wants it, audited; see [`Sync::flush`].
    pub async fn flush_for(&self, sink: &str, actor: &Actor) -> Result<(), Error> {
        self.audit("sync.flush", sink, actor).await?;
        self.flush(sink)
    }

    /// Compares because `actor` wants it, audited; see [`Sync::verify`].
    pub async fn verify_for(&self, sink: &str, actor: &Actor) -> Result<(), Error> {
        self.audit("sync.verify", sink, actor).await?;
        self.verify(sink)
    }

    async fn audit(&self, action: &'static str, sink: &str, actor: &Actor) -> Result<(), Error> {
        self.wishes(sink)?;
        let (name, actor, now) = (sink.to_owned(), actor.clone(), self.0.clock.now());
        Ok(self.0.db.write(move |tx| audit::append(tx, now, &actor, action, &name, "{}")).await?)
    }

    /// Sends everything now: also what waits for its quarter of an hour to be over or for the next attempt.
    pub fn flush(&self, sink: &str) -> Result<(), Error> {
        let wishes = self.wishes(sink)?;
        wishes.flush.store(true, Ordering::Release);
        wishes.news.notify_one();
        Ok(())
    }

    /// Compares with what `sink` has, once it is connected; [`SinkStatus::verified`] tells what came of it.
    pub fn verify(&self, sink: &str) -> Result<(), Error> {
        let wishes = self.wishes(sink)?;
        self.note(sink, |status| status.verified = None);
        wishes.verify.store(true, Ordering::Release);
        wishes.news.notify_one();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_to_send_or_compare_is_in_the_audit_record() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let sinks = vec![config::SinkSettings::to("office", "http://127.0.0.1")];
        let sync = Sync::new(db.clone(), &config::Upstream { sinks, ..config::Upstream::default() }, Clock::system());
        let ana = Actor::User("ana".to_owned());
        sync.flush_for("office", &ana).await.unwrap();
        sync.verify_for("office", &ana).await.unwrap();
        assert!(matches!(sync.flush_for("nobody", &ana).await, Err(Error::Unknown(_))));
        let wishes = sync.wishes("office").unwrap();
        assert!(wishes.take_flush() && wishes.take_verify());
        let entries = db.read(|c| audit::newest(c, 10)).await.unwrap();
        let found: Vec<_> = entries.iter().map(|e| (e.actor.clone(), e.action.as_str(), e.object.as_str())).collect();
        assert_eq!(found, [(ana.to_text(), "sync.verify", "office"), (ana.to_text(), "sync.flush", "office")]);
    }
}

//! The settings in effect, and what may change of them while depotd runs.
//!
//! Three layers: the [`Base`] that depotd was started with, over it what head office sent, over that what people here set for a
//! while. An override always ends by itself, and what is below it is back. [`Settings`] keeps [`Current`] up to date, which all
//! rooms ask; a change by another process comes through the journal's head. What does not pass the checks any more, say after
//! an upgrade, is set aside and told, never fatal.

mod base;
mod change;
mod keys;
mod layers;

pub use crate::store::settings::{Above, Override};
pub use base::Base;
pub use change::Wish;
pub use keys::is_live;
pub use layers::Fault;

use crate::clock::Clock;
use crate::config::{Config, Current, Origin};
use crate::model::Timestamp;
use crate::store::settings::{self as rows, Layers};
use crate::store::{self, Db};
use layers::Effective;
use rusqlite::Connection;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Looked at so often whether an override is over, at least: the wall clock may be put forward.
const LOOK: Duration = Duration::from_secs(5);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such setting, or it is nobody's business.
    #[error("there is no setting {0:?}")]
    Unknown(String),
    /// It is read when depotd starts.
    #[error("{0} is read when depotd starts: change it in the file, and restart")]
    Fixed(String),
    /// The key has no override.
    #[error("{0} has no override")]
    NotOverridden(String),
    /// What was asked for is not sound; everything that is wrong with it.
    #[error("{}", sentence(.0))]
    Invalid(Vec<Fault>),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn sentence(faults: &[Fault]) -> String {
    let one = |f: &Fault| if f.message.contains(&f.key) { f.message.clone() } else { format!("{} {}", f.key, f.message) };
    faults.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Which layer a value is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// What depotd was started with.
    Base(Origin),
    /// Head office.
    HeadOffice,
    /// People here.
    Override,
}

impl Source {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base(origin) => origin.as_str(),
            Self::HeadOffice => "head_office",
            Self::Override => "override",
        }
    }
}

/// A setting, with all that is known of it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Like `dispatch.gather_ms`.
    pub key: String,
    /// What it means.
    pub about: &'static str,
    /// May it change while depotd runs?
    pub live: bool,
    /// What is in effect.
    pub value: Value,
    /// Where that is from.
    pub source: Source,
    /// What depotd was started with.
    pub base: Value,
    /// Where that is from.
    pub base_origin: Origin,
    /// What head office sent, and why it is set aside when it is.
    pub above: Option<(Above, Vec<String>)>,
    /// What people here set, and why it is set aside when it is.
    pub over: Option<(Override, Vec<String>)>,
}

/// How many keys are not as depotd was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// With a value from head office.
    pub above: usize,
    /// Overridden.
    pub overridden: usize,
    /// Values of either that are set aside.
    pub aside: usize,
}

/// The settings. Cheap to clone.
#[derive(Clone)]
pub struct Settings(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    base: Base,
    current: Current,
    // A std mutex, held for a computation and never across an await.
    state: Mutex<State>,
    reached: watch::Sender<i64>,
}

/// The layers as they were at a revision, and what they made at a moment.
struct State {
    revision: i64,
    layers: Layers,
    at: Timestamp,
    effective: Effective,
}

impl State {
    fn new(revision: i64, layers: Layers, base: &Base, at: Timestamp) -> Self {
        let effective = layers::effective(&base.config, &layers, at);
        Self { revision, layers, at, effective }
    }

    fn setting(&self, key: String, value: Value, base: Value, base_origin: Origin) -> Setting {
        let aside = |from: &layers::Aside| from.get(&key).cloned().unwrap_or_default();
        let above = self.layers.above.get(&key).map(|above| (above.clone(), aside(&self.effective.above_aside)));
        let over = self.layers.overrides.get(&key).filter(|over| over.until > self.at);
        let over = over.map(|over| (over.clone(), aside(&self.effective.overrides_aside)));
        let source = match (&over, &above) {
            (Some((_, aside)), _) if aside.is_empty() => Source::Override,
            (_, Some((_, aside))) if aside.is_empty() => Source::HeadOffice,
            _ => Source::Base(base_origin),
        };
        Setting { about: keys::about(&key), live: is_live(&key), key, value, source, base, base_origin, above, over }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Settings")
    }
}

fn read(c: &Connection) -> store::Result<(i64, Layers)> {
    // The revision first: layers newer than it are only read once more.
    Ok((rows::revision(c)?, rows::layers(c)?))
}

impl Settings {
    /// The settings of `db` over `base`.
    pub fn open(db: Db, base: Base, clock: Clock) -> store::Result<Self> {
        let (revision, layers) = db.read_blocking(read)?;
        let state = State::new(revision, layers, &base, clock.now());
        tell(&state.effective);
        let current = Current::new(state.effective.config.clone());
        Ok(Self(Arc::new(Inner { db, clock, base, current, state: Mutex::new(state), reached: watch::Sender::new(-1) })))
    }

    /// What is in effect, for those who ask all the time.
    pub fn current(&self) -> &Current {
        &self.0.current
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every setting that may be shown, in the order of the file.
    pub fn list(&self) -> Vec<Setting> {
        let state = self.state();
        let base = &self.0.base;
        let mut values = keys::shown(&state.effective.config).into_iter();
        let mut shipped = keys::shown(&Config::default()).into_iter();
        let below = keys::shown(&base.config).into_iter();
        let setting = |(key, below): (String, Value)| {
            // The three name the same keys in the same order.
            let ((_, value), (_, shipped)) = (values.next()?, shipped.next()?);
            let origin = base.origin(&key, &below, &shipped);
            Some(state.setting(key, value, below, origin))
        };
        below.filter_map(setting).collect()
    }

    /// One of them.
    pub fn get(&self, key: &str) -> Result<Setting, Error> {
        self.list().into_iter().find(|setting| setting.key == key).ok_or_else(|| Error::Unknown(key.to_owned()))
    }

    /// Ends the overrides whose time is over and takes up what others changed.
    pub async fn catch_up(&self) -> store::Result<()> {
        let now = self.0.clock.now();
        let is_over = self.state().layers.overrides.values().any(|over| over.until <= now);
        if is_over {
            self.0.db.write(move |tx| change::expire(tx, now)).await?;
        }
        let known = self.state().revision;
        if self.0.db.read(rows::revision).await? == known {
            return Ok(());
        }
        let (revision, layers) = self.0.db.read(read).await?;
        let mut state = self.state();
        if revision > state.revision {
            let next = State::new(revision, layers, &self.0.base, self.0.clock.now());
            if !next.effective.sets_aside_as(&state.effective) {
                tell(&next.effective);
            }
            self.0.current.set(next.effective.config.clone());
            *state = next;
        }
        Ok(())
    }

    /// Keeps the settings in effect up to date until cancelled.
    pub async fn run(self, cancel: CancellationToken) -> store::Result<()> {
        let mut head = self.0.db.head();
        loop {
            let upto = *head.borrow_and_update();
            let next = match self.catch_up().await {
                Ok(()) => {
                    self.0.reached.send_replace(upto);
                    self.next_end()
                }
                Err(error) if error.is_passing() => {
                    tracing::warn!(%error, "settings: {error}; trying again");
                    Some(LOOK)
                }
                Err(error) => return Err(error),
            };
            let over = async {
                match next {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                moved = head.changed() => moved.map_err(|_| store::Error::Closed)?,
                () = over => {}
            }
        }
    }

    /// How long until an override is over, or until to look again at the latest.
    fn next_end(&self) -> Option<Duration> {
        let next = self.state().layers.overrides.values().map(|over| over.until).min()?;
        Some(next.since(self.0.clock.now()).as_duration().min(LOOK))
    }

    /// The journal entry up to which its changes of settings are in effect.
    pub fn cursor(&self) -> i64 {
        *self.0.reached.borrow()
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        let state = self.state();
        let aside = state.effective.above_aside.len() + state.effective.overrides_aside.len();
        Stats { above: state.layers.above.len(), overridden: state.layers.overrides.len(), aside }
    }
}

/// Tells the operator what is set aside.
fn tell(effective: &Effective) {
    for (from, aside) in [("head office's value", &effective.above_aside), ("the override", &effective.overrides_aside)] {
        for (key, why) in aside {
            tracing::warn!(key, "settings: {from} of {key} is set aside: {}", why.join("; "));
        }
    }
}

#[cfg(test)]
mod tests;

//! The settings in effect, which may change while depotd runs.

use super::Config;
use std::sync::Arc;
use tokio::sync::watch;

/// A handle to the settings in effect. Clones share them: who holds one asks anew each time, so that a change works from the
/// next question on.
#[derive(Clone, Debug)]
pub struct Current(Arc<watch::Sender<Arc<Config>>>);

impl Current {
    /// These settings are in effect.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(watch::Sender::new(Arc::new(config))))
    }

    /// The settings in effect now, all of one moment: for a question as a whole.
    pub fn get(&self) -> Arc<Config> {
        Arc::clone(&self.0.borrow())
    }

    /// These are in effect from now on. Wakes [`Current::changes`] when they are others than before.
    pub fn set(&self, config: Config) {
        self.0.send_if_modified(|before| {
            let is_news = **before != config;
            if is_news {
                *before = Arc::new(config);
            }
            is_news
        });
    }

    /// Tells when other settings are in effect.
    pub fn changes(&self) -> watch::Receiver<Arc<Config>> {
        self.0.subscribe()
    }
}

impl From<Config> for Current {
    fn from(config: Config) -> Self {
        Self::new(config)
    }
}
impl From<&Config> for Current {
    fn from(config: &Config) -> Self {
        Self::new(config.clone())
    }
}
impl From<&Current> for Current {
    fn from(current: &Current) -> Self {
        current.clone()
    }
}

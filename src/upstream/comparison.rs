//! A comparison beside the line: it has a connection of its own, so no lane waits for it, whatever the other side answers.

use super::outgoing::Outgoing;
use super::sink;
use super::verify::{mute, verify};
use crate::config::{SinkKind, SinkSettings};
use crate::sync::Sync;
use std::time::Duration;
use tokio::task::JoinSet;

/// Compares one sink, one comparison at a time.
pub struct Comparison {
    outgoing: Outgoing,
    sync: Sync,
    settings: SinkSettings,
    patience: Duration,
    work: JoinSet<()>,
}

impl Comparison {
    /// Of the sink of `settings`, which answers within `patience`.
    pub fn new(outgoing: Outgoing, sync: Sync, settings: SinkSettings, patience: Duration) -> Self {
        Self { outgoing, sync, settings, patience, work: JoinSet::new() }
    }

    /// Begins one; the board will tell what it found. One that is under way begins anew.
    pub fn begin(&mut self) {
        self.work.abort_all();
        let (outgoing, sync, settings, patience) = (self.outgoing.clone(), self.sync.clone(), self.settings.clone(), self.patience);
        self.work.spawn(async move {
            let found = compare(&outgoing, &settings, patience).await;
            sync.keep_verified(&settings.name, found.map_err(|fault| fault.what));
        });
    }

    /// Ends one that is under way; the board tells `why`.
    pub fn stop(&mut self, why: &str) {
        while self.work.try_join_next().is_some() {}
        if !self.work.is_empty() {
            self.work.abort_all();
            self.sync.keep_verified(&self.settings.name, Err(why.to_owned()));
        }
    }
}

async fn compare(outgoing: &Outgoing, settings: &SinkSettings, patience: Duration) -> Result<crate::model::Verified, sink::Fault> {
    // A second connection of the other kinds would be in the way of the first.
    if !matches!(settings.kind(), Some(SinkKind::Http | SinkKind::Postgres)) {
        return Err(mute());
    }
    let mut sink = sink::open(settings, &outgoing.depot, patience, &outgoing.clock)?;
    verify(outgoing, &mut *sink, &settings.lanes).await
}

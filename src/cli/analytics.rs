//! `depotd analytics`: the figures of what happened.

use super::{Common, operator};
use crate::analytics::rollups;
use crate::clock::Clock;
use crate::model::Kind;
use crate::store::{self, Db, audit, journal};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;

/// What to do with the figures.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Forget all sums and have them made again from the first entry of the journal; the server that runs does it, or the next one.
    Rebuild,
}

/// Runs the command.
pub fn run(command: &Command, common: &Common) -> Result<()> {
    let Command::Rebuild = command;
    let config = common.settings()?;
    let dir = common.depot_dir()?;
    let db = Db::open(&dir).with_context(|| format!("open {}", dir.display()))?;
    let (zone, actor, now) = (config.depot.zone, operator(), Clock::system().now());
    let forget = move |tx: &rusqlite::Transaction<'_>| {
        rollups::forget(tx, &zone)?;
        audit::append(tx, now, &actor, Kind::FiguresForgotten.as_str(), "rollups", "{}")?;
        let event = journal::NewEvent { at: now, kind: Kind::FiguresForgotten, actor: &actor, booking: None, vehicle: None, data: "{}" };
        journal::append(tx, &event)
    };
    let entries = db.write_blocking::<_, store::Error>(forget)?;
    common.print(&json!({"entries": entries}), || format!("The figures are made again from {entries} entries of the journal."));
    Ok(())
}

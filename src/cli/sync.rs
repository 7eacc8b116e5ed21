//! `depotd sync`: the line to head office.

use super::{Common, operator, table};
use crate::clock::Clock;
use crate::config::{Config, SinkSettings};
use crate::fleet::Fleet;
use crate::model::{Difference, Span, Verified};
use crate::store::Db;
use crate::sync::Sync;
use crate::tracks::Tracks;
use crate::upstream::{Outgoing, sink, verify};
use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use serde_json::json;
use std::time::Duration;

/// The line to head office.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare what head office stored with what the depot has, and name what differs.
    Verify {
        /// Which sink; all that can tell when none is named.
        #[arg(long)]
        sink: Option<String>,
    },
    /// Send nothing to a sink until it is resumed.
    Pause {
        /// Its name in the settings.
        sink: String,
    },
    /// Send to it again.
    Resume {
        /// Its name in the settings.
        sink: String,
    },
}

/// Does what the arguments say.
pub fn run(command: &Command, common: &Common) -> Result<()> {
    let config = common.settings()?;
    ensure!(config.depot.data_dir.join("ops.db").exists(), "{} holds no depot", config.depot.data_dir.display());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        let db = Db::open(&config.depot.data_dir)?;
        match command {
            Command::Verify { sink } => compare(&config, db, sink.as_deref(), common).await,
            Command::Pause { sink } => pause(&config, db, sink, true, common).await,
            Command::Resume { sink } => pause(&config, db, sink, false, common).await,
        }
    })
}

async fn pause(config: &Config, db: Db, sink: &str, paused: bool, common: &Common) -> Result<()> {
    Sync::new(db, &config.upstream, Clock::system()).pause(sink, paused, &operator()).await?;
    common.print(&json!({"sink": sink, "paused": paused}), || {
        if paused { format!("Nothing goes to {sink} until `depotd sync resume {sink}`.") } else { format!("{sink} goes on.") }
    });
    Ok(())
}

async fn compare(config: &Config, db: Db, wanted: Option<&str>, common: &Common) -> Result<()> {
    let chosen: Vec<&SinkSettings> = config.upstream.sinks.iter().filter(|sink| wanted.is_none_or(|name| name == sink.name)).collect();
    if let (Some(name), true) = (wanted, chosen.is_empty()) {
        bail!("there is no sink {name:?} in the settings");
    }
    ensure!(!chosen.is_empty(), "the settings name no sink: see [upstream] in config.toml");
    let clock = Clock::system();
    let tracks = Tracks::open(&config.depot.data_dir, &config.tracks, clock.clone())?;
    let (mut told, mut differ) = (Vec::new(), false);
    for settings in chosen {
        let outgoing = Outgoing {
            db: db.clone(),
            tracks: tracks.clone(),
            fleet: Fleet::new(&config.fleet),
            clock: clock.clone(),
            depot: config.upstream.depot.clone(),
            credentials: settings.credentials,
            history: Span::from_secs(i64::from(config.upstream.history_days) * 86_400),
        };
        let patience = Duration::from_millis(config.upstream.timeout_ms);
        let mut sink = sink::open(settings, &config.upstream.depot, patience, &clock)?;
        let found = verify(&outgoing, &mut *sink, &settings.lanes).await.with_context(|| format!("sink {}", settings.name))?;
        differ |= !found.differences.is_empty();
        told.push((settings.name.clone(), found));
    }
    let items: Vec<_> = told.iter().map(|(name, found)| json!({"sink": name, "verified": found})).collect();
    common.print(&json!({"items": items}), || told.iter().map(|(name, found)| words(name, found)).collect::<Vec<_>>().join("\n"));
    ensure!(!differ, "head office and depot differ");
    Ok(())
}

fn words(name: &str, found: &Verified) -> String {
    let head = format!("{name}: {} records of {} days compared", found.records, found.days);
    if found.differences.is_empty() {
        return format!("{head}, all equal.");
    }
    let numbers = |list: &[i64]| list.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let row =
        |d: &Difference| vec![d.lane.as_str().to_owned(), d.day.clone(), numbers(&d.missing), numbers(&d.unknown), numbers(&d.changed)];
    let rows: Vec<_> = found.differences.iter().map(row).collect();
    format!("{head}; these differ:\n{}", table(&["LANE", "DAY", "MISSING THERE", "UNKNOWN HERE", "CHANGED"], &rows, ""))
}

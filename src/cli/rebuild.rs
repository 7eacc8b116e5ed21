//! `depotd restore --from-upstream`: a new box takes a dead one's place.

use super::Common;
use crate::backups;
use crate::clock::Clock;
use crate::config::{Config, SinkKind, SinkSettings};
use crate::ops::data_dir::{self, DataDirLock};
use crate::store::rebuild::{Built, Rebuild};
use crate::upstream::{Gathered, gather, sink};
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::time::Duration;

/// Builds the depot of the settings in an empty data directory from what a sink keeps of it.
pub fn run(named: Option<&str>, common: &Common) -> Result<()> {
    let config = common.settings()?;
    let dir = &config.depot.data_dir;
    let settings = choose(&config, named)?;
    data_dir::make(dir)?;
    let _lock = DataDirLock::take(dir).context("stop the depot first")?;
    let there = ["ops.db", "tracks.db"].into_iter().find(|file| dir.join(file).exists());
    if let Some(file) = there {
        anyhow::bail!(
            "{} holds a depot already ({file}): a depot is built from head office's record in an empty directory only",
            dir.display()
        );
    }
    let file = backups::begin(dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().context("start the runtime")?;
    let built = runtime.block_on(build(&config, settings, &file)).with_context(|| format!("sink {}", settings.name))?;
    backups::finish(dir)?;
    common.print(
        &json!({
            "depot": config.upstream.depot, "sink": settings.name, "events": built.events, "audit": built.audit, "rows": built.rows,
            "mended": built.mended, "without_secret": built.without_secret, "broken_audit_entry": built.broken_chain,
        }),
        || words(&config.upstream.depot, settings, &built),
    );
    Ok(())
}

fn choose<'a>(config: &'a Config, named: Option<&str>) -> Result<&'a SinkSettings> {
    let sinks = &config.upstream.sinks;
    let found = match named {
        Some(name) => sinks.iter().find(|sink| sink.name == name).with_context(|| format!("there is no sink {name:?} in the settings"))?,
        None => sinks
            .iter()
            .find(|sink| matches!(sink.kind(), Some(SinkKind::Http | SinkKind::Postgres)))
            .context("the settings name no sink of head office's record (http or postgres): see [upstream] in config.toml")?,
    };
    Ok(found)
}

async fn build(config: &Config, settings: &SinkSettings, file: &std::path::Path) -> Result<Built> {
    let (clock, patience) = (Clock::system(), Duration::from_millis(config.upstream.timeout_ms));
    let mut sink = sink::open(settings, &config.upstream.depot, patience, &clock)?;
    let mut into = Rebuild::begin(file)?;
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{bar:40} {pos} of {len} numbers, {msg}, {eta} left")?);
    let told = |at: Gathered| {
        bar.set_length(at.last.cast_unsigned());
        bar.set_position(at.at.cast_unsigned());
        bar.set_message(format!("{} records", at.lines));
    };
    let gathered = gather(&mut *sink, &mut into, told).await?;
    bar.finish_and_clear();
    ensure!(gathered.lines > 0, "head office knows nothing of a depot {:?}", config.upstream.depot);
    Ok(into.finish(&settings.name, clock.now())?)
}

fn words(depot: &str, settings: &SinkSettings, built: &Built) -> String {
    let mut said = vec![format!(
        "Depot {depot} is built from what {} keeps of it: {} events, {} audit entries, {} rows. It has an epoch of its own; the old box \
         must not come back, and head office takes nothing more of it. Fix history and dispatch rounds stay at head office; where vehicles \
         are is known as soon as they report. Devices that trust the old box's own certificate authority need the new ca.pem, which \
         `depotd serve` makes.",
        settings.name, built.events, built.audit, built.rows
    )];
    if let Some(entry) = built.broken_chain {
        said.push(format!("The audit record's chain does not hold at entry {entry}: head office's record of it was changed."));
    }
    said.extend(built.mended.iter().map(|what| format!("Mended: {what}.")));
    if !built.without_secret.is_empty() {
        said.push(format!(
            "{} has no secrets (credentials = false), so these need new ones (`depotd user passwd`, `depotd device rotate`, `depotd token \
             create`): {}.",
            settings.name,
            built.without_secret.join(", ")
        ));
    }
    said.join("\n")
}

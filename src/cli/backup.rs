//! `depotd backup` and `depotd restore`.

use super::{Common, operator};
use crate::backups::{self, Backup, Restored};
use crate::clock::Clock;
use crate::model::Span;
use crate::ops::data_dir::DataDirLock;
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Backups of the data directory.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make one now, also while the depot runs.
    Create,
    /// Tell those that there are, newest first.
    List,
    /// Read one through and say what is wrong with it.
    Verify {
        /// Its directory, or its name as `backup list` tells it.
        backup: PathBuf,
    },
}

fn line(b: &Backup) -> String {
    format!("{}  {:.1} MiB  depotd {}", b.name, b.bytes() as f64 / 1_048_576.0, b.version)
}

/// Does what the arguments say.
pub fn run(command: Command, common: &Common) -> Result<()> {
    let config = common.settings()?;
    let dir = &config.depot.data_dir;
    match command {
        Command::Create => {
            let made = backups::create(&common.depot_dir()?, config.depot.keep_backups, Clock::system().now())?;
            common.print(&serde_json::to_value(&made)?, || format!("Made {}", line(&made)));
        }
        Command::List => {
            let all = backups::list(dir)?;
            let told =
                || if all.is_empty() { "There is no backup yet.".to_owned() } else { all.iter().map(line).collect::<Vec<_>>().join("\n") };
            common.print(&json!({"items": all}), told);
        }
        Command::Verify { backup } => {
            let told = backups::verify(&found(&backup, dir))?;
            common.print(&serde_json::to_value(&told)?, || format!("Sound: {}", line(&told)));
        }
    }
    Ok(())
}

/// Puts a backup in the place of the data; refused while the depot runs.
pub fn restore(backup: &Path, common: &Common) -> Result<()> {
    let config = common.settings()?;
    let dir = &config.depot.data_dir;
    crate::ops::data_dir::make(dir)?;
    let _lock = DataDirLock::take(dir).context("stop the depot first")?;
    let place = found(backup, dir);
    ensure!(place.exists(), "there is no backup {}: `depotd backup list` tells those that there are", backup.display());
    let now = Clock::system().now();
    let Restored { backup: told, aside } = backups::restore(&place, dir, &operator(), now)?;
    let age = age(now.since(told.at));
    common.print(&json!({"restored": backup, "made_at": told.at, "kept": aside}), || {
        format!(
            "Restored {}, made {age} ago: what happened since then is not in it, but for what head office hands back when the line is up.\n\
             What was there before is in {}.",
            told.name,
            aside.display()
        )
    });
    Ok(())
}

/// A time in the unit that suits it.
pub(super) fn age(time: Span) -> String {
    let seconds = time.as_millis() / 1_000;
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn found(backup: &Path, data_dir: &Path) -> PathBuf {
    let named = backups::dir(data_dir).join(backup);
    if backup.exists() || !named.exists() { backup.to_owned() } else { named }
}

//! `depotd backup` and `depotd restore`.

use super::Common;
use crate::backups::{self, Backup};
use crate::clock::Clock;
use crate::ops::data_dir::DataDirLock;
use anyhow::{Context, Result};
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
            anyhow::ensure!(dir.join("ops.db").exists(), "{} holds no depot", dir.display());
            let made = backups::create(dir, config.depot.keep_backups, Clock::system().now())?;
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
    let aside = backups::restore(&found(backup, dir), dir, Clock::system().now())?;
    common.print(&json!({"restored": backup, "kept": aside}), || format!("Restored. What was there before is in {}.", aside.display()));
    Ok(())
}

fn found(backup: &Path, data_dir: &Path) -> PathBuf {
    let named = backups::dir(data_dir).join(backup);
    if backup.exists() || !named.exists() { backup.to_owned() } else { named }
}

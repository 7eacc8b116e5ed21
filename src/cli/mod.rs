//! The commands, one file each. Human text on a terminal, one JSON document with `--json`; exit 0 ok, 1 failed, 2 wrong use.

pub mod analytics;
pub mod audit;
pub mod backup;
pub mod config;
pub mod demo;
pub mod device;
pub mod dispatch;
pub mod doctor;
pub mod forecast;
pub mod order;
pub mod rebuild;
pub mod receive;
pub mod replay;
pub mod serve;
pub mod sync;
pub mod token;
pub mod user;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::{Config, Origin, Origins};
use crate::model::Actor;
use crate::ops::data_dir;
use crate::ops::run_file::Running;
use crate::settings::{Base, Settings};
use crate::store::Db;
use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use serde_json::Value;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// A depot's fleet appliance: MQTT for vehicles, bookings, dispatch and a live console in one program.
#[derive(Debug, Parser)]
#[command(name = "depotd", version)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Settings; `config.toml` of the working directory when it is there.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept.
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The appliance: console, API, MQTT, dispatch.
    Serve(serve::ServeArgs),
    /// The appliance with a fleet that drives and customers that order, in a throw-away data directory.
    Demo(demo::DemoArgs),
    /// What if: a day of bookings through the same dispatcher, in virtual time.
    Replay(replay::ReplayArgs),
    /// Head office's end of the line: takes depots' batches and keeps them in PostgreSQL.
    Receive(Box<receive::ReceiveArgs>),
    /// Devices and their credentials.
    #[command(subcommand)]
    Device(device::Command),
    /// Users of the console.
    #[command(subcommand)]
    User(user::Command),
    /// API tokens.
    #[command(subcommand)]
    Token(token::Command),
    /// Settings.
    #[command(subcommand)]
    Config(config::Command),
    /// Backups of the data directory.
    #[command(subcommand)]
    Backup(backup::Command),
    /// Put a backup in the place of the data, or build the depot anew from head office's record; the depot must not run.
    Restore {
        /// Its directory, or its name as `backup list` tells it.
        #[arg(required_unless_present = "from_upstream", conflicts_with = "from_upstream")]
        backup: Option<PathBuf>,
        /// Build the depot that the settings name in an empty data directory, from what a sink keeps of it.
        #[arg(long)]
        from_upstream: bool,
        /// Which sink; the first of kind http or postgres when none is named.
        #[arg(long, requires = "from_upstream")]
        sink: Option<String>,
    },
    /// Dispatch rounds of the past.
    #[command(subcommand)]
    Dispatch(dispatch::Command),
    /// The line to head office.
    #[command(subcommand)]
    Sync(sync::Command),
    /// The figures of what happened.
    #[command(subcommand)]
    Analytics(analytics::Command),
    /// How much will be asked for.
    #[command(subcommand)]
    Forecast(forecast::Command),
    /// The audit record.
    #[command(subcommand)]
    Audit(audit::Command),
    /// What is wrong with this depot, and how to mend it.
    Doctor,
}

impl Cli {
    /// Does what the arguments say. What root made in a data directory is its owner's afterwards, however that ended.
    pub fn run(self) -> Result<()> {
        let (common, is_depots) = (self.common, !matches!(self.command, Command::Demo(_) | Command::Receive(_)));
        let dir = if is_depots { common.settings().ok().map(|config| config.depot.data_dir) } else { None };
        let done = self.command.run(&common);
        match dir.filter(|dir| dir.exists()).map(|dir| data_dir::give_to_owner(&dir).with_context(|| dir.display().to_string())) {
            Some(Err(error)) if done.is_ok() => Err(error.context("what was made cannot be given to the owner of the data directory")),
            _ => done,
        }
    }
}

impl Command {
    fn run(self, common: &Common) -> Result<()> {
        match self {
            Self::Serve(args) => serve::run(common.told()?, &args),
            Self::Demo(args) => {
                ensure!(common.data_dir.is_none(), "a demo has a data directory of its own that goes with it: leave --data-dir out");
                demo::run(common.told()?, &args, common.json)
            }
            Self::Replay(args) => replay::run(&args, common),
            Self::Receive(args) => receive::run(&args, common),
            Self::Device(command) => device::run(command, common),
            Self::User(command) => user::run(command, common),
            Self::Token(command) => token::run(command, common),
            Self::Config(command) => config::run(command, common),
            Self::Backup(command) => backup::run(command, common),
            Self::Restore { backup: Some(backup), .. } => backup::restore(&backup, common),
            Self::Restore { sink, .. } => rebuild::run(sink.as_deref(), common),
            Self::Dispatch(command) => dispatch::run(&command, common),
            Self::Sync(command) => sync::run(&command, common),
            Self::Analytics(command) => analytics::run(&command, common),
            Self::Forecast(command) => forecast::run(&command, common),
            Self::Audit(command) => audit::run(&command, common),
            Self::Doctor => doctor::run(common),
        }
    }
}

impl Common {
    /// The settings: flags > environment > file > defaults.
    pub fn settings(&self) -> Result<Config> {
        Ok(self.told()?.0)
    }

    /// The same, and what set which key.
    fn told(&self) -> Result<(Config, Origins)> {
        let beside = PathBuf::from("config.toml");
        let file = self.config.clone().or_else(|| beside.exists().then_some(beside));
        let (mut config, mut origins) = Config::load(file.as_deref(), std::env::vars()).context("the settings are not sound")?;
        if let Some(dir) = &self.data_dir {
            config.depot.data_dir.clone_from(dir);
            origins.note("depot.data_dir", Origin::Flag);
        }
        Ok((config, origins))
    }

    /// The settings in effect in the depot of `db`, the server's where one runs: it may see another file and other variables.
    async fn in_effect(&self, db: Db) -> Result<Settings> {
        let (config, origins) = self.told()?;
        let is_running = Running::read(&config.depot.data_dir).is_some();
        let base = Base { config, origins };
        let base = if is_running { base.of_server(&db).await? } else { base };
        Ok(Settings::open(db, base, Clock::system())?)
    }

    /// The data directory, in which there must be a depot; an empty one that is named by `--data-dir` is one that is to be.
    fn depot_dir(&self) -> Result<PathBuf> {
        let dir = self.settings()?.depot.data_dir;
        let is_to_be = || self.data_dir.is_some() && std::fs::read_dir(&dir).is_ok_and(|mut entries| entries.next().is_none());
        ensure!(
            dir.join("ops.db").exists() || is_to_be(),
            "there is no depot in {}: name its directory with --data-dir, or start `depotd serve` once, which makes one",
            dir.display()
        );
        Ok(dir)
    }

    /// Opens ops.db of the depot, and runs `work` with who is who in it.
    fn with_auth<T>(&self, work: impl AsyncFnOnce(Auth) -> Result<T>) -> Result<T> {
        let config = self.settings()?;
        let auth = Auth::new(Db::open(&self.depot_dir()?)?, &config.mqtt, Clock::system());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
        runtime.block_on(work(auth))
    }

    /// Prints `value` as JSON when that was asked for, else `text`.
    fn print(&self, value: &Value, text: impl FnOnce() -> String) {
        if self.json { say(value) } else { say(text()) }
    }
}

/// Prints a line. A reader that went away (`| head`) has what it wanted: that is no fault, and the rest goes unread.
fn say(line: impl Display) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{line}")
        && error.kind() != ErrorKind::BrokenPipe
    {
        tracing::error!("standard output: {error}");
    }
}

/// Who a command acts as: the person at the machine.
fn operator() -> Actor {
    Actor::User("operator".into())
}

/// Rows under headings, the columns aligned.
fn table(headings: &[&str], rows: &[Vec<String>], empty: &str) -> String {
    if rows.is_empty() {
        return empty.to_owned();
    }
    let head: Vec<String> = headings.iter().map(|h| (*h).to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |i: usize| lines.iter().filter_map(|l| l.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &&Vec<String>| {
        let padded: Vec<String> = cells.iter().zip(&widths).map(|(cell, &w)| format!("{cell:w$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn columns_align() {
        let rows = [vec!["a".to_owned(), "b".into()], vec!["long".into(), "c".into()]];
        assert_eq!(table(&["ID", "X"], &rows, "none"), "ID    X\na     b\nlong  c");
        assert_eq!(table(&["ID"], &[], "none"), "none");
    }
}

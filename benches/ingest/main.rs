//! What the guard costs: fixes at QoS 1 from many connections into a release build of `depotd serve`, and the same
//! messages through Mosquitto to one idle subscriber, in one run.
//!
//! `cargo bench --bench ingest -- [CASE…]` with the cases `start`, `idle`, `steady`, `drain`, `flood`; all of them
//! when none is named. A broker's CPU time is read from `/proc`, so only its own work counts, not the load's.

#![expect(clippy::disallowed_methods, reason = "a bench lives by the real clock")]

mod cases;
mod fixes;
mod load;
mod process;
mod server;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

/// Measures ingest beside Mosquitto.
#[derive(Parser)]
pub struct Options {
    /// start, idle, steady, drain, flood
    cases: Vec<String>,
    /// Messages of one flood, over all connections.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u32,
    /// Connections of the floods.
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1000])]
    connections: Vec<u32>,
    /// Unacknowledged messages of one connection in a flood.
    #[arg(long, default_value_t = 100)]
    inflight: u32,
    /// Seconds of the steady case.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// QoS of Mosquitto's subscriber.
    #[arg(long, default_value_t = 0)]
    subscriber_qos: u8,
    /// Leaves Mosquitto out.
    #[arg(long)]
    alone: bool,
    /// Added by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

const CASES: [&str; 5] = ["start", "idle", "steady", "drain", "flood"];

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(unknown) = options.cases.iter().find(|case| !CASES.contains(&case.as_str())) {
        bail!("no case `{unknown}`; there are {CASES:?}");
    }
    let wanted = |case: &str| options.cases.is_empty() || options.cases.iter().any(|each| each == case);
    process::raise_open_files().context("allow many open files")?;
    let dir = server::bench_dir()?;

    if wanted("start") {
        cases::start(&dir).await.context("start")?;
    }
    if CASES[1..].iter().any(|case| wanted(case)) {
        let fleet = server::provision(&dir, *options.connections.iter().max().unwrap_or(&0).max(&500)).await.context("make the devices")?;
        if wanted("idle") {
            cases::idle(&dir, &fleet).await.context("idle")?;
        }
        if wanted("steady") {
            cases::steady(&dir, &fleet, &options).await.context("steady")?;
        }
        if wanted("drain") {
            cases::drain(&dir, &fleet).await.context("drain")?;
        }
        if wanted("flood") {
            cases::flood(&dir, &fleet, &options).await.context("flood")?;
        }
        if wanted("start") {
            cases::start_again(&dir).await.context("start again")?;
        }
    }
    std::fs::remove_dir_all(&dir).context("remove the data")
}

//! What the line to head office costs: days of fixes that waited, sent over loopback by a release build of `depotd serve`
//! while vehicles go on reporting; and a line that is down for good.
//!
//! `cargo bench --bench upstream -- [CASE…]` with the cases `drain` (to a sink that unpacks, checks and acknowledges), `record` (to
//! `depotd receive` and its PostgreSQL) and `idle`; all of them when none is named. `--fixes 60000000` is a week of 500
//! vehicles. The depot's CPU time is read from `/proc`, so only its own work counts.

#![expect(clippy::disallowed_methods, reason = "a bench lives by the real clock")]

mod cases;
#[path = "../ingest/fixes.rs"]
mod fixes;
#[path = "../ingest/load.rs"]
#[expect(dead_code, reason = "another bench uses the rest")]
mod load;
mod past;
#[path = "../../tests/upstream_support/postgres.rs"]
#[expect(dead_code, reason = "tests use the rest")]
mod postgres;
#[path = "../ingest/process.rs"]
mod process;
#[path = "../ingest/server.rs"]
#[expect(dead_code, reason = "another bench uses the rest")]
mod server;
mod sink;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

/// Measures the line to head office.
#[derive(Parser)]
pub struct Options {
    /// drain, record, idle
    cases: Vec<String>,
    /// Fixes that waited for a line.
    #[arg(long, default_value_t = 6_000_000)]
    fixes: u64,
    /// The same for `record`: PostgreSQL is the slower one.
    #[arg(long, default_value_t = 1_000_000)]
    record_fixes: u64,
    /// Journal entries that waited in `idle`.
    #[arg(long, default_value_t = 200_000)]
    entries: u64,
    /// Seconds of the idle case.
    #[arg(long, default_value_t = 120)]
    seconds: u32,
    /// Added by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

const CASES: [&str; 3] = ["drain", "record", "idle"];

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(unknown) = options.cases.iter().find(|case| !CASES.contains(&case.as_str())) {
        bail!("no case `{unknown}`; there are {CASES:?}");
    }
    process::raise_open_files().context("allow many open files")?;
    let dir = server::bench_dir()?;
    for case in CASES {
        if !options.cases.is_empty() && !options.cases.iter().any(|each| each == case) {
            continue;
        }
        let own = dir.join(case);
        std::fs::create_dir_all(own.join("data"))?;
        match case {
            "drain" => cases::drain(&own, &options).await,
            "record" => cases::record(&own, &options).await,
            _ => cases::idle(&own, &options).await,
        }
        .with_context(|| case.to_owned())?;
        std::fs::remove_dir_all(&own)?;
    }
    std::fs::remove_dir_all(&dir).context("remove the data")
}

//! Arguments -> command -> exit code.

use clap::Parser;
use depotd::cli::Cli;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    // What it writes is nobody else's to read.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("depotd: a TLS provider is installed already");
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("DEPOTD_LOG").unwrap_or_else(|_| "depotd=info,async_nats=off,warn".into());
    let in_colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(in_colour).init();
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody listens any more, the exit code says it.
            drop(writeln!(std::io::stderr(), "depotd: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

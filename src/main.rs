//! Arguments -> command -> exit code.

use clap::Parser;
use depotd::cli::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    // What it writes is nobody else's to read.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("depotd: a TLS provider is installed already");
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("DEPOTD_LOG").unwrap_or_else(|_| "depotd=info,async_nats=off,warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("depotd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

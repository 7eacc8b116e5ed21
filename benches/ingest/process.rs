//! What Linux knows about a process.

use anyhow::{Context as _, Result, ensure};
use std::process::Command;
use std::str::FromStr;

/// Linux tells CPU time in hundredths of a second, on every machine depotd ships for.
const TICKS_PER_SECOND: f64 = 100.0;

/// A reading of one process.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// Seconds of CPU used since it started.
    pub cpu_s: f64,
    /// Bytes it has caused to be written to storage.
    pub written: u64,
    /// Resident memory in KiB.
    pub resident_kib: u64,
    /// The most that it ever was.
    pub peak_kib: u64,
}

impl Reading {
    /// Reads process `pid`.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
        let behind_name = stat.rsplit(") ").next().unwrap_or_default();
        let ticks = behind_name.split(' ').skip(11).take(2).map(f64::from_str).sum::<Result<f64, _>>()?;
        Ok(Self {
            cpu_s: ticks / TICKS_PER_SECOND,
            written: field(pid, "io", "write_bytes")?,
            resident_kib: field(pid, "status", "VmRSS")?,
            peak_kib: field(pid, "status", "VmHWM")?,
        })
    }
}

fn field(pid: u32, file: &str, name: &str) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).context("no such field")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Lets this process and its children open thousands of sockets.
pub fn raise_open_files() -> Result<()> {
    let this = std::process::id().to_string();
    let done = Command::new("prlimit").args(["--nofile=16384:16384", "--pid", &this]).status()?;
    ensure!(done.success(), "prlimit refused");
    Ok(())
}

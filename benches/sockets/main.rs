//! What Socket.IO costs: drivers who report every few seconds and followers who see them, at a build of `depotd serve` of this profile.
//!
//! `cargo bench --bench sockets -- [--drivers N] [--followers N] [--every S] [--seconds S]`. The server's CPU time is read from
//! `/proc`, so only its own work counts, not the load's.

#![expect(clippy::disallowed_methods, reason = "a bench lives by the real clock")]

mod client;
#[path = "../ingest/process.rs"]
#[expect(dead_code, reason = "what the bench of MQTT reads besides")]
mod process;
#[path = "../ingest/server.rs"]
#[expect(dead_code, reason = "what the bench of MQTT needs besides")]
mod server;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use client::Client;
use futures_util::future::try_join_all;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

/// Measures Socket.IO.
#[derive(Parser)]
struct Options {
    /// Drivers, each with a vehicle.
    #[arg(long, default_value_t = 1_000)]
    drivers: u32,
    /// Followers of all vehicles, or of half of the city by H3 cells.
    #[arg(long, default_value_t = 200)]
    followers: u32,
    /// Seconds between two fixes of a driver.
    #[arg(long, default_value_t = 5)]
    every: u32,
    /// Seconds of load.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Added by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// New connections a second that the depot takes from one address.
const OPENED: usize = 50;
/// Of one core.
const MOST: f64 = 0.60;
/// So many followers share a token.
const PER_TOKEN: usize = 25;

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or_default()
}

/// Where vehicle `n` is at step `step`: each on its own way through a city.
fn place(n: u32, step: u32) -> (f64, f64) {
    let (n, step) = (f64::from(n), f64::from(step));
    (42.45 + (n * 0.618).fract() * 0.1 + step * 2e-4, 1.45 + (n * 0.414).fract() * 0.1 - step * 1e-4)
}

fn token(dir: &Path) -> Result<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_depotd"));
    command.args(["token", "create", "--role", "viewer", "--json", "--data-dir"]).arg(dir.join("data"));
    let made: serde_json::Value = serde_json::from_slice(&command.stderr(Stdio::inherit()).output()?.stdout)?;
    Ok(made["token"].as_str().context("no token")?.to_owned())
}

/// Opens them at the pace that the depot takes from one address.
async fn open(http: std::net::SocketAddr, all: Vec<serde_json::Value>) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(all.len());
    for some in all.chunks(OPENED) {
        let turn = Instant::now() + Duration::from_secs(1);
        clients.extend(try_join_all(some.iter().map(|auth| Client::open(http, auth))).await?);
        sleep_until(turn.into()).await;
    }
    Ok(clients)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    process::raise_open_files().context("allow many open files")?;
    let dir = server::bench_dir()?;
    std::fs::write(dir.join("config.toml"), "[http]\nmax_connections = 4000\nmax_connections_per_address = 4000\n")?;
    let devices = server::provision(&dir, options.drivers).await.context("make the devices")?;
    let server = server::depotd(&dir)?;
    let http = server.http.context("no HTTP")?;
    let tokens = (0..options.followers as usize).step_by(PER_TOKEN).map(|_| token(&dir)).collect::<Result<Vec<_>>>()?;

    let drivers = devices.iter().map(|device| json!({"device": device.username, "password": device.password})).collect();
    let drivers = open(http, drivers).await.context("connect the drivers")?;
    let followers = (0..options.followers as usize).map(|n| json!({"token": tokens[n / PER_TOKEN]})).collect();
    let mut followers = open(http, followers).await.context("connect the followers")?;
    let near = h3o::LatLng::new(42.5, 1.5)?.to_cell(h3o::Resolution::Seven);
    let cells: Vec<String> = near.grid_disk::<Vec<_>>(2).iter().map(ToString::to_string).collect();
    for (n, follower) in followers.iter_mut().enumerate() {
        let all = json!({"vehicles": "all"});
        let said = follower.ask("subscribe", &if n % 2 == 0 { all } else { json!({"cells": cells, "bookings": false}) }).await?;
        ensure!(said["ok"] == true, "{said}");
    }

    let (rounds, before, start) = (options.seconds / options.every, server.read()?, Instant::now());
    let mut seeing = JoinSet::new();
    for mut follower in followers {
        seeing.spawn(async move { follower.watch(start + Duration::from_secs(u64::from(options.seconds))).await });
    }
    let mut driving = JoinSet::new();
    for (n, mut driver) in (0_u32..).zip(drivers) {
        driving.spawn(async move {
            let (mut slowest, mut stored) = (Duration::ZERO, 0_u64);
            let offset = Duration::from_secs(u64::from(options.every)) * n / options.drivers;
            for round in 0..rounds {
                sleep_until((start + offset + Duration::from_secs(u64::from(round * options.every))).into()).await;
                let ((lat, lon), sent) = (place(n, round), Instant::now());
                let said = driver.ask("fix", &json!({"ts": now_ms(), "lat": lat, "lon": lon, "speed_kmh": 30, "course": 45})).await?;
                ensure!(said["ok"] == true && said["stored"] == 1, "{said}");
                stored += 1;
                slowest = slowest.max(sent.elapsed());
            }
            anyhow::Ok((stored, slowest, driver))
        });
    }
    let (mut stored, mut slowest, mut kept) = (0, Duration::ZERO, Vec::new());
    while let Some(done) = driving.join_next().await {
        let (own, longest, driver) = done??;
        (stored, slowest) = (stored + own, slowest.max(longest));
        kept.push(driver);
    }
    let mut frames = 0_u64;
    while let Some(seen) = seeing.join_next().await {
        let seen: u64 = seen??;
        ensure!(seen > 0, "a follower saw nothing");
        frames += seen;
    }
    let (after, took) = (server.read()?, start.elapsed());
    sleep(Duration::from_secs(2)).await;
    server.has_kept(stored).await?;
    let share = (after.cpu_s - before.cpu_s) / took.as_secs_f64();
    println!(
        "sockets  {} drivers, {} followers: {stored} fixes acknowledged in at most {} ms and on the disk, {frames} frames, {:.0} % of a core, {} MiB",
        options.drivers,
        options.followers,
        slowest.as_millis(),
        share * 100.0,
        after.resident_kib / 1024
    );
    ensure!(share <= MOST, "more than {:.0} % of a core", MOST * 100.0);
    drop(kept);
    server.stop()?;
    std::fs::remove_dir_all(&dir).context("remove the data")
}

//! The cases, each with what it prints.

use crate::Options;
use crate::fixes::Drive;
use crate::load::Client;
use crate::process::Reading;
use crate::server::{Device, Server, depotd, mosquitto};
use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};

/// Long enough for what a server puts off: its work counts as well.
const AFTERMATH: Duration = Duration::from_secs(6);
/// Fixes are spread over this long a past, so that none lies in the future.
const PAST_MS: u64 = 3 * 3_600_000;

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// Opens a session for each of `devices`, a few at a time; the sessions come in the order of the devices.
async fn open_all(broker: &Server, devices: &[Device]) -> Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(devices.len());
    for some in devices.chunks(16) {
        let opening = some.iter().map(|device| Client::open(broker.mqtt, &device.username, &device.password));
        clients.extend(try_join_all(opening).await?);
    }
    Ok(clients)
}

/// A cold start on an empty directory.
pub async fn start(dir: &Path) -> Result<()> {
    let server = depotd(dir)?;
    println!("start    empty: ready after {} ms, {} MiB resident", server.ready_after.as_millis(), server.read()?.resident_kib / 1024);
    server.stop()
}

/// A start on all that the other cases have left.
pub async fn start_again(dir: &Path) -> Result<()> {
    let bytes: u64 = std::fs::read_dir(dir.join("data"))?.flatten().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    let server = depotd(dir)?;
    println!("start    with {} MiB of data: ready after {} ms", bytes >> 20, server.ready_after.as_millis());
    server.stop()
}

/// What a silent connection costs.
pub async fn idle(dir: &Path, fleet: &[Device]) -> Result<()> {
    let server = depotd(dir)?;
    // The first ones pay for what all share.
    let (first, others) = fleet.split_at(50.min(fleet.len() / 2));
    let _first = open_all(&server, first).await?;
    sleep(AFTERMATH).await;
    let before = server.read()?;
    let _others = open_all(&server, others).await?;
    sleep(AFTERMATH).await;
    let after = server.read()?;
    let each = after.resident_kib.saturating_sub(before.resident_kib) as f64 / others.len() as f64;
    println!("idle     {} connections: {each:.1} KiB each, {} MiB resident", fleet.len(), after.resident_kib / 1024);
    Ok(())
}

/// 500 vehicles that send 100 fixes a second in all.
pub async fn steady(dir: &Path, fleet: &[Device], options: &Options) -> Result<()> {
    let server = depotd(dir)?;
    let devices = &fleet[..500.min(fleet.len())];
    let clients = open_all(&server, devices).await?;
    sleep(AFTERMATH).await;
    let period = Duration::from_secs(5);
    let rounds = (options.seconds / 5).max(1);
    let first = tokio::time::Instant::now() + Duration::from_millis(100);
    let before = server.read()?;
    let mut tasks = JoinSet::new();
    for (n, (mut client, device)) in (0_u32..).zip(clients.into_iter().zip(devices)) {
        let mut drive = Drive::new(&device.username, now_ms(), 5000);
        tasks.spawn(async move {
            let mut slowest = Duration::ZERO;
            for round in 0..rounds {
                sleep_until(first + Duration::from_millis(10) * n + period * round).await;
                let sent = Instant::now();
                client.publish(&mut drive, 1, 1).await?;
                slowest = slowest.max(sent.elapsed());
            }
            anyhow::Ok((client, slowest))
        });
    }
    let done = tasks.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    sleep(AFTERMATH).await;
    let after = server.read()?;
    let fixes = u64::from(rounds) * u64::try_from(devices.len())?;
    server.has_kept(fixes).await?;
    let slowest = done.iter().map(|(_, slowest)| slowest).max().context("no vehicle")?;
    println!(
        "steady   {} vehicles, {:.0} fixes/s: {:.0} device bytes a fix, {:.1} ms CPU a second, {} MiB resident, {} at most, slowest PUBACK {} ms",
        devices.len(),
        devices.len() as f64 / period.as_secs_f64(),
        (after.written - before.written) as f64 / fixes as f64,
        (after.cpu_s - before.cpu_s) * 1000.0 / (f64::from(rounds) * period.as_secs_f64()),
        after.resident_kib / 1024,
        after.peak_kib / 1024,
        slowest.as_millis()
    );
    Ok(())
}

/// One device that was out of reach and now empties its buffer.
pub async fn drain(dir: &Path, fleet: &[Device]) -> Result<()> {
    let server = depotd(dir)?;
    let device = fleet.first().context("no device")?;
    let mut client = Client::open(server.mqtt, &device.username, &device.password).await?;
    let mut drive = Drive::new(&device.username, now_ms() - PAST_MS, 1000);
    let start = Instant::now();
    client.publish(&mut drive, 10_000, 20).await?;
    let took = start.elapsed();
    server.has_kept(10_000).await?;
    println!("drain    10,000 fixes of one device, 20 in flight: {:.0} a second", 10_000.0 / took.as_secs_f64());
    Ok(())
}

/// What one flood came to.
struct Flood {
    per_second: f64,
    cpu_per_100k: f64,
    resident_mib: u64,
}

/// As many fixes as go through, beside Mosquitto.
pub async fn flood(dir: &Path, fleet: &[Device], options: &Options) -> Result<()> {
    for &connections in &options.connections {
        let devices = &fleet[..usize::try_from(connections)?];
        let ours = one_flood(&depotd(dir)?, devices, options).await.context("depotd")?;
        show("depotd", connections, &ours);
        if options.alone {
            continue;
        }
        let server = mosquitto(dir)?;
        let mut subscriber = Client::open(server.mqtt, "subscriber", "").await?;
        subscriber.subscribe_to_all(options.subscriber_qos).await?;
        let swallowing = tokio::spawn(subscriber.swallow());
        let theirs = one_flood(&server, devices, options).await.context("mosquitto")?;
        swallowing.abort();
        show("mosquitto", connections, &theirs);
        println!(
            "flood    {connections} connections: {:.2} of Mosquitto's CPU a message, {:.1} times its rate",
            ours.cpu_per_100k / theirs.cpu_per_100k,
            ours.per_second / theirs.per_second
        );
    }
    Ok(())
}

fn show(who: &str, connections: u32, flood: &Flood) {
    println!(
        "flood    {connections} connections, {who}: {:.0} messages a second, {:.3} CPU-s per 100,000, {} MiB resident",
        flood.per_second, flood.cpu_per_100k, flood.resident_mib
    );
}

async fn one_flood(server: &Server, devices: &[Device], options: &Options) -> Result<Flood> {
    let clients = open_all(server, devices).await?;
    sleep(Duration::from_secs(1)).await;
    let each = options.messages / u32::try_from(devices.len())?;
    let step_ms = (PAST_MS / u64::from(each.max(1))).clamp(1, 1000);
    let start_ms = now_ms() - step_ms * u64::from(each);
    let before = server.read()?;
    let start = Instant::now();
    let inflight = options.inflight;
    let mut tasks = JoinSet::new();
    for (mut client, device) in clients.into_iter().zip(devices) {
        let mut drive = Drive::new(&device.username, start_ms, step_ms);
        tasks.spawn(async move {
            client.publish(&mut drive, each, inflight).await?;
            anyhow::Ok(client)
        });
    }
    let clients = tasks.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    let took = start.elapsed();
    let messages = u64::from(each) * u64::try_from(devices.len())?;
    server.has_kept(messages).await?;
    let resident_mib = server.read()?.resident_kib / 1024;
    sleep(AFTERMATH).await;
    let Reading { cpu_s, .. } = server.read()?;
    drop(clients);
    let messages = messages as f64;
    Ok(Flood { per_second: messages / took.as_secs_f64(), cpu_per_100k: (cpu_s - before.cpu_s) / messages * 100_000.0, resident_mib })
}

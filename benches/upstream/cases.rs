//! The cases, each with what it prints.

use crate::Options;
use crate::fixes::Drive;
use crate::load::Client;
use crate::past;
use crate::postgres::{Postgres, ask};
use crate::process::Reading;
use crate::server::{Device, Server, depotd, provision};
use crate::sink::Sink;
use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

/// Vehicles that report meanwhile, each once a second.
const LIVE: usize = 100;
/// How long they are watched beside a line with nothing to send.
const CALM: Duration = Duration::from_secs(20);
/// A drain is given up after that long without a fix.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(dir: &Path, url: &str, secret: Option<&str>) -> Result<()> {
    let mut text = format!("[upstream]\ndepot = \"bench\"\n[[upstream.sinks]]\nname = \"office\"\nurl = \"{url}\"\n");
    if let Some(secret) = secret {
        let file = dir.join("token");
        std::fs::write(&file, secret)?;
        text.push_str(&format!("secret_file = \"{}\"\n", file.display()));
    }
    Ok(std::fs::write(dir.join("config.toml"), text)?)
}

/// PUBACK latencies in microseconds, sorted.
struct Latencies(Vec<u64>);

impl Latencies {
    fn at(&self, share: f64) -> f64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let at = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(at).copied().unwrap_or_default() as f64 / 1_000.0
    }
}

/// Vehicles that report once a second each until `until` says that it is over.
async fn live(server: &Server, fleet: &[Device], until: watch::Receiver<bool>) -> Result<Latencies> {
    let mut tasks = JoinSet::new();
    for (n, device) in (0_u64..).zip(fleet) {
        let mut client = Client::open(server.mqtt, &device.username, &device.password).await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let mut drive = Drive::new(&device.username, u64::try_from(now.as_millis())?, 1_000);
        let until = until.clone();
        tasks.spawn(async move {
            sleep(Duration::from_millis(n * 10)).await;
            let (mut tick, mut took) = (interval(Duration::from_secs(1)), Vec::new());
            while !*until.borrow() {
                tick.tick().await;
                let sent = Instant::now();
                client.publish(&mut drive, 1, 1).await?;
                took.push(u64::try_from(sent.elapsed().as_micros())?);
            }
            anyhow::Ok(took)
        });
    }
    let mut all: Vec<u64> = tasks.join_all().await.into_iter().collect::<Result<Vec<_>>>()?.concat();
    all.sort_unstable();
    Ok(Latencies(all))
}

/// Runs `work` while vehicles report.
async fn beside_live<T>(server: &Server, fleet: &[Device], work: impl Future<Output = Result<T>>) -> Result<(T, Latencies)> {
    let (over, until) = watch::channel(false);
    let work = async {
        let done = work.await;
        over.send_replace(true);
        done
    };
    tokio::try_join!(work, live(server, fleet, until))
}

/// What a drain came to.
struct Drained {
    fixes: u64,
    wall_s: f64,
    cpu_s: f64,
}

/// Waits until `count` tells at least `wanted` fixes.
async fn drained(server: &Server, wanted: u64, mut count: impl AsyncFnMut() -> Result<u64>) -> Result<Drained> {
    let (start, before) = (Instant::now(), server.read()?);
    let (mut seen, mut at) = (0, Instant::now());
    while seen < wanted {
        sleep(Duration::from_millis(20)).await;
        let now = count().await?;
        if now > seen {
            (seen, at) = (now, Instant::now());
        }
        ensure!(at.elapsed() < PATIENCE, "only {seen} of {wanted} fixes came");
    }
    let wall_s = start.elapsed().as_secs_f64();
    Ok(Drained { fixes: seen, wall_s, cpu_s: server.read()?.cpu_s - before.cpu_s })
}

async fn measure(name: &str, dir: &Path, fleet: &[Device], waited: u64, count: impl AsyncFnMut() -> Result<u64>) -> Result<()> {
    let server = depotd(dir)?;
    let (done, busy) = beside_live(&server, fleet, drained(&server, waited, count)).await?;
    let Reading { peak_kib, resident_kib, written, .. } = server.read()?;
    let calm = async {
        sleep(CALM).await;
        Ok(())
    };
    let ((), calm) = beside_live(&server, fleet, calm).await?;
    let fixes = done.fixes as f64;
    println!(
        "{name:8} {:.1} M fixes: {:.0}/s, {:.0} a CPU-second of depotd, {} MiB resident, {} at most, {} MiB written",
        fixes / 1e6,
        fixes / done.wall_s,
        fixes / done.cpu_s,
        resident_kib / 1024,
        peak_kib / 1024,
        written >> 20
    );
    println!(
        "{name:8} PUBACK meanwhile {:.1} ms half, {:.1} ms 99 %, {:.1} ms all; beside a line at rest {:.1}, {:.1}, {:.1}",
        busy.at(0.5),
        busy.at(0.99),
        busy.at(1.0),
        calm.at(0.5),
        calm.at(0.99),
        calm.at(1.0)
    );
    server.stop()
}

/// To a sink that keeps nothing.
pub async fn drain(dir: &Path, options: &Options) -> Result<()> {
    let fleet = provision(dir, u32::try_from(LIVE)?).await.context("make the devices")?;
    let waited = past::fixes(&dir.join("data"), options.fixes).await.context("write the past")?;
    let (sink, addr) = Sink::start().await?;
    settings(dir, &format!("http://{addr}"), None)?;
    measure("drain", dir, &fleet, waited, async || Ok(sink.count().fixes)).await?;
    println!("drain    {:.1} bytes a fix on the line", sink.count().bytes as f64 / sink.count().fixes as f64);
    Ok(())
}

/// A process that ends when it is dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// To `depotd receive` and its PostgreSQL.
pub async fn record(dir: &Path, options: &Options) -> Result<()> {
    let fleet = provision(dir, u32::try_from(LIVE)?).await.context("make the devices")?;
    let waited = past::fixes(&dir.join("data"), options.record_fixes).await.context("write the past")?;
    let postgres = Postgres::start();
    let database = postgres.url(&postgres.database().await);
    let depotd = env!("CARGO_BIN_EXE_depotd");
    let enrolled = Command::new(depotd).args(["receive", "enrol", "bench", "--json", "--database", &database]).output()?;
    let enrolled: serde_json::Value = serde_json::from_slice(&enrolled.stdout).context("enrol")?;
    let mut receiver = Command::new(depotd)
        .args(["receive", "--listen", "127.0.0.1:0", "--database", &database])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut said = String::new();
    BufReader::new(receiver.stdout.take().context("no output")?).read_line(&mut said)?;
    let receiver = Ended(receiver);
    let said: serde_json::Value = serde_json::from_str(&said)?;
    settings(dir, &format!("http://{}", said["http"].as_str().context("no address")?), enrolled["token"].as_str())?;
    let client = ask(&database).await;
    let count = async || -> Result<u64> {
        let row = client.query_one("select coalesce(sum(fixes), 0)::bigint from depotd.run", &[]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0))?)
    };
    measure("record", dir, &fleet, waited, count).await?;
    let cpu = Reading::of(receiver.0.id())?.cpu_s;
    println!("record   depotd receive took {:.2} CPU-s a million fixes", cpu * 1e6 / waited as f64);
    Ok(())
}

/// CPU seconds a second of a depot that nobody asks anything.
async fn at_rest(dir: &Path, seconds: u32) -> Result<f64> {
    let server = depotd(dir)?;
    sleep(Duration::from_secs(5)).await;
    let before = server.read()?;
    sleep(Duration::from_secs(seconds.into())).await;
    let spent = server.read()?.cpu_s - before.cpu_s;
    server.stop()?;
    Ok(spent / f64::from(seconds))
}

/// A line that is down for good, and much that waits for it.
pub async fn idle(dir: &Path, options: &Options) -> Result<()> {
    past::entries(&dir.join("data"), options.entries).await?;
    let waited = past::fixes(&dir.join("data"), options.fixes).await?;
    std::fs::write(dir.join("config.toml"), "")?;
    let without = at_rest(dir, options.seconds).await?;
    // Nobody listens there.
    let closed = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    settings(dir, &format!("http://{closed}"), None)?;
    let with = at_rest(dir, options.seconds).await?;
    println!(
        "idle     no line, {:.1} M fixes and {} entries wait: {:.2} % of a core, {:.2} % without a sink",
        waited as f64 / 1e6,
        options.entries,
        with * 100.0,
        without * 100.0
    );
    Ok(())
}

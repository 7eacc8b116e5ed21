//! The two servers under load, each a process of its own.

use crate::process::Reading;
use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

const DEPOTD: &str = env!("CARGO_BIN_EXE_depotd");
const LOOPBACK: &str = "127.0.0.1:0";

/// A device with its secret.
#[derive(Clone, Deserialize)]
pub struct Device {
    /// Name on MQTT and of its vehicle.
    pub username: String,
    /// The secret.
    pub password: String,
}

#[derive(Deserialize)]
struct Addresses {
    http: String,
    mqtt: String,
}

/// A running server; dropping it ends it.
pub struct Server {
    child: Child,
    /// Where it speaks MQTT.
    pub mqtt: SocketAddr,
    /// Where depotd speaks HTTP.
    pub http: Option<SocketAddr>,
    /// From the start of the process to ready.
    pub ready_after: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Reads the process.
    pub fn read(&self) -> Result<Reading> {
        Reading::of(self.child.id())
    }

    /// Fails unless depotd says that `fixes` are on the disk since its start: what is acknowledged but refused must not
    /// count. Another server keeps nothing.
    pub async fn has_kept(&self, fixes: u64) -> Result<()> {
        let Some(http) = self.http else { return Ok(()) };
        let metrics = reqwest::get(format!("http://{http}/metrics")).await?.error_for_status()?.text().await?;
        let count = metrics.lines().find_map(|line| line.strip_prefix("depotd_fixes_durable_total "));
        let durable: u64 = count.context("no count of durable fixes")?.parse()?;
        ensure!(durable == fixes, "{fixes} fixes were acknowledged, but {durable} are on the disk");
        Ok(())
    }

    /// Asks it to stop and waits, ten seconds at most.
    pub fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        ensure!(Command::new("kill").args(["-TERM", &pid]).status()?.success(), "it had ended by itself");
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "it ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("it did not stop")
    }
}

/// A fresh directory on the disk that the build lies on.
pub fn bench_dir() -> Result<PathBuf> {
    let dir = Path::new(DEPOTD).parent().context("the binary has no directory")?.join(format!("bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Starts `depotd serve` on the data in `dir`, with the settings that are there, and waits until it is ready.
pub fn depotd(dir: &Path) -> Result<Server> {
    let data = dir.join("data");
    let (run, settings) = (data.join("run.json"), dir.join("config.toml"));
    let _ = std::fs::remove_file(&run);
    let log = File::options().create(true).append(true).open(dir.join("depotd.log"))?;
    let start = Instant::now();
    let mut child = Command::new(DEPOTD)
        .args(["serve", "--http-listen", LOOPBACK, "--mqtt-listen", LOOPBACK, "--mqtts-listen", LOOPBACK])
        .arg("--data-dir")
        .arg(&data)
        .args(settings.exists().then_some("--config"))
        .args(settings.exists().then_some(&settings))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    while start.elapsed() < Duration::from_secs(60) {
        if let Some(status) = child.try_wait()? {
            bail!("depotd ended with {status}: {}", std::fs::read_to_string(dir.join("depotd.log"))?);
        }
        let text = std::fs::read(&run).unwrap_or_default();
        if let Ok(Addresses { http, mqtt }) = serde_json::from_slice(&text) {
            let ready_after = start.elapsed();
            return Ok(Server { child, mqtt: address(&mqtt)?, http: Some(address(&http)?), ready_after });
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    bail!("depotd was not ready within a minute")
}

fn address(text: &str) -> Result<SocketAddr> {
    let bare = text.rsplit("//").next().unwrap_or(text).trim_end_matches('/');
    bare.parse().with_context(|| format!("`{text}` is no address"))
}

/// Starts Mosquitto as fast as it goes: nothing is stored or logged, nothing limited, everybody is let in.
pub fn mosquitto(dir: &Path) -> Result<Server> {
    let mqtt = TcpListener::bind(LOOPBACK)?.local_addr()?;
    let config = dir.join("mosquitto.conf");
    let lines =
        "allow_anonymous true\npersistence false\nmax_inflight_messages 0\nmax_queued_messages 0\nlog_type none\nset_tcp_nodelay true\n";
    std::fs::write(&config, format!("listener {} 127.0.0.1\n{lines}", mqtt.port()))?;
    let program = if Path::new("/usr/sbin/mosquitto").exists() { "/usr/sbin/mosquitto" } else { "mosquitto" };
    let start = Instant::now();
    let child = Command::new(program)
        .arg("-c")
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("start mosquitto")?;
    let mut server = Server { child, mqtt, http: None, ready_after: Duration::ZERO };
    while TcpStream::connect(mqtt).is_err() {
        ensure!(start.elapsed() < Duration::from_secs(10), "mosquitto was not ready");
        std::thread::sleep(Duration::from_millis(5));
    }
    server.ready_after = start.elapsed();
    Ok(server)
}

/// Makes `count` devices over the API and returns their secrets.
pub async fn provision(dir: &Path, count: u32) -> Result<Vec<Device>> {
    let server = depotd(dir)?;
    let token = Command::new(DEPOTD)
        .args(["token", "create", "--role", "admin", "--json", "--data-dir"])
        .arg(dir.join("data"))
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(token.status.success(), "no token was made");
    let token: serde_json::Value = serde_json::from_slice(&token.stdout)?;
    let token = token["token"].as_str().context("no token")?.to_owned();
    let url = format!("http://{}/api/v1/devices", server.http.context("no HTTP")?);
    let (client, turns) = (reqwest::Client::new(), Arc::new(Semaphore::new(4)));
    let mut tasks = JoinSet::new();
    for n in 0..count {
        let (client, turns, url, token) = (client.clone(), turns.clone(), url.clone(), token.clone());
        tasks.spawn(async move {
            let _turn = turns.acquire().await?;
            let id = format!("van-{n:04}");
            let body = serde_json::json!({"id": id, "vehicle": id, "format": "native"});
            let answer = client.post(&url).bearer_auth(token).header("Idempotency-Key", &id).json(&body).send().await?;
            let answer = answer.error_for_status()?.json::<Device>().await?;
            anyhow::Ok(answer)
        });
    }
    let mut devices = tasks.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    devices.sort_by(|a, b| a.username.cmp(&b.username));
    server.stop()?;
    Ok(devices)
}

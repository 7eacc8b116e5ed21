//! A real depotd in its own process and directory, driven from outside: HTTP, MQTT, commands, signals.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its part")]

pub mod hook;
pub mod http;
pub mod mqtt;
pub mod port;
pub mod push;
pub mod smtp;
pub mod tls;

use http::Api;
use mqtt::{Credential, Mqtt};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// No wait in a test is longer.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Every user's password.
pub const PASSWORD: &str = "correct horse battery";

/// Asks until there is an answer.
pub async fn until<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, ask).await
}

/// The same with more patience, for what takes its time.
pub async fn until_within<T>(patience: Duration, what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let wait = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(patience, wait).await {
        Ok(answer) => answer,
        Err(_) => panic!("waited {patience:?} for {what}"),
    }
}

/// A depot of one's own.
pub struct Depot {
    dir: tempfile::TempDir,
    args: Vec<String>,
    child: Option<Child>,
    addresses: Value,
    token: String,
}

impl Depot {
    /// Starts one that is empty but for an admin's token.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more arguments for `serve`, or settings as `SECTION__KEY=value`.
    pub async fn start_with(args: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), args).await
    }

    /// The same on a data directory that is there, which it takes for its own.
    pub async fn start_on(data: &Path, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::rename(data, dir.path().join("data")).unwrap();
        Self::start_in(dir, args).await
    }

    async fn start_in(dir: tempfile::TempDir, args: &[&str]) -> Self {
        let args = args.iter().map(|a| (*a).to_owned()).collect();
        let mut depot = Self { dir, args, child: None, addresses: Value::Null, token: String::new() };
        depot.launch().await;
        depot.token = depot.new_token("admin");
        depot
    }

    fn serve(&self) -> Command {
        let mut command = depotd(&self.data_dir());
        command.arg("serve");
        for (flag, key) in [("--http-listen", "HTTP__LISTEN="), ("--mqtt-listen", "MQTT__LISTEN="), ("--mqtts-listen", "MQTT__TLS_LISTEN=")]
        {
            if !self.args.iter().any(|arg| arg.starts_with(key)) {
                command.args([flag, "127.0.0.1:0"]);
            }
        }
        for arg in &self.args {
            match arg.split_once('=') {
                Some((key, value)) if key.contains("__") => command.env(format!("DEPOTD_{key}"), value),
                _ => command.arg(arg),
            };
        }
        command
    }

    /// Starts it on the data that is there.
    pub async fn launch(&mut self) {
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let child = self.serve().stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let pid = child.id();
        self.child = Some(child);
        let file = self.data_dir().join("run.json");
        self.addresses = until("depotd to be ready", async || {
            let ended = self.child.as_mut().and_then(|c| c.try_wait().unwrap());
            assert!(ended.is_none(), "depotd ended with {ended:?}:\n{}", std::fs::read_to_string(self.dir.path().join("log")).unwrap());
            let running: Value = serde_json::from_slice(&std::fs::read(&file).ok()?).ok()?;
            (running["pid"] == pid).then_some(running)
        })
        .await;
    }

    /// Where its data is.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }
    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }
    /// All that it printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }
    /// Does run.json name that address?
    pub fn listens(&self, name: &str) -> bool {
        self.addresses[name].is_string()
    }
    /// An address out of run.json: `http`, `mqtt` or `mqtts`, without the scheme.
    pub fn address(&self, name: &str) -> String {
        let url = self.addresses[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.addresses));
        url.split_once("://").map_or(url, |(_, address)| address).trim_end_matches('/').to_owned()
    }

    /// Runs a command of depotd on its data directory; its JSON answer.
    pub fn command(&self, args: &[&str]) -> Value {
        let out = depotd(&self.data_dir()).args(args).arg("--json").output().unwrap();
        assert!(out.status.success(), "depotd {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("depotd {args:?}: {e}: {}", String::from_utf8_lossy(&out.stdout)))
    }
    /// Runs a command of depotd that is to fail; what it says.
    pub fn fails(&self, args: &[&str]) -> String {
        let out = depotd(&self.data_dir()).args(args).output().unwrap();
        assert!(!out.status.success(), "depotd {args:?} did not fail: {}", String::from_utf8_lossy(&out.stdout));
        String::from_utf8_lossy(&out.stderr).into_owned()
    }
    /// What the doctor finds, be it good or bad.
    pub fn diagnosis(&self) -> Value {
        let out = depotd(&self.data_dir()).args(["doctor", "--json"]).output().unwrap();
        serde_json::from_slice(&out.stdout).unwrap()
    }
    /// An API token of that role.
    pub fn new_token(&self, role: &str) -> String {
        self.command(&["token", "create", "--role", role])["token"].as_str().unwrap().to_owned()
    }
    /// A user who signs in with [`PASSWORD`].
    pub async fn new_user(&self, name: &str, role: &str) {
        let user = serde_json::json!({ "name": name, "role": role, "password": PASSWORD });
        self.http().post("/api/v1/users", user).await.ok();
    }
    /// A device with its own vehicle of the same name.
    pub fn new_device(&self, id: &str) -> Credential {
        Credential::from_json(&self.command(&["device", "add", id]))
    }

    /// The API with the admin's token.
    pub fn http(&self) -> Api {
        self.http_as(&self.token)
    }
    /// The API with another token; an empty one sends none.
    pub fn http_as(&self, token: &str) -> Api {
        Api::new(format!("http://{}", self.address("http")), token)
    }
    /// An MQTT session of that device, connected.
    pub async fn mqtt(&self, credential: &Credential) -> Mqtt {
        Mqtt::connect(&self.address("mqtt"), credential).await
    }

    /// Waits until every follower has seen all that is in the journal, and every fix is on the disk.
    pub async fn settle(&self) {
        let http = self.http();
        let mut last = Value::Null;
        let settled = until("every cursor to be at the head", async || {
            last = http.get("/api/v1/system/cursors").await.ok();
            let head = &last["journal_head"];
            let cursors = last["cursors"].as_object().unwrap().values().all(|at| at.as_i64() >= head.as_i64());
            let durable = last["tracks"]["durable"].as_u64() >= last["tracks"]["appended"].as_u64();
            (cursors && durable).then_some(())
        });
        settled.await;
    }

    /// Waits until it ends of itself.
    pub async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        until("depotd to end", async || child.try_wait().unwrap()).await
    }
    /// Asks it to stop, and waits for it.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended().await
    }
    /// Stops it and starts it again on the same data.
    pub async fn restart(&mut self) {
        let status = self.stop().await;
        assert!(status.success(), "it stopped with {status}:\n{}", self.log());
        self.launch().await;
    }
    /// Ends it without notice and starts it again on the same data.
    pub async fn kill9(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        self.launch().await;
    }
    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }
    /// Tries to start another on the same data: its exit status and what it said.
    pub fn second_server(&self) -> (ExitStatus, String) {
        let out = self.serve().stdin(Stdio::null()).output().unwrap();
        (out.status, String::from_utf8_lossy(&out.stderr).into_owned())
    }
    /// Resident memory in KiB, and the number of open files.
    pub fn resources(&self) -> (u64, usize) {
        let proc = PathBuf::from(format!("/proc/{}", self.pid()));
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
        let rss = line.trim().split(' ').next().unwrap().parse().unwrap();
        (rss, std::fs::read_dir(proc.join("fd")).unwrap().count())
    }
}

impl Drop for Depot {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        if !std::thread::panicking() {
            let log = self.log();
            assert!(!log.contains("panicked at"), "something panicked:\n{log}");
        } else if let Ok(log) = std::fs::read_to_string(self.log_path()) {
            eprintln!("-- log of depotd --\n{log}");
        }
    }
}

fn depotd(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_depotd"));
    command.env("DEPOTD_DEPOT__DATA_DIR", data_dir).env_remove("NOTIFY_SOCKET");
    command
}

//! A PostgreSQL of the test's own: a cluster in a temporary directory, on a free port of loopback.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::NoTls;

/// The server. Ends when it is dropped.
pub struct Postgres {
    dir: tempfile::TempDir,
    bin: PathBuf,
    port: u16,
    child: Option<Child>,
    databases: AtomicU32,
}

/// PostgreSQL refuses to run as root.
fn as_somebody(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").map(|entries| entries.flatten().map(|e| e.path().join("bin")).collect());
    let mut found: Vec<PathBuf> = versions.unwrap_or_default();
    found.sort();
    found.pop().expect("PostgreSQL is not installed: run `make tools`")
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Postgres {
    /// Makes a cluster and starts it. A crash of the process loses nothing of it; only the machine's own crash would.
    pub fn start() -> Self {
        let (dir, bin) = (tempfile::tempdir().unwrap(), bin());
        if rustix::process::geteuid().is_root() {
            let owned = Command::new("chown").arg("postgres:postgres").arg(dir.path()).status().unwrap();
            assert!(owned.success());
        }
        let data = dir.path().join("data");
        let made = as_somebody(&bin.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync", "--pgdata"])
            .arg(&data)
            .current_dir("/")
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let mut server = Self { dir, bin, port: free_port(), child: None, databases: AtomicU32::new(0) };
        server.launch();
        server
    }

    fn spawn(&self) -> Child {
        let mut command = as_somebody(&self.bin.join("postgres"));
        command
            .arg("-D")
            .arg(self.dir.path().join("data"))
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(self.dir.path());
        command.args(["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=60", "-c", "log_min_messages=fatal"]);
        command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn launch(&mut self) {
        let mut child = self.spawn();
        for _ in 0..2_000 {
            let answers = Command::new(self.bin.join("pg_isready")).args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status();
            if answers.is_ok_and(|status| status.success()) {
                self.child = Some(child);
                return;
            }
            if child.try_wait().unwrap().is_some() {
                // Somebody of before still holds the shared memory.
                child = self.spawn();
            }
            std::thread::park_timeout(std::time::Duration::from_millis(10));
        }
        panic!("PostgreSQL did not start");
    }

    /// Ends all of it at once, as a power cut would, and starts it again.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.launch();
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Each of its processes has a session of its own.
            let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap_or_default();
            child.kill().unwrap();
            child.wait().unwrap();
            for pid in children.split_whitespace().filter_map(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?)) {
                // It may have ended by itself.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new, empty database.
    pub async fn database(&self) -> String {
        let name = format!("test{}", self.databases.fetch_add(1, Ordering::Relaxed));
        ask(&self.url("postgres")).await.batch_execute(&format!("create database {name}")).await.unwrap();
        name
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A connection to look with.
pub async fn ask(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

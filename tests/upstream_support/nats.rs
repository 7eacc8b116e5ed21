//! A nats-server of one's own with JetStream on the disk, which can be killed.

use super::postgres::free_port;
use async_nats::HeaderMap;
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{Config, RawMessageErrorKind, Stream};
use async_nats::jetstream::{self, Context};
use depotd::batch::{Batch, Span};
use depotd::model::Lane;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A server with its directory. Ends when it is dropped.
pub struct Server {
    dir: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

fn copy(from: &Path, to: &Path) {
    if to.exists() {
        std::fs::remove_dir_all(to).unwrap();
    }
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

impl Server {
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("store")).unwrap();
        let mut server = Self { dir, port: free_port(), child: None };
        server.begin().await;
        server
    }

    /// Starts it on what it has.
    pub async fn begin(&mut self) {
        let mut command = Command::new("nats-server");
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"]).arg(self.dir.path().join("store"));
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let mut fault = String::new();
        for _ in 0..500 {
            // That there is no such stream is JetStream's own word.
            match self.connect().await {
                Ok(context) => match context.get_stream("NONE").await.map_err(|e| e.kind()) {
                    Ok(_) | Err(GetStreamErrorKind::JetStream(_)) => return,
                    Err(kind) => fault = kind.to_string(),
                },
                Err(error) => fault = error.to_string(),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nats-server did not start: {fault}");
    }

    /// Ends it at once.
    pub fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub async fn kill_and_restart(&mut self) {
        self.end();
        self.begin().await;
    }

    /// Keeps a copy of all that it has.
    pub async fn back_up(&mut self) {
        self.end();
        copy(&self.dir.path().join("store"), &self.dir.path().join("copy"));
        self.begin().await;
    }

    /// Puts the copy in the place of what it has.
    pub async fn put_back(&mut self) {
        self.end();
        copy(&self.dir.path().join("copy"), &self.dir.path().join("store"));
        self.begin().await;
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    async fn connect(&self) -> Result<Context, async_nats::ConnectError> {
        Ok(jetstream::new(async_nats::connect(self.url()).await?))
    }

    pub async fn context(&self) -> Context {
        self.connect().await.unwrap()
    }

    /// A stream for every depot under `prefix`.
    pub async fn stream(&self, prefix: &str, config: Config) -> Stream {
        let config = Config { name: prefix.to_uppercase(), subjects: vec![format!("{prefix}.>")], ..config };
        self.context().await.create_stream(config).await.unwrap()
    }

    /// What the stream of `prefix` has of `depot`, in order.
    pub async fn batches(&self, prefix: &str, depot: &str) -> Vec<Batch> {
        let stream = self.context().await.get_stream(prefix.to_uppercase()).await.unwrap();
        let (mut found, mut at) = (Vec::new(), 1);
        loop {
            let message = match stream.get_first_raw_message_by_subject(&format!("{prefix}.{depot}.*"), at).await {
                Ok(message) => message,
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => return found,
                Err(error) => panic!("{error}"),
            };
            at = message.sequence + 1;
            found.push(batch(depot, &message.headers, message.payload));
        }
    }
}

fn batch(depot: &str, headers: &HeaderMap, body: bytes::Bytes) -> Batch {
    let header = |name: &str| headers.get(name).unwrap_or_else(|| panic!("no {name}")).as_str();
    let number = |name: &str| header(name).parse::<i64>().unwrap();
    let span = Span {
        depot: depot.to_owned(),
        epoch: header("Depot-Epoch").to_owned(),
        epoch_from: number("Depot-Epoch-From"),
        lane: Lane::parse(header("Depot-Lane")).unwrap(),
        first: number("Depot-First-Seq"),
        last: number("Depot-Last-Seq"),
    };
    Batch { span, records: number("Depot-Records").cast_unsigned(), lost: 0, unpacked: 0, body }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

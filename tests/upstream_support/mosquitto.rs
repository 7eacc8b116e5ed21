//! A Mosquitto of one's own that keeps its state on the disk, and a head office behind it as `docs/upstream.md` describes it. Both
//! can be killed.

use super::postgres::free_port;
use depotd::batch::{Batch, Known, Span};
use depotd::model::Lane;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A broker. Ends when it is dropped.
pub struct Broker {
    dir: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Broker {
    /// Starts one with more lines of settings.
    pub async fn start(more: &str) -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let settings = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location {}/\nautosave_interval 1\n\
             autosave_on_changes true\nmax_queued_messages 0\nmax_queued_bytes 0\nlog_dest none\n{more}\n",
            dir.path().display()
        );
        std::fs::write(dir.path().join("conf"), settings).unwrap();
        let mut broker = Self { dir, port, child: None };
        broker.launch().await;
        broker
    }

    async fn launch(&mut self) {
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        let mut command = Command::new("mosquitto");
        command.env("PATH", path).arg("-c").arg(self.dir.path().join("conf"));
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        for _ in 0..500 {
            if tokio::net::TcpStream::connect(self.address()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("mosquitto did not start");
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub async fn kill_and_restart(&mut self) {
        self.kill();
        self.launch().await;
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// A client of its own, connected as soon as its events are asked for.
    pub fn client(&self, id: &str) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new(id, "127.0.0.1", self.port);
        options.set_clean_start(false).set_session_expiry_interval(Some(3_600)).set_manual_acks(true);
        options.set_max_packet_size(Some(2 << 20));
        AsyncClient::new(options, 10_000)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What head office has of a depot.
#[derive(Clone, Default)]
pub struct Kept {
    pub batches: Vec<Batch>,
    through: BTreeMap<(Lane, String), i64>,
}

impl Kept {
    /// Takes a batch when it is the next of its lane; `false`: numbers before it are missing.
    fn take(&mut self, batch: Batch) -> bool {
        let span = &batch.span;
        let through = self.through.entry((span.lane, span.epoch.clone())).or_insert(span.epoch_from - 1);
        if span.first == *through + 1 {
            *through = span.last;
            self.batches.push(batch);
            return true;
        }
        span.last <= *through
    }

    fn known(&self) -> Vec<Known> {
        // A lane of which nothing is there goes on from the start.
        let none = Lane::ALL.into_iter().filter(|lane| lane.is_durable()).map(|lane| Known::new(String::new(), lane, 0));
        let some = self.through.iter().map(|((lane, epoch), through)| Known::new(epoch.clone(), *lane, *through));
        none.chain(some).collect()
    }
}

/// The disk of head office: what is in here was committed.
pub type Disk = Arc<Mutex<BTreeMap<String, Kept>>>;

/// Head office's consumer. Dies when it is dropped.
pub struct Consumer(JoinHandle<()>);

impl Consumer {
    pub fn start(broker: &Broker, disk: &Disk) -> Self {
        let (client, events) = broker.client("head-office");
        Self(tokio::spawn(consume(client, events, Arc::clone(disk))))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn consume(client: AsyncClient, mut events: EventLoop, disk: Disk) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let filters = ["bookings", "dispatch", "history", "live", "hello"];
                let filters = filters.map(|last| Filter::new(format!("depotd/+/{last}"), QoS::AtLeastOnce));
                client.try_subscribe_many(filters).unwrap();
                for (depot, kept) in &*disk.lock().unwrap() {
                    tell_all(&client, depot, kept);
                }
            }
            Ok(Event::Incoming(Packet::Publish(said))) => {
                hear(&client, &said, &disk);
                client.try_ack(&said).unwrap();
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn tell(client: &AsyncClient, depot: &str, word: serde_json::Value) {
    client.try_publish(format!("depotd/{depot}/ack"), QoS::AtLeastOnce, false, word.to_string()).unwrap();
}

fn tell_all(client: &AsyncClient, depot: &str, kept: &Kept) {
    tell(client, depot, serde_json::json!({"items": kept.known()}));
}

fn hear(client: &AsyncClient, said: &Publish, disk: &Disk) {
    let topic = std::str::from_utf8(&said.topic).unwrap();
    let [_, depot, last] = topic.split('/').collect::<Vec<_>>()[..] else { panic!("{topic}") };
    let mut disk = disk.lock().unwrap();
    let kept = disk.entry(depot.to_owned()).or_default();
    match Lane::parse(last) {
        None => tell_all(client, depot, kept),
        Some(Lane::Live) => {}
        Some(lane) => {
            let Some(batch) = batch(depot, lane, said) else { return };
            let epoch = batch.span.epoch.clone();
            if !kept.take(batch) {
                tell_all(client, depot, kept);
            } else if lane == Lane::Bookings {
                let through = kept.through[&(lane, epoch.clone())];
                tell(client, depot, serde_json::json!({"lane": lane, "epoch": epoch, "through": through}));
            }
        }
    }
}

fn batch(depot: &str, lane: Lane, said: &Publish) -> Option<Batch> {
    let properties = &said.properties.as_ref()?.user_properties;
    let property = |name: &str| properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let number = |name: &str| property(name)?.parse::<i64>().ok();
    let span = Span {
        depot: depot.to_owned(),
        epoch: property("depot-epoch")?.to_owned(),
        epoch_from: number("depot-epoch-from")?,
        lane,
        first: number("depot-first-seq")?,
        last: number("depot-last-seq")?,
    };
    Some(Batch { span, records: number("depot-records")?.cast_unsigned(), lost: 0, unpacked: 0, body: said.payload.clone() })
}

//! A depot's MQTT side in a temporary directory, and a client that says exactly the bytes it is told.

#![allow(dead_code, reason = "each test binary uses a part")]

use depotd::clock::Clock;
use depotd::config::Config;
use depotd::fleet::Fleet;
use depotd::model::{DeviceId, Timestamp, VehicleId};
use depotd::mqtt::{Deps, Guard, Observer};
use depotd::ops::certificates::Certificates;
use depotd::store::Db;
use depotd::telemetry::Inspector;
use depotd::tracks::Tracks;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub mod depot;
pub mod tls;
pub use depot::Depot;

pub const PATIENCE: Duration = Duration::from_secs(10);

/// A packet as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    pub first: u8,
    pub body: Vec<u8>,
}

impl Packet {
    pub fn kind(&self) -> u8 {
        self.first >> 4
    }
    /// Topic and payload of a v3.1.1 PUBLISH.
    pub fn message(&self) -> (String, String) {
        assert_eq!(self.kind(), 3, "{self:?}");
        let len = usize::from(self.body[0]) << 8 | usize::from(self.body[1]);
        let topic = String::from_utf8(self.body[2..2 + len].to_vec()).unwrap();
        let skip = if self.first & 6 == 0 { 0 } else { 2 };
        (topic, String::from_utf8_lossy(&self.body[2 + len + skip..]).into_owned())
    }
    /// The packet id of a QoS 1 PUBLISH, or of an acknowledgement.
    pub fn pkid(&self) -> u16 {
        let at = if self.kind() == 3 { 2 + (usize::from(self.body[0]) << 8 | usize::from(self.body[1])) } else { 0 };
        u16::from_be_bytes([self.body[at], self.body[at + 1]])
    }
}

/// A raw client.
pub struct Client {
    pub stream: TcpStream,
    pub level: u8,
}

pub fn text(s: &str) -> Vec<u8> {
    let mut out = u16::try_from(s.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(s.as_bytes());
    out
}

pub fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    let mut len = body.len();
    loop {
        let byte = u8::try_from(len % 128).unwrap();
        len /= 128;
        out.push(if len > 0 { byte | 128 } else { byte });
        if len == 0 {
            break;
        }
    }
    out.extend_from_slice(body);
    out
}

/// How to connect.
#[derive(Clone)]
pub struct Hello<'a> {
    pub level: u8,
    pub client_id: &'a str,
    pub user: &'a str,
    pub password: &'a str,
    pub clean: bool,
    pub keep_alive: u16,
    pub will: Option<(&'a str, &'a str)>,
    /// v5 properties of the will.
    pub will_properties: Vec<u8>,
    /// v5 properties of the CONNECT.
    pub properties: Vec<u8>,
}

impl<'a> Hello<'a> {
    pub fn new(user: &'a str, password: &'a str) -> Self {
        Self {
            level: 4,
            client_id: user,
            user,
            password,
            clean: true,
            keep_alive: 0,
            will: None,
            will_properties: Vec::new(),
            properties: Vec::new(),
        }
    }
    pub fn bytes(&self) -> Vec<u8> {
        let mut body = text("MQTT");
        let flags = 0xC0 | if self.clean { 2 } else { 0 } | if self.will.is_some() { 4 } else { 0 };
        body.extend([self.level, flags]);
        body.extend(self.keep_alive.to_be_bytes());
        if self.level == 5 {
            body.push(u8::try_from(self.properties.len()).unwrap());
            body.extend(&self.properties);
        }
        body.extend(text(self.client_id));
        if let Some((topic, message)) = self.will {
            if self.level == 5 {
                body.push(u8::try_from(self.will_properties.len()).unwrap());
                body.extend(&self.will_properties);
            }
            body.extend(text(topic));
            body.extend(text(message));
        }
        body.extend(text(self.user));
        body.extend(text(self.password));
        packet(0x10, &body)
    }
}

impl Client {
    pub async fn open(addr: SocketAddr, level: u8) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, level }
    }

    /// Connects and returns the CONNACK's code.
    pub async fn hello(addr: SocketAddr, hello: &Hello<'_>) -> (Self, Packet) {
        let mut client = Self::open(addr, hello.level).await;
        client.send(&hello.bytes()).await;
        let connack = client.read().await.expect("a CONNACK");
        assert_eq!(connack.kind(), 2, "{connack:?}");
        (client, connack)
    }

    /// Connects and must be let in.
    pub async fn enter(addr: SocketAddr, hello: &Hello<'_>) -> Self {
        let (client, connack) = Self::hello(addr, hello).await;
        assert_eq!(connack.body[1], 0, "refused: {connack:?}");
        client
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub fn publish_bytes(&self, topic: &str, payload: &str, qos: u8, pkid: u16, flags: u8) -> Vec<u8> {
        let mut body = text(topic);
        if qos > 0 {
            body.extend(pkid.to_be_bytes());
        }
        if self.level == 5 {
            body.push(0);
        }
        body.extend(payload.as_bytes());
        packet(0x30 | (qos << 1) | flags, &body)
    }

    pub async fn publish(&mut self, topic: &str, payload: &str, qos: u8, pkid: u16) {
        let bytes = self.publish_bytes(topic, payload, qos, pkid, 0);
        self.send(&bytes).await;
    }

    /// Subscribes and returns the SUBACK's codes.
    pub async fn subscribe(&mut self, filters: &[&str], qos: u8) -> Vec<u8> {
        let mut body = vec![0, 9];
        if self.level == 5 {
            body.push(0);
        }
        for filter in filters {
            body.extend(text(filter));
            body.push(qos);
        }
        self.send(&packet(0x82, &body)).await;
        loop {
            let answer = self.read().await.expect("a SUBACK");
            if answer.kind() == 9 {
                return answer.body[if self.level == 5 { 3 } else { 2 }..].to_vec();
            }
        }
    }

    pub async fn puback(&mut self, pkid: u16) {
        self.send(&packet(0x40, &pkid.to_be_bytes())).await;
    }

    /// The next packet; `None` when the server closed the connection.
    pub async fn read(&mut self) -> Option<Packet> {
        tokio::time::timeout(PATIENCE, read_packet(&mut self.stream)).await.expect("the server says nothing")
    }

    /// A round trip: everything sent before has been looked at, and nothing but the answer came.
    pub async fn ping(&mut self) {
        self.send(&[0xC0, 0]).await;
        assert_eq!(self.read().await.expect("a PINGRESP").kind(), 13);
    }

    /// Reads until the server closes; returns what came before.
    pub async fn closed(&mut self) -> Vec<Packet> {
        let mut seen = Vec::new();
        while let Some(packet) = self.read().await {
            seen.push(packet);
        }
        seen
    }
}

pub async fn read_packet<S: AsyncReadExt + Unpin>(stream: &mut S) -> Option<Packet> {
    let first = stream.read_u8().await.ok()?;
    let (mut len, mut shift) = (0usize, 0);
    loop {
        let byte = stream.read_u8().await.ok()?;
        len |= usize::from(byte & 127) << shift;
        shift += 7;
        if byte & 128 == 0 {
            break;
        }
    }
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await.ok()?;
    Some(Packet { first, body })
}

/// A native fix, `n` seconds after some start.
pub fn fix(n: i64) -> String {
    format!(r#"{{"ts":{},"lat":{},"lon":1.5}}"#, 1_800_000_000_000 + n * 1000, 42.5 + n as f64 * 1e-5)
}

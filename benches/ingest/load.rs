//! A frugal MQTT 3.1.1 client: it writes ready packets and counts acknowledgements.

use crate::fixes::{Drive, put_length};
use anyhow::{Context as _, Result, bail, ensure};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNACK: u8 = 2;
const PUBACK: u8 = 4;
const SUBACK: u8 = 9;
/// A broker that stays silent for longer than this has failed the bench.
const PATIENCE: Duration = Duration::from_secs(60);

/// One open session.
pub struct Client {
    stream: TcpStream,
    /// Bytes read and not yet understood.
    rest: Vec<u8>,
    out: Vec<u8>,
}

impl Client {
    /// Opens a clean session and waits for its CONNACK.
    pub async fn open(broker: SocketAddr, name: &str, password: &str) -> Result<Self> {
        let stream = TcpStream::connect(broker).await?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, rest: Vec::with_capacity(8192), out: Vec::new() };
        let mut body = Vec::from(*b"\0\x04MQTT\x04\xc2\x00\x00");
        for text in [name, name, password] {
            body.extend(u16::try_from(text.len())?.to_be_bytes());
            body.extend(text.as_bytes());
        }
        client.send(0x10, &body).await?;
        ensure!(client.expect(CONNACK).await? == 0, "{name} was refused");
        Ok(client)
    }

    /// Subscribes to `#`.
    pub async fn subscribe_to_all(&mut self, qos: u8) -> Result<()> {
        self.send(0x82, &[0, 1, 0, 1, b'#', qos]).await?;
        ensure!(self.expect(SUBACK).await? <= 2, "the subscription was refused");
        Ok(())
    }

    /// Reads and forgets until the broker closes; acknowledges nothing.
    pub async fn swallow(mut self) -> Result<()> {
        let mut sink = vec![0; 256 * 1024];
        while self.stream.read(&mut sink).await? > 0 {}
        Ok(())
    }

    /// Publishes `count` fixes, never more than `inflight` of them unacknowledged; returns when all are acknowledged.
    pub async fn publish(&mut self, drive: &mut Drive, count: u32, inflight: u32) -> Result<()> {
        let (mut sent, mut acknowledged) = (0, 0);
        while acknowledged < count {
            let room = (inflight - (sent - acknowledged)).min(count - sent);
            if room > 0 {
                self.out.clear();
                drive.put(room, &mut self.out);
                self.stream.write_all(&self.out).await?;
                sent += room;
            }
            acknowledged += self.acknowledgements().await?;
        }
        Ok(())
    }

    /// Waits for at least one PUBACK and counts all that have come.
    async fn acknowledgements(&mut self) -> Result<u32> {
        let mut count = 0;
        while count == 0 {
            self.fill().await?;
            let mut used = 0;
            while let Some((kind, length, _)) = packet(&self.rest[used..]) {
                count += u32::from(kind == PUBACK);
                used += length;
            }
            self.rest.drain(..used);
        }
        Ok(count)
    }

    async fn send(&mut self, first: u8, body: &[u8]) -> Result<()> {
        let mut packet = vec![first];
        put_length(&mut packet, body.len());
        packet.extend(body);
        Ok(self.stream.write_all(&packet).await?)
    }

    /// Waits for a packet of the kind and returns its last byte, which is its code.
    async fn expect(&mut self, wanted: u8) -> Result<u8> {
        loop {
            while let Some((kind, length, code)) = packet(&self.rest) {
                self.rest.drain(..length);
                if kind == wanted {
                    return Ok(code);
                }
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.rest)).await.context("the broker is silent")??;
        if read == 0 {
            bail!("the broker closed the connection");
        }
        Ok(())
    }
}

/// The kind, length and last byte of the packet that `bytes` begins with, when it is complete.
fn packet(bytes: &[u8]) -> Option<(u8, usize, u8)> {
    let (mut length, mut head) = (0_usize, 1);
    loop {
        let byte = *bytes.get(head)?;
        length |= usize::from(byte & 0x7f) << (7 * (head - 1));
        head += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let last = bytes.get(..head + length)?.last()?;
    Some((bytes[0] >> 4, head + length, *last))
}

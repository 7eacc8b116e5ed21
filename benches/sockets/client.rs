//! As much of a Socket.IO client as the bench needs: one WebSocket, text events, answers in order.

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A connection that is let in.
pub struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
}

impl Client {
    /// Connects with these credentials.
    pub async fn open(http: SocketAddr, auth: &Value) -> Result<Self> {
        let url = format!("ws://{http}/socket.io/?EIO=4&transport=websocket");
        let (socket, _) = tokio_tungstenite::connect_async(url).await?;
        let mut client = Self { socket, next: 0 };
        ensure!(client.packet().await?.starts_with('0'), "no open packet");
        client.send(format!("40{auth}")).await?;
        let answer = client.packet().await?;
        ensure!(answer.starts_with("40"), "not let in: {answer}");
        Ok(client)
    }

    async fn send(&mut self, packet: String) -> Result<()> {
        Ok(self.socket.send(Message::text(packet)).await?)
    }

    /// The next packet that is no ping.
    async fn packet(&mut self) -> Result<String> {
        loop {
            match self.socket.next().await.context("the depot closed")?? {
                Message::Text(text) if text.as_str() == "2" => self.send("3".to_owned()).await?,
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(frame) => bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// Says something and waits for the answer; what else comes meanwhile is passed over.
    pub async fn ask(&mut self, event: &str, body: &Value) -> Result<Value> {
        self.next += 1;
        let (head, id) = (format!("43{}", self.next), self.next);
        self.send(format!("42{id}[\"{event}\",{body}]")).await?;
        loop {
            let packet = self.packet().await?;
            if let Some(answer) = packet.strip_prefix(&head).filter(|answer| answer.starts_with('[')) {
                return Ok(serde_json::from_str::<Value>(answer)?[0].take());
            }
        }
    }

    /// Counts the frames that come until then.
    pub async fn watch(&mut self, until: Instant) -> Result<u64> {
        let mut seen = 0;
        while let Ok(packet) = tokio::time::timeout_at(until.into(), self.packet()).await {
            seen += u64::from(packet?.starts_with("42[\"delta\""));
        }
        Ok(seen)
    }
}

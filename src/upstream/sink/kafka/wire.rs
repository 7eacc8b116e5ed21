//! One connection to a broker: requests and answers in frames, over TCP or TLS.

use super::super::Fault;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse, FetchRequest, FetchResponse,
    InitProducerIdRequest, InitProducerIdResponse, ListOffsetsRequest, ListOffsetsResponse, MetadataRequest, MetadataResponse,
    ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// An answer is never longer.
const MAX_ANSWER: usize = 16 << 20;

/// Host and port of a broker.
pub type Address = (String, u16);

/// A request that depotd makes: its key, the versions that it speaks, what answers it.
pub trait Ask: Encodable + HeaderVersion {
    const KEY: ApiKey;
    const LEAST: i16;
    const MOST: i16;
    type Answer: Decodable + HeaderVersion;
}

macro_rules! asks {
    ($($request:ty => $answer:ty, $key:ident $least:literal to $most:literal;)*) => {
        $(impl Ask for $request {
            const KEY: ApiKey = ApiKey::$key;
            const LEAST: i16 = $least;
            const MOST: i16 = $most;
            type Answer = $answer;
        })*
    };
}

// Kafka 1.0 to 4.x. Later versions name topics by id, which is of no use here.
asks! {
    ApiVersionsRequest => ApiVersionsResponse, ApiVersions 0 to 0;
    SaslHandshakeRequest => SaslHandshakeResponse, SaslHandshake 1 to 1;
    SaslAuthenticateRequest => SaslAuthenticateResponse, SaslAuthenticate 0 to 2;
    MetadataRequest => MetadataResponse, Metadata 4 to 12;
    CreateTopicsRequest => CreateTopicsResponse, CreateTopics 2 to 7;
    InitProducerIdRequest => InitProducerIdResponse, InitProducerId 0 to 4;
    ProduceRequest => ProduceResponse, Produce 3 to 11;
    ListOffsetsRequest => ListOffsetsResponse, ListOffsets 1 to 7;
    FetchRequest => FetchResponse, Fetch 4 to 12;
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Stream for T {}

/// A connection.
pub struct Conn {
    stream: Box<dyn Stream>,
    name: String,
    client: StrBytes,
    versions: BTreeMap<i16, (i16, i16)>,
    asked: i32,
}

impl Conn {
    /// Connects within `patience` and asks which versions the broker speaks.
    pub async fn open(address: &Address, tls: Option<&Arc<ClientConfig>>, client: &str, patience: Duration) -> Result<Self, Fault> {
        let (host, port) = address;
        let name = format!("{host}:{port}");
        let opened = tokio::time::timeout(patience, async {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            let Some(tls) = tls else { return Ok::<Box<dyn Stream>, std::io::Error>(Box::new(stream)) };
            let server = ServerName::try_from(host.clone()).map_err(std::io::Error::other)?;
            Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(server, stream).await?))
        });
        let stream = match opened.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Fault::new(format!("broker {name}: {error}"))),
            Err(_) => return Err(Fault::new(format!("broker {name}: no connection within {patience:?}"))),
        };
        let client = StrBytes::from_string(client.to_owned());
        let mut conn = Self { stream, name, client, versions: BTreeMap::new(), asked: 0 };
        let spoken = conn.ask_in(&ApiVersionsRequest::default(), 0).await?;
        conn.versions = spoken.api_keys.iter().map(|key| (key.api_key, (key.min_version, key.max_version))).collect();
        Ok(conn)
    }

    /// Where it leads, like `kafka.example.com:9092`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks in the newest version that both speak.
    pub async fn ask<R: Ask>(&mut self, request: &R) -> Result<R::Answer, Fault> {
        let version = self.version::<R>()?;
        self.ask_in(request, version).await
    }

    fn version<R: Ask>(&self) -> Result<i16, Fault> {
        let (least, most) = self.versions.get(&(R::KEY as i16)).copied().unwrap_or((0, -1));
        let version = most.min(R::MOST);
        if version < least.max(R::LEAST) {
            let (name, ours) = (&self.name, (R::LEAST, R::MOST));
            let what = format!(
                "broker {name} speaks versions {least} to {most} of {:?}, depotd {} to {}: Kafka 1.0 or newer is needed",
                R::KEY,
                ours.0,
                ours.1
            );
            return Err(Fault::new(what));
        }
        Ok(version)
    }

    async fn ask_in<R: Ask>(&mut self, request: &R, version: i16) -> Result<R::Answer, Fault> {
        self.asked = self.asked.wrapping_add(1);
        let frame = self.frame(request, version)?;
        let answer = match self.exchange(&frame).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                let what = "it closed the connection: so do brokers that want TLS, or a user and a secret";
                return Err(Fault::new(format!("broker {} on {:?}: {what}", self.name, R::KEY)));
            }
            Err(error) => return Err(Fault::new(format!("broker {} on {:?}: {error}", self.name, R::KEY))),
        };
        self.read::<R>(answer, version)
    }

    fn frame<R: Ask>(&self, request: &R, version: i16) -> Result<BytesMut, Fault> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY as i16)
            .with_request_api_version(version)
            .with_correlation_id(self.asked)
            .with_client_id(Some(self.client.clone()));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        header.encode(&mut frame, R::header_version(version)).map_err(Fault::new)?;
        request.encode(&mut frame, version).map_err(Fault::new)?;
        let length = i32::try_from(frame.len() - 4).map_err(|_| Fault::new("the request is longer than 2 GiB"))?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(frame)
    }

    async fn exchange(&mut self, frame: &[u8]) -> std::io::Result<Bytes> {
        self.stream.write_all(frame).await?;
        self.stream.flush().await?;
        let length = self.stream.read_i32().await?;
        let length = usize::try_from(length).ok().filter(|length| *length <= MAX_ANSWER).ok_or_else(|| {
            std::io::Error::other("its answer is none of Kafka's: does another service listen there, or one that wants TLS?")
        })?;
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await?;
        Ok(answer.into())
    }

    fn read<R: Ask>(&self, mut answer: Bytes, version: i16) -> Result<R::Answer, Fault> {
        let wrong =
            |why: String| Fault::new(format!("broker {} answered {:?} with something else than it should: {why}", self.name, R::KEY));
        let header = ResponseHeader::decode(&mut answer, R::Answer::header_version(version)).map_err(|e| wrong(e.to_string()))?;
        if header.correlation_id != self.asked {
            return Err(wrong(format!("answer {} to question {}", header.correlation_id, self.asked)));
        }
        R::Answer::decode(&mut answer, version).map_err(|e| wrong(e.to_string()))
    }
}

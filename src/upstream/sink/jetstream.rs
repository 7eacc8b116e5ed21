//! A connection to NATS JetStream and the streams that take depots' batches: used by the `nats` sink, and by the receiver that
//! hands on what it has stored.
//!
//! A message's headers say what it covers. "Expected last subject sequence" keeps a batch that comes a second time from being
//! stored twice, also after the server has forgotten its message id.

use super::{Fault, tls};
use crate::batch::{Batch, Known};
use crate::config::SinkSettings;
use crate::model::Lane;
use async_nats::jetstream::context::{Context, GetStreamByNameErrorKind, PublishErrorKind};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use async_nats::{ConnectOptions, Event, HeaderMap, header, jetstream};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Room for a message's headers beside its body.
const HEADERS: usize = 1_024;
/// Letters of an nkey's seed.
const SEED: usize = 58;

/// A connection that is not made again: whoever loses it opens a new one and asks anew what is there.
pub struct JetStream {
    context: Context,
    prefix: String,
    max_payload: usize,
    lost: CancellationToken,
    /// The stream of each depot.
    streams: BTreeMap<String, Stream>,
}

/// The last message of a lane.
pub struct Last {
    /// Its number in the stream, 0 when there is none.
    pub sequence: u64,
    /// What it covers.
    pub known: Option<Known>,
    /// Nothing is there, but the stream's limits may have taken what was.
    pub forgotten: bool,
}

/// What became of a message.
pub enum Put {
    /// It is stored under this number.
    Stored(u64),
    /// The lane's last message is another one than was expected.
    Overtaken,
    /// The server or the stream takes no message of this size.
    TooLarge,
}

impl JetStream {
    /// Connects as `settings` say; the server's list of connections shows `name`.
    pub async fn connect(settings: &SinkSettings, name: &str, timeout: Duration) -> Result<Self, Fault> {
        let lost = CancellationToken::new();
        let tell = lost.clone();
        let options = ConnectOptions::new()
            .name(name)
            .connection_timeout(timeout)
            .tls_client_config(tls::client(settings)?)
            .require_tls(settings.url.starts_with("tls://"))
            // The library would connect again by itself, and send what was not sent yet: at most once, and by then nobody asks any more.
            .max_reconnects(1)
            .event_callback(move |event| {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    tell.cancel();
                }
                std::future::ready(())
            });
        let client = authenticated(options, settings)?.connect(&settings.url).await.map_err(Fault::new)?;
        let max_payload = client.server_info().max_payload;
        let mut context = jetstream::new(client);
        context.set_timeout(timeout);
        Ok(Self { context, prefix: settings.prefix.clone(), max_payload, lost, streams: BTreeMap::new() })
    }

    /// Has the connection ended?
    pub fn is_lost(&self) -> bool {
        self.lost.is_cancelled()
    }

    fn subject(&self, depot: &str, last: &str) -> String {
        format!("{}.{depot}.{last}", self.prefix)
    }

    /// The answer, or a fault as soon as the connection is lost.
    async fn hold<T>(lost: &CancellationToken, asked: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        tokio::select! {
            biased;
            answer = asked => answer,
            () = lost.cancelled() => Err(Fault::new("the connection to the server was lost")),
        }
    }

    /// The stream that takes the subjects of `depot`; made when nobody made one.
    async fn stream(&mut self, depot: &str) -> Result<&Stream, Fault> {
        if !self.streams.contains_key(depot) {
            let stream = Self::hold(&self.lost, self.find(depot)).await?;
            let config = &stream.cached_info().config;
            if config.retention != RetentionPolicy::Limits {
                return Err(Fault::new(format!(
                    "the stream {} drops what was read: its retention must be limits, so that its last message tells how far it is",
                    config.name
                )));
            }
            self.streams.insert(depot.to_owned(), stream);
        }
        self.streams.get(depot).ok_or_else(|| Fault::new("no stream"))
    }

    async fn find(&self, depot: &str) -> Result<Stream, Fault> {
        let name = match self.context.stream_by_subject(self.subject(depot, Lane::Bookings.as_str())).await {
            Ok(name) => name,
            Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => {
                let config = Config {
                    name: self.prefix.to_uppercase().replace(['.', ' '], "_"),
                    subjects: vec![format!("{}.>", self.prefix)],
                    storage: StorageType::File,
                    ..Config::default()
                };
                let made = self.context.create_stream(&config).await;
                made.map_err(|e| Fault::new(format!("no stream takes {}.>, and {} cannot be made: {e}", self.prefix, config.name)))?;
                config.name
            }
            Err(error) => return Err(Fault::new(format!("the streams cannot be listed: {error}"))),
        };
        self.context.get_stream(name).await.map_err(Fault::new)
    }

    /// The last message of `lane` of `depot`. One that no depot wrote is a fault: nobody could tell how far the lane is.
    pub async fn last(&mut self, depot: &str, lane: Lane) -> Result<Last, Fault> {
        let (subject, lost) = (self.subject(depot, lane.as_str()), self.lost.clone());
        let stream = self.stream(depot).await?;
        let config = &stream.cached_info().config;
        let asked = async {
            match stream.get_last_raw_message_by_subject(&subject).await {
                Ok(message) => {
                    let known = covered(&message, lane).ok_or_else(|| {
                        Fault::new(format!(
                            "message {} of the stream {} is the last of {subject}, but no depot wrote it: remove it",
                            message.sequence, config.name
                        ))
                    })?;
                    Ok(Last { sequence: message.sequence, known: Some(known), forgotten: false })
                }
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                    Ok(Last { sequence: 0, known: None, forgotten: forgets(config) })
                }
                Err(error) => Err(Fault::new(error)),
            }
        };
        Self::hold(&lost, asked).await
    }

    /// Publishes `batch` behind message `expected` of its lane; `None`: whatever is there.
    pub async fn put(&mut self, batch: &Batch, expected: Option<u64>) -> Result<Put, Fault> {
        let (subject, lost) = (self.subject(&batch.span.depot, batch.span.lane.as_str()), self.lost.clone());
        let (context, max_payload) = (self.context.clone(), self.max_payload);
        let config = &self.stream(&batch.span.depot).await?.cached_info().config;
        let most = usize::try_from(config.max_message_size).map_or(max_payload, |most| if most == 0 { max_payload } else { most });
        if batch.body.len() + HEADERS > most.min(max_payload) {
            return Ok(Put::TooLarge);
        }
        let name = &config.name;
        let sent = async {
            let answer = match context.publish_with_headers(subject, headers(batch, expected), batch.body.clone()).await {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(stored) => Ok(Put::Stored(stored.sequence)),
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Put::Overtaken),
                Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => Ok(Put::TooLarge),
                Err(error) => Err(Fault::new(format!("the stream {name} did not take a batch: {error}"))),
            }
        };
        Self::hold(&lost, sent).await
    }

    /// The first message for `depot` under the subject that ends with `last`, from number `from` on.
    pub async fn next(&mut self, depot: &str, last: &str, from: u64) -> Result<Option<(u64, Bytes)>, Fault> {
        let (subject, lost) = (self.subject(depot, last), self.lost.clone());
        let stream = self.stream(depot).await?;
        let asked = async {
            match stream.get_first_raw_message_by_subject(&subject, from).await {
                Ok(message) => Ok(Some((message.sequence, message.payload))),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(Fault::new(error)),
            }
        };
        Self::hold(&lost, asked).await
    }
}

/// Whom the server is to take us for: a credentials file, an nkey's seed, a user with a password, a token.
fn authenticated(options: ConnectOptions, settings: &SinkSettings) -> Result<ConnectOptions, Fault> {
    let Some(secret) = settings.secret().map_err(Fault::new)? else { return Ok(options) };
    if let Some(user) = &settings.user {
        return Ok(options.user_and_password(user.clone(), secret));
    }
    if secret.contains("BEGIN NATS USER JWT") {
        return options.credentials(&secret).map_err(|e| Fault::new(format!("the secret is no credentials file: {e}")));
    }
    if secret.len() == SEED && secret.starts_with("SU") {
        return Ok(options.nkey(secret));
    }
    Ok(options.token(secret))
}

/// May a stream have held what it does not hold any more?
fn forgets(config: &Config) -> bool {
    let bounded = config.max_messages > 0 || config.max_bytes > 0;
    !config.max_age.is_zero() || (bounded && config.discard == DiscardPolicy::Old)
}

fn covered(message: &StreamMessage, lane: Lane) -> Option<Known> {
    let epoch = message.headers.get("Depot-Epoch")?.as_str().to_owned();
    let through = message.headers.get("Depot-Last-Seq")?.as_str().parse().ok()?;
    Some(Known::new(epoch, lane, through))
}

fn headers(batch: &Batch, expected: Option<u64>) -> HeaderMap {
    let span = &batch.span;
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/x-ndjson");
    headers.insert("Content-Encoding", "zstd");
    headers.insert("Depot-Epoch", span.epoch.as_str());
    headers.insert("Depot-Epoch-From", span.epoch_from.to_string());
    headers.insert("Depot-Lane", span.lane.as_str());
    headers.insert("Depot-First-Seq", span.first.to_string());
    headers.insert("Depot-Last-Seq", span.last.to_string());
    headers.insert("Depot-Records", batch.records.to_string());
    if let Some(expected) = expected {
        headers.insert(header::NATS_MESSAGE_ID, span.key());
        headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
    }
    headers
}

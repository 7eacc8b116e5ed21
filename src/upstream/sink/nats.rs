//! `nats`: JetStream. A message's headers say what it covers; "expected last subject sequence" keeps a batch that comes a
//! second time from being stored twice, also after the server has forgotten its message id.

use super::{Answer, Fault, Sink, Told, tls};
use crate::batch::{Batch, Known, Order};
use crate::config::SinkSettings;
use crate::model::Lane;
use async_nats::jetstream::context::{Context, PublishErrorKind};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Config, LastRawMessageErrorKind, RawMessageErrorKind, StorageType, Stream};
use async_nats::{ConnectOptions, HeaderMap, header, jetstream};
use std::collections::BTreeMap;
use std::time::Duration;

/// Orders read at once.
const ORDERS: usize = 100;
/// Room for a message's headers beside its body.
const HEADERS: usize = 1_024;

struct Open {
    jetstream: Context,
    stream: Stream,
    max_payload: usize,
    /// The sequence of each lane's last message, 0 when it has none.
    last: BTreeMap<Lane, u64>,
}

pub struct Nats {
    settings: SinkSettings,
    depot: String,
    timeout: Duration,
    open: Option<Open>,
}

impl Nats {
    pub fn new(settings: &SinkSettings, depot: &str, timeout: Duration) -> Result<Self, Fault> {
        tls::client(settings)?;
        Ok(Self { settings: settings.clone(), depot: depot.to_owned(), timeout, open: None })
    }

    fn subject(&self, last: &str) -> String {
        format!("{}.{}.{last}", self.settings.prefix, self.depot)
    }

    async fn open(&mut self) -> Result<&mut Open, Fault> {
        if self.open.is_none() {
            let open = self.connect().await?;
            self.open = Some(open);
        }
        self.open.as_mut().ok_or_else(|| Fault::new("not connected"))
    }

    async fn connect(&self) -> Result<Open, Fault> {
        let mut options = ConnectOptions::new()
            .name(format!("depotd {}", self.depot))
            .connection_timeout(self.timeout)
            .tls_client_config(tls::client(&self.settings)?)
            .require_tls(self.settings.url.starts_with("tls://"));
        options = match (&self.settings.user, self.settings.secret().map_err(Fault::new)?) {
            (Some(user), Some(secret)) => options.user_and_password(user.clone(), secret),
            (None, Some(secret)) => options.token(secret),
            (_, None) => options,
        };
        let client = options.connect(&self.settings.url).await.map_err(Fault::new)?;
        let max_payload = client.server_info().max_payload;
        let mut jetstream = jetstream::new(client);
        jetstream.set_timeout(self.timeout);
        let stream = self.stream(&jetstream).await?;
        Ok(Open { jetstream, stream, max_payload, last: BTreeMap::new() })
    }

    /// The stream that takes this depot's subjects; made when head office has none.
    async fn stream(&self, jetstream: &Context) -> Result<Stream, Fault> {
        let subject = self.subject(Lane::Bookings.as_str());
        let name = match jetstream.stream_by_subject(subject).await {
            Ok(name) => name,
            Err(_) => {
                let config = Config {
                    name: self.settings.prefix.to_uppercase().replace(['.', ' '], "_"),
                    subjects: vec![format!("{}.>", self.settings.prefix)],
                    storage: StorageType::File,
                    ..Config::default()
                };
                jetstream.get_or_create_stream(config).await.map_err(Fault::new)?.cached_info().config.name.clone()
            }
        };
        jetstream.get_stream(name).await.map_err(Fault::new)
    }

    /// The last message of a lane: what it covers, and its sequence.
    async fn last(&mut self, lane: Lane) -> Result<Option<Known>, Fault> {
        let subject = self.subject(lane.as_str());
        let open = self.open().await?;
        match open.stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => {
                open.last.insert(lane, message.sequence);
                Ok(covered(&message, lane))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                open.last.insert(lane, 0);
                Ok(None)
            }
            Err(error) => Err(Fault::new(error)),
        }
    }
}

fn covered(message: &StreamMessage, lane: Lane) -> Option<Known> {
    let epoch = message.headers.get("Depot-Epoch")?.as_str().to_owned();
    let through = message.headers.get("Depot-Last-Seq")?.as_str().parse().ok()?;
    Some(Known { epoch, lane, through })
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

impl Sink for Nats {
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>> {
        Box::pin(async {
            let mut known = Vec::new();
            for lane in Lane::ALL.into_iter().filter(|lane| lane.is_durable()) {
                known.extend(self.last(lane).await?);
            }
            Ok(Some(known))
        })
    }

    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer> {
        Box::pin(async {
            let (span, lane) = (&batch.span, batch.span.lane);
            let subject = self.subject(lane.as_str());
            let open = self.open().await?;
            if batch.body.len() + HEADERS > open.max_payload {
                return Ok(Answer::TooLarge);
            }
            let expected = lane.is_durable().then(|| open.last.get(&lane).copied().unwrap_or(0));
            let sent = open.jetstream.publish_with_headers(subject, headers(batch, expected), batch.body.clone()).await;
            let answer = match sent {
                Ok(answer) => answer.await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(stored) => {
                    open.last.insert(lane, stored.sequence);
                    Ok(Answer::Stored(span.last))
                }
                // Somebody was before us: an attempt of ours of which the answer was lost.
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => match self.last(lane).await? {
                    Some(known) if known.epoch == span.epoch && known.through >= span.last => Ok(Answer::Stored(known.through)),
                    Some(known) if known.epoch == span.epoch => Ok(Answer::Expected(known.through + 1)),
                    _ => Ok(Answer::Expected(span.first)),
                },
                Err(error) => Err(Fault::new(error)),
            }
        })
    }

    fn orders(&mut self, after: i64) -> Told<'_, Vec<Order>> {
        Box::pin(async move {
            let subject = self.subject("orders");
            let open = self.open().await?;
            let (mut found, mut at) = (Vec::new(), after.max(0).cast_unsigned() + 1);
            while found.len() < ORDERS {
                let message = match open.stream.get_first_raw_message_by_subject(&subject, at).await {
                    Ok(message) => message,
                    Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => break,
                    Err(error) => return Err(Fault::new(error)),
                };
                at = message.sequence + 1;
                let Ok(mut order) = serde_json::from_slice::<Order>(&message.payload) else { continue };
                order.seq = message.sequence.cast_signed();
                found.push(order);
            }
            Ok(found)
        })
    }
}

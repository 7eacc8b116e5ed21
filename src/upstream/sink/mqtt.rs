//! `mqtt`: a bridge to any MQTT 5 broker. A broker's PUBACK says that the broker has it, not that somebody stored it, so the
//! bookings' lane waits for head office's own word on `<prefix>/<depot>/ack`: `{"lane","epoch","through"}`.

use super::{Answer, Fault, Sink, Told, tls};
use crate::batch::{Batch, Known};
use crate::config::SinkSettings;
use crate::model::Lane;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The session outlives the connection by so many seconds.
const SESSION_S: u32 = 86_400;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// What the event loop may hold for us.
const HEARD: usize = 64;

/// What the broker or head office said.
#[derive(Debug)]
enum Heard {
    Connected,
    Acked(Result<(), String>),
    Stored(Known),
    Ended(String),
}

struct Open {
    client: AsyncClient,
    heard: mpsc::Receiver<Heard>,
    _work: JoinSet<()>,
}

pub struct Mqtt {
    settings: SinkSettings,
    depot: String,
    timeout: Duration,
    open: Option<Open>,
}

impl Mqtt {
    pub fn new(settings: &SinkSettings, depot: &str, timeout: Duration) -> Result<Self, Fault> {
        tls::client(settings)?;
        Ok(Self { settings: settings.clone(), depot: depot.to_owned(), timeout, open: None })
    }

    fn topic(&self, last: &str) -> String {
        format!("{}/{}/{last}", self.settings.prefix, self.depot)
    }

    fn options(&self) -> Result<MqttOptions, Fault> {
        let wrong = || Fault::new(format!("{:?} must be mqtts://host[:port]", self.settings.url));
        let (scheme, rest) = self.settings.url.split_once("://").ok_or_else(wrong)?;
        let (host, port) = match rest.trim_end_matches('/').rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| wrong())?),
            None => (rest.trim_end_matches('/'), if scheme == "mqtts" { 8883 } else { 1883 }),
        };
        let mut options = MqttOptions::new(format!("depotd-{}-{}", self.depot, self.settings.name), host, port);
        options.set_keep_alive(KEEP_ALIVE).set_clean_start(false).set_session_expiry_interval(Some(SESSION_S));
        options.set_connection_timeout(self.timeout.as_secs().max(1));
        if let Some(secret) = self.settings.secret().map_err(Fault::new)? {
            options.set_credentials(self.settings.user.clone().unwrap_or_else(|| self.depot.clone()), secret);
        }
        if scheme == "mqtts" {
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(tls::client(&self.settings)?))));
        }
        Ok(options)
    }

    async fn open(&mut self) -> Result<&mut Open, Fault> {
        if self.open.is_none() {
            let (client, events) = AsyncClient::new(self.options()?, HEARD);
            let (tell, heard) = mpsc::channel(HEARD);
            let mut work = JoinSet::new();
            work.spawn(listen(events, tell));
            let mut open = Open { client, heard, _work: work };
            open.wait(|heard| matches!(heard, Heard::Connected).then_some(Ok(()))).await?;
            open.client.subscribe(self.topic("ack"), QoS::AtLeastOnce).await.map_err(Fault::new)?;
            self.open = Some(open);
        }
        self.open.as_mut().ok_or_else(|| Fault::new("not connected"))
    }
}

impl Open {
    /// Listens until `wanted` finds what it waits for.
    async fn wait<T>(&mut self, mut wanted: impl FnMut(Heard) -> Option<Result<T, Fault>>) -> Result<T, Fault> {
        loop {
            match self.heard.recv().await {
                None => return Err(Fault::new("the connection ended")),
                Some(Heard::Ended(why)) => return Err(Fault::new(why)),
                Some(heard) => {
                    if let Some(found) = wanted(heard) {
                        return found;
                    }
                }
            }
        }
    }
}

/// Drives the connection: it is not made again here, a line that breaks is opened anew.
async fn listen(mut events: EventLoop, tell: mpsc::Sender<Heard>) {
    loop {
        let heard = match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => Heard::Connected,
            Ok(Event::Incoming(Packet::PubAck(ack))) => Heard::Acked(match ack.reason {
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Ok(()),
                reason => Err(format!("the broker refused a batch: {reason:?}")),
            }),
            Ok(Event::Incoming(Packet::Publish(said))) => match stored(&said.payload) {
                Some(known) => Heard::Stored(known),
                None => continue,
            },
            Ok(_) => continue,
            Err(error) => {
                // Nobody listens any more, or will be told.
                let _ = tell.send(Heard::Ended(error.to_string())).await;
                return;
            }
        };
        if tell.send(heard).await.is_err() {
            return;
        }
    }
}

fn stored(payload: &[u8]) -> Option<Known> {
    serde_json::from_slice(payload).ok()
}

fn properties(batch: &Batch) -> PublishProperties {
    let span = &batch.span;
    let told = [
        ("content-encoding", "zstd".to_owned()),
        ("depot-epoch", span.epoch.clone()),
        ("depot-epoch-from", span.epoch_from.to_string()),
        ("depot-lane", span.lane.as_str().to_owned()),
        ("depot-first-seq", span.first.to_string()),
        ("depot-last-seq", span.last.to_string()),
        ("depot-records", batch.records.to_string()),
    ];
    PublishProperties {
        content_type: Some("application/x-ndjson".to_owned()),
        user_properties: told.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        ..PublishProperties::default()
    }
}

impl Sink for Mqtt {
    /// A broker does not know; the depot's own cursor does.
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>> {
        Box::pin(async {
            self.open().await?;
            Ok(None)
        })
    }

    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer> {
        Box::pin(async {
            let (span, topic) = (&batch.span, self.topic(batch.span.lane.as_str()));
            let open = self.open().await?;
            while let Ok(heard) = open.heard.try_recv() {
                if let Heard::Ended(why) = heard {
                    return Err(Fault::new(why));
                }
            }
            let quality = if span.lane.is_durable() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
            let sent = open.client.publish_with_properties(topic, quality, false, batch.body.clone(), properties(batch));
            sent.await.map_err(Fault::new)?;
            match span.lane {
                Lane::Live => Ok(Answer::Stored(span.last)),
                Lane::Dispatch | Lane::History => {
                    let acked = |heard| match heard {
                        Heard::Acked(said) => Some(said.map_err(Fault::new)),
                        _ => None,
                    };
                    open.wait(acked).await?;
                    Ok(Answer::Stored(span.last))
                }
                Lane::Bookings => {
                    let ours = |known: &Known| known.lane == span.lane && known.epoch == span.epoch && known.through >= span.last;
                    let word = |heard| match heard {
                        Heard::Stored(known) if ours(&known) => Some(Ok(known.through)),
                        Heard::Acked(Err(why)) => Some(Err(Fault::new(why))),
                        _ => None,
                    };
                    Ok(Answer::Stored(open.wait(word).await?))
                }
            }
        })
    }
}

//! `mqtt`: a bridge to any MQTT 5 broker. A broker's PUBACK says that the broker has it, not that somebody stored it, so the
//! bookings' lane waits for head office's own word on `<prefix>/<depot>/ack`. `docs/upstream.md` tells head office's part.

use super::bridge::{Bridge, End, Topics};
use super::{Answer, Fault, Sink, Told, tls};
use crate::batch::{Batch, Known, Order};
use crate::config::SinkSettings;
use crate::model::Lane;
use reqwest::Url;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use rumqttc::{TlsConfiguration, Transport};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The broker keeps orders for a depot that is away so many seconds: 30 days.
const SESSION_S: u32 = 30 * 86_400;
const KEEP_ALIVE: Duration = Duration::from_secs(30);

pub struct Mqtt {
    settings: SinkSettings,
    depot: String,
    timeout: Duration,
    open: Option<Bridge>,
    /// Lanes of which head office told all that it has.
    told: BTreeSet<Lane>,
}

impl Mqtt {
    pub fn new(settings: &SinkSettings, depot: &str, timeout: Duration) -> Result<Self, Fault> {
        let sink = Self { settings: settings.clone(), depot: depot.to_owned(), timeout, open: None, told: BTreeSet::new() };
        // What is wrong with settings and files is told at once, not at the first connection.
        sink.options()?;
        Ok(sink)
    }

    fn topic(&self, last: &str) -> String {
        format!("{}/{}/{last}", self.settings.prefix, self.depot)
    }

    fn options(&self) -> Result<MqttOptions, Fault> {
        let settings = &self.settings;
        let wrong = |why: &str| Fault::new(format!("the url must be mqtts://host[:port]: {why}"));
        let url = Url::parse(&settings.url).map_err(|e| wrong(&e.to_string()))?;
        let encrypted = url.scheme() == "mqtts";
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("it names no host"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must not say who logs in"));
        }
        let port = url.port().unwrap_or(if encrypted { 8_883 } else { 1_883 });
        let mut options = MqttOptions::new(format!("depotd-{}-{}", self.depot, settings.name), host, port);
        // A session is for orders that wait at the broker; batches wait at the depot.
        let session = if settings.orders { SESSION_S } else { 0 };
        options.set_keep_alive(KEEP_ALIVE).set_clean_start(!settings.orders).set_session_expiry_interval(Some(session));
        options.set_connection_timeout(self.timeout.as_secs().max(1));
        if let Some(secret) = settings.secret().map_err(Fault::new)? {
            options.set_credentials(settings.user.clone().unwrap_or_else(|| self.depot.clone()), secret);
        }
        let tls = tls::client(settings)?;
        if encrypted {
            options.set_transport(Transport::Tls(TlsConfiguration::Rustls(Arc::new(tls))));
        }
        Ok(options)
    }

    async fn open(&mut self) -> Result<&Bridge, End> {
        if self.open.is_none() {
            let options = self.options().map_err(|fault| End::Fault(fault.what))?;
            let orders = self.settings.orders.then(|| self.topic("orders"));
            let topics = Topics { ack: self.topic("ack"), hello: self.topic("hello"), orders };
            self.open = Some(Bridge::open(options, topics).await?);
        }
        self.open.as_ref().ok_or_else(|| End::Fault("not connected".to_owned()))
    }

    async fn send(&mut self, batch: &Batch) -> Result<Answer, End> {
        let (span, topic) = (&batch.span, self.topic(batch.span.lane.as_str()));
        let quality = if span.lane.is_durable() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
        let patience = self.timeout * 9 / 10;
        let bridge = self.open().await?;
        bridge.publish(topic, quality, batch.body.clone(), properties(batch)).await?;
        match span.lane {
            Lane::Live => {}
            Lane::Dispatch | Lane::History => bridge.acked().await?,
            Lane::Bookings => {
                // Told by this end before the line loses its patience, which knows only that nothing came.
                return match tokio::time::timeout(patience, bridge.answer(span)).await {
                    Ok(answer) => answer,
                    Err(_) if !bridge.has_acked() => Err(End::Fault(format!("the broker did not answer within {patience:?}"))),
                    Err(_) => Err(End::Silent(format!("head office did not answer on {} within {patience:?}", self.topic("ack")))),
                };
            }
        }
        Ok(Answer::Stored(span.last))
    }
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
    /// A broker does not know; the depot's own cursor does, until head office says what it has.
    fn known(&mut self) -> Told<'_, Option<Vec<Known>>> {
        Box::pin(async {
            self.open().await?;
            Ok(None)
        })
    }

    fn told(&mut self) -> Option<Vec<Known>> {
        let all = self.open.as_ref()?.all()?;
        self.told = all.iter().map(|known| known.lane).collect();
        Some(all)
    }

    fn speaks_of(&self, lane: Lane) -> bool {
        self.told.contains(&lane)
    }

    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Told<'a, Answer> {
        Box::pin(async {
            match self.send(batch).await {
                Ok(answer) => Ok(answer),
                Err(End::TooLarge) => {
                    // Some brokers close the connection over it.
                    self.open = None;
                    Ok(Answer::TooLarge)
                }
                Err(end) => Err(end.into()),
            }
        })
    }

    fn orders(&mut self, after: i64) -> Told<'_, Vec<Order>> {
        Box::pin(async move {
            if !self.settings.orders {
                return Ok(Vec::new());
            }
            Ok(self.open().await?.orders(after).await?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_who() {
        let of = |settings: &SinkSettings| Mqtt::new(settings, "d", Duration::from_secs(1)).and_then(|sink| sink.options());
        let options = |url: &str| of(&SinkSettings::to("n", url));
        assert_eq!(options("mqtts://broker.example").unwrap().broker_address(), ("broker.example".into(), 8_883));
        assert_eq!(options("mqtt://[::1]:77/").unwrap().broker_address(), ("[::1]".into(), 77));
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(secret.path(), "pass\n").unwrap();
        let login = SinkSettings { secret_file: Some(secret.path().into()), ..SinkSettings::to("n", "mqtt://broker") };
        let login = of(&SinkSettings { user: Some("ana".into()), ..login }).unwrap();
        assert_eq!(login.broker_address(), ("broker".into(), 1_883));
        assert_eq!(login.credentials(), Some(rumqttc::v5::mqttbytes::v5::Login::new("ana", "pass")));
        assert!(options("mqtts://:1").is_err());
        for url in ["mqtt://bob:hunter2@host:1x/", "mqtt://bob:hunter2@host"] {
            assert!(!options(url).unwrap_err().what.contains("hunter2"));
        }
    }
}

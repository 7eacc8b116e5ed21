//! The settings of the line to head office.

use super::Hours;
use crate::model::Lane;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The line to head office.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upstream {
    /// The depot's id at head office: letters, digits, `-` and `_`. Needed as soon as there is a sink.
    pub depot: String,
    /// Where to: tables `[[upstream.sinks]]`, each with cursors of its own.
    pub sinks: Vec<SinkSettings>,
    /// Seconds between two tellings of where everyone is.
    pub live_s: u64,
    /// Days after which history that was not sent yet is not sent any more; a gap record says so.
    pub history_days: u32,
    /// Milliseconds that a batch may take.
    pub timeout_ms: u64,
    /// Milliseconds before a failed line is tried again, the first time. Doubles each time, with jitter.
    pub retry_ms: u64,
    /// But never more seconds than this.
    pub retry_most_s: u64,
    /// Seconds between two questions for orders.
    pub orders_s: u64,
    /// Head office's Ed25519 public key, in base64: orders that it did not sign are refused. Empty: no orders are taken.
    pub orders_key: String,
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            depot: String::new(),
            sinks: Vec::new(),
            live_s: 5,
            history_days: 14,
            timeout_ms: 30_000,
            retry_ms: 1_000,
            retry_most_s: 300,
            orders_s: 5,
            orders_key: String::new(),
        }
    }
}

/// One sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SinkSettings {
    /// Its name: cursors and metrics bear it.
    pub name: String,
    /// `https://…`, `postgres://…`, `nats://…` or `tls://…`, `kafkas://…`, `mqtts://…`.
    pub url: String,
    /// The lanes that go there: `bookings`, `dispatch`, `live`, `history`.
    #[serde(default = "all_lanes")]
    pub lanes: Vec<Lane>,
    /// Send the hashes of passwords and of devices' secrets too, so that a new box can take the depot's place.
    #[serde(default)]
    pub credentials: bool,
    /// Take orders from there. One sink at most.
    #[serde(default)]
    pub orders: bool,
    /// A file that holds the password or bearer token.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// An environment variable that holds it.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// Send the secret over a connection that is not encrypted, to another machine.
    #[serde(default)]
    pub unencrypted: bool,
    /// The user name, which only a `postgres://` URL may say itself.
    #[serde(default)]
    pub user: Option<String>,
    /// Certificates in PEM of those to trust instead of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The depot's own certificate in PEM, for mutual TLS.
    #[serde(default)]
    pub cert_file: Option<PathBuf>,
    /// Its key in PEM.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// NATS subject, Kafka topic or MQTT topic in front of depot and lane.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// KiB a second at most; 0: as fast as it goes.
    #[serde(default)]
    pub kib_per_s: u32,
    /// Local hours in which anything is sent, like `06:00-22:00`. Empty: always.
    #[serde(default)]
    pub hours: String,
    /// Local hours in which history is sent. Empty: whenever anything is.
    #[serde(default)]
    pub history_hours: String,
}

/// Where Kafka's brokers listen when nobody says it else.
const KAFKA_PORT: u16 = 9092;
/// A topic's name has 249 characters at most: prefix, depot (64), lane and two dots.
const MAX_KAFKA_PREFIX: usize = 150;

fn all_lanes() -> Vec<Lane> {
    Lane::ALL.to_vec()
}
fn prefix() -> String {
    "depotd".to_owned()
}

/// What a sink's URL says that it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SinkKind {
    /// HTTP, `depotd receive` or a receiver of one's own.
    Http,
    /// PostgreSQL.
    Postgres,
    /// NATS JetStream.
    Nats,
    /// A Kafka cluster.
    Kafka,
    /// An MQTT broker.
    Mqtt,
}

impl SinkKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Postgres => "postgres",
            Self::Nats => "nats",
            Self::Kafka => "kafka",
            Self::Mqtt => "mqtt",
        }
    }
}

impl SinkSettings {
    /// A sink at `url`, all else as it is when nothing is said.
    pub fn to(name: &str, url: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            lanes: all_lanes(),
            credentials: false,
            orders: false,
            secret_file: None,
            secret_env: None,
            unencrypted: false,
            user: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            prefix: prefix(),
            kib_per_s: 0,
            hours: String::new(),
            history_hours: String::new(),
        }
    }

    /// What it is; `None` when its URL names nothing that depotd speaks.
    pub fn kind(&self) -> Option<SinkKind> {
        match self.url.split_once("://")?.0 {
            "http" | "https" => Some(SinkKind::Http),
            "postgres" | "postgresql" => Some(SinkKind::Postgres),
            "nats" | "tls" => Some(SinkKind::Nats),
            "kafka" | "kafkas" => Some(SinkKind::Kafka),
            "mqtt" | "mqtts" => Some(SinkKind::Mqtt),
            _ => None,
        }
    }

    /// The URL as it may be told to anybody: without who logs in how.
    pub fn shown_url(&self) -> String {
        let Some((scheme, rest)) = self.url.split_once("://") else { return "a URL without ://".to_owned() };
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{}", rest.split(['?', '#']).next().unwrap_or_default())
    }

    /// Does the URL itself say who logs in?
    fn has_login(&self) -> bool {
        self.url.split_once("://").is_some_and(|(_, rest)| rest.contains('@'))
    }

    /// Could somebody on the way read the secret?
    fn shows_secret(&self) -> bool {
        let Some((scheme, rest)) = self.url.split_once("://") else { return false };
        let has_secret = self.secret_file.is_some() || self.secret_env.is_some();
        has_secret
            && matches!(scheme, "http" | "nats" | "mqtt" | "kafka")
            && !is_own(rest.split(['/', '?', '#']).next().unwrap_or_default())
    }

    /// Hosts and ports of a Kafka cluster's first brokers, from `kafka://host[:port][,host[:port]]`; `None` when that is not what the URL is.
    pub fn brokers(&self) -> Option<Vec<(String, u16)>> {
        let (_, rest) = self.url.split_once("://")?;
        rest.trim_end_matches('/').split(',').map(broker).collect()
    }

    /// The password or token, from its file or variable.
    pub fn secret(&self) -> std::io::Result<Option<String>> {
        if let Some(file) = &self.secret_file {
            let text = std::fs::read_to_string(file).map_err(|e| std::io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
            return Ok(Some(text.trim_end().to_owned()));
        }
        let Some(name) = &self.secret_env else { return Ok(None) };
        let text = std::env::var(name).map_err(|e| std::io::Error::other(format!("{name}: {e}")))?;
        Ok(Some(text))
    }
}

/// Are all `hosts`, with commas between them, this very machine?
fn is_own(hosts: &str) -> bool {
    let own = |host: &str| host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    hosts.split(',').all(|host| broker(host).is_some_and(|(host, _)| own(&host)))
}

/// `host`, `host:port` or `[::1]:port`.
fn broker(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map_or(Some(KAFKA_PORT), |port| port.parse().ok().filter(|port| *port > 0))?;
    let plain = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    plain.then(|| (host.to_owned(), port))
}

impl Upstream {
    pub(super) fn check(&self, demand: &mut impl FnMut(bool, &str)) {
        let plain =
            |text: &str| !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        demand(self.sinks.is_empty() || plain(&self.depot), "upstream.depot must be set: letters, digits, - and _, 64 at most");
        demand((1..=3_600).contains(&self.live_s), "upstream.live_s must be within 1 to 3600");
        demand(self.history_days >= 1, "upstream.history_days must be at least 1");
        demand((1..=600_000).contains(&self.timeout_ms), "upstream.timeout_ms must be within 1 to 600000");
        demand((1..=60_000).contains(&self.retry_ms), "upstream.retry_ms must be within 1 to 60000");
        demand((1..=86_400).contains(&self.retry_most_s), "upstream.retry_most_s must be within 1 to 86400");
        demand(
            u128::from(self.retry_most_s) * 1_000 >= u128::from(self.retry_ms),
            "upstream.retry_most_s must not be shorter than upstream.retry_ms",
        );
        demand((1..=3_600).contains(&self.orders_s), "upstream.orders_s must be within 1 to 3600");
        demand(self.sinks.iter().filter(|sink| sink.orders).count() <= 1, "upstream.sinks: orders come from one sink only");
        demand(
            self.sinks.iter().all(|sink| !sink.orders) || !self.orders_key.is_empty(),
            "upstream.orders_key must be set when a sink has orders = true",
        );
        let is_key = |text: &str| STANDARD.decode(text).is_ok_and(|key| key.len() == 32);
        demand(
            self.orders_key.is_empty() || is_key(&self.orders_key),
            "upstream.orders_key must be the 32 bytes of an Ed25519 key in base64",
        );
        for (at, sink) in self.sinks.iter().enumerate() {
            let mut of_sink = |ok: bool, what: &str| demand(ok, &format!("upstream.sinks[{at}] {:?}: {what}", sink.name));
            of_sink(plain(&sink.name), "the name must be letters, digits, - and _, 64 at most");
            of_sink(!self.sinks[..at].iter().any(|other| other.name == sink.name), "another sink has that name");
            of_sink(
                sink.kind().is_some(),
                "the url must begin with http, https, postgres, nats, tls, kafka, kafkas, mqtt or mqtts and ://",
            );
            of_sink(
                sink.kind() == Some(SinkKind::Postgres) || !sink.has_login(),
                "the url must not say who logs in: that goes into user, and secret_file or secret_env",
            );
            of_sink(
                sink.unencrypted || !sink.shows_secret(),
                "its secret would go unencrypted to another machine: use https, tls, kafkas or mqtts, or say unencrypted = true",
            );
            if sink.kind() == Some(SinkKind::Kafka) {
                of_sink(sink.brokers().is_some(), "the url must be kafka://host[:port][,host[:port]], or kafkas:// for TLS");
                of_sink(!sink.orders, "orders do not come over Kafka");
                of_sink(
                    !sink.prefix.is_empty()
                        && sink.prefix.len() <= MAX_KAFKA_PREFIX
                        && sink.prefix.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
                    "prefix begins the names of Kafka's topics: letters, digits, ., - and _, 150 at most",
                );
            }
            of_sink(!sink.lanes.is_empty(), "it has no lanes");
            of_sink(sink.cert_file.is_some() == sink.key_file.is_some(), "cert_file and key_file go together");
            of_sink(sink.secret_file.is_none() || sink.secret_env.is_none(), "secret_file and secret_env exclude each other");
            for hours in [&sink.hours, &sink.history_hours] {
                of_sink(hours.is_empty() || Hours::parse(hours).is_some(), "hours are written like 22:00-06:00");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kafka_url_names_brokers() {
        let brokers = |url: &str| {
            let sink: SinkSettings = toml::from_str(&format!("name = \"k\"\nurl = \"{url}\"")).unwrap();
            sink.brokers().map(|all| all.iter().map(|(host, port)| format!("{host} {port}")).collect::<Vec<_>>().join(", "))
        };
        assert_eq!(brokers("kafka://k1,k2.example.com:9093/").as_deref(), Some("k1 9092, k2.example.com 9093"));
        assert_eq!(brokers("kafkas://[fd00::1]:9094,[::1]").as_deref(), Some("fd00::1 9094, ::1 9092"));
        for wrong in
            ["kafka://", "kafka://a,,b", "kafka://a:b", "kafka://a:0", "kafka://u:p@a:1", "kafka://a/topic", "kafka://[::1", "kafka:a"]
        {
            assert_eq!(brokers(wrong), None, "{wrong}");
        }
    }

    fn told(sink: &str) -> String {
        let upstream: Upstream = toml::from_str(&format!("depot = \"d\"\n[[sinks]]\nname = \"k\"\n{sink}")).unwrap();
        let mut told = Vec::new();
        upstream.check(&mut |ok, what: &str| {
            if !ok {
                told.push(what.to_owned())
            }
        });
        told.join("; ")
    }

    #[test]
    fn a_secret_goes_nowhere_in_the_clear_unless_it_is_said() {
        for url in
            ["http://office.example", "nats://10.0.0.7:4222", "mqtt://[fd00::1]", "kafka://localhost,k2:9092", "http://127.0.0.1.example"]
        {
            let secret = "secret_file = \"/s\"";
            assert!(told(&format!("url = \"{url}\"\n{secret}")).contains("unencrypted = true"), "{url}");
            assert_eq!(told(&format!("url = \"{url}\"\nsecret_env = \"S\"\nunencrypted = true")), "", "{url}");
            assert_eq!(told(&format!("url = \"{url}\"")), "", "{url}");
        }
        for url in
            ["https://office.example", "tls://n", "mqtts://b", "kafkas://k", "http://localhost:80/x", "nats://127.3.0.1", "mqtt://[::1]:1"]
        {
            assert_eq!(told(&format!("url = \"{url}\"\nsecret_file = \"/s\"")), "", "{url}");
        }
    }

    #[test]
    fn a_password_is_in_no_url_and_is_never_shown() {
        for url in
            ["http://bob:hunter2@h", "mqtt://bob:hunter2@h:1x/", "nats://hunter2@h", "kafkas://bob:hunter2@k", "mqtts://bob:hun/ter2@h"]
        {
            let told = told(&format!("url = \"{url}\""));
            assert!(told.contains("must not say who logs in") && !told.contains("ter2"), "{told}");
            assert!(!SinkSettings::to("s", url).shown_url().contains("ter2"), "{url}");
        }
        assert_eq!(told("url = \"postgres://bob:hunter2@h/d\""), "");
        let shown = |url: &str| SinkSettings::to("s", url).shown_url();
        assert_eq!(shown("postgres://bob:hunter2@h/d?password=hunter2"), "postgres://h/d");
        assert_eq!((shown("https://h/a"), shown("bob:hunter2")), ("https://h/a".into(), "a URL without ://".into()));
    }

    #[test]
    fn the_longest_pause_is_not_shorter_than_the_first() {
        let faults = |most| {
            let (upstream, mut count) = (Upstream { retry_ms: 60_000, retry_most_s: most, ..Upstream::default() }, 0);
            upstream.check(&mut |ok, what: &str| count += usize::from(!ok && what.contains("retry_most_s")));
            count
        };
        assert_eq!((faults(59), faults(60)), (1, 0));
    }

    #[test]
    fn what_kafka_cannot_name_a_topic_is_told() {
        let faults = |prefix: &str| {
            let sink = format!("depot = \"d\"\n[[sinks]]\nname = \"k\"\nurl = \"kafkas://k\"\nprefix = \"{prefix}\"");
            let (upstream, mut told) = (toml::from_str::<Upstream>(&sink).unwrap(), Vec::new());
            upstream.check(&mut |ok, what: &str| {
                if !ok {
                    told.push(what.to_owned())
                }
            });
            told
        };
        assert_eq!(faults("head-office.depots_eu"), Vec::<String>::new());
        for wrong in ["", "a/b", "a b", "é", &"x".repeat(151)] {
            assert!(faults(wrong).iter().any(|what| what.contains("Kafka's topics")), "{wrong}");
        }
    }
}

//! Every setting, with its default. `config.toml` shows them all; a test says that both agree.
//!
//! Flags > `DEPOTD_SECTION__KEY` > file > defaults. Unknown keys are refused, all faults are told at once.

use crate::model::Currency;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// All settings.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The depot itself.
    pub depot: Depot,
    /// The HTTP side: console and API.
    pub http: Http,
    /// The MQTT side: vehicles.
    pub mqtt: Mqtt,
    /// What is believed of incoming fixes.
    pub telemetry: Telemetry,
    /// The fix log.
    pub tracks: Tracks,
    /// Where everyone is now.
    pub fleet: Fleet,
    /// Who gets which job.
    pub dispatch: Dispatch,
    /// The flat tariff.
    pub tariff: Tariff,
}

/// The depot itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Depot {
    /// Shown in the console.
    pub name: String,
    /// IANA time zone of the depot's local times.
    pub zone: String,
    /// Latitude in degrees where the map opens.
    pub lat: f64,
    /// Longitude in degrees where the map opens.
    pub lon: f64,
    /// Where everything is kept.
    pub data_dir: PathBuf,
}

/// The HTTP side: console and API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Http {
    /// Address and port of the console and the API; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Open connections at most; more wait in the kernel.
    pub max_connections: usize,
    /// A request's body in bytes at most.
    pub max_body_bytes: usize,
    /// Seconds a client has to send its request head.
    pub header_timeout_s: u64,
    /// Seconds a request may take.
    pub request_timeout_s: u64,
    /// `true` when a proxy in front serves HTTPS: cookies are then marked Secure.
    pub behind_https: bool,
}

/// The MQTT side: vehicles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mqtt {
    /// Plain MQTT; loopback unless you decide otherwise. Empty: off.
    #[serde(deserialize_with = "or_empty")]
    pub listen: Option<SocketAddr>,
    /// MQTT over TLS. Empty: off.
    #[serde(deserialize_with = "or_empty")]
    pub tls_listen: Option<SocketAddr>,
    /// Certificate chain in PEM; empty: depotd makes its own CA and leaf.
    #[serde(deserialize_with = "or_empty")]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM.
    #[serde(deserialize_with = "or_empty")]
    pub tls_key: Option<PathBuf>,
    /// Open connections in all; more are refused.
    pub max_connections: usize,
    /// Open connections from one address; more are refused.
    pub max_connections_per_address: usize,
    /// Seconds from accept to a valid CONNECT, TLS handshake included.
    pub connect_timeout_s: u64,
    /// A packet in bytes at most.
    pub max_packet_bytes: usize,
    /// Clients that may listen in at once (dashboards, integrations; not vehicles waiting for their commands).
    pub max_subscribers: u16,
    /// Topic filters a client may hold.
    pub max_filters: usize,
    /// Messages a client may have in flight before the guard stops reading it. One more at QoS 2 ends the session.
    pub max_inflight: u16,
    /// Seconds a verified secret is remembered, so that a reconnect storm is cheap. Rotation and revocation forget it at once.
    pub credential_cache_s: u64,
    /// Failed log-ins an address may make in a minute; after them it lets in only devices whose secret is remembered, and tokens.
    pub max_failures_per_minute: u32,
}

/// What is believed of incoming fixes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Telemetry {
    /// A speed beyond this, over the real time gap, is flagged as a jump.
    pub max_speed_kmh: f64,
    /// A fix further ahead than this never becomes "latest".
    pub max_future_s: u64,
    /// A fix older than this goes to history only.
    pub max_age_s: u64,
}

/// The fix log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tracks {
    /// Milliseconds a commit may wait for company.
    pub commit_window_ms: u64,
    /// Fixes that make a commit at once.
    pub commit_fixes: usize,
    /// Fixes that may wait for a commit; beyond it senders are held back.
    pub queue_fixes: usize,
    /// Days that fixes are kept.
    pub retain_days: u32,
    /// Mebibytes that tracks.db may grow to; the oldest chunks go first.
    pub retain_mib: u64,
}

/// Where everyone is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fleet {
    /// Seconds between writes of the redb mirror.
    pub mirror_interval_s: u64,
    /// Vehicles that may be known at most.
    pub max_vehicles: usize,
}

/// Who gets which job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dispatch {
    /// `false`: nothing is assigned by itself.
    pub automatic: bool,
    /// Milliseconds that requests are gathered before a round.
    pub gather_ms: u64,
    /// Seconds between rounds while bookings wait.
    pub retry_s: u64,
    /// A fix older than this excludes its vehicle.
    pub fix_max_age_s: u64,
    /// Vehicles looked at for each booking at first; more where the best plan needs them.
    pub candidates: usize,
    /// Metres from the pickup to look for vehicles at most.
    pub max_radius_m: f64,
    /// Seconds before its pickup that a scheduled booking is released.
    pub lead_s: u64,
    /// Great-circle distance times this is taken as the road's length.
    pub detour_factor: f64,
    /// Speed in km/h that travel times assume.
    pub speed_kmh: f64,
    /// Days that the rounds' records are kept.
    pub keep_rounds_days: u32,
}

/// The flat tariff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tariff {
    /// ISO 4217 code.
    pub currency: Currency,
    /// Base price in minor units.
    pub base_minor: i64,
    /// Price of a kilometre in minor units.
    pub per_km_minor: i64,
    /// Price of a minute in minor units.
    pub per_minute_minor: i64,
    /// No trip costs less, in minor units.
    pub minimum_minor: i64,
    /// Minutes a quote holds.
    pub quote_minutes: u32,
}

/// Reads a setting whose empty text means that there is none.
fn or_empty<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(d: D) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(d)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

impl Default for Depot {
    fn default() -> Self {
        Self { name: "Depot".into(), zone: "UTC".into(), lat: 42.5077, lon: 1.5218, data_dir: "depotd-data".into() }
    }
}
impl Default for Http {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            max_connections: 1024,
            max_body_bytes: 1 << 20,
            header_timeout_s: 10,
            request_timeout_s: 30,
            behind_https: false,
        }
    }
}
impl Default for Mqtt {
    fn default() -> Self {
        Self {
            listen: Some(loopback(1883)),
            tls_listen: Some(SocketAddr::from(([0, 0, 0, 0], 8883))),
            tls_cert: None,
            tls_key: None,
            max_connections: 5_000,
            max_connections_per_address: 2_500,
            connect_timeout_s: 5,
            max_packet_bytes: 16 * 1024,
            max_subscribers: 250,
            max_filters: 8,
            max_inflight: 100,
            credential_cache_s: 3600,
            max_failures_per_minute: 30,
        }
    }
}
impl Default for Telemetry {
    fn default() -> Self {
        Self { max_speed_kmh: 250.0, max_future_s: 120, max_age_s: 86_400 }
    }
}
impl Default for Tracks {
    fn default() -> Self {
        Self { commit_window_ms: 1_000, commit_fixes: 2_000, queue_fixes: 50_000, retain_days: 90, retain_mib: 8_192 }
    }
}
impl Default for Fleet {
    fn default() -> Self {
        Self { mirror_interval_s: 15, max_vehicles: 200_000 }
    }
}
impl Default for Dispatch {
    fn default() -> Self {
        Self {
            automatic: true,
            gather_ms: 2_000,
            retry_s: 10,
            fix_max_age_s: 300,
            candidates: 32,
            max_radius_m: 30_000.0,
            lead_s: 900,
            detour_factor: 1.3,
            speed_kmh: 25.0,
            keep_rounds_days: 30,
        }
    }
}
impl Default for Tariff {
    fn default() -> Self {
        Self {
            currency: Currency::new("EUR").unwrap_or_else(|| unreachable!("EUR has three capitals")),
            base_minor: 500,
            per_km_minor: 120,
            per_minute_minor: 30,
            minimum_minor: 800,
            quote_minutes: 15,
        }
    }
}

/// All that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Faults(pub Vec<String>);

impl Config {
    /// Reads `file` (when given), then the environment's `DEPOTD_SECTION__KEY`, over the defaults.
    pub fn load(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self, Faults> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|e| Faults(vec![format!("{}: {e}", path.display())]))?
                .parse()
                .map_err(|e| Faults(vec![format!("{}: {e}", path.display())]))?,
        };
        for (name, text) in env {
            let Some((section, key)) = name.strip_prefix("DEPOTD_").and_then(|n| n.split_once("__")) else { continue };
            let section = table.entry(section.to_lowercase()).or_insert_with(|| toml::Table::new().into());
            if let Some(section) = section.as_table_mut() {
                section.insert(key.to_lowercase(), env_value(&text));
            }
        }
        Self::from_table(table)
    }

    fn from_table(table: toml::Table) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let mut config = Self::default();
        for (section, value) in table {
            let mut unknown = |path: serde_ignored::Path<'_>| faults.push(format!("unknown key {section}.{path}"));
            macro_rules! take {
                ($($name:ident),*) => {
                    match section.as_str() {
                        $(stringify!($name) => match serde_ignored::deserialize(value, &mut unknown) {
                            Ok(v) => config.$name = v,
                            Err(e) => faults.push(format!("[{section}] {}", e.to_string().trim().replace('\n', " "))),
                        },)*
                        _ => faults.push(format!("unknown section [{section}]")),
                    }
                };
            }
            take!(depot, http, mqtt, telemetry, tracks, fleet, dispatch, tariff);
        }
        config.check(&mut faults);
        if faults.is_empty() { Ok(config) } else { Err(Faults(faults)) }
    }

    fn check(&self, faults: &mut Vec<String>) {
        let mut demand = |ok: bool, what: &str| {
            if !ok {
                faults.push(what.to_owned());
            }
        };
        demand(crate::model::Place::new(self.depot.lat, self.depot.lon).is_ok(), "depot.lat and depot.lon must be degrees on the earth");
        demand(jiff::tz::TimeZone::get(&self.depot.zone).is_ok(), "depot.zone must be an IANA time zone, like Europe/Lisbon");
        demand(self.mqtt.tls_cert.is_some() == self.mqtt.tls_key.is_some(), "mqtt.tls_cert and mqtt.tls_key go together");
        demand((256..=1 << 20).contains(&self.mqtt.max_packet_bytes), "mqtt.max_packet_bytes must be within 256 to 1048576");
        demand(self.mqtt.max_inflight > 0, "mqtt.max_inflight must be at least 1");
        demand(self.mqtt.max_connections > 0, "mqtt.max_connections must be at least 1");
        demand(self.tracks.commit_fixes > 0, "tracks.commit_fixes must be at least 1");
        demand(self.tracks.queue_fixes >= self.tracks.commit_fixes, "tracks.queue_fixes must not be less than tracks.commit_fixes");
        demand(self.tracks.commit_window_ms <= 60_000, "tracks.commit_window_ms must be at most 60000");
        demand(self.telemetry.max_speed_kmh > 0.0, "telemetry.max_speed_kmh must be more than 0");
        demand(self.dispatch.speed_kmh > 0.0, "dispatch.speed_kmh must be more than 0");
        demand(self.dispatch.detour_factor >= 1.0, "dispatch.detour_factor must be at least 1");
        demand(self.dispatch.max_radius_m > 0.0, "dispatch.max_radius_m must be more than 0");
        demand(self.dispatch.candidates > 0, "dispatch.candidates must be at least 1");
        let t = &self.tariff;
        demand(t.base_minor.min(t.per_km_minor).min(t.per_minute_minor).min(t.minimum_minor) >= 0, "tariff amounts must not be negative");
    }
}

fn env_value(text: &str) -> toml::Value {
    format!("v = {text}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut t| t.remove("v"))
        .unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Faults> {
        Config::from_table(text.parse().unwrap())
    }

    #[test]
    fn the_shipped_file_is_the_default_and_shows_every_key() {
        let shipped: toml::Table = include_str!("../config.toml").parse().unwrap();
        let default = toml::Table::try_from(Config::default()).unwrap();
        for (section, keys) in &default {
            for key in keys.as_table().unwrap().keys() {
                assert!(shipped[section].get(key).is_some(), "config.toml lacks {section}.{key}");
            }
        }
        assert_eq!(Config::from_table(shipped).unwrap(), Config::default());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let Faults(all) = parse("[mqtt]\nmax_inflight = 0\nspeling = 1\n[nope]\n[depot]\nzone = \"Mars/Base\"").unwrap_err();
        assert_eq!(all.len(), 4, "{all:?}");
    }

    #[test]
    fn an_empty_text_turns_a_listener_off() {
        let off = parse("[mqtt]\nlisten = \"\"\ntls_listen = \"\"\ntls_cert = \"\"\ntls_key = \"\"").unwrap().mqtt;
        assert_eq!((off.listen, off.tls_listen, off.tls_cert, off.tls_key), (None, None, None, None));
        let Faults(wrong) = parse("[mqtt]\nlisten = \"here\"\n[http]\nlisten = \"\"").unwrap_err();
        assert_eq!(wrong.len(), 2, "{wrong:?}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "[http]\nlisten = \"127.0.0.1:1\"\nmax_body_bytes = 7").unwrap();
        let env = [("DEPOTD_HTTP__LISTEN".to_owned(), "127.0.0.1:2".to_owned()), ("DEPOTD_DEPOT__NAME".into(), "North".into())];
        let config = Config::load(Some(&file), env.into_iter()).unwrap();
        assert_eq!((config.http.listen.port(), config.http.max_body_bytes), (2, 7));
        assert_eq!(config.depot.name, "North");
    }
}

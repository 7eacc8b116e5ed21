//! Every setting, with its default. `config.toml` shows them all; a test says that both agree.
//!
//! Flags > `DEPOTD_SECTION__KEY` > file > defaults. Unknown keys are refused, all faults are told at once. [`Origins`] says what
//! set which key; [`Current`] is what is in effect, for some may change while depotd runs.

mod current;
mod eta;
mod forecast;
mod gateway;
mod hours;
mod live;
mod mail;
mod notify;
mod origins;
mod range;
mod sections;
mod tariff;
mod upstream;

pub use current::Current;
pub use eta::Eta;
pub use forecast::Forecast;
pub use gateway::Gateway;
pub use hours::Hours;
pub use mail::{Mail, MailServer};
pub use notify::Notify;
pub use origins::{Origin, Origins};
pub use range::AddressRange;
pub use sections::{Bookings, Depot, Dispatch, Drivers, Fleet, Http, Mqtt, Offers, Telemetry, Tracks};
pub use tariff::Tariff;
pub use upstream::{SinkKind, SinkSettings, Upstream};

use serde::{Deserialize, Serialize};
use std::path::Path;

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
    /// How long drivers may work.
    pub drivers: Drivers,
    /// When bookings are given up, and how many are placed ahead or at once.
    pub bookings: Bookings,
    /// Who gets which job.
    pub dispatch: Dispatch,
    /// How long ways take.
    pub eta: Eta,
    /// What will be asked for.
    pub forecast: Forecast,
    /// The flat tariff.
    pub tariff: Tariff,
    /// The line to head office.
    pub upstream: Upstream,
    /// The mail server.
    pub mail: Mail,
    /// What is said to people and programs, and how long it is tried.
    pub notify: Notify,
}

/// All that is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Faults(pub Vec<String>);

impl Config {
    /// Reads `file` (when given), then the environment's `DEPOTD_SECTION__KEY`, over the defaults; says what set which key.
    pub fn load(file: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<(Self, Origins), Faults> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => std::fs::read_to_string(path)
                .map_err(|e| Faults(vec![format!("{}: {e}", path.display())]))?
                .parse()
                .map_err(|e| Faults(vec![format!("{}: {e}", path.display())]))?,
        };
        let mut origins = Origins::default();
        for (section, keys) in &table {
            let keys = keys.as_table().into_iter().flat_map(toml::Table::keys);
            keys.for_each(|key| origins.note(format!("{section}.{key}"), Origin::File));
        }
        for (name, text) in env {
            let Some((section, key)) = name.strip_prefix("DEPOTD_").and_then(|n| n.split_once("__")) else { continue };
            let (section, key) = (section.to_lowercase(), key.to_lowercase());
            origins.note(format!("{section}.{key}"), Origin::Env);
            let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
            if let Some(section) = section.as_table_mut() {
                section.insert(key, env_value(&text));
            }
        }
        Ok((Self::from_table(table)?, origins))
    }

    /// All that is wrong with these settings as a whole, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        self.check(&mut faults);
        faults
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
            take!(depot, http, mqtt, telemetry, tracks, fleet, bookings, drivers, dispatch, eta, forecast, tariff, upstream, mail, notify);
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
        self.http.check(&mut demand);
        self.drivers.check(&mut demand);
        self.bookings.check(&mut demand);
        self.dispatch.check(&mut demand);
        self.tariff.check(&mut demand);
        self.eta.check(self.dispatch.retry_s, &mut demand);
        self.forecast.check(&mut demand);
        self.upstream.check(&mut demand);
        self.mail.check(&mut demand);
        self.notify.check(&mut demand);
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
    fn a_road_service_is_plain_http_and_answers_within_a_rounds_share() {
        let wrong = |text: &str| parse(&format!("[eta]\n{text}")).unwrap_err().0;
        assert!(parse("[eta]\nroad_url = \"http://osrm.local:5000/\"").is_ok());
        for url in ["osrm.local:5000", "https://osrm.local", "http://", "http://osrm/?x=1"] {
            assert!(wrong(&format!("road_url = \"{url}\""))[0].starts_with("eta.road_url must be http://"), "{url}");
        }
        let slow = wrong("road_url = \"http://osrm:5000\"\nroad_timeout_ms = 1100");
        assert!(slow[0].contains("eta.round_share"), "{slow:?}");
        assert_eq!(wrong("road_profile = \"a/b\"\nroad_coordinates = 1\nroad_requests = 0\nbreaker_open_s = 0\nlive_s = 0").len(), 5);
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
        let (config, origins) = Config::load(Some(&file), env.into_iter()).unwrap();
        assert_eq!((config.http.listen.port(), config.http.max_body_bytes), (2, 7));
        assert_eq!(config.depot.name, "North");
        let from = ["http.listen", "http.max_body_bytes", "depot.name", "depot.zone"].map(|key| origins.of(key).as_str());
        assert_eq!(from, ["env", "file", "env", "default"]);
    }
}

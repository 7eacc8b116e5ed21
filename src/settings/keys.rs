//! The keys of the settings: which there are, what they mean, which may change while depotd runs, and how a value gets in.

use crate::config::Config;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What may change while depotd runs: who reads these asks [`crate::config::Current`] each time. The currency is not among
/// them, for prices of one depot must add up.
pub const LIVE: &[&str] = &[
    "bookings.expire_after_s",
    "bookings.import_max_lines",
    "bookings.keep_proofs_days",
    "bookings.recurring_ahead_days",
    "bookings.remind_before_s",
    "dispatch.automatic",
    "dispatch.candidates",
    "dispatch.decline_backoff_s",
    "dispatch.detour_factor",
    "dispatch.empty_km_s",
    "dispatch.fairness_s",
    "dispatch.fit_s",
    "dispatch.fix_max_age_s",
    "dispatch.gather_most_ms",
    "dispatch.gather_ms",
    "dispatch.keep_inputs",
    "dispatch.keep_rounds_days",
    "dispatch.late_after_s",
    "dispatch.late_gain_s",
    "dispatch.late_tolerance_s",
    "dispatch.lateness_weight",
    "dispatch.lead_s",
    "dispatch.look_ahead_s",
    "dispatch.max_radius_m",
    "dispatch.offer_best",
    "dispatch.offer_timeout_s",
    "dispatch.offers",
    "dispatch.patience_trips",
    "dispatch.radius_grow_s",
    "dispatch.radius_m",
    "dispatch.retry_s",
    "dispatch.scarce_share",
    "dispatch.silent_s",
    "dispatch.slack_s",
    "dispatch.speed_kmh",
    "dispatch.trip_weight",
    "dispatch.until_weight",
    "drivers.keep_days",
    "drivers.max_day_s",
    "drivers.max_week_s",
    "forecast.advise",
    "forecast.advise_after_s",
    "forecast.advise_again_s",
    "tariff.base_minor",
    "tariff.minimum_minor",
    "tariff.per_km_minor",
    "tariff.per_minute_minor",
    "tariff.quote_minutes",
];

/// What is shown to nobody: paths, and URLs that may hold a password.
const HIDDEN: &[&str] = &[
    "depot.data_dir",
    "eta.road_url",
    "http.public_url",
    "mail.ca_file",
    "mail.password_file",
    "mail.smtp_url",
    "mqtt.tls_cert",
    "mqtt.tls_key",
    "notify.ca_file",
    "notify.gateways",
    "upstream.sinks",
];

/// What is said of a key that nobody can change while depotd runs.
pub const NOT_LIVE: &str = "is not a setting that can change while depotd runs";

/// The file that shows every key with what it means.
const SHIPPED: &str = include_str!("../../config.toml");

/// May `key` change while depotd runs?
pub fn is_live(key: &str) -> bool {
    LIVE.binary_search(&key).is_ok()
}

/// Every key that may be shown, with its value in `config`, by section in the order of the file.
pub fn shown(config: &Config) -> Vec<(String, Value)> {
    let sections = tree(config);
    let value = |key: &String| {
        let (section, name) = key.split_once('.')?;
        // An optional setting that is not set has no value; the file says empty.
        Some((key.clone(), sections.get(section)?.get(name).cloned().unwrap_or_default()))
    };
    ABOUT.0.iter().filter(|key| !HIDDEN.contains(&key.as_str())).filter_map(value).collect()
}

fn tree(config: &Config) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(sections)) => sections,
        _ => Map::new(),
    }
}

/// What `key` means, in the words of the file.
pub fn about(key: &str) -> &'static str {
    ABOUT.1.get(key).map_or("", String::as_str)
}

/// Gives `key` of `config` another value. The error says of what type it must be.
pub fn put(config: &mut Config, key: &str, value: &Value) -> Result<(), String> {
    let Some((section, name)) = key.split_once('.').filter(|_| is_live(key)) else {
        return Err(NOT_LIVE.to_owned());
    };
    macro_rules! put {
        ($($section:ident),*) => {
            match section {
                $(stringify!($section) => config.$section = with(&config.$section, name, value)?,)*
                _ => return Err(NOT_LIVE.to_owned()),
            }
        };
    }
    put!(bookings, dispatch, drivers, forecast, tariff);
    Ok(())
}

fn with<T: serde::Serialize + serde::de::DeserializeOwned>(section: &T, name: &str, value: &Value) -> Result<T, String> {
    let mut tree = serde_json::to_value(section).map_err(|e| e.to_string())?;
    match tree.get_mut(name) {
        Some(slot) => *slot = value.clone(),
        None => return Err("is not a setting".to_owned()),
    }
    T::deserialize(&tree).map_err(|e| format!("is not what it must be: {e}"))
}

type About = (Vec<String>, BTreeMap<String, String>);

/// The keys in the order of the file, and what it says of each: the comment above it.
static ABOUT: LazyLock<About> = LazyLock::new(|| {
    let (mut keys, mut about) = (Vec::new(), BTreeMap::new());
    let (mut section, mut words) = ("", Vec::new());
    for line in SHIPPED.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            (section, words) = (name, Vec::new());
        } else if let Some((name, _)) = line.trim_start_matches("# ").split_once(" = ").filter(|(name, _)| is_name(name)) {
            let key = format!("{section}.{name}");
            about.insert(key.clone(), std::mem::take(&mut words).join(" "));
            keys.push(key);
        } else if let Some(word) = line.strip_prefix("# ") {
            words.push(word.trim());
        } else {
            words.clear();
        }
    }
    (keys, about)
});

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(config: &Config, key: &str) -> Option<Value> {
        let (section, name) = key.split_once('.')?;
        tree(config).get(section)?.get(name).cloned()
    }

    fn every_key() -> Vec<String> {
        let sections = tree(&Config::default());
        let keys = |(section, keys): (&String, &Value)| -> Vec<String> {
            keys.as_object().unwrap().keys().map(|key| format!("{section}.{key}")).collect()
        };
        sections.iter().flat_map(keys).collect()
    }

    #[test]
    fn live_keys_are_sorted_and_there_and_take_their_own_value() {
        assert!(LIVE.windows(2).all(|pair| pair[0] < pair[1]));
        let config = Config::default();
        for key in LIVE {
            let own = value(&config, key).unwrap_or_else(|| panic!("there is no {key}"));
            let mut same = config.clone();
            put(&mut same, key, &own).unwrap();
            assert_eq!(same, config, "{key}");
            assert!(put(&mut same, key, &json!({"no": "such"})).is_err(), "{key}");
        }
    }

    #[test]
    fn nothing_that_names_a_place_or_a_secret_is_live_or_shown() {
        let shown: Vec<String> = shown(&Config::default()).into_iter().map(|(key, _)| key).collect();
        for key in every_key() {
            let is_hidden = HIDDEN.contains(&key.as_str());
            assert_eq!(shown.contains(&key), !is_hidden, "{key}");
            let suspect = ["secret", "cert", "tls_key", "url", "_dir", "_file", "password", "sinks", "gateways"]
                .iter()
                .any(|word| key.contains(word));
            assert_eq!(suspect, is_hidden, "{key}");
            let is_section =
                ["bookings.", "dispatch.", "drivers.", "forecast.advise", "tariff."].iter().any(|section| key.starts_with(section));
            assert_eq!(is_live(&key), is_section && key != "tariff.currency", "{key}");
        }
    }

    #[test]
    fn every_key_says_what_it_means() {
        for key in every_key() {
            assert!(about(&key).len() > 8, "{key}: {:?}", about(&key));
        }
        assert_eq!(about("drivers.max_week_s"), "The same in any seven days.");
        assert!(about("dispatch.lead_s").ends_with("and `slack_s` more."));
    }

    #[test]
    fn a_value_of_another_type_is_named() {
        let mut config = Config::default();
        assert!(put(&mut config, "tariff.base_minor", &json!("cheap")).unwrap_err().contains("\"cheap\""));
        assert!(
            put(&mut config, "tariff.base_minor", &json!(1.5)).is_err() && put(&mut config, "tariff.base_minor", &json!(null)).is_err()
        );
        assert!(put(&mut config, "http.listen", &json!("0.0.0.0:80")).is_err());
        put(&mut config, "dispatch.speed_kmh", &json!(30)).unwrap();
        assert!((config.dispatch.speed_kmh - 30.0).abs() < f64::EPSILON);
    }
}

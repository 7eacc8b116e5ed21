//! Which value of which layer is in effect. Pure.

use super::keys;
pub use super::keys::NOT_LIVE;
use crate::config::Config;
use crate::model::Timestamp;
use crate::store::settings::Layers;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key; empty when it is about several together.
    pub key: String,
    /// What it must be.
    pub message: String,
}

/// A value of a layer, by its key.
type Laid<'a> = (&'a str, &'a Value);

/// Values of a layer that do not pass any more, and why: they are set aside, and the value below is in effect.
pub type Aside = BTreeMap<String, Vec<String>>;

/// What is in effect at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The settings.
    pub config: Config,
    /// What of head office's is set aside.
    pub above_aside: Aside,
    /// What of the overrides is set aside.
    pub overrides_aside: Aside,
}

impl Effective {
    /// Is the same set aside for the same reasons?
    pub fn sets_aside_as(&self, other: &Self) -> bool {
        (&self.above_aside, &self.overrides_aside) == (&other.above_aside, &other.overrides_aside)
    }
}

/// What `layers` over `base` make at `now`: an override counts before the value from above, that before the base. `base` alone
/// is sound.
pub fn effective(base: &Config, layers: &Layers, now: Timestamp) -> Effective {
    let (config, above_aside) = lay(base, &above(layers, &[]));
    let (config, overrides_aside) = lay(&config, &overrides(layers, now, &[]));
    Effective { config, above_aside, overrides_aside }
}

/// The values from above but those of `without`.
pub fn above<'a>(layers: &'a Layers, without: &[&str]) -> Vec<Laid<'a>> {
    let values = layers.above.iter().map(|(key, above)| (key.as_str(), &above.value));
    values.filter(|(key, _)| !without.contains(key)).collect()
}

/// The overrides that count at `now` but those of `without`.
pub fn overrides<'a>(layers: &'a Layers, now: Timestamp, without: &[&str]) -> Vec<Laid<'a>> {
    let counting = layers.overrides.iter().filter(|(_, over)| over.until > now);
    counting.map(|(key, over)| (key.as_str(), &over.value)).filter(|(key, _)| !without.contains(key)).collect()
}

/// Puts over `config` as many of `values` as go together; gives also those that do not.
///
/// Most often all pass together. Else one after the other, again and again, until no other passes: of two that only pass
/// together, like both ends of a range, the one that leads the way goes first.
pub fn lay(config: &Config, values: &[Laid<'_>]) -> (Config, Aside) {
    if let Ok(config) = with(config, values) {
        return (config, Aside::new());
    }
    let (mut config, mut left) = (config.clone(), values.to_vec());
    loop {
        let before = left.len();
        left.retain(|value| match with(&config, &[*value]) {
            Ok(next) => {
                config = next;
                false
            }
            Err(_) => true,
        });
        if left.len() == before {
            let why = |value: &Laid<'_>| with(&config, &[*value]).err().unwrap_or_default().into_iter().map(|f| f.message).collect();
            let aside = left.iter().map(|value| (value.0.to_owned(), why(value))).collect();
            return (config, aside);
        }
    }
}

/// `config` with all of `values`; else everything that is wrong with that.
pub fn with(config: &Config, values: &[Laid<'_>]) -> Result<Config, Vec<Fault>> {
    let mut next = config.clone();
    let put = |(key, value): &Laid<'_>| {
        let message = keys::put(&mut next, key, value).err()?;
        Some(Fault { key: (*key).to_owned(), message })
    };
    let faults: Vec<Fault> = values.iter().filter_map(put).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let about = |message: &String| values.iter().find(|(key, _)| message.contains(key)).map_or(String::new(), |(key, _)| (*key).to_owned());
    let faults: Vec<Fault> = next.faults().into_iter().map(|message| Fault { key: about(&message), message }).collect();
    if faults.is_empty() { Ok(next) } else { Err(faults) }
}

//! Which of flags, environment, file and defaults a setting is from.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What set a key when depotd was started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// Nothing: it is as shipped.
    Default,
    /// The file.
    File,
    /// `DEPOTD_SECTION__KEY`.
    Env,
    /// An argument of the command.
    Flag,
}

impl Origin {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Env => "env",
            Self::Flag => "flag",
        }
    }
}

/// What set which key, like `dispatch.gather_ms`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origins(BTreeMap<String, Origin>);

impl Origins {
    /// What set `key`.
    pub fn of(&self, key: &str) -> Origin {
        self.0.get(key).copied().unwrap_or(Origin::Default)
    }

    /// Notes that `key` was set by `origin`, whatever set it before.
    pub fn note(&mut self, key: impl Into<String>, origin: Origin) {
        self.0.insert(key.into(), origin);
    }
}

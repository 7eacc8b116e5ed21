//! `DATA_DIR/run.json`: which process serves, and where it listens.

use serde::{Deserialize, Serialize};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

/// A running server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process id.
    pub pid: u32,
    /// Where the console and the API are, as a URL.
    pub http: String,
    /// Plain MQTT, as a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<String>,
    /// MQTT over TLS, as a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtts: Option<String>,
}

impl Running {
    /// This process, listening there.
    pub fn this(http: SocketAddr, mqtt: Option<SocketAddr>, mqtts: Option<SocketAddr>) -> Self {
        Self {
            pid: std::process::id(),
            http: format!("http://{http}"),
            mqtt: mqtt.map(|a| format!("mqtt://{a}")),
            mqtts: mqtts.map(|a| format!("mqtts://{a}")),
        }
    }

    /// Writes it whole: a reader never sees half a file.
    pub fn write(&self, dir: &Path) -> std::io::Result<()> {
        let whole = dir.join("run.json");
        let part = dir.join("run.json.part");
        let mut file = std::fs::File::create(&part)?;
        writeln!(file, "{}", self.line())?;
        file.sync_all()?;
        std::fs::rename(part, whole)
    }

    /// The same as one line of JSON.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What `dir` says runs there; a file left over from a killed server counts too.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(dir.join("run.json")).ok()?).ok()
    }

    /// Takes the file away.
    pub fn remove(dir: &Path) {
        if let Err(error) = std::fs::remove_file(dir.join("run.json")) {
            tracing::debug!(%error, "run.json was not there to remove");
        }
    }
}

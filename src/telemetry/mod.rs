//! Bytes to fixes: one pure decoder per format and one pure filter. No clock, no waiting, no state but what is handed in.
//!
//! To add a format: one file with a `decode`, one variant of [`Format`], one arm in [`decode_into`].

mod filter;
mod inspector;
mod json;
mod native;
mod osmand;
mod owntracks;
mod teltonika;

pub use filter::{Filter, VehicleState, Verdict};
pub use inspector::{Inspector, Rejection};

use crate::model::{Fix, Timestamp, VehicleId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a device's payloads are written in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The depot's own JSON: one fix, or an array of buffered ones.
    #[default]
    Native,
    /// OwnTracks JSON, as the app and its Greenwich devices publish.
    OwnTracks,
    /// Teltonika "Codec JSON", bare or under `state.reported`.
    Teltonika,
    /// What OsmAnd and Traccar Client send over HTTP; a query comes as a JSON object of its pairs.
    OsmAnd,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 4] = [Self::Native, Self::OwnTracks, Self::Teltonika, Self::OsmAnd];
    /// The name used in the configuration, the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::OwnTracks => "owntracks",
            Self::Teltonika => "teltonika",
            Self::OsmAnd => "osmand",
        }
    }
}
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
impl std::str::FromStr for Format {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|f| f.as_str() == text).ok_or("must be native, owntracks, teltonika or osmand")
    }
}

/// Why a payload is not a position. The text names the field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// No JSON, or of another shape.
    #[error("not valid JSON for this format: {0}")]
    Json(String),
    /// A field that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field's value cannot be understood.
    #[error("`{field}` {problem}")]
    Field {
        /// As named in the payload.
        field: &'static str,
        /// What it must be.
        problem: &'static str,
    },
    /// One fix of a batch is wrong; none of the batch is taken.
    #[error("fix {number} of the batch: {fault}")]
    InBatch {
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        fault: Box<Rejected>,
    },
    /// More fixes than one message may hold.
    #[error("a batch may hold at most {0} fixes")]
    TooMany(usize),
}

impl Rejected {
    /// The reason, for people.
    pub fn reason(&self) -> String {
        self.to_string()
    }
}

/// Fixes of one message at most.
pub const MAX_BATCH: usize = 1_000;

/// The fixes in `payload`, in its own order; empty when it is sound but no position (a will, a waypoint, an empty body).
pub fn decode(format: Format, topic: &str, payload: &[u8], vehicle: &VehicleId, received: Timestamp) -> Result<Vec<Fix>, Rejected> {
    let mut fixes = Vec::with_capacity(1);
    decode_into(format, topic, payload, vehicle, received, &mut fixes)?;
    Ok(fixes)
}

/// Like [`decode`], appending to `fixes`; returns how many. When it is an error, `fixes` is as it was.
pub fn decode_into(
    format: Format,
    topic: &str,
    payload: &[u8],
    vehicle: &VehicleId,
    received: Timestamp,
    fixes: &mut Vec<Fix>,
) -> Result<usize, Rejected> {
    let before = fixes.len();
    let done = match format {
        Format::Native => native::decode(payload, vehicle, received, fixes),
        Format::OwnTracks => owntracks::decode(topic, payload, vehicle, received, fixes),
        Format::Teltonika => teltonika::decode(payload, vehicle, received, fixes),
        Format::OsmAnd => osmand::decode(payload, vehicle, received, fixes),
    };
    if let Err(rejected) = done {
        fixes.truncate(before);
        return Err(rejected);
    }
    Ok(fixes.len() - before)
}

/// The fixes of native JSON, each as it is written: those of an array, or the only one.
pub fn parts(payload: &[u8]) -> Result<Vec<&[u8]>, Rejected> {
    native::parts(payload)
}

#[cfg(test)]
mod tests;

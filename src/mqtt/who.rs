//! Whose session it is: a device's, or an API token's.

use super::access::Names;
use crate::model::Timestamp;

/// Whose session it is.
#[derive(Clone, Debug)]
pub enum Who {
    /// A device, for its vehicle.
    Device(Names),
    /// An API token, reading what its filters grant.
    Reader {
        /// The token's id.
        id: String,
        /// What it may read.
        granted: Vec<String>,
        /// From then on the token is refused.
        until: Option<Timestamp>,
    },
}

impl Who {
    /// The device or token, for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Device(names) => names.device.as_str(),
            Self::Reader { id, .. } => id,
        }
    }

    /// From then on the session is over.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Device(_) => None,
            Self::Reader { until, .. } => *until,
        }
    }
}

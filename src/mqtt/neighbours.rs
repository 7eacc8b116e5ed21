//! What sessions ask of the rooms below: whose a payload is, who a token is.

use super::access::Names;
use super::shared::Shared;
use super::stats::Reason;
use super::who::Who;
use crate::auth::{self, Refused, What, allow};
use crate::ingest::Source;
use crate::telemetry::Format;
use std::net::IpAddr;

/// What a program may subscribe to, by what it may see.
const READABLE: [(What, &[&str]); 3] = [
    (What::ReadPositions, &["v/+/gps", "v/+/status", "owntracks/+/+/#", "teltonika/+/data", "events/vehicle/#"]),
    (What::ReadBookings, &["events/booking/#", "events/day/#", "events/report/#"]),
    (What::ReadDrivers, &["events/driver/#", "events/duty/#", "events/break/#"]),
];
/// What one that may see all of it may ask for at once.
const ALL_EVENTS: &str = "events/#";

/// The filters that cover what `who` may read.
fn granted(who: &auth::Who) -> Vec<String> {
    let seen = READABLE.iter().filter(|(what, _)| allow(who, *what));
    let all = (seen.clone().count() == READABLE.len()).then_some(ALL_EVENTS);
    seen.flat_map(|(_, filters)| *filters).copied().chain(all).map(str::to_owned).collect()
}

impl Shared {
    /// Counts a payload that no decoder takes.
    pub fn refuse_payload(&self, names: &Names, peer: IpAddr, topic: &str, reason: &str) {
        let who = format!("{} from {peer}", names.device);
        self.stats.refuse(self.deps.clock.now(), Reason::Payload, who, format!("{topic}: {reason}"));
    }

    /// The reader that an API token makes: read-only, and only when its role and scope let it see something.
    pub async fn reader(&self, token: &str, peer: IpAddr) -> Result<Who, Refused> {
        let found = self.deps.auth.bearer_until(token).await.map_err(|e| Refused::Unavailable(e.to_string()))?;
        let refuse = |why| {
            self.deps.auth.note_guess(peer);
            why
        };
        let (who, until) = found.ok_or_else(|| refuse(Refused::Unknown))?;
        let granted = granted(&who);
        if granted.is_empty() {
            return Err(refuse(Refused::Revoked));
        }
        Ok(Who::Reader { id: who.name, granted, until })
    }
}

/// Whose a message to `topic` is. A topic that belongs to a format is read in that format, whatever the device is registered with.
pub(super) fn source<'a>(names: &'a Names, topic: &str) -> Source<'a> {
    let format = match topic.as_bytes().first() {
        Some(b'o') => Format::OwnTracks,
        Some(b't') => Format::Teltonika,
        _ => names.format,
    };
    Source { device: Some(&names.device), vehicle: &names.vehicle, format }
}

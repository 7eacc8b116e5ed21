//! Who is it, and what may they do: users with sessions, API tokens, devices, and one [`allow()`] table.

mod allow;
mod devices;
mod error;
mod keys;
mod passwords;
mod secrets;
mod sessions;
mod sign_ins;
mod throttle;
mod tokens;
mod users;

pub use allow::{Role, What, Who, allow};
pub use devices::{Credential, Device, DeviceIdentity, NewDevice, Refused, Topics};
pub use error::{Error, Fault};
pub use secrets::short_id;
pub use sessions::{Opened, session_hash};
pub use tokens::{NewToken, Token, TokenMade};
pub use users::{User, UserChange, WantedUser, disable};

use crate::clock::Clock;
use crate::config;
use crate::model::{Actor, Kind, Timestamp};
use crate::ops::guesses::Guesses;
use crate::store::{self, Db, audit, journal};
use rusqlite::Transaction;
use std::sync::Arc;

/// Knows users, tokens and devices. Cheap to clone.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    hasher: passwords::Hasher,
    verified: devices::Verified,
    throttle: throttle::Throttle,
    failures: sign_ins::Failures,
    guesses: Guesses,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Auth")
    }
}

type Result<T> = std::result::Result<T, Error>;

impl Auth {
    /// Who is who in `db`.
    pub fn new(db: Db, mqtt: &config::Mqtt, clock: Clock) -> Self {
        let verified = devices::Verified::new(mqtt.credential_cache_s);
        let (hasher, guesses) = (passwords::Hasher::new(), Guesses::new(mqtt.max_failures_per_minute));
        Self(Arc::new(Inner { db, clock, hasher, verified, throttle: Default::default(), failures: Default::default(), guesses }))
    }

    /// Sign-ins that were turned away because too many passwords were being checked.
    pub fn turned_away(&self) -> u64 {
        self.0.hasher.turned_away()
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

/// Writes the journal entry and the audit row of a change of who may do what.
fn announce(tx: &Transaction<'_>, at: Timestamp, actor: &Actor, kind: Kind, action: &str, object: &str) -> store::Result<()> {
    let data = serde_json::json!({ "action": action, "object": object }).to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: None, vehicle: None, data: &data })?;
    audit::append(tx, at, actor, action, object, "{}")
}

#[cfg(test)]
mod tests;

//! Devices: one credential each, bound to a vehicle.

use super::{Auth, Error, Result, secrets};
use crate::model::{Actor, DeviceId, Kind, Timestamp, Vehicle, VehicleId};
use crate::store::{self, devices, journal, vehicles};
use crate::telemetry::Format;
use rusqlite::Transaction;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Verified secrets remembered.
const REMEMBERED: usize = 20_000;

/// A device that is to be added.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Its id, also its MQTT user name.
    pub id: DeviceId,
    /// Its vehicle, made when there is none; the device's own id when absent.
    pub vehicle: Option<VehicleId>,
    /// What it sends.
    pub format: Format,
}

/// A device, without its secret.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// The vehicle that it reports for.
    pub vehicle: VehicleId,
    /// What it sends.
    pub format: Format,
    /// When it was added.
    pub created_at: Timestamp,
    /// When its secret was last replaced.
    pub rotated_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// A device's topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Topics {
    /// Where it may publish.
    pub publish: Vec<String>,
    /// What it may subscribe to.
    pub subscribe: Vec<String>,
}

/// A credential that was made; the password is shown this once.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The device.
    pub device: Device,
    /// MQTT password; the user name is the device's id.
    pub password: String,
    /// What it may use.
    pub topics: Topics,
}

/// A device that proved who it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceIdentity {
    /// The device.
    pub device: DeviceId,
    /// Its vehicle.
    pub vehicle: VehicleId,
    /// What it sends.
    pub format: Format,
}

/// Why a device is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such device.
    #[error("there is no such device")]
    Unknown,
    /// The password is wrong.
    #[error("the password is wrong")]
    BadSecret,
    /// The device was revoked.
    #[error("the device was revoked")]
    Revoked,
    /// Its address has failed too often lately; whether the password is right was not looked at.
    #[error("too many failed log-ins from this address")]
    TooMany,
    /// It could not be found out just now.
    #[error("could not be verified: {0}")]
    Unavailable(String),
}

impl Device {
    fn of(row: devices::Row) -> Result<Self> {
        let format = (row.format.parse()).map_err(|_| Error::Internal(format!("device {} has the format {:?}", row.id, row.format)))?;
        Ok(Self {
            id: row.id,
            vehicle: row.vehicle,
            format,
            created_at: row.created_at,
            rotated_at: row.rotated_at,
            revoked_at: row.revoked_at,
        })
    }

    /// The topics that a device of this vehicle and format uses.
    pub fn topics(&self) -> Topics {
        let (v, d) = (&self.vehicle, &self.id);
        let mut publish = vec![format!("v/{v}/gps"), format!("v/{v}/step")];
        let mut subscribe = vec![format!("v/{v}/cmd"), format!("v/{v}/status")];
        match self.format {
            Format::Native | Format::OsmAnd => {}
            Format::OwnTracks => {
                publish.insert(0, format!("owntracks/{d}/{v}"));
                subscribe.push(format!("owntracks/{d}/{v}/cmd"));
            }
            Format::Teltonika => publish.insert(0, format!("teltonika/{d}/data")),
        }
        Topics { publish, subscribe }
    }
}

impl Auth {
    /// Adds a device with a new secret of 256 bits, and its vehicle when there is none.
    pub async fn add_device(&self, new: NewDevice, actor: Actor) -> Result<Credential> {
        let (password, now) = (secrets::secret()?, self.now());
        let vehicle = match new.vehicle {
            Some(vehicle) => vehicle,
            None => VehicleId::new(new.id.as_str()).map_err(|e| Error::field("vehicle", e.to_string()))?,
        };
        let row = devices::Row {
            id: new.id,
            vehicle,
            format: new.format.as_str().to_owned(),
            secret_hash: self.0.hasher.hash(password.clone()).await?,
            created_at: now,
            rotated_at: None,
            revoked_at: None,
        };
        let device = Device::of(row.clone())?;
        let change = move |tx: &Transaction<'_>| {
            let vehicle = Vehicle { on_duty: true, ..Vehicle::new(row.vehicle.clone(), "van") };
            if vehicles::insert(tx, &vehicle, now)? {
                vehicles::announce(tx, Kind::VehicleChanged, &vehicle, &actor, now)?;
            }
            if !devices::insert(tx, &row)? {
                return Err(Error::Exists(format!("device {}", row.id)));
            }
            Ok(announce_device(tx, Kind::DeviceChanged, "device.add", &row, &actor, now)?)
        };
        self.0.db.write(change).await?;
        Ok(Credential { topics: device.topics(), device, password })
    }

    /// Up to `limit` devices after `after` by id.
    pub async fn devices(&self, after: Option<DeviceId>, limit: usize) -> Result<Vec<Device>> {
        self.0.db.read(move |c| devices::list(c, after.as_ref(), limit)).await?.into_iter().map(Device::of).collect()
    }

    /// The device of an id.
    pub async fn device_of(&self, id: &DeviceId) -> Result<Device> {
        let wanted = id.clone();
        let row = self.0.db.read(move |c| devices::get(c, &wanted)).await?;
        Device::of(row.ok_or_else(|| Error::Unknown(format!("device {id}")))?)
    }

    /// Replaces the secret; the old one is refused from now on, a session that used it ends. Revives a revoked device.
    pub async fn rotate_device(&self, id: &DeviceId, actor: Actor) -> Result<Credential> {
        let (password, now, wanted) = (secrets::secret()?, self.now(), id.clone());
        let hash = self.0.hasher.hash(password.clone()).await?;
        let change = move |tx: &Transaction<'_>| {
            devices::rotate(tx, &wanted, &hash, now)?;
            let Some(row) = devices::get(tx, &wanted)? else { return Err(Error::Unknown(format!("device {wanted}"))) };
            announce_device(tx, Kind::DeviceChanged, "device.rotate", &row, &actor, now)?;
            Ok(row)
        };
        let device = Device::of(self.0.db.write(change).await?)?;
        self.forget_device(id);
        Ok(Credential { topics: device.topics(), device, password })
    }

    /// Revokes the device; a live session ends within a second.
    pub async fn revoke_device(&self, id: &DeviceId, actor: Actor) -> Result<()> {
        let (now, wanted) = (self.now(), id.clone());
        let change = move |tx: &Transaction<'_>| {
            let Some(row) = devices::get(tx, &wanted)? else { return Err(Error::Unknown(format!("device {wanted}"))) };
            if devices::revoke(tx, &wanted, now)? {
                announce_device(tx, Kind::DeviceRevoked, "device.revoke", &row, &actor, now)?;
            }
            Ok(())
        };
        self.0.db.write(change).await?;
        self.forget_device(id);
        Ok(())
    }

    /// Which device this is. The row is read each time, so a revocation holds at once; the costly hash is spared when the same
    /// secret was verified lately against the same hash. `may_try` is asked when the turn to hash has come: one who guesses in
    /// parallel gains nothing, and a device that is known is let in whoever else guesses from its address.
    pub async fn device(
        &self,
        username: &str,
        password: &[u8],
        may_try: impl FnOnce() -> bool,
    ) -> std::result::Result<DeviceIdentity, Refused> {
        let unavailable = |e: &dyn std::fmt::Display| Refused::Unavailable(e.to_string());
        let id = DeviceId::new(username).map_err(|_| Refused::Unknown)?;
        let row = self.0.db.read(move |c| devices::get(c, &id)).await.map_err(|e: store::Error| unavailable(&e))?;
        let row = row.ok_or(Refused::Unknown)?;
        if row.revoked_at.is_some() {
            return Err(Refused::Revoked);
        }
        let now = self.0.clock.monotonic();
        let proof = Verified::proof(password, &row.secret_hash);
        if !self.0.verified.knows(&row.id, &proof, now) {
            let turn = self.0.hasher.turn().await.map_err(|e| unavailable(&e))?;
            if !may_try() {
                return Err(Refused::TooMany);
            }
            let matches = turn.matches(password.to_vec(), row.secret_hash.clone()).await.map_err(|e| unavailable(&e))?;
            if !matches {
                return Err(Refused::BadSecret);
            }
            self.0.verified.remember(row.id.clone(), proof, now);
        }
        let device = Device::of(row).map_err(|e| unavailable(&e))?;
        Ok(DeviceIdentity { device: device.id, vehicle: device.vehicle, format: device.format })
    }

    /// Which device this is, asked from `address`, which may fail so often.
    pub async fn device_from(&self, username: &str, password: &[u8], address: IpAddr) -> std::result::Result<DeviceIdentity, Refused> {
        let may_try = || !self.0.guesses.too_many(address, self.0.clock.monotonic());
        self.device(username, password, may_try).await.inspect_err(|refused| {
            if matches!(refused, Refused::Unknown | Refused::BadSecret | Refused::Revoked) {
                self.note_guess(address);
            }
        })
    }

    /// Somebody at `address` had credentials that are none.
    pub fn note_guess(&self, address: IpAddr) {
        self.0.guesses.note(address, self.0.clock.monotonic());
    }

    /// Forgets that the device's secret was verified.
    pub fn forget_device(&self, id: &DeviceId) {
        self.0.verified.forget(id);
    }
}

fn announce_device(tx: &Transaction<'_>, kind: Kind, action: &str, row: &devices::Row, actor: &Actor, at: Timestamp) -> store::Result<()> {
    let data = serde_json::json!({ "device": row.id, "action": action }).to_string();
    journal::append(tx, &journal::NewEvent { at, kind, actor, booking: None, vehicle: Some(&row.vehicle), data: &data })?;
    store::audit::append(tx, at, actor, action, row.id.as_str(), "{}")
}

/// Secrets that were verified lately: by device the SHA-256 of secret and hash, never the secret itself.
pub(super) struct Verified {
    known: Mutex<HashMap<DeviceId, ([u8; 32], Instant)>>,
    holds: Duration,
}

impl Verified {
    pub(super) fn new(holds_s: u64) -> Self {
        Self { known: Mutex::default(), holds: Duration::from_secs(holds_s) }
    }
    fn proof(secret: &[u8], hash: &str) -> [u8; 32] {
        Sha256::new().chain_update(hash.len().to_be_bytes()).chain_update(hash).chain_update(secret).finalize().into()
    }
    fn knows(&self, id: &DeviceId, proof: &[u8; 32], now: Instant) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).is_some_and(|(p, at)| p == proof && now.saturating_duration_since(*at) < self.holds)
    }
    fn remember(&self, id: DeviceId, proof: [u8; 32], now: Instant) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.retain(|_, (_, at)| now.saturating_duration_since(*at) < self.holds);
        }
        if known.len() < REMEMBERED {
            known.insert(id, (proof, now));
        }
    }
    fn forget(&self, id: &DeviceId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

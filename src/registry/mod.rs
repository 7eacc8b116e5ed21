//! The depot's vehicles: registering them and changing their data.

use crate::clock::Clock;
use crate::model::{Actor, Kind, Vehicle, VehicleId};
use crate::store::{self, Db, vehicles};
use rusqlite::Transaction;

/// Why a change of a vehicle did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such vehicle.
    #[error("there is no vehicle {0}")]
    Unknown(VehicleId),
    /// The id is taken.
    #[error("there is a vehicle {0} already")]
    Exists(VehicleId),
    /// Somebody changed it since it was read.
    #[error("vehicle {id} was changed meanwhile: it is at version {found}, not {expected}")]
    Stale {
        /// Which one.
        id: VehicleId,
        /// The version it has.
        found: u32,
        /// The version that was to be changed.
        expected: u32,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What is to be changed of a vehicle; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct VehicleChange {
    /// Class, like `van`.
    pub class: Option<String>,
    /// Weight it can carry in kg; `Some(None)` forgets it, here and below.
    pub capacity_kg: Option<Option<u32>>,
    /// Volume it can carry in cubic metres.
    pub capacity_m3: Option<Option<f64>>,
    /// Number of pieces it can carry.
    pub capacity_pieces: Option<Option<u32>>,
    /// What it can do.
    pub skills: Option<Vec<String>>,
}

/// The vehicles. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Registry {
    db: Db,
    clock: Clock,
}

type Result<T> = std::result::Result<T, Error>;

impl Registry {
    /// The vehicles of `db`.
    pub fn new(db: Db, clock: Clock) -> Self {
        Self { db, clock }
    }

    /// Up to `limit` vehicles after `after` by id, whose id or class contains `q`.
    pub async fn vehicles(&self, q: Option<String>, after: Option<VehicleId>, limit: usize) -> Result<Vec<Vehicle>> {
        Ok(self.db.read(move |c| vehicles::list(c, q.as_deref(), after.as_ref(), limit)).await?)
    }

    /// Up to `limit` vehicles that a driver could go on duty with, by id.
    pub async fn free_vehicles(&self, limit: usize) -> Result<Vec<Vehicle>> {
        Ok(self.db.read(move |c| vehicles::free(c, limit)).await?)
    }

    /// The vehicle of an id.
    pub async fn vehicle(&self, id: &VehicleId) -> Result<Vehicle> {
        let id = id.clone();
        self.db.read(move |c| vehicles::get(c, &id)?.ok_or(Error::Unknown(id))).await
    }

    /// Registers a vehicle.
    pub async fn add_vehicle(&self, vehicle: Vehicle, actor: Actor) -> Result<Vehicle> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            if !vehicles::insert(tx, &vehicle, now)? {
                return Err(Error::Exists(vehicle.id));
            }
            vehicles::announce(tx, Kind::VehicleChanged, &vehicle, &actor, now)?;
            Ok(vehicle)
        };
        self.db.write(change).await
    }

    /// Changes a vehicle's data; refused when it is not at the `expected` version any more.
    pub async fn change_vehicle(&self, id: VehicleId, change: VehicleChange, expected: Option<u32>, actor: Actor) -> Result<Vehicle> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let Some(mut vehicle) = vehicles::get(tx, &id)? else { return Err(Error::Unknown(id)) };
            if let Some(expected) = expected.filter(|expected| *expected != vehicle.version) {
                return Err(Error::Stale { id, found: vehicle.version, expected });
            }
            change.apply(&mut vehicle);
            vehicle.version += 1;
            vehicles::update(tx, &vehicle)?;
            vehicles::announce(tx, Kind::VehicleChanged, &vehicle, &actor, now)?;
            Ok(vehicle)
        };
        self.db.write(change).await
    }
}

impl VehicleChange {
    fn apply(self, vehicle: &mut Vehicle) {
        let capacity = &mut vehicle.capacity;
        capacity.kg = self.capacity_kg.unwrap_or(capacity.kg);
        capacity.m3 = self.capacity_m3.unwrap_or(capacity.m3);
        capacity.pieces = self.capacity_pieces.unwrap_or(capacity.pieces);
        if let Some(class) = self.class {
            vehicle.class = class;
        }
        if let Some(skills) = self.skills {
            vehicle.skills = skills;
        }
    }
}

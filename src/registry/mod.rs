//! The depot's vehicles: registering them, changing their data, going on and off duty.

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
    /// It cannot go off duty with a job.
    #[error("vehicle {0} has a job; finish it or take it away first")]
    Busy(VehicleId),
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What is to be changed of a vehicle; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct VehicleChange {
    /// Class, like `van`.
    pub class: Option<String>,
    /// Load it can carry in kg; `Some(None)` forgets it.
    pub capacity_kg: Option<Option<u32>>,
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

    /// Changes a vehicle's data.
    pub async fn change_vehicle(&self, id: VehicleId, change: VehicleChange, actor: Actor) -> Result<Vehicle> {
        let edit = move |v: &mut Vehicle| {
            v.class = change.class.unwrap_or(std::mem::take(&mut v.class));
            v.capacity_kg = change.capacity_kg.unwrap_or(v.capacity_kg);
            v.skills = change.skills.unwrap_or(std::mem::take(&mut v.skills));
        };
        self.edit(id, Kind::VehicleChanged, actor, edit).await
    }

    /// Puts a vehicle on or off duty; refused while it has a job.
    pub async fn set_duty(&self, id: VehicleId, on_duty: bool, actor: Actor) -> Result<Vehicle> {
        self.edit(id, Kind::VehicleDutyChanged, actor, move |v| v.on_duty = on_duty).await
    }

    async fn edit(&self, id: VehicleId, kind: Kind, actor: Actor, edit: impl FnOnce(&mut Vehicle) + Send + 'static) -> Result<Vehicle> {
        let now = self.clock.now();
        let change = move |tx: &Transaction<'_>| {
            let Some(mut vehicle) = vehicles::get(tx, &id)? else { return Err(Error::Unknown(id)) };
            let was_on_duty = vehicle.on_duty;
            edit(&mut vehicle);
            if was_on_duty && !vehicle.on_duty && store::bookings::active_of(tx, &id)?.is_some() {
                return Err(Error::Busy(id));
            }
            vehicles::update(tx, &vehicle)?;
            vehicles::announce(tx, kind, &vehicle, &actor, now)?;
            Ok(vehicle)
        };
        self.db.write(change).await
    }
}

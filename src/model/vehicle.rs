//! A vehicle and whether it can take work.

use super::{Load, VehicleId};
use serde::{Deserialize, Serialize};

/// A vehicle as the depot registered it.
#[derive(Clone, PartialEq, Debug)]
pub struct Vehicle {
    /// Its id, also in its MQTT topics.
    pub id: VehicleId,
    /// Class, like `van`.
    pub class: String,
    /// What it can carry at most.
    pub capacity: Capacity,
    /// What it can do, like `tail_lift`.
    pub skills: Vec<String>,
    /// Is somebody on duty with it?
    pub on_duty: bool,
    /// Counts the changes of its data, from 1.
    pub version: u32,
}

impl Vehicle {
    /// A vehicle of `class` that carries anything, without skills, off duty.
    pub fn new(id: VehicleId, class: &str) -> Self {
        Self { id, class: class.to_owned(), capacity: Capacity::default(), skills: Vec::new(), on_duty: false, version: 1 }
    }
}

/// What a vehicle can carry at most; what is not stated does not limit it.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Capacity {
    /// Weight in kg.
    pub kg: Option<u32>,
    /// Volume in cubic metres.
    pub m3: Option<f64>,
    /// Number of pieces.
    pub pieces: Option<u32>,
}

/// What of a load is more than a vehicle carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overload {
    /// Its weight.
    Kg,
    /// Its volume.
    M3,
    /// Its number of pieces.
    Pieces,
}

impl Capacity {
    /// What of the load is more than it is, the weight first; `None`: it fits.
    pub fn overload(&self, load: &Load) -> Option<Overload> {
        if load.kg.zip(self.kg).is_some_and(|(load, most)| load > most) {
            Some(Overload::Kg)
        } else if load.m3.zip(self.m3).is_some_and(|(load, most)| load > most) {
            Some(Overload::M3)
        } else if load.pieces.zip(self.pieces).is_some_and(|(load, most)| load > most) {
            Some(Overload::Pieces)
        } else {
            None
        }
    }

    /// What it carries at most of what is too much, in words about the vehicle.
    pub fn says(&self, overload: Overload) -> String {
        match overload {
            Overload::Kg => format!("it carries {} kg at most", self.kg.unwrap_or(0)),
            Overload::M3 => format!("it holds {} m³ at most", self.m3.unwrap_or(0.0)),
            Overload::Pieces => format!("it takes {} pieces at most", self.pieces.unwrap_or(0)),
        }
    }
}

/// What a vehicle is doing, as far as work goes. Being connected is told apart from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// On duty, without a job.
    Free,
    /// On the way to a pickup, or with a load to its drop-off.
    EnRoute,
    /// At the pickup.
    Loading,
    /// Somebody is on duty with it, but pauses or has worked as long as he may.
    Paused,
    /// Nobody is on duty with it.
    #[default]
    OffDuty,
}

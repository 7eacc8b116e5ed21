//! A vehicle and whether it can take work.

use super::VehicleId;
use serde::{Deserialize, Serialize};

/// A vehicle as the depot registered it.
#[derive(Clone, PartialEq, Debug)]
pub struct Vehicle {
    /// Its id, also in its MQTT topics.
    pub id: VehicleId,
    /// Class, like `van`.
    pub class: String,
    /// Load it can carry, in kg.
    pub capacity_kg: Option<u32>,
    /// What it can do, like `tail_lift`.
    pub skills: Vec<String>,
    /// Is somebody on duty with it?
    pub on_duty: bool,
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
    /// Nobody is on duty with it.
    #[default]
    OffDuty,
}

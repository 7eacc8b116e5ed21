//! What clients send about vehicles.

use crate::model::{Vehicle, VehicleId};
use crate::registry;
use crate::web::fields::{Fields, Read};
use utoipa::{IntoParams, ToSchema};

const STATUSES: [&str; 5] = ["free", "en_route", "loading", "offline", "off_duty"];

/// Which vehicles.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Part of an id or a class.
    pub q: Option<String>,
    /// `free`, `en_route`, `loading`, `offline` or `off_duty`.
    pub status: Option<String>,
    /// Where the page before ended.
    #[param(value_type = Option<String>)]
    pub cursor: Option<VehicleId>,
    /// Items at most.
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: u32,
}
impl Read for ListParams {
    fn read(f: &mut Fields) -> Option<Self> {
        let q = f.text("q", 100);
        let status = f.one_of("status", &STATUSES.join(", "), |s| STATUSES.contains(&s).then(|| s.to_owned()));
        let cursor = f.named("cursor");
        let limit = f.whole("limit", 1, 500);
        Some(Self { q: q?, status: status?, cursor: cursor?, limit: limit?.unwrap_or(50) })
    }
}

/// A vehicle to be registered.
#[derive(Debug, ToSchema)]
#[schema(as = VehicleRequest)]
pub struct VehicleInput {
    /// 1 to 64 letters, digits, `.`, `_`, `-`; also in its MQTT topics.
    #[schema(value_type = String)]
    pub id: VehicleId,
    /// Class; `van` when absent.
    pub class: Option<String>,
    /// Load it can carry, in kg.
    pub capacity_kg: Option<u32>,
    /// What it can do.
    pub skills: Option<Vec<String>>,
}
impl Read for VehicleInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let id = f.named("id");
        let id = f.required("id", id);
        let change = VehicleChange::read(f);
        let (id, change) = (id?, change?);
        Some(Self { id, class: change.class, capacity_kg: change.capacity_kg, skills: change.skills })
    }
}
impl From<VehicleInput> for Vehicle {
    fn from(v: VehicleInput) -> Self {
        let class = v.class.unwrap_or_else(|| "van".to_owned());
        Self { id: v.id, class, capacity_kg: v.capacity_kg, skills: v.skills.unwrap_or_default(), on_duty: true }
    }
}

/// What is to be different; what is absent stays.
#[derive(Debug, ToSchema)]
pub struct VehicleChange {
    /// Class.
    pub class: Option<String>,
    /// Load it can carry, in kg.
    pub capacity_kg: Option<u32>,
    /// What it can do.
    pub skills: Option<Vec<String>>,
}
impl Read for VehicleChange {
    fn read(f: &mut Fields) -> Option<Self> {
        let class = f.text("class", 64);
        let capacity_kg = f.whole("capacity_kg", 0, 100_000);
        let skills = f.texts("skills", 16);
        Some(Self { class: class?, capacity_kg: capacity_kg?, skills: skills? })
    }
}
impl From<VehicleChange> for registry::VehicleChange {
    fn from(v: VehicleChange) -> Self {
        Self { class: v.class, capacity_kg: v.capacity_kg.map(Some), skills: v.skills }
    }
}

/// Is somebody on duty?
#[derive(Debug, ToSchema)]
#[schema(as = DutyRequest)]
pub struct DutyInput {
    /// `true`: it may be given work.
    pub on_duty: bool,
}
impl Read for DutyInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let on_duty = f.flag("on_duty");
        Some(Self { on_duty: f.required("on_duty", on_duty)? })
    }
}

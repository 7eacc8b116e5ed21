//! What clients send about vehicles.

use crate::model::{Capacity, Vehicle, VehicleId};
use crate::registry;
use crate::web::fields::{Fields, Read};
use crate::web::shapes::words;
use utoipa::{IntoParams, ToSchema};

const STATUSES: [&str; 6] = ["free", "en_route", "loading", "offline", "off_duty", "paused"];

/// Which vehicles.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// Part of an id or a class.
    pub q: Option<String>,
    /// `free`, `en_route`, `loading`, `offline`, `off_duty` or `paused`.
    #[param(inline, value_type = Option<words::VehicleStatus>)]
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
    /// Weight it can carry, in kg.
    pub capacity_kg: Option<u32>,
    /// Volume it can carry, in cubic metres.
    pub capacity_m3: Option<f64>,
    /// Number of pieces it can carry.
    pub capacity_pieces: Option<u32>,
    /// What it can do.
    pub skills: Option<Vec<String>>,
}
impl Read for VehicleInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let id = f.named("id");
        let id = f.required("id", id);
        let change = VehicleChange::read(f);
        let (id, change) = (id?, change?);
        Some(Self {
            id,
            class: change.class,
            capacity_kg: change.capacity_kg.flatten(),
            capacity_m3: change.capacity_m3.flatten(),
            capacity_pieces: change.capacity_pieces.flatten(),
            skills: change.skills,
        })
    }
}
impl From<VehicleInput> for Vehicle {
    fn from(v: VehicleInput) -> Self {
        let capacity = Capacity { kg: v.capacity_kg, m3: v.capacity_m3, pieces: v.capacity_pieces };
        let class = v.class.as_deref().unwrap_or("van");
        Self { capacity, skills: v.skills.unwrap_or_default(), on_duty: true, ..Self::new(v.id, class) }
    }
}

/// What is to be different; what is absent stays, a capacity that is `null` is forgotten.
#[derive(Debug, ToSchema)]
pub struct VehicleChange {
    /// Class.
    pub class: Option<String>,
    /// Weight it can carry, in kg.
    #[schema(value_type = Option<u32>)]
    pub capacity_kg: Option<Option<u32>>,
    /// Volume it can carry, in cubic metres.
    #[schema(value_type = Option<f64>)]
    pub capacity_m3: Option<Option<f64>>,
    /// Number of pieces it can carry.
    #[schema(value_type = Option<u32>)]
    pub capacity_pieces: Option<Option<u32>>,
    /// What it can do.
    pub skills: Option<Vec<String>>,
}
impl Read for VehicleChange {
    fn read(f: &mut Fields) -> Option<Self> {
        let class = f.text("class", 64);
        let capacity_kg = f.change("capacity_kg", |f, name| f.whole(name, 0, 100_000));
        let capacity_m3 = f.change("capacity_m3", |f, name| f.number(name, 0.0, 1_000.0));
        let capacity_pieces = f.change("capacity_pieces", |f, name| f.whole(name, 0, 10_000));
        let skills = f.texts("skills", 16);
        let (capacity_kg, capacity_m3, capacity_pieces) = (capacity_kg?, capacity_m3?, capacity_pieces?);
        Some(Self { class: class?, capacity_kg, capacity_m3, capacity_pieces, skills: skills? })
    }
}
impl From<VehicleChange> for registry::VehicleChange {
    fn from(v: VehicleChange) -> Self {
        let VehicleChange { class, capacity_kg, capacity_m3, capacity_pieces, skills } = v;
        Self { class, capacity_kg, capacity_m3, capacity_pieces, skills }
    }
}

/// Is somebody on duty?
#[derive(Debug, ToSchema)]
#[schema(as = DutyRequest)]
pub struct DutyInput {
    /// `true`: it may be given work. `false` ends the duty of its driver too. `on` is read as well.
    pub on_duty: bool,
    /// `true`: off duty although it has a job, which goes back to the waiting ones unless its load is on board.
    pub force: Option<bool>,
    /// Why that is forced.
    pub reason: Option<String>,
}
impl Read for DutyInput {
    fn read(f: &mut Fields) -> Option<Self> {
        let on_duty = on_duty(f);
        let (force, reason) = forced(f)?;
        Some(Self { on_duty: on_duty?, force, reason })
    }
}

/// The field `on_duty`, which may be called `on`.
pub fn on_duty(f: &mut Fields) -> Option<bool> {
    let (on_duty, on) = (f.flag("on_duty")?, f.flag("on")?);
    if on_duty.is_some() && on.is_some() && on_duty != on {
        f.fault("on", "says something else than on_duty");
        return None;
    }
    f.required("on_duty", Some(on_duty.or(on)))
}

/// The fields `force` and `reason`, which go together.
pub fn forced(f: &mut Fields) -> Option<(Option<bool>, Option<String>)> {
    let force = f.flag("force");
    let reason = f.text("reason", 200);
    let (force, reason) = (force?, reason?);
    if force == Some(true) && reason.is_none() {
        f.fault("reason", "is missing: say why this is forced");
        return None;
    }
    Some((force, reason))
}

//! Reported positions.

use super::PlaceShape;
use super::words;
use crate::model::{Fix, Flag, Flags, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A reported position.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Fix)]
pub struct FixShape {
    /// When the device took it.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// Where.
    #[serde(flatten)]
    pub place: PlaceShape,
    /// Speed over ground.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_kmh: Option<f32>,
    /// Degrees clockwise from north.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub course: Option<f32>,
    /// Radius within which the device believes itself to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f32>,
    /// Is the ignition on?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignition: Option<bool>,
    /// Battery charge in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub battery: Option<f32>,
    /// What the filter found: `future`, `old`, `jump`, `alarm`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<words::FixFlag>)]
    pub flags: Vec<&'static str>,
}
impl From<&Fix> for FixShape {
    fn from(fix: &Fix) -> Self {
        Self {
            ts: fix.ts,
            place: fix.place.into(),
            speed_kmh: fix.speed_kmh,
            course: fix.course,
            accuracy_m: fix.accuracy_m,
            ignition: fix.ignition,
            battery: fix.battery,
            flags: flag_names(fix.flags),
        }
    }
}

/// The names of what the filter found.
pub fn flag_names(flags: Flags) -> Vec<&'static str> {
    let names = [(Flag::Future, "future"), (Flag::Old, "old"), (Flag::Jump, "jump"), (Flag::Alarm, "alarm")];
    names.into_iter().filter(|(flag, _)| flags.has(*flag)).map(|(_, name)| name).collect()
}

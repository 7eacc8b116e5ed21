//! What a trip's parts cost: rates, and how those for a class and a zone lie over those for all.

use super::line::{LineKind, Sum, share};
use super::trip::Trip;
use crate::fields::document::Faults;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// No amount of a tariff is larger, in minor units.
pub const MOST_MINOR: i64 = 1_000_000_000;
/// Steps of weight or volume at most.
const STEPS: usize = 50;

/// What a trip's parts cost, in minor units. What is left out is as in the rates below these: a contract's rates for the class lie
/// over its own, these over the tariff's for the class in the pickup's zone, these over those for the class, these over those for
/// the pickup's zone, and these over the tariff's. What nobody gives is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// For the vehicle to come, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_minor: Option<i64>,
    /// For a kilometre of the way, in minor units; by the metre.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_km_minor: Option<i64>,
    /// For a minute of the way, in minor units; by the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_minute_minor: Option<i64>,
    /// For each stop between pickup and drop-off, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_stop_minor: Option<i64>,
    /// For the load's weight: the last step that the load is above of counts, and it alone. Empty: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Vec<WeightStep>>,
    /// For the load's volume, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<Vec<VolumeStep>>,
    /// For waiting at the pickup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// No trip costs less before promo code, added tax and rounding, in minor units. It does not hold for prices that are all in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_minor: Option<i64>,
}

/// A step of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightStep {
    /// For loads of more than so many kg.
    pub above_kg: u32,
    /// In minor units.
    pub amount_minor: i64,
}

/// A step of volume.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VolumeStep {
    /// For loads of more than so many cubic metres.
    pub above_m3: f64,
    /// In minor units.
    pub amount_minor: i64,
}

/// What waiting at the pickup costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// So many minutes cost nothing.
    pub free_minutes: u32,
    /// Each minute after them, in minor units; by the second.
    pub per_minute_minor: i64,
}

impl Rates {
    /// Notes what is wrong with them.
    pub(super) fn check(&self, f: &mut Faults) {
        for (field, minor) in [
            ("base_minor", self.base_minor),
            ("per_km_minor", self.per_km_minor),
            ("per_minute_minor", self.per_minute_minor),
            ("per_stop_minor", self.per_stop_minor),
            ("minimum_minor", self.minimum_minor),
        ] {
            f.range(field, minor.unwrap_or(0), 0, MOST_MINOR);
        }
        let mut below = (None, 0);
        f.each("weight", self.weight.as_deref().unwrap_or_default(), STEPS, |f, step| {
            check_step(f, ("above_kg", f64::from(step.above_kg)), step.amount_minor, &mut below);
        });
        let mut below = (None, 0);
        f.each("volume", self.volume.as_deref().unwrap_or_default(), STEPS, |f, step| {
            check_step(f, ("above_m3", step.above_m3), step.amount_minor, &mut below);
        });
        if let Some(waiting) = self.waiting {
            f.within("waiting", |f| {
                f.range("free_minutes", waiting.free_minutes, 0, 1_440);
                f.range("per_minute_minor", waiting.per_minute_minor, 0, MOST_MINOR);
            });
        }
    }
}

fn check_step(f: &mut Faults, (field, above): (&str, f64), minor: i64, below: &mut (Option<f64>, i64)) {
    f.demand(above.is_finite() && above >= 0.0, field, "must be 0 or more");
    f.demand(below.0.is_none_or(|least| least < above), field, "must be more than in the step before");
    f.range("amount_minor", minor, below.1.clamp(0, MOST_MINOR), MOST_MINOR);
    *below = (Some(above), minor);
}

/// Rates over rates, those that count first before those that they lie over.
pub(super) struct Layers<'a>(pub(super) Vec<&'a Rates>);

impl<'a> Layers<'a> {
    fn of<T>(&self, field: impl Fn(&'a Rates) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|rates| field(rates))
    }

    fn minor(&self, field: impl Fn(&'a Rates) -> Option<i64>) -> i64 {
        self.of(field).unwrap_or(0)
    }

    /// Adds what base, distance and time cost.
    pub(super) fn add_way(&self, sum: &mut Sum, trip: &Trip<'_>) {
        let (metres, seconds) = (trip.way.distance_m, trip.way.duration_s);
        sum.add(LineKind::Base, "Base", self.minor(|r| r.base_minor).into());
        let distance = share(metres.into(), self.minor(|r| r.per_km_minor), 1_000);
        sum.add(LineKind::Distance, format!("Distance, {metres} m"), distance);
        let time = share(seconds.into(), self.minor(|r| r.per_minute_minor), 60);
        sum.add(LineKind::Time, format!("Time, {seconds} s"), time);
    }

    /// Adds what stops and load cost.
    pub(super) fn add_stops_and_load(&self, sum: &mut Sum, trip: &Trip<'_>) {
        let stops = share(trip.stops.into(), self.minor(|r| r.per_stop_minor), 1);
        sum.add_if_any(LineKind::Stop, || counted(trip.stops, "stop"), stops);
        if let Some(kg) = trip.load.kg {
            let steps = self.of(|r| r.weight.as_deref()).unwrap_or_default();
            let step = steps.iter().rfind(|step| kg > step.above_kg);
            sum.add_if_any(LineKind::Weight, || format!("Weight, {kg} kg"), step.map_or(0, |step| step.amount_minor.into()));
        }
        if let Some(m3) = trip.load.m3 {
            let steps = self.of(|r| r.volume.as_deref()).unwrap_or_default();
            let step = steps.iter().rfind(|step| m3 > step.above_m3);
            sum.add_if_any(LineKind::Volume, || format!("Volume, {m3} m³"), step.map_or(0, |step| step.amount_minor.into()));
        }
    }

    /// Adds what waiting cost, if any of it was to be paid.
    pub(super) fn add_waiting(&self, sum: &mut Sum, trip: &Trip<'_>) {
        let waiting = self.of(|r| r.waiting).unwrap_or_default();
        let paid_s = trip.waiting_s.saturating_sub(waiting.free_minutes.saturating_mul(60));
        let label = || format!("Waiting, {paid_s} s after {} free", counted(waiting.free_minutes, "minute"));
        sum.add_if_any(LineKind::Waiting, label, share(paid_s.into(), waiting.per_minute_minor, 60));
    }

    /// What a trip costs at least.
    pub(super) fn minimum(&self) -> i64 {
        self.minor(|r| r.minimum_minor)
    }
}

/// `1 stop`, `2 stops`.
pub(super) fn counted(count: u32, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

//! What is counted about bookings and duties: sums of whole numbers, so that what was added can be taken away again.

use std::ops::{AddAssign, Index, IndexMut, Neg};

/// One thing that is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Measure {
    /// Bookings in all.
    Bookings,
    /// Delivered.
    Delivered,
    /// Called off.
    Cancelled,
    /// Begun and not done.
    Failed,
    /// Nobody was found in time.
    Expired,
    /// Bookings for at once that got a vehicle.
    Assigned,
    /// Seconds from their asking until then.
    AssignSeconds,
    /// Pickups that a vehicle reached.
    Pickups,
    /// Seconds that they waited beyond the wanted time.
    WaitSeconds,
    /// Pickups that were not late.
    OnTime,
    /// Loads that were taken on board by a vehicle that had said it was there.
    Stops,
    /// Seconds from the one to the other.
    StopSeconds,
    /// Metres from where a vehicle got a job to the pickup.
    EmptyMetres,
    /// Metres from the pickup to the delivery.
    LoadedMetres,
    /// Seconds that vehicles had a job.
    BusySeconds,
    /// Seconds that vehicles were on duty, breaks not counted.
    DutySeconds,
    /// What deliveries cost, in minor units.
    Revenue,
    /// Bookings with a factor of demand above 1 in their price.
    Surged,
    /// What demand's factors are more than 1, in thousandths; less where it is negative.
    SurgeAbove,
    /// What demand's factors added to the price of deliveries, in minor units.
    SurgeRevenue,
}

impl Measure {
    /// Every measure, in the order of its columns.
    pub const ALL: [Self; 20] = [
        Self::Bookings,
        Self::Delivered,
        Self::Cancelled,
        Self::Failed,
        Self::Expired,
        Self::Assigned,
        Self::AssignSeconds,
        Self::Pickups,
        Self::WaitSeconds,
        Self::OnTime,
        Self::Stops,
        Self::StopSeconds,
        Self::EmptyMetres,
        Self::LoadedMetres,
        Self::BusySeconds,
        Self::DutySeconds,
        Self::Revenue,
        Self::Surged,
        Self::SurgeAbove,
        Self::SurgeRevenue,
    ];

    /// The name of its column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bookings => "bookings",
            Self::Delivered => "delivered",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Assigned => "assigned",
            Self::AssignSeconds => "assign_s",
            Self::Pickups => "pickups",
            Self::WaitSeconds => "wait_s",
            Self::OnTime => "on_time",
            Self::Stops => "stops",
            Self::StopSeconds => "stop_s",
            Self::EmptyMetres => "empty_m",
            Self::LoadedMetres => "loaded_m",
            Self::BusySeconds => "busy_s",
            Self::DutySeconds => "duty_s",
            Self::Revenue => "revenue_minor",
            Self::Surged => "surged",
            Self::SurgeAbove => "surge_above",
            Self::SurgeRevenue => "surge_minor",
        }
    }
}

/// A sum of each measure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Measures([i64; Measure::ALL.len()]);

impl Measures {
    /// Those with `amount` of one measure.
    pub fn of(measure: Measure, amount: i64) -> Self {
        let mut measures = Self::default();
        measures[measure] = amount;
        measures
    }

    /// The sums in the order of [`Measure::ALL`].
    pub fn amounts(&self) -> &[i64] {
        &self.0
    }

    /// Is there nothing in it?
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|amount| *amount == 0)
    }
}

impl Index<Measure> for Measures {
    type Output = i64;
    fn index(&self, measure: Measure) -> &i64 {
        &self.0[measure as usize]
    }
}

impl IndexMut<Measure> for Measures {
    fn index_mut(&mut self, measure: Measure) -> &mut i64 {
        &mut self.0[measure as usize]
    }
}

impl AddAssign for Measures {
    fn add_assign(&mut self, other: Self) {
        for (sum, amount) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(amount);
        }
    }
}

impl Neg for Measures {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.map(i64::saturating_neg))
    }
}

/// What measures are summed up by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Dimension {
    /// Everything together; its one key is empty.
    All,
    /// The H3 cell of the pickup, resolution 7.
    Cell,
    /// The driver who was on duty with the vehicle.
    Driver,
    /// The vehicle that had the job.
    Vehicle,
    /// The customer.
    Customer,
    /// The vehicle class: that of the vehicle, else the one asked for.
    Class,
    /// How long a pickup waited, as the upper bound of a step in seconds: from it come the percentiles.
    Wait,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 7] = [Self::All, Self::Cell, Self::Driver, Self::Vehicle, Self::Customer, Self::Class, Self::Wait];

    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Cell => "cell",
            Self::Driver => "driver",
            Self::Vehicle => "vehicle",
            Self::Customer => "customer",
            Self::Class => "class",
            Self::Wait => "wait",
        }
    }

    /// The dimension of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_its_place() {
        for (place, measure) in Measure::ALL.into_iter().enumerate() {
            assert_eq!(measure as usize, place, "{measure:?}");
        }
        for dimension in Dimension::ALL {
            assert_eq!(Dimension::parse(dimension.as_str()), Some(dimension));
        }
    }

    #[test]
    fn what_was_added_can_be_taken_away() {
        let mut sum = Measures::of(Measure::Bookings, 2);
        let more = Measures::of(Measure::WaitSeconds, 70);
        sum += more;
        assert_eq!((sum[Measure::Bookings], sum[Measure::WaitSeconds]), (2, 70));
        sum += -more;
        sum += -Measures::of(Measure::Bookings, 2);
        assert!(sum.is_zero());
    }
}

//! What one booking, one duty, or one vehicle's time on duty adds to the rollups. Pure.

use crate::model::{Booking, Dimension, DriverId, Duty, Measure, Measures, Metres, Period, Span, Status, Timestamp, VehicleId};
use crate::store::rollups::Key;
use crate::tariffs::Bill;
use h3o::{LatLng, Resolution};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The resolution of the cells that bookings are counted by.
pub const RESOLUTION: Resolution = Resolution::Seven;
/// The upper bounds of the steps that waits are counted in, in seconds; what is longer has a step of its own.
pub const WAIT_STEPS: [i64; 14] = [0, 30, 60, 120, 180, 240, 300, 450, 600, 900, 1_200, 1_800, 3_600, 7_200];
/// Fixes nearer than this to the last one are the receiver's noise.
const NOISE: f64 = 10.0;

/// By what a fact is told.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whose hours count.
    pub zone: TimeZone,
    /// A pickup is late so long after its window, or after its time when it has none.
    pub tolerance: Span,
}

impl Terms {
    /// When the hour of the zone begins that `at` lies in.
    pub fn hour(&self, at: Timestamp) -> Timestamp {
        let instant = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
        let offset = i64::from(self.zone.to_offset(instant).seconds()) * 1_000;
        Timestamp::from_millis((at.as_millis() + offset).div_euclid(3_600_000) * 3_600_000 - offset)
    }

    /// A period by the hours it lies in, with its seconds in each.
    fn split(&self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = (Timestamp, i64)> {
        let mut at = from;
        let second = |at: Timestamp| at.as_millis().div_euclid(1_000);
        std::iter::from_fn(move || {
            let hour = self.hour(at);
            // Where the clock is put back by less than an hour, the next one may seem to have begun already.
            let end = self.hour(at + Span::from_secs(3_600)).max(at + Span::from_secs(900)).min(until);
            (at < until).then(|| {
                let seconds = second(end) - second(at);
                at = end;
                (hour, seconds)
            })
        })
    }
}

/// How far a vehicle drove for a job, by its fixes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Driven {
    /// Metres to the pickup.
    pub empty_m: i64,
    /// Metres with the load.
    pub loaded_m: i64,
}

/// The length in metres of a way through places, without the noise of a receiver at rest.
#[expect(clippy::cast_possible_truncation, reason = "no way on earth is longer than 2^63 m")]
pub fn length(places: impl IntoIterator<Item = crate::model::Place>) -> i64 {
    let mut places = places.into_iter();
    let Some(mut last) = places.next() else { return 0 };
    let mut sum = 0.0;
    for next in places {
        let Metres(hop) = last.distance(next);
        if hop >= NOISE {
            (sum, last) = (sum + hop, next);
        }
    }
    sum.round() as i64
}

/// Who had a job.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crew<'a> {
    /// The class of the vehicle.
    pub class: Option<&'a str>,
    /// The driver on duty with it.
    pub driver: Option<DriverId>,
}

/// The amounts of one hour.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Part {
    hour: i64,
    #[serde(flatten)]
    amounts: BTreeMap<String, i64>,
}

/// What is added, by each of its keys. As JSON it is what the store keeps.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Fact {
    keys: Vec<(String, String)>,
    currency: String,
    parts: Vec<Part>,
    /// The step of its wait, at the first part's hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    wait: Option<i64>,
}

impl Fact {
    /// What a booking adds, at the hour of its pickup; the time that a vehicle was busy with it goes by the hours it lay in.
    pub fn of_booking(b: &Booking, bill: Option<&Bill>, crew: Crew<'_>, driven: Option<Driven>, terms: &Terms) -> Self {
        let wanted = b.order.pickup_at.unwrap_or(b.created_at);
        let mut sums = Measures::of(Measure::Bookings, 1);
        if let Some(bill) = bill {
            sums[Measure::Surged] = i64::from(bill.surge_per_mille > 1_000);
            sums[Measure::SurgeAbove] = i64::from(bill.surge_per_mille) - 1_000;
        }
        match b.status {
            Status::Delivered => {
                sums[Measure::Delivered] = 1;
                sums[Measure::Revenue] = b.fare.price.amount_minor;
                sums[Measure::SurgeRevenue] = bill.map_or(0, Bill::surge_minor);
                sums[Measure::LoadedMetres] = driven.map_or(i64::from(b.fare.distance_m), |d| d.loaded_m);
                sums[Measure::EmptyMetres] = driven.map_or(0, |d| d.empty_m);
            }
            Status::Cancelled => sums[Measure::Cancelled] = 1,
            Status::Failed => sums[Measure::Failed] = 1,
            Status::Expired => sums[Measure::Expired] = 1,
            _ => {}
        }
        if let Some(at) = b.assigned_at.filter(|_| wanted <= b.created_at) {
            sums[Measure::Assigned] = 1;
            sums[Measure::AssignSeconds] = seconds(at.since(b.created_at));
        }
        let waited = b.arrived_at.or(b.picked_up_at).map(|at| (at, seconds(at.since(wanted))));
        if let Some((at, wait)) = waited {
            sums[Measure::Pickups] = 1;
            sums[Measure::WaitSeconds] = wait;
            sums[Measure::OnTime] = i64::from(at <= b.order.pickup_until.unwrap_or(wanted) + terms.tolerance);
        }
        if let (Some(there), Some(loaded)) = (b.arrived_at, b.picked_up_at) {
            sums[Measure::Stops] = 1;
            sums[Measure::StopSeconds] = seconds(loaded.since(there));
        }
        let hour = terms.hour(wanted);
        let mut by_hour = BTreeMap::from([(hour, sums)]);
        if let (Some(from), Some(until)) = (b.assigned_at, b.delivered_at.or(b.ended_at)) {
            for (hour, seconds) in terms.split(from, until) {
                *by_hour.entry(hour).or_default() += Measures::of(Measure::BusySeconds, seconds);
            }
        }
        let wait = waited.map(|(_, wait)| WAIT_STEPS.into_iter().find(|bound| wait <= *bound).unwrap_or(i64::MAX));
        let mut fact = Self::new(keys(b, crew), by_hour);
        fact.currency = b.fare.price.currency.code().to_owned();
        fact.wait = wait;
        fact.parts.sort_by_key(|part| (part.hour != hour.as_millis(), part.hour));
        fact
    }

    /// What a job under way adds to what its booking has added already: the time that the vehicle has been busy with it until `now`.
    pub fn of_job(b: &Booking, crew: Crew<'_>, now: Timestamp, terms: &Terms) -> Self {
        let part = |(hour, seconds)| (hour, Measures::of(Measure::BusySeconds, seconds));
        let by_hour = b.assigned_at.into_iter().flat_map(|from| terms.split(from, now)).map(part).collect();
        Self { currency: b.fare.price.currency.code().to_owned(), ..Self::new(keys(b, crew), by_hour) }
    }

    /// What a driver's duty adds until it ended, or until `now`: the time without its breaks.
    pub fn of_duty(duty: &Duty, class: Option<&str>, now: Timestamp, terms: &Terms) -> Self {
        let mut by_hour = BTreeMap::new();
        let until = duty.time.until.unwrap_or(now);
        let mut add = |from, until, sign: i64| {
            for (hour, seconds) in terms.split(from, until) {
                *by_hour.entry(hour).or_insert_with(Measures::default) += Measures::of(Measure::DutySeconds, sign * seconds);
            }
        };
        add(duty.time.from, until, 1);
        for Period { from, until: end } in &duty.breaks {
            add((*from).max(duty.time.from), end.unwrap_or(now).min(until), -1);
        }
        let keys = [
            (Dimension::Driver, Some(duty.driver.to_string())),
            (Dimension::Vehicle, Some(duty.vehicle.to_string())),
            (Dimension::Class, class.map(str::to_owned)),
        ];
        Self::new(keys, by_hour)
    }

    /// What a vehicle's time on duty without a known driver adds.
    pub fn of_vehicle(vehicle: &VehicleId, class: Option<&str>, from: Timestamp, until: Timestamp, terms: &Terms) -> Self {
        let part = |(hour, seconds)| (hour, Measures::of(Measure::DutySeconds, seconds));
        let keys = [(Dimension::Vehicle, Some(vehicle.to_string())), (Dimension::Class, class.map(str::to_owned))];
        Self::new(keys, terms.split(from, until).map(part).collect())
    }

    fn new<const N: usize>(keys: [(Dimension, Option<String>); N], by_hour: BTreeMap<Timestamp, Measures>) -> Self {
        let named = |(hour, sums): (Timestamp, Measures)| {
            let amounts = Measure::ALL.into_iter().filter(|m| sums[*m] != 0).map(|m| (m.as_str().to_owned(), sums[m])).collect();
            Part { hour: hour.as_millis(), amounts }
        };
        let keys = keys.into_iter().filter_map(|(dimension, key)| Some((dimension.as_str().to_owned(), key?))).collect();
        Self { keys, parts: by_hour.into_iter().map(named).collect(), ..Self::default() }
    }

    /// Adds it to `sums`, or takes it away from them.
    pub fn add_to(&self, sums: &mut BTreeMap<Key, Measures>, taken_away: bool) {
        let mut add = |dimension, key: &str, hour, amounts: Measures| {
            let key = Key { dimension, key: key.to_owned(), hour: Timestamp::from_millis(hour), currency: self.currency.clone() };
            *sums.entry(key).or_default() += if taken_away { -amounts } else { amounts };
        };
        for part in &self.parts {
            let mut amounts = Measures::default();
            for measure in Measure::ALL {
                amounts[measure] = part.amounts.get(measure.as_str()).copied().unwrap_or(0);
            }
            add(Dimension::All, "", part.hour, amounts);
            for (dimension, key) in &self.keys {
                if let Some(dimension) = Dimension::parse(dimension) {
                    add(dimension, key, part.hour, amounts);
                }
            }
        }
        if let (Some(step), Some(first)) = (self.wait, self.parts.first()) {
            add(Dimension::Wait, &step.to_string(), first.hour, Measures::of(Measure::Pickups, 1));
        }
    }
}

/// What a booking is counted by.
fn keys(b: &Booking, crew: Crew<'_>) -> [(Dimension, Option<String>); 5] {
    let place = b.order.pickup.place;
    [
        (Dimension::Cell, LatLng::new(place.lat(), place.lon()).map(|at| at.to_cell(RESOLUTION).to_string()).ok()),
        (Dimension::Class, crew.class.map(str::to_owned).or_else(|| b.order.vehicle_class.clone())),
        (Dimension::Customer, b.order.customer.clone()),
        (Dimension::Vehicle, b.vehicle.as_ref().map(ToString::to_string)),
        (Dimension::Driver, crew.driver.map(|driver| driver.to_string())),
    ]
}

fn seconds(span: Span) -> i64 {
    span.as_millis() / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;
    use proptest::prelude::*;

    fn terms(zone: &str) -> Terms {
        Terms { zone: TimeZone::get(zone).unwrap(), tolerance: Span::from_secs(300) }
    }

    #[test]
    fn an_hour_begins_when_it_does_in_the_zone() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert_eq!(terms("Asia/Kolkata").hour(at("2026-05-30T10:45:00Z")), at("2026-05-30T10:30:00Z"));
        assert_eq!(terms("Europe/Lisbon").hour(at("2026-10-25T01:59:59Z")), at("2026-10-25T01:00:00Z"));
        assert_eq!(terms("UTC").hour(at("1969-12-31T23:30:00Z")), at("1969-12-31T23:00:00Z"));
    }

    #[test]
    fn a_parked_vehicle_drives_nowhere() {
        let place = |lat: f64| Place::new(lat, 1.5).unwrap();
        assert_eq!(length([place(42.5), place(42.50003), place(42.49998), place(42.50002)]), 0);
        assert_eq!(length([]), 0);
        let way = length([place(42.5), place(42.51), place(42.50)]);
        assert!((2_200..2_250).contains(&way), "{way}");
    }

    proptest! {
        #[test]
        fn a_period_is_the_sum_of_its_hours(from in 0..100_000_000_i64, length in 0..400_000_i64, zone in 0..3_usize) {
            let terms = terms(["Europe/Lisbon", "America/Sao_Paulo", "Australia/Lord_Howe"][zone]);
            let from = Timestamp::from_secs(1_700_000_000 + from);
            let parts: Vec<_> = terms.split(from, from + Span::from_secs(length)).collect();
            prop_assert_eq!(parts.iter().map(|(_, s)| s).sum::<i64>(), length);
            for (hour, seconds) in parts {
                prop_assert!((1..=5_400).contains(&seconds), "{hour} {seconds}");
            }
        }
    }
}

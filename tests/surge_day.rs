//! Demand's factors over a real day: San Francisco's taxis on 30 May 2008.
//!
//! The recording is not part of the repository: `DEPOTD_TEST_DATA` names its directory (`../shared/data` without it), and where it is
//! absent the test says so and passes.

use depotd::model::{Place, Timestamp};
use depotd::pricing::surge::{Observed, Surge, SurgeRules};
use flate2::read::GzDecoder;
use h3o::CellIndex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

/// Vehicles that serve the town: about two thirds of what it had, so that they become scarce.
const VEHICLES: usize = 300;
/// How fast they come to a pickup, as the crow flies.
const SPEED_M_S: f64 = 7.0;
/// A request that nobody took goes away after so many seconds.
const PATIENCE_S: i64 = 900;

struct Booking {
    pickup_s: i64,
    pickup: Place,
    trip_s: i64,
    dropoff: Place,
}

/// The day's bookings in the order of their pickups; `None`: they are not here.
fn bookings() -> Option<Vec<Booking>> {
    let data =
        std::env::var("DEPOTD_TEST_DATA").map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = data.join("sf_bookings/bookings_20080530.csv.gz");
    let Ok(file) = File::open(&path) else {
        eprintln!("SKIPPED: there is no {}", path.display());
        return None;
    };
    let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
    let headers = reader.headers().expect("it has headers").clone();
    let column = |name: &str| headers.iter().position(|header| header == name).expect("the column is there");
    let [pickup_ts, pickup_lat, pickup_lon] = ["pickup_ts", "pickup_lat", "pickup_lon"].map(column);
    let [dropoff_ts, dropoff_lat, dropoff_lon] = ["dropoff_ts", "dropoff_lat", "dropoff_lon"].map(column);
    let booking = |row: csv::Result<csv::StringRecord>| {
        let row = row.expect("a row");
        let number = |at: usize| row[at].parse::<f64>().expect("a number");
        let seconds = |at: usize| row[at].parse::<i64>().expect("a time");
        Booking {
            pickup_s: seconds(pickup_ts),
            pickup: Place::new(number(pickup_lat), number(pickup_lon)).expect("a place"),
            trip_s: seconds(dropoff_ts) - seconds(pickup_ts),
            dropoff: Place::new(number(dropoff_lat), number(dropoff_lon)).expect("a place"),
        }
    };
    let mut all: Vec<_> = reader.records().map(booking).collect();
    all.sort_by_key(|booking| booking.pickup_s);
    Some(all)
}

/// A town whose vehicles take what is nearest to them, and are free again where they brought it.
struct Town {
    bookings: Vec<Booking>,
    next: usize,
    /// Where each vehicle is or will be, and when it is free there.
    vehicles: Vec<(Place, f64)>,
    /// Bookings that wait, the first first.
    waiting: Vec<usize>,
}

impl Town {
    fn new(bookings: Vec<Booking>) -> Self {
        let vehicles = bookings.iter().step_by(bookings.len() / VEHICLES).take(VEHICLES).map(|b| (b.dropoff, 0.0)).collect();
        Self { bookings, next: 0, vehicles, waiting: Vec::new() }
    }

    /// Goes on to `now`, and says what is to be seen then.
    fn at(&mut self, now: i64) -> Observed {
        while self.bookings.get(self.next).is_some_and(|booking| booking.pickup_s <= now) {
            self.waiting.push(self.next);
            self.next += 1;
        }
        let (bookings, vehicles) = (&self.bookings, &mut self.vehicles);
        self.waiting.retain(|at| {
            let booking = &bookings[*at];
            let free = vehicles.iter_mut().filter(|(_, free_at)| *free_at <= now as f64);
            let distance = |place: Place| place.distance(booking.pickup).0;
            let nearest = free.min_by(|a, b| distance(a.0).total_cmp(&distance(b.0))).filter(|(place, _)| distance(*place) < 3_000.0);
            if let Some(vehicle) = nearest {
                *vehicle = (booking.dropoff, (now + booking.trip_s) as f64 + distance(vehicle.0) / SPEED_M_S);
                return false;
            }
            now - booking.pickup_s < PATIENCE_S
        });
        let mut seen = Observed::default();
        self.waiting.iter().for_each(|at| seen.request(bookings[*at].pickup));
        vehicles.iter().filter(|(_, free_at)| *free_at <= now as f64).for_each(|(place, _)| seen.free(*place));
        seen
    }
}

#[test]
fn a_day_of_san_francisco_keeps_the_three_promises() {
    let Some(bookings) = bookings() else { return };
    let rules = SurgeRules { on: true, floor_per_mille: 900, cap_per_mille: 1_600, step_per_mille: 100 };
    let (mut now, end) = (bookings[0].pickup_s, bookings[bookings.len() - 1].pickup_s);
    let mut town = Town::new(bookings);
    let mut surge = Surge::new(rules, Some("cab"));
    let mut changed: BTreeMap<CellIndex, (i64, bool)> = BTreeMap::new();
    let (mut updates, mut changes, mut taken_back, mut highest, mut lowest) = (0_usize, 0_u32, 0_u32, 1_000, 1_000);
    while now < end {
        // Now and then twice within a minute, now and then not for minutes.
        now += [20, 61, 35, 60, 7, 150][updates % 6];
        updates += 1;
        let seen = town.at(now);
        let before: BTreeMap<_, _> = surge.cells().collect();
        surge.update(Timestamp::from_secs(now), &seen);
        let after: BTreeMap<_, _> = surge.cells().collect();
        let factor = |cells: &BTreeMap<CellIndex, u32>, cell| cells.get(&cell).copied().unwrap_or(1_000);
        for cell in before.keys().chain(after.keys()).copied().collect::<BTreeSet<_>>() {
            let (old, new) = (factor(&before, cell), factor(&after, cell));
            assert!((900..=1_600).contains(&new), "out of its bounds: {new}");
            assert!(old.abs_diff(new) <= 100, "a leap from {old} to {new}");
            if old != new {
                let last = changed.insert(cell, (now, new > old));
                assert!(last.is_none_or(|(last, _)| now - last >= 60), "two changes within a minute");
                changes += 1;
                taken_back += u32::from(last.is_some_and(|(last, up)| up != (new > old) && now - last <= 300));
            }
            for near in cell.grid_ring::<Vec<_>>(1) {
                assert!(factor(&after, near).abs_diff(new) <= 100, "neighbours at {new} and {}", factor(&after, near));
            }
            (highest, lowest) = (highest.max(new), lowest.min(new));
        }
    }
    // It was a day on which something happened.
    assert_eq!((highest, lowest), (1_600, 900), "in {updates} updates with {changes} changes");
    assert!(changes > 1_000);
    assert!(taken_back * 20 < changes, "it flaps: {taken_back} of {changes} changes were taken back within five minutes");
}

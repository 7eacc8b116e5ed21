//! Other days and cities to replay, out of the research data: Porto's morning of 2013-07-01, and San Francisco's days of May 2008.

use depotd::clock::Clock;
use depotd::config;
use depotd::dispatch::plan::Rules;
use depotd::model::{Place, Timestamp};
use depotd::replay::{self, Figures, Policy, Request};
use depotd::sim::rng::Rng;
use depotd::sim::traces::{Trip, Trips};
use flate2::read::MultiGzDecoder;
use h3o::{CellIndex, LatLng, Resolution};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Pacific daylight time, all of that month.
const SF_BEHIND_UTC_S: i64 = 7 * 3_600;
/// San Francisco's Friday, 30 May 2008: trips with pickup and drop-off.
pub const SF_TRIPS: &str = "sf_bookings/bookings_20080530.csv.gz";
const SF_PICKUPS: &str = "sf_demand/pickups_20080518_20080601.csv.gz";
/// When Porto's day begins in UTC, in Unix seconds.
pub const PORTO_MIDNIGHT: i64 = 1_372_636_800;
const PORTO: &str = "porto_taxi/porto_20130701_trips.ndjson.gz";
/// Cells in which a pickup's trips are looked for, the smallest first: about 460 m, 1.2 km, 3.2 km and 8.5 km an edge.
const CELLS: [Resolution; 4] = [Resolution::Eight, Resolution::Seven, Resolution::Six, Resolution::Five];

/// Where the data is.
fn data() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    std::env::var_os("DEPOTD_TEST_DATA").map_or_else(beside, PathBuf::from)
}

/// A file of the data; says so when it is not there.
pub fn find(file: &str) -> Option<PathBuf> {
    let path = data().join(file);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there; set DEPOTD_TEST_DATA.", path.display());
    }
    Some(path).filter(|path| path.exists())
}

fn lines(path: &Path) -> impl Iterator<Item = String> {
    BufReader::new(MultiGzDecoder::new(File::open(path).unwrap())).lines().map(Result::unwrap)
}

/// The trips of Porto that have a way; `None` without the data.
pub fn porto() -> Option<Vec<Trip>> {
    let place = |point: &serde_json::Value| Place::new(point[0].as_f64()?, point[1].as_f64()?).ok();
    let trip = |line: String| {
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let (pickup, dropoff) = (place(&told["pickup"])?, place(&told["last"])?);
        Some(Trip { id: told["trip_id"].as_str()?.to_owned(), pickup_ts: told["start_ts"].as_i64()?, pickup, dropoff })
    };
    let mut trips: Vec<Trip> = lines(&find(PORTO)?).filter_map(trip).collect();
    trips.sort_by_key(|trip| trip.pickup_ts);
    Some(trips)
}

/// The trips of San Francisco's Friday as they were; `None` without the data.
pub fn friday() -> Option<Vec<Trip>> {
    Some(Trips::open(&find(SF_TRIPS)?).unwrap().0)
}

/// A local day of San Francisco that begins at `midnight`, in Unix seconds. Its pickups are real; each goes where one of Friday's
/// trips went that began near it, drawn with the seed. `None` without the data.
pub fn san_francisco(midnight: i64, seed: u64) -> Option<Vec<Trip>> {
    let pickups = find(SF_PICKUPS)?;
    let known = friday()?;
    let mut near: HashMap<CellIndex, Vec<usize>> = HashMap::new();
    for (number, trip) in known.iter().enumerate() {
        for cells in CELLS {
            near.entry(cell(trip.pickup, cells)).or_default().push(number);
        }
    }
    let mut rng = Rng::new(seed, 0);
    let trip = |line: String| {
        let mut fields = line.split(',');
        let pickup_ts: i64 = fields.next()?.parse().ok()?;
        let pickup = Place::new(fields.next()?.parse().ok()?, fields.next()?.parse().ok()?).ok()?;
        if !(midnight..midnight + 86_400).contains(&pickup_ts) {
            return None;
        }
        let like = CELLS.iter().find_map(|cells| near.get(&cell(pickup, *cells)))?;
        let dropoff = known[like[rng.index(like.len())]].dropoff;
        Some(Trip { id: line, pickup_ts, pickup, dropoff })
    };
    let mut trips: Vec<Trip> = lines(&pickups).filter_map(trip).collect();
    trips.sort_by_key(|trip| trip.pickup_ts);
    Some(trips)
}

/// The midnight in San Francisco with which a day of May 2008 begins, in Unix seconds; 32 is 1 June.
pub fn midnight_of_may(day: i64) -> i64 {
    1_209_600_000 + (day - 1) * 86_400 + SF_BEHIND_UTC_S
}

fn cell(place: Place, resolution: Resolution) -> CellIndex {
    LatLng::new(place.lat(), place.lon()).unwrap().to_cell(resolution)
}

/// What comes of these trips.
pub fn play(trips: &[Trip], drivers: usize, policy: &str, seed: u64) -> Figures {
    let config = config::Dispatch::default();
    let travel = Rules::from(&config).travel;
    let request = |(number, t): (usize, &Trip)| Request::at_once(number, Timestamp::from_secs(t.pickup_ts), t.pickup, t.dropoff, &travel);
    let requests: Vec<Request> = trips.iter().enumerate().map(request).collect();
    let policy = Policy::named(policy, &config).unwrap();
    replay::run(&requests, &replay::drivers(&requests, drivers, seed), &policy, &Clock::system(), |_| {}).figures
}

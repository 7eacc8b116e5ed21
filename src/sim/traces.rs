//! Recorded days out of CSV files, plain or gzipped: fixes and trips.

use crate::model::{Place, Timestamp, VehicleId};
use flate2::read::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

/// Why a file is not a recorded day.
#[derive(Debug, thiserror::Error)]
#[error("{file}{}: {what}", line.map(|n| format!(", line {n}")).unwrap_or_default())]
pub struct Unreadable {
    file: String,
    line: Option<u64>,
    what: String,
}

/// A recorded position.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample {
    /// When it was recorded, in Unix seconds.
    pub ts: i64,
    /// Where.
    pub place: Place,
    /// Was there a load? `None` when the file does not say.
    pub occupied: Option<bool>,
}

/// Who was where: `ts,vehicle_id,lat,lon` and maybe `occupied`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Traces {
    /// Each vehicle's positions in time order.
    pub vehicles: BTreeMap<VehicleId, Vec<Sample>>,
}

/// A recorded trip.
#[derive(Clone, PartialEq, Debug)]
pub struct Trip {
    /// The file's name for it.
    pub id: String,
    /// When it was picked up, in Unix seconds.
    pub pickup_ts: i64,
    /// Where.
    pub pickup: Place,
    /// Where it went.
    pub dropoff: Place,
}

/// Trips in the order of their pickups: `trip_id,pickup_ts,pickup_lat,pickup_lon,…,dropoff_lat,dropoff_lon,…`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Trips(pub Vec<Trip>);

impl Traces {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, Unreadable> {
        Self::read(&path.display().to_string(), unzip(path)?)
    }

    /// Reads text; `file` is its name in errors.
    pub fn read(file: &str, text: impl Read) -> Result<Self, Unreadable> {
        let mut traces = Self::default();
        let table = Table::new(file, text, &["ts", "vehicle_id", "lat", "lon"], &["occupied"])?;
        table.each(|row| {
            let occupied = match row.text("occupied") {
                None | Some("") => None,
                Some("1") => Some(true),
                Some("0") => Some(false),
                Some(_) => return Err("occupied must be 0 or 1".to_owned()),
            };
            let sample = Sample { ts: row.number("ts")?, place: row.place("lat", "lon")?, occupied };
            let vehicle = VehicleId::new(row.text("vehicle_id").unwrap_or_default());
            traces.vehicles.entry(vehicle.map_err(|e| format!("vehicle_id {e}"))?).or_default().push(sample);
            Ok(())
        })?;
        traces.vehicles.values_mut().for_each(|samples| samples.sort_by_key(|s| s.ts));
        Ok(traces)
    }

    /// The first recorded second; `None` when there is nothing.
    pub fn first(&self) -> Option<i64> {
        self.vehicles.values().filter_map(|samples| samples.first()).map(|s| s.ts).min()
    }

    /// How many positions there are.
    pub fn len(&self) -> usize {
        self.vehicles.values().map(Vec::len).sum()
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.vehicles.is_empty()
    }

    /// Keeps what was recorded within `seconds` of the start, and at most so many vehicles.
    #[must_use]
    pub fn slice(mut self, seconds: i64, vehicles: usize) -> Self {
        let end = self.first().unwrap_or(0).saturating_add(seconds);
        self.vehicles.values_mut().for_each(|samples| samples.retain(|s| s.ts < end));
        self.vehicles.retain(|_, samples| !samples.is_empty());
        self.vehicles = self.vehicles.into_iter().take(vehicles).collect();
        self
    }
}

impl Trips {
    /// Reads a file.
    pub fn open(path: &Path) -> Result<Self, Unreadable> {
        Self::read(&path.display().to_string(), unzip(path)?)
    }

    /// Reads text; `file` is its name in errors.
    pub fn read(file: &str, text: impl Read) -> Result<Self, Unreadable> {
        let needed = ["trip_id", "pickup_ts", "pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon"];
        let mut trips = Vec::new();
        Table::new(file, text, &needed, &["dropoff_ts", "vehicle_id", "path_m"])?.each(|row| {
            trips.push(Trip {
                id: row.text("trip_id").filter(|id| !id.is_empty()).ok_or("trip_id is missing")?.to_owned(),
                pickup_ts: row.number("pickup_ts")?,
                pickup: row.place("pickup_lat", "pickup_lon")?,
                dropoff: row.place("dropoff_lat", "dropoff_lon")?,
            });
            Ok(())
        })?;
        trips.sort_by_key(|trip| trip.pickup_ts);
        Ok(Self(trips))
    }
}

/// Maps recorded time to the wall clock, squeezed by the demo's speed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TimeMap {
    /// When the replay starts.
    pub start: Timestamp,
    /// The recorded second that falls on it.
    pub first: i64,
    /// Recorded seconds in a second.
    pub speed: f64,
}

impl TimeMap {
    /// When a recorded second is played.
    #[expect(clippy::cast_possible_truncation, reason = "a day in milliseconds fits")]
    pub fn plays_at(&self, ts: i64) -> Timestamp {
        let millis = ts.saturating_sub(self.first) as f64 * 1000.0 / self.speed;
        Timestamp::from_millis(self.start.as_millis().saturating_add(millis as i64))
    }

    /// The times of one vehicle's positions: mapped, and each at least 1 ms after the one before, so that none hides another.
    pub fn track(&self, samples: &[Sample]) -> Vec<Timestamp> {
        strictly(samples.iter().map(|s| self.plays_at(s.ts)))
    }
}

/// The same times, each at least 1 ms after the one before.
pub fn strictly(times: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
    let mut last = i64::MIN;
    let rising = times.map(|ts| {
        last = ts.as_millis().max(last.saturating_add(1));
        Timestamp::from_millis(last)
    });
    rising.collect()
}

fn unzip(path: &Path) -> Result<Box<dyn Read>, Unreadable> {
    let told = |e: std::io::Error| Unreadable { file: path.display().to_string(), line: None, what: e.to_string() };
    let mut file = File::open(path).map_err(told)?;
    let mut magic = [0; 2];
    let zipped = file.read(&mut magic).map_err(told)? == 2 && magic == [0x1f, 0x8b];
    file.rewind().map_err(told)?;
    let file = BufReader::new(file);
    Ok(if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

struct Table<R> {
    file: String,
    reader: csv::Reader<R>,
    columns: Vec<String>,
}

struct Row<'a> {
    columns: &'a [String],
    record: &'a csv::StringRecord,
}

impl<R: Read> Table<R> {
    fn new(file: &str, text: R, needed: &[&str], known: &[&str]) -> Result<Self, Unreadable> {
        let mut reader = csv::Reader::from_reader(text);
        let told = |what: String| Unreadable { file: file.to_owned(), line: Some(1), what };
        let headers = reader.headers().map_err(|e| told(e.to_string()))?;
        let columns: Vec<_> = headers.iter().map(|name| name.trim().to_owned()).collect();
        if let Some(strange) = columns.iter().find(|name| !needed.contains(&name.as_str()) && !known.contains(&name.as_str())) {
            return Err(told(format!("unknown column `{strange}`; known are {}", [needed, known].concat().join(", "))));
        }
        if let Some(missing) = needed.iter().find(|name| !columns.iter().any(|c| c == *name)) {
            return Err(told(format!("column `{missing}` is missing")));
        }
        Ok(Self { file: file.to_owned(), reader, columns })
    }

    fn each(mut self, mut take: impl FnMut(Row<'_>) -> Result<(), String>) -> Result<(), Unreadable> {
        let mut record = csv::StringRecord::new();
        loop {
            let told = |line, what| Unreadable { file: self.file.clone(), line, what };
            match self.reader.read_record(&mut record) {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(e) => return Err(told(e.position().map(csv::Position::line), e.to_string())),
            }
            let line = record.position().map(csv::Position::line);
            take(Row { columns: &self.columns, record: &record }).map_err(|what| told(line, what))?;
        }
    }
}

impl Row<'_> {
    fn text(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| name == column)?;
        self.record.get(at).map(str::trim)
    }
    fn number<T: std::str::FromStr>(&self, column: &str) -> Result<T, String> {
        let text = self.text(column).unwrap_or_default();
        text.parse().map_err(|_| format!("{column} `{text}` is not a number"))
    }
    fn place(&self, lat: &str, lon: &str) -> Result<Place, String> {
        Place::new(self.number(lat)?, self.number(lon)?).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_fixes_by_vehicle_in_time_order() {
        let text = "ts,vehicle_id,lat,lon,occupied\n20,b,1,2,0\n30,a,3,4,1\n10,b,5,6,1\n";
        let traces = Traces::read("x", text.as_bytes()).unwrap();
        assert_eq!((traces.len(), traces.vehicles.len(), traces.first()), (3, 2, Some(10)));
        let b = &traces.vehicles[&VehicleId::new("b").unwrap()];
        assert_eq!(b.iter().map(|s| (s.ts, s.occupied)).collect::<Vec<_>>(), [(10, Some(true)), (20, Some(false))]);
        assert_eq!(traces.slice(15, 1).len(), 2);
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for (text, told) in [
            ("ts,vehicle_id,lat,lon,speed\n", "x, line 1: unknown column `speed`; known are ts, vehicle_id, lat, lon, occupied"),
            ("ts,vehicle_id,lat\n", "x, line 1: column `lon` is missing"),
            ("ts,vehicle_id,lat,lon\n1,a,2,3\nnow,a,2,3\n", "x, line 3: ts `now` is not a number"),
            ("ts,vehicle_id,lat,lon\n1,a/b,2,3\n", "x, line 2: vehicle_id may hold only letters, digits, '.', '_' and '-'"),
            ("ts,vehicle_id,lat,lon\n1,a,91,3\n", "x, line 2: latitude must be within -90 to 90 degrees"),
        ] {
            assert_eq!(Traces::read("x", text.as_bytes()).unwrap_err().to_string(), told);
        }
        assert!(Traces::read("x", "ts,vehicle_id,lat,lon\n1,a\n".as_bytes()).unwrap_err().to_string().starts_with("x, line 2"));
    }

    #[test]
    fn reads_trips_in_the_order_of_their_pickups() {
        let text = "trip_id,pickup_ts,pickup_lat,pickup_lon,dropoff_ts,dropoff_lat,dropoff_lon,vehicle_id,path_m\nt2,9,1,2,99,3,4,cab,5\nt1,8,1,2,99,3,4,cab,5\n";
        let Trips(trips) = Trips::read("x", text.as_bytes()).unwrap();
        assert_eq!(trips.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["t1", "t2"]);
    }

    proptest! {
        #[test]
        fn squeezed_times_stay_strictly_ordered(mut times in proptest::collection::vec(0_i64..90_000, 1..200), speed in 1.0_f64..2_000.0) {
            times.sort_unstable();
            let place = Place::new(1.0, 2.0).unwrap();
            let samples: Vec<_> = times.iter().map(|ts| Sample { ts: *ts, place, occupied: None }).collect();
            let map = TimeMap { start: Timestamp::from_secs(1_000_000), first: times[0], speed };
            let mapped = map.track(&samples);
            prop_assert!(mapped.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(mapped[0], map.start);
        }
    }
}

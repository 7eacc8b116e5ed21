//! Recorded demand out of CSV files, plain or gzipped: when and where somebody asked.

use super::calendar::Calendar;
use super::history::History;
use crate::model::{Place, Timestamp};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use h3o::Resolution;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

/// Days from the first request to the last that a file may hold at most; a longer time is taken for a slip of the pen in it.
const MAX_DAYS: i64 = 1_100;
/// Years that a request may be of.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2199;

/// What a file told.
#[derive(Clone, PartialEq, Debug)]
pub struct Demand {
    /// Its requests.
    pub history: History,
    /// Where they were counted by the clock.
    pub calendar: Calendar,
    /// Rows that were counted.
    pub requests: u64,
    /// Rows that were not.
    pub unreadable: Unreadable,
}

/// Rows that tell no time or no place in the world.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Unreadable {
    /// How many.
    pub rows: u64,
    /// What is wrong with the first: its line, its column, its text.
    pub first: Option<String>,
}

/// Why a file is no demand.
#[derive(Debug, thiserror::Error)]
#[error("{file}{}: {what}", line.map(|n| format!(", line {n}")).unwrap_or_default())]
pub struct NoDemand {
    file: String,
    line: Option<u64>,
    what: String,
}

/// How the time of a row is written.
#[derive(Clone, Copy)]
enum Time {
    /// `pickup_ts`: Unix seconds or RFC 3339.
    Instant(usize),
    /// `pickup_local`: the clock's, without an offset.
    Local(usize),
}

struct Columns {
    time: Time,
    lat: (usize, &'static str),
    lon: (usize, &'static str),
}

impl Demand {
    /// Reads a file. Its times on the clock are of the calendar's zone; without one they are taken for UTC, so that every hour is one.
    pub fn open(path: &Path, resolution: Resolution, calendar: impl FnOnce(bool) -> Calendar) -> Result<Self, NoDemand> {
        let name = path.display().to_string();
        let text = unzip(path).map_err(|e| NoDemand { file: name.clone(), line: None, what: e.to_string() })?;
        Self::read(&name, text, resolution, calendar)
    }

    /// Reads text; `file` is its name in errors. `calendar` is asked once, and told whether times are the clock's.
    pub fn read(file: &str, text: impl Read, resolution: Resolution, calendar: impl FnOnce(bool) -> Calendar) -> Result<Self, NoDemand> {
        let fault = |line, what| NoDemand { file: file.to_owned(), line, what };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
        let headers = reader.headers().map_err(|e| fault(Some(1), e.to_string()))?;
        let columns = Columns::of(headers).map_err(|what| fault(Some(1), what))?;
        let calendar = calendar(matches!(columns.time, Time::Local(_)));
        let zone = TimeZone::get(calendar.zone()).unwrap_or(TimeZone::UTC);
        let mut demand = Self { history: History::new(resolution), calendar, requests: 0, unreadable: Unreadable::default() };
        let (mut record, mut edges) = (StringRecord::new(), None);
        loop {
            match reader.read_record(&mut record) {
                Ok(false) => break,
                Ok(true) => {}
                Err(e) if e.is_io_error() => return Err(fault(Some(reader.position().line()), e.to_string())),
                Err(e) => {
                    demand.unreadable.note(e.position().map_or(0, csv::Position::line), &e.to_string());
                    continue;
                }
            }
            let line = record.position().map_or(0, csv::Position::line);
            match columns.read(&record, &zone) {
                Ok((at, place)) if demand.history.add(at, place, 1) => {
                    demand.requests += 1;
                    edges =
                        Some(edges.map_or(((at, line), (at, line)), |(first, last): (_, _)| ((at, line).min(first), (at, line).max(last))));
                }
                Ok(_) => demand.unreadable.note(line, "there are more cells than a forecast is made for"),
                Err(what) => demand.unreadable.note(line, &what),
            }
        }
        let Some(((first, of_first), (last, of_last))) = edges else {
            let first =
                demand.unreadable.first.map_or_else(|| "it holds no rows".to_owned(), |first| format!("no row can be read; {first}"));
            return Err(fault(None, first));
        };
        let days = (last - first).as_millis() / 86_400_000;
        if days > MAX_DAYS {
            let what =
                format!("from {first} in line {of_first} to {last} in line {of_last} are {days} days; at most {MAX_DAYS} are looked at");
            return Err(fault(None, what));
        }
        Ok(demand)
    }
}

impl Unreadable {
    fn note(&mut self, line: u64, what: &str) {
        self.rows += 1;
        self.first.get_or_insert_with(|| format!("line {line}: {what}"));
    }
}

impl Columns {
    fn of(headers: &StringRecord) -> Result<Self, String> {
        let find = |names: &[&'static str]| names.iter().find_map(|name| Some((headers.iter().position(|h| h.trim() == *name)?, *name)));
        let instant = find(&["pickup_ts"]).map(|(at, _)| Time::Instant(at));
        let time = instant.or_else(|| find(&["pickup_local"]).map(|(at, _)| Time::Local(at)));
        let time = time.ok_or("there is neither a column `pickup_ts` (Unix seconds or RFC 3339) nor `pickup_local` (local time)")?;
        let lat = find(&["lat", "pickup_lat"]).ok_or("there is neither a column `lat` nor `pickup_lat`")?;
        let lon = find(&["lon", "pickup_lon"]).ok_or("there is neither a column `lon` nor `pickup_lon`")?;
        Ok(Self { time, lat, lon })
    }

    fn read(&self, record: &StringRecord, zone: &TimeZone) -> Result<(Timestamp, Place), String> {
        let text = |at| record.get(at).map(str::trim).filter(|text| !text.is_empty());
        let at = match self.time {
            Time::Instant(at) => {
                let text = text(at).ok_or("column `pickup_ts` is empty")?;
                instant(text).ok_or_else(|| format!("column `pickup_ts`: {text:?} is neither Unix seconds nor RFC 3339"))?
            }
            Time::Local(at) => {
                let text = text(at).ok_or("column `pickup_local` is empty")?;
                local(text, zone).ok_or_else(|| format!("column `pickup_local`: {text:?} is not a time like 2014-04-01T00:11:00"))?
            }
        };
        let degrees = |(at, name): (usize, &str)| {
            let text = text(at).ok_or_else(|| format!("column `{name}` is empty"))?;
            text.parse::<f64>().map_err(|_| format!("column `{name}`: {text:?} is not a number"))
        };
        let (lat, lon) = (degrees(self.lat)?, degrees(self.lon)?);
        let place = Place::new(lat, lon).map_err(|e| format!("{lat}, {lon}: {e}"))?;
        Ok((at, place))
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    let at = match text.parse::<i64>() {
        Ok(seconds) => Timestamp::from_secs(seconds),
        Err(_) => Timestamp::parse(text)?,
    };
    let year = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?.to_zoned(TimeZone::UTC).year();
    YEARS.contains(&year).then_some(at)
}

/// The first of two, and the hour after, where the clock makes it ambiguous.
fn local(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok().filter(|local: &DateTime| YEARS.contains(&local.year()))?;
    let at = zone.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(Timestamp::from_millis(at.as_millisecond()))
}

fn unzip(path: &Path) -> std::io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    let mut magic = [0; 2];
    let zipped = file.read(&mut magic)? == 2 && magic == [0x1f, 0x8b];
    file.rewind()?;
    let file = BufReader::new(file);
    Ok(if zipped { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, zone: &str) -> Result<Demand, NoDemand> {
        Demand::read("x.csv", text.as_bytes(), Resolution::Seven, |_| Calendar::new(zone, vec![]).unwrap())
    }

    fn first(text: &str, zone: &str) -> String {
        let (first, _) = read(text, zone).unwrap().history.span().unwrap();
        first.to_string()
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        assert_eq!(first("pickup_ts,lat,lon\n1211094010,37.78,-122.46\n", "UTC"), "2008-05-18T07:00:00.000Z");
        assert_eq!(first("pickup_ts,lat,lon\n2008-05-18T00:20:10-07:00,37.78,-122.46\n", "UTC"), "2008-05-18T07:15:00.000Z");
        let local = "id,pickup_local,pickup_lat,pickup_lon\n1,2014-04-01T00:11:00,40.769,-73.9549\n";
        assert_eq!(first(local, "UTC"), "2014-04-01T00:00:00.000Z");
        assert_eq!(first(&local.replace('T', " "), "America/New_York"), "2014-04-01T04:00:00.000Z");
    }

    #[test]
    fn rows_that_tell_nothing_are_counted_and_the_first_is_told() {
        let good = "1211094010,37.78,-122.46\n";
        for (row, told) in [
            ("noon,37,-122\n", "line 3: column `pickup_ts`: \"noon\" is neither Unix seconds nor RFC 3339"),
            ("99999999999,37,-122\n", "line 3: column `pickup_ts`: \"99999999999\" is neither Unix seconds nor RFC 3339"),
            (",37,-122\n", "line 3: column `pickup_ts` is empty"),
            ("1211094010,37\n", "line 3: column `lon` is empty"),
            ("1211094010,north,-122\n", "line 3: column `lat`: \"north\" is not a number"),
            ("1211094010,91,-122\n", "line 3: 91, -122: latitude must be within -90 to 90 degrees"),
            ("1211094010,NaN,-122\n", "line 3: NaN, -122: latitude must be within -90 to 90 degrees"),
        ] {
            let demand = read(&format!("pickup_ts,lat,lon\n{good}{row}{row}{good}"), "UTC").unwrap();
            assert_eq!((demand.requests, demand.unreadable.rows, demand.unreadable.first.as_deref()), (2, 2, Some(told)));
        }
    }

    #[test]
    fn a_file_that_is_no_demand_is_told_why() {
        for (text, told) in [
            ("when,lat,lon\n", "x.csv, line 1: there is neither a column `pickup_ts`"),
            ("pickup_ts,lon\n", "x.csv, line 1: there is neither a column `lat` nor `pickup_lat`"),
            ("pickup_ts,lat,lon\n", "x.csv: it holds no rows"),
            ("pickup_ts,lat,lon\n1,2,x\n", "x.csv: no row can be read; line 2: column `lon`: \"x\" is not a number"),
            (
                "pickup_ts,lat,lon\n1,2,3\n1211094010,2,3\n",
                "x.csv: from 1970-01-01T00:00:01.000Z in line 2 to 2008-05-18T07:00:10.000Z in line 3 are",
            ),
        ] {
            let fault = read(text, "UTC").unwrap_err().to_string();
            assert!(fault.starts_with(told), "{fault}");
        }
        let dir = tempfile::tempdir().unwrap();
        let cut = dir.path().join("cut.csv.gz");
        std::fs::write(&cut, [0x1f, 0x8b, 8, 0, 0]).unwrap();
        let fault = Demand::open(&cut, Resolution::Seven, |_| Calendar::new("UTC", vec![]).unwrap()).unwrap_err().to_string();
        assert!(fault.contains("cut.csv.gz"), "{fault}");
    }
}

//! The table API of OSRM (project-osrm.org, HTTP API v1) without its transport: what to ask, and whether to believe the
//! answer. A service that answers nonsense, or knows another part of the world, is as good as down.

use crate::model::{Place, Span};
use h3o::CellIndex;
use serde::Deserialize;
use std::collections::BTreeMap;

/// No road is driven faster than this on average, in metres per second …
const FASTEST: f64 = 60.0;
/// … nor slower, ferries included.
const SLOWEST: f64 = 0.3;
/// Speeds say nothing about ways of so few metres.
const SHORT: f64 = 1_000.0;
/// A place may be so many metres off the road that the service takes for it.
const OFF_ROAD: f64 = 1_000.0;

/// A place with its cell.
pub type End = (CellIndex, Place);

/// A way to be asked for: where it begins and where it ends.
pub type Way = (End, End);

/// One question: all ways from some places to some others.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    /// Where the ways begin; a place for each cell.
    pub sources: Vec<End>,
    /// Where they end.
    pub targets: Vec<End>,
}

impl Batch {
    /// Covers all `ways` with batches of at most `coordinates` places (2 at least). Neighbouring targets, which have the
    /// same vehicles around them, come into the same batch.
    pub fn cover(ways: impl IntoIterator<Item = Way>, coordinates: usize) -> Vec<Self> {
        let mut by_target: BTreeMap<CellIndex, (Place, BTreeMap<CellIndex, Place>)> = BTreeMap::new();
        for ((source, from), (target, to)) in ways {
            by_target.entry(target).or_insert_with(|| (to, BTreeMap::new())).1.insert(source, from);
        }
        let most = coordinates.max(2);
        let mut batches: Vec<Self> = Vec::new();
        for (target, (to, sources)) in by_target {
            let sources: Vec<End> = sources.into_iter().collect();
            for some in sources.chunks(most - 1) {
                let fits = |batch: &Self| batch.size() + 1 + some.iter().filter(|s| !batch.has(s.0)).count() <= most;
                if !batches.last().is_some_and(fits) {
                    batches.push(Self::default());
                }
                let Some(batch) = batches.last_mut() else { continue };
                batch.targets.push((target, to));
                let new: Vec<_> = some.iter().filter(|s| !batch.has(s.0)).copied().collect();
                batch.sources.extend(new);
            }
        }
        batches
    }

    fn has(&self, source: CellIndex) -> bool {
        self.sources.iter().any(|(cell, _)| *cell == source)
    }

    fn size(&self) -> usize {
        self.sources.len() + self.targets.len()
    }

    /// Bytes that an answer may have: numbers, and some words about each place.
    pub fn answer_at_most(&self) -> usize {
        16_384 + 1_024 * self.size() + 64 * self.sources.len() * self.targets.len()
    }

    /// The path and query of the question.
    pub fn path(&self, profile: &str) -> String {
        let places = self.sources.iter().chain(&self.targets).map(|(_, at)| format!("{:.6},{:.6}", at.lon(), at.lat()));
        let numbers = |from: usize, to: usize| (from..to).map(|n| n.to_string()).collect::<Vec<_>>().join(";");
        let (sources, all) = (self.sources.len(), self.size());
        format!(
            "/table/v1/{profile}/{}?sources={}&destinations={}&annotations=duration,distance",
            places.collect::<Vec<_>>().join(";"),
            numbers(0, sources),
            numbers(sources, all)
        )
    }

    /// The drives that a 200 answer tells, source by source; `None`: no road leads there.
    pub fn read(&self, body: &[u8]) -> Result<Vec<Vec<Option<Span>>>, String> {
        let table: Table = serde_json::from_slice(body).map_err(|e| format!("not a table: {e}"))?;
        if table.code != "Ok" {
            return Err(format!("its code is {:?}", table.code));
        }
        let rows = self.sources.len();
        if table.durations.len() != rows || table.distances.len() != rows {
            return Err(format!("{} and {} rows for {rows} sources", table.durations.len(), table.distances.len()));
        }
        let mut drives = Vec::with_capacity(rows);
        for ((_, from), (durations, distances)) in self.sources.iter().zip(table.durations.iter().zip(&table.distances)) {
            let columns = self.targets.len();
            if durations.len() != columns || distances.len() != columns {
                return Err(format!("{} and {} columns for {columns} destinations", durations.len(), distances.len()));
            }
            let told = self.targets.iter().zip(durations.iter().zip(distances));
            let row = told.map(|((_, to), (duration, distance))| believe(*from, *to, *duration, *distance));
            drives.push(row.collect::<Result<Vec<_>, String>>()?);
        }
        let nowhere = drives.iter().flatten().all(Option::is_none);
        if nowhere && rows > 1 && self.targets.len() > 1 {
            return Err("no place can be reached from any other".to_owned());
        }
        Ok(drives)
    }
}

#[derive(Deserialize)]
struct Table {
    code: String,
    #[serde(default)]
    durations: Vec<Vec<Option<f64>>>,
    #[serde(default)]
    distances: Vec<Vec<Option<f64>>>,
}

/// The drive, when seconds and metres can be true for such a way.
fn believe(from: Place, to: Place, seconds: Option<f64>, metres: Option<f64>) -> Result<Option<Span>, String> {
    let (seconds, metres) = match (seconds, metres) {
        (None, None) => return Ok(None),
        (Some(seconds), Some(metres)) => (seconds, metres),
        _ => return Err("a way has a duration or a distance, not both".to_owned()),
    };
    let direct = from.distance(to).0;
    let says = || format!("{seconds} s and {metres} m for a way of {direct:.0} m as the crow flies");
    let sane = |number: f64| number.is_finite() && number >= 0.0;
    if !sane(seconds) || !sane(metres) || metres + 2.0 * OFF_ROAD < direct {
        return Err(says());
    }
    let too_fast = metres > SHORT && seconds < metres / FASTEST;
    let too_slow = seconds > (metres + SHORT) / SLOWEST;
    if too_fast || too_slow {
        return Err(says());
    }
    Ok(Some(Span::from_millis(1_000) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eta::cache;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn place(east_m: f64, north_m: f64) -> Place {
        Place::new(north_m / 111_195.0, east_m / 111_195.0).unwrap()
    }

    fn end(east_m: f64, north_m: f64) -> End {
        let place = place(east_m, north_m);
        (cache::cell(place).unwrap(), place)
    }

    fn one() -> Batch {
        Batch::cover([(end(0.0, 0.0), end(3_000.0, 0.0))], 100).remove(0)
    }

    fn read(durations: &str, distances: &str) -> Result<Vec<Vec<Option<Span>>>, String> {
        one().read(format!(r#"{{"code":"Ok","durations":{durations},"distances":{distances}}}"#).as_bytes())
    }

    #[test]
    fn it_asks_as_osrm_wants_it() {
        let path = one().path("driving");
        assert_eq!(path, "/table/v1/driving/0.000000,0.000000;0.026980,0.000000?sources=0&destinations=1&annotations=duration,distance");
    }

    #[test]
    fn a_sound_answer_is_believed() {
        assert_eq!(read("[[412.5]]", "[[3900.0]]").unwrap(), [[Some(Span::from_millis(412_500))]]);
        assert_eq!(read("[[null]]", "[[null]]").unwrap(), [[None]]);
    }

    #[test]
    fn nonsense_is_not() {
        let wrong = [
            ("[[-1]]", "[[3900]]"),
            ("[[412]]", "[[-3900]]"),
            ("[[1e999]]", "[[3900]]"),
            ("[[\"412\"]]", "[[3900]]"),
            ("[[412, 5]]", "[[3900, 5]]"),
            ("[[412]]", "[]"),
            ("[]", "[]"),
            ("[[412], [1]]", "[[3900], [1]]"),
            ("[[412]]", "[[null]]"),
            ("[[0]]", "[[3900]]"),
            ("[[12]]", "[[3900]]"),
            ("[[999999]]", "[[3900]]"),
            ("[[0]]", "[[0]]"),
            ("[[90]]", "[[500]]"),
        ];
        for (durations, distances) in wrong {
            assert!(read(durations, distances).is_err(), "{durations} {distances}");
        }
        for body in ["", "[]", "<html>", r#"{"code":"Ok"}"#, r#"{"code":"NoTable","durations":[[1]],"distances":[[3000]]}"#] {
            assert!(one().read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_map_of_elsewhere_is_wrong_but_an_island_is_not() {
        let square = Batch::cover([(end(0.0, 0.0), end(3e3, 0.0)), (end(9e3, 0.0), end(6e3, 0.0))], 100).remove(0);
        assert_eq!((square.sources.len(), square.targets.len()), (2, 2));
        let answer = |a: &str| format!(r#"{{"code":"Ok","durations":[[null,null],[null,{a}]],"distances":[[null,null],[null,{a}]]}}"#);
        assert!(square.read(answer("null").as_bytes()).is_err());
        assert_eq!(square.read(answer("4000").as_bytes()).unwrap()[0][0], None);
    }

    proptest! {
        #[test]
        fn batches_cover_every_way_and_keep_their_bound(
            ways in proptest::collection::vec((0_u32..30, 0_u32..30), 0..300),
            coordinates in 2_usize..40,
        ) {
            let at = |n: u32| end(f64::from(n) * 500.0, f64::from(n % 7) * 900.0);
            let ways: Vec<Way> = ways.into_iter().map(|(from, to)| (at(from), at(to))).collect();
            let batches = Batch::cover(ways.iter().copied(), coordinates);
            prop_assert!(batches.iter().all(|batch| batch.size() <= coordinates));
            let mut covered = HashSet::new();
            for batch in &batches {
                for (from, _) in &batch.sources {
                    covered.extend(batch.targets.iter().map(|(to, _)| (*from, *to)));
                }
            }
            for (from, to) in ways {
                prop_assert!(covered.contains(&(from.0, to.0)));
            }
        }

        #[test]
        fn no_answer_breaks_the_reader(body in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,200}") {
            prop_assert!(one().read(&body).is_err() && one().read(text.as_bytes()).is_err());
        }

        #[test]
        fn what_is_believed_can_be_driven(seconds in -1e6_f64..1e6, metres in -1e6_f64..1e6) {
            let (from, to) = (place(0.0, 0.0), place(3_000.0, 0.0));
            if let Ok(Some(drive)) = believe(from, to, Some(seconds), Some(metres)) {
                prop_assert!(metres >= 1_000.0 && drive.as_secs_f64() >= metres.min(3_000.0) / FASTEST - 20.0);
                prop_assert!(drive.as_secs_f64() <= (metres + SHORT) / SLOWEST + 1.0);
            }
        }
    }
}

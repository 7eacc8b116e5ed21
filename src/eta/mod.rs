//! How long ways take, and who says so.
//!
//! [`Etas::drives`] asks a chain, and each answer names its link: the cache of what the road service said, the service
//! itself (behind a time-out, a bulkhead and a circuit breaker), the speeds that the fleet's own tracks teach, and at last
//! the great circle at the configured speed, which always answers. What takes several drives is told by the one of its sources that is
//! trusted least ([`least_trusted`]).

mod cache;
mod road;
pub mod speeds;
mod table;
mod travel;

pub use crate::patience::breaker::State;
pub use road::Stats as RoadStats;
pub use travel::Travel;

use crate::clock::Clock;
use crate::config::{Config, Current};
use crate::model::{Place, Span, Timestamp};
use cache::{Cache, Key};
use h3o::CellIndex;
use jiff::tz::TimeZone;
use road::{RoadService, Told};
use speeds::Speeds;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use table::Way;

/// A travel time, with where it comes from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Eta {
    /// How long the drive takes.
    pub drive: Span,
    /// Who says so, as on the wire: `road`, `cache`, `learned` or `great_circle`.
    pub source: &'static str,
}

impl Eta {
    /// Does a road service say so, now or before?
    pub fn is_by_road(self) -> bool {
        [road::SOURCE, cache::SOURCE].contains(&self.source)
    }
}

/// The links of the chain on the wire, the best first.
pub const SOURCES: [&str; 4] = [road::SOURCE, cache::SOURCE, speeds::SOURCE, Travel::SOURCE];

/// Who says how long several drives take together: the source among theirs that comes last in [`SOURCES`]; the first when there is none.
pub fn least_trusted(drives: &[Eta]) -> &'static str {
    let rank = |source: &str| SOURCES.iter().position(|s| *s == source);
    drives.iter().map(|eta| eta.source).max_by_key(|source| rank(source)).unwrap_or(SOURCES[0])
}

/// A way to be driven.
#[derive(Clone, PartialEq, Debug)]
pub struct Leg {
    /// The class of the vehicle that drives it; `None`: whichever.
    pub class: Option<Arc<str>>,
    /// Where it begins.
    pub from: Place,
    /// Where it ends.
    pub to: Place,
}

/// Who asks: a round has all requests but the one that is kept for what goes on in the background.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asker {
    /// A dispatch round, which waits for the answer.
    Round,
    /// Somebody with time.
    Background,
}

/// What happened so far.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Stats {
    /// Answers by source.
    pub answers: BTreeMap<&'static str, u64>,
    /// Ways remembered.
    pub cached: usize,
    /// Driving that the learned speeds rest on.
    pub learned: Duration,
    /// The road service and its breaker's state; `None`: there is none.
    pub road: Option<(RoadStats, State)>,
}

/// The chain. Clones share everything.
#[derive(Clone, Debug)]
pub struct Etas(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Current,
    clock: Clock,
    zone: TimeZone,
    road: Option<RoadService>,
    width: usize,
    // Std mutexes, never held across an await.
    cache: Mutex<Cache>,
    speeds: Mutex<Speeds>,
    answers: Mutex<BTreeMap<&'static str, u64>>,
}

/// What the road service once said about a way, or just now.
type Known = (Option<Span>, &'static str);

impl Etas {
    /// The chain that the settings describe, with nothing learned or remembered yet.
    pub fn new(settings: impl Into<Current>, clock: &Clock) -> Self {
        let settings = settings.into();
        let config = settings.get();
        let eta = &config.eta;
        let seed = u64::from(std::process::id()) ^ clock.now().as_millis().unsigned_abs();
        let live = Span::from_secs(i64::try_from(eta.cache_s).unwrap_or(i64::MAX));
        Self(Arc::new(Inner {
            settings,
            clock: clock.clone(),
            zone: TimeZone::get(&config.depot.zone).unwrap_or(TimeZone::UTC),
            road: RoadService::new(eta, seed, clock.clone()),
            width: eta.road_requests,
            cache: Mutex::new(Cache::new(eta.cache_ways, live)),
            speeds: Mutex::new(Speeds::new(plain(&config).metres_per_second())),
            answers: Mutex::default(),
        }))
    }

    /// How long each of `legs` takes for who sets out at `at`, in their order. Answers before `until`.
    pub async fn drives(&self, legs: &[Leg], at: Timestamp, asker: Asker, until: Instant) -> Vec<Eta> {
        let (hour, now) = (self.hour(at), self.0.clock.now());
        let Some(road) = &self.0.road else { return self.answer(legs, &vec![None; legs.len()], hour) };
        let ends: Vec<Option<Way>> = legs.iter().map(ends).collect();
        let mut known = self.recall(&ends, hour, now);
        let missing = ends.iter().zip(&known).filter(|(_, known)| known.is_none()).filter_map(|(way, _)| *way);
        let width = if asker == Asker::Round { self.0.width.saturating_sub(1) } else { 1 };
        let told = self.remember(road.ask(missing, width, until).await, hour, now);
        for (way, known) in ends.iter().zip(&mut known).filter(|(_, known)| known.is_none()) {
            let drive = way.and_then(|((from, _), (to, _))| told.get(&(from, to)));
            *known = drive.map(|drive| (*drive, road::SOURCE));
        }
        self.answer(legs, &known, hour)
    }

    /// The same by what is known already: the road service is not asked.
    pub fn known(&self, legs: &[Leg], at: Timestamp) -> Vec<Eta> {
        let hour = self.hour(at);
        let ends: Vec<Option<Way>> = legs.iter().map(ends).collect();
        self.answer(legs, &self.recall(&ends, hour, self.0.clock.now()), hour)
    }

    /// How long a round, and whoever wants a price, waits for travel times.
    pub fn patience(&self) -> Duration {
        let config = self.0.settings.get();
        Duration::from_secs(config.dispatch.retry_s.max(1)).mul_f64(config.eta.round_share.clamp(0.0, 1.0))
    }

    /// What the whole fleet's speed makes of great circles at `now`, and who says so.
    pub fn travel(&self, now: Timestamp) -> (Travel, &'static str) {
        self.estimate(None, self.hour(now))
    }

    /// Is there nothing to know but great circles at the configured speed?
    pub fn is_plain(&self) -> bool {
        self.0.road.is_none() && self.learned().known().1 == 0
    }

    /// Numbers for the metrics.
    pub fn stats(&self) -> Stats {
        Stats {
            answers: lock(&self.0.answers).clone(),
            cached: lock(&self.0.cache).len(),
            learned: Duration::try_from_secs_f64(self.learned().known().0).unwrap_or_default(),
            road: self.0.road.as_ref().map(|road| (road.stats(), road.state())),
        }
    }

    /// What was learned, over the speed that the settings say now.
    pub fn speeds(&self) -> Speeds {
        self.learned().clone()
    }

    /// Takes `speeds` for what was learned.
    pub fn teach(&self, speeds: Speeds) {
        *lock(&self.0.speeds) = speeds;
    }

    /// The hour of the day, 0 to 23, depot time.
    pub fn hour(&self, now: Timestamp) -> u8 {
        let at = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        u8::try_from(at.to_zoned(self.0.zone.clone()).hour()).unwrap_or(0)
    }

    fn recall(&self, ways: &[Option<Way>], hour: u8, now: Timestamp) -> Vec<Option<Known>> {
        let cache = lock(&self.0.cache);
        let known = |way: &Option<Way>| {
            let ((from, _), (to, _)) = (*way)?;
            cache.get(&Key { from, to, hour }, now).map(|drive| (drive, cache::SOURCE))
        };
        ways.iter().map(known).collect()
    }

    /// Keeps what the service said, all of it, and gives it by its ends.
    fn remember(&self, told: Vec<Told>, hour: u8, now: Timestamp) -> HashMap<(CellIndex, CellIndex), Option<Span>> {
        let mut cache = lock(&self.0.cache);
        let mut by_ends = HashMap::new();
        for (batch, drives) in told {
            for ((from, _), row) in batch.sources.iter().zip(drives) {
                for ((to, _), drive) in batch.targets.iter().zip(row) {
                    cache.put(Key { from: *from, to: *to, hour }, drive, now);
                    by_ends.insert((*from, *to), drive);
                }
            }
        }
        by_ends
    }

    /// What is known, and an estimate of what is not. Where no road leads, an estimate is all there is.
    fn answer(&self, legs: &[Leg], known: &[Option<Known>], hour: u8) -> Vec<Eta> {
        let mut paces: HashMap<Option<&str>, (Travel, &'static str)> = HashMap::new();
        let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut etas = Vec::with_capacity(legs.len());
        for (leg, known) in legs.iter().zip(known) {
            let eta = match known {
                Some((Some(drive), source)) => Eta { drive: *drive, source },
                _ => {
                    let class = leg.class.as_deref();
                    let (travel, source) = *paces.entry(class).or_insert_with(|| self.estimate(class, hour));
                    Eta { source, ..travel.eta(leg.from.distance(leg.to)) }
                }
            };
            *counts.entry(eta.source).or_default() += 1;
            etas.push(eta);
        }
        let mut answers = lock(&self.0.answers);
        counts.into_iter().for_each(|(source, count)| *answers.entry(source).or_default() += count);
        etas
    }

    fn estimate(&self, class: Option<&str>, hour: u8) -> (Travel, &'static str) {
        let plain = plain(&self.0.settings.get());
        match self.learned().speed(class, hour) {
            Some(speed) => (plain.passing_at(speed), speeds::SOURCE),
            None => (plain, Travel::SOURCE),
        }
    }

    fn learned(&self) -> MutexGuard<'_, Speeds> {
        let mut speeds = lock(&self.0.speeds);
        speeds.believe(plain(&self.0.settings.get()).metres_per_second());
        speeds
    }
}

/// Great circles at the configured speed.
fn plain(config: &Config) -> Travel {
    Travel::new(config.dispatch.detour_factor, config.dispatch.speed_kmh)
}

/// The ends of a leg, when they are in two cells: a way within a cell is not worth a question.
fn ends(leg: &Leg) -> Option<Way> {
    let (from, to) = (cache::cell(leg.from)?, cache::cell(leg.to)?);
    (from != to).then_some(((from, leg.from), (to, leg.to)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The whole, the cells around cells, and the cells: each learns its week from the one around it.

use super::frame::{Frame, Past, Samples, of_days};
use super::history::History;
use super::profile::{self, Week};
use super::spread::Held;
use h3o::{CellIndex, Resolution};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

/// What a forecast is of. In words `all`, or the cell's index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Area {
    /// Everything that the depot serves.
    All,
    /// A cell of the history, or one of the coarser ones around it.
    Cell(CellIndex),
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Cell(cell) => cell.fmt(f),
        }
    }
}

impl Serialize for Area {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Area {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let cell = || text.parse().map(Self::Cell);
        if text == "all" {
            Ok(Self::All)
        } else {
            cell().map_err(|_| serde::de::Error::custom(format!("{text:?} is neither `all` nor an H3 cell")))
        }
    }
}

/// How many resolutions coarser the cells around cells are: by two, an area is of 49.
const AROUND: [u8; 2] = [4, 2];
/// Weeks until a day counts half for the shape of a week.
const SHAPE_HALF_LIFE: f64 = 6.0;
/// Weeks until a day counts half for how much is asked for.
const LEVEL_HALF_LIFE: f64 = 1.0;
/// So many recent requests are believed as much as what is around, when it comes to how much is asked for.
const LEVEL_BELIEF: f64 = 20.0;
/// A cell with so many requests an hour is one to be judged by.
pub const BUSY: f64 = 0.5;
/// Where no cell is busy, so many of the busiest are judged by.
const BUSIEST: usize = 10;

/// An area and what was asked for in it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Watched {
    pub area: Area,
    samples: Samples,
    /// The area around it, by its place in the list; the whole's is its own.
    around: usize,
    /// What part of the area around it was to be expected of it.
    part: f64,
    /// Is it judged by?
    judged: bool,
}

/// The areas of a history within a frame, coarse to fine: the whole, the cells around cells, the cells.
pub(super) fn watched(history: &History, frame: &Frame) -> Vec<Watched> {
    let size = u8::from(history.resolution());
    let around = |cell: CellIndex| AROUND.iter().filter_map(move |by| cell.parent(Resolution::try_from(size.checked_sub(*by)?).ok()?));
    let cells = history.cells().map(|(cell, quarters)| (cell, frame.samples(quarters)));
    let cells: Vec<(CellIndex, Samples)> = cells.filter(|(_, samples)| !samples.is_empty()).collect();
    let mut wider = BTreeMap::<(Option<Resolution>, Area), Vec<u32>>::new();
    for (cell, samples) in &cells {
        let around = around(*cell).map(|cell| (Some(cell.resolution()), Area::Cell(cell)));
        for area in around.chain([(None, Area::All)]) {
            frame.add(wider.entry(area).or_default(), samples);
        }
    }
    let place: BTreeMap<Area, usize> = wider.keys().enumerate().map(|(at, (_, area))| (*area, at)).collect();
    let outer = |area: &Area| match area {
        Area::All => 0,
        Area::Cell(cell) => {
            let closest = around(*cell).rfind(|wider| wider.resolution() < cell.resolution());
            closest.and_then(|wider| place.get(&Area::Cell(wider))).copied().unwrap_or(0)
        }
    };
    let judged = judged(&cells, frame.days.iter().flat_map(|day| day.hours).sum());
    let wider = wider.into_iter().map(|((_, area), counts)| (area, frame.samples_of(&counts), false));
    let cells = cells.into_iter().map(|(cell, samples)| (Area::Cell(cell), samples, judged.contains(&cell)));
    let mut areas: Vec<Watched> =
        wider.chain(cells).map(|(area, samples, judged)| Watched { area, samples, around: outer(&area), part: 1.0, judged }).collect();
    let mut inner = vec![0_u32; areas.len()];
    areas.iter().skip(1).for_each(|watched| inner[watched.around] += 1);
    areas.iter_mut().skip(1).for_each(|watched| watched.part = 1.0 / f64::from(inner[watched.around]));
    areas
}

/// The busy cells, or the busiest.
fn judged(cells: &[(CellIndex, Samples)], lasted: f64) -> BTreeSet<CellIndex> {
    let requests = |samples: &Samples| samples.iter().map(|sample| u64::from(sample.count)).sum::<u64>();
    let mut busiest: Vec<(u64, CellIndex)> = cells.iter().map(|(cell, samples)| (requests(samples), *cell)).collect();
    busiest.sort_by(|a, b| b.cmp(a));
    let busy = busiest.partition_point(|(requests, _)| *requests as f64 >= BUSY * lasted);
    busiest.into_iter().take(if busy > 0 { busy } else { BUSIEST }).map(|(_, cell)| cell).collect()
}

/// The weeks of the areas, in their order, in requests an hour: learned from the days before `until` but one.
///
/// With `judged_only` cells that nobody is judged by have none.
pub(super) fn weeks(areas: &[Watched], frame: &Frame, until: usize, without: Option<usize>, judged_only: bool) -> Vec<Option<Box<Week>>> {
    let shape = Past::new(frame, until, without, SHAPE_HALF_LIFE);
    let recent = Past::new(frame, until, without, LEVEL_HALF_LIFE);
    let mut needed: Vec<bool> = areas.iter().map(|watched| watched.judged || !judged_only).collect();
    areas.iter().for_each(|watched| needed[watched.around] = true);
    let (mut shapes, mut levels) = (Vec::<Option<Box<Week>>>::new(), Vec::<f64>::new());
    for (watched, needed) in areas.iter().zip(needed) {
        let learned = needed.then(|| {
            let around = shapes.get(watched.around).and_then(Option::as_deref).zip(levels.get(watched.around).copied());
            learned(watched, around, &shape, &recent)
        });
        let (week, level) = learned.unzip();
        shapes.push(week);
        levels.push(level.unwrap_or(0.0));
    }
    for (week, level) in shapes.iter_mut().zip(levels) {
        week.iter_mut().flat_map(|week| week.iter_mut()).for_each(|rate| *rate *= level);
    }
    shapes
}

/// The shape of an area's week, and how much more was asked for lately: from those around it, the whole's from nothing.
fn learned(watched: &Watched, around: Option<(&Week, f64)>, shape: &Past<'_>, recent: &Past<'_>) -> (Box<Week>, f64) {
    let seen = shape.seen(&watched.samples);
    let (week, level) = match around {
        None => (profile::whole(&seen), 1.0),
        Some((week, level)) => (profile::area(&week.map(|rate| rate * watched.part), &seen), level),
    };
    let seen = recent.seen(&watched.samples);
    let asked: f64 = seen.requests.iter().sum();
    let expected: f64 = level * week.iter().zip(seen.hours).map(|(rate, hours)| rate * hours).sum::<f64>();
    (Box::new(week), level * (LEVEL_BELIEF + asked) / (LEVEL_BELIEF + expected))
}

/// What the judged areas' weeks say of some days, beside what came. Hours cut short by the frame are left out.
pub(super) fn hold(areas: &[Watched], frame: &Frame, weeks: &[Option<Box<Week>>], days: &Range<usize>, weight: f64, held: &mut Vec<Held>) {
    for (watched, week) in areas.iter().zip(weeks).filter(|(watched, _)| watched.judged) {
        let Some(week) = week else { continue };
        let mut samples = of_days(&watched.samples, days).iter().peekable();
        for (day, at) in frame.days.iter().enumerate().take(days.end).skip(days.start) {
            for (hour, lasted) in at.hours.iter().enumerate() {
                let seen = samples.next_if(|sample| (sample.day(), sample.hour()) == (day, hour)).map_or(0, |sample| sample.count);
                if *lasted >= 1.0 {
                    held.push(Held { mean: week[at.like * 24 + hour] * lasted, seen, weight });
                }
            }
        }
    }
}

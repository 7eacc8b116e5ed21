//! What the road service has said, by pair of H3 cells and hour.
//!
//! Cells are of resolution 10, whose edges are 76 m: a way between two of them is off by some 10 s of city driving at each
//! end, less than lies between two fixes of a vehicle on the move, while all who halt at the same ramp share an answer. At
//! resolution 9 that would be half a minute, at 11 a car park would be a dozen cells. The hour keeps the rush hour's times
//! out of the calm one's, whatever the time to live.

use crate::model::{Place, Span, Timestamp};
use h3o::{CellIndex, LatLng, Resolution};
use std::collections::{HashMap, VecDeque};

/// The name of this source on the wire.
pub const SOURCE: &str = "cache";

/// The cell that stands for a place.
pub fn cell(place: Place) -> Option<CellIndex> {
    LatLng::new(place.lat(), place.lon()).ok().map(|at| at.to_cell(Resolution::Ten))
}

/// A way that is remembered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// Where it begins.
    pub from: CellIndex,
    /// Where it ends.
    pub to: CellIndex,
    /// Hour of the day, 0 to 23, depot time.
    pub hour: u8,
}

/// A bounded memory; the oldest goes first.
#[derive(Debug)]
pub struct Cache {
    most: usize,
    live: Span,
    entries: HashMap<Key, (Option<Span>, Timestamp)>,
    /// The keys in the order in which they came, each with its time; what was overwritten since is skipped.
    order: VecDeque<(Key, Timestamp)>,
}

impl Cache {
    /// An empty one for `most` ways, each remembered for `live`.
    pub fn new(most: usize, live: Span) -> Self {
        Self { most, live, entries: HashMap::new(), order: VecDeque::new() }
    }

    /// Ways remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The drive as it was known at `now`; the inner `None`: there is no road.
    pub fn get(&self, key: &Key, now: Timestamp) -> Option<Option<Span>> {
        self.entries.get(key).filter(|(_, at)| now.since(*at) < self.live).map(|(drive, _)| *drive)
    }

    /// Remembers a drive that was told at `now`.
    pub fn put(&mut self, key: Key, drive: Option<Span>, now: Timestamp) {
        if self.most == 0 {
            return;
        }
        self.entries.insert(key, (drive, now));
        self.order.push_back((key, now));
        while let Some(&(oldest, at)) = self.order.front() {
            if self.order.len() <= self.most && now.since(at) < self.live {
                break;
            }
            self.order.pop_front();
            if self.entries.get(&oldest).is_some_and(|(_, newer)| *newer == at) {
                self.entries.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn key(east: u32) -> Key {
        let at = |east: f64| cell(Place::new(0.0, east).unwrap()).unwrap();
        Key { from: at(0.0), to: at(f64::from(east) / 100.0), hour: 7 }
    }

    #[test]
    fn it_tells_what_was_said_until_that_is_too_old() {
        let mut cache = Cache::new(10, Span::from_secs(60));
        cache.put(key(1), Some(Span::from_secs(5)), NOW);
        cache.put(key(2), None, NOW);
        assert_eq!(cache.get(&key(1), NOW), Some(Some(Span::from_secs(5))));
        assert_eq!(cache.get(&key(2), NOW), Some(None));
        assert_eq!(cache.get(&Key { hour: 8, ..key(1) }, NOW), None);
        assert_eq!(cache.get(&key(1), NOW + Span::from_secs(60)), None);
        cache.put(key(3), None, NOW + Span::from_secs(60));
        assert_eq!(cache.len(), 1, "what is too old makes room");
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_holds_the_newest(puts in proptest::collection::vec((0_u32..12, 0_i64..20), 1..200)) {
            let mut cache = Cache::new(8, Span::from_secs(60));
            let (mut now, mut last) = (NOW, HashMap::new());
            for (n, (east, pause)) in puts.into_iter().enumerate() {
                now = now + Span::from_secs(pause);
                let drive = Some(Span::from_secs(i64::try_from(n).unwrap()));
                cache.put(key(east), drive, now);
                last.insert(east, drive);
                prop_assert!(cache.len() <= 8 && cache.order.len() <= 8);
                prop_assert_eq!(cache.get(&key(east), now), Some(drive));
                for (east, drive) in &last {
                    prop_assert!(cache.get(&key(*east), now).is_none_or(|told| told == *drive));
                }
            }
        }
    }
}

//! Where idle vehicles best wait. Pure.
//!
//! A free vehicle covers one request that is expected in its cell, and a quarter of one in each cell around; a cell is covered up to
//! what is expected there. Beginning with everyone where he is, the one move that is worth most is made, then the next one, until none
//! is worth a drive: what it adds, less what the vehicle leaves uncovered. What it adds counts by the share of the time that is left when
//! it arrives. So what is covered in sum never falls, and what one vehicle fills is no gap for the next.

use crate::eta::Travel;
use crate::model::{Place, Span, VehicleId};
use h3o::{CellIndex, LatLng, Resolution};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// How far ahead is looked.
pub const AHEAD: Span = Span::from_secs(30 * 60);
/// Nobody is sent on a longer drive.
pub const DRIVE: Span = Span::from_secs(20 * 60);
/// A move must be worth so many requests.
const WORTH: f64 = 0.25;
/// What a vehicle covers in its cell, and in each one around it. Sums of these are exact, in whatever order.
const OWN: f64 = 1.0;
const AROUND: f64 = 0.25;
/// Vehicles sent at once, at most; the others' turn comes when it is looked again.
const MOST: usize = 50;

/// A cell in which something is expected.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Spot {
    /// Requests within [`AHEAD`].
    pub expected: f64,
    /// Where in it to wait.
    pub place: Place,
}

/// A vehicle that may be sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Idle {
    /// Which.
    pub vehicle: VehicleId,
    /// Where it is.
    pub place: Place,
}

/// Where a vehicle had better wait.
#[derive(Clone, PartialEq, Debug)]
pub struct Move {
    /// Which.
    pub vehicle: VehicleId,
    /// Where it is.
    pub from: Place,
    /// Where it is to wait.
    pub to: Place,
    /// The cell of that place.
    pub cell: CellIndex,
    /// Requests expected in the cell and those around it.
    pub expected: f64,
    /// Vehicles that wait there already, or are sent there before it.
    pub waiting: u32,
}

impl Move {
    /// Why, in words, like `6 requests expected here and around within 30 min, 1 vehicle waits`.
    pub fn reason(&self) -> String {
        let expected = match self.expected {
            few if few < 1.95 => format!("{few:.1} requests"),
            many => format!("{many:.0} requests"),
        };
        let waiting = match self.waiting {
            0 => "nobody waits".to_owned(),
            1 => "1 vehicle waits".to_owned(),
            many => format!("{many} vehicles wait"),
        };
        format!("{expected} expected here and around within {:.0} min, {waiting}", AHEAD.as_secs_f64() / 60.0)
    }
}

/// Who is to go where. The cells are of one resolution; `free` are the places of vehicles that are free and stay, or will be.
pub fn moves(spots: &BTreeMap<CellIndex, Spot>, free: &[Place], idle: &[Idle], travel: Travel) -> Vec<Move> {
    let Some(resolution) = spots.keys().next().map(|cell| cell.resolution()) else { return Vec::new() };
    let mut board = Board::new(spots);
    free.iter().for_each(|place| board.put(cell_of(*place, resolution), OWN));
    let mut idle: Vec<(&Idle, CellIndex, Vec<Way>)> =
        idle.iter().map(|idle| (idle, cell_of(idle.place, resolution), board.ways(idle.place, travel))).collect();
    idle.sort_by(|(a, ..), (b, ..)| a.vehicle.cmp(&b.vehicle));
    idle.dedup_by(|(a, ..), (b, ..)| a.vehicle == b.vehicle);
    idle.iter().for_each(|(_, cell, _)| board.put(*cell, OWN));
    let mut moves = Vec::new();
    while moves.len() < MOST
        && let Some((who, to)) = board.best(&idle)
    {
        let (Idle { vehicle, place }, from, _) = idle.remove(who);
        board.put(from, -OWN);
        let (cell, spot) = board.spots[to];
        let (expected, waiting) = board.around(cell);
        moves.push(Move { vehicle: vehicle.clone(), from: *place, to: spot.place, cell, expected, waiting });
        board.put(cell, OWN);
    }
    moves
}

/// A drive that a vehicle may make: to which spot, and how long.
type Way = (usize, Span);

/// The spots, and how far they are covered.
struct Board {
    spots: Vec<(CellIndex, Spot)>,
    places: HashMap<CellIndex, usize>,
    covered: Vec<f64>,
    vehicles: HashMap<CellIndex, f64>,
}

impl Board {
    fn new(spots: &BTreeMap<CellIndex, Spot>) -> Self {
        let spots: Vec<_> = spots.iter().map(|(cell, spot)| (*cell, *spot)).collect();
        let places = spots.iter().enumerate().map(|(at, (cell, _))| (*cell, at)).collect();
        Self { covered: vec![0.0; spots.len()], places, vehicles: HashMap::new(), spots }
    }

    /// The spots that a vehicle in `cell` covers, and how far.
    fn reach(&self, cell: CellIndex) -> impl Iterator<Item = (usize, f64)> {
        let near: Vec<_> = cell.grid_disk_distances(1);
        near.into_iter().filter_map(|(near, ring)| Some((*self.places.get(&near)?, if ring == 0 { OWN } else { AROUND })))
    }

    /// Puts a vehicle into `cell`, or with -1 takes it away.
    fn put(&mut self, cell: CellIndex, count: f64) {
        let reach: Vec<_> = self.reach(cell).collect();
        reach.into_iter().for_each(|(at, weight)| self.covered[at] += weight * count);
        *self.vehicles.entry(cell).or_default() += count;
    }

    /// The spots that a vehicle at `place` may be sent to.
    fn ways(&self, place: Place, travel: Travel) -> Vec<Way> {
        let drive = |spot: &Spot| travel.eta(place.distance(spot.place)).drive;
        let ways = self.spots.iter().enumerate().map(|(at, (_, spot))| (at, drive(spot)));
        ways.filter(|(_, drive)| *drive <= DRIVE).collect()
    }

    /// What one more vehicle in `cell` would cover, when one in `gone` were not there.
    fn gain(&self, cell: CellIndex, gone: CellIndex) -> f64 {
        let less: Vec<_> = self.reach(gone).collect();
        let covered = |at: usize| self.covered[at] - less.iter().find(|(gone, _)| *gone == at).map_or(0.0, |(_, weight)| *weight);
        let more = |(at, weight): (usize, f64)| {
            let (expected, covered) = (self.spots[at].1.expected, covered(at));
            (covered + weight).min(expected) - covered.min(expected)
        };
        self.reach(cell).map(more).sum()
    }

    /// The move that is worth most: which of the vehicles, to which spot. Of equals the shorter drive, then the first vehicle.
    fn best(&self, idle: &[(&Idle, CellIndex, Vec<Way>)]) -> Option<(usize, usize)> {
        let worth = |from: CellIndex, (to, drive): Way| {
            let left = 1.0 - drive.as_secs_f64() / AHEAD.as_secs_f64();
            millionths(self.gain(self.spots[to].0, from) * left - self.gain(from, from))
        };
        let ways = idle.iter().enumerate().flat_map(|(who, (_, from, ways))| ways.iter().map(move |way| (who, *from, *way)));
        let elsewhere = ways.filter(|(_, from, (to, _))| self.spots[*to].0 != *from);
        let all = elsewhere.map(|(who, from, way)| (worth(from, way), Reverse(way.1), Reverse(who), Reverse(way.0)));
        let (best, _, Reverse(who), Reverse(to)) = all.max()?;
        (best >= millionths(WORTH)).then_some((who, to))
    }

    /// What is expected in `cell` and those around it, and how many vehicles are there.
    fn around(&self, cell: CellIndex) -> (f64, u32) {
        let near: Vec<CellIndex> = cell.grid_disk(1);
        let expected = near.iter().filter_map(|near| self.places.get(near)).map(|at| self.spots[*at].1.expected).sum();
        let vehicles: f64 = near.iter().filter_map(|near| self.vehicles.get(near)).sum();
        (expected, whole(vehicles))
    }
}

/// The cell of a place.
pub fn cell_of(place: Place, resolution: Resolution) -> CellIndex {
    let at = LatLng::new(place.lat(), place.lon()).unwrap_or_else(|_| unreachable!("a place is finite"));
    at.to_cell(resolution)
}

#[expect(clippy::cast_possible_truncation, reason = "requests of half an hour are few")]
fn millionths(worth: f64) -> i64 {
    (worth * 1e6).round() as i64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts are not negative; the cast saturates")]
fn whole(count: f64) -> u32 {
    count.round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn travel() -> Travel {
        Travel::new(1.3, 30.0)
    }

    fn cells() -> Vec<CellIndex> {
        cell_of(Place::new(42.5, 1.5).unwrap(), Resolution::Seven).grid_disk(6)
    }

    fn centre(cell: CellIndex) -> Place {
        let at = LatLng::from(cell);
        Place::new(at.lat(), at.lng()).unwrap()
    }

    fn idle(number: usize, cell: CellIndex) -> Idle {
        Idle { vehicle: format!("van-{number}").parse().unwrap(), place: centre(cell) }
    }

    fn spot(cell: CellIndex, expected: f64) -> (CellIndex, Spot) {
        (cell, Spot { expected, place: centre(cell) })
    }

    /// What vehicles at these places cover, counted anew.
    fn covered(spots: &BTreeMap<CellIndex, Spot>, places: &[Place]) -> f64 {
        let by = |cell: CellIndex, place: &Place| match cell_of(*place, cell.resolution()) {
            own if own == cell => 1.0,
            near if near.grid_disk::<Vec<_>>(1).contains(&cell) => 0.25,
            _ => 0.0,
        };
        spots.iter().map(|(cell, spot)| places.iter().map(|place| by(*cell, place)).sum::<f64>().min(spot.expected)).sum()
    }

    #[test]
    fn the_nearest_goes_where_much_is_expected_and_says_why() {
        let cells = cells();
        // Cells of the second ring, two drives away from each other.
        let (busy, near, far) = (cells[0], cells[8], cells[100]);
        let spots = BTreeMap::from([spot(busy, 1.0)]);
        let sent = moves(&spots, &[], &[idle(1, far), idle(2, near)], travel());
        assert_eq!(sent.len(), 1, "one request is one gap: {sent:?}");
        assert_eq!((sent[0].vehicle.as_str(), sent[0].cell, sent[0].to), ("van-2", busy, centre(busy)));
        assert_eq!(sent[0].reason(), "1.0 requests expected here and around within 30 min, nobody waits");
        let spots = BTreeMap::from([spot(busy, 6.2)]);
        let sent = moves(&spots, &[centre(busy)], &[idle(1, near)], travel());
        assert_eq!(sent[0].reason(), "6 requests expected here and around within 30 min, 1 vehicle waits");
    }

    #[test]
    fn who_stands_as_well_stays() {
        let cells = cells();
        let (here, there) = (cells[0], cells[20]);
        assert_eq!(moves(&BTreeMap::from([spot(here, 1.0), spot(there, 1.0)]), &[], &[idle(1, here)], travel()), []);
        assert_eq!(moves(&BTreeMap::from([spot(here, 5.0), spot(there, 5.0)]), &[], &[idle(1, here), idle(2, here)], travel()), []);
        assert_eq!(moves(&BTreeMap::from([spot(here, 0.2)]), &[], &[idle(1, there)], travel()), [], "not worth a drive");
        assert_eq!(moves(&BTreeMap::from([spot(there, 2.0)]), &[centre(there), centre(there)], &[idle(1, here)], travel()), []);
    }

    #[test]
    fn of_equals_the_first_by_id_goes() {
        let cells = cells();
        let spots = BTreeMap::from([spot(cells[0], 1.0)]);
        let sent = moves(&spots, &[], &[idle(9, cells[10]), idle(3, cells[10]), idle(5, cells[10])], travel());
        assert_eq!(sent.iter().map(|m| m.vehicle.as_str()).collect::<Vec<_>>(), ["van-3"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_covered_never_falls_and_nobody_goes_too_far_or_twice(
            expected in prop::collection::vec((0..127_usize, 0.0..8.0_f64), 0..40),
            free in prop::collection::vec(0..127_usize, 0..15), stand in prop::collection::vec(0..127_usize, 0..25),
        ) {
            let cells = cells();
            let spots: BTreeMap<_, _> = expected.iter().map(|(at, expected)| spot(cells[*at], *expected)).collect();
            let free: Vec<Place> = free.iter().map(|at| centre(cells[*at])).collect();
            let mut idle: Vec<Idle> = stand.iter().enumerate().map(|(number, at)| idle(number, cells[*at])).collect();
            let sent = moves(&spots, &free, &idle, travel());
            let mut after: BTreeMap<_, _> = idle.iter().map(|idle| (idle.vehicle.clone(), idle.place)).collect();
            let mut last = covered(&spots, &[free.clone(), after.values().copied().collect()].concat());
            for sent in &sent {
                prop_assert!(travel().eta(sent.from.distance(sent.to)).drive <= DRIVE);
                prop_assert!(spots.contains_key(&sent.cell) && cell_of(sent.to, Resolution::Seven) == sent.cell);
                prop_assert_eq!(after.insert(sent.vehicle.clone(), sent.to), Some(sent.from), "who was there, and once");
                let now = covered(&spots, &[free.clone(), after.values().copied().collect()].concat());
                prop_assert!(now >= last + WORTH - 1e-3, "from {last} to {now} by {sent:?}");
                last = now;
            }
            idle.reverse();
            prop_assert_eq!(sent, moves(&spots, &free, &idle, travel()), "in whatever order they are told");
        }

        #[test]
        fn nobody_is_sent_where_nothing_is_expected(stand in prop::collection::vec(0..127_usize, 0..20), told in any::<bool>()) {
            let cells = cells();
            let spots: BTreeMap<_, _> = cells.iter().filter(|_| told).map(|cell| spot(*cell, 0.0)).collect();
            let idle: Vec<Idle> = stand.iter().enumerate().map(|(number, at)| idle(number, cells[*at])).collect();
            prop_assert_eq!(moves(&spots, &[], &idle, travel()), []);
        }
    }
}

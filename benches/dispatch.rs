//! One dispatch round: 1,000 waiting bookings and 10,000 free vehicles, candidate search included, on one core.
//!
//! `cargo bench --bench dispatch` prints, for each world, the time of a plan, its total travel time beside the optimum of
//! the dense problem (all ten million pairs, solved by another algorithm) and beside nearest-first.
//! An argument like `downtown` leaves only the worlds with that in their names. With `--check` it fails when a median is beyond 50 ms or a plan more than 0.5 % worse than the optimum.

use depotd::clock::Clock;
use depotd::dispatch::plan::{Lately, Plan, Rules, Seen, Waiting, assign};
use depotd::eta::Travel;
use depotd::model::{Availability, BookingId, Capacity, Metres, Place, Span, Timestamp, VehicleId};
use std::process::ExitCode;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const WAITING: u32 = 1_000;
const DENSE_CENTRE_M: f64 = 2_000.0;
const CITY_M: f64 = 20_000.0;
const RUNS: usize = 31;
const LIMIT_MS: f64 = 50.0;
const LIMIT_GAP: f64 = 0.005;

fn main() -> ExitCode {
    let check = std::env::args().any(|a| a == "--check");
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    println!("dispatch round: {WAITING} waiting, one core, {RUNS} runs each");
    let mut good = true;
    let even = World { vehicles: 10_000, bookings_downtown: 0.0, vehicles_downtown: 0.0, picky: false };
    for (name, world) in [
        ("even city", even),
        ("half downtown", World { bookings_downtown: 0.5, ..even }),
        ("all downtown", World { bookings_downtown: 1.0, ..even }),
        ("crowded fleet", World { bookings_downtown: 0.7, vehicles_downtown: 0.3, ..even }),
        ("many demands", World { bookings_downtown: 0.5, picky: true, ..even }),
        ("few vehicles", World { vehicles: 300, bookings_downtown: 1.0, ..even }),
    ] {
        if !name.contains(&only) {
            continue;
        }
        let (waiting, seen) = world.generate();
        // The peers know of travel times only.
        let mut rules = Rules::from(&depotd::config::Dispatch::default());
        (rules.radius, rules.empty_km) = (rules.max_radius, Span::default());
        let (plan, mut times) = timed(&waiting, &seen, &rules);
        times.sort_by(f64::total_cmp);
        let (median, worst) = (times[RUNS / 2], times[RUNS - 1]);
        let best = dense_optimum(&waiting, &seen, &rules.travel);
        let greedy = nearest_first(&waiting, &seen, &rules.travel);
        let ours = plan.cost.as_secs_f64();
        let gap = ours / best - 1.0;
        println!(
            "{name:>14}: median {median:.1} ms, worst {worst:.1} ms; assigned {}, pairs {}; total {ours:.0} s, \
             dense optimum {best:.0} s, gap {:.5} %, proven gap {:.5} %; nearest-first {greedy:.0} s = {:.3} x ours",
            plan.assigned,
            plan.pairs,
            gap * 100.0,
            plan.gap.as_secs_f64() / ours * 100.0,
            greedy / ours
        );
        good &= median <= LIMIT_MS && gap <= LIMIT_GAP && plan.assigned == waiting.len().min(seen.len());
    }
    if check && !good { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn timed(waiting: &[Waiting], seen: &[Seen], rules: &Rules) -> (Plan, Vec<f64>) {
    let clock = Clock::system();
    let mut plan = Plan::default();
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = clock.monotonic();
        plan = std::hint::black_box(assign(NOW, waiting, seen, &Lately::default(), rules));
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
    }
    (plan, times)
}

/// A seeded generator (SplitMix64), so that every run sees the same worlds.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    /// Within 0 to 1.
    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

/// A city of 20 km × 20 km; downtown is within a kilometre of its centre.
#[derive(Clone, Copy)]
struct World {
    vehicles: u32,
    /// The share of the bookings that is downtown.
    bookings_downtown: f64,
    /// The share of the vehicles that is downtown.
    vehicles_downtown: f64,
    /// Two bookings of three ask for a class; each vehicle is of one of two.
    picky: bool,
}

impl World {
    fn generate(self) -> (Vec<Waiting>, Vec<Seen>) {
        let mut random = Random(7);
        let mut place = |n: u32, all: u32, downtown: f64| {
            let side_m = if f64::from(n) < downtown * f64::from(all) { DENSE_CENTRE_M } else { CITY_M };
            let (east, north) = ((random.unit() - 0.5) * side_m, (random.unit() - 0.5) * side_m);
            Place::new(38.7 + north / 111_195.0, -9.1 + east / 86_780.0).expect("on the earth")
        };
        let booking = |n: u32| {
            let mut bytes = [0; 10];
            bytes[6..].copy_from_slice(&n.to_be_bytes());
            let pickup = place(n, WAITING, self.bookings_downtown);
            let class = match n % 3 {
                1 if self.picky => Some("van".to_owned()),
                2 if self.picky => Some("truck".to_owned()),
                _ => None,
            };
            let since = NOW - Span::from_secs(2);
            Waiting { class, trip: Span::from_secs(600), ..Waiting::new(BookingId::generate(NOW, bytes), pickup, since) }
        };
        let waiting = (0..WAITING).map(booking).collect();
        let vehicle = |n: u32| Seen {
            id: VehicleId::new(&format!("KA-{n}")).expect("a name"),
            class: if n.is_multiple_of(2) { "van".into() } else { "truck".into() },
            capacity: Capacity::default(),
            skills: [].into(),
            online: true,
            availability: Availability::Free,
            place: Some(place(n, self.vehicles, self.vehicles_downtown)),
            fix_ts: Some(NOW),
            soon: None,
            barred: None,
            jobs_per_hour: 0.0,
        };
        (waiting, (0..self.vehicles).map(vehicle).collect())
    }
}

/// What a pair costs that may not be.
const NEVER_S: f64 = 1e7;

fn seconds(travel: &Travel, booking: &Waiting, vehicle: &Seen) -> f64 {
    if booking.class.as_deref().is_some_and(|class| class != &*vehicle.class) {
        return NEVER_S;
    }
    let way = vehicle.place.map_or(Metres(f64::MAX), |p| booking.pickup.distance(p));
    travel.eta(way).drive.as_secs_f64()
}

/// Each booking in turn takes the nearest vehicle that is left.
fn nearest_first(waiting: &[Waiting], seen: &[Seen], travel: &Travel) -> f64 {
    let mut left: Vec<&Seen> = seen.iter().collect();
    let mut total = 0.0;
    for booking in waiting.iter().take(seen.len()) {
        let cost = |v: &&Seen| seconds(travel, booking, v);
        let at = (0..left.len()).min_by(|&a, &b| cost(&left[a]).total_cmp(&cost(&left[b]))).expect("enough vehicles");
        total += cost(&left.swap_remove(at));
    }
    total
}

/// The least total over all pairs: the dense Hungarian method with potentials, row by row, without a heap.
fn dense_optimum(waiting: &[Waiting], seen: &[Seen], travel: &Travel) -> f64 {
    let costs: Vec<Vec<f64>> = if waiting.len() <= seen.len() {
        waiting.iter().map(|b| seen.iter().map(|v| seconds(travel, b, v)).collect()).collect()
    } else {
        seen.iter().map(|v| waiting.iter().map(|b| seconds(travel, b, v)).collect()).collect()
    };
    let (rows, columns) = (costs.len(), costs[0].len());
    // Row and column 0 stand for "none".
    let mut u = vec![0.0; rows + 1];
    let mut v = vec![0.0; columns + 1];
    let mut row_of = vec![0; columns + 1];
    let mut back = vec![0; columns + 1];
    for row in 1..=rows {
        row_of[0] = row;
        let mut at = 0;
        let mut least = vec![f64::INFINITY; columns + 1];
        let mut used = vec![false; columns + 1];
        while row_of[at] != 0 {
            used[at] = true;
            let (from, mut step, mut next) = (row_of[at], f64::INFINITY, 0);
            for column in 1..=columns {
                if used[column] {
                    continue;
                }
                let reduced = costs[from - 1][column - 1] - u[from] - v[column];
                if reduced < least[column] {
                    (least[column], back[column]) = (reduced, at);
                }
                if least[column] < step {
                    (step, next) = (least[column], column);
                }
            }
            for column in 0..=columns {
                if used[column] {
                    u[row_of[column]] += step;
                    v[column] -= step;
                } else {
                    least[column] -= step;
                }
            }
            at = next;
        }
        while at != 0 {
            row_of[at] = row_of[back[at]];
            at = back[at];
        }
    }
    (1..=columns).filter(|&c| row_of[c] != 0).map(|c| costs[row_of[c] - 1][c - 1]).sum()
}

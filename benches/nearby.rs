//! How long `nearby` takes among 100,000 vehicles, beside a naive scan of the same points.
//!
//! `cargo bench --bench nearby`; with `-- --leaves`, the same for other sizes of the tree's leaves.

use depotd::clock::Clock;
use depotd::config;
use depotd::fleet::index::{Index, LEAF};
use depotd::fleet::{Fleet, Near};
use depotd::model::{Availability, Fix, Flags, Metres, Place, Span, Timestamp, VehicleId};
use std::hint::black_box;

const VEHICLES: u32 = 100_000;
const QUERIES: usize = 4_000;
const SCANS: usize = 40;
const LIMIT: usize = 10;
const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A small generator, the same numbers on every run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
    fn within(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
    /// Around `centre`, ever fewer with the distance; `spread` in degrees of latitude.
    fn around(&mut self, centre: (f64, f64), spread: f64) -> (f64, f64) {
        let (r, a) = ((-2.0 * (1.0 - self.unit()).ln()).sqrt() * spread, self.within(0.0, std::f64::consts::TAU));
        (centre.0 + r * a.sin(), centre.1 + r * a.cos() / centre.0.to_radians().cos())
    }
}

const CITIES: [(f64, f64); 8] =
    [(48.86, 2.35), (52.52, 13.4), (40.42, -3.7), (41.9, 12.5), (51.5, -0.12), (38.72, -9.14), (52.23, 21.0), (48.2, 16.37)];

fn place(scene: &str, dice: &mut Dice) -> Place {
    let (lat, lon) = match scene {
        "one city" => dice.around(CITIES[0], 0.1),
        "eight cities" => {
            let city = usize::try_from(dice.next() % 8).expect("below 8");
            dice.around(CITIES[city], 0.15)
        }
        "a continent" => (dice.within(36.0, 60.0), dice.within(-9.0, 30.0)),
        "one spot" => dice.around(CITIES[0], 0.001),
        _ => (dice.within(-1.0, 1.0).asin().to_degrees(), dice.within(-180.0, 180.0)),
    };
    Place::new(lat.clamp(-90.0, 90.0), lon.clamp(-180.0, 180.0)).expect("clamped")
}

const SCENES: [&str; 5] = ["one city", "eight cities", "a continent", "the globe", "one spot"];
const RADII: [f64; 5] = [500.0, 2_000.0, 10_000.0, 50_000.0, 500_000.0];

fn fix(number: usize, place: Place) -> Fix {
    Fix {
        vehicle: VehicleId::new(&format!("V{number}")).expect("an id"),
        ts: NOW,
        received: NOW,
        place,
        speed_kmh: None,
        course: None,
        accuracy_m: None,
        ignition: None,
        battery: None,
        flags: Flags::default(),
        extras: None,
    }
}

/// Median and 99th percentile of the calls, in microseconds.
fn time<T>(clock: &Clock, times: usize, mut call: impl FnMut(usize) -> T) -> (f64, f64) {
    let mut took: Vec<f64> = (0..times)
        .map(|n| {
            let start = clock.monotonic();
            black_box(call(n));
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    took.sort_by(f64::total_cmp);
    (took[times / 2], took[times * 99 / 100])
}

/// What one would write first: the distance to every vehicle, sorted.
fn naive(places: &[Place], from: Place, radius: Metres) -> Vec<(usize, Metres)> {
    let all = places.iter().map(|p| p.distance(from)).enumerate();
    let mut found: Vec<_> = all.filter(|(_, d)| d.0 <= radius.0).collect();
    found.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    found.truncate(LIMIT);
    found
}

fn main() {
    let clock = Clock::system();
    if std::env::args().any(|a| a == "--leaves") {
        return leaves(&clock);
    }
    println!("{VEHICLES} vehicles, k = {LIMIT}, microseconds (median, 99th percentile of {QUERIES})");
    println!("{:<13} {:>8} {:>16} {:>16} {:>12} {:>7}", "scene", "radius", "everybody", "free (1 in 20)", "naive scan", "ratio");
    for scene in SCENES {
        let mut dice = Dice(7);
        let places: Vec<Place> = (0..VEHICLES).map(|_| place(scene, &mut dice)).collect();
        let from: Vec<Place> = (0..QUERIES).map(|_| place(scene, &mut dice)).collect();
        let fixes: Vec<Fix> = places.iter().enumerate().map(|(n, &p)| fix(n, p)).collect();
        let fleet = Fleet::new(&config::Fleet::default());
        fleet.observe_all(&fixes);
        for one in fixes.iter().step_by(20) {
            fleet.set_online(&one.vehicle, true, NOW);
            fleet.set_availability(&one.vehicle, Availability::Free, None);
        }
        for radius in RADII {
            let near = |n: usize, available_only| Near {
                place: from[n],
                radius: Metres(radius),
                limit: LIMIT,
                available_only,
                class: None,
                max_fix_age: Some(Span::from_secs(60)),
                now: NOW,
            };
            for (n, &centre) in from.iter().enumerate().take(SCANS) {
                let (ours, theirs) = (fleet.nearby(&near(n, false)), naive(&places, centre, Metres(radius)));
                assert_eq!(ours.len(), theirs.len());
                assert!(ours.iter().zip(&theirs).all(|(a, b)| (a.1.0 - b.1.0).abs() < 1e-3));
            }
            let all = time(&clock, QUERIES, |n| fleet.nearby(&near(n, false)));
            let free = time(&clock, QUERIES, |n| fleet.nearby(&near(n, true)));
            let scan = time(&clock, SCANS, |n| naive(&places, from[n], Metres(radius)));
            let ratio = scan.0 / all.0;
            println!(
                "{scene:<13} {:>6} m {:>8.2} {:>7.2} {:>8.2} {:>7.2} {:>12.1} {ratio:>7.0}",
                radius, all.0, all.1, free.0, free.1, scan.0
            );
        }
        let moved: Vec<Fix> = fixes.iter().map(|f| Fix { ts: NOW + Span::from_secs(5), place: step(f.place), ..f.clone() }).collect();
        let start = clock.monotonic();
        fleet.observe_all(&moved);
        println!("{scene:<13} observe: {:.2} us a fix", start.elapsed().as_secs_f64() * 1e6 / f64::from(VEHICLES));
    }
}

/// Some fifty metres on.
fn step(from: Place) -> Place {
    Place::new((from.lat() + 0.0004).min(90.0), from.lon()).expect("clamped")
}

fn leaves(clock: &Clock) {
    for scene in SCENES {
        let mut dice = Dice(7);
        let places: Vec<Place> = (0..VEHICLES).map(|_| place(scene, &mut dice)).collect();
        let from: Vec<Place> = (0..QUERIES).map(|_| place(scene, &mut dice)).collect();
        for leaf in [8, 12, 16, LEAF, 32, 48] {
            let mut index = Index::with_leaf(leaf);
            (0..).zip(&places).for_each(|(key, &place)| index.put(key, place));
            let took = RADII.map(|r| format!("{:7.2}", time(clock, QUERIES, |n| index.nearest(from[n], Metres(r), LIMIT, |_| true)).0));
            let start = clock.monotonic();
            (0..).zip(&places).for_each(|(key, &place)| index.put(key, step(place)));
            let put = start.elapsed().as_secs_f64() * 1e6 / f64::from(VEHICLES);
            println!("{scene:<13} {} put {put:5.2}  leaf {leaf}", took.join(" "));
        }
    }
}

use super::{Bounds, Index, chord2, great_circle, lies_in, point};
use crate::model::{Metres, Place};
use h3o::{LatLng, Resolution};
use proptest::prelude::*;

fn place(lat: f64, lon: f64) -> Place {
    Place::new(lat, lon).unwrap()
}

/// Places everywhere, thick at the poles, at the antimeridian, at one of H3's pentagons and in one city.
fn anywhere() -> impl Strategy<Value = Place> {
    let near = |lat: f64, lon: f64, spread: f64| {
        (-spread..spread, -spread..spread).prop_map(move |(a, b)| {
            let lon = (lon + b + 180.0).rem_euclid(360.0) - 180.0;
            place((lat + a).clamp(-90.0, 90.0), lon)
        })
    };
    prop_oneof![
        (-90.0..=90.0f64, -180.0..=180.0f64).prop_map(|(lat, lon)| place(lat, lon)),
        (89.0..=90.0f64, -180.0..=180.0f64).prop_map(|(lat, lon)| place(lat, lon)),
        (-90.0..-89.0f64, -180.0..=180.0f64).prop_map(|(lat, lon)| place(lat, lon)),
        near(0.0, 180.0, 0.5),
        near(64.7, 10.5, 0.5),
        near(42.5, 1.5, 0.05),
        Just(place(90.0, 0.0)),
        Just(place(0.0, 180.0)),
        Just(place(0.0, -180.0)),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    Put(u32, Place),
    Remove(u32),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        5 => (0..80u32, anywhere()).prop_map(|(key, at)| Change::Put(key, at)),
        1 => (0..80u32).prop_map(Change::Remove),
    ];
    prop::collection::vec(change, 0..250)
}

fn build(changes: &[Change]) -> (Index, Vec<Option<Place>>) {
    let (mut index, mut naive) = (Index::default(), vec![None; 80]);
    for change in changes {
        match *change {
            Change::Put(key, at) => {
                index.put(key, at);
                naive[key as usize] = Some(at);
            }
            Change::Remove(key) => {
                index.remove(key);
                naive[key as usize] = None;
            }
        }
    }
    (index, naive)
}

fn listed(naive: &[Option<Place>]) -> impl Iterator<Item = (u32, Place)> + '_ {
    (0..).zip(naive).filter_map(|(key, at)| at.map(|at| (key, at)))
}

proptest! {
    #[test]
    fn nearest_is_what_a_scan_finds(
        changes in changes(),
        from in anywhere(),
        radius in prop_oneof![Just(0.0), 1.0..2e7f64, Just(500.0), Just(50_000.0), Just(3e7)],
        limit in 0..20usize,
        every in 1..4u32,
    ) {
        let (index, naive) = build(&changes);
        let found = index.nearest(from, Metres(radius), limit, |key| key % every == 0);
        let mut expected: Vec<(f64, u32)> = listed(&naive)
            .filter(|(key, _)| key % every == 0)
            .map(|(key, at)| (chord2(&point(from), &point(at)), key))
            .filter(|(off, _)| great_circle(*off).0 <= radius)
            .collect();
        expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        expected.truncate(limit);
        let keys: Vec<u32> = found.iter().map(|f| f.0).collect();
        prop_assert_eq!(keys, expected.iter().map(|e| e.1).collect::<Vec<_>>());
        for (key, distance) in found {
            let exact = naive[key as usize].unwrap().distance(from).0;
            // Haversine itself is only good to decimetres where the points are opposite each other.
            let tolerance = if exact > 1.9e7 { 1.0 } else { 1e-3 };
            prop_assert!((distance.0 - exact).abs() < tolerance, "{} against {}", distance.0, exact);
        }
    }

    #[test]
    fn bounds_find_what_a_scan_finds(
        changes in changes(),
        (west, east) in (-180.0..=180.0f64, -180.0..=180.0f64),
        (a, b) in (-90.0..=90.0f64, -90.0..=90.0f64),
    ) {
        let (index, naive) = build(&changes);
        let bounds = Bounds { west, south: a.min(b), east, north: a.max(b) };
        let mut found = Vec::new();
        index.in_bounds(&bounds, |key| found.push(key));
        found.retain(|&key| bounds.contains(naive[key as usize].unwrap()));
        found.sort_unstable();
        let expected: Vec<u32> = listed(&naive).filter(|(_, at)| bounds.contains(*at)).map(|(key, _)| key).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn cells_find_what_a_scan_finds(changes in changes(), at in anywhere(), resolution in 0..=15u8) {
        let (index, naive) = build(&changes);
        let resolution = Resolution::try_from(resolution).unwrap();
        let cell = LatLng::new(at.lat(), at.lon()).unwrap().to_cell(resolution);
        let mut found = Vec::new();
        index.in_cell(cell, |key| found.push(key));
        found.retain(|&key| lies_in(naive[key as usize], cell));
        found.sort_unstable();
        let expected: Vec<u32> = listed(&naive).filter(|(_, at)| lies_in(Some(*at), cell)).map(|(key, _)| key).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn bounds_across_the_antimeridian() {
    let bounds = Bounds { west: 170.0, south: -10.0, east: -170.0, north: 10.0 };
    assert!(bounds.contains(place(0.0, 175.0)) && bounds.contains(place(0.0, -175.0)) && bounds.contains(place(0.0, 180.0)));
    assert!(!bounds.contains(place(0.0, 0.0)) && !bounds.contains(place(11.0, 175.0)));
}

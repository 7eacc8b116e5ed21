use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn place(lat: f64, lon: f64) -> Place {
    Place::new(lat, lon).unwrap()
}

fn rectangle(west: f64, south: f64, width: f64, height: f64) -> Value {
    let (east, north) = (west + width, south + height);
    json!([[west, south], [east, south], [east, north], [west, north], [west, south]])
}

fn zone(id: &str, priority: i32, rings: &[Value]) -> Zone {
    let document = json!({"id": id, "name": id, "priority": priority, "area": {"type": "Polygon", "coordinates": rings}});
    Zone::read(&document).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn faults(area: Value) -> Vec<(String, String)> {
    let faults = Zone::read(&json!({"id": "z", "name": "Z", "area": area})).expect_err("it is faulty");
    faults.into_iter().map(|fault| (fault.field, fault.message)).collect()
}

#[test]
fn a_hole_is_not_in_it_and_borders_are() {
    let ring = zone("ring", 0, &[rectangle(0.0, 0.0, 4.0, 4.0), rectangle(1.0, 1.0, 2.0, 2.0)]);
    for (lat, lon, is_in) in [(0.5, 0.5, true), (2.0, 2.0, false), (1.0, 2.0, true), (0.0, 0.0, true), (4.0, 2.0, true), (4.01, 2.0, false)]
    {
        assert_eq!(ring.contains(place(lat, lon)), is_in, "{lat}, {lon}");
    }
    // 4° by 4° less 2° by 2° at the equator.
    assert!((ring.area_m2() / 1e6 / (12.0 * 111.3 * 111.3) - 1.0).abs() < 0.01);
}

#[test]
fn overlapping_zones_have_an_order() {
    let zones = Zones::new(vec![
        zone("b-small", 0, &[rectangle(1.0, 1.0, 1.0, 1.0)]),
        zone("a-small", 0, &[rectangle(1.0, 1.0, 1.0, 1.0)]),
        zone("large", 0, &[rectangle(0.0, 0.0, 9.0, 9.0)]),
        zone("first", 5, &[rectangle(0.0, 0.0, 20.0, 20.0)]),
        zone("last", -5, &[rectangle(1.4, 1.4, 0.2, 0.2)]),
    ]);
    assert_eq!(zones.ids_at(place(1.5, 1.5)), ["first", "a-small", "b-small", "large", "last"]);
    assert_eq!(zones.ids_at(place(15.0, 15.0)), ["first"]);
    assert!(zones.ids_at(place(-15.0, 15.0)).is_empty());
    assert_eq!(zones.get("large").map(|zone| zone.priority), Some(0));
}

#[test]
fn several_polygons_are_one_zone_and_altitudes_are_let_pass() {
    let area = json!({"type": "MultiPolygon", "bbox": [0, 0, 1, 1],
        "coordinates": [[rectangle(0.0, 0.0, 1.0, 1.0)], [[[5, 5, 90.5], [6, 5, 90], [6, 6, 91], [5, 5, 90.5]]]]});
    let zone = Zone::read(&json!({"id": "z", "name": "Z", "area": area})).unwrap();
    assert!(zone.contains(place(0.5, 0.5)) && zone.contains(place(5.2, 5.8)) && !zone.contains(place(3.0, 3.0)));
}

#[test]
fn a_bad_shape_is_told_with_its_path() {
    let polygon = |coordinates: Value| faults(json!({"type": "Polygon", "coordinates": coordinates}));
    let is = |found: &[(String, String)], field: &str, words: &str| {
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].0 == field && found[0].1.contains(words), "{found:?}");
    };
    is(&polygon(json!([])), "area.coordinates", "must have a ring");
    is(&polygon(json!([[[0, 0], [1, 0], [1, 1], [0, 1]]])), "area.coordinates[0]", "must be closed");
    is(&polygon(json!([[[0, 0], [1, 0], [0, 0]]])), "area.coordinates[0]", "at least 4 points");
    is(&polygon(json!([[[0, 0], [1, 0], [1, 91], [0, 0]]])), "area.coordinates[0][2]", "within -180 to 180");
    is(&polygon(json!([[[0, 0], [1], [1, 1], [0, 0]]])), "area.coordinates[0][1]", "must be [longitude, latitude]");
    is(&polygon(json!([[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]])), "area.coordinates", "self-intersection");
    is(&polygon(json!([[[0, 0], [1, 1], [0, 0], [0, 0]]])), "area.coordinates", "3 distinct points");
    is(&polygon(json!([rectangle(-170.0, 0.0, 340.0, 1.0)])), "area.coordinates", "antimeridian");
    is(&polygon(json!([rectangle(0.0, 0.0, 1.0, 1.0), rectangle(2.0, 2.0, 1.0, 1.0)])), "area.coordinates", "not contained");
    let two = json!({"type": "MultiPolygon", "coordinates": [[rectangle(0.0, 0.0, 2.0, 2.0)], [rectangle(1.0, 1.0, 2.0, 2.0)]]});
    is(&faults(two), "area.coordinates", "overlap");
    is(&faults(json!({"type": "MultiPolygon", "coordinates": []})), "area.coordinates", "must have a polygon");
    let many: Vec<_> = (0..=MAX_POINTS).map(|n| json!([n as f64 / 1e4, (n % 2) as f64])).collect();
    assert!(polygon(json!([many])).iter().any(|(_, words)| words == "must have at most 2000 points, and has 2001"));
    assert!(faults(json!({"type": "Point", "coordinates": [0, 0]}))[0].1.contains("Polygon"));
}

/// A star around a place: each of its points at its own distance, so that it never crosses itself.
fn star(lat: f64, lon: f64, distances: &[f64]) -> Value {
    let point = |(at, distance): (usize, &f64)| {
        let angle = std::f64::consts::TAU * at as f64 / distances.len() as f64;
        json!([lon + distance * angle.cos(), lat + distance * angle.sin()])
    };
    let mut ring: Vec<_> = distances.iter().enumerate().map(point).collect();
    ring.push(ring[0].clone());
    json!(ring)
}

/// Where it is, how large, what it looks like, whether it lies near the others, and its priority.
type Star = (f64, f64, f64, Vec<f64>, bool, i32);

fn stars() -> impl Strategy<Value = Vec<Zone>> {
    let size = prop_oneof![0.0005..0.01_f64, 0.01..0.5_f64, 0.5..8.0_f64];
    let one = (-60.0..60.0_f64, -150.0..150.0_f64, size, prop::collection::vec(0.3..1.0_f64, 3..40), any::<bool>(), -2..3_i32);
    prop::collection::vec(one, 1..8).prop_map(|stars| {
        let zone = |(n, (lat, lon, size, distances, is_near, priority)): (usize, Star)| {
            let (lat, lon) = if is_near { (lat / 60.0, lon / 150.0) } else { (lat, lon) };
            let distances: Vec<_> = distances.iter().map(|d| d * size).collect();
            zone(&format!("z{n}"), priority, &[star(lat, lon, &distances)])
        };
        stars.into_iter().enumerate().map(zone).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_lookup_finds_what_looking_at_each_zone_finds(zones in stars(), tries in prop::collection::vec((any::<prop::sample::Index>(), -1.2..1.2_f64, -1.2..1.2_f64), 60)) {
        let all = Zones::new(zones.clone());
        for (which, up, aside) in tries {
            let rectangle = Area::of(&which.get(&zones).area).bounds().unwrap();
            let (centre, half) = (rectangle.center(), (rectangle.width() / 2.0, rectangle.height() / 2.0));
            let here = place((centre.y + up * half.1).clamp(-90.0, 90.0), (centre.x + aside * half.0).clamp(-180.0, 180.0));
            let mut expected: Vec<_> = zones.iter().filter(|zone| zone.contains(here)).collect();
            expected.sort_by(|a, b| b.priority.cmp(&a.priority).then(a.area_m2().total_cmp(&b.area_m2())).then(a.id.cmp(&b.id)));
            prop_assert_eq!(all.at(here), expected);
        }
    }
}

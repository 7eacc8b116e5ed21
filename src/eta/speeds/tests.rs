use super::*;
use crate::model::{Flags, VehicleId};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
/// 25 km/h with a detour of 1.3, in metres per second.
const CONFIGURED: f64 = 5.342;

fn place(east: f64, north: f64) -> Place {
    Place::new(north / 111_195.0, east / 111_195.0).unwrap()
}

fn fix(at_s: i64, east: f64, north: f64) -> Fix {
    let ts = NOW + Span::from_secs(at_s);
    Fix {
        vehicle: VehicleId::new("KA-1").unwrap(),
        ts,
        received: ts,
        place: place(east, north),
        speed_kmh: None,
        course: None,
        accuracy_m: None,
        ignition: None,
        battery: None,
        flags: Flags::default(),
        extras: None,
    }
}

/// A fix every 10 s along these points (east, north), at 10 m/s.
fn track(points: &[(f64, f64)]) -> Vec<Fix> {
    let mut fixes = vec![fix(0, points[0].0, points[0].1)];
    let mut at = 0;
    for leg in points.windows(2) {
        let (from, to) = (leg[0], leg[1]);
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut gone = 0.0;
        while gone < length {
            gone += 100.0;
            at += 10;
            let share = (gone / length).min(1.0);
            fixes.push(fix(at, from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1)));
        }
    }
    fixes
}

fn to(halts: &[(f64, f64)]) -> Vec<Part> {
    vec![Part { from: NOW, until: NOW + Span::from_secs(7_200), halts: halts.iter().map(|h| place(h.0, h.1)).collect() }]
}

fn later(fixes: &mut [Fix], by_s: i64) {
    fixes.iter_mut().for_each(|f| f.ts = f.ts + Span::from_secs(by_s));
}

fn metres_per_second(drive: &Drive) -> f64 {
    drive.straight.0 / drive.took.as_secs_f64()
}

#[test]
fn a_way_with_a_corner_is_as_slow_as_its_great_circle() {
    let track = track(&[(0.0, 0.0), (3_000.0, 0.0), (3_000.0, 3_000.0)]);
    let drives = drives(&track, &to(&[(3_000.0, 3_000.0)]));
    assert_eq!(drives.len(), 1);
    let speed = metres_per_second(&drives[0]);
    assert!((7.0..7.4).contains(&speed), "{speed}: 10 m/s over the root of two, begun short of the halt");
}

#[test]
fn stops_part_the_drives() {
    let track = track(&[(0.0, 0.0), (2_000.0, 0.0), (2_000.0, 2_000.0)]);
    let drives = drives(&track, &to(&[(2_000.0, 0.0), (2_000.0, 2_000.0)]));
    assert_eq!(drives.len(), 2);
    assert!(drives.iter().all(|d| metres_per_second(d) > 9.5), "{drives:?}");
    assert_eq!(passed(&track, &[place(2_000.0, 0.0), place(9_000.0, 0.0), place(2_000.0, 2_000.0)]), 1);
}

#[test]
fn parking_is_not_driving_but_a_red_light_is() {
    let mut track = track(&[(0.0, 0.0), (4_000.0, 0.0)]);
    later(&mut track[10..], 60);
    for stood in [60, 120, 180, 240, 300, 360, 420] {
        let still = Fix { ts: track[20].ts + Span::from_secs(stood), ..track[20].clone() };
        track.insert(20 + usize::try_from(stood / 60).unwrap(), still);
    }
    later(&mut track[28..], 420);
    let drives = drives(&track, &to(&[(4_000.0, 0.0)]));
    let took = drives[0].took.as_secs_f64();
    assert!((430.0..460.0).contains(&took), "{took} s: 390 of driving and 60 at the light");
}

#[test]
fn jumps_holes_and_detours_are_no_drives() {
    let straight = track(&[(0.0, 0.0), (4_000.0, 0.0)]);
    let halt = to(&[(4_000.0, 0.0)]);
    let mut jumping = straight.clone();
    jumping[15].place = place(900_000.0, 0.0);
    jumping[20].flags = Flags::default().with(Flag::Jump);
    assert_eq!(drives(&jumping, &halt), drives(&straight, &halt));
    let mut holed = straight.clone();
    later(&mut holed[20..], 301);
    assert_eq!(drives(&holed, &halt), []);
    let lunch = track(&[(0.0, 0.0), (0.0, 9_000.0), (4_000.0, 0.0)]);
    assert_eq!(drives(&lunch, &halt), []);
    assert_eq!(drives(&straight, &to(&[(9_000.0, 0.0)])), [], "never arrived");
    assert_eq!(drives(&[], &halt), []);
}

#[test]
fn classes_and_hours_are_told_apart() {
    let mut speeds = Speeds::new(CONFIGURED);
    let at = |speed: f64| Drive { at: NOW, straight: Metres(speed * 600.0), took: Span::from_secs(600) };
    for _ in 0..60 {
        speeds.learn("van", 8, &at(3.0)).unwrap();
        speeds.learn("van", 14, &at(6.0)).unwrap();
        speeds.learn("bike", 8, &at(4.0)).unwrap();
    }
    let told = |class, hour| speeds.speed(Some(class), hour).unwrap();
    assert!((3.0..3.3).contains(&told("van", 8)) && (5.8..6.0).contains(&told("van", 14)) && (4.0..4.2).contains(&told("bike", 8)));
    assert!((4.2..4.8).contains(&told("van", 3)), "an hour that nobody drove in is like the others: {}", told("van", 3));
    assert_eq!(speeds.speed(Some("truck"), 8), None);
    assert!((3.2..3.8).contains(&speeds.speed(None, 8).unwrap()));
}

#[test]
fn there_is_room_for_so_many_classes() {
    let mut speeds = Speeds::new(CONFIGURED);
    let drive = Drive { at: NOW, straight: Metres(3_000.0), took: Span::from_secs(600) };
    let learned = (0..100).filter(|n| speeds.learn(&format!("class {n}"), 8, &drive).is_some()).count();
    assert_eq!((learned, speeds.known().1), (CLASSES, CLASSES));
    assert!(speeds.learn("class 0", 9, &drive).is_some());
}

proptest! {
    #[test]
    fn an_estimate_lies_among_what_was_seen_and_believed(
        seen in proptest::collection::vec((0_u8..24, 100.0_f64..40_000.0, 60_i64..7_200), 1..80),
        hour in 0_u8..24,
    ) {
        let mut speeds = Speeds::new(CONFIGURED);
        let (mut least, mut most) = (CONFIGURED, CONFIGURED);
        for (hour, metres, secs) in seen {
            let drive = Drive { at: NOW, straight: Metres(metres), took: Span::from_secs(secs) };
            let slot = speeds.learn("van", hour, &drive).unwrap();
            prop_assert!(slot.driven_s <= MEMORY_S + 1e-6);
            let speed = metres_per_second(&drive).clamp(CONFIGURED / ODD, CONFIGURED * ODD);
            (least, most) = (least.min(speed), most.max(speed));
        }
        if let Some(speed) = speeds.speed(Some("van"), hour) {
            prop_assert!((least - 1e-9..=most + 1e-9).contains(&speed), "{least} {speed} {most}");
        }
    }

    #[test]
    fn one_odd_drive_changes_little(good in 10_usize..60, metres in 0.0_f64..1e6, secs in 1_i64..100_000) {
        let mut speeds = Speeds::new(CONFIGURED);
        let usual = Drive { at: NOW, straight: Metres(CONFIGURED * 600.0), took: Span::from_secs(600) };
        for _ in 0..good {
            speeds.learn("van", 8, &usual);
        }
        let before = speeds.speed(Some("van"), 8).unwrap();
        speeds.learn("van", 8, &Drive { straight: Metres(metres), took: Span::from_secs(secs), ..usual });
        let after = speeds.speed(Some("van"), 8).unwrap();
        prop_assert!(after < before * 1.8 && after > before * 0.75, "{before} {after}");
    }

    #[test]
    fn it_comes_to_know_the_truth(truth in 2.0_f64..15.0) {
        let mut speeds = Speeds::new(CONFIGURED);
        for _ in 0..150 {
            speeds.learn("van", 8, &Drive { at: NOW, straight: Metres(truth * 600.0), took: Span::from_secs(600) });
        }
        let told = speeds.speed(Some("van"), 8).unwrap();
        prop_assert!((told / truth - 1.0).abs() < 0.05, "{told} for {truth}");
    }

    #[test]
    fn no_track_breaks_it(points in proptest::collection::vec((0_i64..5_000, -5e3_f64..5e3, -5e3_f64..5e3), 0..60)) {
        let mut track: Vec<Fix> = points.into_iter().map(|(at, east, north)| fix(at, east, north)).collect();
        track.sort_by_key(|f| f.ts);
        for drive in drives(&track, &to(&[(1_000.0, 0.0), (0.0, 1_000.0)])) {
            prop_assert!(drive.took >= LEAST.1 && drive.straight.0 >= LEAST.0 && metres_per_second(&drive) <= FASTEST * 2.0);
        }
    }
}

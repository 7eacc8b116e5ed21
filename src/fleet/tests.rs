use super::mirror::{Found, Mirror};
use super::{Counts, Fleet, Near, Status};
use crate::config;
use crate::model::{Availability, Fix, Flag, Flags, Metres, Place, Span, Timestamp, Vehicle, VehicleId};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn id(text: &str) -> VehicleId {
    VehicleId::new(text).unwrap()
}

fn fix(vehicle: &str, at: i64, lat: f64, lon: f64) -> Fix {
    Fix {
        vehicle: id(vehicle),
        ts: NOW + Span::from_secs(at),
        received: NOW + Span::from_secs(at),
        place: Place::new(lat, lon).unwrap(),
        speed_kmh: Some(30.0),
        course: None,
        accuracy_m: None,
        ignition: None,
        battery: None,
        flags: Flags::default(),
        extras: None,
    }
}

fn fleet() -> Fleet {
    Fleet::new(&config::Fleet::default())
}

fn near(available_only: bool, class: Option<&'static str>) -> Near<'static> {
    let place = Place::new(42.5, 1.5).unwrap();
    Near { place, radius: Metres(5_000.0), limit: 10, available_only, class, max_fix_age: Some(Span::from_secs(300)), now: NOW }
}

#[test]
fn the_latest_is_the_greatest_fix_time() {
    let fleet = fleet();
    assert!(fleet.observe(&fix("a", 0, 42.5, 1.5)));
    assert!(!fleet.observe(&fix("a", -5, 42.6, 1.5)), "late");
    assert!(!fleet.observe(&fix("a", 0, 42.6, 1.5)), "same time");
    for flag in [Flag::Future, Flag::Old] {
        assert!(!fleet.observe(&Fix { flags: Flags::default().with(flag), ..fix("a", 9, 0.0, 0.0) }));
    }
    assert!(fleet.observe(&Fix { flags: Flags::default().with(Flag::Jump), ..fix("a", 5, 42.7, 1.5) }));
    assert_eq!(fleet.get(&id("a")).unwrap().place, Place::new(42.7, 1.5).ok());
}

#[test]
fn nearby_asks_for_availability_class_and_age() {
    let fleet = fleet();
    for (name, class, on_duty, online, at) in [
        ("a", "van", true, true, 0),
        ("b", "bike", true, true, 0),
        ("c", "van", true, false, 0),
        ("d", "van", false, true, 0),
        ("e", "van", true, true, -301),
    ] {
        fleet.observe(&fix(name, at, 42.5, 1.5));
        fleet.register(&Vehicle { on_duty, ..Vehicle::new(id(name), class) }, None);
        fleet.set_online(&id(name), online, NOW);
    }
    let names = |near: &Near<'_>| fleet.nearby(near).into_iter().map(|(v, _)| v.id.to_string()).collect::<String>();
    assert_eq!(names(&near(false, None)), "abcd");
    assert_eq!(names(&near(true, None)), "ab");
    assert_eq!(names(&near(true, Some("van"))), "a");
    assert_eq!(fleet.counts(), Counts { free: 3, offline: 1, off_duty: 1, ..Counts::default() });
    fleet.set_availability(&id("a"), Availability::EnRoute, None);
    assert_eq!(names(&near(true, None)), "b");
    fleet.set_availability(&id("a"), Availability::Free, None);
    assert_eq!(names(&near(true, None)), "ab");
    fleet.remove(&id("a"));
    assert_eq!(names(&near(false, None)), "bcd");
    assert_eq!(fleet.counts().total(), 4);
}

#[test]
fn changes_are_told_once_and_in_order() {
    let fleet = fleet();
    for name in ["a", "b", "c"] {
        fleet.observe(&fix(name, 0, 42.5, 1.5));
    }
    let names = |rev, limit| {
        let (upto, views) = fleet.changed_since(rev, limit);
        (upto, views.into_iter().map(|v| v.id.to_string()).collect::<String>())
    };
    let (rev, all) = names(0, 100);
    assert_eq!(all, "abc");
    assert_eq!(names(rev, 100), (rev, String::new()));
    fleet.observe(&fix("a", 1, 42.5, 1.5));
    fleet.set_online(&id("c"), true, NOW);
    fleet.observe(&fix("a", 2, 42.5, 1.5));
    let (half, first) = names(rev, 1);
    assert_eq!((first.as_str(), names(half, 9).1.as_str()), ("c", "a"));
    fleet.remove(&id("b"));
    let (_, views, removed) = fleet.changes(rev, 9);
    assert_eq!((views.len(), removed), (2, vec![(1, id("b"))]));
    assert_eq!(fleet.get(&id("c")).unwrap().status(), Status::OffDuty);
}

#[test]
fn there_is_a_bound_on_vehicles() {
    let fleet = Fleet::new(&config::Fleet { max_vehicles: 1, ..config::Fleet::default() });
    assert!(fleet.observe(&fix("a", 0, 1.0, 1.0)));
    assert!(!fleet.observe(&fix("b", 0, 1.0, 1.0)));
    assert!(fleet.observe(&fix("a", 1, 1.0, 1.0)));
}

#[test]
fn the_mirror_brings_positions_back() {
    let dir = tempfile::tempdir().unwrap();
    let (before, after) = (fleet(), fleet());
    before.observe_all(&[fix("a", 0, 42.5, 1.5), fix("b", 0, 42.6, 1.6), fix("gone", 0, 42.6, 1.6)]);
    let (mut mirror, found) = Mirror::open(dir.path(), [7; 16], 0, &before).unwrap();
    assert!(matches!(found, Found::Nothing));
    assert_eq!(mirror.write(&before, 3).unwrap(), 3);
    before.observe(&fix("a", 5, 42.51, 1.5));
    before.remove(&id("gone"));
    assert_eq!(mirror.write(&before, 4).unwrap(), 2);
    assert_eq!(mirror.write(&before, 4).unwrap(), 0);
    let cell: u64 = h3o::LatLng::new(42.6, 1.6).unwrap().to_cell(h3o::Resolution::Seven).into();
    assert_eq!(mirror.in_cell(cell).unwrap(), ["b"]);
    drop(mirror);
    let (_, found) = Mirror::open(dir.path(), [7; 16], 4, &after).unwrap();
    assert_eq!(found.replay_after(), 4, "what was in the log at the write before");
    assert_eq!(after.get(&id("a")).unwrap().place, Place::new(42.51, 1.5).ok());
    assert!(after.get(&id("gone")).is_none());
}

#[test]
fn a_doubtful_mirror_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let open = |epoch, last| Mirror::open(dir.path(), epoch, last, &fleet()).unwrap();
    let full = fleet();
    full.observe(&fix("a", 0, 42.5, 1.5));
    let fill = |mut mirror: Mirror| {
        mirror.write(&full, 9).unwrap();
        mirror.write(&full, 9).unwrap();
    };
    fill(open([1; 16], 9).0);
    assert!(matches!(open([2; 16], 9).1, Found::SetAside(_, why) if why.contains("another fix log")));
    fill(open([1; 16], 9).0);
    assert!(matches!(open([1; 16], 8).1, Found::SetAside(_, why) if why.contains("further")));
    std::fs::write(dir.path().join(super::mirror::NAME), b"rubbish").unwrap();
    let (_, found) = open([1; 16], 9);
    assert!(matches!(&found, Found::SetAside(aside, _) if aside.exists()), "{found:?}");
}

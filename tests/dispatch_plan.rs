//! The plan against a dense reference, and what must hold for any plan.

use depotd::dispatch::inputs::Inputs;
use depotd::dispatch::plan::{Blocked, Lately, Left, Plan, Reason, Road, Rules, Seen, Soon, Survey, Waiting, able_count, assign, demand};
use depotd::model::{Availability, BookingId, Capacity, Load, Metres, Overload, Place, Span, Timestamp, VehicleId};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
/// Far more was asked of late than there are vehicles.
const RUSH: Lately = Lately { bookings: 400, ..QUIET };
/// Nothing was asked of late, so vehicles are never scarce.
const QUIET: Lately = Lately { bookings: 0, over: Span::from_secs(900), trip: Span::from_secs(600), vehicles: None };

fn rules(candidates: usize) -> Rules {
    let shipped = Rules::from(&depotd::config::Dispatch::default());
    Rules { radius: Metres(30_000.0), look_ahead: Span::from_secs(90), patience_trips: 0.9, trip_weight: 0.15, candidates, ..shipped }
}

fn place(east: f64, north: f64) -> Place {
    Place::new(38.7 + north / 111_195.0, -9.1 + east / 86_780.0).unwrap()
}

fn waiting(n: u16, pickup: Place) -> Waiting {
    let mut random = [0; 10];
    random[8..].copy_from_slice(&n.to_be_bytes());
    let id = BookingId::generate(NOW, random);
    Waiting { trip: Span::from_secs(600), ..Waiting::new(id, pickup, NOW) }
}

fn seen(name: &str, place: Place) -> Seen {
    Seen {
        id: VehicleId::new(name).unwrap(),
        class: "van".into(),
        capacity: kg(800),
        skills: ["tail_lift".to_owned()].into(),
        online: true,
        availability: Availability::Free,
        place: Some(place),
        fix_ts: Some(NOW),
        soon: None,
        barred: None,
        jobs_per_hour: 0.0,
    }
}

fn kg(kg: u32) -> Capacity {
    Capacity { kg: Some(kg), ..Capacity::default() }
}

/// Some load; the parts are whole numbers of a small range, so that limits are met exactly.
fn load() -> impl Strategy<Value = Load> {
    let part = || proptest::option::weighted(0.2, 0..1_000_u32);
    (part(), part(), part()).prop_map(|(kg, m3, pieces)| Load { kg, m3: m3.map(f64::from), pieces })
}

fn capacity() -> impl Strategy<Value = Capacity> {
    let part = || proptest::option::weighted(0.7, 0..1_000_u32);
    (part(), part(), part()).prop_map(|(kg, m3, pieces)| Capacity { kg, m3: m3.map(f64::from), pieces })
}

fn chosen(plan: &Plan) -> HashMap<BookingId, String> {
    plan.outcomes.iter().filter_map(|o| o.vehicle.as_ref().map(|v| (o.booking, v.to_string()))).collect()
}

#[test]
fn the_nearest_free_one_gets_it() {
    let booking = waiting(1, place(0.0, 0.0));
    let plan = assign(
        NOW,
        std::slice::from_ref(&booking),
        &[seen("far", place(2_000.0, 0.0)), seen("near", place(500.0, 0.0))],
        &QUIET,
        &rules(4),
    );
    assert_eq!(chosen(&plan)[&booking.id], "near");
    let [near, far] = &plan.outcomes[0].candidates[..] else { panic!("two candidates") };
    assert!(near.chosen && !far.chosen && near.cost < far.cost && near.lost_to.is_none());
    assert!((near.parts.drive.as_secs_f64() - 500.0 * 1.3 / (25.0 / 3.6)).abs() < 0.5, "{:?}", near.cost);
    assert_eq!(plan.gap.as_secs_f64(), 0.0);
}

#[test]
fn the_optimum_beats_nearest_first() {
    // Greedy gives `a` to the first and sends `b` 3.1 km; the optimum sends both 1 km or so.
    let (first, second) = (waiting(1, place(0.0, 0.0)), waiting(2, place(1_900.0, 0.0)));
    let fleet = [seen("a", place(900.0, 0.0)), seen("b", place(-1_200.0, 0.0))];
    let plan = assign(NOW, &[first.clone(), second.clone()], &fleet, &QUIET, &rules(1));
    assert_eq!(chosen(&plan), HashMap::from([(first.id, "b".to_owned()), (second.id, "a".to_owned())]));
    let lost = plan.outcomes.iter().find(|o| o.booking == first.id).unwrap().candidates.iter().find(|c| !c.chosen).unwrap();
    assert_eq!(lost.lost_to, Some(second.id));
}

#[test]
fn ties_go_to_the_lower_id_and_the_longer_wait() {
    let spot = place(100.0, 0.0);
    let fleet = [seen("b", spot), seen("a", spot), seen("c", spot)];
    let plan = assign(NOW, &[waiting(1, place(0.0, 0.0))], &fleet, &QUIET, &rules(2));
    assert_eq!(plan.outcomes[0].vehicle.as_ref().unwrap().as_str(), "a");
    let (low, mut high) = (waiting(1, place(0.0, 0.0)), waiting(2, place(0.0, 0.0)));
    let plan = assign(NOW, &[high.clone(), low.clone()], &fleet[..1], &QUIET, &rules(2));
    assert_eq!(chosen(&plan), HashMap::from([(low.id, "b".to_owned())]));
    high.since = NOW - Span::from_secs(60);
    let plan = assign(NOW, &[low, high.clone()], &fleet[..1], &QUIET, &rules(2));
    assert_eq!(chosen(&plan), HashMap::from([(high.id, "b".to_owned())]));
}

#[test]
fn serving_more_comes_before_driving_less() {
    // Only `a` can serve the second; the first would like it too.
    let first = waiting(1, place(0.0, 0.0));
    let mut second = waiting(2, place(0.0, 0.0));
    second.class = Some("van".into());
    let mut truck = seen("truck", place(29_000.0, 0.0));
    truck.class = "truck".into();
    let plan = assign(NOW, &[first.clone(), second.clone()], &[seen("a", place(0.0, 0.0)), truck], &QUIET, &rules(1));
    assert_eq!(chosen(&plan), HashMap::from([(first.id, "truck".to_owned()), (second.id, "a".to_owned())]));
}

#[test]
fn each_exclusion_says_its_reason() {
    let mut booking = waiting(1, place(0.0, 0.0));
    booking.class = Some("van".into());
    booking.load = Load { kg: Some(500), m3: Some(2.5), pieces: Some(4) };
    booking.skills = vec!["tail_lift".into()];
    let at = |i: f64| place(100.0 * i, 0.0);
    let with = |name: &str, i: f64, change: &dyn Fn(&mut Seen)| {
        let mut vehicle = seen(name, at(i));
        change(&mut vehicle);
        vehicle
    };
    let fleet = [
        with("class", 5.0, &|v| v.class = "bike".into()),
        with("capacity", 6.0, &|v| v.capacity = kg(499)),
        with("skills", 7.0, &|v| v.skills = [].into()),
        with("too_far", 400.0, &|_| {}),
        with("never", 0.0, &|v| (v.place, v.fix_ts) = (None, None)),
        with("no_recent_fix", 3.0, &|v| v.fix_ts = Some(NOW - Span::from_secs(301))),
        with("off_duty", 1.0, &|v| v.availability = Availability::OffDuty),
        with("offline", 2.0, &|v| v.online = false),
        with("busy", 4.0, &|v| v.availability = Availability::Loading),
        with("good", 8.0, &|v| v.capacity = Capacity::default()),
    ];
    let plan = assign(NOW, std::slice::from_ref(&booking), &fleet, &QUIET, &rules(8));
    assert_eq!(chosen(&plan)[&booking.id], "good");
    assert_eq!(plan.outcomes[0].candidates.len(), 1);
    let out = Survey::new(NOW, &fleet, &rules(8)).exclusions(&booking, 100);
    let told: Vec<_> = out.nearest.iter().map(|e| (e.vehicle.as_str(), e.reason.as_str())).collect();
    let same = ["off_duty", "offline", "no_recent_fix", "busy", "class", "capacity", "skills", "too_far"].map(|r| (r, r));
    assert_eq!(told[..8], same);
    assert_eq!(told[8], ("never", "no_recent_fix"));
    assert_eq!(out.totals[&Reason::NoRecentFix], 2);
    let few = Survey::new(NOW, &fleet, &rules(8)).exclusions(&booking, 2);
    assert_eq!(few.nearest, out.nearest[..2]);
    assert_eq!(few.totals.values().sum::<u32>(), 9);
}

/// Latest arrival, due time, and a number for what concerns single vehicles.
type Personal = (Option<i64>, Option<i64>, u32);

/// Every so manieth vehicle of the world.
fn picked(first: u32, step: usize) -> Vec<VehicleId> {
    (first..40).step_by(step).map(|n| VehicleId::new(&format!("v{n:03}")).unwrap()).collect()
}

/// A drive that has nothing to do with the distance.
fn road(vehicle: VehicleId, seed: u32) -> Road {
    let drive = Span::from_secs(i64::from((seed ^ u32::from(vehicle.as_str().as_bytes()[3])) % 2_000));
    Road { vehicle, drive, source: "road".into() }
}

/// A world with clusters and crowding, some vehicles not to be had and some bookings picky.
fn world() -> impl Strategy<Value = (Vec<Waiting>, Vec<Seen>)> {
    let spot = prop_oneof![
        2 => (-300.0..300.0_f64, -300.0..300.0_f64),
        1 => (-25_000.0..25_000.0_f64, -25_000.0..25_000.0_f64),
    ];
    let latest = (proptest::option::weighted(0.3, 0..900_i64), proptest::option::weighted(0.4, -600..900_i64), any::<u32>());
    let booking = (spot.clone(), load(), 0..3_u8, 0..900_i64, latest);
    let vehicle = (spot, 0..9_u8, capacity(), 0..12_u8);
    (proptest::collection::vec(booking, 1..14), proptest::collection::vec(vehicle, 0..40)).prop_map(|(bookings, vehicles)| {
        let book = |(n, ((x, y), load, class, age, latest)): (u16, (_, _, _, i64, Personal))| Waiting {
            latest: latest.0.map(|s| NOW + Span::from_secs(s)),
            due: latest.1.map(|s| NOW + Span::from_secs(s)),
            declined: picked(latest.2 % 7, 5),
            roads: picked(latest.2 / 7 % 5, 3).into_iter().map(|vehicle| road(vehicle, latest.2)).collect(),
            load,
            class: (class == 0_u8).then(|| "van".to_owned()),
            since: NOW - Span::from_secs(age),
            ..waiting(n, place(x, y))
        };
        let see = |(n, ((x, y), state, capacity, class)): (u16, (_, u8, Capacity, u8))| Seen {
            jobs_per_hour: f64::from(class) / 4.0,
            skills: if class % 4 == 3 { [].into() } else { ["tail_lift".to_owned()].into() },
            class: if class % 3 == 0 { "bike".into() } else { "van".into() },
            capacity,
            online: state != 0,
            barred: (state == 8).then_some(if class % 2 == 0 { Reason::Asked } else { Reason::Break }),
            soon: (state <= 3).then(|| Soon { at: NOW + Span::from_secs(60 * i64::from(state) - 60), place: place(y, x) }),
            fix_ts: Some(NOW - Span::from_secs(if state == 7 { 900 } else { 0 })),
            availability: match state {
                1..=3 => Availability::EnRoute,
                6 => Availability::OffDuty,
                8 => Availability::Paused,
                _ => Availability::Free,
            },
            ..seen(&format!("v{n:03}"), place(x, y))
        };
        ((0..).zip(bookings).map(book).collect(), (0..).zip(vehicles).map(see).collect())
    })
}

/// The dense optimum's value, in microseconds.
fn dense(waiting: &[Waiting], seen: &[Seen], rules: &Rules) -> i64 {
    // Every pair's cost, told by a plan for that pair alone.
    let (rows, columns) = (waiting.len(), seen.len());
    let never = 1_000_000_000_000_i64;
    let mut weights = pathfinding::matrix::Matrix::new(rows, rows + columns, -1_000 * never);
    for (r, booking) in waiting.iter().enumerate() {
        let all = assign(
            NOW,
            std::slice::from_ref(booking),
            seen,
            &QUIET,
            &Rules { told: usize::MAX, candidates: usize::MAX / 8, ..rules.clone() },
        );
        for candidate in &all.outcomes[0].candidates {
            let column = seen.iter().position(|s| s.id == candidate.vehicle).unwrap();
            weights[(r, column)] = -micros(candidate.cost.as_secs_f64());
        }
        weights[(r, columns + r)] = -never - worth(booking);
    }
    -pathfinding::kuhn_munkres::kuhn_munkres(&weights).0
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of a test world fit")]
fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

/// What serving a booking is worth beside serving one more: with trips of 600 s, patience for nine tenths of one.
fn worth(booking: &Waiting) -> i64 {
    let (patience_s, trip_s) = (540, 600);
    (patience_s + (NOW.since(booking.since).as_millis() / 1_000 - patience_s).max(0)) * 1_000_000 - trip_s * 150_000
}

fn value(plan: &Plan, waiting: &[Waiting]) -> i64 {
    let alone = |o: &&depotd::dispatch::plan::Outcome| o.vehicle.is_none() && o.promised.is_none();
    let worth = |id| worth(waiting.iter().find(|w| w.id == id).unwrap());
    let left: i64 = plan.outcomes.iter().filter(alone).map(|o| 1_000_000_000_000 + worth(o.booking)).sum();
    left + micros(plan.cost.as_secs_f64())
}

proptest! {
    #[test]
    fn a_load_fits_when_no_part_of_it_is_too_much(load in load(), capacity in capacity()) {
        let within = |load: Option<f64>, most: Option<f64>| load.unwrap_or(0.0) <= most.unwrap_or(f64::INFINITY);
        let parts = [
            (Overload::Kg, within(load.kg.map(f64::from), capacity.kg.map(f64::from))),
            (Overload::M3, within(load.m3, capacity.m3)),
            (Overload::Pieces, within(load.pieces.map(f64::from), capacity.pieces.map(f64::from))),
        ];
        prop_assert_eq!(capacity.overload(&load), parts.iter().find(|(_, fits)| !fits).map(|(part, _)| *part));
        let booking = Waiting { load, ..waiting(1, place(0.0, 0.0)) };
        let vehicle = Seen { capacity, ..seen("a", place(0.0, 0.0)) };
        let fits = parts.iter().all(|(_, fits)| *fits);
        prop_assert_eq!(demand(&booking, &vehicle), (!fits).then_some(Reason::Capacity));
        let plan = assign(NOW, std::slice::from_ref(&booking), &[vehicle], &QUIET, &rules(2));
        prop_assert_eq!(plan.assigned == 1, fits);
    }

    #[test]
    fn the_plan_is_the_dense_optimum((waiting, seen) in world(), candidates in 1..5_usize) {
        let rules = rules(candidates);
        let plan = assign(NOW, &waiting, &seen, &QUIET, &rules);
        prop_assert_eq!(plan.gap.as_secs_f64(), 0.0);
        // The tie-break by rank may weigh a microsecond a booking.
        let off = (value(&plan, &waiting) - dense(&waiting, &seen, &rules)).abs();
        prop_assert!(off <= 20, "off by {off} µs");
    }

    #[test]
    fn the_plan_is_feasible((waiting, seen) in world()) {
        let rules = rules(3);
        let plan = assign(NOW, &waiting, &seen, &QUIET, &rules);
        let mut taken = HashSet::new();
        prop_assert_eq!(plan.outcomes.len(), waiting.len());
        for outcome in &plan.outcomes {
            let booking = waiting.iter().find(|w| w.id == outcome.booking).unwrap();
            let out = Survey::new(NOW, &seen, &rules).exclusions(booking, usize::MAX);
            let total: u32 = out.totals.values().sum();
            prop_assert_eq!(usize::try_from(total).unwrap(), out.nearest.len());
            for candidate in &outcome.candidates {
                prop_assert!(out.nearest.iter().all(|e| e.vehicle != candidate.vehicle), "candidate and excluded");
            }
            if let Some(vehicle) = &outcome.vehicle {
                prop_assert!(taken.insert(vehicle.clone()), "{} twice", vehicle);
                prop_assert_eq!(outcome.candidates.iter().filter(|c| c.chosen && c.vehicle == *vehicle).count(), 1);
            }
        }
    }

    #[test]
    fn what_was_recorded_gives_the_same_plan_again((waiting, seen) in world()) {
        let rules = Rules { told: 10, ..rules(3) };
        let plan = assign(NOW, &waiting, &seen, &QUIET, &rules);
        let inputs = Inputs::of(7, NOW, &waiting, &seen, &QUIET, &rules, &plan);
        let back = Inputs::from_bytes(&inputs.to_bytes().unwrap()).unwrap();
        prop_assert_eq!(&back, &inputs);
        let again = back.again();
        prop_assert!(again.differs.is_empty(), "{:?}", again.differs);
        prop_assert_eq!(again.plan.cost, plan.cost);
    }

    #[test]
    fn the_order_of_the_input_does_not_matter((waiting, seen) in world(), seed in any::<u64>()) {
        let rules = rules(3);
        let plan = assign(NOW, &waiting, &seen, &QUIET, &rules);
        let (mut waiting, mut seen) = (waiting, seen);
        shuffle(&mut waiting, seed);
        shuffle(&mut seen, seed ^ 7);
        prop_assert_eq!(plan, assign(NOW, &waiting, &seen, &QUIET, &rules));
    }
}

/// Every booking that nobody gets has a reason, and were that otherwise it could be had: judged for it alone, with vehicles as
/// scarce as they were.
#[test]
fn without_the_reason_that_is_named_a_booking_can_be_had() {
    let told = RefCell::new(HashMap::<&str, u32>::new());
    let worlds = (world(), prop_oneof![1 => Just(QUIET), 3 => Just(RUSH)]);
    let check = |((waiting, seen), lately): ((Vec<Waiting>, Vec<Seen>), Lately)| {
        let rules = rules(3);
        let plan = assign(NOW, &waiting, &seen, &lately, &rules);
        let scarce = lately == RUSH && count(waiting.len()) > rules.scarce_share * count(able_count(NOW, &seen, &rules));
        for outcome in &plan.outcomes {
            let booking = waiting.iter().find(|w| w.id == outcome.booking).unwrap();
            let blocked = Survey::new(NOW, &seen, &rules).blocked(booking);
            let Some(left) = outcome.left(blocked.as_ref()) else { continue };
            let name = can_be_had_without(left, booking, &seen, &lately, &rules, scarce)?;
            *told.borrow_mut().entry(name).or_default() += 1;
        }
        Ok(())
    };
    TestRunner::default().run(&worlds, check).unwrap();
    let told = told.into_inner();
    for name in ["outbid", "scarce", "blocked", "no_vehicles"] {
        assert!(told.get(name).is_some_and(|times| *times >= 10), "{name} hardly ever happens: {told:?}");
    }
}

fn can_be_had_without(
    left: Left<'_>,
    booking: &Waiting,
    seen: &[Seen],
    lately: &Lately,
    rules: &Rules,
    scarce: bool,
) -> Result<&'static str, TestCaseError> {
    let had = |booking: &Waiting, seen: &[Seen], rules: &Rules, scarce: bool| {
        let rules = Rules { scarce_share: if scarce { 0.0 } else { f64::INFINITY }, ..rules.clone() };
        let alone = assign(NOW, std::slice::from_ref(booking), seen, lately, &rules).outcomes.remove(0);
        alone.vehicle.is_some() || alone.promised.is_some()
    };
    match left {
        Left::Outbid => {
            prop_assert!(had(booking, seen, rules, scarce), "nobody else is there, and it cannot be had: {:?}", booking);
            Ok("outbid")
        }
        Left::Scarce => {
            prop_assert!(scarce, "vehicles are not scarce: {:?}", booking);
            prop_assert!(!had(booking, seen, rules, true), "it is the others that keep it: {:?}", booking);
            prop_assert!(had(booking, seen, rules, false), "vehicles are not scarce any more, and it cannot be had: {:?}", booking);
            Ok("scarce")
        }
        Left::NoVehicles => {
            prop_assert!(seen.is_empty());
            Ok("no_vehicles")
        }
        Left::Blocked(Blocked { vehicle, reasons }) => {
            prop_assert!(!had(booking, seen, rules, false), "something else keeps it: {:?}", booking);
            let (mut booking, mut seen, mut rules) = (booking.clone(), seen.to_vec(), rules.clone());
            let vehicle = seen.iter_mut().find(|s| s.id == *vehicle).unwrap();
            reasons.iter().for_each(|reason| drop_constraint(*reason, &mut booking, vehicle, &mut rules));
            // While vehicles are scarce, the one that was kept from it may be too far as well.
            prop_assert!(had(&booking, &seen, &rules, false), "{:?} dropped, and it cannot be had: {:?}", reasons, booking);
            Ok("blocked")
        }
    }
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

fn drop_constraint(reason: Reason, booking: &mut Waiting, vehicle: &mut Seen, rules: &mut Rules) {
    match reason {
        Reason::OffDuty | Reason::Busy => vehicle.availability = Availability::Free,
        Reason::Hours | Reason::Break | Reason::Asked | Reason::Unanswered => vehicle.barred = None,
        Reason::Offline => vehicle.online = true,
        Reason::NoRecentFix => (vehicle.place, vehicle.fix_ts) = (vehicle.place.or(Some(booking.pickup)), Some(NOW)),
        Reason::Class => booking.class = None,
        Reason::Capacity => booking.load = Load::default(),
        Reason::Skills => booking.skills = vec![],
        Reason::Declined => booking.declined = vec![],
        Reason::TooFar => (rules.radius, rules.max_radius) = (Metres(2e7), Metres(2e7)),
        Reason::TooLate => booking.latest = None,
    }
}

fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for i in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let j = usize::try_from(seed >> 33).unwrap() % (i + 1);
        items.swap(i, j);
    }
}

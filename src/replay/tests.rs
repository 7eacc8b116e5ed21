use super::{Figures, Policy, Request, run, starts};
use crate::clock::Clock;
use crate::config;
use crate::model::{Place, Timestamp};
use proptest::prelude::*;

fn place(east_km: f64, north_km: f64) -> Place {
    Place::new(38.7 + north_km / 111.195, -9.1 + east_km / 86.78).unwrap()
}

fn day() -> impl Strategy<Value = Vec<Request>> {
    let request = (0..3_600_i64, -8.0..8.0_f64, -8.0..8.0_f64, -8.0..8.0_f64, -8.0..8.0_f64);
    proptest::collection::vec(request, 1..60).prop_map(|mut day| {
        day.sort_by_key(|r| r.0);
        let at = |s| Timestamp::from_secs(1_700_000_000 + s);
        day.into_iter().map(|(s, a, b, c, d)| Request { asked: at(s), pickup: place(a, b), dropoff: place(c, d) }).collect()
    })
}

fn replay(requests: &[Request], drivers: usize, policy: &str, seed: u64) -> Figures {
    let policy = Policy::named(policy, &config::Dispatch::default()).unwrap();
    let figures = run(requests, &starts(requests, drivers, seed), &policy, &Clock::system(), |_| {});
    Figures { plan_ms_p50: 0.0, plan_ms_p99: 0.0, ..figures }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn everybody_is_served_in_time_or_lost(day in day(), drivers in 1..20_usize, seed in 0..9_u64, which in 0..3_usize) {
        let (name, _) = Policy::ALL[which];
        let figures = replay(&day, drivers, name, seed);
        prop_assert_eq!(figures.served + figures.lost, day.len());
        prop_assert!((0.0..=600.0).contains(&figures.wait_mean_s) && figures.wait_p95_s <= 600.0, "{:?}", figures);
        prop_assert!((0.0..=1.0).contains(&figures.utilisation), "{:?}", figures);
        prop_assert_eq!(figures, replay(&day, drivers, name, seed), "the same again");
    }
}

#[test]
fn one_driver_beside_the_pickup_is_there_at_once() {
    let request = Request { asked: Timestamp::from_secs(1_700_000_000), pickup: place(0.0, 0.0), dropoff: place(0.0, 5.0) };
    let figures = replay(&[request], 1, "batch", 1);
    assert_eq!((figures.served, figures.lost, figures.rounds), (1, 0, 1));
    // The window of ten seconds is all the wait there is.
    assert!((figures.wait_mean_s - 10.0).abs() < 0.01 && figures.empty_km_per_trip < 1e-6, "{figures:?}");
}

#[test]
fn a_driver_who_is_soon_free_next_door_is_waited_for() {
    let at = |s: i64| Timestamp::from_secs(1_700_000_000 + s);
    // The first job ends after 936 s + 60 s where the second begins; the other driver is 2 km away from it.
    let first = Request { asked: at(0), pickup: place(0.0, 0.0), dropoff: place(0.0, 5.0) };
    let second = Request { asked: at(960), pickup: place(0.0, 5.0), dropoff: place(0.0, 6.0) };
    let drivers = [first.pickup, place(2.0, 5.0)];
    let with =
        |name: &str| run(&[first, second], &drivers, &Policy::named(name, &config::Dispatch::default()).unwrap(), &Clock::system(), |_| {});
    assert!(with("default").empty_km_per_trip < 0.1, "{:?}", with("default"));
    assert!(with("batch").empty_km_per_trip > 1.0, "{:?}", with("batch"));
}

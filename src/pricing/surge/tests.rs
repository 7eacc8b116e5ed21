use super::even::neighbours;
use super::*;
use crate::model::Place;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const RULES: SurgeRules = SurgeRules { on: true, floor_per_mille: 850, cap_per_mille: 1_650, step_per_mille: 100 };

fn place(lat: f64, lon: f64) -> Place {
    Place::new(lat, lon).unwrap()
}

fn middle() -> CellIndex {
    cell_of(place(37.77, -122.42))
}

fn seen(at: CellIndex, requests: usize, free: usize) -> Observed {
    let centre = h3o::LatLng::from(at);
    let place = place(centre.lat(), centre.lng());
    let mut observed = Observed::default();
    (0..requests).for_each(|_| observed.request(place));
    (0..free).for_each(|_| observed.free(place));
    observed
}

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

#[test]
fn off_means_one_everywhere() {
    let mut surge = Surge::new(SurgeRules::default(), None);
    assert!(!surge.update(secs(0), &seen(middle(), 50, 0)));
    assert_eq!(surge.at(middle()), off());
    assert_eq!(surge.for_later(&seen(middle(), 50, 0)).at(middle()), off());
    assert_eq!(surge.cells().count(), 0);
}

#[test]
fn a_peak_rises_a_step_a_minute_and_goes_again() {
    let mut surge = Surge::new(RULES, Some("van"));
    let rise: Vec<_> = (0..8)
        .map(|minute| {
            surge.update(secs(minute * 60), &seen(middle(), 60, 4));
            surge.at(middle()).per_mille
        })
        .collect();
    // The cell and its two rings wish for seven steps; three rings from calm cells, that becomes the mean of seven and three.
    assert_eq!(rise, [1_100, 1_200, 1_300, 1_400, 1_500, 1_500, 1_500, 1_500]);
    assert_eq!(surge.at(middle()).reason, "60 requests, 4 vans here; evened out with the cells around");
    for minute in 8..60 {
        surge.update(secs(minute * 60), &Observed::default());
    }
    assert_eq!((surge.at(middle()).per_mille, surge.cells().count(), &surge.smoothed), (1_000, 0, &Observed::default()));
}

#[test]
fn a_whole_town_in_need_reaches_the_cap_and_one_at_rest_the_floor() {
    let everywhere = |requests, free| {
        let mut all = Observed::default();
        for cell in middle().grid_disk::<Vec<_>>(12) {
            let centre = h3o::LatLng::from(cell);
            (0..requests).for_each(|_| all.request(place(centre.lat(), centre.lng())));
            (0..free).for_each(|_| all.free(place(centre.lat(), centre.lng())));
        }
        all
    };
    let after = |observed: &Observed| {
        let mut surge = Surge::new(RULES, Some("van"));
        (0..12).for_each(|minute| {
            surge.update(secs(minute * 60), observed);
        });
        surge.at(middle())
    };
    assert_eq!(after(&everywhere(4, 1)), Factor { per_mille: 1_650, reason: "76 requests, 19 vans here; cap 1.65".into() });
    assert_eq!(after(&everywhere(0, 2)), Factor { per_mille: 850, reason: "0 requests, 38 vans here; floor 0.85".into() });
    assert_eq!(after(&everywhere(2, 2)).per_mille, 1_000);
}

#[test]
fn demand_that_swings_around_an_edge_does_not_flap() {
    let mut surge = Surge::new(RULES, None);
    let swing = |half_minute: i64| {
        let requests = if half_minute % 4 < 2 { 9 } else { 7 };
        surge.update(secs(half_minute * 30), &seen(middle(), requests, 4));
        surge.at(middle()).per_mille
    };
    let factors: Vec<_> = (0..240).map(swing).collect();
    // A quarter of an hour later it has found its height.
    let steady = &factors[30..];
    assert!(steady[0] > 1_200 && steady.iter().all(|factor| *factor == steady[0]), "{factors:?}");
}

#[test]
fn a_clock_that_is_put_back_does_not_stop_it() {
    let mut surge = Surge::new(RULES, None);
    surge.update(secs(100_000), &seen(middle(), 60, 0));
    assert!(!surge.update(secs(5), &seen(middle(), 60, 0)));
    assert!(surge.update(secs(65), &seen(middle(), 60, 0)));
    assert_eq!(surge.at(middle()).per_mille, 1_200);
}

#[test]
fn a_restart_goes_on_where_it_was_and_other_rules_hold_at_once() {
    let mut surge = Surge::new(RULES, None);
    (0..4).for_each(|minute| {
        surge.update(secs(minute * 60), &seen(middle(), 60, 0));
    });
    let kept: Snapshot = serde_json::from_value(serde_json::to_value(surge.snapshot()).unwrap()).unwrap();
    let mut resumed = Surge::resumed(RULES, None, &kept);
    assert!(resumed.cells().eq(surge.cells()) && resumed.cells().count() > 0);
    assert!(!resumed.update(secs(200), &Observed::default()));
    let lower = surge.clone().under(SurgeRules { cap_per_mille: 1_150, step_per_mille: 50, ..RULES });
    assert_eq!(lower.at(middle()).per_mille, 1_150);
    assert!(neighbours(middle()).into_iter().all(|near| lower.at(near).per_mille.abs_diff(1_150) <= 50));
    assert_eq!(surge.under(SurgeRules::default()).at(middle()), off());
    let strange = Snapshot { made_at: None, cells: BTreeMap::from([("x".to_owned(), 1_500), (middle().to_string(), u32::MAX)]) };
    assert!(Surge::resumed(RULES, None, &strange).at(middle()).per_mille <= 1_650);
}

#[test]
fn a_forecast_makes_later_dearer_than_now() {
    let mut expected = Observed::default();
    for cell in middle().grid_disk::<Vec<_>>(6) {
        expected.expect(cell, 2.0);
        expected.expect_free(cell, 1.0);
    }
    let surge = Surge::new(RULES, Some("van"));
    let later = surge.for_later(&expected);
    assert_eq!(surge.at(middle()).per_mille, 1_000);
    assert!(later.at(middle()).per_mille > 1_300, "{:?}", later.at(middle()));
    assert!(later.at(middle()).reason.starts_with("expected: 0 requests and 38 expected soon, 19 vans here"));
    for (cell, factor) in later.cells() {
        assert!(neighbours(cell).into_iter().all(|near| later.at(near).per_mille.abs_diff(factor) <= 100));
    }
}

/// What was seen: seconds since the last time, and where how many requests and free vehicles were.
type History = Vec<(i64, Vec<(usize, usize, usize)>)>;

fn histories() -> impl Strategy<Value = History> {
    let seconds = prop_oneof![1..59_i64, 55..65_i64, 60..900_i64, -500..0_i64];
    let cells = prop::collection::vec((0..91_usize, 0..40_usize, 0..15_usize), 0..12);
    prop::collection::vec((seconds, cells), 1..40)
}

fn rules() -> impl Strategy<Value = SurgeRules> {
    (500..=1_000_u32, 1_000..=2_500_u32, 80..=500_u32).prop_map(|(floor, cap, step)| SurgeRules {
        on: true,
        floor_per_mille: floor,
        cap_per_mille: cap,
        step_per_mille: step,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_history_breaks_the_three_promises(history in histories(), rules in rules(), at_pentagon in any::<bool>()) {
        let pentagon = RESOLUTION.pentagons().next().unwrap();
        let patch: Vec<CellIndex> = (if at_pentagon { pentagon } else { middle() }).grid_disk(5);
        let mut surge = Surge::new(rules, None);
        let mut now = 1_000_000;
        let mut changed_at: BTreeMap<CellIndex, i64> = BTreeMap::new();
        for (passed, cells) in history {
            now += passed;
            // The clock was put back: what changed before may have been a moment ago.
            changed_at.values_mut().for_each(|at| *at = (*at).min(now));
            let mut observed = Observed::default();
            for (at, requests, free) in cells {
                let centre = h3o::LatLng::from(patch[at % patch.len()]);
                (0..requests).for_each(|_| observed.request(place(centre.lat(), centre.lng())));
                (0..free).for_each(|_| observed.free(place(centre.lat(), centre.lng())));
            }
            let before: BTreeMap<_, _> = surge.cells().collect();
            surge.update(secs(now), &observed);
            let after: BTreeMap<_, _> = surge.cells().collect();
            let touched: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
            for cell in touched {
                let (old, new) = (before.get(&cell).copied().unwrap_or(1_000), surge.at(cell).per_mille);
                prop_assert!((rules.floor_per_mille..=rules.cap_per_mille).contains(&new));
                prop_assert!(old.abs_diff(new) <= rules.step_per_mille);
                if old != new {
                    let last = changed_at.insert(cell, now);
                    prop_assert!(last.is_none_or(|last| now - last >= 60), "two changes within a minute");
                }
                for near in neighbours(cell) {
                    prop_assert!(surge.at(near).per_mille.abs_diff(new) <= rules.step_per_mille);
                }
            }
        }
    }

    #[test]
    fn the_same_history_gives_the_same_factors(history in histories(), rules in rules()) {
        let run = || {
            let mut surge = Surge::new(rules, None);
            let mut now = 0;
            for (passed, cells) in &history {
                now += passed;
                let (at, requests, free) = cells.first().copied().unwrap_or((0, 0, 0));
                surge.update(secs(now), &seen(middle().grid_disk::<Vec<_>>(5)[at], requests, free));
            }
            surge.snapshot()
        };
        prop_assert_eq!(run(), run());
    }
}

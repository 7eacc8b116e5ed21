//! The machine, with the time given.

use super::*;
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_ne, proptest};

const CALM: Habits = Habits { speed: 1.0, rests: 0.0, dead_spots: 0.0 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + seconds)
}

fn job(streets: &Streets, rng: &mut Rng, name: &str) -> Job {
    let nodes: Vec<_> = streets.nodes().collect();
    let mut place = || streets.place(nodes[rng.index(nodes.len())]);
    Job { booking: name.into(), pickup: place(), dropoff: place() }
}

fn driver(streets: &Streets, habits: Habits, seed: u64) -> Driver<'_> {
    let stand = streets.nodes().nth(77).unwrap();
    Driver::new(streets, habits, Rng::new(seed, 5), stand, at(0))
}

fn steps(acts: &[Act]) -> Vec<Step> {
    acts.iter().filter_map(|act| if let Act::Step(_, step) = act { Some(*step) } else { None }).collect()
}

#[test]
fn a_job_is_driven_from_pickup_to_dropoff() {
    let streets = Streets::andorra().unwrap();
    let job = job(&streets, &mut Rng::new(4, 4), "b1");
    let mut driver = driver(&streets, CALM, 1);
    let mut all = driver.step(at(1), Input::Job(job.clone()));
    all.extend(driver.step(at(2), Input::Job(job.clone())));
    let mut seen = Vec::new();
    for second in 3..6 * 3600 {
        let acts = driver.step(at(second), Input::Tick);
        if steps(&acts).contains(&Step::PickedUp) {
            seen.push((Step::PickedUp, driver.place().distance(job.pickup).0));
        }
        if steps(&acts).contains(&Step::Delivered) {
            seen.push((Step::Delivered, driver.place().distance(job.dropoff).0));
        }
        all.extend(acts);
        if seen.len() == 2 {
            break;
        }
    }
    assert_eq!(steps(&all), [Step::Arrived, Step::PickedUp, Step::Delivered]);
    assert!(seen.iter().all(|(_, off)| *off < 40.0), "{seen:?}");
    assert_eq!(driver.booking(), None);
}

#[test]
fn a_called_off_job_is_left_and_the_next_one_begun() {
    let streets = Streets::andorra().unwrap();
    let mut rng = Rng::new(9, 1);
    let mut driver = driver(&streets, CALM, 2);
    driver.step(at(1), Input::Job(job(&streets, &mut rng, "b1")));
    driver.step(at(2), Input::Job(job(&streets, &mut rng, "b2")));
    driver.step(at(3), Input::Cancelled("b1".into()));
    assert_eq!(driver.booking(), Some("b2"));
    driver.step(at(10), Input::Tick);
    assert_eq!(driver.task, Task::ToPickup);
    driver.step(at(11), Input::Cancelled("b2".into()));
    assert_eq!(driver.booking(), None);
}

#[test]
fn only_a_real_refusal_ends_a_job() {
    let streets = Streets::andorra().unwrap();
    let mut driver = driver(&streets, CALM, 3);
    driver.step(at(1), Input::Job(job(&streets, &mut Rng::new(1, 2), "b1")));
    let refuse = |step, reason: &str| Input::Rejected("b1".into(), step, reason.into());
    driver.step(at(2), refuse(Step::Arrived, "a booking that is arrived cannot be arrived at"));
    assert_eq!(driver.booking(), Some("b1"));
    driver.step(at(3), Input::Acked("b1".into(), Step::PickedUp));
    driver.step(at(4), refuse(Step::Arrived, "a booking that is picked_up cannot be arrived at"));
    assert_eq!(driver.booking(), Some("b1"));
    driver.step(at(5), refuse(Step::Delivered, "it is not this vehicle's booking"));
    assert_eq!(driver.booking(), None);
}

#[test]
fn a_job_ends_a_break() {
    let streets = Streets::andorra().unwrap();
    let mut driver = driver(&streets, Habits { rests: 1.0, ..CALM }, 4);
    let rest = driver.step(at(300), Input::Tick);
    assert!(rest.contains(&Act::Work(false)));
    let woken = driver.step(at(301), Input::Job(job(&streets, &mut Rng::new(2, 2), "b1")));
    assert!(woken.contains(&Act::Work(true)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_vehicle_never_leaps_and_reports_in_order(seed in 0_u64..1_000, gaps in proptest::collection::vec(1_i64..9, 50..300)) {
        let streets = Streets::andorra().unwrap();
        let habits = Habits { speed: 5.0, rests: 0.2, dead_spots: 0.2 };
        let (mut driver, mut rng) = (driver(&streets, habits, seed), Rng::new(seed, 6));
        let (mut second, mut last, mut on_duty) = (0, None::<Report>, true);
        for (turn, gap) in gaps.into_iter().enumerate() {
            second += gap;
            let input = match rng.index(12) {
                0 => Input::Job(job(&streets, &mut rng, &format!("b{turn}"))),
                1 => Input::Cancelled(driver.booking().unwrap_or("none").to_owned()),
                _ => Input::Tick,
            };
            for act in driver.step(at(second), input) {
                match act {
                    Act::Fix(report) => {
                        if let Some(last) = &last {
                            let seconds = (report.ts - last.ts).as_secs_f64();
                            prop_assert!(seconds > 0.0);
                            prop_assert!(report.place.distance(last.place).0 <= 110.0 / 3.6 * 5.0 * seconds + 5.0);
                        }
                        last = Some(report);
                    }
                    Act::Work(on) => {
                        prop_assert_ne!(on, on_duty);
                        on_duty = on;
                    }
                    Act::Step(..) | Act::LoseLine(_) => {}
                }
            }
            prop_assert!(on_duty || driver.booking().is_none());
        }
    }
}

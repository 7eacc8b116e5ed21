//! A simulated day: vans in the streets of Andorra, and customers who order them.

use super::commands;
use super::day::{self, Day};
use super::depot::{self, Depot, Refused, Registration};
use super::driver::{Act, Driver, Habits, Input};
use super::rng::Rng;
use super::session::{Event, Session};
use super::streets::Streets;
use crate::clock::Clock;
use crate::model::Span;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// What kind of day it is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many vehicles.
    pub vehicles: usize,
    /// Simulated seconds in a second.
    pub speed: f64,
    /// The same seed gives the same stands, habits and orders.
    pub seed: u64,
}

/// How often each vehicle lives on.
const TICK: Duration = Duration::from_millis(500);
/// Registrations under way at once.
const REGISTRARS: usize = 4;
/// Customers wait for this many vehicles, or for all when there are fewer.
const OPEN_WITH: usize = 6;

struct Scene {
    depot: Depot,
    streets: Arc<Streets>,
    options: Options,
    clock: Clock,
    registrars: Semaphore,
    online: watch::Sender<usize>,
}

/// Plays the day until it is dropped. It ends by itself only when the depot refuses a vehicle.
pub async fn run(depot: Depot, streets: Arc<Streets>, options: Options, clock: Clock) -> Result<Infallible, Refused> {
    let (online, _) = watch::channel(0);
    let scene = Arc::new(Scene { depot, streets, options, clock, registrars: Semaphore::new(REGISTRARS), online });
    let mut tasks = JoinSet::new();
    tasks.spawn(customers(scene.clone()));
    for (number, lane) in (0..options.vehicles).zip(1_u64..) {
        tasks.spawn(vehicle(scene.clone(), registration(number), lane));
    }
    loop {
        match tasks.join_next().await {
            Some(Ok(Err(refused))) => return Err(refused),
            Some(Err(fault)) => tracing::error!(%fault, "a part of the demo fell over"),
            Some(Ok(Ok(()))) => {}
            None => std::future::pending().await,
        }
    }
}

/// Mostly vans, some trucks and cars.
fn registration(number: usize) -> Registration {
    let (prefix, class, capacity_kg) = match number % 10 {
        3 | 8 => ("TRUCK", "truck", 3_500),
        6 => ("CAR", "car", 250),
        _ => ("VAN", "van", 900),
    };
    Registration { id: format!("{prefix}-{:02}", number + 1), class, capacity_kg }
}

/// Names enough for any fleet: the same again with a number after the last of them.
fn name(lane: u64) -> String {
    const FIRST: [&str; 12] = ["Ana", "Biel", "Carme", "Dídac", "Elna", "Ferran", "Gemma", "Hug", "Iris", "Jofre", "Laia", "Martí"];
    const LAST: [&str; 11] = ["Areny", "Bonet", "Cerqueda", "Duró", "Farràs", "Grau", "Mora", "Naudi", "Pal", "Riba", "Torres"];
    let number = usize::try_from(lane.saturating_sub(1)).unwrap_or(0);
    let again = number / (FIRST.len() * LAST.len());
    let name = format!("{} {}", FIRST[number % FIRST.len()], LAST[number % LAST.len()]);
    if again == 0 { name } else { format!("{name} {}", again + 1) }
}

async fn customers(scene: Arc<Scene>) -> Result<(), Refused> {
    let enough = OPEN_WITH.min(scene.options.vehicles);
    let opened = scene.online.subscribe().wait_for(|n| *n >= enough).await.is_ok();
    let (start, run) = (scene.clock.now(), scene.clock.now().as_millis());
    let Options { speed, seed, vehicles } = scene.options;
    for (wish, number) in Day::new(&scene.streets, seed, vehicles).zip(1_u64..) {
        if !opened {
            break;
        }
        let due = start + span(wish.at_s / speed);
        tokio::time::sleep((due - scene.clock.now()).as_duration()).await;
        let pickup_at = wish.lead_s.map(|lead| scene.clock.now() + span(lead / speed));
        let key = format!("demo-{seed}-{run}-{number}");
        if let Err(error) = scene.depot.book(&key, &depot::order(&wish, pickup_at)).await {
            tracing::warn!(%error, key, "an order was refused");
        }
    }
    Ok(())
}

#[expect(clippy::cast_possible_truncation, reason = "a day in milliseconds fits")]
fn span(seconds: f64) -> Span {
    Span::from_millis((seconds * 1000.0) as i64)
}

async fn vehicle(scene: Arc<Scene>, registration: Registration, lane: u64) -> Result<(), Refused> {
    let (credential, person) = {
        let _turn = scene.registrars.acquire().await;
        let credential = scene.depot.register(&registration).await?;
        (credential, scene.depot.hire(&name(lane), &registration.id).await?)
    };
    let Options { speed, seed, .. } = scene.options;
    let Some(stand) = day::stands(&scene.streets, seed, lane)() else { return Ok(()) };
    let habits = Habits { speed, rests: 0.05, dead_spots: 0.04 };
    let mut driver = Driver::new(&scene.streets, habits, Rng::new(seed, lane << 8), stand, scene.clock.now());
    let mut session = Session::new(&registration.id, credential, scene.depot.target(), Rng::new(seed, lane << 9));
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = false;
    loop {
        let input = tokio::select! {
            event = session.next() => match event {
                Event::Command(message) => commands::read(&message),
                Event::Online => {
                    if !std::mem::replace(&mut seen, true) {
                        scene.online.send_modify(|n| *n += 1);
                    }
                    None
                }
                Event::Offline(error) => {
                    tracing::debug!(vehicle = registration.id, error, "the line is gone");
                    None
                }
                Event::Acked(_) => None,
            },
            _ = tick.tick() => Some(Input::Tick),
        };
        let Some(input) = input else { continue };
        for act in driver.step(scene.clock.now(), input) {
            carry_out(&scene, &person, &mut session, act).await;
        }
    }
}

async fn carry_out(scene: &Scene, person: &str, session: &mut Session, act: Act) {
    match act {
        Act::Fix(report) => {
            let fix = json!({
                "ts": report.ts.as_millis(), "lat": rounded(report.place.lat(), 1e6), "lon": rounded(report.place.lon(), 1e6),
                "speed_kmh": rounded(report.kmh, 10.0), "course": rounded(report.course, 10.0), "accuracy_m": 5, "ignition": report.ignition,
            });
            session.publish("gps", fix.to_string().into_bytes());
        }
        Act::Step(booking, step) => {
            let report = json!({"booking_id": booking, "step": step.as_str(), "at": scene.clock.now()});
            session.publish("step", report.to_string().into_bytes());
        }
        Act::Work(on) => {
            if let Err(error) = scene.depot.pause(person, !on).await {
                tracing::warn!(driver = person, %error, "the break did not change");
            }
        }
        Act::LoseLine(span) => session.lose_line(span.as_duration()),
    }
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

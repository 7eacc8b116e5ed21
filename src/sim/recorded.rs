//! A recorded day over the real wire: each cab an MQTT session of its own, each trip a booking over HTTP.

use super::commands;
use super::depot::{self, Depot, Refused, Registration};
use super::errands::Errands;
use super::rng::Rng;
use super::session::{Event, Session};
use super::traces::{Sample, TimeMap, Traces, Trips, strictly};
use crate::clock::Clock;
use crate::model::{Place, Span, Timestamp, VehicleId};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

/// What is replayed, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the cabs were.
    pub traces: Traces,
    /// Trips to order as bookings at their pickup times; those before the first position are left out.
    pub trips: Option<Trips>,
    /// Recorded seconds in a second.
    pub speed: f64,
    /// Fixes carry their recorded times, and so are history; else they are mapped to the wall clock.
    pub original_times: bool,
    /// Told of every fix that the depot acknowledged.
    pub observer: Option<mpsc::UnboundedSender<Stored>>,
}

/// A fix that the depot acknowledged, and so promised to keep.
#[derive(Clone, PartialEq, Debug)]
pub struct Stored {
    /// Whose.
    pub vehicle: VehicleId,
    /// The time it carried.
    pub ts: Timestamp,
    /// Where.
    pub place: Place,
}

/// Registrations under way at once.
const REGISTRARS: usize = 4;
/// Longest wait without looking at the clock again.
const LOOK_UP: Span = Span::from_secs(60);

struct Scene {
    depot: Depot,
    clock: Clock,
    map: TimeMap,
    original_times: bool,
    observer: Option<mpsc::UnboundedSender<Stored>>,
    registrars: Semaphore,
    over: mpsc::UnboundedSender<()>,
}

/// Replays until every position is acknowledged; then all sessions end. How many positions that were.
pub async fn run(depot: Depot, options: Options, clock: Clock) -> Result<usize, Refused> {
    let (count, cabs) = (options.traces.len(), options.traces.vehicles.len());
    let map = TimeMap { start: clock.now(), first: options.traces.first().unwrap_or(0), speed: options.speed };
    let (over, mut ends) = mpsc::unbounded_channel();
    let scene = Arc::new(Scene {
        depot,
        clock,
        map,
        original_times: options.original_times,
        observer: options.observer,
        registrars: Semaphore::new(REGISTRARS),
        over,
    });
    let mut tasks = JoinSet::new();
    for ((vehicle, samples), lane) in options.traces.vehicles.into_iter().zip(1_u64..) {
        tasks.spawn(cab(scene.clone(), vehicle, samples, lane));
    }
    if let Some(trips) = options.trips {
        tasks.spawn(riders(scene.clone(), trips));
    }
    let mut done = 0;
    while done < cabs {
        tokio::select! {
            Some(()) = ends.recv() => done += 1,
            Some(end) = tasks.join_next() => match end {
                Ok(Err(refused)) => return Err(refused),
                Err(fault) => tracing::error!(%fault, "a part of the replay fell over"),
                Ok(Ok(())) => {}
            },
        }
    }
    Ok(count)
}

async fn riders(scene: Arc<Scene>, Trips(trips): Trips) -> Result<(), Refused> {
    for trip in trips.iter().filter(|trip| trip.pickup_ts >= scene.map.first) {
        let due = scene.map.plays_at(trip.pickup_ts);
        tokio::time::sleep((due - scene.clock.now()).as_duration()).await;
        let order = json!({"pickup": depot::end(trip.pickup), "dropoff": depot::end(trip.dropoff), "notes": trip.id});
        let key = format!("trip-{}-{}", scene.map.start.as_millis(), trip.id);
        if let Err(error) = scene.depot.book(&key, &order).await {
            tracing::warn!(%error, trip = trip.id, "an order was refused");
        }
    }
    Ok(())
}

/// A cab under way.
struct Cab {
    scene: Arc<Scene>,
    vehicle: VehicleId,
    samples: Vec<Sample>,
    /// When each position is played.
    plays: Vec<Timestamp>,
    /// The time each carries.
    stamps: Vec<Timestamp>,
    /// How many were played.
    played: usize,
    /// Which position has which number in the session.
    unacked: HashMap<u64, usize>,
    errands: Errands,
    told: bool,
}

async fn cab(scene: Arc<Scene>, vehicle: VehicleId, samples: Vec<Sample>, lane: u64) -> Result<(), Refused> {
    let registration = Registration { id: vehicle.to_string(), class: "cab", capacity_kg: 500 };
    let credential = {
        let _turn = scene.registrars.acquire().await;
        scene.depot.register(&registration).await?
    };
    let mut session = Session::new(vehicle.as_str(), credential, scene.depot.target(), Rng::new(1, lane));
    let plays = scene.map.track(&samples);
    let stamps = if scene.original_times { strictly(samples.iter().map(|s| Timestamp::from_secs(s.ts))) } else { plays.clone() };
    let (unacked, errands) = (HashMap::new(), Errands::default());
    let mut cab = Cab { scene, vehicle, samples, plays, stamps, played: 0, unacked, errands, told: false };
    loop {
        let wait = cab.wait();
        tokio::select! {
            event = session.next() => cab.hear(event),
            () = tokio::time::sleep(wait.as_duration()) => cab.act(&mut session),
        }
    }
}

impl Cab {
    fn wait(&self) -> Span {
        let due = self.plays.get(self.played).copied().into_iter().chain(self.errands.next()).min();
        let now = self.scene.clock.now();
        due.map_or(LOOK_UP, |due| (due - now).min(LOOK_UP))
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Acked(number) => {
                if let (Some(at), Some(observer)) = (self.unacked.remove(&number), &self.scene.observer) {
                    let stored = Stored { vehicle: self.vehicle.clone(), ts: self.stamps[at], place: self.samples[at].place };
                    // An observer that went away wants to know no more.
                    let _ = observer.send(stored);
                }
                let is_over = self.played == self.samples.len() && self.unacked.is_empty();
                if is_over && !std::mem::replace(&mut self.told, true) {
                    let _ = self.scene.over.send(());
                }
            }
            Event::Command(message) => {
                let here = self.samples[self.played.saturating_sub(1)].place;
                if let Some(input) = commands::read(&message) {
                    self.errands.hear(self.scene.clock.now(), here, self.scene.map.speed, input);
                }
            }
            Event::Offline(error) => tracing::debug!(vehicle = %self.vehicle, error, "the line is gone"),
            Event::Online => {}
        }
    }

    /// Publishes what is due.
    fn act(&mut self, session: &mut Session) {
        let now = self.scene.clock.now();
        while self.plays.get(self.played).is_some_and(|at| *at <= now) {
            let sample = self.samples[self.played];
            let mut fix = json!({"ts": self.stamps[self.played].as_millis(), "lat": sample.place.lat(), "lon": sample.place.lon()});
            if let Some(occupied) = sample.occupied {
                fix["occupied"] = occupied.into();
            }
            self.unacked.insert(session.publish("gps", fix.to_string().into_bytes()), self.played);
            self.played += 1;
        }
        while let Some((booking, step)) = self.errands.due(now) {
            let report = json!({"booking_id": booking, "step": step.as_str(), "at": now});
            session.publish("step", report.to_string().into_bytes());
        }
    }
}

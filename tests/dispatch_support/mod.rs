//! A depot's database, fleet and dispatcher in one process, with a clock to be moved.
#![allow(dead_code, clippy::allow_attributes, reason = "each test file uses its part")]

use depotd::bookings::{Bookings, Page, PlaceRequest};
use depotd::clock::Clock;
use depotd::config::Config;
use depotd::dispatch::Dispatch;
use depotd::drivers::Drivers;
use depotd::fleet::Fleet;
use depotd::model::{Actor, Booking, BookingId, Capacity, Fix, Flags, Kind, Order, Place, Site, Timestamp, Vehicle, VehicleId};
use depotd::store::{self, Db, journal, vehicles};
use serde_json::Value;
use std::path::Path;

/// When every test begins.
pub const START: Timestamp = Timestamp::from_secs(1_700_000_000);

/// What a process holds of a depot.
pub struct Depot {
    pub db: Db,
    pub fleet: Fleet,
    pub bookings: Bookings,
    pub dispatch: Dispatch,
    pub clock: Clock,
}

pub fn id(name: &str) -> VehicleId {
    VehicleId::new(name).unwrap()
}

pub fn place(east: f64) -> Place {
    Place::new(38.7, -9.1 + east / 86_780.0).unwrap()
}

impl Depot {
    pub fn open(dir: &Path, clock: Clock) -> Self {
        Self::open_with(dir, clock, |_| {})
    }

    /// With other settings of the dispatcher.
    pub fn open_with(dir: &Path, clock: Clock, set: impl FnOnce(&mut depotd::config::Dispatch)) -> Self {
        let mut config = Config::default();
        config.dispatch.gather_ms = 20;
        set(&mut config.dispatch);
        let db = Db::open(dir).unwrap();
        let fleet = Fleet::new(&config.fleet);
        let bookings = Bookings::new(db.clone(), &config, clock.clone());
        let drivers = Drivers::new(db.clone(), &config, clock.clone());
        let etas = bookings.ways().clone();
        let dispatch = Dispatch::new(bookings.clone(), &drivers, db.clone(), fleet.clone(), etas, &config, clock.clone());
        Self { db, fleet, bookings, dispatch, clock }
    }

    /// Registers a vehicle, on duty unless said otherwise.
    pub async fn register(&self, name: &str, on_duty: bool) {
        let vehicle = Vehicle { capacity: Capacity { kg: Some(800), ..Capacity::default() }, on_duty, ..Vehicle::new(id(name), "van") };
        let register = move |tx: &rusqlite::Transaction<'_>| {
            vehicles::insert(tx, &vehicle, START)?;
            let (kind, actor) = (Kind::VehicleChanged, &Actor::System);
            let event = journal::NewEvent { at: START, kind, actor, booking: None, vehicle: Some(&vehicle.id), data: "{}" };
            journal::append(tx, &event).map(|_| ())
        };
        self.db.write::<_, store::Error>(register).await.unwrap();
    }

    /// The vehicle's device connects and reports where it is.
    pub fn appear(&self, name: &str, east: f64) {
        let now = self.clock.now();
        self.fleet.set_online(&id(name), true, now);
        self.fleet.observe(&Fix {
            vehicle: id(name),
            ts: now,
            received: now,
            place: place(east),
            speed_kmh: None,
            course: None,
            accuracy_m: None,
            ignition: None,
            battery: None,
            flags: Flags::default(),
            extras: None,
        });
    }

    /// A vehicle that can take work.
    pub async fn ready(&self, name: &str, east: f64) {
        self.register(name, true).await;
        self.appear(name, east);
    }

    pub async fn place(&self, east: f64) -> BookingId {
        self.place_at(east, None).await
    }

    pub async fn place_at(&self, east: f64, pickup_at: Option<Timestamp>) -> BookingId {
        let order = Order::new(Site::at(place(east)), Site::at(place(east + 3_000.0)));
        let request = PlaceRequest::from(Order { pickup_at, ..order });
        self.bookings.place(request, Actor::System, None).await.unwrap().booking.id
    }

    pub async fn get(&self, booking: BookingId) -> Booking {
        self.bookings.get(booking).await.unwrap()
    }

    pub async fn vehicle_of(&self, booking: BookingId) -> Option<String> {
        self.get(booking).await.vehicle.map(|v| v.to_string())
    }

    /// The records of a booking, newest first.
    pub async fn records(&self, booking: BookingId) -> Vec<Value> {
        self.bookings.rounds(booking, Page { cursor: None, limit: 50 }).await.unwrap().items
    }

    pub async fn assigned_events(&self) -> Vec<(BookingId, VehicleId)> {
        let events = self.db.read(|c| journal::after(c, 0, 10_000)).await.unwrap();
        let assigned = events.into_iter().filter(|e| e.kind == Kind::BookingAssigned);
        assigned.map(|e| (e.booking.unwrap(), e.vehicle.unwrap())).collect()
    }
}

pub fn depot() -> (tempfile::TempDir, Depot) {
    let dir = tempfile::tempdir().unwrap();
    let depot = Depot::open(dir.path(), Clock::manual(START));
    (dir, depot)
}

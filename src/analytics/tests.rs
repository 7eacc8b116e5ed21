//! The rollups over a real database: what they say is what a recount says, whatever was cut short.

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::{
    Actor, Booking, BookingId, Currency, Dimension, Driver, DriverId, Fare, Kind, Measure, Measures, Money, Order, Origin, Place, Site,
    Span, Status, Step as Act, Timestamp, Vehicle, VehicleId, Window,
};
use crate::pricing::{Line, LineKind};
use crate::store::{self, Db, bookings, cursors, drivers, duty, journal, rollups as sums, vehicles};
use crate::tariffs::Bill;
use rusqlite::Transaction;

const START: Timestamp = Timestamp::from_secs(1_780_041_600);
const CREW: [&str; 6] = ["v0", "v1", "v2", "v3", "v4", "v5"];

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

/// A depot in which anything happens.
struct World {
    dice: Dice,
    now: Timestamp,
    bookings: Vec<BookingId>,
    drivers: Vec<DriverId>,
}

impl World {
    fn event(&mut self, tx: &Transaction<'_>) -> store::Result<()> {
        self.now = self.now + Span::from_secs(i64::try_from(self.dice.below(90)).unwrap());
        match self.dice.below(10) {
            0 | 1 => self.place(tx),
            2 => self.duty(tx),
            3 => self.vehicle_duty(tx),
            _ => self.step(tx),
        }
    }

    fn say(&self, tx: &Transaction<'_>, kind: Kind, booking: Option<BookingId>, vehicle: Option<&VehicleId>) -> store::Result<()> {
        let event = journal::NewEvent { at: self.now, kind, actor: &Actor::System, booking, vehicle, data: "{}" };
        journal::append(tx, &event).map(drop)
    }

    fn place(&mut self, tx: &Transaction<'_>) -> store::Result<()> {
        let id = BookingId::generate(self.now, [u8::try_from(self.bookings.len() % 251).unwrap(); 10]);
        let site = Site::at(Place::new(42.5 + f64::from(u8::try_from(self.dice.below(40)).unwrap()) / 200.0, 1.5).unwrap());
        let later = Span::from_secs(i64::try_from(self.dice.below(3) * 5_000).unwrap());
        let order = Order {
            pickup_at: Some(self.now + later),
            expires_at: Some(self.now + later + Span::from_secs(3_600)),
            customer: ["Ana", "Bo"].get(self.dice.below(3)).map(|name| (*name).to_owned()),
            ..Order::new(site.clone(), site)
        };
        let currency = Currency::new(["EUR", "CHF"][self.dice.below(2)]).unwrap();
        let fare = Fare { price: Money { amount_minor: 900, currency }, distance_m: 4_000, duration_s: 600 };
        let new = bookings::New { id, status: Status::Waiting, order: &order, fare, origin: Origin::Depot, recurrence: None };
        bookings::insert(tx, &new, self.now)?;
        // Bookings of long ago have no bill.
        if let Some(surge_per_mille) = [850, 1_000, 1_250, 1_500].get(self.dice.below(5)).copied() {
            let surge = i64::from(surge_per_mille) - 1_000;
            let line = |kind, amount_minor| Line { kind, label: String::new(), amount_minor };
            let lines = vec![line(LineKind::Base, 900 - surge), line(LineKind::Surge, surge)];
            Bill { tariff_version: 1, lines, tax_minor: 0, surge_per_mille, promo_code: None }.keep(tx, id)?;
        }
        self.bookings.push(id);
        self.say(tx, Kind::BookingPlaced, Some(id), None)
    }

    fn step(&mut self, tx: &Transaction<'_>) -> store::Result<()> {
        let recent = self.bookings.len().min(12);
        if recent == 0 {
            return self.place(tx);
        }
        // Jobs under way go on, or nothing would ever be delivered.
        let jobs = bookings::under_way(tx, CREW.len())?;
        let booking = match jobs.into_iter().next().filter(|_| self.dice.below(3) > 0) {
            Some(job) => job,
            None => bookings::get(tx, self.bookings[self.bookings.len() - 1 - self.dice.below(recent)])?.unwrap(),
        };
        let id = booking.id;
        let rare = Act::ALL[self.dice.below(Act::ALL.len())];
        let on = [Act::Assign, Act::Arrived, Act::PickedUp, Act::Delivered].into_iter().find(|step| booking.status.after(*step).is_ok());
        let step = on.filter(|_| self.dice.below(5) > 0).unwrap_or(rare);
        let Ok(status) = booking.status.after(step) else { return Ok(()) };
        let free = CREW[self.dice.below(CREW.len())].parse::<VehicleId>().unwrap();
        if step == Act::Assign && bookings::active_of(tx, &free)?.is_some() {
            return Ok(());
        }
        let mut next = Booking { status, version: booking.version + 1, updated_at: self.now, ..booking.clone() };
        let now = Some(self.now);
        match step {
            Act::Assign => (next.vehicle, next.assigned_at) = (Some(free), now),
            Act::Unassign | Act::Reopen => {
                (next.vehicle, next.assigned_at, next.arrived_at, next.picked_up_at, next.ended_at) = (None, None, None, None, None);
            }
            Act::Arrived => next.arrived_at = now,
            Act::PickedUp => next.picked_up_at = now,
            Act::Delivered => next.delivered_at = now,
            Act::Cancel | Act::Failed | Act::Expire => next.ended_at = now,
            _ => {}
        }
        assert!(bookings::update(tx, &next, booking.version)?);
        self.say(tx, Kind::BookingChanged, Some(id), next.vehicle.as_ref())
    }

    fn duty(&mut self, tx: &Transaction<'_>) -> store::Result<()> {
        let who = self.dice.below(self.drivers.len());
        let vehicle: VehicleId = CREW[who].parse().unwrap();
        match duty::of_driver(tx, self.drivers[who])? {
            Some(on) if self.dice.below(2) == 0 => {
                duty::end(tx, &on, self.now)?;
                self.say(tx, Kind::DutyEnded, None, Some(&vehicle))
            }
            Some(on) if duty::start_break(tx, &on, self.now)? => self.say(tx, Kind::BreakStarted, None, Some(&vehicle)),
            Some(on) => {
                duty::end_break(tx, &on, self.now)?;
                self.say(tx, Kind::BreakEnded, None, Some(&vehicle))
            }
            None => {
                duty::start(tx, self.drivers[who], &vehicle, self.now)?;
                self.say(tx, Kind::DutyStarted, None, Some(&vehicle))
            }
        }
    }

    fn vehicle_duty(&mut self, tx: &Transaction<'_>) -> store::Result<()> {
        let id: VehicleId = CREW[3 + self.dice.below(3)].parse().unwrap();
        let was = vehicles::get(tx, &id)?.unwrap();
        let vehicle = Vehicle { on_duty: !was.on_duty, ..was };
        vehicles::update(tx, &vehicle)?;
        vehicles::announce(tx, Kind::VehicleDutyChanged, &vehicle, &Actor::System, self.now)
    }
}

async fn populated(db: &Db) -> World {
    let register = |tx: &Transaction<'_>| {
        for name in CREW {
            vehicles::insert(tx, &Vehicle::new(name.parse().unwrap(), if name < "v3" { "van" } else { "truck" }), START)?;
        }
        let driver = |n| Driver {
            id: DriverId::of_row(n),
            name: format!("driver {n}"),
            phone: None,
            email: None,
            skills: Vec::new(),
            user: None,
            max_day: None,
            max_week: None,
            active: true,
            created_at: START,
            updated_at: START,
            version: 1,
        };
        (1..4).map(|n| Ok(drivers::insert(tx, &driver(n))?.id)).collect::<store::Result<Vec<DriverId>>>()
    };
    let drivers = db.write::<_, store::Error>(register).await.unwrap();
    World { dice: Dice(7), now: START, bookings: Vec::new(), drivers }
}

async fn open(db: &Db) -> Rollups {
    Rollups::open(db.clone(), None, Config::default(), Clock::manual(START)).await.unwrap()
}

async fn all(db: &Db) -> Vec<(sums::Key, Measures)> {
    db.read(sums::all).await.unwrap()
}

#[tokio::test]
async fn sums_equal_a_recount_after_ten_thousand_events_with_crashes_between() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = Db::open(dir.path()).unwrap();
    let (mut world, mut rollups) = (populated(&db).await, open(&db).await);
    let mut crash = Dice(11);
    let mut events = 0;
    while events < 10_000 {
        let many = 1 + world.dice.below(120);
        let (back, passed) = tokio::sync::oneshot::channel();
        db.write::<_, store::Error>(move |tx| {
            (0..many).try_for_each(|_| world.event(tx))?;
            drop(back.send(world));
            Ok(())
        })
        .await
        .unwrap();
        (world, events) = (passed.await.unwrap(), events + many);
        match crash.below(4) {
            0 => {}
            1 => {
                let before = all(&db).await;
                rollups.step_and_crash().await;
                assert_eq!(all(&db).await, before, "half a batch counts");
                drop((rollups, db));
                db = Db::open(dir.path()).unwrap();
                rollups = open(&db).await;
            }
            2 => drop(rollups.step().await.unwrap()),
            _ => rollups.catch_up().await.unwrap(),
        }
    }
    rollups.catch_up().await.unwrap();
    let kept = all(&db).await;
    rollups.rebuild().await.unwrap();
    assert!(all(&db).await.is_empty());
    rollups.catch_up().await.unwrap();
    assert_eq!(kept, all(&db).await);

    let (from, until) = (START - Span::from_secs(7_200), world.now + Span::from_secs(86_400));
    let by_hand = "select count(*), sum(status = 'delivered'), sum(iif(status = 'delivered', price_minor, 0)), sum(customer = 'Ana'),
        sum(iif(vehicle_id = 'v1' and arrived_at is not null, max(0, arrived_at - pickup_at) / 1000, 0)) from bookings";
    let read = |c: &rusqlite::Connection| {
        let row = |r: &rusqlite::Row<'_>| Ok([0, 1, 2, 3, 4].map(|column| r.get::<_, i64>(column).unwrap()));
        Ok::<_, store::Error>(c.query_row(by_hand, [], row)?)
    };
    let counted = db.read(read).await.unwrap();
    let sum = async |dimension, key: &'static str, measure| {
        let rows = db.read(move |c| sums::total(c, dimension, Some(key), from, until)).await.unwrap();
        rows.iter().map(|(_, amounts)| amounts[measure]).sum::<i64>()
    };
    let summed = [
        sum(Dimension::All, "", Measure::Bookings).await,
        sum(Dimension::All, "", Measure::Delivered).await,
        sum(Dimension::All, "", Measure::Revenue).await,
        sum(Dimension::Customer, "Ana", Measure::Bookings).await,
        sum(Dimension::Vehicle, "v1", Measure::WaitSeconds).await,
    ];
    assert_eq!(summed[..4], counted[..4]);
    let surged =
        "select sum(surge_per_mille > 1000), sum(surge_per_mille - 1000), sum(iif(status = 'delivered', surge_per_mille - 1000, 0))
        from bills join bookings on id = booking_id";
    let read = |c: &rusqlite::Connection| {
        let row = |r: &rusqlite::Row<'_>| Ok([0, 1, 2].map(|column| r.get::<_, i64>(column).unwrap()));
        Ok::<_, store::Error>(c.query_row(surged, [], row)?)
    };
    let [bookings, above, minor] = db.read(read).await.unwrap();
    let figures = rollups.summary(Question { time: Window { from, until }, of: None }).await.unwrap().figures;
    assert!(bookings > 100 && minor > 1_000, "{figures:?}");
    assert_eq!((figures.surged, figures.surge.iter().map(|money| money.amount_minor).sum::<i64>()), (bookings, minor));
    let mean = 1.0 + f64::from(i32::try_from(above).unwrap()) / 1_000.0 / f64::from(i32::try_from(counted[0]).unwrap());
    assert!((figures.surge_mean.unwrap() - mean).abs() < 1e-9, "{figures:?} {mean}");
    assert!(summed[1] > 100 && summed[4] > 0, "{summed:?}: too little happened to prove anything");
    assert!(sum(Dimension::All, "", Measure::DutySeconds).await > 0 && sum(Dimension::Driver, "D-1001", Measure::DutySeconds).await > 0);
}

#[tokio::test]
async fn what_goes_on_counts_until_now_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path()).unwrap();
    let world = populated(&db).await;
    let clock = Clock::manual(START + Span::from_secs(1_800));
    let rollups = Rollups::open(db.clone(), None, Config::default(), clock.clone()).await.unwrap();
    let (driver, v0): (_, VehicleId) = (world.drivers[0], "v0".parse().unwrap());
    let vehicle = v0.clone();
    let begin = move |tx: &Transaction<'_>| {
        duty::start(tx, driver, &vehicle, START)?;
        world.say(tx, Kind::DutyStarted, None, Some(&vehicle))
    };
    db.write::<_, store::Error>(begin).await.unwrap();
    rollups.catch_up().await.unwrap();
    let time = Window { from: START - Span::from_secs(3_600), until: START + Span::from_secs(7_200) };
    let duty_s = async || rollups.summary(Question { time, of: None }).await.unwrap().figures.duty_s;
    assert_eq!(duty_s().await, 1_800);
    let end = move |tx: &Transaction<'_>| {
        let on = duty::of_driver(tx, driver)?.unwrap();
        duty::end(tx, &on, START + Span::from_secs(1_900))?;
        let at = START + Span::from_secs(1_900);
        let event = journal::NewEvent { at, kind: Kind::DutyEnded, actor: &Actor::System, booking: None, vehicle: Some(&v0), data: "{}" };
        journal::append(tx, &event).map(drop)
    };
    db.write::<_, store::Error>(end).await.unwrap();
    rollups.catch_up().await.unwrap();
    assert_eq!(duty_s().await, 1_900);
    let points = rollups.series(Question { time, of: Some((Dimension::Driver, driver.to_string())) }, Step::Hour).await.unwrap().unwrap();
    assert_eq!(points.iter().map(|p| p.figures.duty_s).sum::<i64>(), 1_900);
    assert_eq!(points.len(), 3);
    assert_eq!(db.read(|c| cursors::get(c, rollups::NAME)).await.unwrap(), rollups.cursor());
}

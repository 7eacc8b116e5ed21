//! Duty over a real database.

use super::*;
use crate::bookings::ByHand;
use crate::model::{Currency, Fare, Kind, Money, Order, Origin, Pause, Place, Site, Status, Step, Vehicle, VehicleId, Window};
use crate::store::{audit, bookings, duty, journal, vehicles};

const START: Timestamp = Timestamp::from_secs(1_780_041_600);

struct Depot {
    _dir: tempfile::TempDir,
    db: Db,
    drivers: Drivers,
    clock: Clock,
}

fn boss() -> Actor {
    Actor::User("boss".into())
}

fn car(name: &str) -> VehicleId {
    VehicleId::new(name).unwrap()
}

fn hours(n: i64) -> Span {
    Span::from_secs(n * 3_600)
}

fn on(vehicle: &str) -> DutyChange {
    DutyChange::Start(Some(car(vehicle)))
}

const OFF: DutyChange = DutyChange::End { forced: None };

impl Depot {
    async fn open() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let db = Db::open(dir.path()).unwrap();
        let drivers = Drivers::new(db.clone(), Config::default(), clock.clone());
        let register = |tx: &Transaction<'_>| {
            ["a", "b"].iter().try_for_each(|name| vehicles::insert(tx, &Vehicle::new(car(name), "van"), START).map(drop))
        };
        db.write::<_, store::Error>(register).await.unwrap();
        Self { _dir: dir, db, drivers, clock }
    }

    async fn hire(&self, name: &str) -> DriverId {
        self.drivers.add(name.into(), DriverChange::default(), boss()).await.unwrap().driver.id
    }

    async fn duty(&self, id: DriverId, change: DutyChange) -> Result<Shown> {
        self.drivers.set_duty(id, change, boss()).await
    }

    /// What is going on with the vehicle: the pause of its driver.
    async fn pause(&self, vehicle: &str) -> Option<Option<Pause>> {
        let (rules, now, vehicle) = (self.drivers.rules(), self.clock.now(), car(vehicle));
        let crew = self.db.read(move |c| crew::of_vehicle(c, &vehicle, &rules, now)).await.unwrap();
        crew.map(|(crew, _)| crew.pause)
    }

    /// Gives the vehicle a job.
    async fn job(&self, vehicle: &str) -> crate::model::BookingId {
        let id = crate::model::BookingId::generate(START, [3; 10]);
        let site = Site::at(Place::new(42.5, 1.5).unwrap());
        let fare = Fare { price: Money { amount_minor: 900, currency: Currency::new("EUR").unwrap() }, distance_m: 1, duration_s: 60 };
        let order = Order { pickup_at: Some(START), expires_at: Some(START + hours(1)), ..Order::new(site.clone(), site) };
        let place = move |tx: &Transaction<'_>| {
            let new = bookings::New { id, status: Status::Waiting, order: &order, fare, origin: Origin::Depot, recurrence: None };
            bookings::insert(tx, &new, START)
        };
        self.db.write::<_, store::Error>(place).await.unwrap();
        let all = crate::bookings::Bookings::new(self.db.clone(), Config::default(), self.clock.clone());
        all.assign(id, ByHand::to(car(vehicle)), boss()).await.unwrap();
        id
    }

    async fn kinds(&self) -> Vec<&'static str> {
        let events = self.db.read(|c| journal::after(c, 0, 1_000)).await.unwrap();
        events.iter().map(|e| e.kind.as_str()).collect()
    }
}

#[tokio::test]
async fn a_duty_is_told_with_its_breaks() {
    let depot = Depot::open().await;
    let ana = depot.hire("Ana").await;
    let shown = depot.duty(ana, on("a")).await.unwrap();
    assert_eq!(shown.duty.unwrap().vehicle, car("a"));
    depot.duty(ana, on("a")).await.unwrap();
    depot.clock.advance(hours(1));
    for again in [true, true, false, false, true] {
        depot.drivers.set_break(ana, again, boss()).await.unwrap();
        depot.clock.advance(hours(1));
    }
    assert_eq!(depot.pause("a").await, Some(Some(Pause::Break)));
    let shown = depot.duty(ana, OFF).await.unwrap();
    assert!(shown.duty.is_none() && depot.pause("a").await.is_none());
    // One hour before the break, two after it; of the last there is nothing.
    assert_eq!(shown.hours.today, hours(3));
    let [duty] = &depot.drivers.duties(ana, None, 10).await.unwrap()[..] else { panic!("one duty") };
    assert_eq!((duty.breaks.len(), duty.time.until, duty.breaks[1].until), (2, Some(depot.clock.now()), Some(depot.clock.now())));
    let told = ["driver.changed", "duty.started", "break.started", "break.ended", "break.started", "break.ended", "duty.ended"];
    assert_eq!(depot.kinds().await, told);
    assert_eq!(depot.db.read(audit::verify).await.unwrap(), Ok(7));
    assert!(matches!(depot.drivers.set_break(ana, true, boss()).await, Err(Error::NotOnDuty(_))));
}

#[tokio::test]
async fn one_driver_has_one_vehicle_whoever_comes_first() {
    let depot = Depot::open().await;
    let (ana, ben) = (depot.hire("Ana").await, depot.hire("Ben").await);
    let (first, second, third) = tokio::join!(depot.duty(ana, on("a")), depot.duty(ben, on("a")), depot.duty(ana, on("b")));
    let won = [first.is_ok(), second.is_ok(), third.is_ok()];
    assert!(matches!(won, [true, false, false] | [false, true, true]), "{won:?}");
    // The database itself refuses, whatever the use case looked at before.
    let taken = depot.db.read(|c| duty::of_vehicle(c, &car("a"))).await.unwrap().unwrap();
    let other = if taken.driver == ana { ben } else { ana };
    for (driver, vehicle) in [(taken.driver, "a"), (taken.driver, "b"), (other, "a")] {
        let start = move |tx: &Transaction<'_>| duty::start(tx, driver, &car(vehicle), START);
        assert!(!depot.db.write::<_, store::Error>(start).await.unwrap(), "{driver} {vehicle}");
    }
}

#[tokio::test]
async fn hours_run_out_and_come_back() {
    let depot = Depot::open().await;
    let ana = depot.hire("Ana").await;
    let short = DriverChange { max_day: Some(Some(hours(2))), ..DriverChange::default() };
    depot.drivers.change(ana, short, Some(1), boss()).await.unwrap();
    depot.duty(ana, on("a")).await.unwrap();
    depot.clock.advance(hours(2) - Span::from_secs(1));
    assert_eq!(depot.pause("a").await, Some(None));
    depot.clock.advance(Span::from_secs(1));
    assert_eq!(depot.pause("a").await, Some(Some(Pause::Hours)));
    depot.duty(ana, OFF).await.unwrap();
    let refused = depot.duty(ana, on("a")).await.unwrap_err();
    assert_eq!(refused.to_string(), "Ana has worked 2:00 h today; 2:00 h a day is the most");
    depot.clock.advance(hours(24));
    assert!(depot.duty(ana, on("a")).await.is_ok());
}

#[tokio::test]
async fn who_leaves_with_a_job_says_why() {
    let depot = Depot::open().await;
    let ana = depot.hire("Ana").await;
    depot.duty(ana, on("a")).await.unwrap();
    let job = depot.job("a").await;
    assert!(matches!(depot.duty(ana, OFF).await, Err(Error::Busy { .. })));
    assert!(matches!(depot.drivers.set_vehicle_duty(car("a"), false, None, boss()).await, Err(Error::Busy { .. })));
    let ill = DutyChange::End { forced: Some("ill".into()) };
    depot.duty(ana, ill.clone()).await.unwrap();
    let booking = depot.db.read(move |c| bookings::get(c, job)).await.unwrap().unwrap();
    assert_eq!((booking.status, booking.vehicle), (Status::Waiting, None));
    let events = depot.db.read(|c| journal::after(c, 0, 100)).await.unwrap();
    let ended = events.iter().find(|e| e.kind == Kind::DutyEnded).unwrap();
    assert!(ended.data.contains(r#""reason":"ill""#) && ended.data.contains(r#""unassigned":"B-1001""#), "{}", ended.data);
    assert!(events.iter().any(|e| e.kind == Kind::BookingUnassigned && e.vehicle == Some(car("a"))));

    // With the load on board the job stays, for whoever takes the vehicle over.
    let all = crate::bookings::Bookings::new(depot.db.clone(), Config::default(), depot.clock.clone());
    depot.duty(ana, on("a")).await.unwrap();
    all.assign(job, ByHand::to(car("a")), boss()).await.unwrap();
    all.step(job, Step::PickedUp, None, None, boss(), None).await.unwrap();
    depot.duty(ana, ill).await.unwrap();
    let ben = depot.hire("Ben").await;
    depot.duty(ben, on("a")).await.unwrap();
    assert_eq!(all.get(job).await.unwrap().vehicle, Some(car("a")));
}

#[tokio::test]
async fn shifts_do_not_overlap_and_name_the_vehicle() {
    let depot = Depot::open().await;
    let (ana, ben) = (depot.hire("Ana").await, depot.hire("Ben").await);
    let plan = |driver, vehicle: Option<&str>, from, until| {
        let time = Window { from: START + hours(from), until: START + hours(until) };
        depot.drivers.add_shift(NewShift { driver, vehicle: vehicle.map(car), time, pause: None }, boss())
    };
    let first = plan(ana, Some("a"), 0, 8).await.unwrap();
    plan(ana, None, 8, 9).await.unwrap();
    for (driver, vehicle, from, until) in [(ana, None, 7, 8), (ben, Some("a"), 0, 1), (ana, Some("b"), -1, 20)] {
        assert!(matches!(plan(driver, vehicle, from, until).await, Err(Error::Overlap(_))), "{driver} {from}");
    }
    plan(ben, Some("b"), 0, 8).await.unwrap();
    assert!(matches!(plan(ben, None, 3, 3).await, Err(Error::Field { field: "until", .. })));
    let pause = Window { from: START + hours(7), until: START + hours(9) };
    let change = ShiftChange { pause: Some(Some(pause)), ..ShiftChange::default() };
    assert!(matches!(depot.drivers.change_shift(first.id, change, Some(1), boss()).await, Err(Error::Field { field: "break", .. })));
    let later = ShiftChange { from: Some(START + hours(1)), ..ShiftChange::default() };
    assert_eq!(depot.drivers.change_shift(first.id, later.clone(), Some(1), boss()).await.unwrap().version, 2);
    assert!(matches!(depot.drivers.change_shift(first.id, later, Some(1), boss()).await, Err(Error::Stale { found: 2, .. })));
    // Without a vehicle named, the shift's is taken: none yet, then `a`.
    assert!(matches!(depot.duty(ana, DutyChange::Start(None)).await, Err(Error::Field { field: "vehicle_id", .. })));
    depot.clock.advance(hours(1));
    assert_eq!(depot.duty(ana, DutyChange::Start(None)).await.unwrap().duty.unwrap().vehicle, car("a"));
}

#[tokio::test]
async fn who_is_on_duty_stays() {
    let depot = Depot::open().await;
    let ana = depot.hire("Ana").await;
    depot.duty(ana, on("a")).await.unwrap();
    let inactive = DriverChange { active: Some(false), ..DriverChange::default() };
    assert!(matches!(depot.drivers.delete(ana, None, boss()).await, Err(Error::OnDuty(_))));
    assert!(matches!(depot.drivers.change(ana, inactive.clone(), None, boss()).await, Err(Error::OnDuty(_))));
    depot.duty(ana, OFF).await.unwrap();
    depot.drivers.change(ana, inactive, None, boss()).await.unwrap();
    assert!(matches!(depot.duty(ana, on("a")).await, Err(Error::Inactive(_))));
    depot.drivers.delete(ana, Some(2), boss()).await.unwrap();
    assert!(matches!(depot.drivers.get(ana).await, Err(Error::Unknown(_))));
}

#[tokio::test]
async fn old_duties_and_shifts_go() {
    let depot = Depot::open().await;
    let ana = depot.hire("Ana").await;
    let time = Window { from: START, until: START + hours(1) };
    depot.drivers.add_shift(NewShift { driver: ana, vehicle: None, time, pause: None }, boss()).await.unwrap();
    depot.duty(ana, on("a")).await.unwrap();
    depot.duty(ana, OFF).await.unwrap();
    depot.drivers.purge(START + hours(24 * 800)).await.unwrap();
    assert_eq!(depot.drivers.duties(ana, None, 10).await.unwrap().len(), 1);
    depot.drivers.purge(START + hours(24 * 801)).await.unwrap();
    assert!(depot.drivers.duties(ana, None, 10).await.unwrap().is_empty());
    assert!(depot.drivers.shifts(ShiftFilter::default(), None, 10).await.unwrap().is_empty());
}

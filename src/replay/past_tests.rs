//! Who was on duty, by what the use cases wrote.

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::drivers::{DriverChange, Drivers, DutyChange, NewShift};
use crate::model::{Actor, DriverId};
use crate::registry::Registry;
use crate::store::Db;

/// Ten in the morning in UTC, the depot's zone.
const START: Timestamp = Timestamp::from_secs(1_780_048_800);

struct Depot {
    _dir: tempfile::TempDir,
    db: Db,
    drivers: Drivers,
    clock: Clock,
}

fn car(name: &str) -> VehicleId {
    VehicleId::new(name).unwrap()
}

fn hour(hour: f64) -> Timestamp {
    START + Span::from_secs(3_600) * (hour - 10.0)
}

fn window(from: f64, until: f64) -> Window {
    Window { from: hour(from), until: hour(until) }
}

impl Depot {
    async fn open() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::manual(START));
        let db = Db::open(dir.path()).unwrap();
        let registry = Registry::new(db.clone(), clock.clone());
        for name in ["a", "b"] {
            let vehicle = Vehicle { skills: vec!["tail_lift".into()], ..Vehicle::new(car(name), "van") };
            registry.add_vehicle(vehicle, Actor::System).await.unwrap();
        }
        Self { _dir: dir, drivers: Drivers::new(db.clone(), Config::default(), clock.clone()), db, clock }
    }

    async fn hire(&self, name: &str, given: DriverChange) -> DriverId {
        self.drivers.add(name.into(), given, Actor::System).await.unwrap().driver.id
    }

    fn is(&self, at: f64) {
        self.clock.advance(hour(at) - self.clock.now());
    }

    async fn duty(&self, driver: DriverId, vehicle: Option<&str>) {
        let change = vehicle.map_or(DutyChange::End { forced: None }, |vehicle| DutyChange::Start(Some(car(vehicle))));
        self.drivers.set_duty(driver, change, Actor::System).await.unwrap();
    }

    async fn switch(&self, vehicle: &str, on: bool) {
        self.drivers.set_vehicle_duty(car(vehicle), on, None, Actor::System).await.unwrap();
    }

    fn crews(&self, from: f64, until: f64) -> Option<Crews> {
        self.db.read_blocking(|c| crews(c, &Rules::new(&Config::default()), window(from, until))).unwrap()
    }
}

fn stints(crews: &Crews, vehicle: &str) -> Vec<Window> {
    let found = crews.vehicles.iter().find(|(v, _)| v.id == car(vehicle));
    found.map_or(Vec::new(), |(_, stints)| stints.iter().map(|stint| stint.time).collect())
}

#[tokio::test]
async fn a_vehicle_has_the_stints_of_those_who_were_on_duty_with_it() {
    let depot = Depot::open().await;
    assert_eq!(depot.crews(0.0, 24.0), None, "no drivers at all");
    let ana = depot.hire("Ana", DriverChange { skills: Some(vec!["adr".into(), "tail_lift".into()]), ..DriverChange::default() }).await;
    let ben = depot.hire("Ben", DriverChange::default()).await;
    assert_eq!(depot.crews(0.0, 24.0), Some(Crews::default()), "nobody was on duty");
    depot.duty(ana, Some("a")).await;
    depot.is(11.0);
    depot.drivers.set_break(ana, true, Actor::System).await.unwrap();
    depot.is(11.5);
    depot.drivers.set_break(ana, false, Actor::System).await.unwrap();
    depot.is(12.0);
    depot.duty(ana, None).await;
    depot.is(13.0);
    depot.duty(ben, Some("a")).await;
    let crews = depot.crews(10.5, 20.0).unwrap();
    assert_eq!((crews.drivers, stints(&crews, "a")), (2, vec![window(10.5, 12.0), window(13.0, 20.0)]));
    assert_eq!(stints(&crews, "b"), [], "nobody took it");
    let [first, second] = &crews.vehicles[0].1[..] else { panic!("two stints") };
    assert_eq!(
        (&first.skills[..], &first.pauses[..]),
        (&["tail_lift".to_owned(), "adr".into()][..], &[(window(11.0, 11.5), Reason::Break)][..])
    );
    assert_eq!((&second.skills[..], &second.pauses[..]), (&["tail_lift".to_owned()][..], &[][..]));
    assert_eq!(depot.crews(8.0, 10.0), Some(Crews::default()), "before that");
}

#[tokio::test]
async fn spent_hours_and_planned_breaks_are_pauses() {
    let depot = Depot::open().await;
    let limits = DriverChange { max_day: Some(Some(Span::from_secs(3 * 3_600))), ..DriverChange::default() };
    let ana = depot.hire("Ana", limits).await;
    let shift = NewShift { driver: ana, vehicle: None, time: window(10.0, 20.0), pause: Some(window(12.0, 12.5)) };
    depot.drivers.add_shift(shift, Actor::System).await.unwrap();
    depot.duty(ana, Some("a")).await;
    depot.is(11.0);
    depot.drivers.set_break(ana, true, Actor::System).await.unwrap();
    depot.is(12.0);
    depot.drivers.set_break(ana, false, Actor::System).await.unwrap();
    let crews = depot.crews(10.0, 30.0).unwrap();
    let mut pauses = crews.vehicles[0].1[0].pauses.clone();
    pauses.sort_by_key(|(time, _)| time.from);
    // Three hours of work are over at two, for an hour was a break; midnight gives three more.
    let spent = |from, until| (window(from, until), Reason::Hours);
    let breaks = [(window(11.0, 12.0), Reason::Break), (window(12.0, 12.5), Reason::Break)];
    assert_eq!(pauses, [breaks[0], breaks[1], spent(14.0, 24.0), spent(27.0, 30.0)]);
}

#[tokio::test]
async fn a_vehicle_may_be_on_duty_without_a_driver_who_is_known() {
    let depot = Depot::open().await;
    let ana = depot.hire("Ana", DriverChange::default()).await;
    depot.switch("a", true).await;
    depot.is(11.0);
    depot.switch("a", false).await;
    depot.is(12.0);
    depot.switch("a", true).await;
    depot.switch("b", true).await;
    depot.is(13.0);
    depot.duty(ana, Some("a")).await;
    depot.is(14.0);
    depot.duty(ana, None).await;
    let crews = depot.crews(9.0, 16.0).unwrap();
    assert_eq!(stints(&crews, "a"), [window(10.0, 11.0), window(12.0, 13.0), window(13.0, 14.0)]);
    assert_eq!((stints(&crews, "b"), crews.drivers), (vec![window(12.0, 16.0)], 1));
}

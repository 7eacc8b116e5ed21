//! Demand over a real database: what it learns, what it sees, what that does to prices.

use super::*;
use crate::config::{self, Config};
use crate::forecast::Area;
use crate::model::{
    Actor, Availability, BookingId, Currency, Fare, Fix, Flags, Kind, Money, Order, Origin, Place, Site, Vehicle, VehicleId,
};
use crate::pricing::Tariff;
use crate::store::{bookings, journal, vehicles};
use rusqlite::Transaction;
use serde_json::json;

/// A Monday, midnight UTC.
const START: Timestamp = Timestamp::from_secs(1_779_667_200);

struct Depot {
    _dir: tempfile::TempDir,
    db: Db,
    bookings: Bookings,
    fleet: Fleet,
    settings: Current,
    clock: Clock,
    demand: Demand,
}

impl Depot {
    /// The depot when it was stopped and started again.
    async fn again(self) -> Self {
        let Self { _dir, db, clock, settings, .. } = self;
        drop((self.bookings, self.fleet, self.demand, db));
        opened(_dir, clock, settings).await
    }
}

impl Depot {
    /// A free and connected vehicle that reports where it is.
    fn stands(&self, name: &str, lat: f64) {
        let (id, now): (VehicleId, _) = (name.parse().unwrap(), self.clock.now());
        if self.fleet.get(&id).is_none_or(|view| !view.online) {
            self.fleet.register(&Vehicle { on_duty: true, ..Vehicle::new(id.clone(), "van") }, None);
            self.fleet.set_online(&id, true, now);
        }
        self.fleet.observe(&Fix {
            vehicle: id,
            ts: now,
            received: now,
            place: place(lat),
            speed_kmh: None,
            course: None,
            accuracy_m: None,
            ignition: None,
            battery: None,
            flags: Flags::default(),
            extras: None,
        });
    }

    /// Who is advised to go where, as the depot says.
    async fn advised(&self) -> Vec<String> {
        self.demand.advices(None, 100).await.unwrap().iter().map(|advice| advice.vehicle.to_string()).collect()
    }
}

async fn depot() -> Depot {
    opened(tempfile::tempdir().unwrap(), Clock::manual(START), Current::new(Config::default())).await
}

async fn opened(dir: tempfile::TempDir, clock: Clock, settings: Current) -> Depot {
    let db = Db::open(dir.path()).unwrap();
    let bookings = Bookings::new(db.clone(), &settings, clock.clone());
    let fleet = Fleet::new(&config::Fleet::default());
    let calendar = Calendar::new("UTC", Vec::new()).unwrap();
    let demand = Demand::open(db.clone(), bookings.clone(), fleet.clone(), &settings, calendar, clock.clone()).await.unwrap();
    Depot { _dir: dir, db, bookings, fleet, settings, clock, demand }
}

fn place(lat: f64) -> Place {
    Place::new(lat, 1.5).unwrap()
}

fn order() -> Order {
    Order::new(Site::at(place(42.5)), Site::at(place(42.55)))
}

fn ask(tx: &Transaction<'_>, number: u64, at: Timestamp) -> store::Result<()> {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    let fare = Fare { price: Money { amount_minor: 900, currency: Currency::new("EUR").unwrap() }, distance_m: 1, duration_s: 60 };
    let order = Order { pickup_at: Some(at), expires_at: Some(at), ..order() };
    let id = BookingId::generate(at, random);
    let new = bookings::New { id, status: Status::Expired, order: &order, fare, origin: Origin::Depot, recurrence: None };
    bookings::insert(tx, &new, at).map(drop)
}

#[tokio::test]
async fn it_learns_from_its_own_bookings_and_goes_on_from_that() {
    let d = depot().await;
    assert!(matches!(d.demand.train().await, Err(Error::Untrained(_))), "a depot without bookings");
    assert!(d.demand.staffing().await.unwrap().is_none());
    // Three weeks with four requests in each hour from eight to noon, and none else.
    let past = |tx: &Transaction<'_>| {
        let hours = (0..21).flat_map(|day| (8..12).map(move |hour| START - Span::from_secs((21 - day) * 86_400 - hour * 3_600)));
        let moments = hours.flat_map(|hour| (0..4).map(move |quarter| hour + Span::from_secs(quarter * 900 + 60)));
        (0..).zip(moments).try_for_each(|(number, at)| ask(tx, number, at))
    };
    d.db.write::<_, store::Error>(past).await.unwrap();
    let forecast = d.demand.train().await.unwrap();
    let at = |hour: i64| START + Span::from_secs(hour * 3_600);
    let expects = |hour| forecast.model.hour(Area::All, at(hour)).unwrap().mean;
    assert!((3.0..5.0).contains(&expects(9)), "{}", expects(9));
    assert!(expects(3) < 1.0, "{}", expects(3));
    let picture = d.demand.picture(at(9), None).await.unwrap();
    assert!(picture.items[0].forecast.unwrap().mean > 3.0 && picture.items[0].polygon.len() > 5, "{picture:?}");
    let coarse = d.demand.picture(at(9), Some(5)).await.unwrap();
    assert!((coarse.items[0].forecast.unwrap().mean - picture.items[0].forecast.unwrap().mean).abs() < 0.2);
    let staffing = d.demand.staffing().await.unwrap().unwrap();
    assert_eq!(staffing.hours.len(), 168);
    let busy = staffing.hours.iter().find(|hour| hour.from == at(9)).unwrap();
    assert!((2..=4).contains(&busy.needed) && busy.planned == 0, "{busy:?}");

    let calendar = Calendar::new("UTC", Vec::new()).unwrap();
    let again =
        Demand::open(d.db.clone(), d.bookings.clone(), d.fleet.clone(), Config::default(), calendar, d.clock.clone()).await.unwrap();
    assert_eq!(again.forecast().unwrap().model, forecast.model);
}

fn busy() -> Tariff {
    let document = json!({"name": "Busy", "currency": "EUR", "rates": {"base_minor": 1_000},
        "surge": {"on": true, "floor_per_mille": 1_000, "cap_per_mille": 1_500, "step_per_mille": 100}});
    serde_json::from_value(document).unwrap()
}

fn calm() -> Tariff {
    serde_json::from_value(json!({"name": "Calm", "currency": "EUR", "rates": {"base_minor": 1_000}})).unwrap()
}

#[tokio::test]
async fn prices_follow_demand_step_by_step_within_their_bounds_and_say_why() {
    let d = depot().await;
    d.bookings.tariffs().publish(busy(), None, Actor::System).await.unwrap();
    let price = async || d.bookings.quote(order(), None).await.unwrap();
    assert_eq!(price().await.price.amount_minor, 1_000);
    d.stands("van-1", 42.5);
    for _ in 0..30 {
        d.bookings.place(order().into(), Actor::System, None).await.unwrap();
    }
    let mut last = 1_000;
    for _ in 0..40 {
        d.clock.advance(Span::from_secs(60));
        d.demand.look(d.clock.now()).await.unwrap();
        let now = price().await.price.amount_minor;
        assert!((last..=last + 100).contains(&now), "from {last} to {now} in a minute");
        last = now;
    }
    let quote = price().await;
    assert!((1_300..=1_500).contains(&quote.price.amount_minor), "{quote:?}");
    assert_eq!(quote.price.amount_minor, i64::from(quote.bill.surge_per_mille));
    let why = &quote.bill.lines.iter().find(|line| line.label.starts_with("Demand")).unwrap().label;
    assert!(why.contains("30 requests"), "{why}");
    let picture = d.demand.picture(d.clock.now(), None).await.unwrap();
    assert_eq!((picture.items[0].waiting, picture.items[0].free), (30, 1), "{picture:?}");
    assert!(picture.items[0].surge[0].factor > 1.0);

    d.bookings.tariffs().publish(calm(), None, Actor::System).await.unwrap();
    assert_eq!(price().await.price.amount_minor, 1_000, "a tariff without surge has none, whatever was seen");
}

#[tokio::test]
async fn prices_are_the_same_after_a_restart_and_go_on_from_there() {
    let mut d = depot().await;
    d.bookings.tariffs().publish(busy(), None, Actor::System).await.unwrap();
    let asked = async |d: &Depot| {
        for _ in 0..30 {
            d.bookings.place(order().into(), Actor::System, None).await.unwrap();
        }
    };
    asked(&d).await;
    for _ in 0..4 {
        d.clock.advance(Span::from_secs(60));
        d.demand.look(d.clock.now()).await.unwrap();
    }
    let price = async |d: &Depot| d.bookings.quote(order(), None).await.unwrap().price.amount_minor;
    let before = price(&d).await;
    assert!(before > 1_200, "{before}");
    d = d.again().await;
    assert_eq!(price(&d).await, before, "right after");
    d.demand.look(d.clock.now()).await.unwrap();
    assert_eq!(price(&d).await, before, "no sooner than a minute after the last step");
    // All that waited expired in the two days that it was down: it comes down by a step a minute.
    d.clock.advance(Span::from_secs(2 * 86_400));
    assert_eq!(d.bookings.expire_due(d.clock.now()).await.unwrap(), 30);
    d = d.again().await;
    let mut last = price(&d).await;
    assert_eq!(last, before, "however long it was down");
    let mut steps = Vec::new();
    for _ in 0..10 {
        d.demand.look(d.clock.now()).await.unwrap();
        d.clock.advance(Span::from_secs(60));
        let now = price(&d).await;
        steps.push(last - now);
        last = now;
    }
    assert!(steps.iter().all(|step| (0..=100).contains(step)) && last == 1_000, "{steps:?}");
    d = d.again().await;
    assert_eq!(price(&d).await, 1_000);

    // What was kept under a tariff that prices by demand is of no use under one that does not, nor under the next one after that.
    asked(&d).await;
    d.clock.advance(Span::from_secs(60));
    d.demand.look(d.clock.now()).await.unwrap();
    assert_eq!(price(&d).await, 1_100);
    d.bookings.tariffs().publish(calm(), None, Actor::System).await.unwrap();
    d = d.again().await;
    assert_eq!(d.db.read(store::surges::all).await.unwrap(), []);
    d.bookings.tariffs().publish(busy(), None, Actor::System).await.unwrap();
    d = d.again().await;
    assert_eq!(price(&d).await, 1_000);
}

#[tokio::test]
async fn idle_vehicles_are_advised_where_to_wait_once_and_until_that_is_over() {
    let mut d = depot().await;
    // Three weeks with four requests an hour, day and night, in one place.
    let past = |tx: &Transaction<'_>| {
        for name in ["van-1", "van-2", "van-3"] {
            vehicles::insert(tx, &Vehicle { on_duty: true, ..Vehicle::new(name.parse().unwrap(), "van") }, START)?;
        }
        (1..21 * 96).try_for_each(|quarter| ask(tx, quarter, START - Span::from_secs(i64::try_from(quarter).unwrap() * 900)))
    };
    d.db.write::<_, store::Error>(past).await.unwrap();
    let look = async |d: &Depot, stand: &[(&str, f64)], passed: i64| {
        d.clock.advance(Span::from_secs(passed));
        stand.iter().for_each(|(name, lat)| d.stands(name, *lat));
        d.demand.advise(d.clock.now()).await.unwrap()
    };
    let afar = [("van-1", 42.55), ("van-2", 42.54), ("van-3", 42.545)];
    assert_eq!(look(&d, &afar, 0).await, 0, "there is no forecast, and nobody wants advice");
    d.demand.train().await.unwrap();
    assert_eq!(look(&d, &afar, 900).await, 0, "nobody wants advice");
    d.settings.set(Config { forecast: config::Forecast { advise: true, ..config::Forecast::default() }, ..Config::default() });
    d.fleet.set_availability(&"van-3".parse().unwrap(), Availability::Paused, None);
    assert_eq!(look(&d, &[], 301).await, 0, "nobody knows where they are now");
    assert_eq!(look(&d, &afar, 0).await, 2);
    let told = d.demand.advices(None, 100).await.unwrap();
    assert_eq!(
        told.iter().map(|a| (a.vehicle.as_str(), a.to, a.from)).collect::<Vec<_>>(),
        [("van-1", place(42.5), place(42.55)), ("van-2", place(42.5), place(42.54))]
    );
    assert_eq!(told[1].reason, "2 requests expected here and around within 30 min, nobody waits", "the nearest was first");
    assert_eq!(told[0].reason, "2 requests expected here and around within 30 min, 1 vehicle waits");
    let seq = told[0].seq;
    let lane = "select lane from outbox where source = 'journal' and key = json_array(?1)";
    let lane = d.db.read::<i64, store::Error>(move |c| Ok(c.query_row(lane, [seq], |r| r.get(0))?)).await.unwrap();
    assert_eq!(lane, 1, "bookings go up first");
    let entry = d.db.read(move |c| journal::get(c, seq)).await.unwrap().unwrap();
    assert_eq!((entry.kind, entry.vehicle.unwrap().as_str()), (Kind::VehicleAdvised, "van-1"));
    let data: serde_json::Value = serde_json::from_str(&entry.data).unwrap();
    assert_eq!((&data["place"], &data["until"]), (&json!({"lat": 42.5, "lon": 1.5}), &json!(d.clock.now() + Span::from_secs(1_800))));

    assert_eq!(look(&d, &afar, 60).await, 0, "they know");
    d = d.again().await;
    d.fleet.set_availability(&"van-3".parse().unwrap(), Availability::Paused, None);
    assert_eq!(look(&d, &afar, 0).await, 0);
    assert_eq!(look(&d, &afar, 700).await, 0, "a restart repeats nothing");
    assert_eq!(d.advised().await, ["van-1", "van-2"]);
    assert_eq!(look(&d, &[("van-2", 42.501)], 1).await, 0);
    assert_eq!(d.advised().await, ["van-1"], "the other is there");
    assert_eq!(look(&d, &afar[..1], 700).await, 0, "the same advice again is none");
    d.fleet.set_availability(&"van-1".parse().unwrap(), Availability::EnRoute, None);
    assert_eq!(look(&d, &[], 0).await, 0);
    assert_eq!(d.advised().await, Vec::<String>::new(), "it has work");
    d.fleet.set_availability(&"van-1".parse().unwrap(), Availability::Free, None);
    assert_eq!(look(&d, &afar[..1], 0).await, 0, "not the moment that it is free again");
    d.fleet.set_online(&"van-2".parse().unwrap(), false, d.clock.now());
    assert_eq!(look(&d, &afar[..1], 600).await, 1);
    let off = |tx: &Transaction<'_>| vehicles::update(tx, &Vehicle::new("van-1".parse().unwrap(), "van")).map(drop);
    assert_eq!(d.advised().await, ["van-1"]);
    d.clock.advance(Span::from_secs(1_800));
    assert_eq!(d.advised().await, Vec::<String>::new(), "it is good for half an hour");
    d.db.write::<_, store::Error>(off).await.unwrap();
    assert_eq!(look(&d, &afar[..1], 0).await, 0, "whoever went off duty a moment ago is not told any more");
    d.settings.set(Config::default());
    assert_eq!(look(&d, &afar, 0).await, 0);
}

#[tokio::test]
async fn what_was_forecast_is_compared_with_what_came_hour_by_hour() {
    let mut d = depot().await;
    let hour = |day: i64, hour: i64| START + Span::from_secs(day * 86_400 + hour * 3_600);
    let mut number = 0;
    // So many requests in each hour from eight to noon of a day.
    let mut asked = async |d: &Depot, days: std::ops::Range<i64>, count: i64| {
        let moments: Vec<_> =
            days.flat_map(|day| (8..12).flat_map(move |at| (0..count).map(move |n| hour(day, at) + Span::from_secs(n * 60 + 9)))).collect();
        let first = number;
        number += u64::try_from(moments.len()).unwrap();
        let place = move |tx: &Transaction<'_>| (first..).zip(moments).try_for_each(|(number, at)| ask(tx, number, at));
        d.db.write::<_, store::Error>(place).await.unwrap();
    };
    assert_eq!(d.demand.accuracy(String::new(), "9999".to_owned()).await.unwrap(), []);
    asked(&d, -21..0, 6).await;
    let forecast = d.demand.train().await.unwrap();
    let told = |at| forecast.model.hour(Area::All, at).unwrap();
    // The hours of the day go otherwise than before, and one of them is still under way.
    asked(&d, 0..1, 8).await;
    d.clock.advance(Span::from_secs(11 * 3_600 + 1_800));
    assert_eq!(d.demand.settle(d.clock.now()).await.unwrap(), 10, "from one to ten: the hour of the training and this one are not");
    assert_eq!(d.demand.settle(d.clock.now()).await.unwrap(), 0, "each once");
    let days = d.demand.accuracy("2026-05-25".to_owned(), "2026-05-25".to_owned()).await.unwrap();
    let [day] = days.as_slice() else { panic!("{days:?}") };
    let (all, cells) = (day.all.unwrap(), day.cells.unwrap());
    let came = |at: i64| if (8..12).contains(&at) { 8_u32 } else { 0 };
    let mean = |of: &dyn Fn(i64) -> u32| f64::from((1..11).map(of).sum::<u32>()) / 10.0;
    let off = mean(&|at| came(at).abs_diff(told(hour(0, at)).p50));
    assert_eq!((all.hours, all.requests, all.error, all.last_week_error), (10, 2.4, off, Some(0.6)), "{day:?}");
    assert!((0.3..1.0).contains(&off), "{off}");
    let within = mean(&|at| u32::from((told(hour(0, at)).p10..=told(hour(0, at)).p90).contains(&came(at))));
    assert!((all.covered - within).abs() < 1e-9, "{day:?} {within}");
    assert_eq!((cells.hours, cells.requests), (10, 2.4), "all is in one cell");

    // It was down over noon; the next training takes the place of what was said of the hours to come, not of those that were.
    d = d.again().await;
    d.clock.advance(Span::from_secs(86_400));
    d.demand.train().await.unwrap();
    assert_eq!(d.demand.settle(d.clock.now()).await.unwrap(), 24);
    let days = d.demand.accuracy(String::new(), "9999-12-31".to_owned()).await.unwrap();
    let hours: Vec<_> = days.iter().map(|day| (day.day.as_str(), day.all.unwrap().hours)).collect();
    assert_eq!(hours, [("2026-05-26", 11), ("2026-05-25", 23)], "the newest first");
    assert_eq!(days[1].all.unwrap().requests, 32.0 / 23.0);
    assert_eq!(d.demand.accuracy("2026-05-27".to_owned(), "2026-05-28".to_owned()).await.unwrap(), []);

    // Days of long ago go.
    let long_ago = |tx: &Transaction<'_>| {
        let sums = store::accuracy::Sums { hours: 1, ..store::accuracy::Sums::default() };
        (0..500).try_for_each(|n| store::accuracy::add(tx, &format!("{:04}-01-01", 1_000 + n), store::accuracy::Whose::All, &sums))
    };
    d.db.write::<_, store::Error>(long_ago).await.unwrap();
    d.clock.advance(Span::from_secs(3_600));
    assert_eq!(d.demand.settle(d.clock.now()).await.unwrap(), 1);
    let kept = d.db.read(|c| store::accuracy::days(c, "", "9999", 10_000)).await.unwrap();
    assert_eq!((kept.len(), kept.last().unwrap().0.as_str()), (402, "1102-01-01"), "400 days, two of them with their cells");
}

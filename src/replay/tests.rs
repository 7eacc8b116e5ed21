use super::ahead;
use super::{Driver, Figures, Policy, Request, Stint, drivers, run};
use crate::clock::Clock;
use crate::config;
use crate::dispatch::day::{Ahead, Basis, Lack};
use crate::dispatch::plan::Reason;
use crate::eta::Travel;
use crate::model::{
    Booking, BookingId, Capacity, Currency, Day, Driver as Person, DriverId, Fare, Money, Order, Place, Shift, ShiftId, Site, Span, Status,
    Timestamp, Vehicle, VehicleId, Window,
};
use proptest::prelude::*;

fn place(east_km: f64, north_km: f64) -> Place {
    Place::new(38.7 + north_km / 111.195, -9.1 + east_km / 86.78).unwrap()
}

fn request(number: usize, asked: i64, pickup: Place, dropoff: Place) -> Request {
    Request::at_once(number, Timestamp::from_secs(1_700_000_000 + asked), pickup, dropoff, &Travel::new(1.3, 25.0))
}

fn day() -> impl Strategy<Value = Vec<Request>> {
    let asked = (0..3_600_i64, -8.0..8.0_f64, -8.0..8.0_f64, -8.0..8.0_f64, -8.0..8.0_f64);
    proptest::collection::vec(asked, 1..60).prop_map(|mut day| {
        day.sort_by_key(|r| r.0);
        day.into_iter().enumerate().map(|(number, (s, a, b, c, d))| request(number, s, place(a, b), place(c, d))).collect()
    })
}

fn replay(requests: &[Request], drivers: usize, policy: &str, seed: u64) -> Figures {
    let policy = Policy::named(policy, &config::Dispatch::default()).unwrap();
    let figures = run(requests, &super::drivers(requests, drivers, seed), &policy, &Clock::system(), |_| {}).figures;
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
    let figures = replay(&[request(0, 0, place(0.0, 0.0), place(0.0, 5.0))], 1, "batch", 1);
    assert_eq!((figures.served, figures.lost, figures.rounds), (1, 0, 1));
    // The window of ten seconds is all the wait there is.
    assert!((figures.wait_mean_s - 10.0).abs() < 0.01 && figures.empty_km_per_trip < 1e-6, "{figures:?}");
}

#[test]
fn a_driver_who_is_soon_free_next_door_is_waited_for() {
    // The first job ends after 936 s + 60 s where the second begins; the other driver is 2 km away from it.
    let requests = [request(0, 0, place(0.0, 0.0), place(0.0, 5.0)), request(1, 960, place(0.0, 5.0), place(0.0, 6.0))];
    let mut fleet = drivers(&requests, 2, 1);
    (fleet[0].place, fleet[1].place) = (place(0.0, 0.0), place(2.0, 5.0));
    let with =
        |name: &str| run(&requests, &fleet, &Policy::named(name, &config::Dispatch::default()).unwrap(), &Clock::system(), |_| {}).figures;
    assert!(with("default").empty_km_per_trip < 0.1, "{:?}", with("default"));
    assert!(with("batch").empty_km_per_trip > 1.0, "{:?}", with("batch"));
}

const NOON: i64 = 1_700_049_600;

fn at(hour: f64) -> Timestamp {
    Timestamp::from_millis(NOON * 1_000) + Span::from_secs(1) * ((hour - 12.0) * 3_600.0)
}

fn booked(number: u8, hour: f64, class: &str) -> Booking {
    let mut order = Order::new(Site::at(place(0.0, 0.0)), Site::at(place(0.0, 3.0)));
    (order.pickup_at, order.vehicle_class) = (Some(at(hour)), Some(class.to_owned()));
    let price = Money { amount_minor: 100, currency: Currency::new("EUR").unwrap() };
    Booking {
        id: BookingId::generate(at(0.0), [number; 10]),
        reference: format!("B-{number}"),
        status: Status::Scheduled,
        order,
        fare: Fare { price, distance_m: 3_900, duration_s: 560 },
        vehicle: None,
        reason: None,
        created_at: at(0.0),
        updated_at: at(0.0),
        assigned_at: None,
        arrived_at: None,
        picked_up_at: None,
        delivered_at: None,
        ended_at: None,
        locked: false,
        origin: crate::model::Origin::Depot,
        recurrence: None,
        version: 1,
    }
}

fn staffed(number: i64, vehicle: &Vehicle, from: f64, until: f64) -> (Shift, Vehicle, Person) {
    let time = Window { from: at(from), until: at(until) };
    let driver = DriverId::of_row(number);
    let shift = Shift { id: ShiftId::of_row(number), driver, vehicle: Some(vehicle.id.clone()), time, pause: None, version: 1 };
    let person = Person {
        id: driver,
        name: "Ana".to_owned(),
        phone: None,
        email: None,
        skills: Vec::new(),
        user: None,
        max_day: None,
        max_week: None,
        active: true,
        created_at: at(0.0),
        updated_at: at(0.0),
        version: 1,
    };
    (shift, vehicle.clone(), person)
}

#[test]
fn a_day_to_come_is_served_by_its_shifts_and_says_what_it_lacks() {
    let van = Vehicle { capacity: Capacity::default(), ..Vehicle::new(VehicleId::new("van-1").unwrap(), "van") };
    let bookings =
        vec![booked(1, 9.0, "van"), booked(2, 9.0, "van"), booked(3, 11.0, "truck"), booked(4, 15.0, "van"), booked(5, 20.0, "van")];
    let mut known = Ahead { bookings, shifts: vec![staffed(1, &van, 8.0, 17.0)], vehicles: vec![van.clone()] };
    let plan = |known: &Ahead| {
        let (config, day) = (config::Dispatch::default(), Day::of(at(12.0), "UTC"));
        ahead::plan(&day, "UTC", known, &config, |_| place(0.0, 0.0), at(0.0))
    };
    let told = plan(&known);
    assert_eq!((told.day.as_str(), told.basis, told.vehicles), ("2023-11-15", Basis::Shifts, 1));
    let served: Vec<_> = told.served.iter().map(|s| (s.reference.as_str(), s.pickup_at >= at(9.0), s.late_s)).collect();
    assert_eq!(served.len(), 2, "one van cannot be at two places at nine: {told:?}");
    assert!(served.iter().all(|s| s.1) && served[1].0 == "B-4", "{served:?}");
    let lacks: Vec<_> = told.unserved.iter().map(|u| (u.pickup_at, u.lack)).collect();
    assert_eq!(lacks, [(at(9.0), Lack::NoneFree), (at(11.0), Lack::NoneFits), (at(20.0), Lack::NoneFree)]);
    // With a second van, and a truck in the evening shift, only the truck's own time is not covered.
    let (second, truck) = (Vehicle::new(VehicleId::new("van-2").unwrap(), "van"), Vehicle::new(VehicleId::new("truck").unwrap(), "truck"));
    known.shifts.extend([staffed(2, &second, 8.0, 22.0), staffed(3, &truck, 12.0, 22.0)]);
    let told = plan(&known);
    assert_eq!(told.unserved.iter().map(|u| (u.reference.as_str(), u.lack)).collect::<Vec<_>>(), [("B-3", Lack::NoneFree)]);
    // Without any shift every vehicle counts, all day.
    known.shifts.clear();
    known.vehicles.push(truck);
    let told = plan(&known);
    assert_eq!((told.basis, told.served.len(), told.unserved.len()), (Basis::Fleet, 4, 1));
}

#[test]
fn who_takes_a_vehicle_over_goes_on_from_where_it_is() {
    let van = Vehicle::new(VehicleId::new("van-1").unwrap(), "van");
    // Three kilometres to the drop-off take ten minutes; the way back to the pickup as long.
    let bookings = vec![booked(1, 9.0, "van"), booked(2, 15.0, "van")];
    let (mut morning, mut evening) = (staffed(1, &van, 8.0, 12.0), staffed(2, &van, 14.0, 18.0));
    (morning.2.skills, evening.2.skills) = (vec!["adr".into()], vec!["crane".into()]);
    let mut known = Ahead { bookings, shifts: vec![evening, morning], vehicles: vec![van] };
    known.bookings[0].order.skills = vec!["adr".into()];
    known.bookings[1].order.skills = vec!["crane".into()];
    let mut wrong = booked(3, 15.5, "van");
    wrong.order.skills = vec!["adr".into()];
    known.bookings.push(wrong);
    let place = |_: &VehicleId| place(0.0, 3.0);
    let told = ahead::plan(&Day::of(at(12.0), "UTC"), "UTC", &known, &config::Dispatch::default(), place, at(0.0));
    let served: Vec<_> = told.served.iter().map(|s| (s.reference.as_str(), s.late_s)).collect();
    assert_eq!((told.vehicles, served), (1, vec![("B-1", 0), ("B-2", 0)]), "{told:?}");
    assert_eq!(told.unserved.iter().map(|u| (u.reference.as_str(), u.lack)).collect::<Vec<_>>(), [("B-3", Lack::NoneFree)]);
}

#[test]
fn nobody_is_given_a_job_off_duty_or_on_a_break() {
    let trip = |number, asked| request(number, asked, place(0.0, 0.0), place(0.0, 1.0));
    let requests: Vec<_> = [0, 1_000, 2_000, 3_000].into_iter().zip(0..).map(|(asked, number)| trip(number, asked)).collect();
    let time = |from: i64, until: i64| {
        let at = |seconds: i64| Timestamp::from_secs(1_700_000_000 + seconds);
        Window { from: at(from), until: at(until) }
    };
    let van = Vehicle::new(VehicleId::new("van-1").unwrap(), "van");
    let pauses = vec![(time(900, 1_800), Reason::Break)];
    let stint = Stint::new(time(100, 2_900), &van, &[], pauses);
    let fleet = [Driver { duty: Some(vec![stint]), ..Driver::of(&van, place(0.0, 0.0)) }];
    for (name, _) in Policy::ALL {
        let day = run(&requests, &fleet, &Policy::named(name, &config::Dispatch::default()).unwrap(), &Clock::system(), |_| {});
        assert_eq!((day.jobs.iter().map(|job| job.request).collect::<Vec<_>>(), &day.lost[..]), (vec![0, 2], &[1, 3][..]), "{name}");
        // The first waits for the duty to begin; the kilometre back from its drop-off to the next pickup takes three minutes.
        let [first, second] = [0, 1].map(|n| day.jobs[n].wait.as_secs_f64());
        assert!((100.0..112.0).contains(&first) && (187.0..200.0).contains(&second), "{name}: {:?}", day.figures);
        assert!((0.1..0.2).contains(&day.figures.utilisation), "of 2,800 s on duty: {:?}", day.figures);
    }
}

#[test]
fn the_nearest_must_fit_too() {
    let requests: Vec<_> = (0..3)
        .map(|n| {
            let mut request = request(n, 0, place(0.0, 0.0), place(1.0, 0.0));
            request.wants.class = (n != 1).then(|| "truck".to_owned());
            request
        })
        .collect();
    for (name, _) in Policy::ALL {
        let figures = replay(&requests, 2, name, 1);
        assert_eq!((figures.served, figures.lost), (1, 2), "{name}: two ask for a truck, and there are vans only");
    }
}

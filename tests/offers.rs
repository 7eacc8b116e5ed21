//! Asking drivers, taking jobs back, and what people decide by hand, over a real database and a real fleet.

mod dispatch_support;

use depotd::bookings::{ByHand, Error, Page, Standing};
use depotd::clock::Clock;
use depotd::config::Offers;
use depotd::model::{Actor, BookingId, Kind, Offer, OfferState, Span, Status, Step};
use depotd::store::journal;
use dispatch_support::{Depot, START, depot, id};

/// A depot that asks, with vehicles `a`, `b`, `c` … one behind the other.
async fn asking(offers: Offers, vehicles: &[&str]) -> (tempfile::TempDir, Depot) {
    let dir = tempfile::tempdir().unwrap();
    let depot = Depot::open_with(dir.path(), Clock::manual(START), |dispatch| dispatch.offers = offers);
    for (vehicle, east) in vehicles.iter().zip([500.0, 1_000.0, 1_500.0, 2_000.0]) {
        depot.ready(vehicle, east).await;
    }
    (dir, depot)
}

async fn offers(depot: &Depot, booking: BookingId) -> Vec<Offer> {
    depot.bookings.offers(booking, Page { cursor: None, limit: 50 }).await.unwrap().items
}

async fn states(depot: &Depot, booking: BookingId) -> Vec<(String, OfferState)> {
    offers(depot, booking).await.into_iter().rev().map(|o| (o.vehicle.to_string(), o.state)).collect()
}

async fn says(depot: &Depot, booking: BookingId, vehicle: &str, yes: bool) -> Result<Status, Error> {
    let device = Actor::Device(vehicle.to_owned());
    depot.bookings.answer(booking, &id(vehicle), yes, None, device).await.map(|b| b.status)
}

#[tokio::test]
async fn a_driver_who_accepts_gets_it_and_is_not_asked_about_another_meanwhile() {
    let (_dir, depot) = asking(Offers::One, &["a", "b"]).await;
    let first = depot.place(0.0).await;
    let report = depot.dispatch.round("test").await.unwrap();
    assert_eq!((report.assigned, report.asked, report.left), (0, 1, 0));
    assert_eq!(depot.get(first).await.status, Status::Offered);
    let record = &depot.records(first).await[0];
    assert_eq!((&record["asked"][0], record["chosen"].is_null()), (&"a".into(), true));
    assert_eq!(record["sentence"], "Asked: a was nearest of those that are free: 2 min away.");
    let second = depot.place(0.0).await;
    depot.dispatch.round("test").await.unwrap();
    let record = &depot.records(second).await[0];
    assert_eq!((&record["asked"][0], &record["excluded"][0]["reason"]), (&"b".into(), &"asked".into()));
    assert_eq!(says(&depot, first, "a", true).await.unwrap(), Status::Assigned);
    assert_eq!(says(&depot, first, "a", true).await.unwrap(), Status::Assigned, "a repeat does no harm");
    assert!(matches!(says(&depot, first, "b", true).await, Err(Error::NoOffer(_))));
    assert_eq!(depot.vehicle_of(first).await.as_deref(), Some("a"));
}

#[tokio::test]
async fn who_declines_is_kept_from_the_booking_for_a_while_twice_as_long_each_time() {
    let (_dir, depot) = asking(Offers::One, &["a"]).await;
    let booking = depot.place(0.0).await;
    let mut waits = Vec::new();
    for _ in 0..3 {
        depot.dispatch.round("test").await.unwrap();
        assert_eq!(says(&depot, booking, "a", false).await.unwrap(), Status::Waiting);
        depot.dispatch.round("test").await.unwrap();
        assert_eq!(depot.records(booking).await[0]["blocked_by"]["reasons"][0], "declined");
        let since = depot.clock.now();
        while depot.dispatch.round("test").await.unwrap().asked == 0 {
            depot.clock.advance(Span::from_secs(60));
            depot.appear("a", 500.0);
        }
        waits.push(depot.clock.now().since(since).as_millis() / 1_000);
        depot.bookings.answer(booking, &id("a"), false, None, Actor::System).await.unwrap();
        depot.bookings.cancel(depot.place(50_000.0).await, "x".into(), Standing::Jobs, Actor::System).await.unwrap();
        depot.clock.advance(Span::from_secs(4 * 3_600));
        depot.appear("a", 500.0);
    }
    assert_eq!(waits[0], 300, "{waits:?}");
    assert!(waits.is_sorted(), "{waits:?}");
}

#[tokio::test]
async fn nobody_answers_and_the_next_one_is_asked() {
    let (_dir, depot) = asking(Offers::One, &["a", "b"]).await;
    let booking = depot.place(0.0).await;
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(depot.bookings.pass_offers(depot.clock.now() + Span::from_secs(30)).await.unwrap(), 0, "in time until the last moment");
    depot.clock.advance(Span::from_secs(31));
    assert!(matches!(says(&depot, booking, "a", true).await, Err(Error::NoOffer(_))), "too late");
    assert_eq!(depot.bookings.pass_offers(depot.clock.now()).await.unwrap(), 1);
    assert_eq!(depot.get(booking).await.status, Status::Waiting);
    depot.dispatch.round("test").await.unwrap();
    let expected = [("a".to_owned(), OfferState::TimedOut), ("b".to_owned(), OfferState::Open)];
    assert_eq!(states(&depot, booking).await, expected);
}

#[tokio::test]
async fn of_several_that_are_asked_the_first_to_accept_gets_it() {
    let (_dir, depot) = asking(Offers::Best, &["a", "b", "c", "d"]).await;
    let booking = depot.place(0.0).await;
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(offers(&depot, booking).await.len(), 3);
    assert_eq!(says(&depot, booking, "a", false).await.unwrap(), Status::Offered, "others are still being asked");
    assert_eq!(says(&depot, booking, "c", true).await.unwrap(), Status::Assigned);
    assert!(matches!(says(&depot, booking, "b", true).await, Err(Error::NoOffer(_))));
    use OfferState::{Accepted, Declined, Withdrawn};
    let told: Vec<_> = states(&depot, booking).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(told, [Declined, Withdrawn, Accepted]);
    let events = depot.db.read(|c| journal::after(c, 0, 1_000)).await.unwrap();
    let about: Vec<_> =
        events.iter().filter(|e| e.booking == Some(booking)).map(|e| (e.kind, e.vehicle.as_ref().map_or("", |v| v.as_str()))).collect();
    assert_eq!(about[1..4], [(Kind::BookingOffered, "a"), (Kind::BookingOffered, "b"), (Kind::BookingOffered, "c")]);
    assert_eq!(about[4..], [(Kind::BookingDeclined, "a"), (Kind::BookingAssigned, "c"), (Kind::BookingOfferWithdrawn, "b")]);
}

#[tokio::test]
async fn two_accept_at_once_and_one_gets_it() {
    let (_dir, depot) = asking(Offers::Best, &["a", "b"]).await;
    let booking = depot.place(0.0).await;
    depot.dispatch.round("test").await.unwrap();
    let (one, other) = tokio::join!(says(&depot, booking, "a", true), says(&depot, booking, "b", true));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(depot.assigned_events().await.len(), 1);
}

#[tokio::test]
async fn a_booking_that_is_called_off_or_given_by_hand_leaves_no_open_offer() {
    let (_dir, depot) = asking(Offers::One, &["a", "b"]).await;
    let (first, second) = (depot.place(0.0).await, depot.place(1_400.0).await);
    depot.dispatch.round("test").await.unwrap();
    depot.bookings.cancel(first, "x".into(), Standing::Jobs, Actor::System).await.unwrap();
    assert_eq!(states(&depot, first).await[0].1, OfferState::Withdrawn);
    // `b` is being asked about the second; the first-come job by hand takes the question back.
    let third = depot.place(0.0).await;
    depot.bookings.assign(third, ByHand::to(id("b")), Actor::System).await.unwrap();
    assert_eq!(states(&depot, second).await[0].1, OfferState::Withdrawn);
    assert_eq!(depot.get(second).await.status, Status::Waiting);
    assert!(depot.bookings.open_offers().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_silent_vehicle_loses_its_job_and_a_locked_one_does_not() {
    let (_dir, depot) = depot();
    depot.ready("a", 500.0).await;
    depot.ready("b", 2_000.0).await;
    let (job, kept) = (depot.place(0.0).await, depot.place(2_000.0).await);
    depot.dispatch.round("test").await.unwrap();
    depot.bookings.lock(kept, true, Some("the customer wants b".into()), Actor::System).await.unwrap();
    depot.fleet.set_online(&id("a"), false, depot.clock.now());
    depot.fleet.set_online(&id("b"), false, depot.clock.now());
    assert_eq!(depot.dispatch.redispatch(depot.clock.now() + Span::from_secs(300)).await.unwrap(), 0);
    depot.clock.advance(Span::from_secs(301));
    assert_eq!(depot.dispatch.redispatch(depot.clock.now()).await.unwrap(), 1);
    assert_eq!((depot.get(job).await.status, depot.get(kept).await.status), (Status::Waiting, Status::Assigned));
    let events = depot.db.read(|c| journal::after(c, 0, 1_000)).await.unwrap();
    let last = events.iter().rev().find(|e| e.kind == Kind::BookingUnassigned).unwrap();
    assert!(last.data.contains("a has not been heard for 5 min"), "{}", last.data);
    depot.ready("c", 4_000.0).await;
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(depot.vehicle_of(job).await.as_deref(), Some("c"));
}

#[tokio::test]
async fn a_vehicle_that_will_be_late_loses_the_job_to_one_that_will_not() {
    let (_dir, depot) = depot();
    depot.ready("a", 500.0).await;
    let booking = depot.place_at(0.0, Some(START + Span::from_secs(280))).await;
    depot.bookings.release_due(depot.clock.now()).await.unwrap();
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(depot.vehicle_of(booking).await.as_deref(), Some("a"));
    depot.ready("b", 200.0).await;
    assert_eq!(depot.dispatch.redispatch(depot.clock.now()).await.unwrap(), 0, "a is in time");
    depot.appear("a", 9_000.0);
    depot.clock.advance(Span::from_secs(1));
    depot.appear("a", 9_000.0);
    depot.appear("b", 200.0);
    depot.dispatch.prepare().await.unwrap();
    assert_eq!(depot.dispatch.redispatch(depot.clock.now()).await.unwrap(), 1);
    depot.dispatch.release(depot.clock.now()).await.unwrap();
    depot.dispatch.round("test").await.unwrap();
    assert_eq!(depot.vehicle_of(booking).await.as_deref(), Some("b"));
}

#[tokio::test]
async fn by_hand_needs_a_reason_where_the_vehicle_is_not_made_for_it() {
    let (_dir, depot) = depot();
    depot.ready("a", 500.0).await;
    depot.register("resting", false).await;
    let booking = depot.place(0.0).await;
    let by_hand = |vehicle: &str| ByHand::to(id(vehicle));
    let refused = depot.bookings.assign(booking, by_hand("resting"), Actor::System).await;
    assert!(matches!(&refused, Err(Error::Unfit(_, why)) if why == &["nobody is on duty with it"]), "{refused:?}");
    let silent = ByHand { anyway: true, ..by_hand("resting") };
    assert!(matches!(depot.bookings.assign(booking, silent.clone(), Actor::System).await, Err(Error::Invalid(_))));
    let told = ByHand { reason: Some("its driver is at the gate".into()), lock: true, ..silent };
    let given = depot.bookings.assign(booking, told, Actor::User("ana".into())).await.unwrap();
    assert!(given.locked && given.status == Status::Assigned);
    let record = &depot.records(booking).await[0];
    assert_eq!(record["policy"], "by_hand");
    assert_eq!(record["sentence"], "B-1001 was given to resting by user:ana, though nobody is on duty with it: its driver is at the gate.");
    let moved = depot.bookings.assign(booking, by_hand("a"), Actor::System).await.unwrap();
    assert_eq!(moved.vehicle, Some(id("a")));
    depot.bookings.step(booking, Step::PickedUp, None, None, Actor::System, None).await.unwrap();
    depot.register("late", true).await;
    assert!(depot.bookings.assign(booking, by_hand("late"), Actor::System).await.is_err(), "the load is on board");
}

#[tokio::test]
async fn a_locked_booking_waits_for_people() {
    let (_dir, depot) = depot();
    depot.ready("a", 500.0).await;
    let booking = depot.place(0.0).await;
    depot.bookings.lock(booking, true, None, Actor::System).await.unwrap();
    assert_eq!(depot.dispatch.round("test").await.unwrap().waiting, 0);
    depot.bookings.lock(booking, false, None, Actor::System).await.unwrap();
    assert_eq!(depot.dispatch.round("test").await.unwrap().assigned, 1);
}

#[tokio::test]
async fn a_scheduled_booking_is_released_in_time_for_the_drive() {
    let (_dir, depot) = depot();
    depot.ready("far", 20_000.0).await;
    depot.dispatch.prepare().await.unwrap();
    let at = START + Span::from_secs(4 * 3_600);
    let booking = depot.place_at(0.0, Some(at)).await;
    // 20 km at 25 km/h with a detour of 1.3 take 3,744 s; the slack is 300 s more.
    let due = at - Span::from_secs(3_744 + 300);
    let released = async |now: depotd::model::Timestamp| {
        depot.clock.advance(now - depot.clock.now());
        depot.appear("far", 20_000.0);
        depot.dispatch.release(now).await.unwrap()
    };
    assert_eq!(released(due - Span::from_secs(60)).await, 0);
    assert_eq!(released(due + Span::from_secs(60)).await, 1);
    assert_eq!(depot.get(booking).await.status, Status::Waiting);
    // Nobody who is free can be told of: then the settings' lead holds.
    depot.fleet.set_online(&id("far"), false, depot.clock.now());
    let later = depot.place_at(0.0, Some(at + Span::from_secs(3_600))).await;
    let due = at + Span::from_secs(3_600 - 900);
    depot.clock.advance(due - Span::from_secs(1) - depot.clock.now());
    assert_eq!(depot.dispatch.release(depot.clock.now()).await.unwrap(), 0);
    depot.clock.advance(Span::from_secs(1));
    assert_eq!(depot.dispatch.release(depot.clock.now()).await.unwrap(), 1);
    assert_eq!(depot.get(later).await.status, Status::Waiting);
}

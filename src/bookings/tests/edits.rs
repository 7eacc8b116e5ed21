//! Changing, giving up and wanting again what was ordered.

use super::*;

async fn edit(d: &Depot, b: &Booking, order: Order) -> Result<Booking> {
    d.bookings.edit(b.id, b.version, order, None, user()).await
}

fn hours(n: i64) -> Timestamp {
    START + Span::from_secs(n * 3_600)
}

async fn last_event(d: &Depot, b: &Booking) -> (Kind, Option<VehicleId>, serde_json::Value) {
    let events = d.bookings.events(b.id, Page { cursor: None, limit: 100 }).await.unwrap();
    let last = events.items.into_iter().next_back().unwrap();
    (last.kind, last.vehicle, serde_json::from_str(&last.data).unwrap())
}

#[tokio::test]
async fn an_edit_is_for_one_version_and_leaves_one_event() {
    let d = depot(&[]).await;
    let b = placed(&d).await;
    let noted = edit(&d, &b, Order { notes: Some("ring twice".into()), ..b.order.clone() }).await.unwrap();
    assert_eq!((noted.version, noted.status, noted.fare), (2, Status::Waiting, b.fare));
    assert_eq!(d.bookings.get(b.id).await.unwrap(), noted);
    let (kind, vehicle, data) = last_event(&d, &b).await;
    assert_eq!((kind, vehicle, &data["changed"]), (Kind::BookingChanged, None, &serde_json::json!(["notes"])));
    let Err(Error::Stale(now)) = edit(&d, &b, Order { notes: None, ..b.order.clone() }).await else { panic!("edited an old version") };
    assert_eq!(*now, noted);
    assert_eq!(edit(&d, &noted, noted.order.clone()).await.unwrap(), noted, "nothing changed, nothing happens");
}

#[tokio::test]
async fn its_time_decides_whether_it_waits() {
    let d = depot(&[]).await;
    let b = placed(&d).await;
    let later = edit(&d, &b, Order { pickup_at: Some(hours(5)), ..b.order.clone() }).await.unwrap();
    assert_eq!((later.status, later.order.expires_at), (Status::Scheduled, Some(hours(6))), "its expiry moves along");
    let soon = edit(&d, &later, Order { pickup_at: None, ..later.order.clone() }).await.unwrap();
    assert_eq!((soon.status, soon.order.pickup_at, soon.order.expires_at), (Status::Waiting, Some(START), Some(hours(1))));
    let past = edit(&d, &soon, Order { pickup_at: Some(hours(-2)), ..soon.order.clone() }).await;
    assert!(matches!(past, Err(Error::Invalid(f)) if f[0].field == "pickup_at"));
}

#[tokio::test]
async fn the_price_holds_while_its_trip_stays() {
    let d = depot(&[]).await;
    let quote = d.bookings.quote(order(), None).await.unwrap();
    let placed = PlaceRequest { quote_id: Some(quote.id.to_string()), ..asking(order()) };
    let b = d.bookings.place(placed, user(), None).await.unwrap().booking;
    let mut dear = Config::default();
    dear.tariff.base_minor += 10_000;
    let dearer = Bookings::new(Db::open(d.dir.path()).unwrap(), &dear, d.clock.clone());
    let later = dearer.edit(b.id, 1, Order { pickup_at: Some(hours(2)), ..b.order.clone() }, None, user()).await.unwrap();
    assert_eq!(later.fare, b.fare);
    let heavier = Order { load_kg: Some(90), ..later.order.clone() };
    let quoted = d.bookings.quote(heavier.clone(), None).await.unwrap();
    let with_quote = |version| dearer.edit(b.id, version, heavier.clone(), Some(quoted.id.to_string()), user());
    let agreed = with_quote(2).await.unwrap();
    assert_eq!(agreed.fare.price, quoted.price);
    let farther = Order { dropoff: site(42.60, 1.60), ..agreed.order.clone() };
    let other = dearer.edit(b.id, 3, farther.clone(), Some(quoted.id.to_string()), user()).await;
    assert!(matches!(other, Err(Error::Invalid(f)) if f[0].field == "quote_id"));
    let priced = dearer.edit(b.id, 3, farther, None, user()).await.unwrap();
    assert!(priced.fare.price.amount_minor > 10_000 && priced.fare.distance_m > b.fare.distance_m);
}

#[tokio::test]
async fn what_a_driver_must_know_names_the_vehicle() {
    let d = depot(&["KA-1"]).await;
    let b = placed(&d).await;
    let b = d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    let b = edit(&d, &b, Order { customer_reference: Some("PO 7".into()), ..b.order.clone() }).await.unwrap();
    assert_eq!(last_event(&d, &b).await.1, None);
    let b = edit(&d, &b, Order { dropoff: site(42.60, 1.60), ..b.order.clone() }).await.unwrap();
    assert_eq!((b.status, b.vehicle.clone()), (Status::Assigned, Some(van("KA-1"))));
    assert_eq!(last_event(&d, &b).await.1, Some(van("KA-1")));
    let refused = edit(&d, &b, Order { vehicle_class: Some("truck".into()), skills: vec!["cold".into()], ..b.order.clone() }).await;
    assert!(
        matches!(refused, Err(Error::Fixed(Status::Assigned, f)) if f.iter().map(|f| f.field.as_str()).eq(["vehicle_class", "skills"]))
    );
}

#[tokio::test]
async fn an_offer_is_taken_back_when_its_driver_would_have_to_know() {
    let d = depot(&[]).await;
    let offered = async |order: Order| {
        let b = placed(&d).await;
        let offer = move |tx: &Transaction<'_>| commit(tx, find(tx, b.id)?, Change::of(Step::Offer), &Actor::System, START);
        let b = d.bookings.db.write(offer).await.unwrap();
        edit(&d, &b, Order { expires_at: b.order.expires_at, pickup_at: b.order.pickup_at, ..order }).await.unwrap().status
    };
    assert_eq!(offered(Order { priority: Priority::High, ..order() }).await, Status::Offered);
    assert_eq!(offered(Order { notes: Some("stairs".into()), ..order() }).await, Status::Waiting);
}

#[tokio::test]
async fn nobody_in_time_means_expired_wherever_it_stands() {
    let d = depot(&["KA-1"]).await;
    let waiting = placed(&d).await;
    let scheduled = asking(Order { pickup_at: Some(hours(3)), expires_at: Some(hours(4)), ..order() });
    let scheduled = d.bookings.place(scheduled, user(), None).await.unwrap().booking;
    let given = placed(&d).await;
    d.bookings.assign(given.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    assert_eq!(d.bookings.expire_due(hours(1) - Span::from_millis(1)).await.unwrap(), 0);
    assert_eq!(d.bookings.expire_due(hours(1)).await.unwrap(), 1);
    assert_eq!(d.bookings.expire_due(hours(4)).await.unwrap(), 1);
    for (booking, status) in [(&waiting, Status::Expired), (&scheduled, Status::Expired), (&given, Status::Assigned)] {
        assert_eq!(d.bookings.get(booking.id).await.unwrap().status, status);
    }
    assert_eq!(last_event(&d, &waiting).await.0, Kind::BookingExpired);
    let early = asking(Order { expires_at: Some(START), ..order() });
    assert!(matches!(d.bookings.place(early, user(), None).await, Err(Error::Invalid(f)) if f[0].field == "expires_at"));
}

#[tokio::test]
async fn what_was_given_up_can_be_wanted_again() {
    let d = depot(&["KA-1"]).await;
    let b = placed(&d).await;
    let b = d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    assert!(matches!(d.bookings.cancel(b.id, "no".into(), Standing::Bookings, user()).await, Err(Error::HasVehicle)));
    d.bookings.step(b.id, Step::PickedUp, None, None, user(), None).await.unwrap();
    let failed = d.bookings.fail(b.id, "flat tyre".into(), user()).await.unwrap();
    assert_eq!((failed.status, failed.reason.as_deref()), (Status::Failed, Some("flat tyre")));
    assert_eq!(d.bookings.fail(b.id, "again".into(), user()).await.unwrap(), failed);
    d.clock.advance(Span::from_secs(7_200));
    let again = renewed(&failed.order, d.clock.now());
    let b = d.bookings.reopen(b.id, failed.version, again, Some("new van".into()), user()).await.unwrap();
    assert_eq!((b.status, b.vehicle.clone(), b.reason.clone(), b.picked_up_at), (Status::Waiting, None, None, None));
    assert_eq!((b.order.pickup_at, b.order.expires_at), (Some(hours(2)), Some(hours(3))));
    let (kind, _, data) = last_event(&d, &b).await;
    assert_eq!((kind, &data["reason"]), (Kind::BookingReopened, &"new van".into()));
    let twice = d.bookings.reopen(b.id, b.version, b.order.clone(), None, user()).await;
    assert!(matches!(twice, Err(Error::Refused(_))));
    let b = d.bookings.cancel(b.id, "no load".into(), Standing::Bookings, user()).await.unwrap();
    let tomorrow = Order { pickup_at: Some(hours(24)), ..renewed(&b.order, hours(2)) };
    assert_eq!(d.bookings.reopen(b.id, b.version, tomorrow, None, user()).await.unwrap().status, Status::Scheduled);
}

#[tokio::test]
async fn a_job_may_come_earlier_or_later_but_not_grow_beyond_its_vehicle() {
    let d = depot(&["KA-1"]).await;
    let carries = |tx: &Transaction<'_>| -> crate::store::Result<bool> {
        let mut vehicle = crate::store::vehicles::get(tx, &van("KA-1"))?.unwrap();
        vehicle.capacity.kg = Some(800);
        crate::store::vehicles::update(tx, &vehicle)
    };
    assert!(d.bookings.db.write(carries).await.unwrap());
    let b = placed(&d).await;
    let b = d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    let later = edit(&d, &b, Order { pickup_at: Some(hours(1)), ..b.order.clone() }).await.unwrap();
    assert_eq!((later.status, later.order.pickup_at, later.order.expires_at), (Status::Assigned, Some(hours(1)), Some(hours(2))));
    assert_eq!(last_event(&d, &later).await.2["changed"], serde_json::json!(["pickup_at", "expires_at"]));
    let heavy = edit(&d, &later, Order { load_kg: Some(801), ..later.order.clone() }).await;
    assert!(matches!(&heavy, Err(Error::Invalid(f)) if f[0].field == "load_kg" && f[0].message.contains("KA-1")), "{heavy:?}");
    edit(&d, &later, Order { load_kg: Some(800), ..later.order.clone() }).await.unwrap();
}

#[tokio::test]
async fn a_window_of_the_drop_off_alone_says_when_it_is_picked_up() {
    let d = depot(&[]).await;
    let window = Window { from: hours(24), until: hours(25) };
    let b = d.bookings.place(asking(Order { dropoff_window: Some(window), ..order() }), user(), None).await.unwrap().booking;
    let trip = Span::from_secs(b.fare.duration_s.into());
    assert_eq!((b.status, b.order.pickup_at), (Status::Scheduled, Some(hours(24) - trip)));
    let soon = Window { from: START, until: hours(1) };
    let b = d.bookings.place(asking(Order { dropoff_window: Some(soon), ..order() }), user(), None).await.unwrap().booking;
    assert_eq!((b.status, b.order.pickup_at), (Status::Waiting, Some(START)));
}

#[tokio::test]
async fn only_what_wants_a_vehicle_now_counts_as_demand() {
    let d = depot(&[]).await;
    let wanted = async || d.bookings.wanted_since(START - Span::from_secs(900), d.clock.now()).await.unwrap().0;
    for _ in 0..30 {
        d.bookings.place(asking(Order { pickup_at: Some(hours(72)), ..order() }), user(), None).await.unwrap();
    }
    assert_eq!(wanted().await, 0, "booked for later");
    let now = placed(&d).await;
    assert_eq!(wanted().await, 1);
    d.bookings.cancel(now.id, "no".into(), Standing::Jobs, user()).await.unwrap();
    assert_eq!(wanted().await, 0);
}

#[tokio::test]
async fn a_driver_who_fails_says_why() {
    let d = depot(&["KA-1"]).await;
    let b = placed(&d).await;
    d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    let fail = async |proof| d.bookings.step(b.id, Step::Failed, None, proof, user(), None).await;
    for empty in [None, Some(serde_json::json!({"reason": " "}))] {
        assert!(matches!(fail(empty).await, Err(Error::Invalid(f)) if f[0].field == "proof.reason"));
    }
    let failed = fail(Some(serde_json::json!({"reason": "flat tyre"}))).await.unwrap();
    assert_eq!((failed.status, failed.reason.as_deref()), (Status::Failed, Some("flat tyre")));
}

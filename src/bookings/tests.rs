//! The use cases on a real ops.db.

use super::*;
use crate::auth::{Auth, NewDevice};
use crate::eta::speeds::Drive;
use crate::model::{Contact, DeviceId, Metres, Order, Place, Priority, Site, Stop, StopKind, Window};
use crate::store::journal;
use crate::telemetry::Format;
use proptest::prelude::*;
use tempfile::TempDir;

struct Depot {
    dir: TempDir,
    clock: Clock,
    bookings: Bookings,
}

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

async fn depot(vehicles: &[&str]) -> Depot {
    let dir = tempfile::tempdir().unwrap();
    let (clock, config) = (Clock::manual(START), Config::default());
    let db = Db::open(dir.path()).unwrap();
    let auth = Auth::new(db.clone(), &config.mqtt, clock.clone());
    for id in vehicles {
        let id: DeviceId = id.parse().unwrap();
        auth.add_device(NewDevice { id, vehicle: None, format: Format::Native }, Actor::System).await.unwrap();
    }
    let bookings = Bookings::new(db, &config, clock.clone());
    Depot { dir, clock, bookings }
}

fn site(lat: f64, lon: f64) -> Site {
    Site::at(Place::new(lat, lon).unwrap())
}

fn order() -> Order {
    let wish = Order::new(site(42.50, 1.50), site(42.55, 1.55));
    Order { load_kg: Some(20), customer: Some("Ana".into()), ..wish }
}

fn asking(order: Order) -> PlaceRequest {
    order.into()
}

fn request() -> PlaceRequest {
    asking(order())
}

fn user() -> Actor {
    Actor::User("ana".into())
}

fn van(id: &str) -> VehicleId {
    id.parse().unwrap()
}

async fn placed(d: &Depot) -> Booking {
    d.bookings.place(request(), user(), None).await.unwrap().booking
}

#[tokio::test]
async fn a_booking_goes_its_way_and_survives_a_restart() {
    let d = depot(&["KA-1"]).await;
    let b = placed(&d).await;
    assert_eq!((b.status, b.reference.as_str(), b.version), (Status::Waiting, "B-1001", 1));
    d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    for step in [Step::Arrived, Step::PickedUp, Step::PickedUp, Step::Delivered] {
        d.bookings.step(b.id, step, None, None, Actor::Device("KA-1".into()), Some(&van("KA-1"))).await.unwrap();
    }
    let again = Bookings::new(Db::open(d.dir.path()).unwrap(), Config::default(), d.clock.clone());
    let b = again.get(b.id).await.unwrap();
    assert_eq!((b.status, b.version, b.delivered_at), (Status::Delivered, 5, Some(START)));
    let page = Page { cursor: None, limit: 3 };
    let first = again.events(b.id, page).await.unwrap();
    let kinds: Vec<_> = first.items.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [Kind::BookingPlaced, Kind::BookingAssigned, Kind::BookingArrived]);
    let rest = again.events(b.id, Page { cursor: first.next, limit: 3 }).await.unwrap();
    assert_eq!((rest.items.len(), rest.next), (2, None));
    assert_eq!(again.rounds(b.id, Page { cursor: None, limit: 3 }).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_key_gives_one_booking_and_another_request_is_told() {
    let d = depot(&[]).await;
    let key = || Some("order-7".to_owned());
    let first = d.bookings.place(request(), user(), key()).await.unwrap();
    let second = d.bookings.place(request(), user(), key()).await.unwrap();
    assert!(!first.replayed && second.replayed);
    assert_eq!(first.booking, second.booking);
    let other = asking(Order { notes: Some("ring twice".into()), ..order() });
    assert!(matches!(d.bookings.place(other, user(), key()).await, Err(Error::KeyReused)));
    let somebody_else = d.bookings.place(request(), Actor::Token("t".into()), key()).await.unwrap();
    assert_ne!(somebody_else.booking.id, first.booking.id);
}

#[tokio::test]
async fn two_assigns_of_one_vehicle_or_one_booking_do_not_both_win() {
    let d = depot(&["KA-1", "KA-2"]).await;
    let (a, b) = (placed(&d).await, placed(&d).await);
    d.bookings.assign(a.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    let busy = d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await;
    assert!(matches!(busy, Err(Error::VehicleBusy(_))), "{busy:?}");
    let round =
        |booking: &Booking, vehicle| Assignment { booking: booking.id, decision: Decision::Give(van(vehicle)), record: Some("{}".into()) };
    let outcomes = d.bookings.assign_all(vec![round(&a, "KA-2"), round(&b, "KA-2")], None, START).await.unwrap();
    assert!(matches!(outcomes[0], Err(Error::Lost)) && outcomes[1].is_ok());
    let told = d.bookings.rounds(a.id, Page { cursor: None, limit: 9 }).await.unwrap().items;
    assert_eq!(told.len(), 1, "a lost race leaves no record");
    assert_eq!(d.bookings.active_of(&van("KA-2")).await.unwrap().unwrap().id, b.id);
}

#[tokio::test]
async fn scheduled_bookings_are_released_with_their_lead() {
    let d = depot(&[]).await;
    let at = START + Span::from_secs(3_600);
    let b = d.bookings.place(asking(Order { pickup_at: Some(at), ..order() }), user(), None).await.unwrap().booking;
    assert_eq!(b.status, Status::Scheduled);
    let due = at - Span::from_secs(300);
    assert_eq!(d.bookings.release_due(due - Span::from_millis(1)).await.unwrap(), 0);
    assert_eq!(d.bookings.release_due(due).await.unwrap(), 1);
    assert_eq!(d.bookings.get(b.id).await.unwrap().status, Status::Waiting);
}

#[tokio::test]
async fn a_booking_for_later_that_is_taken_back_waits_for_its_time_again() {
    let d = depot(&["KA-1"]).await;
    for (pickup_at, status) in [(Some(START + Span::from_secs(86_400)), Status::Scheduled), (None, Status::Waiting)] {
        let b = d.bookings.place(asking(Order { pickup_at, ..order() }), user(), None).await.unwrap().booking;
        d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
        assert_eq!(d.bookings.unassign(b.id, "a flat tyre".into(), user()).await.unwrap().status, status);
    }
}

#[tokio::test]
async fn a_quote_holds_its_price_for_its_trip_until_it_expires() {
    let d = depot(&[]).await;
    let quote = d.bookings.quote(order(), None).await.unwrap();
    assert_eq!(quote.bill.lines.iter().map(|l| l.amount_minor).sum::<i64>(), quote.price.amount_minor);
    let mut dear = Config::default();
    dear.tariff.base_minor += 10_000;
    let later = Bookings::new(Db::open(d.dir.path()).unwrap(), &dear, d.clock.clone());
    let with = |load_kg| PlaceRequest { quote_id: Some(quote.id.to_string()), ..asking(Order { load_kg, ..order() }) };
    assert_eq!(later.place(with(Some(20)), user(), None).await.unwrap().booking.fare.price, quote.price);
    assert!(matches!(later.place(with(Some(21)), user(), None).await, Err(Error::Invalid(f)) if f[0].field == "quote_id"));
    d.clock.advance(Span::from_secs(15 * 60));
    assert!(matches!(later.place(with(Some(20)), user(), None).await, Err(Error::Invalid(f)) if f[0].message.contains("expired")));
}

#[tokio::test]
async fn every_fault_is_told_at_once() {
    let d = depot(&[]).await;
    let bad = PlaceRequest {
        order: Order { dropoff: order().pickup, pickup_at: Some(START - Span::from_secs(7_200)), ..order() },
        quote_id: Some("x".into()),
        promo_code: None,
    };
    let Err(Error::Invalid(faults)) = d.bookings.place(bad, user(), None).await else { panic!("accepted") };
    let fields: Vec<_> = faults.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(fields, ["dropoff", "pickup_at", "quote_id"]);
}

fn full_order() -> Order {
    let contact = |name: &str| Some(Contact { name: Some(name.into()), phone: Some("+376 800 100".into()), email: None });
    let there = Site { address: Some("Mill 4".into()), contact: contact("Clara"), ..site(42.60, 1.52) };
    Order {
        pickup: Site { contact: contact("Berta"), ..order().pickup },
        stops: vec![
            Stop { site: there, kind: StopKind::Dropoff, notes: Some("two pallets".into()) },
            Stop { site: site(42.58, 1.50), kind: StopKind::Visit, notes: None },
        ],
        pickup_at: Some(START + Span::from_secs(7_200)),
        pickup_until: Some(START + Span::from_secs(9_000)),
        dropoff_window: Some(Window { from: START + Span::from_secs(9_000), until: START + Span::from_secs(12_000) }),
        skills: vec!["tail_lift".into()],
        load_m3: Some(2.5),
        pieces: Some(4),
        customer_reference: Some("PO-7711".into()),
        priority: Priority::Urgent,
        ..order()
    }
}

#[tokio::test]
async fn all_that_was_ordered_is_kept_priced_over_its_stops_and_found() {
    let d = depot(&[]).await;
    let plain = placed(&d).await;
    let booking = d.bookings.place(asking(full_order()), user(), None).await.unwrap().booking;
    let expires_at = full_order().pickup_until.map(|until| until + Span::from_secs(3_600));
    assert_eq!((booking.status, &booking.order), (Status::Scheduled, &Order { expires_at, ..full_order() }));
    assert_eq!(d.bookings.get(booking.id).await.unwrap(), booking);
    assert!(booking.fare.distance_m > plain.fare.distance_m && booking.fare.price.amount_minor > plain.fare.price.amount_minor);
    for (text, hits) in
        [("po-7711", 1), ("clara", 1), ("berta", 1), ("two pallets", 1), ("mill 4", 1), ("ana", 2), ("dropoff", 0), ("visit", 0)]
    {
        let filter = Filter { q: Some(text.to_owned()), ..Filter::default() };
        let found = d.bookings.list(filter, Page { cursor: None, limit: 9 }).await.unwrap();
        assert_eq!(found.items.len(), hits, "{text}");
    }
}

#[tokio::test]
async fn a_quote_is_as_slow_as_the_fleet_has_been_at_the_hour_of_its_pickup() {
    let d = depot(&[]).await;
    let plain = d.bookings.quote(order(), None).await.unwrap();
    assert_eq!(plain.eta_source, "great_circle");
    let mut speeds = d.bookings.ways().speeds();
    let busy = START + Span::from_secs(5 * 3_600);
    for at in [START, busy] {
        let straight = Metres(if at == busy { 1_800.0 } else { 18_000.0 });
        let drive = Drive { at, straight, took: Span::from_secs(1_800) };
        for _ in 0..20 {
            assert!(speeds.learn("van", d.bookings.ways().hour(at), &drive).is_some());
        }
    }
    d.bookings.ways().teach(speeds);
    let now = d.bookings.quote(order(), None).await.unwrap();
    let later = d.bookings.quote(Order { pickup_at: Some(busy), ..order() }, None).await.unwrap();
    assert_eq!((now.eta_source, later.eta_source, now.distance_m), ("learned", "learned", plain.distance_m));
    assert!(now.duration_s < plain.duration_s && plain.duration_s < later.duration_s, "{now:?} {plain:?} {later:?}");
    assert!(now.price.amount_minor < later.price.amount_minor);
    let booked = d.bookings.place(asking(Order { pickup_at: Some(busy), ..order() }), user(), None).await.unwrap().booking;
    assert_eq!((booked.fare.price, booked.fare.duration_s), (later.price, later.duration_s));
    let another = Order { vehicle_class: Some("lorry".into()), ..order() };
    assert_eq!(d.bookings.quote(another, None).await.unwrap().eta_source, "great_circle", "nobody knows how fast a lorry is");
}

#[tokio::test]
async fn a_quote_is_for_its_stops_and_load() {
    let d = depot(&[]).await;
    let quote = d.bookings.quote(full_order(), None).await.unwrap();
    let with = |order| PlaceRequest { quote_id: Some(quote.id.to_string()), ..asking(order) };
    let mut swapped = full_order();
    swapped.stops.reverse();
    for other in [
        swapped,
        Order { stops: vec![], ..full_order() },
        Order { load_m3: None, ..full_order() },
        Order { pieces: Some(5), ..full_order() },
    ] {
        assert!(matches!(d.bookings.place(with(other), user(), None).await, Err(Error::Invalid(f)) if f[0].field == "quote_id"));
    }
    let booking = d.bookings.place(with(full_order()), user(), None).await.unwrap().booking;
    assert_eq!((booking.fare.price, booking.fare.distance_m), (quote.price, quote.distance_m));
}

#[tokio::test]
async fn windows_and_stops_that_cannot_be_are_told() {
    let d = depot(&[]).await;
    let at = |hours: i64| START + Span::from_secs(hours * 3_600);
    let far = Stop { site: site(-30.0, 1.5), kind: StopKind::Visit, notes: None };
    let bad = Order {
        stops: vec![far],
        pickup_at: Some(at(3)),
        pickup_until: Some(at(2)),
        dropoff_window: Some(Window { from: at(2), until: at(1) }),
        ..order()
    };
    let Err(Error::Invalid(faults)) = d.bookings.quote(bad, None).await else { panic!("accepted") };
    let fields: Vec<_> = faults.iter().map(|f| f.field.as_str()).collect();
    assert_eq!(fields, ["stops[0]", "dropoff", "pickup_window.until", "dropoff_window.until", "dropoff_window.until"]);
    let open = Order { pickup_at: Some(at(-3)), pickup_until: Some(at(1)), ..order() };
    assert_eq!(d.bookings.place(asking(open), user(), None).await.unwrap().booking.status, Status::Waiting, "a window that is open now");
    let over = Order { pickup_at: Some(at(-3)), pickup_until: Some(at(-1)), ..order() };
    assert!(d.bookings.place(asking(over), user(), None).await.is_err());
}

#[tokio::test]
async fn lists_page_filter_and_search() {
    let d = depot(&["KA-1"]).await;
    for n in 0..7 {
        let customer = Some(if n % 2 == 0 { "Ana" } else { "Ben" }.to_owned());
        d.bookings.place(asking(Order { customer, ..order() }), user(), None).await.unwrap();
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = d.bookings.list(Filter::default(), Page { cursor, limit: 3 }).await.unwrap();
        seen.extend(page.items.into_iter().map(|b| b.reference));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["B-1007", "B-1006", "B-1005", "B-1004", "B-1003", "B-1002", "B-1001"]);
    let found = |q: &str| {
        let filter = Filter { q: Some(q.to_owned()), status: vec![Status::Waiting], ..Filter::default() };
        d.bookings.list(filter, Page { cursor: None, limit: 50 })
    };
    assert_eq!(found("ana").await.unwrap().items.len(), 4);
    assert_eq!(found("b-1003").await.unwrap().items.len(), 1);
    assert!(found("%").await.unwrap().items.is_empty());
    let odd = d.bookings.list(Filter::default(), Page { cursor: Some("x".into()), limit: 1 }).await;
    assert!(matches!(odd, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn what_the_road_may_not_do_is_refused_with_the_reason() {
    let d = depot(&["KA-1", "KA-2"]).await;
    let b = placed(&d).await;
    let by = |vehicle: &str, step| {
        let (bookings, vehicle) = (d.bookings.clone(), van(vehicle));
        async move { bookings.step(b.id, step, None, None, Actor::System, Some(&vehicle)).await }
    };
    assert!(matches!(by("KA-1", Step::Arrived).await, Err(Error::NotYours(_))));
    d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    assert!(matches!(by("KA-2", Step::Arrived).await, Err(Error::NotYours(_))));
    assert!(matches!(by("KA-1", Step::Delivered).await, Err(Error::Refused(_))));
    assert!(matches!(by("KA-1", Step::Cancel).await, Err(Error::Invalid(_))));
    by("KA-1", Step::PickedUp).await.unwrap();
    assert!(matches!(d.bookings.cancel(b.id, "late".into(), Standing::Jobs, user()).await, Err(Error::OnBoard)));
}

/// The status of each booking by the journal alone: its last entry's data.
async fn by_journal(d: &Depot) -> std::collections::BTreeMap<String, String> {
    let events = d.bookings.db.read(|c| journal::after(c, 0, 100_000)).await.unwrap();
    let statuses = events.iter().filter(|e| e.booking.is_some()).map(|e| {
        let data: serde_json::Value = serde_json::from_str(&e.data).unwrap();
        (e.booking.unwrap().to_string(), data["status"].as_str().unwrap().to_owned())
    });
    statuses.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn rows_journal_and_status_machine_agree_after_any_history(
        history in proptest::collection::vec((0..4_usize, 0..3_usize, 0..7_usize), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let names = ["KA-1", "KA-2", "KA-3"];
            let d = depot(&names).await;
            let mut model = Vec::new();
            for _ in 0..4 {
                model.push((placed(&d).await.id, Status::Waiting, None));
            }
            for (which, vehicle, action) in history {
                let vehicle = van(names[vehicle]);
                let busy = model.iter().any(|(id, s, v)| s.holds_vehicle() && v.as_ref() == Some(&vehicle) && *id != model[which].0);
                let (id, status, holder) = &mut model[which];
                let step = [Step::Assign, Step::Arrived, Step::PickedUp, Step::Delivered, Step::Failed, Step::Cancel, Step::Assign][action];
                let reassigns = step == Step::Assign && status.holds_vehicle() && *status != Status::PickedUp;
                let expected = if reassigns { Ok(Status::Assigned) } else { status.after(step) };
                let done = match step {
                    Step::Assign => d.bookings.assign(*id, ByHand::to(vehicle.clone()), user()).await,
                    Step::Cancel => d.bookings.cancel(*id, "because".into(), Standing::Jobs, user()).await,
                    _ => d.bookings.step(*id, step, None, Some(serde_json::json!({"reason": "flat tyre"})), user(), None).await,
                };
                match done {
                    Ok(b) if b.status == *status && b.vehicle == *holder => {} // a repeat: nothing changed
                    Ok(b) => {
                        assert_eq!(Ok(b.status), expected);
                        assert!(step != Step::Assign || !busy, "two jobs at once");
                        *status = b.status;
                        *holder = b.vehicle;
                    }
                    Err(Error::VehicleBusy(_)) => assert!(busy),
                    Err(_) => assert!(expected.is_err()),
                }
            }
            let journal = by_journal(&d).await;
            for (id, status, _) in model {
                assert_eq!(d.bookings.get(id).await.unwrap().status, status);
                assert_eq!(journal[&id.to_string()], status.as_str());
            }
            assert!(d.bookings.db.read(crate::store::audit::verify).await.unwrap().is_ok());
        });
    }
}

mod edits;
mod head_office;
mod reminders;

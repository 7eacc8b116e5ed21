use super::*;
use crate::model::Status;
use crate::web::live::wants::Follow;
use serde_json::Value;

fn hub() -> Hub {
    Hub::new(Clock::manual(Timestamp::from_secs(1_800_000_000)), Bounds { clients: 3, per_user: 2 })
}

fn row(idx: u32, lat: i32) -> Row {
    Row {
        idx,
        id: format!("v{idx}").into(),
        class: "van".into(),
        at: Some((lat, 150_000)),
        course: None,
        speed: Some(30),
        status: 0,
        fix: Some(Timestamp::from_secs(1_800_000_000)),
        booking: None,
    }
}

async fn read(seat: &mut Seat) -> Value {
    serde_json::from_str(&seat.next().await.unwrap().text).unwrap()
}

#[tokio::test]
async fn a_client_gets_a_snapshot_then_what_changes() {
    let hub = hub();
    hub.vehicles([row(0, 1), row(1, 2)].into_iter());
    hub.flush(true, false);
    let mut seat = hub.join("user:ana", Wants::default()).unwrap();
    let first = read(&mut seat).await;
    assert_eq!(first["t"], "snapshot");
    assert_eq!(first["vehicles"][1].as_array().unwrap()[..5], [1.into(), "v1".into(), "van".into(), 2.into(), Value::from(150_000)]);
    hub.vehicles([row(1, 3), row(2, 4), row(0, 1)].into_iter());
    hub.flush(false, false);
    hub.flush(true, false);
    let delta = read(&mut seat).await;
    assert_eq!(delta["t"], "delta");
    assert!(delta["seq"].as_u64() > first["seq"].as_u64());
    assert_eq!(delta["v"].as_array().unwrap().len(), 2, "the unmoved one is not told: {delta}");
    assert_eq!(delta["new"], serde_json::json!([[2, "v2", "van"]]));
    assert_eq!(delta["counts"]["free"], 3);
}

#[tokio::test]
async fn a_slow_client_gets_a_new_snapshot_and_delays_nobody() {
    let hub = hub();
    let mut slow = hub.join("user:ana", Wants::default()).unwrap();
    let mut quick = hub.join("user:ana", Wants::default()).unwrap();
    read(&mut quick).await;
    for lat in 0..40 {
        hub.vehicles([row(0, lat)].into_iter());
        hub.flush(true, false);
        assert_eq!(read(&mut quick).await["v"][0][1], lat);
    }
    let mut got = Vec::new();
    while let Ok(frame) = slow.frames.try_recv() {
        got.push(frame);
    }
    assert_eq!(got.len(), QUEUE);
    hub.vehicles([row(0, 99)].into_iter());
    hub.flush(true, false);
    let frame = read(&mut slow).await;
    assert_eq!((&frame["t"], &frame["vehicles"][0][3]), (&"snapshot".into(), &99.into()));
    assert_eq!(hub.stats(), Stats { clients: 2, renewed: 1, refused: 0 });
}

#[tokio::test]
async fn wants_are_kept_and_seats_are_bounded() {
    let hub = hub();
    hub.vehicles([row(0, 4_200_000), row(1, 4_300_000)].into_iter());
    hub.flush(true, false);
    let wants = Wants { area: Some([1.0, 41.5, 2.0, 42.5]), select: Some(VehicleId::new("v0").unwrap()), ..Wants::default() };
    let mut seat = hub.join("user:ana", wants).unwrap();
    read(&mut seat).await;
    hub.vehicles([row(0, 4_210_000), row(1, 4_310_000)].into_iter());
    assert_eq!(read(&mut seat).await["t"], "sel");
    hub.flush(true, false);
    let delta = read(&mut seat).await;
    assert_eq!(delta["v"].as_array().unwrap().len(), 1, "{delta}");
    let join = |user| hub.join(user, Wants::default()).map_err(|full| full.to_string());
    let _second = join("user:ana").unwrap();
    assert_eq!(join("user:ana").unwrap_err(), "too many live clients of one user");
    let _third = join("user:ben").unwrap();
    assert_eq!(join("user:ben").unwrap_err(), "too many live clients");
    drop(seat);
    join("user:ana").unwrap();
    assert_eq!(hub.stats().refused, 2);
}

#[tokio::test]
async fn a_finished_booking_is_told_once_and_then_gone() {
    let hub = hub();
    let id = BookingId::generate(Timestamp::from_secs(1), [1; 10]);
    let at = |status: Status| Open {
        status,
        customer: None,
        json: RawValue::from_string(format!("{{\"status\":{:?}}}", status.as_str())).unwrap().into(),
    };
    hub.booking(id, at(Status::Waiting));
    let mut seat = hub.join("user:ana", Wants::default()).unwrap();
    assert_eq!(read(&mut seat).await["bookings"][0]["status"], "waiting");
    hub.flush(false, false);
    let delta = read(&mut seat).await;
    assert_eq!((&delta["b"][0]["status"], &delta["counts"]["unassigned"]), (&"waiting".into(), &1.into()));
    hub.booking(id, at(Status::Delivered));
    hub.flush(false, false);
    assert_eq!(read(&mut seat).await["b"][0]["status"], "delivered");
    let mut late = hub.join("user:ana", Wants::default()).unwrap();
    assert_eq!(read(&mut late).await["bookings"], serde_json::json!([]));
}

#[tokio::test]
async fn figures_go_to_those_who_want_them_when_they_change() {
    let hub = hub();
    let figures = |n: u32| serde_json::value::to_raw_value(&n).unwrap().into();
    let mut seat = hub.join("user:ana", Wants::default()).unwrap();
    let mut other = hub.join("user:ben", Wants::default()).unwrap();
    assert!(!hub.wants_figures());
    seat.want(Wants { figures: true, ..Wants::default() });
    assert!(hub.wants_figures());
    for n in [1, 1, 2] {
        hub.figures(figures(n));
    }
    for seat in [&mut seat, &mut other] {
        assert_eq!(read(seat).await["t"], "snapshot");
    }
    for n in [1, 2] {
        let told = read(&mut seat).await;
        assert_eq!((&told["t"], &told["summary"]), (&"figures".into(), &Value::from(n)));
    }
    other.want(Wants { figures: true, ..Wants::default() });
    assert_eq!(read(&mut other).await["summary"], 2, "whoever comes later is told what stands");
    assert!(seat.frames.try_recv().is_err());
    drop((seat, other));
    assert!(!hub.wants_figures());
    let mut late = hub.join("user:ana", Wants { figures: true, ..Wants::default() }).unwrap();
    assert_eq!(read(&mut late).await["t"], "snapshot");
    assert!(late.frames.try_recv().is_err(), "what nobody kept up to date is not told");
}

fn booking(n: u8) -> BookingId {
    BookingId::generate(Timestamp::from_secs(1), [n; 10])
}

fn open(customer: &str, n: u8, status: Status) -> Open {
    let json = RawValue::from_string(format!("{{\"n\":{n},\"status\":{:?}}}", status.as_str())).unwrap();
    Open { status, customer: Some(customer.into()), json: json.into() }
}

fn carries(idx: u32, lat: i32, n: u8) -> Row {
    Row { booking: Some(booking(n)), ..row(idx, lat) }
}

#[tokio::test]
async fn a_customer_sees_its_own_and_what_carries_it_while_it_does() {
    let hub = hub();
    hub.booking(booking(1), open("acme", 1, Status::Assigned));
    hub.booking(booking(2), open("other", 2, Status::Assigned));
    hub.vehicles([row(0, 1), carries(1, 2, 2)].into_iter());
    hub.flush(true, false);
    let wants = || Wants { customer: Some("acme".into()), ..Wants::default() };
    let mut seat = hub.join("user:ann", wants()).unwrap();
    let first = read(&mut seat).await;
    assert_eq!((&first["vehicles"], first["bookings"].as_array().unwrap().len()), (&serde_json::json!([]), 1), "{first}");
    hub.vehicles([carries(0, 3, 1), carries(1, 4, 2)].into_iter());
    hub.flush(true, false);
    let delta = read(&mut seat).await;
    assert_eq!((&delta["new"], delta["v"].as_array().unwrap().len()), (&serde_json::json!([[0, "v0", "van"]]), 1), "{delta}");
    assert!(delta["counts"].is_null(), "how much there is to do here is nobody's business: {delta}");
    assert_eq!(read(&mut hub.join("user:ann", wants()).unwrap()).await["vehicles"][0][1], "v0");
    hub.booking(booking(1), open("acme", 1, Status::Delivered));
    hub.booking(booking(2), open("other", 2, Status::PickedUp));
    hub.vehicles([row(0, 5)].into_iter());
    hub.flush(true, false);
    let last = read(&mut seat).await;
    assert_eq!((&last["gone"], &last["v"]), (&serde_json::json!([0]), &serde_json::json!([])), "{last}");
    assert_eq!(last["b"], serde_json::json!([{"n": 1, "status": "delivered"}]));
    hub.vehicles([row(0, 6)].into_iter());
    hub.flush(true, true);
    assert_eq!(read(&mut seat).await["v"], serde_json::json!([]));
    let ids = HashSet::from([booking(1), booking(2)]);
    let mut ended = seat.ended(&ids, &wants());
    ended.sort_unstable();
    assert_eq!(ended, [booking(1), booking(2)], "one is over, the other not its own");
}

#[tokio::test]
async fn cells_and_bookings_are_chosen_by_their_ids() {
    let hub = hub();
    let cell = h3o::LatLng::new(42.0, 1.5).unwrap().to_cell(h3o::Resolution::Seven);
    let wants =
        Wants { cells: Some([cell].into_iter().collect()), bookings: Follow::These(HashSet::from([booking(2)])), ..Wants::default() };
    let mut seat = hub.join("user:ana", wants.clone()).unwrap();
    read(&mut seat).await;
    hub.vehicles([row(0, 4_200_000), row(1, 4_300_000)].into_iter());
    hub.booking(booking(1), open("acme", 1, Status::Waiting));
    hub.booking(booking(2), open("acme", 2, Status::Waiting));
    hub.flush(true, false);
    let delta = read(&mut seat).await;
    assert_eq!((delta["v"].as_array().unwrap().len(), &delta["v"][0][0], &delta["b"][0]["n"]), (1, &0.into(), &2.into()), "{delta}");
    seat.tell(&[RawValue::from_string("{\"n\":9}".to_owned()).unwrap()]);
    assert_eq!(read(&mut seat).await["b"][0]["n"], 9);
    let both = Wants { area: Some([1.0, 42.9, 2.0, 43.1]), ..wants };
    seat.want(both);
    read(&mut seat).await;
    hub.vehicles([row(1, 4_300_100)].into_iter());
    hub.flush(true, false);
    assert_eq!(read(&mut seat).await["v"][0][0], 1, "within the one or the other");
}

//! What head office and the depot may do to each other's bookings.

use super::*;
use crate::model::{Origin, Part};

async fn ordered(d: &Depot) -> Booking {
    let (bookings, now) = (d.bookings.clone(), d.clock.now());
    d.bookings.db.write(move |tx| bookings.place_for_head_office(tx, None, order(), now)).await.unwrap()
}

async fn call_off(d: &Depot, id: BookingId, version: Option<u32>) -> Result<Booking> {
    let (bookings, now) = (d.bookings.clone(), d.clock.now());
    d.bookings.db.write(move |tx| bookings.cancel_for_head_office(tx, id, version, "not wanted".into(), now)).await
}

async fn change(d: &Depot, id: BookingId, version: u32, new: Order) -> Result<Booking> {
    let (bookings, now) = (d.bookings.clone(), d.clock.now());
    d.bookings.db.write(move |tx| bookings.change_for_head_office(tx, id, version, |_| Ok::<_, Error>(new), now)).await
}

fn fields(result: Result<Booking>) -> Vec<String> {
    match result {
        Err(Error::HeadOffices(_, faults)) => faults.into_iter().map(|f| f.field).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_depot_leaves_what_head_office_ordered_but_for_what_the_vehicle_must_be_like() {
    let d = depot(&["KA-1"]).await;
    let b = ordered(&d).await;
    assert_eq!((b.origin, d.bookings.get(b.id).await.unwrap().origin), (Origin::HeadOffice, Origin::HeadOffice));
    let at = |hours: i64| Some(START + Span::from_secs(hours * 3_600));
    let far = site(42.7, 1.5);
    let wishes = [
        (Order { customer: Some("Ben".into()), ..b.order.clone() }, "customer"),
        (Order { notes: Some("x".into()), ..b.order.clone() }, "notes"),
        (Order { pickup_at: at(3), ..b.order.clone() }, "pickup_at"),
        (Order { dropoff: far, ..b.order.clone() }, "dropoff"),
        (Order { priority: Priority::High, ..b.order.clone() }, "priority"),
        (Order { expires_at: at(9), ..b.order.clone() }, "expires_at"),
    ];
    for (wish, field) in wishes {
        let told = fields(d.bookings.edit(b.id, b.version, wish.clone(), None, user()).await);
        assert!(told.contains(&field.to_owned()), "{field}: {told:?}");
        for part in Part::changed(&b.order, &wish) {
            assert!(part.is_placers(), "{part:?}");
        }
    }
    let quote = d.bookings.quote(b.order.clone(), None).await.unwrap();
    assert_eq!(fields(d.bookings.edit(b.id, b.version, b.order.clone(), Some(quote.id.to_string()), user()).await), ["quote_id"]);
    let heavier = Order { load_kg: Some(90), skills: vec!["tail_lift".into()], vehicle_class: Some("truck".into()), ..b.order.clone() };
    let b = d.bookings.edit(b.id, b.version, heavier, None, user()).await.unwrap();
    // The same from head office, on the depot's own booking too.
    let b = change(&d, b.id, b.version, Order { customer: Some("Ben".into()), ..b.order }).await.unwrap();
    assert_eq!((b.version, b.order.customer.as_deref(), b.order.load_kg), (3, Some("Ben"), Some(90)));
    let own = placed(&d).await;
    assert!(matches!(change(&d, own.id, 7, own.order.clone()).await, Err(Error::Stale(now)) if now.version == 1));
    let own = change(&d, own.id, 1, Order { customer: Some("Eve".into()), ..own.order }).await.unwrap();
    d.bookings.edit(own.id, own.version, Order { customer: Some("Ana".into()), ..own.order }, None, user()).await.unwrap();
}

#[tokio::test]
async fn head_office_calls_off_before_a_vehicle_has_it_and_the_depot_after() {
    let d = depot(&["KA-1"]).await;
    let b = ordered(&d).await;
    assert_eq!(fields(d.bookings.cancel(b.id, "no".into(), Standing::Jobs, user()).await), Vec::<String>::new());
    assert!(matches!(call_off(&d, b.id, Some(9)).await, Err(Error::Stale(_))));
    d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    assert!(matches!(call_off(&d, b.id, None).await, Err(Error::HasVehicle)));
    let b = d.bookings.cancel(b.id, "customer rang".into(), Standing::Jobs, user()).await.unwrap();
    assert_eq!((b.status, call_off(&d, b.id, Some(1)).await.unwrap().version), (Status::Cancelled, b.version));
    assert!(fields(d.bookings.reopen(b.id, b.version, renewed(&b.order, START), None, user()).await).is_empty());

    let b = ordered(&d).await;
    assert_eq!(call_off(&d, b.id, Some(1)).await.unwrap().status, Status::Cancelled);
    let b = ordered(&d).await;
    d.bookings.assign(b.id, ByHand::to(van("KA-1")), user()).await.unwrap();
    let b = d.bookings.fail(b.id, "gate closed".into(), user()).await.unwrap();
    let tomorrow = Order { pickup_at: Some(START + Span::from_secs(86_400)), ..renewed(&b.order, START) };
    assert_eq!(fields(d.bookings.reopen(b.id, b.version, tomorrow, None, user()).await), ["pickup_at"]);
    let b = d.bookings.reopen(b.id, b.version, renewed(&b.order, START), None, user()).await.unwrap();
    assert_eq!((b.status, b.origin), (Status::Waiting, Origin::HeadOffice));
}

#[tokio::test]
async fn an_id_of_head_offices_choice_is_taken_once() {
    let d = depot(&[]).await;
    let (bookings, now, id) = (d.bookings.clone(), d.clock.now(), BookingId::generate(START, [9; 10]));
    let twice = move |tx: &Transaction<'_>| {
        let first = bookings.place_for_head_office(tx, Some(id), order(), now)?;
        Ok::<_, Error>((first.id, bookings.place_for_head_office(tx, Some(id), order(), now).map(|b| b.id)))
    };
    let (first, second) = d.bookings.db.write(twice).await.unwrap();
    assert!(first == id && matches!(second, Err(Error::Exists(known)) if known == id));
}

//! Reminders of pickups to come.

use super::*;

/// A booking with a pickup so many hours after the start.
async fn in_hours(d: &Depot, hours: i64) -> Booking {
    let wish = Order { pickup_at: Some(START + Span::from_secs(hours * 3_600)), ..order() };
    d.bookings.place(asking(wish), user(), None).await.unwrap().booking
}

/// Goes on by so many minutes and gives what is reminded of then: reference and offset in hours.
async fn remind(d: &Depot, minutes: i64) -> Vec<(String, i64)> {
    d.clock.advance(Span::from_secs(minutes * 60));
    let before = d.bookings.db.read(journal::head).await.unwrap();
    let told = d.bookings.remind_due(d.clock.now()).await.unwrap();
    let events = d.bookings.db.read(move |c| journal::after(c, before, 100)).await.unwrap();
    assert_eq!(events.len(), told);
    let read = |e: &crate::model::Event| {
        assert_eq!(e.kind, Kind::BookingReminder);
        let data: serde_json::Value = serde_json::from_str(&e.data).unwrap();
        (data["ref"].as_str().unwrap().to_owned(), data["remind"]["before_s"].as_i64().unwrap() / 3_600)
    };
    events.iter().map(read).collect()
}

#[tokio::test]
async fn each_offset_is_told_once_over_restarts_and_not_what_was_booked_within_it() {
    let mut d = depot(&[]).await;
    let far = in_hours(&d, 30).await;
    let near = in_hours(&d, 2).await;
    in_hours(&d, 0).await;
    assert!(remind(&d, 0).await.is_empty());
    assert_eq!(remind(&d, 60).await, [(near.reference.clone(), 1)]);
    d.bookings = Bookings::new(Db::open(d.dir.path()).unwrap(), Config::default(), d.clock.clone());
    assert!(remind(&d, 0).await.is_empty());
    assert_eq!(remind(&d, 5 * 60).await, [(far.reference.clone(), 24)]);
    assert_eq!(remind(&d, 23 * 60).await, [(far.reference.clone(), 1)]);
    assert!(remind(&d, 59).await.is_empty());
}

#[tokio::test]
async fn a_depot_that_was_away_tells_the_shortest_offset_only() {
    let d = depot(&[]).await;
    let far = in_hours(&d, 30).await;
    assert_eq!(remind(&d, 29 * 60 + 30).await, [(far.reference, 1)]);
    assert!(remind(&d, 0).await.is_empty());
}

#[tokio::test]
async fn a_move_is_reminded_of_anew_and_what_was_called_off_is_not() {
    let d = depot(&[]).await;
    let (moved, gone) = (in_hours(&d, 3).await, in_hours(&d, 3).await);
    assert_eq!(remind(&d, 2 * 60).await.len(), 2);
    let later = Order { pickup_at: Some(START + Span::from_secs(5 * 3_600)), ..moved.order.clone() };
    d.bookings.edit(moved.id, moved.version, later, None, user()).await.unwrap();
    d.bookings.cancel(gone.id, "no".into(), Standing::Jobs, user()).await.unwrap();
    assert!(remind(&d, 60).await.is_empty());
    assert_eq!(remind(&d, 60).await, [(moved.reference, 1)]);
}

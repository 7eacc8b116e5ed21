//! Rules over real bookings, on a clock that is moved by hand.

use super::*;
use crate::bookings::Bookings;
use crate::bookings::Standing;
use crate::model::{
    Actor, Booking, Contact, Delivery, DeliveryState, Language, Limit, Order, Place, Quiet, QuietThen, RuleBody, Site, Span, Who,
};
use crate::store::deliveries::Filter;
use rusqlite::Connection;

/// 13:33 UTC.
const NOW: Timestamp = Timestamp::from_secs(1_700_055_180);

struct Depot {
    _dir: tempfile::TempDir,
    clock: Clock,
    bookings: Bookings,
    post: Post,
    follower: Follower,
}

fn depot() -> Depot {
    depot_at(NOW)
}

fn depot_at(now: Timestamp) -> Depot {
    let (dir, clock, mut config) = (tempfile::tempdir().unwrap(), Clock::manual(now), Config::default());
    config.depot.zone = "Europe/Berlin".into();
    config.depot.name = "North".into();
    config.mail.smtp_url = "smtp://127.0.0.1:1".into();
    config.mail.from = "depot@example.com".into();
    let db = Db::open(dir.path()).unwrap();
    let bookings = Bookings::new(db.clone(), &config, clock.clone());
    let post = Post::open(db, &config, bookings.etas().clone(), clock.clone()).unwrap();
    Depot { _dir: dir, clock, bookings, follower: Follower::new(post.clone()), post }
}

fn body() -> RuleBody {
    RuleBody {
        events: vec!["booking.placed".into()],
        who: Who::Customer,
        to: Vec::new(),
        channel: Channel::Mail,
        gateway: None,
        language: Language::De,
        subject: "{booking.reference} ist {booking.status}".into(),
        text: "{event} um {time}, Fahrer {driver}, {booking.price}".into(),
        quiet: None,
        limit: None,
        digest_min: None,
    }
}

fn site(lon: f64, email: Option<&str>) -> Site {
    let contact = Contact { name: Some("Ana".into()), phone: Some("+49 1".into()), email: email.map(str::to_owned) };
    Site { contact: Some(contact), ..Site::at(Place::new(42.5, lon).unwrap()) }
}

impl Depot {
    async fn rule(&self, body: RuleBody) -> String {
        self.post.add_rule(RuleWish { name: "Rule".into(), enabled: true, body }, Actor::System).await.unwrap().id
    }

    /// Places a booking for somebody with that address; what is in the queue then, newest first.
    async fn place(&self, pickup: Option<&str>, dropoff: Option<&str>) -> Vec<Delivery> {
        let order = Order::new(site(1.5, pickup), site(1.6, dropoff));
        self.bookings.place(order.into(), Actor::System, None).await.unwrap();
        self.follow().await
    }

    async fn follow(&self) -> Vec<Delivery> {
        self.follower.catch_up().await.unwrap();
        self.post.deliveries(Filter::default(), i64::MAX, 100).await.unwrap()
    }

    async fn text(&self, delivery: &Delivery) -> String {
        let message = delivery.message;
        let said = self.post.0.db.read(move |c| deliveries::message(c, message)).await.unwrap().unwrap();
        serde_json::from_str::<Letter>(&said.body).unwrap().text
    }
}

#[tokio::test]
async fn a_rule_tells_whom_it_is_for_in_its_words_and_once() {
    let d = depot();
    d.place(Some("early@example.com"), None).await;
    d.rule(body()).await;
    let said = d.place(Some("ana@example.com"), Some("bo@example.com")).await;
    assert_eq!(said.len(), 1, "what was before the rule is not told");
    assert_eq!((said[0].recipient.as_str(), said[0].subject.as_str()), ("ana@example.com", "B-1002 ist wartet"));
    assert_eq!(d.text(&said[0]).await, format!("booking.placed um 14:33, Fahrer nicht bekannt, {}", price(&d).await));
    assert_eq!((d.follow().await.len(), said[0].booking.is_some()), (1, true));
    assert_eq!(d.place(None, Some("bo@example.com")).await[0].recipient, "bo@example.com", "where the pickup has no address");
    assert_eq!(d.place(None, None).await.len(), 2);
    assert_eq!(d.post.stats().unreachable, 1);
}

/// What the second booking costs, in words.
async fn price(d: &Depot) -> String {
    let events = d.post.0.db.read(|c| store::journal::after(c, 0, 100)).await.unwrap();
    let booking = events.iter().filter_map(|event| event.booking).nth(1).unwrap();
    crate::pricing::currency::in_words(d.bookings.get(booking).await.unwrap().fare.price)
}

#[tokio::test]
async fn in_quiet_hours_it_waits_or_is_dropped() {
    let d = depot();
    let quiet = |hours: &str, then| RuleBody { quiet: Some(Quiet { hours: hours.into(), then }), ..body() };
    let (waits, drops) = (d.rule(quiet("14:00-06:30", QuietThen::Wait)).await, d.rule(quiet("14:00-15:00", QuietThen::Drop)).await);
    let said = d.place(Some("ana@example.com"), None).await;
    assert_eq!((said.len(), said[0].rule.as_deref()), (1, Some(waits.as_str())));
    assert_eq!(said[0].next_at, NOW + Span::from_secs((15 * 60 + 57) * 60), "half past six in Berlin");
    assert_eq!((said[0].queued_at, d.post.stats().quiet), (said[0].next_at, 1));
    d.clock.advance(Span::from_secs(3_600));
    let said = d.place(Some("ana@example.com"), None).await;
    assert!(said.iter().any(|one| one.rule.as_deref() == Some(&drops) && one.next_at == d.clock.now()), "{said:?}");
}

#[tokio::test]
async fn quiet_hours_end_by_the_clocks_of_the_depot() {
    // Midnight before the clocks go back, and before they go forward.
    for (midnight, end) in [("2026-10-24T22:00:00Z", "2026-10-25T05:30:00.000Z"), ("2026-03-28T23:00:00Z", "2026-03-29T04:30:00.000Z")] {
        let d = depot_at(Timestamp::parse(midnight).unwrap());
        d.rule(RuleBody { quiet: Some(Quiet { hours: "22:00-06:30".into(), then: QuietThen::Wait }), ..body() }).await;
        assert_eq!(d.place(Some("ana@example.com"), None).await[0].next_at.to_string(), end);
    }
}

#[tokio::test]
async fn nobody_is_told_more_than_the_limit() {
    let d = depot();
    d.rule(RuleBody { limit: Some(Limit { count: 2, per_min: 60 }), ..body() }).await;
    for _ in 0..3 {
        d.place(Some("ana@example.com"), None).await;
    }
    assert_eq!(d.place(Some("bo@example.com"), None).await.len(), 3, "each has his own");
    assert_eq!(d.post.stats().limited, 1);
    d.clock.advance(Span::from_secs(3_601));
    assert_eq!(d.place(Some("ana@example.com"), None).await.len(), 4);
}

#[tokio::test]
async fn a_digest_collects_into_one_letter() {
    let d = depot();
    let id = d.rule(RuleBody { digest_min: Some(10), ..body() }).await;
    for _ in 0..3 {
        d.place(Some("ana@example.com"), None).await;
        d.clock.advance(Span::from_secs(60));
    }
    assert!(d.place(Some("bo@example.com"), None).await.is_empty());
    d.clock.advance(Span::from_secs(7 * 60));
    let said = d.follow().await;
    assert_eq!((said.len(), said[0].recipient.as_str(), said[0].subject.as_str()), (1, "ana@example.com", "Rule: 3"));
    let text = d.text(&said[0]).await;
    assert!(text.starts_with("14:33 B-1001 ist wartet\nbooking.placed um 14:33") && text.contains("14:35 B-1003"), "{text}");
    d.clock.advance(Span::from_secs(3 * 60));
    assert_eq!(d.follow().await[0].subject, "B-1004 ist wartet");
    assert_eq!(d.follow().await.len(), 2);
    d.place(Some("ana@example.com"), None).await;
    d.post.remove_rule(&id, Actor::System).await.unwrap();
    d.clock.advance(Span::from_secs(3_600));
    assert_eq!(d.follow().await.len(), 2, "what a rule collected goes with it");
}

/// A rule that reminds the customer, but not at night.
fn reminder() -> RuleBody {
    let quiet = Some(Quiet { hours: "20:00-06:00".into(), then: QuietThen::Wait });
    RuleBody { events: vec!["booking.reminder".into()], text: "{booking.pickup_time}".into(), quiet, ..body() }
}

impl Depot {
    async fn book(&self, pickup: &str) -> Booking {
        let pickup_at = Some(Timestamp::parse(pickup).unwrap());
        let order = Order { pickup_at, ..Order::new(site(1.5, Some("ana@example.com")), site(1.6, None)) };
        self.bookings.place(order.into(), Actor::System, None).await.unwrap().booking
    }

    /// Lets the time go on until then, reminding every quarter of an hour; what is in the queue at the end.
    async fn remind_until(&self, end: &str) -> Vec<Delivery> {
        let end = Timestamp::parse(end).unwrap();
        while self.clock.now() < end {
            self.clock.advance(Span::from_secs(900));
            self.bookings.remind_due(self.clock.now()).await.unwrap();
            self.follow().await;
        }
        self.follow().await
    }
}

#[tokio::test]
async fn a_reminder_of_a_pickup_after_the_clocks_changed_comes_at_the_right_hour_there() {
    // Nine o'clock in Berlin on the day the clocks went forward, and on the one they went back.
    for (placed, pickup, day_before, hour_before) in [
        ("2026-03-27T00:00:00Z", "2026-03-29T07:00:00Z", "2026-03-28T08:00:00.000Z", "2026-03-29T06:00:00.000Z"),
        ("2026-10-23T00:00:00Z", "2026-10-25T08:00:00Z", "2026-10-24T07:00:00.000Z", "2026-10-25T07:00:00.000Z"),
    ] {
        let d = depot_at(Timestamp::parse(placed).unwrap());
        d.rule(reminder()).await;
        d.book(pickup).await;
        let said = d.remind_until(pickup).await;
        let times: Vec<_> = said.iter().rev().map(|one| one.next_at.to_string()).collect();
        assert_eq!(times, [day_before, hour_before]);
        assert_eq!((d.text(&said[1]).await, d.text(&said[0]).await), (format!("{} 09:00", &pickup[..10]), "09:00".to_owned()));
    }
}

#[tokio::test]
async fn a_reminder_that_waits_goes_with_its_booking() {
    let d = depot_at(Timestamp::parse("2026-06-09T12:00:00Z").unwrap());
    d.rule(reminder()).await;
    let pickup = "2026-06-12T03:00:00Z";
    let [_, cancelled, moved] = [d.book(pickup).await, d.book(pickup).await, d.book(pickup).await];
    let waiting = d.remind_until("2026-06-11T03:15:00Z").await;
    assert!(waiting.len() == 3 && waiting.iter().all(|one| one.next_at.to_string() == "2026-06-11T04:00:00.000Z"), "{waiting:?}");
    d.bookings.cancel(cancelled.id, "no".into(), Standing::Jobs, Actor::System).await.unwrap();
    let later = Order { pickup_at: Timestamp::parse("2026-06-12T05:00:00Z"), ..moved.order.clone() };
    d.bookings.edit(moved.id, moved.version, later, None, Actor::System).await.unwrap();
    let outdated = async |at: &str| {
        let (waiting, now) = (waiting.clone(), Timestamp::parse(at).unwrap());
        let question = move |c: &Connection| waiting.iter().rev().map(|one| outdated::why(c, one, now)).collect::<store::Result<Vec<_>>>();
        d.post.0.db.read(question).await.unwrap()
    };
    let why = |why: &str| Some(why.to_owned());
    assert_eq!(outdated("2026-06-11T04:00:00Z").await, [None, why("its booking is cancelled"), why("its pickup was moved")]);
    assert_eq!(outdated(pickup).await[0], why("its pickup has passed"));
}

#[tokio::test]
async fn what_happened_long_ago_is_no_news() {
    let d = depot();
    d.rule(body()).await;
    let order = Order::new(site(1.5, Some("ana@example.com")), site(1.6, None));
    d.bookings.place(order.into(), Actor::System, None).await.unwrap();
    d.clock.advance(Span::from_secs(86_401));
    assert!(d.follow().await.is_empty());
}

#[tokio::test]
async fn a_follower_that_is_cut_short_says_nothing_twice_and_nothing_never() {
    let d = depot();
    d.rule(body()).await;
    let order = Order::new(site(1.5, Some("ana@example.com")), site(1.6, None));
    d.bookings.place(order.into(), Actor::System, None).await.unwrap();
    let post = d.post.clone();
    let torn = move |tx: &Transaction<'_>| {
        follow::step(&post, tx)?;
        Err::<(), _>(store::Error::Closed)
    };
    d.post.0.db.write(torn).await.unwrap_err();
    assert!(d.post.deliveries(Filter::default(), i64::MAX, 9).await.unwrap().is_empty());
    assert_eq!(d.follow().await.len(), 1);
    let again = Follower::new(d.post.clone());
    again.catch_up().await.unwrap();
    let all = d.post.deliveries(Filter { state: Some(DeliveryState::Waiting), ..Filter::default() }, i64::MAX, 9).await.unwrap();
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn rules_that_cannot_be_are_told_by_field() {
    let d = depot();
    let fields = async |body: RuleBody| match d.post.add_rule(RuleWish { name: "x".into(), enabled: true, body }, Actor::System).await {
        Err(Error::Invalid(wrong)) => wrong.into_iter().map(|w| w.field).collect::<Vec<_>>().join(" "),
        other => panic!("{other:?}"),
    };
    assert_eq!(fields(RuleBody { events: vec!["access.*".into()], ..body() }).await, "events");
    assert_eq!(fields(RuleBody { events: Vec::new(), text: "{nope}".into(), subject: "{".into(), ..body() }).await, "events subject text");
    assert_eq!(fields(RuleBody { channel: Channel::Webhook, ..body() }).await, "channel");
    assert_eq!(fields(RuleBody { channel: Channel::Message, ..body() }).await, "who");
    assert_eq!(fields(RuleBody { who: Who::Staff, ..body() }).await, "who");
    assert_eq!(fields(RuleBody { who: Who::Addresses, ..body() }).await, "to");
    assert_eq!(fields(RuleBody { to: vec!["a@b".into()], ..body() }).await, "to");
    assert_eq!(fields(RuleBody { who: Who::Addresses, to: vec!["a@b".into(), "nobody".into()], ..body() }).await, "to");
    assert_eq!(fields(RuleBody { channel: Channel::Gateway, gateway: Some("sms".into()), ..body() }).await, "gateway");
    assert_eq!(fields(RuleBody { subject: String::new(), ..body() }).await, "subject");
    assert_eq!(fields(RuleBody { quiet: Some(Quiet { hours: "22-6".into(), then: QuietThen::Wait }), ..body() }).await, "quiet.hours");
    let message = RuleBody { channel: Channel::Message, who: Who::Driver, digest_min: Some(5), ..body() };
    assert_eq!(fields(message).await, "digest_min");
}

use super::*;
use crate::bookings::Bookings;
use crate::bookings::etas::JobEta;
use crate::config::Config;
use crate::fleet::View;
use crate::model::{Contact, Event, Metres, Order, Place, Site, Status, Vehicle, VehicleId, Window};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr};

const START: Timestamp = Timestamp::from_secs(1_800_000_000);
const HOUR: Span = Span::from_secs(3_600);

struct Depot {
    _dir: tempfile::TempDir,
    clock: Clock,
    bookings: Bookings,
    links: Links,
}

fn depot() -> Depot {
    let (dir, clock, config) = (tempfile::tempdir().unwrap(), Clock::manual(START), Config::default());
    let db = Db::open(dir.path()).unwrap();
    let bookings = Bookings::new(db.clone(), config.clone(), clock.clone());
    let fleet = Fleet::new(&config.fleet);
    let links = Links::new(db, bookings.etas().clone(), fleet, clock.clone());
    Depot { _dir: dir, clock, bookings, links }
}

fn place(lat: f64, lon: f64) -> Place {
    Place::new(lat, lon).unwrap()
}

fn order() -> Order {
    let named = |name: &str| Some(Contact { name: Some(name.into()), phone: Some("+376 800 111".into()), email: None });
    let pickup = Site { contact: named("Ada"), address: Some("Ada's house".into()), ..Site::at(place(42.5, 1.5)) };
    let dropoff = Site { contact: named("Ben"), address: Some("Ben's house".into()), ..Site::at(place(42.6, 1.6)) };
    Order { customer: Some("acme".into()), notes: Some("ring twice".into()), ..Order::new(pickup, dropoff) }
}

impl Depot {
    async fn booking(&self) -> Booking {
        self.bookings.place(order().into(), Actor::System, None).await.unwrap().booking
    }

    async fn link(&self, booking: &Booking, expires_at: Option<Timestamp>) -> (Link, String) {
        self.links.make(booking.id, NewLink { language: None, expires_at }, Actor::User("ana".into())).await.unwrap()
    }

    async fn look(&self, secret: &str) -> Result<Glimpse> {
        self.links.look(secret, IpAddr::V4(Ipv4Addr::LOCALHOST).into()).await
    }

    async fn cancel(&self, booking: &Booking) {
        self.bookings.cancel(booking.id, "no".into(), crate::bookings::Standing::Jobs, Actor::System).await.unwrap();
    }
}

#[tokio::test]
async fn a_link_lives_until_a_day_after_the_end_and_again_after_a_reopening() {
    let d = depot();
    let booking = d.booking().await;
    let (link, secret) = d.link(&booking, None).await;
    assert_eq!((link.expires_at, secret.len()), (None, 22));
    assert_eq!(d.look(&secret).await.unwrap().status, Status::Waiting);
    d.cancel(&booking).await;
    d.clock.advance(AFTER_END - Span::from_millis(1));
    assert_eq!(d.look(&secret).await.unwrap().expires_at, Some(START + AFTER_END));
    d.clock.advance(Span::from_millis(1));
    assert!(matches!(d.look(&secret).await, Err(Error::Dead)));
    assert!(d.links.of(booking.id).await.unwrap()[0].expired);
    let cancelled = d.bookings.get(booking.id).await.unwrap();
    let renewed = crate::bookings::renewed(&cancelled.order, d.clock.now());
    d.bookings.reopen(booking.id, cancelled.version, renewed, None, Actor::System).await.unwrap();
    assert_eq!(d.look(&secret).await.unwrap().expires_at, None);
    d.links.revoke(booking.id, link.id.clone(), Actor::System).await.unwrap();
    assert!(matches!(d.look(&secret).await, Err(Error::Dead)));
    assert!(matches!(d.links.revoke(booking.id, link.id, Actor::System).await, Err(Error::Unknown(_))));
}

#[tokio::test]
async fn its_own_end_comes_first_and_the_dead_go_after_a_week() {
    let d = depot();
    let booking = d.booking().await;
    let past = NewLink { language: None, expires_at: Some(START) };
    assert!(matches!(d.links.make(booking.id, past, Actor::System).await, Err(Error::Past)));
    let (_, brief) = d.link(&booking, Some(START + HOUR)).await;
    let (_, long) = d.link(&booking, None).await;
    d.clock.advance(HOUR);
    assert!(matches!(d.look(&brief).await, Err(Error::Dead)) && d.look(&long).await.is_ok());
    d.cancel(&booking).await;
    let left = async |after: Span| {
        d.links.purge(START + after).await.unwrap();
        d.links.of(booking.id).await.unwrap().len()
    };
    assert_eq!(left(KEPT + HOUR - Span::from_millis(1)).await, 2);
    assert_eq!(left(KEPT + HOUR).await, 1);
    assert_eq!(left(KEPT + HOUR + AFTER_END - Span::from_millis(1)).await, 1);
    assert_eq!(left(KEPT + HOUR + AFTER_END).await, 0);
}

#[tokio::test]
async fn a_booking_has_ten_living_links_at_most() {
    let d = depot();
    let booking = d.booking().await;
    d.link(&booking, Some(START + HOUR)).await;
    for _ in 1..MOST {
        d.link(&booking, None).await;
    }
    assert!(matches!(d.links.make(booking.id, NewLink::default(), Actor::System).await, Err(Error::Full)));
    d.clock.advance(HOUR);
    d.link(&booking, None).await;
    assert_eq!(d.links.of(booking.id).await.unwrap().len(), MOST);
    let unknown = BookingId::generate(START, [9; 10]);
    assert!(matches!(d.links.make(unknown, NewLink::default(), Actor::System).await, Err(Error::UnknownBooking)));
}

#[tokio::test]
async fn links_are_journalled_and_kept_without_their_secrets() {
    let d = depot();
    let booking = d.booking().await;
    let (link, secret) = d.link(&booking, None).await;
    d.links.revoke(booking.id, link.id.clone(), Actor::Token("k3f".into())).await.unwrap();
    let events = d.links.db.read(move |c| journal::of_booking(c, booking.id, 0, 10)).await.unwrap();
    let told: Vec<_> = events.iter().map(|e| (e.kind, e.actor.to_text())).skip(1).collect();
    assert_eq!(told, [(Kind::BookingLinkMade, "user:ana".into()), (Kind::BookingLinkRevoked, "token:k3f".into())]);
    assert!(events.iter().skip(1).all(|e| e.data.contains(&link.id) && !e.data.contains(&secret)), "{events:?}");
    let audited = d.links.db.read(|c| audit::newest(c, 2)).await.unwrap();
    assert_eq!(audited.iter().map(|e| &*e.action).collect::<Vec<_>>(), ["booking.link_revoked", "booking.link_made"]);
}

/// A booking that `van-1` has, what is known of it, and a link of it.
fn under_way(status: Status, at: Place, fix: Timestamp) -> (Booking, Whereabouts, Link) {
    let fleet = Fleet::new(&Config::default().fleet);
    let id = VehicleId::new("van-1").unwrap();
    fleet.register(&Vehicle::new(id.clone(), "van"), None);
    let view = View { place: Some(at), fix_ts: Some(fix), ..fleet.get(&id).unwrap() };
    let mut order = order();
    order.pickup_at = Some(START);
    let fare = crate::model::Fare {
        price: crate::model::Money { amount_minor: 4_711, currency: crate::model::Currency::new("EUR").unwrap() },
        distance_m: 10_000,
        duration_s: 1_200,
    };
    let booking = Booking {
        id: BookingId::generate(START, [1; 10]),
        reference: "B-1001".into(),
        status,
        order,
        fare,
        vehicle: Some(id),
        reason: None,
        created_at: START,
        updated_at: START,
        assigned_at: Some(START),
        arrived_at: None,
        picked_up_at: None,
        delivered_at: None,
        ended_at: None,
        locked: false,
        origin: crate::model::Origin::Depot,
        recurrence: None,
        version: 3,
    };
    let row = links::Row {
        id: "k3f".into(),
        hash: String::new(),
        booking: booking.id,
        language: None,
        made_by: String::new(),
        made_at: START,
        expires_at: None,
    };
    let link = Link::of(row, &booking, START);
    (booking, Whereabouts { vehicle: Some(view), ..Whereabouts::default() }, link)
}

#[test]
fn a_vehicle_is_shown_during_the_job_only() {
    let now = START + HOUR;
    let seen = |status: Status, fix: Timestamp, pickup_at: Timestamp| {
        let (mut booking, known, link) = under_way(status, place(42.55, 1.55), fix);
        booking.order.pickup_at = Some(pickup_at);
        Glimpse::of(&booking, &known, &link, now).vehicle.is_some()
    };
    for status in Status::ALL {
        assert_eq!(seen(status, now, START), status.holds_vehicle(), "{status:?}");
    }
    assert!(!seen(Status::PickedUp, START - Span::from_millis(1), START), "where it was before the job is not shown");
    let tomorrow = START + Span::from_secs(86_400);
    assert!(!seen(Status::Assigned, now, tomorrow) && seen(Status::PickedUp, now, tomorrow), "nor long before the pickup");
}

#[test]
fn a_vehicle_is_exact_on_the_last_stretch_only() {
    let exact = |status: Status, at: Place, minutes: Option<i64>| {
        let (booking, mut known, link) = under_way(status, at, START);
        known.eta = minutes.map(|n| JobEta {
            pickup_at: None,
            dropoff_at: START + Span::from_secs(60 * n),
            free_at: START,
            source: "road",
            late: None,
            computed_at: START,
        });
        Glimpse::of(&booking, &known, &link, START).vehicle.unwrap().within_m.is_none()
    };
    let (far, close) = (place(42.5, 1.5), place(42.59, 1.6));
    assert!(!exact(Status::PickedUp, far, None) && exact(Status::PickedUp, close, None));
    assert!(!exact(Status::PickedUp, far, Some(11)) && exact(Status::PickedUp, far, Some(10)));
    assert!(!exact(Status::Assigned, close, None) && !exact(Status::Arrived, close, Some(5)), "the load is not on board");
    let (booking, mut known, link) = under_way(Status::PickedUp, far, START);
    let computed_at = START - Span::from_secs(301);
    known.eta = Some(JobEta { pickup_at: None, dropoff_at: START, free_at: START, source: "road", late: None, computed_at });
    assert!(!Glimpse::of(&booking, &known, &link, START).is_near(), "an old estimate says nothing");
}

proptest! {
    #[test]
    fn a_coarse_place_is_within_what_is_said_and_tells_no_more(lat in -80.0..80.0, lon in -180.0..180.0) {
        let (booking, known, link) = under_way(Status::Assigned, place(lat, lon), START);
        let seen = Glimpse::of(&booking, &known, &link, START).vehicle.unwrap();
        let Metres(off) = seen.place.distance(place(lat, lon));
        prop_assert!(off <= f64::from(seen.within_m.unwrap()), "{off}");
        let (booking, known, link) = under_way(Status::Assigned, seen.place, START);
        prop_assert_eq!(Glimpse::of(&booking, &known, &link, START).vehicle.unwrap().place, seen.place);
    }
}

#[test]
fn a_delivery_is_expected_as_well_as_is_known() {
    let (mut booking, mut known, link) = under_way(Status::PickedUp, place(42.5, 1.5), START);
    let expected = |booking: &Booking, known: &Whereabouts, now: Timestamp| Glimpse::of(booking, known, &link, now).expected;
    let dropoff_at = START + HOUR;
    known.eta = Some(JobEta { pickup_at: None, dropoff_at, free_at: dropoff_at, source: "learned", late: None, computed_at: START });
    let live = expected(&booking, &known, START).unwrap();
    assert_eq!((live.at, live.source), (Some(dropoff_at), "learned"));
    assert_eq!(expected(&booking, &known, START + HOUR + HOUR).unwrap().at, Some(START + HOUR + HOUR), "it does not lie in the past");
    booking.status = Status::Waiting;
    assert_eq!(expected(&booking, &known, START), None, "an estimate of before it waited again is none");
    booking.order.pickup_at = Some(START + HOUR);
    let planned = expected(&booking, &known, START).unwrap();
    assert_eq!((planned.at, planned.source), (Some(START + HOUR + Span::from_secs(1_200)), "planned"));
    booking.order.dropoff_window = Some(Window { from: START, until: dropoff_at });
    let agreed = expected(&booking, &known, START).unwrap();
    assert_eq!((agreed.earliest, agreed.latest, agreed.source), (Some(START), Some(dropoff_at), "window"));
    booking.status = Status::Delivered;
    assert_eq!(expected(&booking, &known, START), None);
}

#[test]
fn proof_is_told_without_what_is_on_it() {
    let proof = |given: serde_json::Value| {
        let (mut booking, mut known, link) = under_way(Status::Delivered, place(42.6, 1.6), START);
        booking.delivered_at = Some(START);
        let data = json!({"proof": given}).to_string();
        let kind = Kind::BookingDelivered;
        known.delivery = Some(Event { seq: 1, at: START, kind, actor: Actor::System, booking: Some(booking.id), vehicle: None, data });
        Glimpse::of(&booking, &known, &link, START).proof.map(|p| (p.signature, p.photos))
    };
    for (given, told) in [
        (json!({"name": "Ben", "signature": "<svg/>", "photos": ["a.jpg", "b.jpg"]}), Some((true, 2))),
        (json!({"photo": "https://example.org/1.jpg"}), Some((false, 1))),
        (json!({"signature": false, "photos": ["", null]}), None),
        (json!({"name": "Ben"}), None),
        (json!("signed"), None),
    ] {
        assert_eq!(proof(given.clone()), told, "{given}");
    }
}

#[tokio::test]
async fn what_never_was_a_link_is_a_guess() {
    let d = depot();
    let (_, secret) = d.link(&d.booking().await, None).await;
    assert!(d.look(&secret).await.is_ok());
    for guess in ["AAAAAAAAAAAAAAAAAAAAAA", "no secret at all", ""] {
        assert!(matches!(d.look(guess).await, Err(Error::Dead)), "{guess:?}");
    }
    assert_eq!((d.links.stats().looks, d.links.stats().guesses), (4, 3));
}

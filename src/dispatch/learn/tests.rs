use super::*;
use crate::bookings::{Bookings, ByHand, PlaceRequest};
use crate::clock::Clock;
use crate::config::Config;
use crate::eta::{Asker, Leg, SOURCES};
use crate::model::{Actor, Capacity, Fix, Flags, Order, Place, Site, Span, Step, Timestamp, Vehicle, VehicleId};

const START: Timestamp = Timestamp::from_secs(1_700_000_000);

struct Depot {
    clock: Clock,
    config: Config,
    db: Db,
    tracks: Tracks,
    bookings: Bookings,
    van: VehicleId,
}

fn place(east_m: f64) -> Place {
    Place::new(0.0, east_m / 111_195.0).unwrap()
}

impl Depot {
    async fn open(dir: &std::path::Path) -> Self {
        let (config, clock) = (Config::default(), Clock::manual(START));
        let db = Db::open(dir).unwrap();
        let tracks = Tracks::open(dir, &config.tracks, clock.clone()).unwrap();
        let bookings = Bookings::new(db.clone(), &config, clock.clone());
        let van = VehicleId::new("KA-1").unwrap();
        let vehicle =
            Vehicle { id: van.clone(), class: "van".into(), capacity: Capacity::default(), skills: vec![], on_duty: true, version: 1 };
        db.write(move |tx| vehicles::insert(tx, &vehicle, START).map(|_| ())).await.unwrap();
        Self { clock, config, db, tracks, bookings, van }
    }

    /// Drives from `from` to `to`, at so many metres a second, a fix each ten seconds.
    async fn drive(&self, from: f64, to: f64, speed: f64) {
        let mut at = from;
        let mut fixes = Vec::new();
        while (to - at).abs() > 1.0 {
            at += (to - at).clamp(-speed * 10.0, speed * 10.0);
            self.clock.advance(Span::from_secs(10));
            let now = self.clock.now();
            fixes.push(Fix {
                vehicle: self.van.clone(),
                ts: now,
                received: now,
                place: place(at),
                speed_kmh: None,
                course: None,
                accuracy_m: None,
                ignition: None,
                battery: None,
                flags: Flags::default(),
                extras: None,
            });
        }
        self.tracks.append(fixes).await.unwrap();
        self.tracks.hurry();
    }

    /// Ten kilometres empty and ten loaded, at this speed.
    async fn job(&self, speed: f64) {
        let order = Order::new(Site::at(place(10_000.0)), Site::at(place(20_000.0)));
        let placed = self.bookings.place(PlaceRequest::from(order), Actor::System, None).await.unwrap();
        let id = placed.booking.id;
        self.bookings.assign(id, ByHand::to(self.van.clone()), Actor::System).await.unwrap();
        let step = |step| self.bookings.step(id, step, None, None, Actor::System, None);
        self.drive(0.0, 10_000.0, speed).await;
        step(Step::PickedUp).await.unwrap();
        self.drive(10_000.0, 20_000.0, speed).await;
        step(Step::Delivered).await.unwrap();
    }

    async fn learner(&self) -> (Etas, Learner) {
        let etas = Etas::new(&self.config, &self.clock);
        let learner = Learner::open(etas.clone(), self.db.clone(), self.tracks.clone()).await.unwrap();
        (etas, learner)
    }

    /// Minutes that ten kilometres take a vehicle of this class, and who says so.
    async fn ask(&self, etas: &Etas, class: &str) -> (i64, &'static str) {
        let leg = Leg { class: Some(class.into()), from: place(0.0), to: place(10_000.0) };
        let eta = etas.drives(&[leg], self.clock.now(), Asker::Round, self.clock.monotonic()).await[0];
        (eta.drive.as_millis() / 60_000, eta.source)
    }
}

#[tokio::test]
async fn deliveries_teach_how_long_a_way_takes_and_that_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let depot = Depot::open(dir.path()).await;
    let (etas, learner) = depot.learner().await;
    assert_eq!(depot.ask(&etas, "van").await, (31, SOURCES[3]), "10 km, a detour of 1.3, 25 km/h");
    depot.job(2.5).await;
    learner.catch_up().await.unwrap();
    assert!(learner.cursor() >= 4);
    let (first, source) = depot.ask(&etas, "van").await;
    assert!(source == SOURCES[2] && (36..66).contains(&first), "{first} min: an hour and a bit of driving at 67 min for 10 km");
    depot.job(2.5).await;
    depot.job(2.5).await;
    learner.catch_up().await.unwrap();
    let (third, _) = depot.ask(&etas, "van").await;
    assert!(third > first && third <= 66, "{first} min, then {third}");
    assert_eq!(depot.ask(&etas, "bike").await.1, SOURCES[3], "nobody knows about bikes");

    let (again, relearner) = depot.learner().await;
    assert_eq!(depot.ask(&again, "van").await.0, third, "kept over a restart");
    relearner.catch_up().await.unwrap();
    assert_eq!(depot.ask(&again, "van").await.0, third, "and not learned twice");
    assert_eq!(again.stats().learned, etas.stats().learned);
}

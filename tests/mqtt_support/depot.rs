//! Starts and stops the parts that the guard stands on.

use super::*;
use depotd::auth::{Auth, NewDevice, NewToken, Role};
use depotd::bookings::{Bookings, PlaceRequest};
use depotd::cab::Cab;
use depotd::drivers::Drivers;
use depotd::fleet::Presence;
use depotd::ingest::Ingest;
use depotd::model::{Actor, BookingId, Order, Place, Site, Vehicle};
use depotd::telemetry::Format;

pub struct Depot {
    pub dir: TempDir,
    pub config: Config,
    pub deps: Deps,
    pub addr: SocketAddr,
    pub tls: SocketAddr,
    pub guard: Observer,
    pub certificates: Arc<Certificates>,
    cancel: CancellationToken,
    running: JoinHandle<Result<(), depotd::mqtt::Error>>,
}

pub fn config() -> Config {
    let mut config = Config::default();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    (config.mqtt.listen, config.mqtt.tls_listen) = (Some(any), Some(any));
    config.tracks.commit_window_ms = 50;
    config
}

impl Depot {
    pub async fn start() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: Config) -> Self {
        Self::open(tempfile::tempdir().unwrap(), config).await
    }

    pub async fn open(dir: TempDir, config: Config) -> Self {
        let deps = deps(dir.path(), &config);
        Self::run(dir, config, deps).await
    }

    /// With vehicles `van-0`, `van-1` … known from before the guard starts.
    pub async fn with_vehicles(count: usize) -> Self {
        let (dir, config) = (tempfile::tempdir().unwrap(), config());
        let deps = deps(dir.path(), &config);
        for n in 0..count {
            let id = format!("van-{n}").parse().unwrap();
            deps.fleet.register(&Vehicle { on_duty: true, ..Vehicle::new(id, "van") }, None);
        }
        Self::run(dir, config, deps).await
    }

    async fn run(dir: TempDir, config: Config, deps: Deps) -> Self {
        let certificates = Arc::new(Certificates::own(&dir.path().join("tls"), &deps.clock).unwrap());
        let guard = Guard::bind(&config, deps.clone(), Some(certificates.clone())).await.unwrap();
        let (addr, tls, observer, cancel) = (guard.addr().unwrap(), guard.tls_addr().unwrap(), guard.observer(), CancellationToken::new());
        #[expect(clippy::disallowed_methods, reason = "a test is its own app")]
        let running = tokio::spawn(guard.run(cancel.clone()));
        Self { dir, config, deps, addr, tls, guard: observer, certificates, cancel, running }
    }

    /// Stops the guard in good order.
    pub async fn stop(self) -> (TempDir, Config) {
        self.cancel.cancel();
        self.running.await.unwrap().unwrap();
        (self.dir, self.config)
    }

    /// Stops everything and starts it again on the same directory.
    pub async fn restart(self) -> Self {
        let Self { dir, config, deps, cancel, running, guard, .. } = self;
        cancel.cancel();
        running.await.unwrap().unwrap();
        drop((deps, guard));
        Self::open(dir, config).await
    }

    /// How often a reason was given.
    pub fn refused(&self, reason: &str) -> u64 {
        self.guard.stats().refused.iter().find(|(name, _)| *name == reason).unwrap().1
    }

    /// Waits until `ready`, looking again and again; the tests' time limit is the bound.
    pub async fn until(&self, what: &str, mut ready: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !ready(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    /// The track of a vehicle, durable fixes only.
    pub async fn track(&self, vehicle: &str) -> usize {
        let vehicle = VehicleId::new(vehicle).unwrap();
        let (from, to) = (Timestamp::from_secs(0), Timestamp::from_secs(4_000_000_000));
        self.deps.tracks.read(&vehicle, from, to, 100_000, None).await.unwrap().fixes.len()
    }
}

fn deps(dir: &std::path::Path, config: &Config) -> Deps {
    let (clock, db) = (Clock::system(), Db::open(dir).unwrap());
    let (fleet, tracks) = (Fleet::new(&config.fleet), Tracks::open(dir, &config.tracks, clock.clone()).unwrap());
    let inspector = Inspector::default();
    let bookings = Bookings::new(db.clone(), config, clock.clone());
    Deps {
        cab: Cab::new(db.clone(), bookings, Drivers::new(db.clone(), config, clock.clone()), clock.clone()),
        ingest: Ingest::new(fleet.clone(), tracks.clone(), inspector.clone(), &config.telemetry, clock.clone()),
        auth: Auth::new(db.clone(), &config.mqtt, clock.clone()),
        presence: Presence::new(fleet.clone()),
        fleet,
        tracks,
        db,
        clock,
        inspector,
        news: depotd::notify::catalogue::news,
    }
}

impl Depot {
    /// Adds device `dev-NAME` on vehicle `van-NAME`; its user name and password.
    pub async fn device(&self, name: &str) -> (String, String) {
        let id: DeviceId = format!("dev-{name}").parse().unwrap();
        let vehicle = Some(format!("van-{name}").parse().unwrap());
        let new = NewDevice { id: id.clone(), vehicle, format: Format::Native };
        let made = self.deps.auth.add_device(new, Actor::System).await.unwrap();
        (id.to_string(), made.password)
    }
}

impl Depot {
    /// A token that may see positions.
    pub async fn reader(&self) -> String {
        let new = NewToken { name: "board".into(), role: Role::Viewer, scopes: Vec::new(), customer: None, expires_at: None };
        self.deps.auth.add_token(new, Actor::System).await.unwrap().token
    }

    /// The bookings, as the guard's parts see them too.
    pub fn bookings(&self) -> Bookings {
        Bookings::new(self.deps.db.clone(), &self.config, self.deps.clock.clone())
    }

    /// Places a booking that waits for a vehicle.
    pub async fn booking(&self) -> BookingId {
        let site = |lat| Site::at(Place::new(lat, 1.5).unwrap());
        let request = PlaceRequest::from(Order::new(site(42.50), site(42.51)));
        self.bookings().place(request, Actor::System, None).await.unwrap().booking.id
    }
}

//! The HTTP side: routes over the use cases, the live view, the console's pages.

pub mod access;
mod analytics;
pub mod assets;
mod bookings;
mod cookies;
mod days;
mod demand;
mod devices;
mod drivers;
pub mod error;
mod extract;
mod failures;
mod fixes;
mod gauges;
mod headers;
mod if_match;
mod limits;
mod linger;
pub mod live;
mod metrics;
mod notify;
mod openapi;
mod order;
mod orders;
mod pages;
mod phones;
mod proxies;
mod quotes;
mod reach;
mod receipts;
mod recurrences;
mod reports;
pub mod routes;
mod schedules;
mod server;
mod session;
mod settings;
mod shapes;
mod sockets;
mod sync;
mod system;
mod tariffs;
mod tokens;
mod track;
mod users;
mod vehicles;
mod version;

pub use crate::fields;
pub use limits::panicked;
pub use metrics::Sheet;
pub use proxies::Proxies;
pub use server::{Bounds, serve};

use crate::analytics::{Reports, Rollups};
use crate::auth::Auth;
use crate::bookings::Bookings;
use crate::cab::Cab;
use crate::clock::Clock;
use crate::config::Config;
use crate::demand::Demand;
use crate::drivers::Drivers;
use crate::fleet::{Fleet, Presence};
use crate::ingest::Ingest;
use crate::links::Links;
use crate::model::DeviceId;
use crate::notify::Post;
use crate::ops::allowance::Allowances;
use crate::orders::Orders;
use crate::registry::Registry;
use crate::schedules::Schedules;
use crate::settings::Settings;
use crate::store::Db;
use crate::sync::Sync as Upstream;
use crate::telemetry::Inspector;
use crate::tracks::Tracks;
use axum::body::Bytes;
use axum::extract::FromRef;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Live clients at most.
const LIVE: live::hub::Bounds = live::hub::Bounds { clients: 1_024, per_user: 32 };

/// Somebody who reads the journal, and how far it is.
pub struct Follower {
    /// What it does.
    pub name: &'static str,
    /// The last entry that it has dealt with.
    pub cursor: Box<dyn Fn() -> i64 + Send + Sync>,
}

/// What the HTTP side works with. Rooms that it must not know come in as functions.
pub struct Deps {
    /// What depotd was started with.
    pub config: Arc<Config>,
    /// What is in effect, and what may change of it.
    pub settings: Settings,
    /// The time.
    pub clock: Clock,
    /// The journal's head, and whether the database can be written.
    pub db: Db,
    /// Who is who.
    pub auth: Auth,
    /// The bookings.
    pub bookings: Bookings,
    /// What runs by the clock.
    pub schedules: Schedules,
    /// The line to head office.
    pub sync: Upstream,
    /// Head office's orders.
    pub orders: Orders,
    /// What is said to people and programs.
    pub post: Post,
    /// Makes the schedules' runner look.
    pub wake_schedules: Arc<Notify>,
    /// The drivers.
    pub drivers: Drivers,
    /// Tracking links.
    pub links: Links,
    /// The registered vehicles.
    pub registry: Registry,
    /// Where everyone is.
    pub fleet: Fleet,
    /// Where everyone was.
    pub tracks: Tracks,
    /// The way in for fixes.
    pub ingest: Ingest,
    /// Who is connected.
    pub presence: Presence,
    /// What is said to drivers, and what they say.
    pub cab: Cab,
    /// What devices sent in vain.
    pub inspector: Inspector,
    /// GeoJSON of the streets.
    pub basemap: Option<Bytes>,
    /// Is this the demo?
    pub demo: bool,
    /// Followers of the journal besides the live view: their names, and how far they are.
    pub followers: Vec<Follower>,
    /// Demand and supply.
    pub demand: Demand,
    /// What happened, in figures.
    pub rollups: Rollups,
    /// The same in tables.
    pub reports: Reports,
    /// Does the depot do its work, and if not, why?
    pub health: watch::Receiver<Result<(), String>>,
    /// What the guard refused.
    pub refusals: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// The other rooms' numbers.
    pub more_metrics: Arc<dyn Fn(&mut Sheet) + Send + Sync>,
}

/// The HTTP side's state: cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

/// What all requests share.
pub struct Inner {
    deps: Deps,
    hub: live::hub::Hub,
    limits: limits::Limits,
    /// How often drivers may report, by who they are.
    drivers_pace: Allowances<String>,
    /// How often customers may ask and order.
    customers_pace: Allowances<String>,
    /// How often phones may.
    phones_pace: Allowances<DeviceId>,
    counts: metrics::HttpCounts,
    doors: sockets::Doors,
    document: openapi::Document,
    closing: CancellationToken,
    live_cursor: watch::Sender<i64>,
}

impl Deref for Inner {
    type Target = Deps;
    fn deref(&self) -> &Deps {
        &self.deps
    }
}
impl Deref for Web {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}
impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Web")
    }
}
impl FromRef<Web> for openapi::Document {
    fn from_ref(web: &Web) -> Self {
        web.document.clone()
    }
}

/// A bound listener with all that answers on it.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    web: Web,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Web {
    /// The state without a listener.
    pub fn new(deps: Deps) -> Self {
        let (live_cursor, _) = watch::channel(0);
        let http = &deps.config.http;
        let limits = limits::Limits::new(http.max_connections, Duration::from_secs(http.request_timeout_s));
        Self(Arc::new(Inner {
            hub: live::hub::Hub::new(deps.clock.clone(), LIVE),
            limits,
            drivers_pace: Allowances::new(fixes::RATE),
            customers_pace: Allowances::new(reach::RATE),
            phones_pace: Allowances::new(phones::RATE),
            doors: sockets::Doors::default(),
            counts: metrics::HttpCounts::new(deps.clock.clone()),
            document: openapi::Document(Arc::new(routes::document())),
            closing: CancellationToken::new(),
            live_cursor,
            deps,
        }))
    }

    /// Binds the configured address.
    pub async fn bind(deps: Deps) -> std::io::Result<Bound> {
        let listener = TcpListener::bind(deps.config.http.listen).await?;
        let addr = listener.local_addr()?;
        Ok(Bound { listener, web: Self::new(deps), addr })
    }
}

impl Bound {
    /// Keeps the live picture until `cancel`; to be run beside [`Bound::serve`].
    pub fn live(&self, cancel: CancellationToken) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
        live::follow::run(self.web.clone(), cancel)
    }

    /// Answers until `cancel`, then lets open requests end.
    pub async fn serve(self, cancel: CancellationToken) {
        let bounds = server::Bounds {
            connections: self.web.config.http.max_connections,
            per_address: self.web.config.http.max_connections_per_address,
            proxies: Proxies::new(&self.web.config.http.trusted_proxies),
            header: Duration::from_secs(self.web.config.http.header_timeout_s),
            drain: Duration::from_secs(6),
        };
        let (sockets, io) = sockets::open(&self.web);
        let router = routes::router(&self.web, sockets);
        let closing = self.web.closing.clone();
        let _on_end = closing.drop_guard();
        let child = cancel.clone();
        let web = self.web.clone();
        let close_live = async move {
            child.cancelled().await;
            web.closing.cancel();
            // Each session says good-bye first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            io.close().await;
        };
        tokio::join!(server::serve(self.listener, router, bounds, cancel), close_live);
    }
}

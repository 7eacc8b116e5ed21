//! The only place that constructs and wires: open, migrate, load, bind, run named tasks, stop.

mod actions;
mod letters;
mod load;
mod report;
mod tend;
mod upstream;

use crate::analytics::{Reports, Rollups};
use crate::auth::Auth;
use crate::backups;
use crate::bookings::Bookings;
use crate::cab::Cab;
use crate::clock::Clock;
use crate::config::{Config, Origins};
use crate::demand::Demand;
use crate::dispatch::Dispatch;
use crate::dispatch::learn::Learner;
use crate::drivers::Drivers;
use crate::eta::Etas;
use crate::fleet::{Fleet, Presence};
use crate::ingest::Ingest;
use crate::links::Links;
use crate::mqtt::{self, Guard};
use crate::notify::{Follower, Post, Sender};
use crate::ops::certificates::Certificates;
use crate::ops::data_dir::{self, DataDirLock};
use crate::ops::notify;
use crate::ops::run_file::Running;
use crate::ops::ticker;
use crate::orders::Orders;
use crate::registry::Registry;
use crate::schedules::{Runner, Schedules};
use crate::settings::{Base, Settings};
use crate::store::Db;
use crate::sync::Sync;
use crate::telemetry::Inspector;
use crate::tracks::Tracks;
use crate::web::{self, Web};
use anyhow::{Context, Result, anyhow, ensure};
use axum::body::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Time that open work has to end once the server stops.
const DRAIN: Duration = Duration::from_secs(8);

/// What a program may set besides the configuration.
#[derive(Clone, Debug, Default)]
pub struct AppOptions {
    /// GeoJSON of the streets; else `basemap.geojson` in the data directory.
    pub basemap: Option<Bytes>,
    /// Is this the demo?
    pub demo: bool,
    /// What set which key of the configuration.
    pub origins: Origins,
}

/// Where the server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Console and API.
    pub http: SocketAddr,
    /// Plain MQTT.
    pub mqtt: Option<SocketAddr>,
    /// MQTT over TLS.
    pub mqtts: Option<SocketAddr>,
}

/// The rooms with state, open: what the adapters work with.
#[derive(Clone)]
struct Rooms {
    /// What depotd was started with; what may change since is asked of `settings`.
    config: Arc<Config>,
    settings: Settings,
    clock: Clock,
    db: Db,
    auth: Auth,
    bookings: Bookings,
    drivers: Drivers,
    links: Links,
    fleet: Fleet,
    tracks: Tracks,
    inspector: Inspector,
    ingest: Ingest,
    presence: Presence,
    cab: Cab,
    schedules: Schedules,
    sync: Sync,
    orders: Orders,
    post: Post,
    /// Makes the schedules' runner look at the table.
    due: Arc<Notify>,
}

type TaskEnd = (&'static str, Result<()>);

/// The appliance, bound and at work; [`App::run`] watches over it until it ends.
pub struct App {
    /// Where it listens.
    pub addresses: Addresses,
    rooms: Rooms,
    cancel: CancellationToken,
    tasks: JoinSet<TaskEnd>,
    _lock: DataDirLock,
}

impl App {
    /// Opens the data directory, loads what is known, binds and starts every task. When it returns, the depot answers.
    pub async fn start(config: Config, options: AppOptions) -> Result<Self> {
        let dir = config.depot.data_dir.clone();
        data_dir::make(&dir).with_context(|| format!("cannot make the data directory {}", dir.display()))?;
        let lock = DataDirLock::take(&dir)?;
        ensure!(!backups::is_half_restored(&dir), "a restore into {} was cut short: run `depotd restore` again", dir.display());
        let (rooms, mirror) = load::open(Base { config, origins: options.origins.clone() }).await?;
        let guard = bind_mqtt(&rooms).await?;
        let (bookings, db, fleet) = (rooms.bookings.clone(), rooms.db.clone(), rooms.fleet.clone());
        let etas = rooms.bookings.ways().clone();
        let learner = Learner::open(etas.clone(), db.clone(), rooms.tracks.clone()).await.context("read the learned speeds")?;
        let settings = rooms.settings.current();
        let rollups = Rollups::open(db.clone(), Some(rooms.tracks.clone()), rooms.settings.current(), rooms.clock.clone());
        let rollups = rollups.await.context("read the rollups")?;
        let dispatch = Dispatch::new(bookings, &rooms.drivers, db, fleet, etas.clone(), settings, rooms.clock.clone());
        dispatch.prepare().await.context("find out who has which job")?;
        let demand = load::demand(&rooms).await?;
        rooms.schedules.fill().await.context("fill the schedules")?;
        let due = rooms.due.clone();
        let reports = Reports { rollups: rollups.clone(), db: rooms.db.clone(), fleet: rooms.fleet.clone(), tracks: rooms.tracks.clone() };
        let runner = Runner::new(rooms.schedules.clone(), actions::all(&rooms, &dispatch, &demand, &reports), Arc::clone(&due));
        let teller = Follower::new(rooms.post.clone());
        let (well, health) = watch::channel(Ok(()));
        let http = bind_http(
            &rooms,
            options,
            &guard,
            Planners {
                dispatch: &dispatch,
                etas: &etas,
                learner: &learner,
                runner: &runner,
                rollups: &rollups,
                reports,
                demand: &demand,
                teller: &teller,
            },
            health,
        )
        .await?;
        let addresses = Addresses { http: http.addr, mqtt: guard.addr(), mqtts: guard.tls_addr() };

        let mut app = Self { addresses, rooms, cancel: CancellationToken::new(), tasks: JoinSet::new(), _lock: lock };
        let rooms = app.rooms.clone();
        let settings = rooms.settings.clone();
        app.spawn("settings", |cancel| async { Ok(settings.run(cancel).await?) });
        app.spawn("live", |cancel| http.live(cancel));
        app.spawn("dispatch", |cancel| async { Ok(dispatch.run(cancel).await?) });
        app.spawn("etas", |cancel| tend::jobs(rooms.clone(), etas, cancel));
        app.spawn("speeds", |cancel| async {
            learner.run(cancel).await;
            Ok(())
        });
        let advising = demand.clone();
        app.spawn("demand", |cancel| async {
            demand.run(cancel).await;
            Ok(())
        });
        app.spawn("advice", |cancel| async {
            advising.run_advice(cancel).await;
            Ok(())
        });
        app.spawn("rollups", |cancel| async {
            rollups.run(cancel).await;
            Ok(())
        });
        let (sender, teller) = (Sender::new(rooms.post.clone()), teller.clone());
        app.spawn("notifier", |cancel| async {
            teller.run(cancel).await;
            Ok(())
        });
        app.spawn("notifications", |cancel| async {
            sender.run(cancel).await;
            Ok(())
        });
        app.spawn("schedules", |cancel| async { Ok(runner.run(cancel).await?) });
        app.spawn("ticker", |cancel| async move { Ok(ticker::run(due, &cancel).await?) });
        app.spawn("mirror", |cancel| tend::mirror(rooms.clone(), mirror, cancel));
        app.spawn("housekeeping", |cancel| tend::housekeeping(rooms.clone(), cancel));
        app.spawn("presence", |cancel| tend::presence(rooms.clone(), cancel));
        app.spawn("probe", |cancel| tend::probe(rooms.clone(), well, cancel));
        for line in upstream::lines(&rooms)? {
            app.spawn("upstream", |cancel| async {
                line.run(cancel).await;
                Ok(())
            });
        }
        app.spawn("mqtt", |cancel| async { Ok(guard.run(cancel).await?) });
        app.spawn("http", |cancel| async {
            http.serve(cancel).await;
            Ok(())
        });
        Running::this(addresses.http, addresses.mqtt, addresses.mqtts).write(&dir).context("write run.json")?;
        notify::ready(&format!("console at http://{}", addresses.http));
        Ok(app)
    }

    /// Starts a named task. When it ends before the server is asked to stop, the server ends.
    pub fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let task = task(self.cancel.clone());
        self.tasks.spawn(async move { (name, task.await) });
    }

    /// Who is who.
    pub fn auth(&self) -> &Auth {
        &self.rooms.auth
    }

    /// The bookings.
    pub fn bookings(&self) -> &Bookings {
        &self.rooms.bookings
    }

    /// Works until `shutdown`, then ends in good order. An error: a task ended unasked.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<()> {
        let ended = tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            Some(first) = self.tasks.join_next() => Err(unasked(first)),
        };
        if let Err(error) = &ended {
            tracing::error!("{error:#}");
        }
        notify::stopping();
        self.cancel.cancel();
        if tokio::time::timeout(DRAIN, drain(&mut self.tasks)).await.is_err() {
            tracing::warn!("{} tasks did not end in {DRAIN:?}", self.tasks.len());
            self.tasks.shutdown().await;
        }
        self.rooms.auth.tell_failures().await;
        self.rooms.tracks.close();
        let closed = self.rooms.tracks.ended().await.context("close the fix log");
        Running::remove(&self.rooms.config.depot.data_dir);
        ended.and(closed)
    }
}

async fn bind_mqtt(rooms: &Rooms) -> Result<Guard> {
    let config = &rooms.config.mqtt;
    let certificates = match (&config.tls_listen, &config.tls_cert, &config.tls_key) {
        (None, ..) => None,
        (Some(_), Some(chain), Some(key)) => Some(Arc::new(Certificates::files(chain, key)?)),
        (Some(_), ..) => Some(Arc::new(Certificates::own(&rooms.config.depot.data_dir, &rooms.clock)?)),
    };
    let deps = mqtt::Deps {
        auth: rooms.auth.clone(),
        fleet: rooms.fleet.clone(),
        tracks: rooms.tracks.clone(),
        cab: rooms.cab.clone(),
        db: rooms.db.clone(),
        clock: rooms.clock.clone(),
        ingest: rooms.ingest.clone(),
        presence: rooms.presence.clone(),
        inspector: rooms.inspector.clone(),
        news: crate::notify::catalogue::news,
    };
    Ok(Guard::bind(&rooms.config, deps, certificates).await?)
}

/// Those who decide and foresee.
struct Planners<'a> {
    dispatch: &'a Dispatch,
    etas: &'a Etas,
    learner: &'a Learner,
    runner: &'a Runner,
    rollups: &'a Rollups,
    reports: Reports,
    demand: &'a Demand,
    teller: &'a Follower,
}

async fn bind_http(
    rooms: &Rooms,
    options: AppOptions,
    guard: &Guard,
    planners: Planners<'_>,
    health: watch::Receiver<Result<(), String>>,
) -> Result<web::Bound> {
    let file = rooms.config.depot.data_dir.join("basemap.geojson");
    let basemap = options.basemap.or_else(|| std::fs::read(file).ok().map(Bytes::from));
    let (watched, counted, planned) = (guard.observer(), guard.observer(), planners.dispatch.clone());
    let (runner, etas, board) = (planners.runner.clone(), planners.etas.clone(), rooms.bookings.etas().clone());
    let ingest = rooms.ingest.clone();
    let (sync, settings, orders, post) = (rooms.sync.clone(), rooms.settings.clone(), rooms.orders.clone(), rooms.post.clone());
    let deps = web::Deps {
        config: Arc::clone(&rooms.config),
        settings: rooms.settings.clone(),
        clock: rooms.clock.clone(),
        db: rooms.db.clone(),
        auth: rooms.auth.clone(),
        bookings: rooms.bookings.clone(),
        schedules: rooms.schedules.clone(),
        sync: rooms.sync.clone(),
        orders: rooms.orders.clone(),
        post: rooms.post.clone(),
        wake_schedules: Arc::clone(&rooms.due),
        drivers: rooms.drivers.clone(),
        links: rooms.links.clone(),
        registry: Registry::new(rooms.db.clone(), rooms.clock.clone()),
        fleet: rooms.fleet.clone(),
        tracks: rooms.tracks.clone(),
        ingest: rooms.ingest.clone(),
        presence: rooms.presence.clone(),
        cab: rooms.cab.clone(),
        inspector: rooms.inspector.clone(),
        basemap,
        demo: options.demo,
        followers: report::followers(guard, planners.dispatch, planners.learner, planners.rollups, &rooms.settings, planners.teller),
        health,
        demand: planners.demand.clone(),
        rollups: planners.rollups.clone(),
        reports: planners.reports,
        refusals: Arc::new(move || report::refusals(&watched)),
        more_metrics: Arc::new(move |sheet| {
            report::guard(&counted.stats(), sheet);
            report::ingest(&ingest.counts(), sheet);
            report::dispatch(&planned.stats(), sheet);
            report::schedules(runner.stats(), sheet);
            report::sync(&sync.status(), sheet);
            report::settings(settings.stats(), sheet);
            report::orders(&orders.stats(), sheet);
            report::notifications(&post.stats(), sheet);
            report::eta(&etas.stats(), &board, sheet);
        }),
    };
    Web::bind(deps).await.with_context(|| format!("cannot listen on {}, which http.listen (--http-listen) says", rooms.config.http.listen))
}

async fn drain(tasks: &mut JoinSet<TaskEnd>) {
    while let Some(end) = tasks.join_next().await {
        match end {
            Ok((_, Ok(()))) => {}
            Ok((name, Err(error))) => tracing::error!("task {name} ended with an error: {error:#}"),
            Err(error) => tracing::error!("a task broke: {error}"),
        }
    }
}

fn unasked(end: Result<TaskEnd, JoinError>) -> anyhow::Error {
    match end {
        Ok((name, Ok(()))) => anyhow!("task {name} ended unasked"),
        Ok((name, Err(error))) => error.context(format!("task {name} ended")),
        Err(error) => anyhow!("a task broke: {error}"),
    }
}

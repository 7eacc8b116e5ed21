//! `depotd demo`: the appliance with a fleet that drives and customers that order, in a throw-away data directory.

use crate::app::{App, AppOptions};
use crate::auth::{NewToken, Role};
use crate::clock::Clock;
use crate::config::{Config, Origins};
use crate::model::{Actor, Place};
use crate::sim::depot::{Depot, Target};
use crate::sim::streets::{ATTRIBUTION, Streets};
use crate::sim::traces::{Traces, Trips};
use crate::sim::{demo, recorded};
use anyhow::{Context, Result, anyhow, bail};
use axum::body::Bytes;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Ports tried one after the other when none is asked for.
const PORTS: std::ops::Range<u16> = 8080..8100;

/// What kind of demo.
#[derive(clap::Args, Clone, Debug)]
pub struct DemoArgs {
    /// Vehicles in the simulated fleet.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=2000), conflicts_with = "traces")]
    pub vehicles: u16,
    /// Simulated seconds in a second. Time stamps stay the wall clock's.
    #[arg(long, default_value_t = 5.0, value_parser = speed)]
    pub speed: f64,
    /// Port of the console; 0 takes a free one. Without it 8080, or the next that is free.
    #[arg(long)]
    pub port: Option<u16>,
    /// The same seed gives the same day.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Replays recorded positions (CSV or CSV.gz: ts,vehicle_id,lat,lon and optionally occupied) in place of the simulated day.
    #[arg(long, value_name = "FILE")]
    pub traces: Option<PathBuf>,
    /// Places recorded trips as bookings (trip_id,pickup_ts,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon,…).
    #[arg(long, value_name = "FILE", requires = "traces")]
    pub bookings: Option<PathBuf>,
    /// Recorded positions keep their recorded times, and so are history; else they are mapped to now.
    #[arg(long, requires = "traces")]
    pub original_times: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.1..=1000.0).contains(speed));
    speed.ok_or_else(|| "must be within 0.1 to 1000".to_owned())
}

/// What moves in this demo.
enum Show {
    Simulated(Arc<Streets>, demo::Options),
    Recorded(recorded::Options),
}

/// Runs the demo until a signal asks to stop; then nothing is left of it. With `json` it prints {url, http, mqtt, data_dir} in
/// place of the URL alone.
pub fn run((config, origins): (Config, Origins), args: &DemoArgs, json: bool) -> Result<()> {
    let show = Show::of(args)?;
    let dir = Throwaway::new()?;
    let config = show.over(config, dir.path(), args);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    let shown = runtime.block_on(play(config, origins, show, json));
    runtime.shutdown_timeout(Duration::from_secs(1));
    shown
}

async fn play(config: Config, origins: Origins, show: Show, json: bool) -> Result<()> {
    let shutdown = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let data_dir = config.depot.data_dir.clone();
    let options = AppOptions { basemap: show.basemap(), demo: true, origins };
    let mut app = App::start(config, options).await?;
    let http = format!("http://{}", app.addresses.http);
    let mqtt = app.addresses.mqtt.context("the demo needs plain MQTT")?;
    let new = NewToken { name: "demo fleet".into(), role: Role::Admin, scopes: Vec::new(), customer: None, expires_at: None };
    let token = app.auth().add_token(new, Actor::System).await?.token;
    let url = format!("{http}/#login={}", app.auth().demo_key().await?);
    if json {
        super::say(json!({"url": url, "http": http, "mqtt": format!("mqtt://{mqtt}"), "data_dir": data_dir}));
    } else {
        super::say(&url);
    }
    eprintln!("{}\nOpen the link above. Ctrl-C ends the demo and removes its data.", show.describe());
    let (_keep, target) = watch::channel(Target { http, mqtt });
    let depot = Depot::new(target, &token);
    app.spawn("demo", |cancel| show.run(depot, cancel));
    let stop = shutdown.clone();
    // A second signal changes nothing: the end is near, and the data has to go first.
    let asked = async move {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        stop.cancel();
        std::future::pending().await
    };
    tokio::select! {
        ended = app.run(shutdown) => ended,
        () = asked => Ok(()),
    }
}

impl Show {
    fn of(args: &DemoArgs) -> Result<Self> {
        let Some(file) = &args.traces else {
            let streets = Arc::new(Streets::andorra()?);
            return Ok(Self::Simulated(streets, demo::Options { vehicles: args.vehicles.into(), speed: args.speed, seed: args.seed }));
        };
        let traces = Traces::open(file)?;
        if traces.is_empty() {
            bail!("{} holds no positions", file.display());
        }
        let trips = args.bookings.as_deref().map(Trips::open).transpose()?;
        let (speed, original_times) = (args.speed, args.original_times);
        Ok(Self::Recorded(recorded::Options { traces, trips, speed, original_times, observer: None }))
    }

    fn basemap(&self) -> Option<Bytes> {
        match self {
            Self::Simulated(streets, _) => Some(streets.geojson().into()),
            Self::Recorded(_) => None,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Simulated(_, options) => format!(
                "{} vehicles drive through Andorra, {} times as fast as real ones. Streets {ATTRIBUTION}, ODbL.",
                options.vehicles, options.speed
            ),
            Self::Recorded(options) => format!(
                "{} recorded vehicles with {} positions, {} times as fast as they were.",
                options.traces.vehicles.len(),
                options.traces.len(),
                options.speed
            ),
        }
    }

    /// The configuration of a demo: nothing of an installation is touched, and what counts in minutes is as fast as the fleet.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a lead time divided by a positive speed")]
    fn over(&self, mut config: Config, dir: &Path, args: &DemoArgs) -> Config {
        config.depot.data_dir = dir.to_owned();
        config.depot.name = "Demo depot".into();
        if let Some(centre) = self.centre() {
            (config.depot.lat, config.depot.lon) = (centre.lat(), centre.lon());
        }
        config.http.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port(args.port)));
        config.mqtt.listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        config.mqtt.tls_listen = None;
        config.telemetry.max_speed_kmh *= args.speed.max(1.0);
        config.dispatch.speed_kmh *= args.speed;
        config.dispatch.lead_s = (config.dispatch.lead_s as f64 / args.speed) as u64;
        config.dispatch.slack_s = (config.dispatch.slack_s as f64 / args.speed) as u64;
        config
    }

    fn centre(&self) -> Option<Place> {
        match self {
            // The middle of the country, so that all towns are on the map.
            Self::Simulated(..) => Place::new(42.53, 1.56).ok(),
            Self::Recorded(options) => {
                let mut all: Vec<_> = options.traces.vehicles.values().filter_map(|samples| samples.first()).map(|s| s.place).collect();
                let middle = all.len() / 2;
                all.sort_by(|a, b| a.lat().total_cmp(&b.lat()));
                let lat = all.get(middle)?.lat();
                all.sort_by(|a, b| a.lon().total_cmp(&b.lon()));
                Place::new(lat, all.get(middle)?.lon()).ok()
            }
        }
    }

    async fn run(self, depot: Depot, cancel: CancellationToken) -> Result<()> {
        let clock = Clock::system();
        let playing = async {
            match self {
                Self::Simulated(streets, options) => match demo::run(depot, streets, options, clock).await {
                    Err(refused) => Err(anyhow!(refused).context("bring the fleet in")),
                },
                Self::Recorded(options) => {
                    let count = recorded::run(depot, options, clock).await.context("replay the recorded day")?;
                    eprintln!("The recorded day is over: {count} positions were sent and acknowledged.");
                    std::future::pending().await
                }
            }
        };
        tokio::select! {
            () = cancel.cancelled() => Ok(()),
            ended = playing => ended,
        }
    }
}

/// The port asked for, or the first free one.
fn port(asked: Option<u16>) -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    asked.unwrap_or_else(|| PORTS.clone().find(is_free).unwrap_or(0))
}

/// A directory that goes when it is dropped.
struct Throwaway(PathBuf);

impl Throwaway {
    fn new() -> Result<Self> {
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|e| anyhow!("no random numbers: {e}"))?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = std::env::temp_dir().join(format!("depotd-demo-{name}"));
        std::fs::DirBuilder::new().mode(0o700).create(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("{} could not be removed: {error}", self.0.display());
        }
    }
}

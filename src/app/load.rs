//! Opens the rooms with state and puts together what they held.

use super::Rooms;
use crate::auth::Auth;
use crate::bookings::Bookings;
use crate::cab::Cab;
use crate::clock::Clock;
use crate::demand::Demand;
use crate::drivers::Drivers;
use crate::fleet::mirror::{Found, Mirror};
use crate::fleet::{Fleet, Presence};
use crate::forecast::{Calendar, Holiday};
use crate::ingest::Ingest;
use crate::links::Links;
use crate::notify::Post;
use crate::orders::Orders;
use crate::schedules::Schedules;
use crate::settings::{Base, Settings};
use crate::store::{self, Db};
use crate::sync::Sync;
use crate::telemetry::Inspector;
use crate::tracks::Tracks;
use anyhow::{Context, Result};
use std::sync::Arc;

/// Vehicles read at once.
const PAGE: usize = 1_000;

/// Opens all, oldest truth first. The start path is the recovery path.
pub async fn open(base: Base) -> Result<(Rooms, Mirror)> {
    let (clock, config) = (Clock::system(), base.config.clone());
    let dir = config.depot.data_dir.clone();
    let db = Db::open(&dir).with_context(|| format!("open ops.db in {}", dir.display()))?;
    base.keep(&db).await.context("keep what depotd was started with")?;
    let settings = Settings::open(db.clone(), base, clock.clone()).context("read the settings")?;
    let tracks = Tracks::open(&dir, &config.tracks, clock.clone()).with_context(|| format!("open tracks.db in {}", dir.display()))?;
    let fleet = Fleet::new(&config.fleet);
    register(&db, &fleet).await.context("read the vehicles")?;
    let (log, into) = (tracks.clone(), fleet.clone());
    let mirror = tokio::task::spawn_blocking(move || replay(&dir, &log, &into)).await?.context("find out where everyone is")?;
    let auth = Auth::new(db.clone(), &config.mqtt, clock.clone());
    let bookings = Bookings::new(db.clone(), settings.current(), clock.clone());
    let post = Post::open(db.clone(), &config, bookings.etas().clone(), clock.clone())?;
    let inspector = Inspector::default();
    let drivers = Drivers::new(db.clone(), settings.current(), clock.clone());
    let rooms = Rooms {
        cab: Cab::new(db.clone(), bookings.clone(), drivers.clone(), clock.clone()),
        presence: Presence::new(fleet.clone()),
        ingest: Ingest::new(fleet.clone(), tracks.clone(), inspector.clone(), &config.telemetry, clock.clone()),
        orders: Orders::new(db.clone(), bookings.clone(), auth.clone(), settings.clone(), &config.upstream, clock.clone()),
        links: Links::new(db.clone(), bookings.etas().clone(), fleet.clone(), clock.clone()),
        auth,
        bookings,
        schedules: Schedules::new(db.clone(), &config, clock.clone()),
        post,
        sync: Sync::new(db.clone(), &config.upstream, clock.clone()),
        due: Arc::default(),
        drivers,
        config: Arc::new(config),
        settings,
        inspector,
        clock,
        db,
        fleet,
        tracks,
    };
    Ok((rooms, mirror))
}

async fn register(db: &Db, fleet: &Fleet) -> Result<(), store::Error> {
    let mut after = None;
    loop {
        let behind = after.clone();
        let vehicles = db.read(move |conn| store::vehicles::list(conn, None, behind.as_ref(), PAGE)).await?;
        vehicles.iter().for_each(|v| fleet.register(v, None));
        match vehicles.last() {
            Some(last) if vehicles.len() == PAGE => after = Some(last.id.clone()),
            _ => return Ok(()),
        }
    }
}

fn replay(dir: &std::path::Path, tracks: &Tracks, fleet: &Fleet) -> Result<Mirror> {
    let (mirror, found) = Mirror::open(dir, tracks.epoch(), tracks.last_chunk(), fleet)?;
    if let Found::SetAside(name, why) = &found {
        tracing::warn!("the mirror was set aside as {}: {why}; it is rebuilt from the fix log", name.display());
    }
    tracks.replay_after(found.replay_after(), |fix| {
        fleet.observe(fix);
    })?;
    Ok(mirror)
}

/// Demand, by the depot's calendar.
pub async fn demand(rooms: &Rooms) -> Result<Demand> {
    let config = &rooms.config;
    let holidays = config.forecast.holidays.iter().map(|text| text.parse()).collect::<Result<Vec<Holiday>, _>>();
    let calendar = Calendar::new(&config.depot.zone, holidays.context("forecast.holidays")?).context("depot.zone")?;
    let (bookings, fleet) = (rooms.bookings.clone(), rooms.fleet.clone());
    let demand = Demand::open(rooms.db.clone(), bookings, fleet, rooms.settings.current(), calendar, rooms.clock.clone());
    demand.await.context("read the forecast")
}

//! The depot's own history as a day to be played.

use super::{Played, ReplayArgs, within};
use crate::cli::Common;
use crate::clock::Clock;
use crate::config::Config;
use crate::drivers::Rules;
use crate::model::{Place, Span, Vehicle, Window};
use crate::replay::past::{self, Places};
use crate::replay::{self, Driver, Request};
use crate::settings::{Settings, Source};
use crate::store::Db;
use crate::tracks::Past;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// Who drives in place of those who did, or those who did.
struct Cast {
    drivers: Vec<Driver>,
    /// How many start where they were.
    placed: usize,
    words: String,
    document: Value,
}

/// The depot's bookings with those who were on duty, under the settings in effect.
pub fn played(args: &ReplayArgs, common: &Common) -> Result<Played> {
    let dir = common.settings()?.depot.data_dir;
    if !dir.join("ops.db").exists() {
        bail!("{} holds no depot's history: give --data-dir, or --bookings FILE", dir.display());
    }
    let db = Db::open(&dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let settings = runtime.block_on(common.in_effect(db.clone()))?;
    let config = (*settings.current().get()).clone();
    let lead = Span::from_secs(i64::try_from(config.dispatch.lead_s)?);
    let mut requests = db.read_blocking(|c| past::requests(c, lead, Clock::system().now()))?;
    within(args, &config, &mut requests)?;
    let time = past::time(&requests).context("there is nothing to play")?;
    let tracks = Past::open(&dir);
    let places = Places { tracks: tracks.as_ref(), zone: &config.depot.zone, time };
    let cast = match args.drivers {
        Some(count) => of_count(&db, usize::try_from(count)?, args.seed, &requests, &places)?,
        None => as_it_was(&db, &config, time, &places)?,
    };
    let (overridden, from_above) = changed(&settings);
    let started = match (cast.placed, cast.drivers.len()) {
        (0, _) => "where nobody knows where they were".to_owned(),
        (placed, all) if placed == all => "where they were".to_owned(),
        (placed, all) => format!("where they were as far as that is known ({placed} of {all})"),
    };
    let head = format!("{}, settings in effect: {}\nThe vehicles start {started}.", cast.words, in_words(overridden, from_above));
    let mut document = cast.document;
    document["placed"] = cast.placed.into();
    document["seed"] = args.seed.into();
    document["settings"] = json!({ "overridden": overridden, "from_head_office": from_above });
    Ok(Played { config, requests, drivers: cast.drivers, head, document })
}

/// So many of the depot's vehicles, of all again when there are fewer, with somebody on duty all day.
fn of_count(db: &Db, count: usize, seed: u64, requests: &[Request], places: &Places<'_>) -> Result<Cast> {
    let vehicles = db.read_blocking(past::vehicles)?;
    let mut drivers = replay::drivers(requests, count, seed);
    let mut placed = 0;
    for (number, (driver, vehicle)) in drivers.iter_mut().zip(vehicles.iter().cycle()).enumerate() {
        let known = if number < vehicles.len() { places.of(&vehicle.id, &[])? } else { None };
        placed += usize::from(known.is_some());
        let id = driver.id.clone();
        *driver = Driver { id, ..Driver::of(vehicle, known.unwrap_or(driver.place)) };
    }
    let words = format!("{count} drivers all day, seed {seed}");
    Ok(Cast { drivers, placed, words, document: json!({ "drivers": count, "vehicles": count }) })
}

/// Those who were on duty; where the depot has no drivers, every vehicle all day.
fn as_it_was(db: &Db, config: &Config, time: Window, places: &Places<'_>) -> Result<Cast> {
    let depot = Place::new(config.depot.lat, config.depot.lon)?;
    let rules = Rules::new(config);
    let Some(crews) = db.read_blocking(|c| past::crews(c, &rules, time))? else {
        let vehicles: Vec<Vehicle> = db.read_blocking(past::vehicles)?;
        ensure!(!vehicles.is_empty(), "the depot has no vehicle: give --drivers N to play so many vans");
        let known = vehicles.iter().map(|vehicle| places.of(&vehicle.id, &[])).collect::<Result<Vec<_>, _>>()?;
        let placed = known.iter().flatten().count();
        let drivers: Vec<_> = vehicles.iter().zip(known).map(|(vehicle, known)| Driver::of(vehicle, known.unwrap_or(depot))).collect();
        let (count, words) = (drivers.len(), format!("{} vehicles all day", drivers.len()));
        return Ok(Cast { drivers, placed, words, document: json!({ "drivers": count, "vehicles": count }) });
    };
    let people = crews.drivers;
    ensure!(
        !crews.vehicles.is_empty(),
        "nobody was on duty with a vehicle from {} to {}: give --drivers N to play so many all day",
        time.from,
        time.until
    );
    let (drivers, placed) = crews.drivers(places, depot)?;
    let words = format!("{} vehicles with {people} drivers on duty", drivers.len());
    let document = json!({ "drivers": people, "vehicles": drivers.len() });
    Ok(Cast { drivers, placed, words, document })
}

/// How many settings are overridden, and how many are from head office.
fn changed(settings: &Settings) -> (usize, usize) {
    let all = settings.list();
    let count = |source: Source| all.iter().filter(|setting| setting.source == source).count();
    (count(Source::Override), count(Source::HeadOffice))
}

fn in_words(overridden: usize, from_above: usize) -> String {
    let parts = [(overridden, "overridden"), (from_above, "from head office")];
    let said: Vec<String> = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() { "as depotd was started".to_owned() } else { said.join(", ") }
}

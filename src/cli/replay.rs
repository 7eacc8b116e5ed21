//! `depotd replay`: what if yesterday had been dispatched otherwise.

mod depot;

use super::{Common, table};
use crate::clock::Clock;
use crate::config::Config;
use crate::dispatch::plan::Rules;
use crate::model::{Span, Timestamp};
use crate::replay::{self, Driver, Figures, Policy, Request};
use crate::sim::traces::{Trip, Trips};
use anyhow::{Context, Result, anyhow, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What is replayed, and how.
#[derive(clap::Args, Clone, Debug)]
pub struct ReplayArgs {
    /// Bookings (CSV or CSV.gz: trip_id,pickup_ts,pickup_lat,pickup_lon,dropoff_lat,dropoff_lon; times in Unix seconds). Without
    /// it, the history in the data directory: bookings, those who were on duty, and the settings in effect.
    #[arg(long, value_name = "FILE", requires = "drivers")]
    pub bookings: Option<PathBuf>,
    /// So many drivers all day, in place of those who were on duty; they start at the pickups of so many bookings, the depot's
    /// vehicles where they were.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub drivers: Option<u32>,
    /// Leaves out what was asked before; RFC 3339, or a local time like 2008-05-30T16:00 in --zone.
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Leaves out what was asked then or later.
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// IANA zone of local times; the depot's without it.
    #[arg(long)]
    pub zone: Option<String>,
    /// How drivers are found: default, batch or nearest.
    #[arg(long, default_value = "default", conflicts_with = "compare")]
    pub policy: String,
    /// Several policies side by side, like nearest,default.
    #[arg(long, value_delimiter = ',', value_name = "POLICY,…")]
    pub compare: Vec<String>,
    /// Seconds that requests are gathered before a round, in place of the policy's.
    #[arg(long, value_name = "S", value_parser = window)]
    pub window: Option<f64>,
    /// A vehicle that is free within so many seconds is considered too, in place of the policy's.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u32).range(0..=3600))]
    pub look_ahead: Option<u32>,
    /// Draws where drivers start; the same seed gives the same day.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

fn window(text: &str) -> Result<f64, String> {
    let window = text.parse().ok().filter(|window| (0.1..=600.0).contains(window));
    window.ok_or_else(|| "must be within 0.1 to 600 seconds".to_owned())
}

/// What is played.
struct Played {
    config: Config,
    requests: Vec<Request>,
    drivers: Vec<Driver>,
    /// With whom, in words.
    head: String,
    /// The same for programs.
    document: Value,
}

/// Runs the command.
pub fn run(args: &ReplayArgs, common: &Common) -> Result<()> {
    let played = match &args.bookings {
        Some(file) => of_file(args, common.settings()?, file)?,
        None => depot::played(args, common)?,
    };
    let Played { config, requests, drivers, .. } = &played;
    let clock = Clock::system();
    let replayed = policies(args, config)?.into_iter().map(|policy| {
        let bar = progress(requests.len(), &policy.name, common.json)?;
        let figures = replay::run(requests, drivers, &policy, &clock, |settled| bar.set_position(settled as u64)).figures;
        bar.finish_and_clear();
        Ok((policy.name, figures))
    });
    let replayed: Vec<(String, Figures)> = replayed.collect::<Result<_>>()?;
    let documents = replayed.iter().map(|(name, figures)| document(&played, name, figures)).collect::<Result<Vec<Value>>>()?;
    let value = if args.compare.is_empty() { documents.into_iter().next().unwrap_or_default() } else { json!({ "policies": documents }) };
    common.print(&value, || format!("{}\n\n{}", heading(&played), side_by_side(&replayed)));
    Ok(())
}

fn policies(args: &ReplayArgs, config: &Config) -> Result<Vec<Policy>> {
    let names = if args.compare.is_empty() { std::slice::from_ref(&args.policy) } else { &args.compare };
    let named = names.iter().map(|name| {
        let known = || Policy::ALL.map(|(name, meaning)| format!("\n  {name:8} {meaning}")).concat();
        let mut policy =
            Policy::named(name.trim(), &config.dispatch).ok_or_else(|| anyhow!("there is no policy {name:?}; known are{}", known()))?;
        if let Some(window) = args.window {
            policy.rules.gather = (Span::from_secs(1) * window, Span::from_secs(1) * window);
        }
        if let Some(look_ahead) = args.look_ahead {
            policy.rules.look_ahead = Span::from_secs(look_ahead.into());
        }
        Ok(policy)
    });
    named.collect()
}

/// The instant that a person wrote.
fn time(args: &ReplayArgs, config: &Config, text: Option<&str>) -> Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    if let Some(at) = Timestamp::parse(text) {
        return Ok(Some(at));
    }
    let local: DateTime = text.parse().map_err(|_| anyhow!("{text:?} is not a time like 2008-05-30T16:00 or 2008-05-30T16:00:00-07:00"))?;
    let name = args.zone.as_deref().unwrap_or(&config.depot.zone);
    let zone = TimeZone::get(name).map_err(|_| anyhow!("{name:?} is not an IANA time zone, like Europe/Lisbon"))?;
    let at = zone.to_ambiguous_timestamp(local).unambiguous();
    let at = at.map_err(|_| anyhow!("{text} happens twice or never in {name}: say which with an offset, like {text}:00-07:00"))?;
    Ok(Some(Timestamp::from_millis(at.as_millisecond())))
}

/// Keeps what was asked from `--from` on and before `--to`.
fn within(args: &ReplayArgs, config: &Config, requests: &mut Vec<Request>) -> Result<()> {
    let (from, to) = (time(args, config, args.from.as_deref())?, time(args, config, args.to.as_deref())?);
    let all = requests.len();
    let asked = |r: &Request| r.wants.since;
    requests.retain(|r| from.is_none_or(|from| asked(r) >= from) && to.is_none_or(|to| asked(r) < to));
    ensure!(!requests.is_empty(), "none of {all} bookings is within the time asked for");
    Ok(())
}

/// The trips of a file, and so many drivers.
fn of_file(args: &ReplayArgs, config: Config, file: &Path) -> Result<Played> {
    let mut requests = trips(file, &config)?;
    within(args, &config, &mut requests)?;
    let count = args.drivers.unwrap_or_default();
    let drivers = replay::drivers(&requests, usize::try_from(count)?, args.seed);
    let head = format!("{count} drivers, seed {}", args.seed);
    Ok(Played { config, requests, drivers, head, document: json!({ "drivers": count, "seed": args.seed }) })
}

/// The trips of a file, by the model.
fn trips(file: &Path, config: &Config) -> Result<Vec<Request>> {
    let travel = Rules::from(&config.dispatch).travel;
    let mut trips = Trips::open(file).map_err(|e| anyhow!("{e}"))?.0;
    trips.sort_by_key(|trip| trip.pickup_ts);
    let request =
        |(number, trip): (usize, Trip)| Request::at_once(number, Timestamp::from_secs(trip.pickup_ts), trip.pickup, trip.dropoff, &travel);
    Ok(trips.into_iter().enumerate().map(request).collect())
}

fn progress(requests: usize, policy: &str, json: bool) -> Result<ProgressBar> {
    if json {
        return Ok(ProgressBar::hidden());
    }
    // Drawn on standard error, and only where that is a terminal.
    let style = ProgressStyle::with_template("{msg:8} {bar:40} {pos}/{len} {eta}").context("the progress bar's template")?;
    Ok(ProgressBar::new(requests as u64).with_style(style).with_message(policy.to_owned()))
}

fn document(played: &Played, policy: &str, figures: &Figures) -> Result<Value> {
    let mut document = json!({ "policy": policy });
    for more in [played.document.clone(), serde_json::to_value(figures)?] {
        if let (Value::Object(all), Value::Object(more)) = (&mut document, more) {
            all.extend(more);
        }
    }
    Ok(document)
}

fn heading(played: &Played) -> String {
    let edge = |r: Option<&Request>| r.map_or_else(String::new, |r| r.wants.since.to_string());
    let (first, last) = (edge(played.requests.first()), edge(played.requests.last()));
    format!("{} bookings asked from {first} to {last}, {}", played.requests.len(), played.head)
}

fn side_by_side(replayed: &[(String, Figures)]) -> String {
    type Cell = fn(&Figures) -> String;
    let rows: [(&str, Cell); 11] = [
        ("served", |f| f.served.to_string()),
        ("lost", |f| f.lost.to_string()),
        ("served, %", |f| format!("{:.1}", f.served_ratio * 100.0)),
        ("wait, mean s", |f| format!("{:.0}", f.wait_mean_s)),
        ("wait, median s", |f| format!("{:.0}", f.wait_p50_s)),
        ("wait, 95 % below s", |f| format!("{:.0}", f.wait_p95_s)),
        ("empty km a trip", |f| format!("{:.2}", f.empty_km_per_trip)),
        ("utilisation, %", |f| format!("{:.1}", f.utilisation * 100.0)),
        ("rounds", |f| f.rounds.to_string()),
        ("plan, median ms", |f| format!("{:.2}", f.plan_ms_p50)),
        ("plan, 99 % below ms", |f| format!("{:.2}", f.plan_ms_p99)),
    ];
    let row = |(name, cell): &(&str, Cell)| [(*name).to_owned()].into_iter().chain(replayed.iter().map(|(_, f)| cell(f))).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
    let headings: Vec<&str> = [""].into_iter().chain(replayed.iter().map(|(name, _)| name.as_str())).collect();
    table(&headings, &rows, "")
}

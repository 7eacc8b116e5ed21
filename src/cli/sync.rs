//! `depotd sync`: the line to head office.

use super::{Common, operator, table};
use crate::clock::Clock;
use crate::config::{Config, SinkSettings};
use crate::fleet::Fleet;
use crate::model::{Day, Difference, Lane, RowDifference, Span, Verified};
use crate::store::Db;
use crate::sync::Sync;
use crate::tracks::Tracks;
use crate::upstream::{DayReceipt, Holdings, Outgoing, sink, verify};
use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use serde_json::json;
use std::time::Duration;

/// The line to head office.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare what head office stored with what the depot has, and name what differs.
    Verify {
        /// Which sink; all that can tell when none is named.
        #[arg(long)]
        sink: Option<String>,
    },
    /// What the depot holds: for each day and lane how many records, their first and last number, and a hash over them.
    Receipts {
        /// `bookings`, `dispatch` or `history`; all when none is named.
        #[arg(long, value_parser = durable)]
        lane: Option<Lane>,
        /// The first day, UTC, like 2026-10-01; six days before the last when none is named.
        #[arg(long, value_parser = day)]
        from: Option<Day>,
        /// The last day; today when none is named.
        #[arg(long, value_parser = day)]
        to: Option<Day>,
    },
    /// Send nothing to a sink until it is resumed.
    Pause {
        /// Its name in the settings.
        sink: String,
    },
    /// Send to it again.
    Resume {
        /// Its name in the settings.
        sink: String,
    },
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "must be a date like 2026-10-25".to_owned())
}

fn durable(text: &str) -> Result<Lane, String> {
    Lane::parse(text).filter(|lane| lane.is_durable()).ok_or_else(|| "must be bookings, dispatch or history".to_owned())
}

/// Does what the arguments say.
pub fn run(command: &Command, common: &Common) -> Result<()> {
    let config = common.settings()?;
    common.depot_dir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        let db = Db::open(&config.depot.data_dir)?;
        match command {
            Command::Verify { sink } => compare(&config, db, sink.as_deref(), common).await,
            Command::Receipts { lane, from, to } => receipts(&config, db, (*lane, from.clone(), to.clone()), common).await,
            Command::Pause { sink } => pause(&config, db, sink, true, common).await,
            Command::Resume { sink } => pause(&config, db, sink, false, common).await,
        }
    })
}

async fn pause(config: &Config, db: Db, sink: &str, paused: bool, common: &Common) -> Result<()> {
    Sync::new(db, &config.upstream, Clock::system()).pause(sink, paused, &operator()).await?;
    common.print(&json!({"sink": sink, "paused": paused}), || {
        if paused { format!("Nothing goes to {sink} until `depotd sync resume {sink}`.") } else { format!("{sink} goes on.") }
    });
    Ok(())
}

async fn receipts(config: &Config, db: Db, (lane, from, to): (Option<Lane>, Option<Day>, Option<Day>), common: &Common) -> Result<()> {
    let clock = Clock::system();
    let to = to.unwrap_or_else(|| Day::of(clock.now(), "UTC"));
    let from = from.unwrap_or_else(|| (0..6).fold(to.clone(), |day, _| day.previous()));
    let tracks = Tracks::open(&config.depot.data_dir, &config.tracks, clock)?;
    let lanes = lane.map_or_else(|| Lane::ALL.to_vec(), |lane| vec![lane]);
    let found = Holdings { db, tracks, credentials: false }.receipts(&lanes, &from, &to).await?;
    let items: Vec<_> = found
        .iter()
        .map(|DayReceipt { lane, epoch, receipt: r }| {
            json!({"day": r.day, "lane": lane, "epoch": epoch, "records": r.records, "first": r.first, "last": r.last, "hash": r.hash})
        })
        .collect();
    common.print(&json!({"items": items}), || {
        let row = |DayReceipt { lane, epoch, receipt: r }: &DayReceipt| {
            let numbers = [r.records.to_string(), r.first.to_string(), r.last.to_string()];
            let [records, first, last] = numbers;
            vec![
                r.day.clone(),
                lane.as_str().to_owned(),
                epoch.chars().take(8).collect(),
                records,
                first,
                last,
                r.hash.chars().take(16).collect(),
            ]
        };
        let rows: Vec<_> = found.iter().map(row).collect();
        table(&["DAY", "LANE", "EPOCH", "RECORDS", "FIRST", "LAST", "HASH"], &rows, "There are no records of these days.")
    });
    Ok(())
}

async fn compare(config: &Config, db: Db, wanted: Option<&str>, common: &Common) -> Result<()> {
    let chosen: Vec<&SinkSettings> = config.upstream.sinks.iter().filter(|sink| wanted.is_none_or(|name| name == sink.name)).collect();
    if let (Some(name), true) = (wanted, chosen.is_empty()) {
        bail!("there is no sink {name:?} in the settings");
    }
    ensure!(!chosen.is_empty(), "the settings name no sink: see [upstream] in config.toml");
    let clock = Clock::system();
    let tracks = Tracks::open(&config.depot.data_dir, &config.tracks, clock.clone())?;
    let (mut told, mut differ) = (Vec::new(), false);
    for settings in chosen {
        let outgoing = Outgoing {
            db: db.clone(),
            tracks: tracks.clone(),
            fleet: Fleet::new(&config.fleet),
            clock: clock.clone(),
            depot: config.upstream.depot.clone(),
            credentials: settings.credentials,
            history: Span::from_secs(i64::from(config.upstream.history_days) * 86_400),
        };
        let patience = Duration::from_millis(config.upstream.timeout_ms);
        let mut sink = sink::open(settings, &config.upstream.depot, patience, &clock)?;
        let found = verify(&outgoing, &mut *sink, &settings.lanes).await.with_context(|| format!("sink {}", settings.name))?;
        differ |= !found.differences.is_empty() || !found.row_differences.is_empty();
        told.push((settings.name.clone(), found));
    }
    let items: Vec<_> = told.iter().map(|(name, found)| json!({"sink": name, "verified": found})).collect();
    common.print(&json!({"items": items}), || told.iter().map(|(name, found)| words(name, found)).collect::<Vec<_>>().join("\n"));
    ensure!(!differ, "head office and depot differ");
    Ok(())
}

fn days(count: u64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

fn words(name: &str, found: &Verified) -> String {
    let head = format!("{name}: {} records of {} and {} rows compared", found.records, days(found.days), found.rows);
    if found.differences.is_empty() && found.row_differences.is_empty() {
        return format!("{head}, all equal.");
    }
    let numbers = |list: &[i64]| list.iter().take(10).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let keys = |list: &[String]| list.iter().take(10).cloned().collect::<Vec<_>>().join(" ");
    let row =
        |d: &Difference| vec![d.lane.as_str().to_owned(), d.day.clone(), numbers(&d.missing), numbers(&d.unknown), numbers(&d.changed)];
    let of_table = |d: &RowDifference| vec!["rows".to_owned(), d.table.clone(), keys(&d.missing), keys(&d.unknown), keys(&d.changed)];
    let rows: Vec<_> = found.differences.iter().map(row).chain(found.row_differences.iter().map(of_table)).collect();
    format!("{head}; these differ:\n{}", table(&["LANE", "DAY OR TABLE", "MISSING THERE", "UNKNOWN HERE", "CHANGED"], &rows, ""))
}

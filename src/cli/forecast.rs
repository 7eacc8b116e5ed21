//! `depotd forecast`: how good the forecast would have been.

use super::{Common, table};
use crate::clock::Clock;
use crate::forecast::backtest::{self, Period, Report};
use crate::forecast::demand::Demand;
use crate::forecast::{Calendar, Holiday};
use anyhow::{Context, Result};
use h3o::Resolution;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is done with forecasts.
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Forecast the last weeks of recorded demand, each from its begin, and compare with what came and with simpler forecasts.
    Backtest(BacktestArgs),
}

/// Which demand, and how much of it is learned from.
#[derive(clap::Args, Clone, Debug)]
pub struct BacktestArgs {
    /// Requests (CSV or CSV.gz: pickup_ts in Unix seconds or RFC 3339, or pickup_local on the clock; lat and lon, or pickup_lat and
    /// pickup_lon; other columns are passed over).
    #[arg(long, value_name = "CSV")]
    pub demand: PathBuf,
    /// Weeks to learn from at least. As many whole weeks as are left are tested, at the end.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=150))]
    pub train_weeks: u16,
    /// H3 resolution of the cells.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u8).range(0..=11))]
    pub resolution: u8,
    /// IANA zone that hours and days are of. Without it the depot's; for pickup_local UTC, in which every hour comes once.
    #[arg(long, value_parser = zone)]
    pub zone: Option<String>,
    /// Days that are like a Sunday: 2014-05-26, 12-25, "last monday of may", easter+1.
    #[arg(long, value_delimiter = ',', value_name = "DAY,…")]
    pub holidays: Vec<Holiday>,
}

fn zone(text: &str) -> Result<String, String> {
    TimeZone::get(text).map(|_| text.to_owned()).map_err(|_| "is not an IANA time zone, like Europe/Lisbon".to_owned())
}

/// Runs the command.
pub fn run(command: &Command, common: &Common) -> Result<()> {
    let Command::Backtest(args) = command;
    let bar = progress(common.json)?;
    let demand = demand(args, &common.settings()?.depot.zone)?;
    let tested = backtest::run(&demand.history, &demand.calendar, args.train_weeks.into(), &Clock::system(), |done, steps| {
        bar.set_length(steps as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    let report = tested.with_context(|| args.demand.display().to_string())?;
    common.print(&document(&demand, &report)?, || format!("{}\n\n{}", heading(&demand, &report), compared(&report)));
    Ok(())
}

fn demand(args: &BacktestArgs, depot: &str) -> Result<Demand> {
    let resolution = Resolution::try_from(args.resolution)?;
    let calendar = |zone: &str| Calendar::new(zone, args.holidays.clone());
    let (instants, local) = (calendar(args.zone.as_deref().unwrap_or(depot))?, calendar(args.zone.as_deref().unwrap_or("UTC"))?);
    Ok(Demand::open(&args.demand, resolution, |is_local| if is_local { local } else { instants })?)
}

fn progress(json: bool) -> Result<ProgressBar> {
    if json {
        return Ok(ProgressBar::hidden());
    }
    // Drawn on standard error, and only where that is a terminal.
    let style = ProgressStyle::with_template("training {bar:40} {pos}/{len} {eta}").context("the progress bar's template")?;
    Ok(ProgressBar::new(0).with_style(style))
}

fn document(demand: &Demand, report: &Report) -> Result<Value> {
    let mut document = serde_json::to_value(report)?;
    if let Value::Object(all) = &mut document {
        all.insert("requests".into(), json!(demand.requests));
        all.insert("unreadable".into(), json!(demand.unreadable));
    }
    Ok(document)
}

fn heading(demand: &Demand, report: &Report) -> String {
    let Report { train, test, cells, resolution, zone, .. } = report;
    let period = |of: &Period| format!("{} h from {} to {}", of.hours, of.from, of.until);
    let passed_over = match &demand.unreadable.first {
        Some(first) => format!("\n{} row(s) could not be read; the first: {first}", demand.unreadable.rows),
        None => String::new(),
    };
    format!(
        "{} requests, {zone}; {cells} cells of resolution {resolution} with {} requests an hour or more{passed_over}\n\
         learned from  {}\ntested on     {}",
        demand.requests,
        crate::forecast::BUSY,
        period(train),
        period(test)
    )
}

fn compared(report: &Report) -> String {
    let row = |name: &str, mase: f64, coverage: Option<f64>| {
        vec![name.to_owned(), format!("{mase:.3}"), coverage.map_or_else(String::new, |share| format!("{:.1}", share * 100.0))]
    };
    let rows = [
        row("ours", report.mase, Some(report.coverage_80)),
        row("ours, trained once", report.trained_once.mase, Some(report.trained_once.coverage_80)),
        row("mean of the hour of the week", report.hour_of_week_mase, None),
        row("  scaled to the last two weeks", report.scaled_hour_of_week_mase, None),
        row("  of all weeks before", report.hour_of_week_retrained_mase, None),
        row("same hour last week", report.seasonal_naive_mase, None),
    ];
    let days = report.by_day_mase.iter().map(|mase| format!("{mase:.3}")).collect::<Vec<_>>().join("  ");
    format!(
        "{}\n\nours by day ahead: {days}\nours: {:.2} requests off in an hour of {:.2}; trained in {:.2} s",
        table(&["FORECAST", "MASE", "WITHIN 80 %, %"], &rows, ""),
        report.mae,
        report.requests_per_hour,
        report.train_s
    )
}

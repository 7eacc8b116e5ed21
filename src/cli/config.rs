//! `depotd config`: the settings, where each is from, and overrides for a while.

use super::{Common, operator, table};
use crate::clock::Clock;
use crate::model::{Span, Timestamp};
use crate::settings::{Setting, Settings, Wish};
use crate::store::Db;
use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// The settings.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the settings and tell every fault at once.
    Check,
    /// Show every setting, its value, and where that is from.
    Show,
    /// Set a setting for a while, also of a running server; it ends by itself.
    Override(OverrideArgs),
}

/// An override, or its end.
#[derive(Debug, Args)]
pub struct OverrideArgs {
    /// Like `tariff.base_minor`; `depotd config show` tells those that may change.
    key: String,
    /// What to set it to: a number, true, false, a word, or JSON.
    #[arg(required_unless_present = "clear", conflicts_with = "clear")]
    value: Option<String>,
    /// For how long, like 30m, 4h or 2d; at most 7d.
    #[arg(long = "for", value_name = "TIME", value_parser = span, default_value = "24h", conflicts_with = "clear")]
    time: Span,
    /// Why; kept in the audit record.
    #[arg(long, required_unless_present = "clear", conflicts_with = "clear")]
    reason: Option<String>,
    /// End the override now.
    #[arg(long)]
    clear: bool,
}

/// Does what the arguments say.
pub fn run(command: Command, common: &Common) -> Result<()> {
    if let Command::Check = command {
        let config = common.settings()?;
        let faults: Vec<String> =
            config.upstream.sinks.iter().filter_map(|sink| Some(format!("sink {}: {}", sink.name, sink.secret().err()?))).collect();
        ensure!(faults.is_empty(), "{}", faults.join("\n"));
        common.print(&serde_json::to_value(&config)?, || "The settings are sound.".to_owned());
        return Ok(());
    }
    let dir = common.depot_dir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        let settings = common.in_effect(Db::open(&dir)?).await?;
        match command {
            Command::Override(args) => set(&settings, args, Clock::system().now(), common).await,
            _ => show(&settings, common),
        }
    })
}

async fn set(settings: &Settings, args: OverrideArgs, now: Timestamp, common: &Common) -> Result<()> {
    let OverrideArgs { key, value, time, reason, .. } = args;
    let Some(text) = value else {
        let setting = settings.end_override(&key, operator()).await?;
        common.print(&shape(&setting), || format!("{key} is {} again ({}).", setting.value, origin(&setting)));
        return Ok(());
    };
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    let wish = Wish { value, until: Some(now + time), reason: reason.unwrap_or_default() };
    let setting = settings.set_for_a_while(&key, wish, operator()).await?;
    common.print(&shape(&setting), || {
        format!("{key} is {} ({}). A server that runs has it within a second.", setting.value, origin(&setting))
    });
    Ok(())
}

fn show(settings: &Settings, common: &Common) -> Result<()> {
    let all = settings.list();
    ensure!(!all.is_empty(), "there are no settings");
    let row = |s: &Setting| vec![s.key.clone(), s.value.to_string(), origin(s), if s.live { "yes" } else { "" }.to_owned()];
    common.print(&json!({"items": all.iter().map(shape).collect::<Vec<_>>()}), || {
        table(&["KEY", "VALUE", "FROM", "LIVE"], &all.iter().map(row).collect::<Vec<_>>(), "")
    });
    Ok(())
}

/// Where a value is from, in words.
fn origin(s: &Setting) -> String {
    let mut words = match (&s.over, &s.above) {
        (Some((over, aside)), _) if aside.is_empty() => format!("{} until {}: {}", over.actor, over.until, over.reason),
        (_, Some((above, aside))) if aside.is_empty() => format!("head office since {}", above.at),
        _ => s.base_origin.as_str().to_owned(),
    };
    let above = s.above.iter().map(|(_, aside)| ("head office's value", aside));
    for (whose, aside) in above.chain(s.over.iter().map(|(_, aside)| ("the override", aside))).filter(|(_, aside)| !aside.is_empty()) {
        words.push_str(&format!("; {whose} is set aside: {}", aside.join("; ")));
    }
    words
}

fn shape(s: &Setting) -> Value {
    let above = s.above.as_ref().map(|(a, aside)| json!({"value": a.value, "cmd_id": a.cmd_id, "at": a.at, "set_aside": aside}));
    let over = s.over.as_ref().map(
        |(o, aside)| json!({"value": o.value, "until": o.until, "actor": o.actor, "reason": o.reason, "at": o.at, "set_aside": aside}),
    );
    json!({"key": s.key, "value": s.value, "origin": s.source.as_str(), "base_value": s.base, "base_origin": s.base_origin.as_str(),
        "live": s.live, "from_above": above, "override": over})
}

/// A time like `90s`, `30m`, `4h` or `2d`.
fn span(text: &str) -> Result<Span, String> {
    let wrong = || format!("{text:?} is not a time like 30m, 4h or 2d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds: i64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let count: i64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
    if count < 1 {
        return Err(wrong());
    }
    Ok(Span::from_secs(count.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(span("4h"), Ok(Span::from_secs(14_400)));
        assert_eq!(span("90s"), Ok(Span::from_secs(90)));
        for wrong in ["", "4", "h", "-1h", "4 h", "0d", "1y", "4µ"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}

//! `depotd audit`: the audit record.

use super::{Common, table};
use crate::store::{Db, audit};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Value, json};

/// What to do with the audit record.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell who did what, the newest first; sign-ins too, those that failed summed up.
    List {
        /// Rows at most.
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: u32,
    },
    /// Walk the whole chain and say whether anything was changed afterwards.
    Verify,
}

/// Runs the command.
pub fn run(command: &Command, common: &Common) -> Result<()> {
    let dir = common.depot_dir()?;
    let db = Db::open(&dir).with_context(|| format!("open {}", dir.display()))?;
    match command {
        Command::List { limit } => list(common, &db.read_blocking(|c| audit::newest(c, *limit))?),
        Command::Verify => verify(common, db.read_blocking(audit::verify)?),
    }
}

fn list(common: &Common, entries: &[audit::Entry]) -> Result<()> {
    let shown = |e: &audit::Entry| {
        let detail: Value = serde_json::from_str(&e.detail).with_context(|| format!("row {} of the audit record", e.seq))?;
        Ok(json!({ "seq": e.seq, "at": e.at, "actor": e.actor, "action": e.action, "object": e.object, "detail": detail }))
    };
    let value: Vec<_> = entries.iter().map(shown).collect::<Result<_>>()?;
    let row = |e: &audit::Entry| {
        let detail = if e.detail == "{}" { String::new() } else { e.detail.clone() };
        vec![e.at.to_string(), e.actor.clone(), e.action.clone(), e.object.clone(), detail]
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    common.print(&json!(value), || table(&["AT", "WHO", "WHAT", "TO", "DETAIL"], &rows, "Nothing is in the audit record yet."));
    Ok(())
}

fn verify(common: &Common, found: std::result::Result<u64, i64>) -> Result<()> {
    match found {
        Ok(rows) => {
            common.print(&json!({ "sound": true, "rows": rows }), || format!("The audit record is sound: {rows} rows."));
            Ok(())
        }
        Err(seq) => {
            common.print(&json!({ "sound": false, "first_bad": seq }), || {
                format!("Row {seq} of the audit record was changed, or one before it is gone.")
            });
            bail!("the audit record does not fit together from row {seq} on")
        }
    }
}

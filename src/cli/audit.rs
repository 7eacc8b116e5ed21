//! `depotd audit`: the audit record.

use super::Common;
use crate::store::{Db, audit};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::json;

/// What to do with the audit record.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Walk the whole chain and say whether anything was changed afterwards.
    Verify,
}

/// Runs the command.
pub fn run(command: &Command, common: &Common) -> Result<()> {
    let Command::Verify = command;
    let dir = common.settings()?.depot.data_dir;
    let db = Db::open(&dir).with_context(|| format!("open {}", dir.display()))?;
    match db.read_blocking(audit::verify)? {
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

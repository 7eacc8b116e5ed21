//! `depotd dispatch`: plans of the past, made again.

use super::Common;
use crate::dispatch::inputs::Inputs;
use crate::store::{Db, rounds};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::json;

/// Dispatch rounds of the past.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a recorded round's plan again and compare it with what was decided.
    Reproduce {
        /// The round, as `/bookings/{id}/dispatch` numbers it; the newest when absent.
        round: Option<i64>,
    },
}

/// Does what the arguments say.
pub fn run(command: &Command, common: &Common) -> Result<()> {
    let Command::Reproduce { round } = command;
    let dir = &common.depot_dir()?;
    let round = *round;
    let bytes = Db::open(dir)?.read_blocking(|c| rounds::inputs(c, round))?;
    let bytes = bytes.with_context(|| match round {
        Some(round) => format!("round {round} is not kept: it said nothing new, was too long ago, or somebody decided by hand"),
        None => "no round is kept yet".to_owned(),
    })?;
    let inputs = Inputs::from_bytes(&bytes).context("the recorded round cannot be read")?;
    let again = inputs.again();
    let name = |vehicle: &Option<crate::model::VehicleId>| vehicle.as_ref().map_or("nobody".to_owned(), ToString::to_string);
    let differs: Vec<_> = again.differs.iter().map(|(b, was, is)| json!({"booking_id": b, "was": was, "is": is})).collect();
    let told = || {
        let head = format!(
            "Round {} of {}: {} bookings, {} vehicles, policy {}.",
            inputs.round,
            inputs.now,
            inputs.waiting.len(),
            inputs.seen.len(),
            inputs.policy
        );
        let lines = again.differs.iter().map(|(b, was, is)| format!("  {b}: {} then, {} now", name(was), name(is)));
        let verdict = if differs.is_empty() { "The same plan again." } else { "Another plan:" };
        [head, verdict.to_owned()].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    };
    let sum = json!({
        "round": inputs.round, "at": inputs.now, "policy": inputs.policy, "same": differs.is_empty(), "differs": differs,
        "bookings": inputs.waiting.len(), "vehicles": inputs.seen.len(), "cost_s": again.plan.cost.as_secs_f64(),
    });
    common.print(&sum, told);
    anyhow::ensure!(differs.is_empty(), "the plan is another one than was recorded");
    Ok(())
}

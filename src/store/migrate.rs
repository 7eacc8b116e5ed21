//! Brings a file's schema up to date: append-only steps, all in one transaction.

use super::{Error, Result};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Every step so far. Never change one that was released; append.
const STEPS: &[&str] = &[include_str!("migrations/001.sql"), include_str!("migrations/002.sql")];

pub(super) fn run(connection: &mut Connection, path: &Path) -> Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(Error::Newer { path: path.display().to_string(), found, known });
    }
    for (step, number) in STEPS.iter().zip(1_i64..).filter(|(_, number)| *number > found) {
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", number)?;
    }
    if found == 0 {
        let mut epoch = [0; 16];
        getrandom::fill(&mut epoch).map_err(|e| Error::Corrupt(format!("no randomness for the epoch: {e}")))?;
        let epoch: String = epoch.iter().map(|b| format!("{b:02x}")).collect();
        tx.execute("insert into meta (key, value) values ('epoch', ?1)", [epoch])?;
    }
    tx.commit()?;
    Ok(())
}

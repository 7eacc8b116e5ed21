//! How far each follower of the journal has come.

use super::Result;
use rusqlite::{Connection, OptionalExtension, Transaction};

/// The cursor of `name`, 0 when it never moved.
pub fn get(connection: &Connection, name: &str) -> Result<i64> {
    let seq = connection.prepare_cached("select seq from cursors where name = ?1")?.query_row([name], |r| r.get(0)).optional()?;
    Ok(seq.unwrap_or(0))
}

/// Takes the cursor of `name` back to the beginning.
pub fn reset(tx: &Transaction<'_>, name: &str) -> Result<()> {
    tx.prepare_cached("delete from cursors where name = ?1")?.execute([name])?;
    Ok(())
}

/// Moves the cursor of `name` on to `seq`; it never goes back.
pub fn advance(tx: &Transaction<'_>, name: &str, seq: i64) -> Result<()> {
    tx.prepare_cached("insert into cursors (name, seq) values (?1, ?2) on conflict (name) do update set seq = max(seq, excluded.seq)")?
        .execute((name, seq))?;
    Ok(())
}

//! Demand's factors on prices, kept over a restart: for each class of vehicles a JSON text.

use super::Result;
use rusqlite::{Connection, Transaction};

/// Keeps the factors of each class in place of all before; `None` stands for trips that ask for no class.
pub fn put(tx: &Transaction<'_>, factors: &[(Option<String>, String)]) -> Result<()> {
    tx.prepare_cached("delete from surges")?.execute([])?;
    let mut insert = tx.prepare_cached("insert into surges (class, factors) values (?1, ?2)")?;
    for (class, factors) in factors {
        insert.execute((class.as_deref().unwrap_or_default(), factors))?;
    }
    Ok(())
}

/// The factors of every class.
pub fn all(connection: &Connection) -> Result<Vec<(Option<String>, String)>> {
    let read = |r: &rusqlite::Row<'_>| Ok((Some(r.get(0)?).filter(|class: &String| !class.is_empty()), r.get(1)?));
    let mut statement = connection.prepare_cached("select class, factors from surges order by class")?;
    Ok(statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?)
}

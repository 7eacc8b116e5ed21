//! What the PINs of deliveries are made of.

use super::Result;
use rusqlite::Connection;

/// The key, the same for the life of the database.
pub fn key(connection: &Connection) -> Result<Vec<u8>> {
    Ok(connection.prepare_cached("select key from pin_key")?.query_row([], |r| r.get(0))?)
}

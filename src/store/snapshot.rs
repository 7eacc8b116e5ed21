//! Copies of a database that is in use, and whether a copy is whole.

use super::{Error, Result};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Writes one consistent state of `file` into `into`, which must not exist, while others read and write it.
pub fn take(file: &Path, into: &Path) -> Result<()> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(super::BUSY)?;
    connection.execute("vacuum into ?1", [into.to_string_lossy()])?;
    Ok(())
}

/// Reads all of `file` and says what is wrong with it.
pub fn check(file: &Path) -> Result<()> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let said: String = connection.query_row("pragma integrity_check(1)", [], |r| r.get(0))?;
    if said == "ok" { Ok(()) } else { Err(Error::Corrupt(format!("{}: {said}", file.display()))) }
}

//! Copies of a database that is in use, and whether a copy is whole.

use super::{Error, Result};
use crate::model::{Actor, Timestamp};
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

/// Gives a copy of ops.db that is to be used an epoch of its own: its sequence numbers will be given out a second time. What upstream was
/// told since the copy was made is to be learned again.
pub fn renew_epoch(file: &Path) -> Result<()> {
    let mut connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    super::migrate::run(&mut connection, file)?;
    super::migrate::mint_epoch(&connection)?;
    super::relearn::mark(&connection)
}

/// Writes into the audit record of such a copy that `actor` put the backup `name`, made at `made`, in the place of the data.
pub fn note_restore(file: &Path, name: &str, made: Timestamp, actor: &Actor, now: Timestamp) -> Result<()> {
    let mut connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let tx = connection.transaction()?;
    let detail = serde_json::json!({"made_at": made, "age_s": now.since(made).as_millis() / 1_000}).to_string();
    super::audit::append(&tx, now, actor, "depot.restore", name, &detail)?;
    Ok(tx.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Db;

    #[test]
    fn a_copy_that_is_to_be_used_gets_an_epoch_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let _db = Db::open(dir.path()).unwrap();
        let (file, copy) = (dir.path().join("ops.db"), dir.path().join("copy.db"));
        let epoch = |file: &Path| -> String {
            Connection::open(file).unwrap().query_row("select value from meta where key = 'epoch'", [], |r| r.get(0)).unwrap()
        };
        take(&file, &copy).unwrap();
        assert_eq!(epoch(&file), epoch(&copy));
        renew_epoch(&copy).unwrap();
        assert_ne!(epoch(&file), epoch(&copy));
        check(&copy).unwrap();
    }
}

//! The audit record: who did what, each row chained to the one before by SHA-256, so that a change of the past shows.

use super::Result;
use crate::model::{Actor, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

/// Writes a row: `actor` did `action` (like `device.revoke`) to `object`; `detail` is one JSON object text.
pub fn append(tx: &Transaction<'_>, at: Timestamp, actor: &Actor, action: &str, object: &str, detail: &str) -> Result<()> {
    let previous: Option<String> =
        tx.prepare_cached("select hash from audit order by seq desc limit 1")?.query_row([], |r| r.get(0)).optional()?;
    let previous = previous.unwrap_or_default();
    let actor = actor.to_text();
    let hash = chain(&previous, at.as_millis(), &actor, action, object, detail);
    tx.prepare_cached("insert into audit (at, actor, action, object, detail, previous, hash) values (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![at.as_millis(), actor, action, object, detail, previous, hash])?;
    Ok(())
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the record.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who, like `user:ana`.
    pub actor: String,
    /// What, like `device.revoke`.
    pub action: String,
    /// To what: an id or a name.
    pub object: String,
    /// One JSON object text.
    pub detail: String,
}

/// The newest `limit` entries, the newest first.
pub fn newest(connection: &Connection, limit: u32) -> Result<Vec<Entry>> {
    let sql = "select seq, at, actor, action, object, detail from audit order by seq desc limit ?1";
    let entry = |r: &rusqlite::Row<'_>| {
        let at = Timestamp::from_millis(r.get(1)?);
        Ok(Entry { seq: r.get(0)?, at, actor: r.get(2)?, action: r.get(3)?, object: r.get(4)?, detail: r.get(5)? })
    };
    Ok(connection.prepare_cached(sql)?.query_map([limit], entry)?.collect::<rusqlite::Result<_>>()?)
}

/// The entry at `seq`, with the hash of the one before and its own.
pub fn get(connection: &Connection, seq: i64) -> Result<Option<(Entry, String, String)>> {
    let sql = "select seq, at, actor, action, object, detail, previous, hash from audit where seq = ?1";
    let entry = |r: &rusqlite::Row<'_>| {
        let at = Timestamp::from_millis(r.get(1)?);
        let entry = Entry { seq: r.get(0)?, at, actor: r.get(2)?, action: r.get(3)?, object: r.get(4)?, detail: r.get(5)? };
        Ok((entry, r.get(6)?, r.get(7)?))
    };
    Ok(connection.prepare_cached(sql)?.query_row([seq], entry).optional()?)
}

/// Walks the whole chain. `Ok(n)`: n rows, all sound. `Err(seq)`: the first row that does not fit.
pub fn verify(connection: &Connection) -> Result<std::result::Result<u64, i64>> {
    let mut statement = connection.prepare("select seq, at, actor, action, object, detail, previous, hash from audit order by seq")?;
    let mut rows = statement.query([])?;
    let (mut previous, mut count) = (String::new(), 0);
    while let Some(r) = rows.next()? {
        let text = |i| r.get::<_, String>(i);
        let hash = chain(&previous, r.get(1)?, &text(2)?, &text(3)?, &text(4)?, &text(5)?);
        if text(6)? != previous || text(7)? != hash {
            return Ok(Err(r.get(0)?));
        }
        previous = hash;
        count += 1;
    }
    Ok(Ok(count))
}

fn chain(previous: &str, at: i64, actor: &str, action: &str, object: &str, detail: &str) -> String {
    let mut hasher = Sha256::new();
    for part in [previous, &at.to_string(), actor, action, object, detail] {
        hasher.update(part.len().to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Db, Error};

    #[test]
    fn a_changed_row_breaks_the_chain_there() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        for n in 0..3 {
            let object = format!("user{n}");
            db.write_blocking(move |tx| append(tx, Timestamp::from_millis(n), &Actor::System, "user.add", &object, "{}")).unwrap();
        }
        assert_eq!(db.read_blocking(verify).unwrap(), Ok(3));
        let newest = db.read_blocking(|c| newest(c, 2)).unwrap();
        assert_eq!(newest.iter().map(|e| (e.seq, &*e.object)).collect::<Vec<_>>(), [(3, "user2"), (2, "user1")]);
        db.write_blocking(|tx| tx.execute("update audit set object = 'x' where seq = 2", []).map_err(Error::from)).unwrap();
        assert_eq!(db.read_blocking(verify).unwrap(), Err(2));
    }
}

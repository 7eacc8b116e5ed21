//! What goes from the outbox. Of rounds that retention took, one entry stays for all of them side by side, so that a gap record can say
//! what is missing; of rows that ended before anybody was told of them, nothing.

use super::{Result, cursors, outbox};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::{Value, json};

/// The cursor up to which [`drop_ends`] looked.
const ENDS: &str = "outbox_ends";

/// An entry of the lane of rounds and warnings.
struct Entry {
    seq: i64,
    gone: Option<Gone>,
}

/// Of rounds that are no more: the number of the last one, the first entry that it stands for, how many they are, and their epoch.
struct Gone {
    round: Value,
    first: i64,
    records: i64,
    epoch: i64,
}

/// Joins entries of rounds that retention took away, looking at up to `limit` entries; `true`: there may be more.
pub fn join_gone(tx: &Transaction<'_>, limit: usize) -> Result<bool> {
    let Some(first) = first_gone(tx)? else { return Ok(false) };
    let start: Option<i64> = tx.query_row("select max(seq) from outbox where lane = 1 and seq < ?1", [first], |r| r.get(0))?;
    let entries = entries(tx, start.unwrap_or(first), limit.max(2))?;
    let more = entries.len() >= limit.max(2);
    let mut open: Option<(i64, Gone)> = None;
    for Entry { seq, gone } in entries {
        let Some(mut gone) = gone else {
            close(tx, open.take())?;
            continue;
        };
        match open.take() {
            Some((before, joined)) if joined.epoch == gone.epoch => {
                tx.prepare_cached("delete from outbox where seq = ?1")?.execute([before])?;
                (gone.first, gone.records) = (joined.first, joined.records + gone.records);
            }
            other => close(tx, other)?,
        }
        open = Some((seq, gone));
    }
    close(tx, open)?;
    Ok(more)
}

/// The first entry of a round that is gone that was not joined yet. Rounds go in the order in which they came.
fn first_gone(connection: &Connection) -> Result<Option<i64>> {
    let sql = "select seq from outbox where lane = 1 and source = 'rounds' and json_array_length(key) = 1 order by seq limit 1";
    let Some(seq) = connection.prepare_cached(sql)?.query_row([], |r| r.get(0)).optional()? else { return Ok(None) };
    let sql = "select exists (select 1 from rounds join outbox on rounds.seq = json_extract(key, '$[0]') where outbox.seq = ?1)";
    let is_there: bool = connection.prepare_cached(sql)?.query_row([seq], |r| r.get(0))?;
    Ok((!is_there).then_some(seq))
}

fn entries(connection: &Connection, start: i64, limit: usize) -> Result<Vec<Entry>> {
    let sql = "select seq, key, source = 'rounds' and not exists (select 1 from rounds where rounds.seq = json_extract(key, '$[0]')),
               (select max(from_seq) from epochs where from_seq <= outbox.seq)
               from outbox where lane = 1 and seq >= ?1 order by seq limit ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![start, super::journal::count(limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, key): (i64, String) = (row.get(0)?, row.get(1)?);
        let key: Vec<Value> = serde_json::from_str(&key).unwrap_or_default();
        let number = |at: usize| key.get(at).and_then(Value::as_i64);
        let (first, records, epoch) = (number(1).unwrap_or(seq), number(2).unwrap_or(1), row.get::<_, Option<i64>>(3)?.unwrap_or_default());
        let gone = Gone { round: key.first().cloned().unwrap_or_default(), first, records, epoch };
        found.push(Entry { seq, gone: row.get::<_, bool>(2)?.then_some(gone) });
    }
    Ok(found)
}

fn close(tx: &Transaction<'_>, open: Option<(i64, Gone)>) -> Result<()> {
    let Some((seq, Gone { round, first, records, .. })) = open else { return Ok(()) };
    tx.prepare_cached("update outbox set key = ?2 where seq = ?1")?.execute(params![seq, json!([round, first, records]).to_string()])?;
    Ok(())
}

/// While no sink was ever told anything: takes away the entries of rows that ended, looking at up to `limit` entries; `true`: there may
/// be more.
pub fn drop_ends(tx: &Transaction<'_>, limit: usize) -> Result<bool> {
    let told: bool = tx.query_row("select exists (select 1 from sink_cursors)", [], |r| r.get(0))?;
    if told {
        return Ok(false);
    }
    let mut statement = tx.prepare_cached("select seq, source, key from outbox where seq > ?1 order by seq limit ?2")?;
    let read = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
    let found: Vec<(i64, String, String)> =
        statement.query_map(params![cursors::get(tx, ENDS)?, super::journal::count(limit)], read)?.collect::<rusqlite::Result<_>>()?;
    for (seq, source, key) in &found {
        let Some((table, names)) = outbox::key_of(source) else { continue };
        let key: Vec<Value> = serde_json::from_str(key).unwrap_or_default();
        if outbox::row(tx, table, names, &key)?.is_none() {
            tx.prepare_cached("delete from outbox where seq = ?1")?.execute([seq])?;
        }
    }
    if let Some((last, ..)) = found.last() {
        cursors::advance(tx, ENDS, *last)?;
    }
    Ok(found.len() >= limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Lane;
    use crate::store::Db;
    use crate::store::outbox::Change;

    fn keys(db: &Db) -> Vec<(i64, String)> {
        db.read_blocking(|c| -> Result<_> {
            let mut statement = c.prepare("select seq, key from outbox where lane = 1 order by seq")?;
            Ok(statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<Vec<(i64, String)>>>()?)
        })
        .unwrap()
    }

    fn join(db: &Db, limit: usize) {
        while db.write_blocking(move |tx| join_gone(tx, limit)).unwrap() {}
    }

    #[test]
    fn rounds_that_are_gone_side_by_side_are_one_entry_that_says_which() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let run = |sql: &str| {
            let sql = sql.to_owned();
            db.write_blocking(move |tx| tx.execute_batch(&sql).map_err(crate::store::Error::from)).unwrap();
        };
        let rounds = |from: i64, to: i64| {
            (from..=to).for_each(|n| run(&format!("insert into rounds (booking_id, at, record) values ('b', {n}, '{{}}')")))
        };
        let warning = "insert into journal (at, kind, actor, data) values (1, 'booking.late', 'system', '{}')";
        rounds(1, 5);
        run(warning);
        rounds(6, 12);
        run("insert into epochs (epoch, from_seq) values ('later', 11)");
        join(&db, 3);
        assert_eq!(keys(&db).len(), 13, "nothing is gone yet");
        run("delete from rounds where at < 9");
        join(&db, 3);
        let joined = |last: i64, round: i64, first: i64, records: i64| (last, format!("[{round},{first},{records}]"));
        let one = |seq: i64, key: i64| (seq, format!("[{key}]"));
        assert_eq!(keys(&db)[..3], [joined(5, 5, 1, 5), one(6, 1), joined(9, 8, 7, 3)]);
        run("delete from rounds where at < 12");
        join(&db, 3);
        assert_eq!(
            keys(&db),
            [joined(5, 5, 1, 5), one(6, 1), joined(10, 9, 7, 4), joined(12, 11, 11, 2), one(13, 12)],
            "not over an epoch's end"
        );
        let told = db.read_blocking(|c| outbox::after(c, Lane::Dispatch, 2, 10)).unwrap();
        assert_eq!(told[0], (5, Change::Gone { first: Some(1), records: 5 }));
        assert!(!db.write_blocking(|tx| join_gone(tx, 3)).unwrap(), "there is nothing left to do");
    }

    #[test]
    fn rows_that_ended_before_anybody_knew_of_them_leave_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path()).unwrap();
        let run = |sql: &'static str| db.write_blocking(move |tx| tx.execute_batch(sql).map_err(crate::store::Error::from)).unwrap();
        let drop = || while db.write_blocking(|tx| drop_ends(tx, 2)).unwrap() {};
        let count = || -> i64 {
            let sql = "select count(*) from outbox where source = 'users'";
            db.read_blocking(move |c| -> Result<i64> { Ok(c.query_row(sql, [], |r| r.get(0))?) }).unwrap()
        };
        let users = "insert into users (name, role, password_hash, created_at) values ('a', 'viewer', 'h', 1), ('b', 'viewer', 'h', 1), ('c', 'viewer', 'h', 1)";
        run(users);
        drop();
        run("delete from users where name <> 'b'");
        assert_eq!(count(), 3);
        drop();
        assert_eq!(count(), 1, "the row that is there is to be told to a sink that comes later");
        run("insert into sink_cursors values ('office', 'bookings', 9, 1, 1, 1)");
        run("delete from users");
        drop();
        assert_eq!(count(), 1, "head office is to be told that it ended");
    }
}

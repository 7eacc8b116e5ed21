//! How far each sink of upstream is, and which of them people paused.

use super::Result;
use crate::model::{Actor, Lane, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// How far a lane is at a sink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The last number that the sink has stored.
    pub through: i64,
    /// When it last said so.
    pub acked_at: Timestamp,
    /// Records acknowledged in all.
    pub records: u64,
    /// Bytes of batches acknowledged in all.
    pub bytes: u64,
}

/// The cursor of `lane` at `sink`; `None` when it never acknowledged anything.
pub fn cursor(connection: &Connection, sink: &str, lane: Lane) -> Result<Option<Cursor>> {
    let sql = "select through, acked_at, records, bytes from sink_cursors where sink = ?1 and lane = ?2";
    let read = |r: &rusqlite::Row<'_>| {
        Ok(Cursor {
            through: r.get(0)?,
            acked_at: Timestamp::from_millis(r.get(1)?),
            records: r.get::<_, i64>(2)?.cast_unsigned(),
            bytes: r.get::<_, i64>(3)?.cast_unsigned(),
        })
    };
    Ok(connection.prepare_cached(sql)?.query_row([sink, lane.as_str()], read).optional()?)
}

/// Keeps the cursor of `lane` at `sink`, forwards and, when the sink lost something, backwards.
pub fn set_cursor(tx: &Transaction<'_>, sink: &str, lane: Lane, cursor: Cursor) -> Result<()> {
    let sql = "insert or replace into sink_cursors (sink, lane, through, acked_at, records, bytes) values (?1, ?2, ?3, ?4, ?5, ?6)";
    tx.prepare_cached(sql)?.execute(params![
        sink,
        lane.as_str(),
        cursor.through,
        cursor.acked_at.as_millis(),
        cursor.records.cast_signed(),
        cursor.bytes.cast_signed()
    ])?;
    Ok(())
}

/// Who paused `sink`, when it is paused.
pub fn paused_by(connection: &Connection, sink: &str) -> Result<Option<String>> {
    Ok(connection.prepare_cached("select actor from sinks_paused where sink = ?1")?.query_row([sink], |r| r.get(0)).optional()?)
}

/// Pauses `sink`, or lets it go on; says whether that changed anything.
pub fn pause(tx: &Transaction<'_>, sink: &str, paused: bool, at: Timestamp, actor: &Actor) -> Result<bool> {
    let changed = if paused {
        let sql = "insert into sinks_paused (sink, at, actor) values (?1, ?2, ?3) on conflict (sink) do nothing";
        tx.execute(sql, params![sink, at.as_millis(), actor.to_text()])?
    } else {
        tx.execute("delete from sinks_paused where sink = ?1", [sink])?
    };
    Ok(changed > 0)
}

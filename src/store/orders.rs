//! Orders of head office that were answered, each by the name that head office gave it.

use super::{Error, Result, journal::count};
use crate::model::{Answered, Timestamp, Verdict};
use rusqlite::{Connection, Row, Transaction, params};

/// The answer to the command `cmd_id`, when there is one.
pub fn find(connection: &Connection, cmd_id: &str) -> Result<Option<Answered>> {
    let mut statement = connection.prepare_cached("select * from orders where cmd_id = ?1")?;
    let mut rows = statement.query_and_then([cmd_id], read)?;
    Ok(rows.next().transpose()?.map(|(_, answered)| answered))
}

/// Keeps an answer; there must be none yet.
pub fn insert(tx: &Transaction<'_>, answered: &Answered) -> Result<()> {
    let sql = "insert into orders (cmd_id, sink, seq, kind, target, digest, received_at, outcome, reason, detail)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let Answered { cmd_id, sink, seq, kind, target, digest, received_at, verdict, reason, detail } = answered;
    tx.prepare_cached(sql)?.execute(params![
        cmd_id,
        sink,
        seq,
        kind,
        target,
        digest,
        received_at.as_millis(),
        verdict.as_str(),
        reason,
        detail
    ])?;
    Ok(())
}

/// Up to `limit` answers, newest first, from before number `before` on; each with its number.
pub fn list(connection: &Connection, before: i64, limit: usize) -> Result<Vec<(i64, Answered)>> {
    let sql = "select * from orders where number < ?1 order by number desc limit ?2";
    connection.prepare_cached(sql)?.query_and_then((before, count(limit)), read)?.collect()
}

fn read(r: &Row<'_>) -> Result<(i64, Answered)> {
    let outcome: String = r.get("outcome")?;
    let answered = Answered {
        cmd_id: r.get("cmd_id")?,
        sink: r.get("sink")?,
        seq: r.get("seq")?,
        kind: r.get("kind")?,
        target: r.get("target")?,
        digest: r.get("digest")?,
        received_at: Timestamp::from_millis(r.get("received_at")?),
        verdict: Verdict::parse(&outcome).ok_or_else(|| Error::Corrupt(format!("an order has the outcome {outcome:?}")))?,
        reason: r.get("reason")?,
        detail: r.get("detail")?,
    };
    Ok((r.get("number")?, answered))
}

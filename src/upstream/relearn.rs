//! After a restore from a backup: what was this depot's since the backup was made? Asked when the line is up for the first time, before
//! anything is sent; until then the depot works with what the backup holds.

use super::sink::{Fault, Sink};
use super::start::{self, Epoch};
use crate::batch::{Agreed, Known, Line, Record, RowState};
use crate::model::{Lane, Timestamp};
use crate::store::relearn::{self, Kept, Outcome};
use crate::store::{self, Db, outbox};

/// Up to which numbers, by epoch, both have the same.
fn agreed(epochs: &[Epoch], known: &[Known]) -> (Vec<Agreed>, i64) {
    let through = start::through(epochs, known, Lane::Bookings);
    let end = |at: usize| epochs.get(at + 1).map_or(i64::MAX, |next| next.from - 1);
    let stretch = |(at, epoch): (usize, &Epoch)| Agreed { epoch: epoch.name.clone(), through: end(at).min(through) };
    (epochs.iter().enumerate().filter(|(_, epoch)| epoch.from <= through).map(stretch).collect(), through)
}

/// Learns from `sink` what it was told before a restore and the depot does not know, once for each restore.
pub async fn relearn(db: &Db, sink: &mut dyn Sink, name: &str, (epochs, known): (&[Epoch], &[Known]), now: Timestamp) -> Result<(), Fault> {
    let asked = name.to_owned();
    if !db.read(move |c| relearn::is_due(c, &asked)).await.map_err(store_fault)? {
        return Ok(());
    }
    let (agreed, through) = agreed(epochs, known);
    let mut outcomes = Vec::new();
    for (table, _) in outbox::TABLES {
        let (mut after, mut deferred) = (None, Vec::new());
        loop {
            let Some(page) = sink.beyond(&agreed, table, after.take()).await? else { return Ok(()) };
            let rows = read(&page.lines)?;
            let learned = db.write(move |tx| learn(tx, rows, through, false, now)).await.map_err(store_fault)?;
            deferred.extend(learned.1);
            outcomes.extend(learned.0);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        outcomes.extend(db.write(move |tx| learn(tx, deferred, through, true, now)).await.map_err(store_fault)?.0);
    }
    let asked = name.to_owned();
    db.write(move |tx| relearn::done(tx, &asked)).await.map_err(store_fault)?;
    let own = outcomes.iter().filter(|outcome| **outcome == Outcome::OwnKept).count();
    let learned = outcomes.iter().filter(|outcome| **outcome != Outcome::Same).count() - own;
    tracing::info!(sink = name, "restored: {learned} rows were learned again from {name}, {own} of the depot's own stay");
    Ok(())
}

/// A row as upstream has it, and under which epoch and number it was told.
type Told = (String, i64, RowState);

fn read(lines: &[String]) -> Result<Vec<Told>, Fault> {
    let (mut epoch, mut rows) = (String::new(), Vec::new());
    for text in lines {
        let line = Line::read(text).map_err(|e| Fault::new(format!("it handed back {text:?}: {e}")))?;
        match line.record {
            Record::Epoch(mark) => epoch = mark.epoch,
            Record::Row(row) => rows.push((epoch.clone(), line.seq, row)),
            _ => {}
        }
    }
    Ok(rows)
}

/// What became of `rows`, and those that are to be learned at last.
fn learn(
    tx: &rusqlite::Transaction<'_>,
    rows: Vec<Told>,
    agreed: i64,
    at_last: bool,
    now: Timestamp,
) -> store::Result<(Vec<Outcome>, Vec<Told>)> {
    let (mut outcomes, mut deferred) = (Vec::new(), Vec::new());
    for (epoch, seq, row) in rows {
        let kept = Kept { table: &row.table, key: &row.key, columns: row.row.as_ref(), told: (&epoch, seq) };
        match relearn::learn(tx, &kept, agreed, at_last, now)? {
            Outcome::Deferred => deferred.push((epoch, seq, row)),
            outcome => outcomes.push(outcome),
        }
    }
    Ok((outcomes, deferred))
}

fn store_fault(error: store::Error) -> Fault {
    Fault::new(format!("what was lost by the restore cannot be learned again: {error}"))
}

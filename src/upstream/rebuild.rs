//! A depot's ops.db from what a sink keeps of it.

use super::sink::{Fault, Sink};
use crate::batch::{Line, Record};
use crate::store::audit;
use crate::store::rebuild::{Rebuild, Stretch};

/// How far the gathering is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// The last number that there is.
    pub last: i64,
    /// The number that was reached.
    pub at: i64,
    /// Lines so far.
    pub lines: u64,
}

/// Puts all that `sink` keeps of the depot into `into`, page by page, and tells how far it is after each.
pub async fn gather(sink: &mut dyn Sink, into: &mut Rebuild, mut progress: impl FnMut(Gathered)) -> Result<Gathered, Fault> {
    let (mut after, mut epoch, mut gathered) = (None, String::new(), Gathered::default());
    loop {
        let page =
            sink.page(after.take()).await?.ok_or_else(|| Fault::new("this kind of sink keeps nothing that a depot can be built from"))?;
        for text in &page.lines {
            let line = Line::read(text).map_err(|e| Fault::new(format!("it handed back {text:?}: {e}")))?;
            gathered.at = gathered.at.max(line.seq);
            gathered.lines += u64::from(line.seq > 0);
            if let Record::Epoch(mark) = &line.record {
                gathered.last = gathered.last.max(mark.through);
            }
            put(into, &mut epoch, line).map_err(|e| Fault::new(format!("{text:?} cannot be put back: {e}")))?;
        }
        progress(gathered);
        after = page.next;
        if after.is_none() {
            return Ok(gathered);
        }
    }
}

fn put(into: &mut Rebuild, epoch: &mut String, line: Line<'_>) -> crate::store::Result<()> {
    match line.record {
        Record::Epoch(mark) => {
            epoch.clone_from(&mark.epoch);
            // Rows are told of epochs of which nothing counts any more.
            if mark.from > 0 {
                into.epoch(Stretch { epoch: mark.epoch, from: mark.from, through: mark.through })?;
            }
            Ok(())
        }
        Record::Event(e) => {
            let (booking, vehicle) = (e.booking_id.as_deref(), e.vehicle_id.as_deref());
            into.event(line.seq, e.journal_seq, e.at, &e.kind, &e.actor, booking, vehicle, e.data.get())
        }
        Record::Audit(e) => {
            let entry = audit::Entry {
                seq: e.audit_seq,
                at: e.at,
                actor: e.actor,
                action: e.action,
                object: e.object,
                detail: e.detail.get().to_owned(),
            };
            into.audit(line.seq, &entry, &e.previous, &e.hash)
        }
        Record::Row(row) => into.row(epoch, line.seq, &row.table, &row.key, row.row.as_ref()),
        Record::Round(_) | Record::Track(_) | Record::Position(_) | Record::Gap(_) => Ok(()),
    }
}

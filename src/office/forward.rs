//! What JetStream is still to get: written down in the transaction that stores a batch, taken away when JetStream has it.

use super::{Office, Result};
use crate::batch::{Batch, Span};
use crate::model::Lane;
use tokio_postgres::{Row, Transaction};

/// How much waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// Batches.
    pub batches: i64,
    /// Bytes of them.
    pub bytes: i64,
}

/// The next batches of one lane. As long as it is held, nobody else gets them or what comes behind them.
pub struct Run<'a> {
    tx: Transaction<'a>,
    ids: Vec<i64>,
    /// The batches in their order, all of one epoch.
    pub batches: Vec<Batch>,
}

/// Writes down `batch`. Of where everyone is only the latest counts.
pub(super) async fn note(tx: &Transaction<'_>, batch: &Batch) -> Result<()> {
    let span = &batch.span;
    if !span.lane.is_durable() {
        let sql = "delete from depotd.forward where id in
                   (select id from depotd.forward where depot = $1 and lane = $2 for update skip locked)";
        tx.execute(sql, &[&span.depot, &span.lane.as_str()]).await?;
    }
    let sql = "insert into depotd.forward (depot, epoch, epoch_from, lane, first_seq, last_seq, records, body)
               values ($1, $2, $3, $4, $5, $6, $7, $8)";
    let records = i64::try_from(batch.records).unwrap_or(i64::MAX);
    let lane = span.lane.as_str();
    tx.execute(sql, &[&span.depot, &span.epoch, &span.epoch_from, &lane, &span.first, &span.last, &records, &&batch.body[..]]).await?;
    Ok(())
}

impl Office {
    /// How much waits in all.
    pub async fn waiting(&self) -> Result<Waiting> {
        let sql = "select count(*), coalesce(sum(octet_length(body)), 0)::bigint from depotd.forward";
        let row = self.client.query_one(sql, &[]).await?;
        Ok(Waiting { batches: row.get(0), bytes: row.get(1) })
    }

    /// Up to `limit` batches that wait the longest, of a lane that nobody else is at work on and that is not among `not`
    /// (`depot/lane`); `None` when there is none.
    pub async fn next_run(&mut self, not: &[String], limit: i64) -> Result<Option<Run<'_>>> {
        let tx = self.client.transaction().await?;
        // The first of a lane stands for all of it: who holds it has the lane.
        let sql = "select id, depot, lane, epoch from depotd.forward f
                   where not (depot || '/' || lane = any($1))
                   and not exists (select 1 from depotd.forward e where e.depot = f.depot and e.lane = f.lane and e.id < f.id)
                   order by id limit 1 for update skip locked";
        let Some(first) = tx.query_opt(sql, &[&not]).await? else { return Ok(None) };
        let (id, depot, lane, epoch): (i64, String, String, String) = (first.get(0), first.get(1), first.get(2), first.get(3));
        let sql = "select id, epoch_from, first_seq, last_seq, records, body from depotd.forward
                   where depot = $1 and lane = $2 and id >= $4 and id < coalesce((select min(id) from depotd.forward
                       where depot = $1 and lane = $2 and id > $4 and epoch <> $3), 9223372036854775807)
                   order by id limit $5";
        let rows = tx.query(sql, &[&depot, &lane, &epoch, &id, &limit]).await?;
        let Some(lane) = Lane::parse(&lane) else { return Ok(None) };
        let batch = |row: &Row| Batch {
            span: Span { depot: depot.clone(), epoch: epoch.clone(), epoch_from: row.get(1), lane, first: row.get(2), last: row.get(3) },
            records: row.get::<_, i64>(4).cast_unsigned(),
            lost: 0,
            unpacked: 0,
            body: row.get::<_, Vec<u8>>(5).into(),
        };
        Ok(Some(Run { ids: rows.iter().map(|row| row.get(0)).collect(), batches: rows.iter().map(batch).collect(), tx }))
    }
}

impl Run<'_> {
    /// JetStream has the first `count` of them. The others wait on.
    pub async fn sent(self, count: usize) -> Result<()> {
        self.tx.execute("delete from depotd.forward where id = any($1)", &[&&self.ids[..count]]).await?;
        Ok(self.tx.commit().await?)
    }
}

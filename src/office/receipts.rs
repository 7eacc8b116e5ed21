//! What is kept, short enough to compare: receipts by day, digests by number, and the rows as they are now. All of it is made from what
//! lies in the tables when it is asked for, so what somebody changed there shows.

use super::{Office, Result};
use crate::batch::{Receipt, Stored, StoredRow, TableReceipt, hex};
use crate::model::Lane;
use tokio_postgres::Row;

/// Records of a lane within numbers and times: `seq, at, digest`.
const RECORDS: &str = "
select seq, at, sha256(depotd.part('event') || depotd.part(journal_seq::text) || depotd.part(depotd.millis(at)::text) || depotd.part(kind)
    || depotd.part(actor) || depotd.part(coalesce(booking_id, '')) || depotd.part(coalesce(vehicle_id, '')) || depotd.part(data::text)) as digest
from depotd.event where depot = $1 and epoch = $2 and lane = $3 and seq between $4 and $5 and at >= $6::text::timestamptz and at < $7::text::timestamptz
union all
select seq, at, sha256(depotd.part('audit') || depotd.part(audit_seq::text) || depotd.part(depotd.millis(at)::text) || depotd.part(actor)
    || depotd.part(action) || depotd.part(object) || depotd.part(detail::text) || depotd.part(previous) || depotd.part(hash))
from depotd.audit where $3 = 'bookings' and depot = $1 and epoch = $2 and seq between $4 and $5 and at >= $6::text::timestamptz and at < $7::text::timestamptz
union all
select seq, at, sha256(depotd.part('round') || depotd.part(round_seq::text) || depotd.part(depotd.millis(at)::text) || depotd.part(booking_id)
    || depotd.part(record::text))
from depotd.round where $3 = 'dispatch' and depot = $1 and epoch = $2 and seq between $4 and $5 and at >= $6::text::timestamptz and at < $7::text::timestamptz";

/// Runs of the history in the same shape. Where the fixes are not those that the run came with, its digest is empty.
const RUNS: &str = "
select taken.seq, taken.first_ts as at, case when found.fixes = taken.fixes and found.sum = taken.sum then taken.digest else ''::bytea end as digest
from depotd.run as taken left join (
    select run_seq, count(*) as fixes,
        sum(depotd.millis(ts) + round(lat * 1e7)::bigint * 31 + round(lon * 1e7)::bigint * 961) as sum
    from depotd.fixes where $3 = 'history' and depot = $1 and epoch = $2 and run_seq between $4 and $5
        and ts >= (select min(first_ts) from depotd.run where depot = $1 and epoch = $2 and seq between $4 and $5
                   and first_ts >= $6::text::timestamptz and first_ts < $7::text::timestamptz)
        and ts <= (select max(last_ts) from depotd.run where depot = $1 and epoch = $2 and seq between $4 and $5
                   and first_ts >= $6::text::timestamptz and first_ts < $7::text::timestamptz)
    group by run_seq) as found on found.run_seq = taken.seq
where depot = $1 and epoch = $2 and seq between $4 and $5 and first_ts >= $6::text::timestamptz and first_ts < $7::text::timestamptz";

const ROW: &str = "sha256(depotd.part(key) || depotd.part(row::text))";

fn of(lane: Lane) -> &'static str {
    if lane == Lane::History { RUNS } else { RECORDS }
}

fn count(row: &Row, at: usize) -> u64 {
    row.get::<_, i64>(at).cast_unsigned()
}

impl Office {
    /// Receipts of `lane` of `epoch` up to number `through`, one for each day from `from` on and before `until` (UTC, `2026-05-30`,
    /// or `-infinity` and `infinity`), in order of days, up to `limit`.
    #[expect(clippy::too_many_arguments, reason = "a range of numbers and one of days")]
    pub async fn receipts(
        &self,
        depot: &str,
        epoch: &str,
        lane: Lane,
        through: i64,
        from: &str,
        until: &str,
        limit: i64,
    ) -> Result<Vec<Receipt>> {
        let sql = format!(
            "select (at at time zone 'UTC')::date::text, count(*), min(seq), max(seq), sha256(string_agg(digest, ''::bytea order by seq))
             from ({}) as kept group by 1 order by 1 limit $8",
            of(lane)
        );
        let rows = self.client.query(&sql, &[&depot, &epoch, &lane.as_str(), &0_i64, &through, &from, &until, &limit]).await?;
        let receipt =
            |row: &Row| Receipt { day: row.get(0), records: count(row, 1), first: row.get(2), last: row.get(3), hash: hex(row.get(4)) };
        Ok(rows.iter().map(receipt).collect())
    }

    /// Numbers and digests of what `lane` of `epoch` holds between two numbers, both included, up to `limit`.
    pub async fn stored(&self, depot: &str, epoch: &str, lane: Lane, from: i64, to: i64, limit: i64) -> Result<Vec<Stored>> {
        let sql = format!("select seq, digest from ({}) as kept order by seq limit $8", of(lane));
        let always = ("-infinity", "infinity");
        let rows = self.client.query(&sql, &[&depot, &epoch, &lane.as_str(), &from, &to, &always.0, &always.1, &limit]).await?;
        Ok(rows.iter().map(|row| Stored { seq: row.get(0), digest: hex(row.get(1)) }).collect())
    }

    /// What each table of `depot` holds now.
    pub async fn table_receipts(&self, depot: &str) -> Result<Vec<TableReceipt>> {
        let sql = format!(
            "select tbl, count(*), sha256(string_agg({ROW}, ''::bytea order by key collate \"C\")) from depotd.row
             where depot = $1 and row is not null group by tbl order by tbl"
        );
        let rows = self.client.query(&sql, &[&depot]).await?;
        Ok(rows.iter().map(|row| TableReceipt { table: row.get(0), rows: count(row, 1), hash: hex(row.get(2)) }).collect())
    }

    /// Keys and digests of the rows of `table` behind key `after`, in order of their bytes, up to `limit`.
    pub async fn stored_rows(&self, depot: &str, table: &str, after: &str, limit: i64) -> Result<Vec<StoredRow>> {
        let sql = format!(
            "select key, {ROW} from depotd.row where depot = $1 and tbl = $2 and row is not null and key collate \"C\" > $3
             order by key collate \"C\" limit $4"
        );
        let rows = self.client.query(&sql, &[&depot, &table, &after, &limit]).await?;
        Ok(rows.iter().map(|row| StoredRow { key: row.get(0), digest: hex(row.get(1)) }).collect())
    }
}

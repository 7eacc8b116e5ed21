//! Reading the record: how far it is, its receipts, and all of a depot for a new box.

use super::take::has_receipts;
use super::{Office, Result};
use crate::batch::{Known, Page, Stored};
use crate::model::Lane;
use std::time::{Duration, SystemTime};
use tokio_postgres::Row;

fn rfc3339(time: SystemTime) -> String {
    let millis = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    };
    crate::model::Timestamp::from_millis(millis).to_string()
}

impl Office {
    /// How far each lane of each epoch of `depot` is.
    pub async fn known(&self, depot: &str) -> Result<Vec<Known>> {
        let sql = "select epoch, lane, through from depotd.lane_cursor where depot = $1";
        let rows = self.client.query(sql, &[&depot]).await?;
        let known = |row: &Row| Some(Known { epoch: row.get(0), lane: Lane::parse(row.get(1))?, through: row.get(2) });
        Ok(rows.iter().filter_map(known).collect())
    }

    /// Numbers and digests of what `lane` of `epoch` holds between two numbers, both included, up to `limit`.
    pub async fn stored(&self, depot: &str, epoch: &str, lane: Lane, from: i64, to: i64, limit: i64) -> Result<Vec<Stored>> {
        if !has_receipts(lane) {
            return Ok(Vec::new());
        }
        let sql = match lane {
            Lane::History => {
                "select seq, digest from depotd.run where depot = $1 and epoch = $2 and $6 = $6 and seq between $3 and $4 order by seq limit $5"
            }
            _ => {
                "select seq, digest from depotd.event where depot = $1 and epoch = $2 and lane = $6 and seq between $3 and $4
                 union all select seq, digest from depotd.audit where depot = $1 and epoch = $2 and $6 = 'bookings' and seq between $3 and $4
                 order by seq limit $5"
            }
        };
        let rows = self.client.query(sql, &[&depot, &epoch, &from, &to, &limit, &lane.as_str()]).await?;
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect();
        Ok(rows.iter().map(|row| Stored { seq: row.get(0), digest: hex(row.get(1)) }).collect())
    }

    /// All records of `depot` that build it anew: events and audit entries in their order, then rows. `after` is what the page
    /// before named.
    pub async fn page(&self, depot: &str, after: Option<&str>, limit: i64) -> Result<Page> {
        let (part, after) = after.and_then(|a| a.split_once(':')).unwrap_or(("event", ""));
        let at: i64 = after.parse().unwrap_or(0);
        let (lines, last): (Vec<String>, Option<String>) = match part {
            "event" => {
                let sql = "select distinct on (journal_seq) journal_seq, lane, seq, at, kind, actor, booking_id, vehicle_id, data::text
                           from depotd.event join depotd.lane_cursor using (depot, epoch, lane)
                           where depot = $1 and journal_seq > $2 order by journal_seq, updated_at desc limit $3";
                let rows = self.client.query(sql, &[&depot, &at, &limit]).await?;
                (rows.iter().map(event).collect(), rows.last().map(|row| row.get::<_, i64>(0).to_string()))
            }
            "audit" => {
                let sql = "select distinct on (audit_seq) audit_seq, seq, at, actor, action, object, detail::text, previous, hash
                           from depotd.audit join depotd.lane_cursor using (depot, epoch)
                           where depot = $1 and lane = 'bookings' and audit_seq > $2 order by audit_seq, updated_at desc limit $3";
                let rows = self.client.query(sql, &[&depot, &at, &limit]).await?;
                (rows.iter().map(audit).collect(), rows.last().map(|row| row.get::<_, i64>(0).to_string()))
            }
            _ => {
                let sql =
                    "select seq, tbl, key, row::text from depotd.row where depot = $1 and tbl || key > $2 order by tbl || key limit $3";
                let rows = self.client.query(sql, &[&depot, &after, &limit]).await?;
                (rows.iter().map(row).collect(), rows.last().map(|row| format!("{}{}", row.get::<_, &str>(1), row.get::<_, &str>(2))))
            }
        };
        let full = i64::try_from(lines.len()).unwrap_or(i64::MAX) >= limit;
        let next = match (part, last) {
            (part, Some(last)) if full => Some(format!("{part}:{last}")),
            ("event", _) => Some("audit:0".to_owned()),
            ("audit", _) => Some("row:0".to_owned()),
            _ => None,
        };
        Ok(Page { lines, next })
    }

    /// Does `token` let in somebody who speaks for `depot`? Tokens are kept as SHA-256 in hex.
    pub async fn admits(&self, depot: &str, token_hash: &str) -> Result<bool> {
        let sql = "select token_hash = $2 from depotd.depot where id = $1 and token_hash is not null";
        Ok(self.client.query_opt(sql, &[&depot, &token_hash]).await?.is_some_and(|row| row.get(0)))
    }

    /// Makes `depot` known, with the token that it will show from now on.
    pub async fn enrol(&self, depot: &str, token_hash: &str) -> Result<()> {
        let sql =
            "insert into depotd.depot (id, token_hash) values ($1, $2) on conflict (id) do update set token_hash = excluded.token_hash";
        self.client.execute(sql, &[&depot, &token_hash]).await?;
        Ok(())
    }

    /// Takes away the token of `depot`; says whether it had one.
    pub async fn expel(&self, depot: &str) -> Result<bool> {
        let sql = "update depotd.depot set token_hash = null where id = $1 and token_hash is not null";
        Ok(self.client.execute(sql, &[&depot]).await? > 0)
    }

    /// The depots, each with whether it has a token, and how long ago it last sent something.
    pub async fn depots(&self) -> Result<Vec<(String, bool, Duration)>> {
        let rows = self
            .client
            .query("select id, token_hash is not null, extract(epoch from now() - last_seen)::float8 from depotd.depot order by id", &[])
            .await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1), Duration::from_secs_f64(row.get::<_, f64>(2).max(0.0)))).collect())
    }
}

fn raw(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or(serde_json::Value::Null)
}

fn event(row: &Row) -> String {
    let line = serde_json::json!({
        "seq": row.get::<_, i64>(2), "type": "event", "journal_seq": row.get::<_, i64>(0), "at": rfc3339(row.get(3)),
        "kind": row.get::<_, &str>(4), "actor": row.get::<_, &str>(5), "booking_id": row.get::<_, Option<&str>>(6),
        "vehicle_id": row.get::<_, Option<&str>>(7), "data": raw(row.get(8)),
    });
    line.to_string()
}

fn audit(row: &Row) -> String {
    let head = serde_json::json!({
        "seq": row.get::<_, i64>(1), "type": "audit", "audit_seq": row.get::<_, i64>(0), "at": rfc3339(row.get(2)), "actor": row.get::<_, &str>(3),
        "action": row.get::<_, &str>(4), "object": row.get::<_, &str>(5), "previous": row.get::<_, &str>(7), "hash": row.get::<_, &str>(8),
    });
    let head = head.to_string();
    // The detail's text is part of the hash, so it is not written anew.
    format!("{},\"detail\":{}}}", head.trim_end_matches('}'), row.get::<_, &str>(6))
}

fn row(row: &Row) -> String {
    let line = serde_json::json!({
        "seq": row.get::<_, i64>(0), "type": "row", "table": row.get::<_, &str>(1), "key": raw(row.get(2)),
        "row": row.get::<_, Option<&str>>(3).map(raw),
    });
    line.to_string()
}

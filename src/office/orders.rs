//! Orders to a depot: handed out in their order, and what became of them.

use super::values::at;
use super::{Office, Result};
use crate::batch::{EventEntry, Order};
use crate::model::Timestamp;
use tokio_postgres::{Row, Transaction};

/// An order that was given, and what became of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Given {
    /// Its number among the depot's orders.
    pub seq: i64,
    /// Its name.
    pub cmd_id: String,
    /// The command as it was signed.
    pub command: String,
    /// When it was given.
    pub given_at: Timestamp,
    /// When the depot answered.
    pub answered_at: Option<Timestamp>,
    /// `applied`, `rejected`, `expired` or `refused`.
    pub outcome: Option<String>,
    /// All that the depot said, one JSON object text.
    pub result: Option<String>,
}

impl Office {
    /// Up to `limit` orders for `depot` after number `after`.
    pub async fn orders(&self, depot: &str, after: i64, limit: i64) -> Result<Vec<Order>> {
        let sql = "select seq, body, signature from depotd.command where depot = $1 and seq > $2 order by seq limit $3";
        let rows = self.client.query(sql, &[&depot, &after, &limit]).await?;
        Ok(rows.iter().map(|row| Order { seq: row.get(0), command: row.get(1), signature: row.get(2) }).collect())
    }

    /// The last `limit` orders for `depot`, the newest first.
    pub async fn given(&self, depot: &str, limit: i64) -> Result<Vec<Given>> {
        let sql = "select seq, cmd_id, body, (extract(epoch from created_at) * 1000)::bigint,
                       (extract(epoch from answered_at) * 1000)::bigint, outcome, result::text
                   from depotd.command where depot = $1 order by seq desc limit $2";
        let given = |row: &Row| Given {
            seq: row.get(0),
            cmd_id: row.get(1),
            command: row.get(2),
            given_at: Timestamp::from_millis(row.get(3)),
            answered_at: row.get::<_, Option<i64>>(4).map(Timestamp::from_millis),
            outcome: row.get(5),
            result: row.get(6),
        };
        Ok(self.client.query(sql, &[&depot, &limit]).await?.iter().map(given).collect())
    }

    /// Writes an order behind all others of `depot`; gives its number.
    pub async fn give_order(&self, depot: &str, id: &str, command: &str, signature: &str) -> Result<i64> {
        Ok(self.client.query_one("select depotd.order_depot($1, $2, $3, $4)", &[&depot, &id, &command, &signature]).await?.get(0))
    }
}

/// Writes what the depot said of its orders beside them.
pub(super) async fn note_results<'a>(tx: &Transaction<'_>, depot: &str, events: impl Iterator<Item = &'a EventEntry<'a>>) -> Result<()> {
    for event in events {
        let Some(outcome) = event.kind.strip_prefix("command.") else { continue };
        let Ok(said) = serde_json::from_str::<serde_json::Value>(event.data.get()) else { continue };
        let (sql, name) = match (said["cmd_id"].as_str(), said["digest"].as_str()) {
            (Some(id), _) => {
                let sql =
                    "update depotd.command set answered_at = $3, outcome = $4, result = $5::text::json where depot = $1 and cmd_id = $2";
                (sql, id)
            }
            // What was refused has no name that the depot could trust; an answer by name stands.
            (None, Some(digest)) => {
                let sql = "update depotd.command set answered_at = $3, outcome = $4, result = $5::text::json
                           where depot = $1 and encode(sha256(convert_to(body, 'UTF8')), 'hex') = $2
                             and (outcome is null or outcome = 'refused')";
                (sql, digest)
            }
            (None, None) => continue,
        };
        let at = at(event.at);
        tx.execute(sql, &[&depot, &name, &at, &outcome, &crate::batch::plain_json(event.data.get())]).await?;
    }
    Ok(())
}

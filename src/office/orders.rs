//! Orders to a depot: handed out in their order, and what became of them.

use super::{Office, Result};
use crate::batch::{EventEntry, Order};
use tokio_postgres::Transaction;

impl Office {
    /// Up to `limit` orders for `depot` after number `after`.
    pub async fn orders(&self, depot: &str, after: i64, limit: i64) -> Result<Vec<Order>> {
        let sql = "select seq, body, signature from depotd.command where depot = $1 and seq > $2 order by seq limit $3";
        let rows = self.client.query(sql, &[&depot, &after, &limit]).await?;
        Ok(rows.iter().map(|row| Order { seq: row.get(0), command: row.get(1), signature: row.get(2) }).collect())
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
        let Some(id) = said["cmd_id"].as_str() else { continue };
        let sql = "update depotd.command set answered_at = $3, outcome = $4, result = $5::text::json where depot = $1 and cmd_id = $2";
        let at = super::take::instant(event.at.as_millis());
        tx.execute(sql, &[&depot, &id, &at, &outcome, &crate::batch::plain_json(event.data.get())]).await?;
    }
    Ok(())
}

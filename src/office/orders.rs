//! Orders to a depot: handed out in their order, and what became of them.

use super::values::at;
use super::{Office, Result};
use crate::batch::{EventEntry, Order, plain, plain_json};
use crate::model::Timestamp;
use std::collections::BTreeMap;
use std::time::SystemTime;
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

/// What the depot said of an order: when, what became of it, and all of it.
type Said<'a> = (SystemTime, &'a str, String);

/// Writes what the depot said of its orders beside them, the last word on each.
pub(super) async fn note_results<'a>(tx: &Transaction<'_>, depot: &str, events: impl Iterator<Item = &'a EventEntry<'a>>) -> Result<()> {
    let (mut named, mut unnamed): (BTreeMap<String, Said<'_>>, BTreeMap<String, Said<'_>>) = Default::default();
    for event in events {
        let Some(outcome) = event.kind.strip_prefix("command.") else { continue };
        let Ok(answer) = serde_json::from_str::<serde_json::Value>(event.data.get()) else { continue };
        let said = (at(event.at), outcome, plain_json(event.data.get()));
        match (answer["cmd_id"].as_str(), answer["digest"].as_str()) {
            (Some(id), _) => named.insert(plain(id), said),
            (None, Some(digest)) => unnamed.insert(plain(digest), said),
            (None, None) => None,
        };
    }
    let sql = "update depotd.command as given set answered_at = said.at, outcome = said.outcome, result = said.result::json
               from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[]) as said (name, at, outcome, result)
               where depot = $1 and cmd_id = said.name";
    note(tx, sql, depot, &named).await?;
    // What was refused has no name that the depot could trust; an answer by name stands.
    let sql = "update depotd.command as given set answered_at = said.at, outcome = said.outcome, result = said.result::json
               from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[]) as said (name, at, outcome, result)
               where depot = $1 and encode(sha256(convert_to(body, 'UTF8')), 'hex') = said.name
                 and (given.outcome is null or given.outcome = 'refused')";
    note(tx, sql, depot, &unnamed).await
}

async fn note(tx: &Transaction<'_>, sql: &str, depot: &str, said: &BTreeMap<String, Said<'_>>) -> Result<()> {
    if said.is_empty() {
        return Ok(());
    }
    let names: Vec<&String> = said.keys().collect();
    let times: Vec<SystemTime> = said.values().map(|(at, ..)| *at).collect();
    let outcomes: Vec<String> = said.values().map(|(_, outcome, _)| plain(outcome)).collect();
    let results: Vec<&String> = said.values().map(|(.., result)| result).collect();
    tx.execute(sql, &[&depot, &names, &times, &outcomes, &results]).await?;
    Ok(())
}

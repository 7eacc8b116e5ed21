//! Rules of notifications, and what they collect for one letter.

use super::{Result, journal::count, row};
use crate::model::{Rule, Timestamp};
use rusqlite::{Connection, Row, Transaction, params};

/// Something collected for a letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// What it is about.
    pub subject: String,
    /// What is said.
    pub text: String,
    /// When it happened.
    pub at: Timestamp,
}

/// Adds a rule.
pub fn insert(tx: &Transaction<'_>, r: &Rule) -> Result<()> {
    let sql = "insert into notification_rules (id, name, enabled, rule, since, created_at, updated_at, version)
               values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)";
    let body = row::json_text(&r.body)?;
    tx.prepare_cached(sql)?.execute(params![r.id, r.name, r.enabled, body, r.since, r.created_at.as_millis(), r.version])?;
    Ok(())
}

/// Writes a rule.
pub fn update(tx: &Transaction<'_>, r: &Rule, now: Timestamp) -> Result<()> {
    let sql = "update notification_rules set name = ?2, enabled = ?3, rule = ?4, since = ?5, updated_at = ?6, version = ?7 where id = ?1";
    let body = row::json_text(&r.body)?;
    tx.prepare_cached(sql)?.execute(params![r.id, r.name, r.enabled, body, r.since, now.as_millis(), r.version])?;
    Ok(())
}

/// Takes a rule away, with what it collected; `false` when there is none.
pub fn delete(tx: &Transaction<'_>, id: &str) -> Result<bool> {
    Ok(tx.prepare_cached("delete from notification_rules where id = ?1")?.execute([id])? == 1)
}

/// The rule of an id.
pub fn get(connection: &Connection, id: &str) -> Result<Option<Rule>> {
    connection.prepare_cached("select * from notification_rules where id = ?1")?.query_and_then([id], read)?.next().transpose()
}

/// Every rule, by name.
pub fn all(connection: &Connection) -> Result<Vec<Rule>> {
    connection.prepare_cached("select * from notification_rules order by name, id")?.query_and_then([], read)?.collect()
}

/// Collects something for a recipient's next letter, which is due at `due_at` unless one is to go already. Beyond `most` nothing is
/// collected: `false`.
pub fn collect(tx: &Transaction<'_>, (rule, recipient): (&str, &str), item: &Item, due_at: Timestamp, most: usize) -> Result<bool> {
    let open = "select min(due_at), count(*) from digest_items where rule_id = ?1 and recipient = ?2";
    let (due, collected): (Option<i64>, i64) = tx.prepare_cached(open)?.query_row([rule, recipient], |r| Ok((r.get(0)?, r.get(1)?)))?;
    if collected >= count(most) {
        return Ok(false);
    }
    let sql = "insert into digest_items (rule_id, recipient, subject, text, at, due_at) values (?1, ?2, ?3, ?4, ?5, ?6)";
    let due = due.unwrap_or(due_at.as_millis());
    tx.prepare_cached(sql)?.execute(params![rule, recipient, item.subject, item.text, item.at.as_millis(), due])?;
    Ok(true)
}

/// When the next letter is due.
pub fn next_due(connection: &Connection) -> Result<Option<Timestamp>> {
    let at: Option<i64> = connection.prepare_cached("select min(due_at) from digest_items")?.query_row([], |r| r.get(0))?;
    Ok(at.map(Timestamp::from_millis))
}

/// The letters that are due at `now`: rule and recipient.
pub fn due(connection: &Connection, now: Timestamp) -> Result<Vec<(String, String)>> {
    let mut found = connection.prepare_cached("select distinct rule_id, recipient from digest_items where due_at <= ?1 limit 100")?;
    let rows = found.query_map([now.as_millis()], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Takes what was collected for a recipient, oldest first.
pub fn take(tx: &Transaction<'_>, rule: &str, recipient: &str) -> Result<Vec<Item>> {
    let sql = "select subject, text, at from digest_items where rule_id = ?1 and recipient = ?2 order by number";
    let read = |r: &Row<'_>| Ok(Item { subject: r.get(0)?, text: r.get(1)?, at: row::time(r, "at")? });
    let items = tx.prepare_cached(sql)?.query_and_then([rule, recipient], read)?.collect::<Result<Vec<_>>>()?;
    tx.prepare_cached("delete from digest_items where rule_id = ?1 and recipient = ?2")?.execute([rule, recipient])?;
    Ok(items)
}

fn read(r: &Row<'_>) -> Result<Rule> {
    let body = row::json_opt(r, "rule")?.ok_or_else(|| super::Error::Corrupt("a rule of notifications is empty".to_owned()))?;
    Ok(Rule {
        id: r.get("id")?,
        name: r.get("name")?,
        enabled: r.get("enabled")?,
        body,
        since: r.get("since")?,
        created_at: row::time(r, "created_at")?,
        version: r.get("version")?,
    })
}
